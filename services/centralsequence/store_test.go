package centralsequence

import (
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/apitest"
	"fountain.coach/fountainai/internal/storage"
)

// No list and no look-up may read more of a table than it answers with.
func TestQueriesUseIndexes(t *testing.T) {
	s := apitest.Start(t, Definition())
	one, section, page := int64(1), "section", httpapi.Page{Limit: 100}
	line, _ := elementPage(ListSequenceParams{ScriptID: &one}, page)
	typed, _ := elementPage(ListSequenceParams{ScriptID: &one, ElementType: &section}, page)
	some, _ := among(Reorder{ElementType: section, ScriptID: &one}, []int64{1, 2, 3, 4})
	for _, test := range []struct{ name, query, want string }{
		{"line", elementColumns + line, "SEARCH elements USING INDEX elements_by_number (scope_id=? AND sequence_number>?)"},
		{"elements of a type", elementColumns + typed, "SEARCH elements USING PRIMARY KEY (scope_id=? AND element_type=? AND sequence_number>?)"},
		{"one element", elementColumns + atPlace, "SEARCH elements USING INDEX elements_by_element (scope_id=? AND element_type=? AND element_id=?)"},
		{"elements to reorder", "SELECT element_id, sequence_number FROM elements" + some,
			"SEARCH elements USING COVERING INDEX elements_by_element (scope_id=? AND element_type=? AND element_id=?)"},
	} {
		plan, err := storage.ReadValue(t.Context(), s.Instance.DB, func(tx *storage.Tx) ([]string, error) {
			return explain(tx, test.query)
		})
		if err != nil {
			t.Fatalf("%s: %v", test.name, err)
		}
		if got := strings.Join(plan, "; "); got != test.want {
			t.Errorf("%s: the plan is %q, want %q", test.name, got, test.want)
		}
	}
}

// explain returns SQLite's plan for query with null for each argument.
func explain(tx *storage.Tx, query string) ([]string, error) {
	arguments := make([]any, strings.Count(query, "$"))
	return storage.All(tx, "EXPLAIN QUERY PLAN "+query, arguments, func(row func(dest ...any) error, step *string) error {
		var id, parent, unused int
		return row(&id, &parent, &unused, step)
	})
}
