// Package play turns stories, as the Story Factory tells them, into screenplays.
package play

import (
	"context"
	"fmt"
	"net/http"
	"strings"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/screenplay"
	"fountain.coach/fountainai/services/storyfactory"
)

// Fetch reads the story of a script. The error is that of client.Client.Call.
func Fetch(ctx context.Context, api *client.Client, scriptID int64) (story storyfactory.FullStory, err error) {
	path := fmt.Sprintf("/stories?scriptId=%d", scriptID)
	_, err = api.Do(ctx, client.Request{Service: "storyfactory", Method: http.MethodGet, Path: path}, &story)
	return story, err
}

// FromStory returns the screenplay that a story tells.
func FromStory(story storyfactory.FullStory) *screenplay.Screenplay {
	s := &screenplay.Screenplay{}
	for _, field := range story.TitlePage {
		s.TitlePage = append(s.TitlePage, screenplay.TitleField{Key: field.Key, Values: field.Values})
	}
	if story.Assembled {
		s.TitlePage = []screenplay.TitleField{{Key: "Title", Values: []string{story.Title}}}
		if story.Author != "" {
			s.TitlePage = append(s.TitlePage, screenplay.TitleField{Key: "Author", Values: []string{story.Author}})
		}
	}
	retitle(s, "Title", s.Title(), story.Title)
	retitle(s, "Author", s.Author(), story.Author)
	for _, element := range story.Story {
		s.Elements = append(s.Elements, fromElement(element, story.Assembled)...)
	}
	return s
}

// retitle carries a title or author changed since the import over to the title
// page; what is unchanged stays as the file had it, emphasis included.
func retitle(s *screenplay.Screenplay, key, written, current string) {
	if written == "" || written == current {
		return
	}
	for i, field := range s.TitlePage {
		if strings.EqualFold(field.Key, key) {
			s.TitlePage[i].Values = []string{current}
			return
		}
	}
}

// fromElement returns the elements of one place in the story. In an assembled
// story names are not written as cues, so they are put in capitals as those are.
func fromElement(e storyfactory.StoryElement, assembled bool) []screenplay.Element {
	text := valueOr(e.Text, "")
	if e.Action != nil {
		text = e.Action.Description
	}
	layout := valueOr(e.Layout, storyfactory.Layout{})
	if e.Type != storyfactory.ElementTypeDialogue {
		return []screenplay.Element{{
			Kind: screenplay.Kind(e.Type), Text: text,
			SceneNumber: valueOr(layout.SceneNumber, ""), Depth: valueOr(layout.Depth, 0),
		}}
	}
	var speech []screenplay.Element
	if e.Character != nil && !valueOr(layout.Continued, false) {
		name := e.Character.Name
		if assembled {
			name = strings.ToUpper(name)
		}
		speech = append(speech, screenplay.Element{
			Kind: screenplay.Character, Text: name,
			Extension: valueOr(layout.Extension, ""), Dual: valueOr(layout.Dual, false),
		})
	}
	return append(speech, spoken(e, text, layout)...)
}

func spoken(e storyfactory.StoryElement, text string, layout storyfactory.Layout) []screenplay.Element {
	var elements []screenplay.Element
	if words := e.SpokenWord; words != nil {
		text = words.Text
		if words.Parenthetical != nil {
			elements = append(elements, screenplay.Element{Kind: screenplay.Parenthetical, Text: *words.Parenthetical})
		}
	}
	switch {
	case valueOr(layout.Sung, false):
		elements = append(elements, screenplay.Element{Kind: screenplay.Lyrics, Text: text, InDialogue: true})
	case text != "":
		elements = append(elements, screenplay.Element{Kind: screenplay.Dialogue, Text: text})
	}
	return elements
}

func valueOr[T any](pointer *T, fallback T) T {
	if pointer == nil {
		return fallback
	}
	return *pointer
}
