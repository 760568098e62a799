package centralsequence

import (
	"fmt"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// moves is the body that moves elements of a type as the pairs id, number,
// id, number… say.
func moves(elementType string, pairs ...int) map[string]any {
	elements := []map[string]any{}
	for i := 0; i+1 < len(pairs); i += 2 {
		elements = append(elements, map[string]any{"elementId": pairs[i], "newSequence": pairs[i+1]})
	}
	return map[string]any{"elementType": elementType, "elements": elements, "scriptId": 1}
}

// Each case begins with sections 1 to 3 at 1 to 3 and action 1 at 4.
func TestReorder(t *testing.T) {
	const before = "section 1=1 section 2=2 section 3=3 action 1=4"
	for _, test := range []struct {
		name   string
		body   any
		status int
		want   map[string]any
		after  string
	}{
		{"swap", moves("section", 1, 2, 2, 1), 200, nil, "section 2=1 section 1=2 section 3=3 action 1=4"},
		{"cycle", moves("section", 1, 2, 2, 3, 3, 1), 200, nil, "section 3=1 section 1=2 section 2=3 action 1=4"},
		{"reversed", moves("section", 3, 1, 2, 2, 1, 3), 200, nil, "section 3=1 section 2=2 section 1=3 action 1=4"},
		{"into a gap above", moves("section", 1, 9), 200, nil, "section 2=2 section 3=3 action 1=4 section 1=9"},
		{"push along", moves("section", 3, 6, 2, 3, 1, 2), 200, nil, "section 1=2 section 2=3 action 1=4 section 3=6"},
		{"as it is", moves("section", 1, 1, 2, 2), 200, nil, before},
		{"onto an element not moved", moves("section", 1, 3), 409, map[string]any{"code": "sequence_taken", "errors.0.pointer": "/elements/0/newSequence"}, before},
		{"onto one given but not moved", moves("section", 3, 3, 1, 3), 409, map[string]any{"code": "sequence_repeated"}, before},
		{"onto another type", moves("section", 2, 1, 1, 4), 409,
			map[string]any{"code": "sequence_taken", "errors.0.pointer": "/elements/1/newSequence", "message": "Sequence number 4 is taken by an element that is not listed; list that one too, or choose a number that is free."}, before},
		{"two to one number", moves("section", 1, 7, 2, 7), 409, map[string]any{"code": "sequence_repeated", "errors.0.pointer": "/elements/1/newSequence"}, before},
		{"unknown element", moves("section", 1, 2, 2, 1, 8, 9), 404, map[string]any{"code": "not_found", "errors.0.pointer": "/elements/2/elementId"}, before},
		{"element of another type", moves("character", 1, 9), 404, nil, before},
		{"twice", moves("section", 1, 2, 2, 1, 1, 5), 400, map[string]any{"code": "invalid_request", "errors.0.pointer": "/elements/2/elementId"}, before},
		{"none", moves("section"), 400, map[string]any{"errors.0.pointer": "/elements"}, before},
		{"negative number", moves("section", 1, -2), 400, map[string]any{"errors.0.pointer": "/elements/0/newSequence"}, before},
		{"the service's line", `{"elementType":"section","elements":[{"elementId":1,"newSequence":2}]}`, 404, nil, before},
	} {
		t.Run(test.name, func(t *testing.T) {
			s := apitest.Start(t, Definition())
			fill(s, "section", 3, 1)
			fill(s, "action", 1, 1)
			fill(s, "section", 3, 2) // another line, to stay as it is
			run(t, s, []exchange{{test.name, "POST /sequence/reorder", test.body, nil, test.status, test.want}})
			if got := sequenceOf(s, "/sequence?scriptId=1"); got != test.after {
				t.Errorf("the line: got %s, want %s", got, test.after)
			}
			if got, want := sequenceOf(s, "/sequence?scriptId=2"), "section 1=1 section 2=2 section 3=3"; got != want {
				t.Errorf("the other line: got %s, want %s", got, want)
			}
		})
	}
}

func TestReorderRaisesTheCounter(t *testing.T) {
	s := apitest.Start(t, Definition())
	fill(s, "section", 2, 1)
	run(t, s, []exchange{
		{"refused", "POST /sequence/reorder", moves("section", 1, 90, 2, 90), nil, 409, nil},
		{"up", "POST /sequence/reorder", moves("section", 1, 20, 2, 30), nil, 200, nil},
		{"next", "POST /sequence", `{"elementType":"section","elementId":3,"scriptId":1}`, nil, 201, map[string]any{"sequenceNumber": 31.0}},
		{"down", "POST /sequence/reorder", moves("section", 1, 1, 2, 2, 3, 3), nil, 200, nil},
		{"never back", "POST /sequence", `{"elementType":"section","elementId":4,"scriptId":1}`, nil, 201, map[string]any{"sequenceNumber": 32.0}},
	})
}

// Only what a reorder changes gets a new revision.
func TestReorderRevisions(t *testing.T) {
	s := apitest.Start(t, Definition())
	fill(s, "section", 3, 1)
	s.Want(200, "POST", "/sequence/reorder", moves("section", 1, 2, 2, 1, 3, 3))
	for id, want := range map[int]string{1: `"2"`, 2: `"2"`, 3: `"1"`} {
		if got := s.Want(200, "GET", fmt.Sprintf("/sequence/section/%d?scriptId=1", id), nil).ETag(); got != want {
			t.Errorf("ETag of section %d: got %s, want %s", id, got, want)
		}
	}
}

// The most elements that one request may move, all of them moving.
func TestReorderThousand(t *testing.T) {
	s := apitest.Start(t, Definition())
	fill(s, "section", 1000, 1)
	pairs := []int{}
	for id := 1; id <= 1000; id++ {
		pairs = append(pairs, id, 1001-id)
	}
	s.Want(200, "POST", "/sequence/reorder", moves("section", pairs...))
	if got, want := sequenceOf(s, "/sequence?scriptId=1&limit=1000"), "section 1000=1 section 999=2 "; !strings.HasPrefix(got, want) {
		t.Errorf("the line begins %.40s, want %s", got, want)
	}
	s.Want(400, "POST", "/sequence/reorder", moves("section", append(pairs, 1001, 1001)...))
}
