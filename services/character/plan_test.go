// Reads never scan a table: every statement that can meet many rows is held
// against SQLite's plan for it.
package character

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
	id, name, ids := int64(1), "Juliet", []int64{1, 2, 3}
	for _, filterIDs := range []*[]int64{nil, &ids} {
		for _, filterName := range []*string{nil, &name} {
			query, arguments := charactersQuery(ListCharactersParams{Name: filterName, Ids: filterIDs}, page)
			searches(t, s, query, arguments)
		}
		for _, links := range [][2]*int64{{nil, nil}, {&id, nil}, {nil, &id}, {&id, &id}} {
			clause, arguments := elementPage("action_id", links[0], links[1], filterIDs, page)
			searches(t, s, actionColumns+clause, arguments)
			clause, arguments = elementPage("dialogue_id", links[0], links[1], filterIDs, page)
			searches(t, s, spokenWordColumns+clause, arguments)
		}
	}
	query, arguments := paraphrasesQuery(elementAction, 1, page)
	searches(t, s, query, arguments)
	for _, statement := range []string{
		"DELETE FROM paraphrases WHERE element_type = 'action' AND element_id = $1",
		"UPDATE actions SET character_id = NULL WHERE character_id = $1",
		"UPDATE spoken_words SET character_id = NULL WHERE character_id = $1",
		"DELETE FROM characters WHERE character_id = $1",
	} {
		searches(t, s, statement, []any{1})
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
