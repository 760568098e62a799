package storyfactory

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestMain(m *testing.M) { apitest.Main(m, Definition(&Peers{})) }

func TestDocument(t *testing.T) { apitest.CheckDocument(t, Definition(&Peers{})) }

// TestOneActionSet: a custom GPT takes at most 30 operations of one action.
func TestOneActionSet(t *testing.T) {
	s := apitest.Start(t, Definition(&Peers{}))
	if got := len(s.Instance.API.Document().Operations); got > 30 {
		t.Errorf("there are %d operations, at most 30 fit into one GPT Action set", got)
	}
}

// The elements of the stage, by their identifiers.
var stageElements = []string{
	1: `{"headingId":1,"text":"SCENE II. Capulet's orchard."}`,
	2: `{"action":{"actionId":1,"description":"Juliet appears above."}}`,
	3: `{"character":{"characterId":1,"name":"Juliet","description":"Thirteen."},"spokenWord":{"dialogueId":1,"text":"Ay me!","parenthetical":"sighing"},
		"context":{"contextId":1,"data":{"mood":"longing"}}}`,
	4: `{"character":{"characterId":2,"name":"Romeo"},"spokenWord":{"dialogueId":2,"text":"She speaks."}}`,
	5: `{"transitionId":1,"text":"DISSOLVE TO:"}`,
}

// startStage runs the service without peers, with the balcony scene as the
// story of script 1 (elements 1 to 5 at sequences 1 to 5) and an empty one of
// script 2.
func startStage(t testing.TB) *apitest.Service {
	t.Helper()
	s := apitest.Start(t, Definition(&Peers{}))
	setStage(s)
	return s
}

func setStage(s *apitest.Service) {
	s.Want(201, "PUT", "/stories/1", `{"title":"Romeo and Juliet","author":"William Shakespeare"}`)
	s.Want(201, "PUT", "/stories/2", `{"title":"Macbeth"}`)
	for _, body := range stageElements[1:] {
		s.Want(201, "POST", "/stories/1/elements", body)
	}
}

// wantMembers fails the test unless the answer's body has these members, given
// as path, value, path, value…; a path is dotted, as "story.0.sequence".
func wantMembers(t *testing.T, answer *apitest.Answer, members ...any) {
	t.Helper()
	for i := 0; i < len(members); i += 2 {
		path := strings.Split(members[i].(string), ".")
		if got := fmt.Sprint(answer.Get(path...)); got != fmt.Sprint(members[i+1]) {
			t.Errorf("%s: got %s, want %v in %s", members[i], got, members[i+1], answer.Body)
		}
	}
}

// wantProblem fails the test unless the answer is a problem with this code
// whose detail contains text.
func wantProblem(t *testing.T, answer *apitest.Answer, code, text string) {
	t.Helper()
	detail, _ := answer.Get("detail").(string)
	if answer.Get("code") != code || !strings.Contains(detail, text) {
		t.Errorf("got %s, want code %s and %q in detail", answer.Body, code, text)
	}
}

// items decodes a list.
func items(answer *apitest.Answer) []map[string]any {
	var list []map[string]any
	answer.JSON(&list)
	return list
}

// column collects one member of each item of a list, in order.
func column(list any, name string) string {
	var values []string
	for _, item := range list.([]any) {
		values = append(values, fmt.Sprint(item.(map[string]any)[name]))
	}
	return strings.Join(values, " ")
}

// elements lists a story's elements.
func elements(s *apitest.Service, scriptID int) any {
	return s.Want(200, "GET", fmt.Sprintf("/stories/%d/elements?limit=1000", scriptID), nil).Get()
}

// wantOrder fails the test unless the story has the elements of ids, in this
// order, at these sequences.
func wantOrder(t *testing.T, s *apitest.Service, scriptID int, ids, sequences string) {
	t.Helper()
	list := elements(s, scriptID)
	if gotIDs, got := column(list, "elementId"), column(list, "sequence"); gotIDs != ids || got != sequences {
		t.Errorf("story %d: got %s at %s, want %s at %s", scriptID, gotIDs, got, ids, sequences)
	}
}

// fullStory reads a whole story.
func fullStory(s *apitest.Service, scriptID int) *apitest.Answer {
	return s.Want(200, "GET", fmt.Sprintf("/stories?scriptId=%d", scriptID), nil)
}

// everything is all that the stage holds, to see whether something changed.
func everything(s *apitest.Service) string {
	all := ""
	for _, path := range []string{"/stories?scriptId=1", "/stories/1", "/stories?scriptId=2", "/stories/2"} {
		all += string(s.Want(200, "GET", path, nil).Body)
	}
	return all
}

// together runs work on n goroutines at once and waits for all.
func together(n int, work func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			work(i)
		})
	}
	close(start)
	all.Wait()
}

// compact is JSON without white space, to compare texts.
func compact(t *testing.T, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}
