// Package apitest drives a service over HTTP in tests, holds every answer
// against the service's OpenAPI document, and plays on each service what must
// hold for all of them.
package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"fountain.coach/fountainai/internal/httpapi"
)

// Service is a service under test, on a database of its own.
type Service struct {
	t          testing.TB
	definition httpapi.Definition
	url        string // of the database
	client     *http.Client
	Instance   *httpapi.Instance
	// beside are the other replicas of the service, on a server.
	beside []*httpapi.Instance
	// URL is where the service listens, without a slash at its end.
	URL string
}

// Start runs the service that definition describes until the test ends: on
// PostgreSQL as three replicas that take requests in turn.
func Start(t testing.TB, definition httpapi.Definition) *Service {
	t.Helper()
	return startAt(t, definition, newDatabase(t, definition.Name))
}

func startAt(t testing.TB, definition httpapi.Definition, database string) *Service {
	t.Helper()
	s := open(t, definition, database, t.Output())
	server := httptest.NewServer(s.replicate())
	t.Cleanup(func() {
		server.Close()
		s.For(t).Stop()
	})
	s.URL = server.URL
	return s
}

// open opens the service without a server; its warnings go to logs.
func open(t testing.TB, definition httpapi.Definition, database string, logs io.Writer) *Service {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(logs, &slog.HandlerOptions{Level: slog.LevelWarn}))
	instances, err := openAll(definition, database, httpapi.Options{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	// A redirect is an answer too, and none that a document promises.
	stay := func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	return &Service{t: t, definition: definition, url: database, client: &http.Client{CheckRedirect: stay}, Instance: instances[0], beside: instances[1:]}
}

// For returns the service with its failures reported to t: a subtest, or the
// test that a fuzz target runs in.
func (s *Service) For(t testing.TB) *Service {
	bound := *s
	bound.t = t
	return &bound
}

// Stop closes the database, of every replica, as the end of the process would; requests are still
// answered, as far as that goes without one.
func (s *Service) Stop() {
	s.t.Helper()
	for _, replica := range s.replicas() {
		if err := replica.DB.Close(); err != nil {
			s.t.Error(err)
		}
	}
}

// Restart stops the service and returns it as it runs anew on its database.
func (s *Service) Restart() *Service {
	s.t.Helper()
	s.Stop()
	return startAt(s.t, s.definition, s.url)
}

// Do sends a request and returns the answer after checking it against the
// document. body may be nil, a string or []byte sent as it is, or a value sent
// as JSON. headers are name, value, name, value…; without a Content-Type among
// them a body is sent as application/json.
func (s *Service) Do(method, path string, body any, headers ...string) *Answer {
	s.t.Helper()
	request, err := http.NewRequest(method, s.URL+path, encode(s.t, body))
	if err != nil {
		s.t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := s.client.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	answer := &Answer{t: s.t, request: method + " " + path, Status: response.StatusCode, Header: response.Header, Body: content}
	s.check(method, request.URL.Path, answer)
	return answer
}

// Want is Do, failing the test unless the answer has the status.
func (s *Service) Want(status int, method, path string, body any, headers ...string) *Answer {
	s.t.Helper()
	answer := s.Do(method, path, body, headers...)
	if answer.Status != status {
		s.t.Fatalf("%s: got %d, want %d: %s", answer.short(), answer.Status, status, answer.Body)
	}
	return answer
}

// Bodies returns the bodies that GET of each path answers with, to see whether
// something has changed.
func (s *Service) Bodies(paths ...string) string {
	s.t.Helper()
	all := ""
	for _, path := range paths {
		all += string(s.Want(http.StatusOK, http.MethodGet, path, nil).Body)
	}
	return all
}

func encode(t testing.TB, body any) io.Reader {
	t.Helper()
	switch body := body.(type) {
	case nil:
		return nil
	case string:
		return strings.NewReader(body)
	case []byte:
		return bytes.NewReader(body)
	}
	content, err := json.Marshal(body)
	if err != nil {
		t.Fatal(err)
	}
	return bytes.NewReader(content)
}

// check holds an answer against the document.
func (s *Service) check(method, path string, answer *Answer) {
	s.t.Helper()
	operation := find(s.Instance.API.Document(), method, path)
	if operation == nil {
		return
	}
	status := fmt.Sprint(answer.Status)
	promised, documented := operation.Responses[status]
	if !documented {
		s.t.Errorf("%s: status %s is not in openapi.yaml: %s", operation.ID, status, answer.Body)
		return
	}
	covered(operation.ID, status)
	if err := matches(promised, answer); err != nil {
		s.t.Errorf("%s: the answer with status %s is not what openapi.yaml promises: %v\n%s", operation.ID, status, err, answer.Body)
	}
}

// find returns the operation of a request, nil if there is none.
func find(document *httpapi.Document, method, path string) *httpapi.Operation {
	template := ""
	for _, operation := range document.Operations {
		// /characters/batch is more exact than /characters/{characterId}.
		if fits(operation.Path, path) && (template == "" || strings.Count(operation.Path, "{") < strings.Count(template, "{")) {
			template = operation.Path
		}
	}
	for _, operation := range document.Operations {
		if operation.Method == method && operation.Path == template {
			return operation
		}
	}
	return nil
}

func fits(template, path string) bool {
	want, have := strings.Split(template, "/"), strings.Split(path, "/")
	return slices.EqualFunc(want, have, func(w, h string) bool { return w == h || strings.HasPrefix(w, "{") && h != "" })
}

func matches(promised httpapi.Response, answer *Answer) error {
	for _, name := range promised.Headers {
		if name == "ETag" && answer.Header.Get(name) == "" {
			return fmt.Errorf("header %s is missing", name)
		}
	}
	if len(promised.Bodies) == 0 {
		if len(answer.Body) > 0 {
			return fmt.Errorf("there is a body")
		}
		return nil
	}
	mediaType, _, err := mime.ParseMediaType(answer.Header.Get("Content-Type"))
	if err != nil {
		return fmt.Errorf("content type: %w", err)
	}
	schema, found := promised.Bodies[mediaType]
	if !found {
		return fmt.Errorf("content type %s is not listed", mediaType)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(answer.Body))
	if err != nil || schema == nil {
		return err
	}
	return schema.Validate(value)
}
