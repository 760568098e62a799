package scriptmanagement

import (
	"strings"
	"testing"
)

// TestPlans: every list, and every look-up by number, finds its rows by an
// index, however long the tables are.
func TestPlans(t *testing.T) {
	s := stage.Start(t)
	ids := make([]int64, 1000)
	var queries []string
	for _, filter := range []ListScriptsParams{{}, {Title: new("x")}, {Source: new("x")}, {Ids: &ids}, {Title: new("x"), Ids: &ids}} {
		clause, _ := scriptFilter(filter).Page("script_id", 1, 10)
		queries = append(queries, scriptColumns+clause)
	}
	for _, k := range []kind{sectionHeadings, transitions} {
		for _, filter := range []*[]int64{nil, &ids} {
			clause, _ := elementFilter(k, 1, filter).Page("sequence_number", 1, 10)
			queries = append(queries, k.columns+clause)
		}
		queries = append(queries, k.find, k.update, k.move, k.remove)
	}
	for _, query := range queries {
		plan := strings.Join(s.Plan(query), "\n")
		if strings.Contains(plan, "SCAN") || !strings.Contains(plan, "SEARCH") {
			t.Errorf("%s\n%s", query, plan)
		}
		if !strings.Contains(query, "IN (") && strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("sorts: %s\n%s", query, plan)
		}
		if strings.Contains(query, "_id IN (") && !strings.Contains(plan, "rowid=?") {
			t.Errorf("does not look identifiers up: %s\n%s", query, plan)
		}
	}
}
