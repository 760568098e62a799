package sessioncontext

import (
	"slices"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestContextFilters(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/contexts/batch", `{"items":[
		{"characterId":9,"data":{}},{"characterId":9,"scriptId":2,"data":{}},{"characterId":8,"scriptId":1,"data":{}},{"characterId":8,"data":{}}]}`)
	for query, want := range map[string][]int64{
		"": {1, 2, 3, 4, 5}, "?characterId=9": {1, 2, 3}, "?characterId=7": {}, "?scriptId=1": {1, 4}, "?scriptId=3": {},
		"?characterId=9&scriptId=1": {1}, "?scriptId=2&characterId=8": {}, "?ids=5,1,99": {1, 5}, "?ids=1%2C2%2C3&scriptId=2": {3},
		"?ids=1,4&characterId=8&scriptId=1": {4}, "?characterId=9&limit=2": {1, 2},
	} {
		if got := collect(s, "/contexts"+query, "contextId"); !slices.Equal(got, want) {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}

// exists requires the answer that a character has a context there already, and
// that it says which.
func exists(t *testing.T, a *apitest.Answer, place string) {
	t.Helper()
	refused(t, a, 409, "context_exists", "")
	if detail, _ := a.Get("detail").(string); !strings.Contains(detail, place) {
		t.Errorf("the detail must name %s: %s", place, detail)
	}
}

func TestOneContextOfEach(t *testing.T) {
	s := start(t)
	exists(t, s.Do("POST", "/contexts", `{"characterId":9,"scriptId":1,"data":{}}`), "/contexts/1.")
	s.Want(201, "POST", "/contexts", `{"characterId":9,"data":{}}`)
	exists(t, s.Do("POST", "/contexts", `{"characterId":9,"data":{"other":true}}`), "/contexts/2.")
	s.Want(201, "POST", "/contexts", `{"characterId":9,"scriptId":2,"data":{}}`)
	s.Want(201, "POST", "/contexts", `{"characterId":1,"scriptId":9,"data":{}}`)
	s.Want(204, "DELETE", "/contexts/1", nil)
	s.Want(201, "POST", "/contexts", `{"characterId":9,"scriptId":1,"data":{}}`)
}

func TestOneContextOfManyClients(t *testing.T) {
	const clients = 16
	s := apitest.Start(t, Definition())
	answers := make([]*apitest.Answer, clients)
	together(clients, func(i int) {
		answers[i] = s.Do("POST", "/contexts", `{"characterId":1,"data":{}}`)
	})
	created := 0
	for _, a := range answers {
		if a.Status == 201 {
			created++
			continue
		}
		exists(t, a, "/contexts/1.")
	}
	if created != 1 {
		t.Errorf("got %d contexts, want 1", created)
	}
}

// A context may be given to another character or script, if that has none.
func TestMoveContext(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/contexts", `{"characterId":9,"data":{"without":"script"}}`)
	s.Want(201, "POST", "/contexts", `{"characterId":8,"scriptId":1,"data":{}}`)
	exists(t, s.Do("PATCH", "/contexts/1", `{"scriptId":null}`), "/contexts/2.")
	exists(t, s.Do("PATCH", "/contexts/1", `{"characterId":8}`), "/contexts/3.")
	exists(t, s.Do("PATCH", "/contexts/2", `{"scriptId":1}`), "/contexts/1.")
	s.Want(200, "PATCH", "/contexts/1", `{"characterId":9,"scriptId":1}`) // where it is
	holds(t, s.Want(200, "PATCH", "/contexts/1", `{"scriptId":2,"characterId":8}`).Get(),
		`{"scriptId":2,"characterId":8,"data":{"mood":"longing","place":{"house":"Capulet","spot":"orchard"}}}`)
	moved := s.Want(200, "PATCH", "/contexts/1", `{"scriptId":null}`)
	if members := moved.Get().(map[string]any); members["scriptId"] != nil {
		t.Errorf("null must remove the script: %s", moved.Body)
	}
	holds(t, s.Want(200, "PATCH", "/contexts/2", `{"scriptId":1}`).Get(), `{"scriptId":1,"data":{"without":"script"}}`)
}

// Batches are all or nothing, and an error names the item.
func TestBatch(t *testing.T) {
	big := `"` + strings.Repeat("x", maxData) + `"`
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
			a := s.Do("POST", "/contexts/batch", `{"items":[`+test.items+`]}`)
			refused(t, a, test.status, test.code, test.pointer)
			if got := collect(s, "/contexts", "contextId"); !slices.Equal(got, []int64{1}) {
				t.Errorf("something was created: %v", got)
			}
		})
	}
	a := s.Do("POST", "/contexts/batch", `{"items":[{"characterId":1,"data":{}},{"characterId":1,"data":{}}]}`)
	exists(t, a, "in item 0") // and not by an identifier that is undone
	made := s.Want(201, "POST", "/contexts/batch", `{"items":[{"characterId":1,"data":{"a":1}},{"characterId":1,"scriptId":1,"data":{"b":2}}]}`)
	holds(t, made.Get("0"), `{"characterId":1,"data":{"a":1}}`)
	holds(t, made.Get("1"), `{"characterId":1,"scriptId":1,"data":{"b":2}}`)
}
