package centralsequence

import (
	"fmt"
	"net/http"
	"slices"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

const clients = 64

// ask returns the number that the service gives the element, 0 for a failure,
// which it reports.
func ask(s *apitest.Service, t *testing.T, body string) int64 {
	answer := s.Do("POST", "/sequence", body)
	if answer.Status != http.StatusCreated {
		t.Errorf("POST /sequence %s: %d %s", body, answer.Status, answer.Body)
		return 0
	}
	return answer.Number("sequenceNumber")
}

func TestNumbersTogether(t *testing.T) {
	s := apitest.Start(t, Definition())
	const each = 8
	perClient := apitest.Together(clients, func(client int) []int64 {
		var numbers []int64
		for i := range each {
			numbers = append(numbers, ask(s, t, fmt.Sprintf(`{"elementType":"type%d","elementId":%d,"scriptId":1}`, client%3, client*each+i+1)))
		}
		return numbers
	})
	for client, numbers := range perClient {
		if !slices.IsSorted(numbers) {
			t.Errorf("client %d got %v, want increasing numbers", client, numbers)
		}
	}
	apitest.Gapless(t, slices.Concat(perClient...), 1, clients*each)
}

func TestOneElementTogether(t *testing.T) {
	s := apitest.Start(t, Definition())
	for round := range 5 {
		body := fmt.Sprintf(`{"elementType":"section","elementId":%d}`, round+1)
		for client, number := range apitest.Together(clients, func(int) int64 { return ask(s, t, body) }) {
			if want := int64(round + 1); number != want {
				t.Errorf("round %d, client %d: got %d, want %d", round, client, number, want)
			}
		}
	}
}

func TestOneNumberTogether(t *testing.T) {
	s := apitest.Start(t, Definition())
	statuses := apitest.Together(clients, func(client int) int {
		return s.Do("POST", "/sequence", fmt.Sprintf(`{"elementType":"section","elementId":%d,"sequenceNumber":7}`, client+1)).Status
	})
	slices.Sort(statuses)
	if statuses[0] != http.StatusCreated || statuses[1] != http.StatusConflict || statuses[clients-1] != http.StatusConflict {
		t.Errorf("got statuses %v, want one 201, the others 409", statuses)
	}
}

func TestVersionsTogether(t *testing.T) {
	s := apitest.Start(t, Definition())
	apitest.Gapless(t, apitest.Together(clients, func(client int) int64 {
		body := fmt.Sprintf(`{"elementType":"section","elementId":1,"newVersionData":{"client":%d}}`, client)
		return s.Do("POST", "/sequence/version", body).Number("versionNumber")
	}), 2, clients)
}

// Reorders that cross leave one of the orders asked for, whole.
func TestReordersTogether(t *testing.T) {
	s := apitest.Start(t, Definition())
	fill(s, "section", 3, 1)
	orders := []map[string]any{
		moves("section", 1, 1, 2, 2, 3, 3), moves("section", 1, 2, 2, 3, 3, 1), moves("section", 1, 3, 2, 1, 3, 2),
	}
	for _, status := range apitest.Together(clients, func(client int) int { return s.Do("POST", "/sequence/reorder", orders[client%3]).Status }) {
		if status != http.StatusOK {
			t.Errorf("reorder: got status %d, want 200", status)
		}
	}
	whole := []string{"section 1=1 section 2=2 section 3=3", "section 3=1 section 1=2 section 2=3", "section 2=1 section 3=2 section 1=3"}
	if got := sequenceOf(s, "/sequence?scriptId=1"); !slices.Contains(whole, got) {
		t.Errorf("the line: got %s, want one of %q", got, whole)
	}
}
