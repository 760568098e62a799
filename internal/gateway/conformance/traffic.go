// Checks of what passes through, and how much of it.

package conformance

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"testing"
)

func (s *suite) requestID(t *testing.T) {
	seen := make(map[string]bool)
	for range 3 {
		id := s.call(t, request{path: "/characters", key: s.ReaderKey}).Header.Get("X-Request-Id")
		if id == "" || seen[id] {
			t.Errorf("the id %q is missing or not new", id)
		}
		seen[id] = true
	}
	const own = "conformance-7f3a"
	header := http.Header{"X-Request-Id": {own}}
	for _, key := range []string{s.ReaderKey, ""} {
		a := s.call(t, request{path: "/characters", key: key, header: header})
		if ids := a.Header.Values("X-Request-Id"); len(ids) != 1 || ids[0] != own {
			t.Errorf("%s: the id is %v, want %s", a.Status, ids, own)
		}
	}
	a := s.call(t, request{host: "nobody." + s.Domain, path: "/", header: header})
	if a.Header.Get("X-Request-Id") == "" {
		t.Error("a request without a route has no id")
	}
}

func (s *suite) preflight(t *testing.T) {
	for service := range services {
		for _, path := range []string{"/x", "/docs"} {
			a := s.call(t, request{method: "OPTIONS", service: service, path: path, header: http.Header{
				"Origin":                         {"https://page.example.org"},
				"Access-Control-Request-Method":  {"PATCH"},
				"Access-Control-Request-Headers": {"content-type,idempotency-key,x-api-key"},
			}})
			if a.StatusCode != http.StatusOK && a.StatusCode != http.StatusNoContent {
				t.Errorf("%s: %s: %.200s", service, a.Status, a.body)
			}
			if got := a.Header.Get("Access-Control-Allow-Origin"); got != "*" {
				t.Errorf("%s allows origin %q", service, got)
			}
			contains(t, a.Header, "Access-Control-Allow-Methods", "GET", "POST", "PUT", "PATCH", "DELETE")
			contains(t, a.Header, "Access-Control-Allow-Headers", "Content-Type", "Idempotency-Key", "If-Match", "X-API-Key")
		}
	}
}

func (s *suite) crossOrigin(t *testing.T) {
	page := http.Header{"Origin": {"https://page.example.org"}}
	for _, a := range []answer{
		s.call(t, request{path: "/characters", key: s.ReaderKey, header: page}),
		s.call(t, request{path: "/characters", header: page}), // an error is to be read too
	} {
		if got := a.Header.Get("Access-Control-Allow-Origin"); got != "*" {
			t.Errorf("%s: allows origin %q", a.Status, got)
		}
		if got := a.Header.Get("Access-Control-Allow-Credentials"); got != "" {
			t.Errorf("%s: allows credentials: %q", a.Status, got)
		}
		contains(t, a.Header, "Access-Control-Expose-Headers", "ETag", "Link", "RateLimit-Remaining", "X-Request-Id")
	}
}

// contains checks that a header lists the words, in any case and order.
func contains(t *testing.T, header http.Header, name string, words ...string) {
	t.Helper()
	listed := strings.Split(strings.ToLower(strings.Join(header.Values(name), ",")), ",")
	for i := range listed {
		listed[i] = strings.TrimSpace(listed[i])
	}
	for _, word := range words {
		if !slices.Contains(listed, strings.ToLower(word)) {
			t.Errorf("%s is %q, without %s", name, header.Get(name), word)
		}
	}
}

// number reads a header that counts something.
func (a answer) number(t *testing.T, name string) int {
	t.Helper()
	count, err := strconv.Atoi(a.Header.Get(name))
	if err != nil {
		t.Errorf("%s: %s is %q", a.Status, name, a.Header.Get(name))
	}
	return count
}

func (s *suite) limitTold(t *testing.T) {
	previous := -1
	for range 3 {
		a := s.call(t, request{path: "/characters", key: s.WriterKey})
		a.expect(t, http.StatusOK)
		limit, remaining, reset := a.number(t, "RateLimit-Limit"), a.number(t, "RateLimit-Remaining"), a.number(t, "RateLimit-Reset")
		if s.RateLimit > 0 && limit != s.RateLimit {
			t.Errorf("the limit is %d, want %d", limit, s.RateLimit)
		}
		if remaining < 0 || remaining >= limit || reset < 1 || reset > 60 {
			t.Errorf("%d of %d remain for %d s", remaining, limit, reset)
		}
		if a.number(t, "X-RateLimit-Limit-Minute") != limit || a.number(t, "X-RateLimit-Remaining-Minute") != remaining {
			t.Errorf("the two kinds of headers differ: %v", a.Header)
		}
		// The remainder may rise once, when a minute begins.
		if previous >= 0 && remaining >= previous && remaining < limit-3 {
			t.Errorf("%d remain after %d", remaining, previous)
		}
		previous = remaining
	}
	a := s.call(t, request{path: "/openapi.json"})
	a.number(t, "RateLimit-Remaining")
}

// limitHolds spends the reader's budget. It may take two minutes' worth, when
// the first minute ends in between.
func (s *suite) limitHolds(t *testing.T) {
	if !s.SpendLimit || s.RateLimit == 0 {
		t.Skip("not allowed: set Target.SpendLimit and RateLimit to have the limit used up")
	}
	for range 2*s.RateLimit + 2 {
		a := s.call(t, request{path: "/characters", key: s.ReaderKey})
		if a.StatusCode == http.StatusOK {
			continue
		}
		s.refused(t, a, http.StatusTooManyRequests, tooMany)
		if wait := a.number(t, "Retry-After"); wait < 1 || wait > 60 || a.number(t, "RateLimit-Remaining") != 0 {
			t.Errorf("%v", a.Header)
		}
		s.call(t, request{path: "/characters", key: s.WriterKey}).expect(t, http.StatusOK)
		return
	}
	t.Errorf("no end after %d requests", 2*s.RateLimit+2)
}

func (s *suite) bodyTooLarge(t *testing.T) {
	body := make([]byte, 9<<20)
	a := s.call(t, request{method: "POST", path: "/characters", key: s.WriterKey, body: body})
	s.refused(t, a, http.StatusRequestEntityTooLarge, tooLarge)
	// Of a body whose size nobody knows the service may have had enough first.
	a = s.call(t, request{method: "POST", path: "/characters", key: s.WriterKey, body: body, unsized: true})
	if a.StatusCode != http.StatusRequestEntityTooLarge && a.StatusCode != http.StatusBadRequest {
		t.Errorf("%s: %.200s", a.Status, a.body)
	}
}

func (s *suite) serviceErrors(t *testing.T) {
	a := s.call(t, request{path: "/no/such/path", key: s.ReaderKey})
	a.expect(t, http.StatusNotFound)
	if strings.Contains(string(a.body), noRoute) {
		t.Error("the gateway answered, not the service")
	}
	for _, method := range []string{"PROPFIND", "OPTIONS"} {
		a = s.call(t, request{method: method, path: "/characters", key: s.ReaderKey})
		a.expect(t, http.StatusMethodNotAllowed)
		contains(t, a.Header, "Allow", "GET", "POST")
	}
	a = s.call(t, request{method: "PUT", path: "/characters", key: s.WriterKey, body: []byte(`{}`)})
	a.expect(t, http.StatusMethodNotAllowed)
	a = s.call(t, request{method: "POST", path: "/characters", key: s.WriterKey, body: []byte(`{"name":1}`)})
	a.expect(t, http.StatusBadRequest)
}

func (s *suite) head(t *testing.T) {
	a := s.call(t, request{method: "HEAD", path: "/openapi.json"})
	a.expect(t, http.StatusOK)
	if len(a.body) > 0 || a.Header.Get("Content-Type") == "" {
		t.Errorf("%d bytes of type %q", len(a.body), a.Header.Get("Content-Type"))
	}
	a = s.call(t, request{method: "HEAD", path: "/characters"})
	a.expect(t, http.StatusUnauthorized)
}

// create makes a character, deletes it when the check ends, and returns its path.
func (s *suite) create(t *testing.T, name, description string) string {
	t.Helper()
	body, err := json.Marshal(map[string]string{"name": name, "description": description})
	if err != nil {
		t.Fatal(err)
	}
	a := s.call(t, request{method: "POST", path: "/characters", key: s.WriterKey, body: body})
	a.expect(t, http.StatusCreated)
	var character struct {
		CharacterID       int
		Name, Description string
	}
	a.decode(t, &character)
	if character.Name != name || character.Description != description {
		t.Errorf("created %q", character.Name)
	}
	path := fmt.Sprintf("/characters/%d", character.CharacterID)
	t.Cleanup(func() { s.call(t, request{method: "DELETE", path: path, key: s.WriterKey}) })
	return path
}

// largeAnswer reads more than any buffer between service and client holds.
func (s *suite) largeAnswer(t *testing.T) {
	const characters, size = 16, 60 << 10
	description := strings.Repeat("All the world's a stage. ", size/25)
	path := ""
	for i := range characters {
		path = s.create(t, fmt.Sprintf("CROWD %d", i), description)
	}
	var character struct{ Description string }
	s.call(t, request{path: path, key: s.ReaderKey}).decode(t, &character)
	if character.Description != description {
		t.Errorf("%d bytes came back of %d", len(character.Description), len(description))
	}
	a := s.call(t, request{path: "/characters", key: s.ReaderKey})
	a.expect(t, http.StatusOK)
	var list []json.RawMessage
	a.decode(t, &list)
	// With many characters about, ours may be on a later page.
	if a.Header.Get("Link") == "" && len(a.body) < characters*len(description) {
		t.Errorf("%d characters in %d bytes", len(list), len(a.body))
	}
}
