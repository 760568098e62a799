// Command scriptmanagement runs the script management service alone.
package main

import (
	"os"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/services/scriptmanagement"
)

func main() { os.Exit(httpapi.Main(scriptmanagement.Definition())) }
