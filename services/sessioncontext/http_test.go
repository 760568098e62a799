// HTTP itself: media types, methods, paths, HEAD.
package sessioncontext

import (
	"slices"
	"strings"
	"testing"
)

func TestMediaTypes(t *testing.T) {
	s := start(t)
	for _, mediaType := range []string{
		"", "text/plain", "text/json", "application/x-www-form-urlencoded", "application/merge-patch+json", "application/jsonx",
		"application/json; charset=latin1", "application/json; charset=utf-16", "*/*", "application/*", "application/json;;",
	} {
		refused(t, s.Do("POST", "/sessions", newSession, "Content-Type", mediaType), 415, "unsupported_media_type", "")
	}
	for _, mediaType := range []string{"application/json", "application/json; charset=utf-8", "Application/JSON; charset=UTF-8"} {
		s.Want(201, "POST", "/sessions", newSession, "Content-Type", mediaType)
	}
	refused(t, s.Do("PATCH", "/sessions/1", `{}`, "Content-Type", "application/json-patch+json"), 415, "unsupported_media_type", "")
}

func TestUnknownPaths(t *testing.T) {
	s := start(t)
	for _, path := range []string{
		"/", "/session", "/Sessions", "/sessions/", "/sessions/1/", "/sessions/1/context/", "/sessions/1/contexts",
		"/contexts/1/data", "/contexts/batch/1", "/v1/sessions",
	} {
		refused(t, s.Do("GET", path, nil), 404, "no_such_path", "")
		refused(t, s.Do("POST", path, `{}`), 404, "no_such_path", "")
	}
}

func TestWrongMethods(t *testing.T) {
	tests := []struct{ path, allow, methods string }{
		{"/sessions", "GET, HEAD, POST", "PUT PATCH DELETE OPTIONS TRACE"},
		{"/sessions/1", "DELETE, GET, HEAD, PATCH, PUT", "POST OPTIONS"},
		{"/sessions/1/context", "GET, HEAD", "POST PUT PATCH DELETE"},
		{"/contexts", "GET, HEAD, POST", "PUT PATCH DELETE"},
		{"/contexts/1", "DELETE, GET, HEAD, PATCH", "POST PUT"},
	}
	s := start(t)
	for _, test := range tests {
		for _, method := range strings.Fields(test.methods) {
			a := s.Do(method, test.path, nil)
			refused(t, a, 405, "method_not_allowed", "")
			allow := strings.Split(a.Header.Get("Allow"), ", ")
			slices.Sort(allow)
			if got := strings.Join(allow, ", "); got != test.allow {
				t.Errorf("%s %s: Allow: got %q, want %q", method, test.path, got, test.allow)
			}
		}
	}
}

// HEAD answers as GET does, without the body.
func TestHead(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/sessions", newSession)
	for _, path := range []string{
		"/sessions?limit=1", "/sessions/1", "/sessions/1/context", "/contexts", "/contexts/1", "/sessions/99", "/contexts/x", "/nowhere",
	} {
		get, head := s.Do("GET", path, nil), s.Do("HEAD", path, nil)
		if head.Status != get.Status || len(head.Body) > 0 {
			t.Errorf("HEAD %s: got %d with %d bytes, want %d with none", path, head.Status, len(head.Body), get.Status)
		}
		for _, name := range []string{"Content-Type", "ETag", "Link"} {
			if head.Header.Get(name) != get.Header.Get(name) {
				t.Errorf("HEAD %s: %s: got %q, want %q", path, name, head.Header.Get(name), get.Header.Get(name))
			}
		}
	}
}

func TestBodyWhereNoneBelongs(t *testing.T) {
	s := start(t)
	for _, method := range []string{"GET", "DELETE"} {
		refused(t, s.Do(method, "/sessions/1", `{}`), 400, "invalid_request", "")
	}
	s.Want(200, "GET", "/sessions/1", nil)
}
