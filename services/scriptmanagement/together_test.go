package scriptmanagement

import (
	"fmt"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// TestTogether: 32 clients add sections and transitions to one script at once;
// the numbers are unique and without gaps.
func TestTogether(t *testing.T) {
	const clients, each = 32, 8
	s := apitest.Start(t, Definition())
	s.Want(201, "POST", "/scripts", `{"title":"Crowded"}`)
	apitest.Together(clients, func(i int) any {
		shape := shapes[i%2]
		path := "/scripts/1/" + shape.folder
		for n := range each {
			body := map[string]any{shape.text: fmt.Sprintf("%d/%d", i, n)}
			switch {
			case n == each-1:
				s.Do("POST", path+"/batch", map[string]any{"items": []any{body, body}})
			case i%8 == 7:
				// Refused writes among the others must leave no gap.
				s.Do("POST", path+"/batch", map[string]any{"items": []any{body, map[string]any{shape.text: "x", "sequenceNumber": 1}}})
				s.Do("POST", path, body)
			default:
				s.Do("POST", path, body)
			}
		}
		return nil
	})
	var numbers []int64
	for _, shape := range shapes {
		var kept []struct{ SequenceNumber int64 }
		s.Want(200, "GET", "/scripts/1/"+shape.folder+"?limit=1000", nil).JSON(&kept)
		for _, element := range kept {
			numbers = append(numbers, element.SequenceNumber)
		}
	}
	apitest.Gapless(t, numbers, 1, clients*(each+1))
}

// TestScriptsTogether is TestTogether for the numbers of scripts.
func TestScriptsTogether(t *testing.T) {
	s := apitest.Start(t, Definition())
	apitest.Gapless(t, apitest.Together(32, func(int) int64 {
		return s.Do("POST", "/scripts", `{"title":"Hamlet"}`).Number("sequenceNumber")
	}), 1, 32)
}

// TestReordersTogether: swaps at once leave every number with one element.
func TestReordersTogether(t *testing.T) {
	s := stage.Start(t)
	for _, answer := range apitest.Together(16, func(i int) *apitest.Answer {
		return s.Do("POST", "/scripts/1/sections/reorder", reorderBody(shapes[0], []string{"1>2 2>1", "1>1 2>2"}[i%2]))
	}) {
		answer.Has("message", "Reorder successful.")
	}
	if got := s.Column("/scripts/1/sections", "sequenceNumber"); got != "1 2" {
		t.Errorf("got %s", got)
	}
}
