// Command sessioncontext runs the session and context service alone.
package main

import (
	"os"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/services/sessioncontext"
)

func main() { os.Exit(httpapi.Main(sessioncontext.Definition())) }
