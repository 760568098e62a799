// Command centralsequence runs the central sequence service alone.
package main

import (
	"os"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/services/centralsequence"
)

func main() { os.Exit(httpapi.Main(centralsequence.Definition())) }
