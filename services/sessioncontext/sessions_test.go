package sessioncontext

import (
	"testing"
)

func TestPatchSession(t *testing.T) {
	tests := []struct{ body, want string }{ // one after the other
		{`{"context":"Act three."}`, `{"userId":7,"context":"Act three."}`},
		{`{"userId":8}`, `{"userId":8,"context":"Act three."}`},
		{`{}`, `{"userId":8,"context":"Act three."}`},
		{`{"context":null}`, `{"userId":8,"context":""}`},
		{`{"userId":9,"context":"Act four."}`, `{"userId":9,"context":"Act four."}`},
		{`{"context":""}`, `{"userId":9,"context":""}`},
	}
	for _, mediaType := range []string{"application/json", "application/merge-patch+json"} {
		s := start(t)
		for _, test := range tests {
			before := s.Want(200, "GET", "/sessions/1", nil)
			patched := s.Want(200, "PATCH", "/sessions/1", test.body, "Content-Type", mediaType, "If-Match", before.ETag())
			patched.Holds(test.want)
			if patched.ETag() == before.ETag() || patched.Get("createdAt") != before.Get("createdAt") {
				t.Errorf("PATCH %s: the ETag must change and createdAt must not", test.body)
			}
			s.Want(200, "GET", "/sessions/1", nil).Same(patched)
		}
	}
}

func TestPutSession(t *testing.T) {
	s := start(t)
	before := s.Want(200, "GET", "/sessions/1", nil)
	s.Want(200, "PUT", "/sessions/1", `{}`, "If-Match", before.ETag()).Same(before)
	s.Do("PUT", "/sessions/1", `{}`, "If-Match", `"2"`).Refused(412, "precondition_failed", "")
	s.Do("PUT", "/sessions/9", `{}`).Refused(404, "not_found", "")
	changed := s.Want(200, "PUT", "/sessions/1", `{"context":""}`, "If-Match", before.ETag())
	changed.Holds(`{"sessionId":1,"userId":7,"context":""}`)
	if changed.ETag() == before.ETag() {
		t.Error("the ETag must change with the context")
	}
	s.Do("PUT", "/sessions/1", `{"context":"x"}`, "If-Match", before.ETag()).Refused(412, "precondition_failed", "")
}

// The ETag of the context is good for changing the session.
func TestSessionContextTag(t *testing.T) {
	s := start(t)
	got := s.Want(200, "GET", "/sessions/1/context", nil)
	s.Want(200, "PUT", "/sessions/1", `{"context":"Act three."}`, "If-Match", got.ETag())
	s.Do("PUT", "/sessions/1", `{"context":"Act four."}`, "If-Match", got.ETag()).Refused(412, "precondition_failed", "")
}

func TestSessionFilters(t *testing.T) {
	s := start(t)
	for _, body := range []string{`{"userId":8}`, `{"userId":7}`, `{"userId":9223372036854775807}`} {
		s.Want(201, "POST", "/sessions", body)
	}
	for query, want := range map[string]string{
		"": "1 2 3 4", "?userId=7": "1 3", "?userId=8": "2", "?userId=9": "", "?userId=9223372036854775807": "4",
		"?ids=3,1,99,3": "1 3", "?ids=3%2C2": "2 3", "?userId=7&ids=2,3": "3", "?userId=7&limit=1": "1",
	} {
		if got := s.Column("/sessions"+query, "sessionId"); got != want {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}
