package apitest

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/gorilla/mux"

	"fountain.coach/fountainai/internal/httpapi"
)

const document = `openapi: 3.1.0
paths:
  /things/{thingId}:
    get:
      operationId: getThing
      parameters: [{name: thingId, in: path, required: true, schema: {type: string}}]
      responses:
        '200':
          headers: {ETag: {schema: {type: string}}}
          content: {application/json: {schema: {type: object, required: [name], properties: {name: {type: string}}}}}
        '404': {content: {application/problem+json: {schema: {type: object}}}}
  /things/batch:
    get:
      operationId: getThings
      responses: {'204': {description: Nothing.}}
`

// answers maps what is asked for to status, ETag, Content-Type and body.
var answers = map[string][4]string{
	"good":       {"200", `"1"`, "application/json; charset=utf-8", `{"name":"x","more":1}`},
	"missing":    {"404", "", "application/problem+json", `{}`},
	"status":     {"418", "", "application/json", `{}`},
	"schema":     {"200", `"1"`, "application/json", `{"name":1}`},
	"etag":       {"200", "", "application/json", `{"name":"x"}`},
	"type":       {"200", `"1"`, "text/plain", `{"name":"x"}`},
	"nonsense":   {"200", `"1"`, "application/json", `{"name":`},
	"batch":      {"204", "", "", ""},
	"wrong type": {"404", "", "application/json", `{}`},
}

func definition() httpapi.Definition {
	answer := func(w http.ResponseWriter, r *http.Request) {
		given := answers[strings.TrimPrefix(r.URL.Path, "/things/")]
		w.Header().Set("Content-Type", given[2])
		if given[1] != "" {
			w.Header().Set("ETag", given[1])
		}
		var status int
		fmt.Sscan(given[0], &status)
		w.WriteHeader(status)
		io.WriteString(w, given[3])
	}
	return httpapi.Definition{
		Name: "things", OpenAPI: []byte(document),
		Migrations: fstest.MapFS{"00001_things.sql": {Data: []byte("-- +goose Up\nCREATE TABLE things (id INTEGER PRIMARY KEY);\n")}},
		Register: func(router *mux.Router, _ httpapi.Dependencies) {
			router.HandleFunc("/things/{thingId}", answer).Methods("GET")
			router.HandleFunc("/things/batch", answer).Methods("GET")
		},
	}
}

// recorder is a test that notes its failures instead of failing.
type recorder struct {
	testing.TB
	failures []string
}

func (r *recorder) Helper() {}

func (r *recorder) Error(arguments ...any) { r.failures = append(r.failures, fmt.Sprint(arguments...)) }

func (r *recorder) Errorf(format string, arguments ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, arguments...))
}

func (r *recorder) Fatalf(format string, arguments ...any) {
	r.Errorf(format, arguments...)
	panic(r)
}

// failuresOf returns what run reports as failures.
func failuresOf(t *testing.T, run func(t testing.TB)) (failures string) {
	t.Helper()
	r := &recorder{TB: t}
	defer func() {
		if stopped := recover(); stopped != nil && stopped != any(r) {
			panic(stopped)
		}
		failures = strings.Join(r.failures, "\n")
	}()
	run(r)
	return ""
}

// wantFailure fails the test unless run reports a failure with text in it, or
// none if text is empty.
func wantFailure(t *testing.T, name, text string, run func(t testing.TB)) {
	t.Helper()
	if got := failuresOf(t, run); text == "" && got != "" || !strings.Contains(got, text) {
		t.Errorf("%s: got failures %q, want …%s…", name, got, text)
	}
}

// TestAnswersAreChecked: an answer that the document does not promise fails.
func TestAnswersAreChecked(t *testing.T) {
	s := Start(t, definition())
	for name, want := range map[string]string{
		"good": "", "missing": "", "batch": "",
		"status": "status 418 is not in openapi.yaml", "schema": "jsonschema validation failed", "etag": "header ETag is missing",
		"type": "content type text/plain is not listed", "nonsense": "unexpected EOF", "wrong type": "content type application/json is not listed",
	} {
		wantFailure(t, name, want, func(t testing.TB) {
			s.For(t).Do("GET", "/things/"+strings.ReplaceAll(name, " ", "%20"), nil)
		})
	}
	wantFailure(t, "another status", "got 404, want 200", func(t testing.TB) { s.For(t).Want(200, "GET", "/things/missing", nil) })
}

// TestCoverage: an operation is covered when each of its statuses was seen.
func TestCoverage(t *testing.T) {
	clear(seen)
	s := Start(t, definition())
	for _, step := range []struct {
		status int
		path   string
		left   string
	}{
		{404, "/things/missing", "no test gets 200 of operation getThing (GET /things/{thingId})"},
		{200, "/things/good", "no test gets 204 of operation getThings (GET /things/batch)"},
		{204, "/things/batch", ""},
	} {
		s.Want(step.status, "GET", step.path, nil)
		var report strings.Builder
		code := uncovered(definition(), &report)
		if (code == 0) != (step.left == "") || !strings.Contains(report.String(), step.left) {
			t.Errorf("after %s: got %d and %q, want %q", step.path, code, report.String(), step.left)
		}
	}
	var report strings.Builder
	if code := uncovered(httpapi.Definition{OpenAPI: []byte("{")}, &report); code != 1 || report.Len() == 0 {
		t.Errorf("a broken document: got %d and %q", code, report.String())
	}
}
