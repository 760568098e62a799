package orchestrator

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/httpapi/problem"
)

// Form says how arguments are written.
type Form int

const (
	// Plain arguments follow Tool.Schema: what is optional may be left out, and
	// null is null.
	Plain Form = iota
	// Strict arguments follow Tool.Strict: null is what is left out.
	Strict
)

// Request checks arguments against the tool's schema and returns the request
// that they make. The error is a *problem.Problem that a model can learn from;
// nothing has been sent then.
func (t *Tool) Request(arguments []byte, form Form) (client.Request, error) {
	given, err := t.decode(arguments, form)
	if err != nil {
		return client.Request{}, err
	}
	if err := t.check.Validate(given); err != nil {
		return client.Request{}, misfit(t, err)
	}
	return t.request(given)
}

// decode reads the arguments as the plain schema has them.
func (t *Tool) decode(arguments []byte, form Form) (map[string]any, error) {
	if len(bytes.TrimSpace(arguments)) == 0 {
		arguments = []byte("{}")
	}
	decoder := json.NewDecoder(bytes.NewReader(arguments))
	decoder.UseNumber() // identifiers have more digits than a float64
	var given map[string]any
	err := decoder.Decode(&given)
	if err == nil && decoder.More() {
		err = errors.New("something follows the object")
	}
	if err != nil || given == nil {
		return nil, problem.New(http.StatusBadRequest, "invalid_arguments",
			fmt.Sprintf("The arguments of %s are not a JSON object (%v). Nothing was sent; call again with a whole object.", t.Name, err))
	}
	if form == Plain {
		return given, nil
	}
	var clear []string
	if list, is := given[clearName].([]any); is {
		for _, each := range list {
			name, _ := each.(string)
			clear = append(clear, name)
		}
	}
	if _, declared := t.Schema["properties"].(map[string]any)[clearName]; !declared {
		delete(given, clearName)
	}
	if err := plainObject(t.Schema, given); err != nil {
		return nil, problem.New(http.StatusBadRequest, "invalid_arguments", fmt.Sprintf("%s: %v. Nothing was sent.", t.Name, err))
	}
	allowed := nullable(t.Schema, "")
	for _, name := range clear {
		if !slices.Contains(allowed, name) {
			return nil, problem.New(http.StatusBadRequest, "invalid_arguments", fmt.Sprintf("%s: %q cannot be removed; clear takes %s. Nothing was sent.", t.Name, name, strings.Join(allowed, ", ")))
		}
		setNull(given, strings.Split(name, "."))
	}
	return given, nil
}

// plainObject turns an object of the strict form into one of the plain form:
// optional members that are null go, JSON written as text becomes JSON.
func plainObject(schema, object map[string]any) error {
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for name, value := range object {
		property, known := properties[name].(map[string]any)
		if !known {
			continue // the check against the schema names it
		}
		if value == nil && !slices.Contains(required, any(name)) {
			delete(object, name)
			continue
		}
		plain, err := plainValue(objectOf(property), value)
		if err != nil {
			return fmt.Errorf("%s: %w", name, err)
		}
		object[name] = plain
	}
	return nil
}

func plainValue(schema map[string]any, value any) (any, error) {
	switch typed := value.(type) {
	case string:
		if !isFreeForm(schema) {
			return value, nil
		}
		decoder := json.NewDecoder(strings.NewReader(typed))
		decoder.UseNumber()
		var object map[string]any
		if err := decoder.Decode(&object); err != nil || object == nil || decoder.More() {
			return nil, fmt.Errorf("want a JSON object written as text, got %.60q", typed)
		}
		return object, nil
	case map[string]any:
		return typed, plainObject(schema, typed)
	case []any:
		items, _ := schema["items"].(map[string]any)
		if items == nil {
			return value, nil
		}
		for i := range typed {
			plain, err := plainValue(objectOf(items), typed[i])
			if err != nil {
				return nil, fmt.Errorf("item %d: %w", i, err)
			}
			typed[i] = plain
		}
	}
	return value, nil
}

func setNull(object map[string]any, path []string) {
	if len(path) == 1 {
		object[path[0]] = nil
		return
	}
	inner, is := object[path[0]].(map[string]any)
	if !is {
		inner = map[string]any{}
		object[path[0]] = inner
	}
	setNull(inner, path[1:])
}

// misfit tells a model what is wrong with its arguments.
func misfit(t *Tool, err error) error {
	var invalid *jsonschema.ValidationError
	if !errors.As(err, &invalid) {
		return err
	}
	var reasons []string
	var walk func(*jsonschema.ValidationError)
	walk = func(e *jsonschema.ValidationError) {
		if len(e.Causes) == 0 {
			reasons = append(reasons, fmt.Sprintf("/%s: %s", strings.Join(e.InstanceLocation, "/"), e.ErrorKind.LocalizedString(english)))
		}
		for _, cause := range e.Causes {
			walk(cause)
		}
	}
	walk(invalid)
	slices.Sort(reasons)
	return problem.New(http.StatusBadRequest, "invalid_arguments",
		fmt.Sprintf("The arguments of %s do not fit its schema: %s. Nothing was sent; correct them and call again.", t.Name, strings.Join(reasons, "; ")))
}

// request puts checked arguments where they go.
func (t *Tool) request(given map[string]any) (client.Request, error) {
	request := client.Request{Service: t.Service, Method: t.Method, Header: http.Header{}}
	path, query, body := t.Path, url.Values{}, map[string]any{}
	hasBody := false
	for _, a := range t.arguments {
		hasBody = hasBody || a.in == "body"
		value, is := given[a.name]
		if !is {
			continue
		}
		switch a.in {
		case "path":
			path = strings.ReplaceAll(path, "{"+a.wire+"}", url.PathEscape(inURL(value)))
		case "query":
			query.Set(a.wire, inURL(value))
		case "header":
			text := inURL(value)
			if strings.ContainsAny(text, "\r\n\x00") {
				return request, problem.New(http.StatusBadRequest, "invalid_arguments", t.Name+": "+a.name+" must be one line. Nothing was sent.")
			}
			request.Header.Set(a.wire, text)
		case "body":
			body[a.wire] = value
		case "content":
			request.Body = value
		}
	}
	if hasBody {
		request.Body = body
	}
	if request.Path = path; len(query) > 0 {
		request.Path += "?" + query.Encode()
	}
	return request, nil
}

// inURL writes a value as OpenAPI's style simple (or form, not exploded) does.
func inURL(value any) string {
	if list, is := value.([]any); is {
		var parts []string
		for _, each := range list {
			parts = append(parts, fmt.Sprint(each))
		}
		return strings.Join(parts, ",")
	}
	return fmt.Sprint(value)
}
