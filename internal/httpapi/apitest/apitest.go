// Package apitest drives a service over HTTP in tests and holds every answer
// against the service's OpenAPI document.
package apitest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"mime"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"fountain.coach/fountainai/internal/httpapi"
)

// Service is a service under test, on a database of its own.
type Service struct {
	t        testing.TB
	Instance *httpapi.Instance
	// URL is where the service listens, without a slash at its end.
	URL string
}

// Start runs the service that definition describes until the test ends.
func Start(t testing.TB, definition httpapi.Definition) *Service {
	t.Helper()
	return StartAt(t, definition, filepath.Join(t.TempDir(), definition.Name+".db"))
}

// StartAt is Start on the database file at path.
func StartAt(t testing.TB, definition httpapi.Definition, path string) *Service {
	t.Helper()
	logger := slog.New(slog.NewTextHandler(t.Output(), &slog.HandlerOptions{Level: slog.LevelWarn}))
	instance, err := httpapi.Open(context.Background(), definition, "file:"+path, httpapi.Options{Logger: logger})
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(instance.API)
	t.Cleanup(func() {
		server.Close()
		if err := instance.DB.Close(); err != nil {
			t.Error(err)
		}
	})
	return &Service{t: t, Instance: instance, URL: server.URL}
}

// Answer is an answer with its body read.
type Answer struct {
	t      testing.TB
	Status int
	Header http.Header
	Body   []byte
}

// JSON decodes the body into target.
func (a *Answer) JSON(target any) {
	a.t.Helper()
	if err := json.Unmarshal(a.Body, target); err != nil {
		a.t.Fatalf("decode %s: %v", a.Body, err)
	}
}

// Get returns the member of the JSON body at path, as Get("errors", "0",
// "pointer"), in the types of encoding/json; nil if there is none.
func (a *Answer) Get(path ...string) any {
	a.t.Helper()
	var value any
	a.JSON(&value)
	for _, step := range path {
		switch container := value.(type) {
		case map[string]any:
			value = container[step]
		case []any:
			var index int
			if _, err := fmt.Sscan(step, &index); err != nil || index >= len(container) {
				return nil
			}
			value = container[index]
		default:
			return nil
		}
	}
	return value
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
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		s.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	answer := &Answer{t: s.t, Status: response.StatusCode, Header: response.Header, Body: content}
	s.check(method, request.URL.Path, answer)
	return answer
}

// Want is Do, failing the test unless the answer has the status.
func (s *Service) Want(status int, method, path string, body any, headers ...string) *Answer {
	s.t.Helper()
	answer := s.Do(method, path, body, headers...)
	if answer.Status != status {
		s.t.Fatalf("%s %s: got %d, want %d: %s", method, path, answer.Status, status, answer.Body)
	}
	return answer
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
	promised, documented := operation.Responses[fmt.Sprint(answer.Status)]
	if !documented {
		s.t.Errorf("%s: status %d is not in openapi.yaml: %s", operation.ID, answer.Status, answer.Body)
		return
	}
	if answer.Status < 300 {
		covered(operation.ID)
	}
	if err := matches(promised, answer); err != nil {
		s.t.Errorf("%s: the answer with status %d is not what openapi.yaml promises: %v\n%s",
			operation.ID, answer.Status, err, answer.Body)
	}
}

func find(document *httpapi.Document, method, path string) *httpapi.Operation {
	var best *httpapi.Operation
	for _, operation := range document.Operations {
		if operation.Method != method || !fits(operation.Path, path) {
			continue
		}
		// /characters/batch is more exact than /characters/{characterId}.
		if best == nil || strings.Count(operation.Path, "{") < strings.Count(best.Path, "{") {
			best = operation
		}
	}
	return best
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
