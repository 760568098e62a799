// Reads never scan a table: every statement that can meet many rows is held
// against SQLite's plan for it.
package character

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestPlans(t *testing.T) {
	s := apitest.Start(t, Definition())
	page := httpapi.Page{Limit: 100, After: 1}
	id, name, ids := int64(1), "Juliet", []int64{1, 2, 3}
	for _, filterIDs := range []*[]int64{nil, &ids} {
		for _, filterName := range []*string{nil, &name} {
			query, _ := charactersQuery(ListCharactersParams{Name: filterName, Ids: filterIDs}, page)
			s.Searches(query)
		}
		for _, links := range [][2]*int64{{nil, nil}, {&id, nil}, {nil, &id}, {&id, &id}} {
			clause, _ := elementPage("action_id", links[0], links[1], filterIDs, page)
			s.Searches(actionColumns + clause)
			clause, _ = elementPage("dialogue_id", links[0], links[1], filterIDs, page)
			s.Searches(spokenWordColumns + clause)
		}
	}
	query, _ := paraphrasesQuery(elementAction, 1, page)
	s.Searches(query)
	for _, statement := range []string{
		"DELETE FROM paraphrases WHERE element_type = 'action' AND element_id = $1",
		"UPDATE actions SET character_id = NULL WHERE character_id = $1",
		"UPDATE spoken_words SET character_id = NULL WHERE character_id = $1",
		"DELETE FROM characters WHERE character_id = $1",
	} {
		s.Searches(statement)
	}
}
