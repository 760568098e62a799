// Lists a page at a time.
package sessioncontext

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestPages(t *testing.T) {
	s := apitest.Start(t, Definition())
	apitest.Together(250, func(int) int { return s.Do("POST", "/sessions", `{"userId":7}`).Status })
	s.Want(201, "POST", "/contexts/batch", apitest.Items(`{"characterId":9,"scriptId":%d,"data":{}}`, 250))
	for _, test := range []struct {
		path, id     string
		count, limit int
	}{
		{"/sessions", "sessionId", 250, 100},
		{"/sessions?userId=7&limit=125", "sessionId", 250, 125},
		{"/sessions?limit=249", "sessionId", 250, 249},
		{"/sessions?limit=1000", "sessionId", 250, 1000},
		{"/sessions?ids=" + apitest.Identifiers(250) + "&limit=200", "sessionId", 250, 200},
		{"/contexts", "contextId", 250, 100},
		{"/contexts?characterId=9", "contextId", 250, 100},
		{"/contexts?characterId=9&scriptId=1", "contextId", 1, 100},
	} {
		s.WantPages(test.path, test.id, 1, 1, test.count, test.limit)
	}
}

// What is created and deleted between two pages neither doubles nor hides
// another item.
func TestPagesWhileChanging(t *testing.T) {
	s := apitest.Start(t, Definition())
	for range 6 {
		s.Want(201, "POST", "/sessions", `{"userId":7}`)
	}
	first := s.Want(200, "GET", "/sessions?limit=3", nil)
	s.Want(204, "DELETE", "/sessions/2", nil)
	s.Want(204, "DELETE", "/sessions/3", nil)
	s.Want(204, "DELETE", "/sessions/5", nil)
	s.Want(201, "POST", "/sessions", `{"userId":8}`)
	if got, want := s.Column(first.Next(), "sessionId"), "4 6 7"; got != want {
		t.Errorf("second page: got %s, want %s", got, want)
	}
}

// A cursor is not good for other filters than it was made for.
func TestForeignCursors(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/contexts/batch", apitest.Items(`{"characterId":8,"scriptId":%d,"data":{}}`, 4))
	cursor := s.Want(200, "GET", "/contexts?characterId=8&limit=2", nil).Cursor()
	for _, filters := range []string{"", "characterId=9&", "characterId=8&scriptId=1&", "characterId=8&ids=1&", "scriptId=8&"} {
		s.Do("GET", "/contexts?"+filters+"cursor="+cursor, nil).Refused(400, "invalid_request", "query/cursor")
	}
	if got, want := s.Column("/contexts?limit=1&characterId=8&cursor="+cursor, "contextId"), "4"; got != want {
		t.Errorf("with another limit: got %s, want %s", got, want)
	}
}
