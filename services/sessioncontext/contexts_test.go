package sessioncontext

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestContextFilters(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/contexts/batch", `{"items":[
		{"characterId":9,"data":{}},{"characterId":9,"scriptId":2,"data":{}},{"characterId":8,"scriptId":1,"data":{}},{"characterId":8,"data":{}}]}`)
	for query, want := range map[string]string{
		"": "1 2 3 4 5", "?characterId=9": "1 2 3", "?characterId=7": "", "?scriptId=1": "1 4", "?scriptId=3": "",
		"?characterId=9&scriptId=1": "1", "?scriptId=2&characterId=8": "", "?ids=5,1,99": "1 5", "?ids=1%2C2%2C3&scriptId=2": "3",
		"?ids=1,4&characterId=8&scriptId=1": "4", "?characterId=9&limit=2": "1 2",
	} {
		if got := s.Column("/contexts"+query, "contextId"); got != want {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}

// exists requires the answer that a character has a context there already, and
// that it says which.
func exists(answer *apitest.Answer, place string) {
	answer.Refused(409, "context_exists", "").Problem("context_exists", place)
}

func TestOneContextOfEach(t *testing.T) {
	s := start(t)
	exists(s.Do("POST", "/contexts", `{"characterId":9,"scriptId":1,"data":{}}`), "/contexts/1.")
	s.Want(201, "POST", "/contexts", `{"characterId":9,"data":{}}`)
	exists(s.Do("POST", "/contexts", `{"characterId":9,"data":{"other":true}}`), "/contexts/2.")
	s.Want(201, "POST", "/contexts", `{"characterId":9,"scriptId":2,"data":{}}`)
	s.Want(201, "POST", "/contexts", `{"characterId":1,"scriptId":9,"data":{}}`)
	s.Want(204, "DELETE", "/contexts/1", nil)
	s.Want(201, "POST", "/contexts", `{"characterId":9,"scriptId":1,"data":{}}`)
}

func TestOneContextTogether(t *testing.T) {
	s := apitest.Start(t, Definition())
	answers := apitest.Together(16, func(int) *apitest.Answer { return s.Do("POST", "/contexts", `{"characterId":1,"data":{}}`) })
	first := slices.IndexFunc(answers, func(a *apitest.Answer) bool { return a.Status == 201 })
	if first < 0 {
		t.Fatal("got no context, want 1")
	}
	// On a server it may have another number than 1: some are drawn for writes that run again.
	place := fmt.Sprintf("/contexts/%d.", answers[first].Number("contextId"))
	for _, answer := range slices.Delete(answers, first, first+1) {
		exists(answer, place)
	}
}

// A context may be given to another character or script, if that has none.
func TestMoveContext(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/contexts", `{"characterId":9,"data":{"without":"script"}}`)
	s.Want(201, "POST", "/contexts", `{"characterId":8,"scriptId":1,"data":{}}`)
	exists(s.Do("PATCH", "/contexts/1", `{"scriptId":null}`), "/contexts/2.")
	exists(s.Do("PATCH", "/contexts/1", `{"characterId":8}`), "/contexts/3.")
	exists(s.Do("PATCH", "/contexts/2", `{"scriptId":1}`), "/contexts/1.")
	s.Want(200, "PATCH", "/contexts/1", `{"characterId":9,"scriptId":1}`) // where it is
	s.Want(200, "PATCH", "/contexts/1", `{"scriptId":2,"characterId":8}`).
		Holds(`{"scriptId":2,"characterId":8,"data":{"mood":"longing","place":{"house":"Capulet","spot":"orchard"}}}`)
	s.Want(200, "PATCH", "/contexts/1", `{"scriptId":null}`).Has("scriptId", nil)
	s.Want(200, "PATCH", "/contexts/2", `{"scriptId":1}`).Holds(`{"scriptId":1,"data":{"without":"script"}}`)
}

// Batches are all or nothing, and an error names the item.
func TestBatch(t *testing.T) {
	big := `"` + strings.Repeat("x", 1<<16) + `"`
	tests := []struct {
		name, items, code, pointer string
		status                     int
	}{
		{"schema", `{"characterId":1,"data":{}},{"characterId":2}`, "invalid_request", "/items/1/data", 400},
		{"unknown property", `{"characterId":1,"data":{},"mood":1}`, "invalid_request", "/items/0/mood", 400},
		{"too large", `{"characterId":1,"data":{}},{"characterId":2,"data":{"x":` + big + `}}`, "invalid_request", "/items/1/data", 400},
		{"exists", `{"characterId":1,"data":{}},{"characterId":9,"scriptId":1,"data":{}}`, "context_exists", "/items/1", 409},
		{"twice", `{"characterId":1,"data":{}},{"characterId":2,"data":{}},{"characterId":1,"data":{}}`, "context_exists", "/items/2", 409},
		{"twice in a script", `{"characterId":1,"scriptId":2,"data":{}},{"characterId":1,"scriptId":2,"data":{}}`, "context_exists", "/items/1", 409},
		{"none", ``, "invalid_request", "/items", 400},
	}
	s := start(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := s.For(t)
			a := s.Do("POST", "/contexts/batch", `{"items":[`+test.items+`]}`)
			a.Refused(test.status, test.code, test.pointer)
			if got := s.Column("/contexts", "contextId"); got != "1" {
				t.Errorf("something was created: %v", got)
			}
		})
	}
	a := s.Do("POST", "/contexts/batch", `{"items":[{"characterId":1,"data":{}},{"characterId":1,"data":{}}]}`)
	exists(a, "in item 0") // and not by an identifier that is undone
	made := s.Want(201, "POST", "/contexts/batch", `{"items":[{"characterId":1,"data":{"a":1}},{"characterId":1,"scriptId":1,"data":{"b":2}}]}`)
	made.Holds(`{"characterId":1,"data":{"a":1}}`, "0")
	made.Holds(`{"characterId":1,"scriptId":1,"data":{"b":2}}`, "1")
}

// A refusal is not kept: once its cause is gone the same key succeeds.
func TestRefusalsAreNotReplayed(t *testing.T) {
	const second = `{"characterId":9,"scriptId":1,"data":{}}`
	s := start(t)
	s.Do("POST", "/contexts", second, "Idempotency-Key", "k").Refused(409, "context_exists", "")
	s.Want(204, "DELETE", "/contexts/1", nil)
	first := s.Want(201, "POST", "/contexts", second, "Idempotency-Key", "k")
	s.Want(201, "POST", "/contexts", second, "Idempotency-Key", "k").Same(first)
}

// Without If-Match merges of different members do not undo each other.
func TestManyClientsMerge(t *testing.T) {
	const clients = 16
	s := start(t)
	apitest.Together(clients, func(i int) int {
		return s.Do("PATCH", "/contexts/1", fmt.Sprintf(`{"data":{"place":{"client%d":%d}}}`, i, i)).Status
	})
	place, _ := s.Want(200, "GET", "/contexts/1", nil).Get("data", "place").(map[string]any)
	if len(place) != clients+2 {
		t.Errorf("got %d members, want %d: %v", len(place), clients+2, place)
	}
}
