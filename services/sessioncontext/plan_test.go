// Reads never scan a table: every statement that can meet many rows is held
// against SQLite's plan for it.
package sessioncontext

import (
	"context"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/apitest"
	"fountain.coach/fountainai/internal/storage"
)

func TestPlans(t *testing.T) {
	s := apitest.Start(t, Definition())
	page := httpapi.Page{Limit: 100, After: 1}
	id, ids := int64(1), []int64{1, 2, 3}
	for _, filterIDs := range []*[]int64{nil, &ids} {
		for _, user := range []*int64{nil, &id} {
			query, arguments := sessionsQuery(ListSessionsParams{UserID: user, Ids: filterIDs}, page)
			searches(t, s, query, arguments)
		}
		for _, links := range [][2]*int64{{nil, nil}, {&id, nil}, {nil, &id}, {&id, &id}} {
			query, arguments := contextsQuery(ListContextsParams{CharacterID: links[0], ScriptID: links[1], Ids: filterIDs}, page)
			searches(t, s, query, arguments)
		}
	}
	for _, o := range []owner{{1, 1}, {1, 0}} {
		query, arguments := o.query()
		searches(t, s, query, arguments)
	}
}

// searches requires a plan that finds its rows by an index and in order.
func searches(t *testing.T, s *apitest.Service, query string, arguments []any) {
	t.Helper()
	err := s.Instance.DB.Read(context.Background(), func(tx *storage.Tx) error {
		return tx.Query("EXPLAIN QUERY PLAN "+query, arguments, func(scan func(dest ...any) error) error {
			var id, parent, unused int
			var step string
			err := scan(&id, &parent, &unused, &step)
			if !strings.HasPrefix(step, "SEARCH ") || !strings.Contains(step, " USING ") {
				t.Errorf("%s\n\tplan: %s", query, step)
			}
			return err
		})
	})
	if err != nil {
		t.Errorf("%s: %v", query, err)
	}
}
