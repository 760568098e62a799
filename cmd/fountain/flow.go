// Between a screenplay and the flow of a story: what import writes and export
// reads back.
package main

import (
	"cmp"
	"fmt"
	"unicode/utf8"

	"fountain.coach/fountainai/internal/screenplay"
	"fountain.coach/fountainai/services/storyfactory"
)

// The longest texts the services take, in characters.
const (
	longestTitle = 1024
	longestText  = 65536
)

// line is one place in the flow of a story, before the services have given
// identifiers to what stands there.
type line struct {
	kind storyfactory.ElementType
	// text is the words, but for speech.
	text string
	// name is who speaks; words and parenthetical what is said and how.
	name          string
	words         string
	parenthetical *string
	layout        storyfactory.Layout
}

// A line is kept in one of these by the service that owns such things; the
// Story Factory refers to it there.
func (l line) isHeading() bool {
	return (l.kind == storyfactory.ElementTypeSceneHeading || l.kind == storyfactory.ElementTypeSection) && isTitle(l.text)
}

func (l line) isTransition() bool {
	return l.kind == storyfactory.ElementTypeTransition && isTitle(l.text)
}

func (l line) isAction() bool {
	switch l.kind {
	case storyfactory.ElementTypeAction, storyfactory.ElementTypeCentered, storyfactory.ElementTypeLyrics:
		return l.text != ""
	}
	return false
}

func (l line) isSpoken() bool {
	return l.kind == storyfactory.ElementTypeDialogue && (l.words != "" || l.parenthetical != nil)
}

// isTitle reports whether text can be a title. What cannot stays in the flow.
func isTitle(text string) bool {
	return text != "" && utf8.RuneCountInString(text) <= longestTitle
}

// flow returns the lines of a screenplay in order. The error names the first
// text that no service takes.
func flow(s *screenplay.Screenplay) ([]line, error) {
	var lines []line
	for elements := s.Elements; len(elements) > 0; {
		first, used := elements[0], 1
		if first.Kind == screenplay.Character {
			used = speechLength(elements)
			lines = append(lines, speech(elements[:used])...)
		} else {
			lines = append(lines, plainLine(first))
		}
		elements = elements[used:]
	}
	for i, l := range lines {
		if err := l.check(i + 1); err != nil {
			return nil, err
		}
	}
	return lines, nil
}

// speechLength counts a cue and what is spoken under it.
func speechLength(elements []screenplay.Element) int {
	length := 1
	for length < len(elements) && isSpeech(elements[length]) {
		length++
	}
	return length
}

func isSpeech(e screenplay.Element) bool {
	return e.Kind == screenplay.Parenthetical || e.Kind == screenplay.Dialogue || e.Kind == screenplay.Lyrics && e.InDialogue
}

// speech makes a line of each run of words under a cue, with the parenthetical
// before it. A parenthetical with no words after it is a line of its own.
func speech(elements []screenplay.Element) []line {
	cue := elements[0]
	var lines []line
	add := func(l line) {
		l.kind, l.name = storyfactory.ElementTypeDialogue, cue.Text
		if len(lines) == 0 {
			l.layout.Extension, l.layout.Dual = optional(cue.Extension), optional(cue.Dual)
		} else {
			l.layout.Continued = optional(true)
		}
		lines = append(lines, l)
	}
	var pending *string
	for _, e := range elements[1:] {
		if e.Kind != screenplay.Parenthetical {
			add(line{words: e.Text, parenthetical: pending, layout: storyfactory.Layout{Sung: optional(e.Kind == screenplay.Lyrics)}})
			pending = nil
			continue
		}
		if pending != nil {
			add(line{parenthetical: pending})
		}
		pending = &e.Text
	}
	if pending != nil || len(lines) == 0 {
		add(line{parenthetical: pending})
	}
	return lines
}

func plainLine(e screenplay.Element) line {
	return line{
		kind: storyfactory.ElementType(e.Kind),
		text: e.Text,
		layout: storyfactory.Layout{
			SceneNumber: optional(e.SceneNumber), Depth: optional(e.Depth),
		},
	}
}

// optional returns nil for the zero value, which the API leaves out.
func optional[T comparable](value T) *T {
	var zero T
	if value == zero {
		return nil
	}
	return &value
}

func (l line) check(number int) error {
	for _, part := range []struct {
		what, text string
		limit      int
	}{
		{"text", l.text, longestText}, {"dialogue", l.words, longestText}, {"character name", l.name, longestTitle},
		{"parenthetical", valueOr(l.parenthetical, ""), longestText}, {"extension", valueOr(l.layout.Extension, ""), longestTitle},
		{"scene number", valueOr(l.layout.SceneNumber, ""), longestTitle},
	} {
		if length := utf8.RuneCountInString(part.text); length > part.limit {
			return fmt.Errorf("element %d (%s, %.40q…): the %s has %d characters, at most %d can be stored; nothing was written. Split it in the file",
				number, l.kind, cmp.Or(l.name, l.text), part.what, length, part.limit)
		}
	}
	return nil
}

func valueOr[T any](pointer *T, fallback T) T {
	if pointer == nil {
		return fallback
	}
	return *pointer
}

// titlePage returns the title page as the Story Factory keeps it.
func titlePage(s *screenplay.Screenplay) storyfactory.TitlePage {
	page := storyfactory.TitlePage{}
	for _, field := range s.TitlePage {
		page = append(page, struct {
			Key    string   `json:"key"`
			Values []string `json:"values"`
		}{field.Key, append([]string{}, field.Values...)})
	}
	return page
}
