package storyfactory

import (
	"fmt"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestPages(t *testing.T) {
	s := stage.Start(t)
	s.Want(201, "POST", "/stories/2/elements/batch", apitest.Items(`{"text":"Line %d"}`, 250))
	s.WantPages("/stories/2/elements", "sequence", 1, 1, 250, 100)
	for _, limit := range []int{1, 7, 249, 250, 1000} {
		s.WantPages(fmt.Sprint("/stories/2/elements?limit=", limit), "sequence", 1, 1, 250, limit)
	}
}

// TestPagesWhileChanging: what is added behind the page read is still met, and
// nothing is met twice.
func TestPagesWhileChanging(t *testing.T) {
	s := stage.Start(t)
	first := s.Want(200, "GET", "/stories/1/elements?limit=2", nil)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"late"}`)
	s.Want(204, "DELETE", "/stories/1/elements/2", nil)
	s.Want(200, "PATCH", "/stories/1/elements/4", `{"sequence":2}`)
	if got := strings.Join(s.Pages(first.Next(), "elementId"), " "); got != "3 5 6" {
		t.Errorf("after the first page: got %s", got)
	}
}
