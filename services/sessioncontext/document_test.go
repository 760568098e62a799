// Every operation as openapi.yaml describes it: its examples succeed, and each
// failure it lists happens.
package sessioncontext

import (
	"encoding/json"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// call is a request made from an example of the document.
type call struct {
	operation *openapi3.Operation
	name      string
	method    string
	template  string
	body      string // "" if the operation takes none
	headers   []string
}

// calls returns a call for each example of each operation, and one for each
// operation without a body.
func calls(t testing.TB) []call {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(openAPI)
	if err != nil {
		t.Fatal(err)
	}
	var all []call
	for template, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			c := call{operation: operation, name: operation.OperationID, method: method, template: template}
			if operation.RequestBody == nil {
				all = append(all, c)
				continue
			}
			all = append(all, c.examples(t)...)
		}
	}
	slices.SortFunc(all, func(a, b call) int { return strings.Compare(a.name, b.name) })
	return all
}

func (c call) examples(t testing.TB) []call {
	t.Helper()
	var all []call
	for mediaType, content := range c.operation.RequestBody.Value.Content {
		for name, example := range content.Examples {
			body, err := json.Marshal(example.Value.Value)
			if err != nil {
				t.Fatal(err)
			}
			one := c
			one.name += "/" + name + "/" + mediaType
			one.body = string(body)
			one.headers = []string{"Content-Type", mediaType}
			all = append(all, one)
		}
	}
	return all
}

var pathParameter = regexp.MustCompile(`\{[^}]*\}`)

// path is the template with id for its parameters.
func (c call) path(id string) string { return pathParameter.ReplaceAllString(c.template, id) }

// send sends the call to path with more headers.
func (c call) send(s *apitest.Service, path string, headers ...string) *apitest.Answer {
	return s.Do(c.method, path, c.content(), append(slices.Clone(c.headers), headers...)...)
}

func (c call) content() any {
	if c.body == "" {
		return nil
	}
	return c.body
}

func TestExamples(t *testing.T) {
	shared := start(t)
	for _, c := range calls(t) {
		t.Run(c.name, func(t *testing.T) {
			s := shared
			if c.method == "DELETE" {
				s = start(t)
			}
			if a := c.send(s, c.path("1")); a.Status >= 300 {
				t.Errorf("got %d: %s", a.Status, a.Body)
			}
		})
	}
}

// elsewhere are the failures that other tests provoke or that the gateway
// answers with.
var elsewhere = []string{"401", "403", "429", "500", "503"}

func TestDocumentedFailures(t *testing.T) {
	s := start(t)
	for _, c := range calls(t) {
		t.Run(c.name, func(t *testing.T) {
			for status := range c.operation.Responses.Map() {
				if status < "400" || slices.Contains(elsewhere, status) {
					continue
				}
				provoke := failures[status]
				if provoke == nil {
					t.Fatalf("no test provokes status %s", status)
				}
				provoke(t, s, c)
			}
		})
	}
}

var failures = map[string]func(t *testing.T, s *apitest.Service, c call){
	"400": func(t *testing.T, s *apitest.Service, c call) {
		refused(t, c.send(s, c.path("1")+"?nonsense=1"), 400, "invalid_request", "query/nonsense")
	},
	"404": func(t *testing.T, s *apitest.Service, c call) {
		refused(t, c.send(s, c.path("999")), 404, "not_found", "")
	},
	"409": provokeConflict,
	"412": func(t *testing.T, s *apitest.Service, c call) {
		refused(t, c.send(s, c.path("1"), "If-Match", `"999"`), 412, "precondition_failed", "")
	},
	"413": func(t *testing.T, s *apitest.Service, c call) {
		c.body += strings.Repeat(" ", c.limit()+1-len(c.body))
		refused(t, c.send(s, c.path("1")), 413, "body_too_large", "")
	},
	"415": func(t *testing.T, s *apitest.Service, c call) {
		refused(t, c.send(s, c.path("1"), "Content-Type", "text/plain"), 415, "unsupported_media_type", "")
	},
	"422": func(t *testing.T, s *apitest.Service, c call) {
		// Whatever the first answer is, it belongs to this key and body.
		c.send(s, c.path("1"), "Idempotency-Key", c.name)
		c.body += " "
		refused(t, c.send(s, c.path("1"), "Idempotency-Key", c.name), 422, "idempotency_key_reused", "")
	},
}

// limit is the longest body that the operation takes.
func (c call) limit() int {
	if limit, found := c.operation.RequestBody.Value.Extensions["x-body-limit"].(float64); found {
		return int(limit)
	}
	return 1 << 20
}

// provokeConflict asks for a second context of a character in a script.
func provokeConflict(t *testing.T, s *apitest.Service, c call) {
	s.Do("POST", "/contexts", `{"characterId":8,"scriptId":8,"data":{}}`)
	switch {
	case c.method == "PATCH":
		c.body = `{"characterId":8,"scriptId":8}`
	case strings.HasSuffix(c.template, "/batch"):
		c.body = `{"items":[{"characterId":8,"scriptId":8,"data":{}}]}`
	default:
		c.body = `{"characterId":8,"scriptId":8,"data":{}}`
	}
	refused(t, c.send(s, c.path("1")), 409, "context_exists", "")
}

// Nothing of the inside reaches a client when the database is gone.
func TestDatabaseGone(t *testing.T) {
	s := start(t)
	if err := s.Instance.DB.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range calls(t) {
		refused(t, c.send(s, c.path("1")), 503, "shutting_down", "")
	}
}
