// Checking a request against its operation before any handler sees it.
package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/gorilla/mux"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

// maxFaults bounds the faults listed in one answer.
const maxFaults = 20

// validate checks parameters and body. It returns the body's bytes and leaves
// r.Body as if nobody had read it.
func (o *Operation) validate(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	faults, err := o.checkParameters(r)
	if err != nil {
		return nil, err
	}
	if len(faults) > 0 {
		return nil, invalid(faults)
	}
	if o.body == nil {
		return nil, checkNoBody(r)
	}
	body, err := o.body.read(w, r)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	return body, o.body.check(body)
}

func (o *Operation) checkParameters(r *http.Request) ([]problem.FieldError, error) {
	query, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		return nil, Invalid("query", "the query string is not well formed: percent-encode special characters")
	}
	var faults []problem.FieldError
	path := mux.Vars(r)
	for i := range o.parameters {
		p := &o.parameters[i]
		values := p.values(r, path, query)
		if fault := p.check(values); fault != "" {
			faults = append(faults, problem.FieldError{Pointer: p.in + "/" + p.name, Reason: fault})
		}
	}
	for name := range query {
		if !o.hasQuery(name) {
			faults = append(faults, problem.FieldError{Pointer: "query/" + name, Reason: o.unknownQuery()})
		}
	}
	slices.SortFunc(faults, func(a, b problem.FieldError) int { return strings.Compare(a.Pointer, b.Pointer) })
	return faults, nil
}

func (p *parameter) values(r *http.Request, path map[string]string, query url.Values) []string {
	switch p.in {
	case "path":
		return []string{path[p.name]}
	case "query":
		return query[p.name]
	case "header":
		return r.Header.Values(p.name)
	}
	return nil
}

// check returns what is wrong with the values given for p, or "".
func (p *parameter) check(values []string) string {
	switch {
	case len(values) == 0 && p.required:
		return "is required"
	case len(values) == 0:
		return ""
	case len(values) > 1 && p.in == "query":
		return "is given more than once"
	}
	var value any = p.typed(values[0])
	if p.isArray {
		list := []any{}
		for _, item := range strings.Split(values[0], ",") {
			list = append(list, p.typed(item))
		}
		value = list
	}
	faults := schemaFaults(p.schema, value)
	if len(faults) == 0 {
		return ""
	}
	return faults[0].Reason
}

// typed gives text the JSON type the schema asks for, where it has that form.
func (p *parameter) typed(text string) any {
	switch {
	case p.isNumber && isInteger(text):
		return json.Number(text)
	case p.isBool && (text == "true" || text == "false"):
		return text == "true"
	}
	return text
}

func isInteger(text string) bool {
	digits := strings.TrimPrefix(text, "-")
	if digits == "" || len(digits) > 40 || (len(digits) > 1 && digits[0] == '0') {
		return false
	}
	return strings.Trim(digits, "0123456789") == ""
}

func (o *Operation) hasQuery(name string) bool {
	return slices.ContainsFunc(o.parameters, func(p parameter) bool { return p.in == "query" && p.name == name })
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

func checkNoBody(r *http.Request) error {
	if r.ContentLength > 0 || len(r.TransferEncoding) > 0 {
		return Invalid("", "this operation takes no request body")
	}
	return nil
}

// read takes the body off the wire, within its limit and media types.
func (b *requestBody) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength > b.limit {
		return nil, tooLarge(b.limit)
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, b.limit))
	var exceeded *http.MaxBytesError
	switch {
	case errors.As(err, &exceeded):
		return nil, tooLarge(b.limit)
	case err != nil:
		return nil, problem.New(http.StatusBadRequest, "body_unreadable",
			"The request body ended before its announced length or came too slowly; send it again.")
	case len(body) == 0 && !b.required:
		return body, nil
	case len(body) == 0:
		return nil, Invalid("", "a JSON request body is required")
	}
	return body, b.checkMediaType(r.Header.Get("Content-Type"))
}

func (b *requestBody) checkMediaType(header string) error {
	mediaType, parameters, err := mime.ParseMediaType(header)
	charset := strings.ToLower(parameters["charset"])
	if err != nil || !slices.Contains(b.mediaTypes, mediaType) || (charset != "" && charset != "utf-8") {
		return problem.New(http.StatusUnsupportedMediaType, "unsupported_media_type",
			fmt.Sprintf("The request has Content-Type %q; send %s in UTF-8.", header, strings.Join(b.mediaTypes, " or ")))
	}
	return nil
}

func (b *requestBody) check(body []byte) error {
	if len(body) == 0 {
		return nil
	}
	value, fault := decodeJSON(body)
	if fault != nil {
		return invalid([]problem.FieldError{*fault})
	}
	if faults := schemaFaults(b.schema, value); len(faults) > 0 {
		return invalid(faults)
	}
	return nil
}

func schemaFaults(schema *jsonschema.Schema, value any) []problem.FieldError {
	err := schema.Validate(value)
	var failure *jsonschema.ValidationError
	if !errors.As(err, &failure) {
		return nil
	}
	var faults []problem.FieldError
	collectFaults(failure, &faults)
	slices.SortFunc(faults, func(a, b problem.FieldError) int {
		return strings.Compare(a.Pointer+a.Reason, b.Pointer+b.Reason)
	})
	return slices.Compact(faults)
}

// collectFaults gathers the leaves of the validator's tree: the branches only
// say that something below them failed.
func collectFaults(failure *jsonschema.ValidationError, faults *[]problem.FieldError) {
	for _, cause := range failure.Causes {
		collectFaults(cause, faults)
	}
	if len(failure.Causes) > 0 || len(*faults) >= maxFaults {
		return
	}
	pointer := ""
	for _, step := range failure.InstanceLocation {
		pointer += "/" + strings.NewReplacer("~", "~0", "/", "~1").Replace(step)
	}
	add := func(suffix, reason string) {
		*faults = append(*faults, problem.FieldError{Pointer: pointer + suffix, Reason: reason})
	}
	switch fault := failure.ErrorKind.(type) {
	case *kind.Required:
		for _, name := range fault.Missing {
			add("/"+name, "is required")
		}
	case *kind.AdditionalProperties:
		for _, name := range fault.Properties {
			add("/"+name, "is not a known property")
		}
	case *kind.Type:
		add("", fmt.Sprintf("must be %s, not %s", strings.Join(fault.Want, " or "), fault.Got))
	case *kind.MinLength:
		add("", fmt.Sprintf("must have at least %d characters, not %d", fault.Want, fault.Got))
	case *kind.MaxLength:
		add("", fmt.Sprintf("must have at most %d characters, not %d", fault.Want, fault.Got))
	case *kind.MinItems:
		add("", fmt.Sprintf("must have at least %d items, not %d", fault.Want, fault.Got))
	case *kind.MaxItems:
		add("", fmt.Sprintf("must have at most %d items, not %d", fault.Want, fault.Got))
	case *kind.Minimum:
		add("", fmt.Sprintf("must be at least %s", fault.Want.RatString()))
	case *kind.Maximum:
		add("", fmt.Sprintf("must be at most %s", fault.Want.RatString()))
	default:
		add("", failure.ErrorKind.LocalizedString(english))
	}
}

var english = message.NewPrinter(language.English)
