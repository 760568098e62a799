// HTTP itself: media types, methods, paths, HEAD.
package character

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
		refused(t, s.Do("POST", "/characters", romeo, "Content-Type", mediaType), 415, "unsupported_media_type", "")
	}
	for _, mediaType := range []string{"application/json", "application/json; charset=utf-8", "Application/JSON; charset=UTF-8"} {
		s.Want(201, "POST", "/characters", romeo, "Content-Type", mediaType)
	}
	refused(t, s.Do("PATCH", "/characters/1", `{}`, "Content-Type", "application/json-patch+json"), 415, "unsupported_media_type", "")
}

func TestUnknownPaths(t *testing.T) {
	s := start(t)
	for _, path := range []string{
		"/", "/character", "/Characters", "/characters/", "/characters/1/", "/characters/1/actions",
		"/characters/1/paraphrases/1", "/paraphrases", "/spokenwords", "/v1/characters", "/characters/batch/1",
	} {
		refused(t, s.Do("GET", path, nil), 404, "no_such_path", "")
		refused(t, s.Do("POST", path, `{}`), 404, "no_such_path", "")
	}
}

func TestWrongMethods(t *testing.T) {
	tests := []struct{ path, allow, methods string }{
		{"/characters", "GET, HEAD, POST", "PUT PATCH DELETE OPTIONS TRACE"},
		{"/actions", "GET, HEAD, POST", "PUT PATCH DELETE"},
		{"/spokenWords", "GET, HEAD, POST", "PUT PATCH DELETE"},
		{"/characters/1", "DELETE, GET, HEAD, PATCH", "POST PUT OPTIONS"},
		{"/actions/1", "DELETE, GET, HEAD, PATCH", "POST PUT"},
		{"/spokenWords/1", "DELETE, GET, HEAD, PATCH", "POST PUT"},
		{"/paraphrases/1", "DELETE, GET, HEAD, PATCH", "POST PUT"},
		{"/characters/1/paraphrases", "GET, HEAD, POST", "PUT PATCH DELETE"},
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
	s.Want(201, "POST", "/characters", romeo)
	for _, path := range []string{
		"/characters?limit=1", "/characters/1", "/characters/1/paraphrases", "/actions", "/actions/1", "/spokenWords/1",
		"/paraphrases/1", "/characters/99", "/characters/x", "/nowhere",
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
		refused(t, s.Do(method, "/characters/1", `{}`), 400, "invalid_request", "")
	}
	s.Want(200, "GET", "/characters/1", nil)
}
