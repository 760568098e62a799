// What every service keeps, and what the tests of this package share.
package storyfactory

import (
	"fmt"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestMain(m *testing.M) { apitest.Main(m, Definition(&Peers{})) }

func TestContract(t *testing.T) { stage.CheckContract(t) }

// The stage has no peers. It holds the balcony scene as the story of script 1
// (elements 1 to 5 at sequences 1 to 5) and an empty one of script 2.
var stage = apitest.Stage{Definition: Definition(&Peers{}), Set: func(s *apitest.Service) {
	s.Want(201, "PUT", "/stories/1", `{"title":"Romeo and Juliet","author":"William Shakespeare"}`)
	s.Want(201, "PUT", "/stories/2", `{"title":"Macbeth"}`)
	for _, body := range stageElements[1:] {
		s.Want(201, "POST", "/stories/1/elements", body)
	}
}}

// The elements of the stage, by their identifiers.
var stageElements = []string{
	1: `{"headingId":1,"text":"SCENE II. Capulet's orchard."}`,
	2: `{"action":{"actionId":1,"description":"Juliet appears above."}}`,
	3: `{"character":{"characterId":1,"name":"Juliet","description":"Thirteen."},"spokenWord":{"dialogueId":1,"text":"Ay me!","parenthetical":"sighing"},
		"context":{"contextId":1,"data":{"mood":"longing"}}}`,
	4: `{"character":{"characterId":2,"name":"Romeo"},"spokenWord":{"dialogueId":2,"text":"She speaks."}}`,
	5: `{"transitionId":1,"text":"DISSOLVE TO:"}`,
}

// FuzzRequestBody: the story can be read after every body.
func FuzzRequestBody(f *testing.F) {
	stage.Fuzz(f, apitest.Fuzzing{
		Seeds: append([]string{fullHead, `{"text":null}`}, stageElements[1:]...),
		// A small story, so that a long run does not read ever longer ones.
		Before: func(s *apitest.Service) {
			s.Do("DELETE", "/stories/1", nil)
			s.Do("PUT", "/stories/1", `{"title":"x"}`)
			s.Do("POST", "/stories/1/elements", stageElements[3])
		},
		After: func(s *apitest.Service, _ apitest.Call, _ *apitest.Answer) { fullStory(s, 1) },
	})
}

// elements lists a story's elements.
func elements(s *apitest.Service, scriptID int) *apitest.Answer {
	return s.Want(200, "GET", fmt.Sprintf("/stories/%d/elements?limit=1000", scriptID), nil)
}

// wantOrder fails the test unless the story has the elements of ids, in this
// order, at these sequences.
func wantOrder(t *testing.T, s *apitest.Service, scriptID int, ids, sequences string) {
	t.Helper()
	list := elements(s, scriptID)
	if gotIDs, got := list.Column("elementId"), list.Column("sequence"); gotIDs != ids || got != sequences {
		t.Errorf("story %d: got %s at %s, want %s at %s", scriptID, gotIDs, got, ids, sequences)
	}
}

// fullStory reads a whole story.
func fullStory(s *apitest.Service, scriptID int) *apitest.Answer {
	return s.Want(200, "GET", fmt.Sprintf("/stories?scriptId=%d", scriptID), nil)
}

// everything is all that the stage holds, to see whether something changed.
func everything(s *apitest.Service) string {
	return s.Bodies("/stories?scriptId=1", "/stories/1", "/stories?scriptId=2", "/stories/2")
}
