package layout

// This file lists the scenes of a screenplay, for tables of contents.

import "fountain.coach/fountainai/internal/screenplay"

// Scene is a scene as HTML shows it.
type Scene struct {
	// Index counts the scenes from 1; HTML's heading has the id scene-Index.
	Index int
	// Number is the scene's own number, empty if it has none.
	Number string
	// Heading is the text of the heading without its styles.
	Heading string
}

// Scenes returns the scenes that HTML shows, in their order.
func Scenes(s *screenplay.Screenplay) []Scene {
	var scenes []Scene
	for _, view := range sceneViews(partsOf(s)) {
		if view.Index > 0 {
			scenes = append(scenes, Scene{Index: view.Index, Number: view.Number, Heading: plainText(view.Heading)})
		}
	}
	return scenes
}

// Plain returns the text of an element as it is printed, without styles, its
// lines joined by a space.
func Plain(text string) string {
	var plain string
	for _, line := range printedLines(text) {
		if words := plainText(line); words != "" && plain != "" {
			plain += " " + words
		} else {
			plain += words
		}
	}
	return plain
}
