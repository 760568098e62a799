package sessioncontext

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestMain(m *testing.M) { apitest.Main(m, Definition()) }

func TestDocument(t *testing.T) { apitest.CheckDocument(t, Definition()) }

// The operations that v1 published, with the bodies its clients send and the
// members they read.
func TestV1(t *testing.T) {
	tests := []struct {
		status             int
		method, path, body string
		want               string
	}{
		{201, "POST", "/sessions", `{"userId":7,"context":"Act two is being revised."}`,
			`{"sessionId":1,"userId":7,"context":"Act two is being revised."}`},
		{201, "POST", "/sessions", `{"userId":8}`, `{"sessionId":2,"userId":8,"context":""}`},
		{200, "PUT", "/sessions/2", `{"context":"Act three."}`, `{"sessionId":2,"userId":8,"context":"Act three."}`},
		{200, "PUT", "/sessions/2", `{}`, `{"sessionId":2,"userId":8,"context":"Act three."}`},
		{200, "GET", "/sessions/1/context", ``, `{"sessionId":1,"context":"Act two is being revised."}`},
		{200, "GET", "/sessions/2/context", ``, `{"sessionId":2,"context":"Act three."}`},
	}
	s := apitest.Start(t, Definition())
	if got := s.Want(200, "GET", "/sessions", nil); string(got.Body) != "[]\n" {
		t.Errorf("GET /sessions: got %s, want an empty array", got.Body)
	}
	for _, test := range tests {
		var body any
		if test.body != "" {
			body = test.body
		}
		holds(t, s.Want(test.status, test.method, test.path, body).Get(), test.want)
	}
	all := s.Want(200, "GET", "/sessions", nil)
	holds(t, all.Get("0"), `{"sessionId":1,"userId":7,"context":"Act two is being revised."}`)
	holds(t, all.Get("1"), `{"sessionId":2,"userId":8,"context":"Act three."}`)
}

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
		holds(t, created.Get(), test.body)
		if created.Get("createdAt") != created.Get("updatedAt") {
			t.Errorf("a new resource is as old as its last change: %s", created.Body)
		}
		place := path(test.folder, number(created, test.id))
		got := s.Want(200, "GET", place, nil)
		if string(got.Body) != string(created.Body) || got.Header.Get("ETag") != created.Header.Get("ETag") {
			t.Errorf("GET %s: got %s, want %s", place, got.Body, created.Body)
		}
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
		tag := s.Want(200, "GET", place, nil).Header.Get("ETag")
		s.Want(204, "DELETE", place, nil, "If-Match", tag)
		refused(t, s.Do("GET", place, nil), 404, "not_found", "")
		refused(t, s.Do("DELETE", place, nil), 404, "not_found", "")
		if got := number(s.Want(201, "POST", test.folder, test.body), test.id); got != 2 {
			t.Errorf("%s: got %d, want 2", test.id, got)
		}
	}
	refused(t, s.Do("GET", "/sessions/1/context", nil), 404, "not_found", "")
}
