// Reads never scan a table: every statement that can meet many rows is held
// against SQLite's plan for it.
package sessioncontext

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestPlans(t *testing.T) {
	s := apitest.Start(t, Definition())
	page := httpapi.Page{Limit: 100, After: 1}
	id, ids := int64(1), []int64{1, 2, 3}
	for _, filterIDs := range []*[]int64{nil, &ids} {
		for _, user := range []*int64{nil, &id} {
			query, _ := sessionsQuery(ListSessionsParams{UserID: user, Ids: filterIDs}, page)
			s.Searches(query)
		}
		for _, links := range [][2]*int64{{nil, nil}, {&id, nil}, {nil, &id}, {&id, &id}} {
			query, _ := contextsQuery(ListContextsParams{CharacterID: links[0], ScriptID: links[1], Ids: filterIDs}, page)
			s.Searches(query)
		}
	}
	for _, o := range []owner{{1, 1}, {1, 0}} {
		query, _ := o.query()
		s.Searches(query)
	}
}
