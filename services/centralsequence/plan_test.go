package centralsequence

import (
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// No list and no look-up may read more of a table than it answers with.
func TestPlans(t *testing.T) {
	s := apitest.Start(t, Definition())
	one, section, page := int64(1), "section", httpapi.Page{Limit: 100}
	line, _ := elementPage(ListSequenceParams{ScriptID: &one}, page)
	typed, _ := elementPage(ListSequenceParams{ScriptID: &one, ElementType: &section}, page)
	some, _ := reorder{elementType: section, scope: one}.among(make([]httpapi.Move, 4))
	for _, test := range []struct{ name, query, want string }{
		{"line", elementColumns + line, "SEARCH elements USING INDEX elements_by_number (scope_id=? AND sequence_number>?)"},
		{"elements of a type", elementColumns + typed, "SEARCH elements USING PRIMARY KEY (scope_id=? AND element_type=? AND sequence_number>?)"},
		{"one element", elementColumns + atPlace, "SEARCH elements USING INDEX elements_by_element (scope_id=? AND element_type=? AND element_id=?)"},
		{"elements to reorder", "SELECT element_id, sequence_number FROM elements" + some,
			"SEARCH elements USING COVERING INDEX elements_by_element (scope_id=? AND element_type=? AND element_id=?)"},
	} {
		if got := strings.Join(s.Plan(test.query), "; "); got != test.want {
			t.Errorf("%s: the plan is %q, want %q", test.name, got, test.want)
		}
	}
}
