package storyfactory

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"testing"
)

// TestV1FullStory holds GET /stories against the shape that the published
// v1 document gives it.
func TestV1FullStory(t *testing.T) {
	s := stage.Start(t)
	s.Want(200, "PATCH", "/stories/1", `{"orchestration":{"csoundFilePath":"/a.csd","lilyPondFilePath":"/a.ly","midiFilePath":"/a.mid"}}`)
	story := fullStory(s, 1)
	story.Has("scriptId", 1, "title", "Romeo and Juliet", "author", "William Shakespeare", "description", "",
		"orchestration", `{"csoundFilePath":"/a.csd","lilyPondFilePath":"/a.ly","midiFilePath":"/a.mid"}`)
	story.Has("sections", `[{"headingId":1,"scriptId":1,"sequence":1,"title":"SCENE II. Capulet's orchard."}]`)
	if got := story.Column("sequence", "story"); got != "1 2 3 4 5" {
		t.Errorf("story: got %s", got)
	}
	story.Has("story.0.character", nil, "story.0.action", nil, "story.0.spokenWord", nil, "story.0.context", nil,
		"story.1.action.description", "Juliet appears above.", "story.1.character", nil)
	story.Holds(`{
		"sequence":   3,
		"character":  {"characterId":1,"description":"Thirteen.","name":"Juliet"},
		"action":     null,
		"spokenWord": {"dialogueId":1,"parenthetical":"sighing","text":"Ay me!"},
		"context":    {"characterId":1,"contextId":1,"data":{"mood":"longing"}}
	}`, "story", "2")
}

// TestV1Members: the members that v1 names are there even where a story
// has nothing to say.
func TestV1Members(t *testing.T) {
	s := stage.Start(t)
	var story map[string]json.RawMessage
	fullStory(s, 2).JSON(&story)
	for name, want := range map[string]string{
		"scriptId": `2`, "title": `"Macbeth"`, "author": `""`, "description": `""`, "sections": `[]`, "story": `[]`,
		"orchestration": `{"csoundFilePath":"","lilyPondFilePath":"","midiFilePath":""}`,
	} {
		if got := string(story[name]); got != want {
			t.Errorf("%s: got %s, want %s", name, got, want)
		}
	}
	s.Want(201, "POST", "/stories/2/elements", `{"type":"pageBreak"}`)
	element := fullStory(s, 2).Get("story", "0").(map[string]any)
	for _, name := range []string{"sequence", "character", "action", "spokenWord", "context"} {
		if _, found := element[name]; !found {
			t.Errorf("%s is missing in %v", name, slices.Sorted(maps.Keys(element)))
		}
	}
}

func TestV1Sequences(t *testing.T) {
	s := stage.Start(t)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"Far away.","sequence":9007199254740991}`)
	for _, test := range []struct{ first, last, want string }{
		{"1", "10", "1 2 3 4 5"},
		{"2", "4", "2 3 4"},
		{"3", "3", "3"},
		{"6", "100", ""},
		{"5", "9223372036854775807", "5 9007199254740991"},
		{"9223372036854775807", "9223372036854775807", ""},
	} {
		answer := s.Want(200, "GET", fmt.Sprintf("/stories/sequences?scriptId=1&startSequence=%s&endSequence=%s", test.first, test.last), nil)
		if got := answer.Column("sequence", "sequences"); got != test.want || answer.Get("scriptId") != 1.0 {
			t.Errorf("%s to %s: got %s, want %s", test.first, test.last, answer.Body, test.want)
		}
	}
	// What a part says of an element is what the whole says of it.
	part := s.Want(200, "GET", "/stories/sequences?scriptId=1&startSequence=3&endSequence=3", nil)
	part.Has("sequences.0", fullStory(s, 1).Get("story", "2"))
	backwards := s.Want(400, "GET", "/stories/sequences?scriptId=1&startSequence=4&endSequence=3", nil)
	backwards.Has("errors.0.pointer", "query/endSequence")
}

func TestV1NotFound(t *testing.T) {
	s := stage.Start(t)
	for _, path := range []string{"/stories?scriptId=3", "/stories/sequences?scriptId=3&startSequence=1&endSequence=2"} {
		s.Want(404, "GET", path, nil).Problem("not_found", "There is no story of script 3.")
	}
}
