package scriptmanagement

import (
	"fmt"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestMain(m *testing.M) { apitest.Main(m, Definition()) }

func TestDocument(t *testing.T) { apitest.CheckDocument(t, Definition()) }

// TestOneActionSet: a custom GPT takes at most 30 operations of one action.
func TestOneActionSet(t *testing.T) {
	s := apitest.Start(t, Definition())
	if got := len(s.Instance.API.Document().Operations); got > 30 {
		t.Errorf("there are %d operations, at most 30 fit into one GPT Action set", got)
	}
}

// startStage runs the service with what most tests need:
//
//	script 1: section 1 (number 1), section 2 (2), transition 1 (3), transition 2 (4)
//	script 2: section 3 (number 1), transition 3 (2)
func startStage(t testing.TB) *apitest.Service {
	t.Helper()
	s := apitest.Start(t, Definition())
	s.Want(201, "POST", "/scripts", `{"title":"Romeo and Juliet"}`)
	s.Want(201, "POST", "/scripts", `{"title":"Macbeth"}`)
	for _, item := range []struct{ path, body string }{
		{"/scripts/1/sections", `{"title":"Act 1, Scene 1"}`},
		{"/scripts/1/sections", `{"title":"Act 1, Scene 2"}`},
		{"/scripts/1/transitions", `{"text":"CUT TO:"}`},
		{"/scripts/1/transitions", `{"text":"FADE OUT."}`},
		{"/scripts/2/sections", `{"title":"A desert place"}`},
		{"/scripts/2/transitions", `{"text":"DISSOLVE TO:"}`},
	} {
		s.Want(201, "POST", item.path, item.body)
	}
	return s
}

// shape is what tells sections and transitions apart in requests and answers.
type shape struct{ folder, id, text, name string }

var shapes = []shape{
	{"sections", "headingId", "title", "section heading"},
	{"transitions", "transitionId", "text", "transition"},
}

// eachShape runs check once for sections and once for transitions.
func eachShape(t *testing.T, check func(t *testing.T, shape shape)) {
	for _, shape := range shapes {
		t.Run(shape.folder, func(t *testing.T) { check(t, shape) })
	}
}

// wantMembers fails the test unless the answer's body has these members, given
// as name, value, name, value….
func wantMembers(t *testing.T, answer *apitest.Answer, members ...any) {
	t.Helper()
	for i := 0; i < len(members); i += 2 {
		name := members[i].(string)
		if got := fmt.Sprint(answer.Get(name)); got != fmt.Sprint(members[i+1]) {
			t.Errorf("%s: got %s, want %v in %s", name, got, members[i+1], answer.Body)
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
func column(answer *apitest.Answer, name string) string {
	values := []string{}
	for _, item := range items(answer) {
		values = append(values, fmt.Sprint(item[name]))
	}
	return strings.Join(values, " ")
}

// wantOrder fails the test unless the list at path has the elements of ids, in
// this order, with these numbers.
func wantOrder(t *testing.T, s *apitest.Service, path string, shape shape, ids, numbers string) {
	t.Helper()
	list := s.Want(200, "GET", path+"/"+shape.folder, nil)
	if gotIDs, gotNumbers := column(list, shape.id), column(list, "sequenceNumber"); gotIDs != ids || gotNumbers != numbers {
		t.Errorf("%s/%s: got %s with numbers %s, want %s with %s", path, shape.folder, gotIDs, gotNumbers, ids, numbers)
	}
}
