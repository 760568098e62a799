// Checking a request against its operation before any handler sees it.
package httpapi

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"

	"github.com/gorilla/mux"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

type parameter struct {
	name     string
	in       string
	required bool
	isArray  bool
	// kind is the JSON type of the value, or of each item of an array.
	kind   string
	schema *jsonschema.Schema
}

// input is a request as validation found it.
type input struct {
	query url.Values
	// body is empty if there is none.
	body []byte
}

// validate checks parameters and body. It leaves r.Body as if nobody had read it.
func (o *Operation) validate(w http.ResponseWriter, r *http.Request) (input, error) {
	query, err := parseQuery(r.URL.RawQuery)
	if err != nil {
		return input{}, err
	}
	if faults := o.checkParameters(r, query); len(faults) > 0 {
		return input{}, invalid(faults)
	}
	if o.body == nil {
		return input{query: query}, checkNoBody(r)
	}
	body, err := o.body.take(w, r)
	return input{query: query, body: body}, err
}

func parseQuery(raw string) (url.Values, error) {
	if raw == "" {
		return nil, nil
	}
	query, err := url.ParseQuery(raw)
	if err != nil {
		return nil, Invalid("query", "the query string is not well formed: percent-encode special characters")
	}
	return query, nil
}

func (o *Operation) checkParameters(r *http.Request, query url.Values) []problem.FieldError {
	var faults []problem.FieldError
	for i := range o.parameters {
		p := &o.parameters[i]
		if fault := p.check(p.values(r, query)); fault != "" {
			faults = append(faults, problem.FieldError{Pointer: p.place(), Reason: fault})
		}
	}
	for name := range query {
		if !o.has("query", name) {
			faults = append(faults, problem.FieldError{Pointer: "query/" + name, Reason: o.unknownQuery()})
		}
	}
	slices.SortFunc(faults, func(a, b problem.FieldError) int { return strings.Compare(a.Pointer, b.Pointer) })
	return faults[:min(len(faults), maxFaults)]
}

// place names the parameter in errors, as query/limit.
func (p *parameter) place() string { return p.in + "/" + p.name }

func (p *parameter) values(r *http.Request, query url.Values) []string {
	switch p.in {
	case "path":
		return []string{mux.Vars(r)[p.name]}
	case "query":
		return query[p.name]
	}
	return headerValues(r.Header, http.CanonicalHeaderKey(p.name))
}

// headerValues returns the values of a header. Lines of a header that is a list
// are one list (RFC 9110, 5.3); they are joined for whoever reads it next.
func headerValues(header http.Header, name string) []string {
	if values := header[name]; len(values) > 1 && (name == "If-Match" || name == "If-None-Match") {
		header[name] = []string{strings.Join(values, ", ")}
	}
	return header[name]
}

// check returns what is wrong with the values given for p, or "".
func (p *parameter) check(values []string) string {
	switch {
	case len(values) == 0 && p.required:
		return "is required"
	case len(values) == 0:
		return ""
	case len(values) > 1:
		return "is given more than once"
	case !utf8.ValidString(values[0]) || strings.IndexByte(values[0], 0) >= 0:
		return "must be UTF-8 text without the character U+0000"
	case p.isArray:
		return p.checkArray(values[0])
	}
	return firstFault(schemaFaults(p.schema, p.typed(values[0])))
}

func (p *parameter) checkArray(text string) string {
	items := strings.Split(text, ",")
	list := make([]any, len(items))
	for i, item := range items {
		list[i] = p.typed(item)
	}
	return firstFault(schemaFaults(p.schema, list))
}

// firstFault returns the first of faults as text, with the item it concerns.
func firstFault(faults []problem.FieldError) string {
	if len(faults) == 0 {
		return ""
	}
	item, err := strconv.Atoi(strings.TrimPrefix(faults[0].Pointer, "/"))
	if err != nil {
		return faults[0].Reason
	}
	return fmt.Sprintf("item %d %s", item+1, faults[0].Reason)
}

// typed gives text the JSON type the schema asks for, where it has that form.
func (p *parameter) typed(text string) any {
	switch p.kind {
	case "integer", "number":
		if isNumber(text) {
			return json.Number(text)
		}
	case "boolean":
		if text == "true" || text == "false" {
			return text == "true"
		}
	}
	return text
}

// isNumber reports whether text is a number as JSON writes it, space excluded.
func isNumber(text string) bool {
	const digits = "0123456789"
	if text == "" || !strings.Contains("-"+digits, text[:1]) || !strings.Contains(digits, text[len(text)-1:]) {
		return false
	}
	return json.Valid([]byte(text)) && checkNumber(text) == nil
}

// has reports whether the operation takes the parameter.
func (o *Operation) has(in, name string) bool {
	for i := range o.parameters {
		if o.parameters[i].in == in && o.parameters[i].name == name {
			return true
		}
	}
	return false
}

func (o *Operation) unknownQuery() string {
	var known []string
	for _, p := range o.parameters {
		if p.in == "query" {
			known = append(known, p.name)
		}
	}
	if known == nil {
		return "is not known; this operation takes no query parameters"
	}
	return "is not known; this operation takes " + strings.Join(known, ", ")
}
