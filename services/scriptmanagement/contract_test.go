// What every service keeps, and what the tests of this package share.
package scriptmanagement

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestMain(m *testing.M) { apitest.Main(m, Definition()) }

func TestContract(t *testing.T) { stage.CheckContract(t) }

// The stage holds what most tests need:
//
//	script 1: section 1 (number 1), section 2 (2), transition 1 (3), transition 2 (4)
//	script 2: section 3 (number 1), transition 3 (2)
var stage = apitest.Stage{Definition: Definition(), Set: func(s *apitest.Service) {
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
}}

func FuzzRequestBody(f *testing.F) {
	var seeds []string
	for _, test := range reorderCases {
		seeds = append(seeds, reorderBody(shapes[0], test.moves))
	}
	stage.Fuzz(f, apitest.Fuzzing{Seeds: seeds})
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

// wantOrder fails the test unless the list at path has the elements of ids, in
// this order, with these numbers.
func wantOrder(t *testing.T, s *apitest.Service, path string, shape shape, ids, numbers string) {
	t.Helper()
	list := s.Want(200, "GET", path+"/"+shape.folder, nil)
	if gotIDs, gotNumbers := list.Column(shape.id), list.Column("sequenceNumber"); gotIDs != ids || gotNumbers != numbers {
		t.Errorf("%s/%s: got %s with numbers %s, want %s with %s", path, shape.folder, gotIDs, gotNumbers, ids, numbers)
	}
}

// everything is all that the stage holds, to see whether something changed.
func everything(s *apitest.Service) string {
	return s.Bodies("/scripts", "/scripts/1/sections", "/scripts/1/transitions", "/scripts/2/sections", "/scripts/2/transitions")
}
