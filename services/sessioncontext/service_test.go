package sessioncontext

import (
	"fmt"
	"testing"
)

// What a create answers is what get and list find, under the same ETag.
func TestCreated(t *testing.T) {
	tests := []struct{ folder, id, body string }{
		{"/sessions", "sessionId", `{"userId":7,"context":"Ünïcödé 🎭\nand \"quotes\""}`},
		{"/contexts", "contextId", `{"characterId":9,"data":{}}`},
		{"/contexts", "contextId", `{"characterId":9,"scriptId":3,"data":{"mood":"ardent"}}`},
	}
	s := start(t)
	for _, test := range tests {
		created := s.Want(201, "POST", test.folder, test.body)
		created.Holds(test.body)
		if created.Get("createdAt") != created.Get("updatedAt") {
			t.Errorf("a new resource is as old as its last change: %s", created.Body)
		}
		s.Want(200, "GET", fmt.Sprint(test.folder, "/", created.Number(test.id)), nil).Same(created)
	}
}

// An identifier is not given out again: who holds it means what it named.
func TestDelete(t *testing.T) {
	tests := []struct{ folder, id, body string }{
		{"/sessions", "sessionId", `{"userId":7}`},
		{"/contexts", "contextId", `{"characterId":9,"scriptId":1,"data":{}}`},
	}
	s := start(t)
	for _, test := range tests {
		place := test.folder + "/1"
		tag := s.Want(200, "GET", place, nil).ETag()
		s.Want(204, "DELETE", place, nil, "If-Match", tag)
		s.Do("GET", place, nil).Refused(404, "not_found", "")
		s.Do("DELETE", place, nil).Refused(404, "not_found", "")
		s.Want(201, "POST", test.folder, test.body).Has(test.id, 2)
	}
	s.Do("GET", "/sessions/1/context", nil).Refused(404, "not_found", "")
}
