// A stage for the examples of a document: requests that succeed on it.
package apitest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"

	"fountain.coach/fountainai/internal/httpapi"
)

// Stage is a service that holds what the examples of its document speak of:
// each of those succeeds on it. Every list on it has two items or more.
type Stage struct {
	Definition httpapi.Definition
	// Set brings in what the stage holds.
	Set func(s *Service)
}

// Start runs the service with the stage set until the test ends.
func (st Stage) Start(t testing.TB) *Service {
	t.Helper()
	s := Start(t, st.Definition)
	st.Set(s)
	return s
}

// state is what the GET operations answer, to see whether something changed.
func state(s *Service, calls []Call) string {
	s.t.Helper()
	all := ""
	for _, c := range calls {
		if c.Method == http.MethodGet {
			all += s.Bodies(c.address())
		}
	}
	return all
}

// Call is a request as an example of the document has it.
type Call struct {
	// Name is the operation, and where it takes a body the example's name and
	// the media type.
	Name      string
	Operation string
	Method    string
	Body      string // "" where the operation takes none
	Headers   []string

	template   string
	operation  *openapi3.Operation
	parameters openapi3.Parameters
}

// Calls returns a call for each example of each body of each operation, and one
// for each operation without a body, in order of name.
func Calls(t testing.TB, definition httpapi.Definition) []Call {
	t.Helper()
	document, err := openapi3.NewLoader().LoadFromData(definition.OpenAPI)
	if err != nil {
		t.Fatal(err)
	}
	var calls []Call
	for template, item := range document.Paths.Map() {
		for method, operation := range item.Operations() {
			c := Call{
				Name: operation.OperationID, Operation: operation.OperationID, Method: method, template: template,
				operation: operation, parameters: slices.Concat(item.Parameters, operation.Parameters),
			}
			if operation.RequestBody == nil {
				calls = append(calls, c)
				continue
			}
			calls = append(calls, c.examples(t)...)
		}
	}
	slices.SortFunc(calls, func(a, b Call) int { return strings.Compare(a.Name, b.Name) })
	return calls
}

func (c Call) examples(t testing.TB) []Call {
	t.Helper()
	var calls []Call
	for mediaType, content := range c.operation.RequestBody.Value.Content {
		for name, example := range content.Examples {
			body, err := json.Marshal(example.Value.Value)
			if err != nil {
				t.Fatal(err)
			}
			one := c
			one.Name += "/" + name + "/" + mediaType
			one.Body = string(body)
			one.Headers = []string{"Content-Type", mediaType}
			calls = append(calls, one)
		}
	}
	return calls
}

// first returns the first call of each operation that is chosen.
func first(calls []Call, chosen func(c Call) bool) []Call {
	calls = slices.CompactFunc(slices.Clone(calls), func(a, b Call) bool { return a.Operation == b.Operation })
	return slices.DeleteFunc(calls, func(c Call) bool { return !chosen(c) })
}

func (c Call) hasBody() bool { return c.Body != "" }

// takes reports whether the operation has a parameter, named as "query/limit".
func (c Call) takes(place string) bool {
	return slices.ContainsFunc(c.parameters, func(p *openapi3.ParameterRef) bool { return placeOf(p) == place })
}

func (c Call) documents(status string) bool { return c.operation.Responses.Value(status) != nil }

func placeOf(p *openapi3.ParameterRef) string { return p.Value.In + "/" + p.Value.Name }

// identifiers returns the places of the identifiers in path and query.
func (c Call) identifiers() []string {
	var places []string
	for _, p := range c.parameters {
		if p.Value.Schema.Ref == "#/components/schemas/Identifier" {
			places = append(places, placeOf(p))
		}
	}
	return places
}

// required reports whether the parameter at place must be given.
func (c Call) required(place string) bool {
	return slices.ContainsFunc(c.parameters, func(p *openapi3.ParameterRef) bool { return placeOf(p) == place && p.Value.Required })
}

// address returns path and query with the parameters' examples. replaced are
// place, value, place, value… of parameters that get another value; values are
// taken as they are, so escaped where they have to be.
func (c Call) address(replaced ...string) string {
	path, query := c.template, []string{}
	for _, p := range c.parameters {
		value, given := "", p.Value.Required
		if p.Value.Example != nil {
			value = fmt.Sprint(p.Value.Example)
		}
		for i := 0; i+1 < len(replaced); i += 2 {
			if replaced[i] == placeOf(p) {
				value, given = replaced[i+1], true
			}
		}
		switch {
		case p.Value.In == openapi3.ParameterInPath:
			path = strings.Replace(path, "{"+p.Value.Name+"}", value, 1)
		case p.Value.In == openapi3.ParameterInQuery && given:
			query = append(query, p.Value.Name+"="+value)
		}
	}
	return join(path, query...)
}

// join adds parameters to the query of an address.
func join(address string, query ...string) string {
	for _, parameter := range query {
		separator := "?"
		if strings.Contains(address, "?") {
			separator = "&"
		}
		address += separator + parameter
	}
	return address
}

// send sends the call with more headers.
func (c Call) send(s *Service, headers ...string) *Answer {
	return c.sendTo(s, c.address(), headers...)
}

func (c Call) sendTo(s *Service, address string, headers ...string) *Answer {
	s.t.Helper()
	var body any
	if c.hasBody() {
		body = c.Body
	}
	return s.Do(c.Method, address, body, slices.Concat(c.Headers, headers)...)
}

// limit is the length of the longest body that the operation takes.
func (c Call) limit() int {
	if limit, found := c.operation.RequestBody.Value.Extensions["x-body-limit"].(float64); found {
		return int(limit)
	}
	return 1 << 20
}
