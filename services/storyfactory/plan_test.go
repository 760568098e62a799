package storyfactory

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi"
)

// TestPlans: every list and look-up finds its rows by an index, and in order,
// however long the tables are.
func TestPlans(t *testing.T) {
	s := stage.Start(t)
	page, _ := elementsQuery(1, httpapi.Page{Limit: 10, After: 1})
	for _, query := range []string{
		page, elementsInSpan, elementByID, sectionsOfScript, storyColumns + " WHERE script_id = $1",
		"SELECT sequence_number FROM story_elements WHERE script_id = $1 AND element_id = $2",
		"SELECT character_id FROM known_contexts WHERE context_id = $1",
		"DELETE FROM story_elements WHERE script_id = $1", "DELETE FROM story_elements WHERE element_id = $1",
		"DELETE FROM known_sections WHERE script_id = $1", "DELETE FROM stories WHERE script_id = $1",
		"UPDATE story_elements SET text = $1 WHERE element_id = $2",
	} {
		s.Searches(query)
	}
}
