package sessioncontext

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

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
		s.Want(test.status, test.method, test.path, body).Holds(test.want)
	}
	all := s.Want(200, "GET", "/sessions", nil)
	all.Holds(`{"sessionId":1,"userId":7,"context":"Act two is being revised."}`, "0")
	all.Holds(`{"sessionId":2,"userId":8,"context":"Act three."}`, "1")
}
