// Reading an OpenAPI document into the operations that requests are matched to.
package httpapi

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
)

// Document is a parsed OpenAPI document. Only what serving needs is kept:
// oapi-codegen and the tests read the rest.
type Document struct {
	yaml       []byte
	json       []byte
	serverURL  string
	Operations []*Operation
}

// Operation is one method of one path.
type Operation struct {
	ID     string
	Method string
	// Path is the template as the document writes it: /scripts/{scriptId}.
	Path       string
	parameters []parameter
	body       *requestBody
	// Responses maps a status, as "201", to what the document says of it.
	Responses map[string]Response
}

// Response is what the document promises for one status.
type Response struct {
	// Bodies maps a media type to its schema.
	Bodies map[string]*jsonschema.Schema
	// Headers names the headers the document lists.
	Headers []string
}

type parameter struct {
	name     string
	in       string
	required bool
	isArray  bool
	isNumber bool
	isBool   bool
	schema   *jsonschema.Schema
}

type requestBody struct {
	required   bool
	limit      int64
	mediaTypes []string
	schema     *jsonschema.Schema
}

// defaultBodyLimit holds where an operation sets no x-body-limit, in bytes.
const defaultBodyLimit = 1 << 20

// ParseDocument reads an OpenAPI 3.1 document in YAML.
func ParseDocument(source []byte) (*Document, error) {
	var tree any
	if err := yaml.Unmarshal(source, &tree); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	asJSON, err := json.Marshal(tree)
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	reader := &documentReader{root: root, compiler: jsonschema.NewCompiler()}
	reader.compiler.DefaultDraft(jsonschema.Draft2020)
	reader.compiler.AssertFormat()
	if err := reader.compiler.AddResource(documentURL, root); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	document := &Document{yaml: source, json: asJSON}
	document.serverURL = reader.at("servers", "0", "url").text()
	if document.Operations, err = reader.operations(); err != nil {
		return nil, fmt.Errorf("openapi.yaml: %w", err)
	}
	return document, nil
}

// documentURL is the name the schema compiler knows the document by.
const documentURL = "openapi:document"

type documentReader struct {
	root     any
	compiler *jsonschema.Compiler
}

// node is a place in the document: its value and the path to it.
type node struct {
	value any
	path  []string
}

// at walks from the root, following a $ref at each step.
func (d *documentReader) at(path ...string) node {
	return d.child(node{value: d.root}, path...)
}

func (d *documentReader) child(from node, path ...string) node {
	from = d.resolve(from)
	for _, step := range path {
		next := node{path: append(slices.Clone(from.path), step)}
		switch value := from.value.(type) {
		case map[string]any:
			next.value = value[step]
		case []any:
			var index int
			if _, err := fmt.Sscan(step, &index); err == nil && index < len(value) {
				next.value = value[index]
			}
		}
		from = d.resolve(next)
	}
	return from
}

func (d *documentReader) resolve(from node) node {
	object, _ := from.value.(map[string]any)
	reference, ok := object["$ref"].(string)
	if !ok {
		return from
	}
	steps := strings.Split(strings.TrimPrefix(reference, "#/"), "/")
	for i, step := range steps {
		steps[i] = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
	}
	return d.at(steps...)
}

func (n node) text() string { text, _ := n.value.(string); return text }
func (n node) flag() bool   { flag, _ := n.value.(bool); return flag }

func (n node) keys() []string {
	object, _ := n.value.(map[string]any)
	keys := make([]string, 0, len(object))
	for key := range object {
		keys = append(keys, key)
	}
	slices.Sort(keys)
	return keys
}

func (n node) length() int { list, _ := n.value.([]any); return len(list) }

// pointer is the place as a URL fragment for the schema compiler.
func (n node) pointer() string {
	var pointer strings.Builder
	pointer.WriteString(documentURL + "#")
	for _, step := range n.path {
		pointer.WriteString("/" + strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", "+", "%2B").Replace(step))
	}
	return pointer.String()
}

func (d *documentReader) schema(at node) (*jsonschema.Schema, error) {
	if at.value == nil {
		return nil, nil
	}
	return d.compiler.Compile(at.pointer())
}

func (d *documentReader) operations() ([]*Operation, error) {
	var operations []*Operation
	for _, path := range d.at("paths").keys() {
		for _, method := range d.at("paths", path).keys() {
			if !isMethod(method) {
				continue
			}
			operation, err := d.operation(path, method)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", strings.ToUpper(method), path, err)
			}
			operations = append(operations, operation)
		}
	}
	return operations, nil
}

func isMethod(key string) bool {
	switch strings.ToUpper(key) {
	case http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete:
		return true
	}
	return false
}

func (d *documentReader) operation(path, method string) (*Operation, error) {
	at := d.at("paths", path, method)
	operation := &Operation{
		ID:        d.child(at, "operationId").text(),
		Method:    strings.ToUpper(method),
		Path:      path,
		Responses: map[string]Response{},
	}
	var err error
	for _, list := range []node{d.at("paths", path, "parameters"), d.child(at, "parameters")} {
		if operation.parameters, err = d.parameters(operation.parameters, list); err != nil {
			return nil, err
		}
	}
	if operation.body, err = d.requestBody(d.child(at, "requestBody")); err != nil {
		return nil, err
	}
	responses := d.child(at, "responses")
	for _, status := range responses.keys() {
		if operation.Responses[status], err = d.response(d.child(responses, status)); err != nil {
			return nil, err
		}
	}
	return operation, nil
}

func (d *documentReader) parameters(known []parameter, list node) ([]parameter, error) {
	for i := range list.length() {
		at := d.child(list, fmt.Sprint(i))
		place := d.child(at, "schema")
		schema, err := d.schema(place)
		if err != nil {
			return nil, err
		}
		kind := d.child(place, "type").text()
		item := kind
		if kind == "array" {
			item = d.child(place, "items", "type").text()
		}
		known = append(known, parameter{
			name:     d.child(at, "name").text(),
			in:       d.child(at, "in").text(),
			required: d.child(at, "required").flag(),
			isArray:  kind == "array",
			isNumber: item == "integer" || item == "number",
			isBool:   item == "boolean",
			schema:   schema,
		})
	}
	return known, nil
}

func (d *documentReader) requestBody(at node) (*requestBody, error) {
	if at.value == nil {
		return nil, nil
	}
	content := d.child(at, "content")
	body := &requestBody{
		required:   d.child(at, "required").flag(),
		limit:      defaultBodyLimit,
		mediaTypes: content.keys(),
	}
	if limit, ok := d.child(at, "x-body-limit").value.(json.Number); ok {
		body.limit, _ = limit.Int64()
	}
	var err error
	body.schema, err = d.schema(d.child(content, body.mediaTypes[0], "schema"))
	return body, err
}

func (d *documentReader) response(at node) (Response, error) {
	response := Response{
		Bodies:  map[string]*jsonschema.Schema{},
		Headers: d.child(at, "headers").keys(),
	}
	content := d.child(at, "content")
	for _, mediaType := range content.keys() {
		schema, err := d.schema(d.child(content, mediaType, "schema"))
		if err != nil {
			return Response{}, err
		}
		response.Bodies[mediaType] = schema
	}
	return response, nil
}
