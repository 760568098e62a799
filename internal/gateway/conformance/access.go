// Checks of who gets where.

package conformance

import (
	"net/http"
	"net/url"
	"strings"
	"testing"
)

// Kong's words, which every gateway must use in "message".
const (
	noRoute   = "no Route matched with those values"
	noKey     = "No API key found in request"
	wrongKey  = "Unauthorized"
	twoKeys   = "Duplicate API key found"
	forbidden = "You cannot consume this service"
	tooLarge  = "Request size limit exceeded"
	tooMany   = "API rate limit exceeded"
)

// services maps the services to a path that only their own contract has.
var services = map[string]string{
	"centralsequence":  "/sequence",
	"character":        "/characters",
	"scriptmanagement": "/scripts",
	"sessioncontext":   "/sessions",
	"storyfactory":     "/stories",
}

func (s *suite) hosts(t *testing.T) {
	for service, path := range services {
		a := s.call(t, request{service: service, path: "/openapi.json"})
		a.expect(t, http.StatusOK)
		var contract struct{ Paths map[string]any }
		a.decode(t, &contract)
		if _, there := contract.Paths[path]; !there {
			t.Errorf("%s.%s leads to a service without %s", service, s.Domain, path)
		}
		s.call(t, request{service: service, path: "/healthz", key: s.ReaderKey}).expect(t, http.StatusOK)
	}
}

func (s *suite) unknownHost(t *testing.T) {
	hosts := []string{"nobody." + s.Domain, "character." + s.Domain + ".example.org"}
	if !s.Page {
		hosts = append(hosts, s.Domain)
	}
	for _, host := range hosts {
		s.refused(t, s.call(t, request{host: host, path: "/characters", key: s.WriterKey}), http.StatusNotFound, noRoute)
	}
}

func (s *suite) keyNeeded(t *testing.T) {
	for service := range services {
		for _, method := range []string{"GET", "POST", "DELETE", "OPTIONS", "PROPFIND"} {
			a := s.call(t, request{method: method, service: service, path: "/"})
			s.refused(t, a, http.StatusUnauthorized, noKey)
			if !strings.HasPrefix(a.Header.Get("WWW-Authenticate"), "Key") {
				t.Errorf("WWW-Authenticate is %q", a.Header.Get("WWW-Authenticate"))
			}
		}
	}
	for _, key := range []string{"wrong", s.ReaderKey + "x", strings.ToUpper(s.ReaderKey) + "x"} {
		s.refused(t, s.call(t, request{path: "/characters", key: key}), http.StatusUnauthorized, wrongKey)
	}
	twice := http.Header{"X-Api-Key": {s.ReaderKey, s.WriterKey}}
	s.refused(t, s.call(t, request{path: "/characters", header: twice}), http.StatusUnauthorized, twoKeys)
}

func (s *suite) keyInQuery(t *testing.T) {
	for _, name := range []string{"X-API-Key", "apikey"} {
		path := "/characters?" + name + "=" + url.QueryEscape(s.ReaderKey)
		s.refused(t, s.call(t, request{path: path}), http.StatusUnauthorized, noKey)
	}
}

func (s *suite) roles(t *testing.T) {
	s.call(t, request{path: "/characters", key: s.ReaderKey}).expect(t, http.StatusOK)
	s.call(t, request{path: "/characters", key: s.WriterKey}).expect(t, http.StatusOK)
	for _, method := range []string{"POST", "PUT", "PATCH", "DELETE"} {
		a := s.call(t, request{method: method, path: "/characters", key: s.ReaderKey, body: []byte(`{}`)})
		s.refused(t, a, http.StatusForbidden, forbidden)
	}
	disguised := http.Header{"X-Http-Method-Override": {"GET"}}
	a := s.call(t, request{method: "POST", path: "/characters", key: s.ReaderKey, body: []byte(`{}`), header: disguised})
	s.refused(t, a, http.StatusForbidden, forbidden)
	s.create(t, "JULIET", "The daughter of the house.")
}

func (s *suite) openContract(t *testing.T) {
	for service := range services {
		for _, path := range []string{"/openapi.json", "/openapi.yaml"} {
			s.call(t, request{service: service, path: path}).expect(t, http.StatusOK)
			s.call(t, request{method: "HEAD", service: service, path: path}).expect(t, http.StatusOK)
		}
		// The page may stand at /docs or send there.
		if a := s.call(t, request{service: service, path: "/docs"}); a.StatusCode >= 400 {
			t.Errorf("%s: /docs: %s", service, a.Status)
		}
		s.refused(t, s.call(t, request{method: "POST", service: service, path: "/docs"}), http.StatusUnauthorized, noKey)
		s.refused(t, s.call(t, request{method: "POST", service: service, path: "/openapi.json"}), http.StatusUnauthorized, noKey)
	}
}

// closedRest tries to make a request look like one for the documentation.
func (s *suite) closedRest(t *testing.T) {
	for _, path := range []string{
		"/", "/characters", "/healthz", "/readyz", "/metrics", "/docsx", "/openapi.jsonx", "/openapi.json/x",
		"/docs/../characters", "/docs/%2e%2e/characters", "/docs/..%2fcharacters", "/docs%2f..%2fcharacters",
		"/docs/%252e%252e/characters", "/docs/..;/characters", "/docs/%5c..%5ccharacters", "//characters", "/characters?/docs",
	} {
		a := s.call(t, request{path: path})
		if a.StatusCode != http.StatusUnauthorized {
			t.Errorf("%s without a key: %s: %.200s", path, a.Status, a.body)
		}
	}
}

func (s *suite) forgedIdentity(t *testing.T) {
	forged := http.Header{
		"X-Consumer-Username":    {"writer"},
		"X-Consumer-Id":          {"1"},
		"X-Consumer-Groups":      {"writers"},
		"X-Authenticated-Groups": {"writers"},
		"X-Anonymous-Consumer":   {"true"},
		"X-Forwarded-Host":       {"storyfactory." + s.Domain},
		"X-Original-Url":         {"/docs"},
		"X-Rewrite-Url":          {"/docs"},
	}
	a := s.call(t, request{path: "/characters", header: forged})
	s.refused(t, a, http.StatusUnauthorized, noKey)
	a = s.call(t, request{method: "POST", path: "/characters", key: s.ReaderKey, body: []byte(`{}`), header: forged})
	s.refused(t, a, http.StatusForbidden, forbidden)
	if s.EchoPath == "" {
		return
	}
	a = s.call(t, request{path: s.EchoPath, key: s.ReaderKey, header: forged})
	a.expect(t, http.StatusOK)
	var got http.Header
	a.decode(t, &got)
	if names := got["X-Consumer-Username"]; len(names) != 1 || names[0] != "reader" {
		t.Errorf("the service takes the reader for %v", names)
	}
}

func (s *suite) keysStay(t *testing.T) {
	if s.EchoPath == "" {
		t.Skip("no echo: set Target.EchoPath to check what a service gets to see")
	}
	a := s.call(t, request{path: s.EchoPath + "?X-API-Key=" + url.QueryEscape(s.ReaderKey), key: s.ReaderKey})
	a.expect(t, http.StatusOK)
	if strings.Contains(string(a.body), s.ReaderKey) {
		t.Errorf("the service got the key: %s", a.body)
	}
	var got http.Header
	a.decode(t, &got)
	if got.Get("X-Request-Id") == "" || got.Get("X-Request-Id") != a.Header.Get("X-Request-Id") {
		t.Errorf("the service knows the request as %q, the client as %q", got.Get("X-Request-Id"), a.Header.Get("X-Request-Id"))
	}
	if got.Get("X-Forwarded-For") == "" || got.Get("X-Forwarded-Proto") == "" {
		t.Errorf("the service does not learn how it was called: %v", got)
	}
}
