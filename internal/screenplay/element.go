// Package screenplay reads and writes screenplays in the Fountain format
// (https://fountain.io/syntax).
//
// Parse turns a file into a title page and a flat list of elements; Format
// writes them back in one canonical form. Whatever the file, parsing what
// Format wrote gives the same elements again.
package screenplay

// This file holds what the package speaks in: the screenplay and its elements.

import "strings"

// Screenplay is a title page, possibly empty, and the elements in their order.
type Screenplay struct {
	TitlePage []TitleField `json:"titlePage,omitempty"`
	Elements  []Element    `json:"elements"`
}

// TitleField is one entry of the title page, such as "Title" or "Draft date".
type TitleField struct {
	// Key is written as in the file, without its colon.
	Key string `json:"key"`
	// Values are the lines of the entry, without indentation.
	Values []string `json:"values"`
}

// Kind says what an element is.
type Kind string

// The kinds of elements Fountain knows.
const (
	SceneHeading  Kind = "sceneHeading"
	Section       Kind = "section"
	Synopsis      Kind = "synopsis"
	Action        Kind = "action"
	Character     Kind = "character"
	Parenthetical Kind = "parenthetical"
	Dialogue      Kind = "dialogue"
	Lyrics        Kind = "lyrics"
	Transition    Kind = "transition"
	Centered      Kind = "centered"
	PageBreak     Kind = "pageBreak"
	Note          Kind = "note"
	Boneyard      Kind = "boneyard"
)

// Element is one piece of a screenplay. A speech is a Character element
// followed by any mix of Parenthetical, Dialogue and Lyrics with InDialogue.
type Element struct {
	Kind Kind `json:"kind"`
	// Text is what stands in the file without the markers of the kind, its
	// lines joined by \n. Emphasis, escapes and notes or boneyards within a
	// line stay as written. An Action that follows an Action begins with one
	// \n for each blank line beyond the first between the two.
	Text string `json:"text"`
	// SceneNumber is the number of a scene heading, without the # around it.
	SceneNumber string `json:"sceneNumber,omitempty"`
	// Depth is the level of a section, 1 for the outermost.
	Depth int `json:"depth,omitempty"`
	// Extension is what follows the name in a character cue, with its
	// parentheses: "(V.O.) (CONT'D)".
	Extension string `json:"extension,omitempty"`
	// Dual marks the cue of a speech spoken at the same time as the one before.
	Dual bool `json:"dual,omitempty"`
	// InDialogue marks lyrics that are part of a speech.
	InDialogue bool `json:"inDialogue,omitempty"`
}

// Title returns the title without emphasis, its lines joined by a space; it is
// empty when the title page names none.
func (s *Screenplay) Title() string {
	return s.titleField("title")
}

// Author returns what the title page says under "Author" or "Authors", without
// emphasis and joined by a space; it is empty when the title page names none.
func (s *Screenplay) Author() string {
	return s.titleField("author", "authors")
}

func (s *Screenplay) titleField(keys ...string) string {
	var values []string
	for _, field := range s.TitlePage {
		for _, key := range keys {
			if strings.EqualFold(field.Key, key) {
				values = append(values, field.Values...)
			}
		}
	}
	return stripEmphasis(strings.Join(values, " "))
}

// Characters returns the names of all who have a cue, each once, in the order
// of their first appearance. Notes and boneyards are no part of a name.
func (s *Screenplay) Characters() []string {
	names := []string{}
	seen := map[string]bool{}
	for _, e := range s.Elements {
		if e.Kind != Character {
			continue
		}
		name := withoutComments(e.Text)
		if name != "" && !seen[name] {
			seen[name] = true
			names = append(names, name)
		}
	}
	return names
}
