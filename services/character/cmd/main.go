// Command character runs the character service alone.
package main

import (
	"os"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/services/character"
)

func main() { os.Exit(httpapi.Main(character.Definition())) }
