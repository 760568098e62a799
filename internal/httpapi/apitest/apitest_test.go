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

func (r *recorder) Errorf(format string, arguments ...any) {
	r.failures = append(r.failures, fmt.Sprintf(format, arguments...))
}

// TestAnswersAreChecked: an answer that the document does not promise fails.
func TestAnswersAreChecked(t *testing.T) {
	s := Start(t, definition())
	for name, want := range map[string]string{
		"good": "", "missing": "", "batch": "",
		"status": "status 418 is not in openapi.yaml", "schema": "jsonschema validation failed", "etag": "header ETag is missing",
		"type": "content type text/plain is not listed", "nonsense": "unexpected EOF", "wrong type": "content type application/json is not listed",
	} {
		r := &recorder{TB: t}
		s.t = r
		s.Do("GET", "/things/"+strings.ReplaceAll(name, " ", "%20"), nil)
		if got := strings.Join(r.failures, "\n"); want == "" && got != "" || !strings.Contains(got, want) {
			t.Errorf("%s: got %q, want …%s…", name, got, want)
		}
	}
}

func TestCoverage(t *testing.T) {
	clear(seen)
	s := Start(t, definition())
	s.Want(404, "GET", "/things/missing", nil) // a refusal does not count
	if got := uncovered(definition()); got != 1 || len(seen) != 0 {
		t.Errorf("got %d with %v", got, seen)
	}
	s.Want(200, "GET", "/things/good", nil)
	s.Want(204, "GET", "/things/batch", nil)
	if got := uncovered(definition()); got != 0 {
		t.Errorf("got %d with %v", got, seen)
	}
}

func TestAnswerGet(t *testing.T) {
	a := &Answer{t: t, Body: []byte(`{"a":[{"b":"c"},2]}`)}
	for path, want := range map[string]any{"a/0/b": "c", "a/1": 2.0, "a/2": nil, "a/x": nil, "b": nil, "a/0/b/c": nil} {
		if got := a.Get(strings.Split(path, "/")...); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
}
