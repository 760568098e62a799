package scriptmanagement

import (
	"fmt"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// startLong runs the service with 250 sections and 250 transitions in script 1,
// in turns, and 250 scripts.
func startLong(t *testing.T) *apitest.Service {
	s := apitest.Start(t, Definition())
	s.Want(201, "POST", "/scripts", `{"title":"Long"}`)
	for place, shape := range shapes {
		var items []map[string]any
		for i := range 250 {
			items = append(items, map[string]any{shape.text: fmt.Sprint(i), "sequenceNumber": 2*i + place + 1})
		}
		s.Want(201, "POST", "/scripts/1/"+shape.folder+"/batch", map[string]any{"items": items})
	}
	for range 249 {
		s.Want(201, "POST", "/scripts", `{"title":"Short"}`)
	}
	return s
}

func TestPages(t *testing.T) {
	s := startLong(t)
	for _, test := range []struct {
		path, member              string
		first, step, count, limit int
	}{
		{"/scripts", "scriptId", 1, 1, 250, 100},
		{"/scripts?limit=50", "scriptId", 1, 1, 250, 50},
		{"/scripts?limit=249", "scriptId", 1, 1, 250, 249},
		{"/scripts?limit=250", "scriptId", 1, 1, 250, 250},
		{"/scripts?limit=1000", "scriptId", 1, 1, 250, 1000},
		{"/scripts?title=Short", "scriptId", 2, 1, 249, 100},
		{"/scripts/1/sections", "sequenceNumber", 1, 2, 250, 100},
		{"/scripts/1/sections?limit=7", "sequenceNumber", 1, 2, 250, 7},
		{"/scripts/1/transitions", "sequenceNumber", 2, 2, 250, 100},
		{"/scripts/1/transitions?ids=1,2,3,4,5&limit=2", "sequenceNumber", 2, 2, 5, 2},
	} {
		s.WantPages(test.path, test.member, test.first, test.step, test.count, test.limit)
	}
}

// TestPagesWhileChanging: what is added behind the page read is still met, and
// nothing is met twice.
func TestPagesWhileChanging(t *testing.T) {
	s := stage.Start(t)
	s.Want(201, "POST", "/scripts/1/sections/batch", texts(shapes[0], 8))
	first := s.Want(200, "GET", "/scripts/1/sections?limit=5", nil)
	s.Want(201, "POST", "/scripts/1/sections", `{"title":"late"}`)
	s.Want(204, "DELETE", "/scripts/1/sections/1", nil)
	if got := strings.Join(s.Pages(first.Next(), "headingId"), " "); got != "7 8 9 10 11 12" {
		t.Errorf("after the first page: got %s", got)
	}
}
