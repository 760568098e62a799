// Command storyfactory runs the Story Factory alone.
package main

import (
	"os"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/services/storyfactory"
)

func main() {
	var peers storyfactory.Peers
	const usage = "base URL to refresh stories from; not asked if empty"
	os.Exit(httpapi.Main(storyfactory.Definition(&peers),
		httpapi.Setting{Flag: "character-url", Env: "FOUNTAIN_CHARACTER_URL", Usage: usage, Value: &peers.Character},
		httpapi.Setting{Flag: "scriptmanagement-url", Env: "FOUNTAIN_SCRIPTMANAGEMENT_URL", Usage: usage, Value: &peers.ScriptManagement},
		httpapi.Setting{Flag: "sessioncontext-url", Env: "FOUNTAIN_SESSIONCONTEXT_URL", Usage: usage, Value: &peers.SessionContext},
	))
}
