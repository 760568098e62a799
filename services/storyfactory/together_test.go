package storyfactory

import (
	"fmt"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// TestTogether: 32 clients append to one story at once; the numbers are unique
// and without gaps.
func TestTogether(t *testing.T) {
	const clients, each = 32, 8
	s := apitest.Start(t, Definition(&Peers{}))
	s.Want(201, "PUT", "/stories/1", `{"title":"Crowded"}`)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"first"}`)
	apitest.Together(clients, func(i int) any {
		for n := range each {
			body := map[string]any{"text": fmt.Sprintf("%d/%d", i, n), "character": map[string]any{"characterId": n + 1}}
			switch {
			case n == each-1:
				s.Do("POST", "/stories/1/elements/batch", map[string]any{"items": []any{body, body}})
			case i%4 == 3:
				// Refused writes among the others must leave no gap.
				s.Do("POST", "/stories/1/elements/batch", map[string]any{"items": []any{body, map[string]any{"text": "x", "sequence": 1}}})
				s.Do("POST", "/stories/1/elements", body)
			default:
				s.Do("POST", "/stories/1/elements", body)
			}
		}
		return nil
	})
	s.WantPages("/stories/1/elements", "sequence", 1, 1, 1+clients*(each+1), 100)
}

// TestCreateTogether: of clients that put one story at once, one creates it.
func TestCreateTogether(t *testing.T) {
	s := apitest.Start(t, Definition(&Peers{}))
	statuses := apitest.Together(8, func(int) int { return s.Do("PUT", "/stories/1", `{"title":"x"}`).Status })
	created := 0
	for _, status := range statuses {
		if status == 201 {
			created++
		}
	}
	if created != 1 {
		t.Errorf("got %v", statuses)
	}
}

// TestReordersTogether: swaps at once leave every number with one element.
func TestReordersTogether(t *testing.T) {
	s := stage.Start(t)
	for _, answer := range apitest.Together(16, func(i int) *apitest.Answer {
		return s.Do("POST", "/stories/1/elements/reorder", reorderBody([]string{"1>2 2>1", "1>1 2>2"}[i%2]))
	}) {
		answer.Has("message", "Reorder successful.")
	}
	if got := elements(s, 1).Column("sequence"); got != "1 2 3 4 5" {
		t.Errorf("got %s", got)
	}
}
