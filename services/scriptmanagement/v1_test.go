package scriptmanagement

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// TestV1 plays the examples of the published v1 document, word for word.
// One thing has changed since: the elements of a script are numbered on a line
// of their own, so the first section is 1 where v1's example said 2.
func TestV1(t *testing.T) {
	s := apitest.Start(t, Definition())
	for _, step := range []struct {
		method, path, body string
		status             int
		members            []any
	}{
		{"POST", "/scripts", `{"title":"Romeo and Juliet","author":"William Shakespeare","description":"A tale of two star-crossed lovers."}`,
			201, []any{"scriptId", 1, "sequenceNumber", 1}},
		{"PUT", "/scripts/1", `{"title":"Romeo and Juliet - Updated","author":"William Shakespeare","description":"An updated tale of two star-crossed lovers."}`,
			200, []any{"scriptId", 1, "sequenceNumber", 1}},
		{"POST", "/scripts/1/sections", `{"title":"Act 1, Scene 1"}`,
			201, []any{"headingId", 1, "scriptId", 1, "sequenceNumber", 1}},
		{"PUT", "/scripts/1/sections?headingId=1", `{"title":"Act 1, Scene 1 - Updated"}`,
			200, []any{"headingId", 1, "scriptId", 1, "sequenceNumber", 1, "title", "Act 1, Scene 1 - Updated"}},
		{"PUT", "/scripts/1/sections/1", `{"title":"Act 1, Scene 1 - Updated"}`,
			200, []any{"headingId", 1, "scriptId", 1, "sequenceNumber", 1}},
		{"POST", "/scripts/1/sections", `{"title":"Act 1, Scene 2"}`,
			201, []any{"headingId", 2, "scriptId", 1, "sequenceNumber", 2}},
		{"POST", "/scripts/1/sections/reorder", `{"elements":[{"headingId":1,"newSequence":2},{"headingId":2,"newSequence":1}]}`,
			200, []any{"message", "Reorder successful."}},
	} {
		s.Want(step.status, step.method, step.path, step.body).Has(step.members...)
	}
	s.Want(200, "GET", "/scripts", nil).Has("1", nil).Holds(`{"scriptId":1,"title":"Romeo and Juliet - Updated",
		"author":"William Shakespeare","description":"An updated tale of two star-crossed lovers.","sequenceNumber":1}`, "0")
}
