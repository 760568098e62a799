// Reading the operations of an OpenAPI document.
package httpapi

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// documentURL is the name the schema compiler knows the document by.
const documentURL = "openapi:document"

type documentReader struct {
	root     any
	compiler *jsonschema.Compiler
	// responses keeps what was read of shared responses, by place.
	responses map[string]Response
}

func readOperations(asJSON []byte) ([]*Operation, error) {
	root, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		return nil, err
	}
	d := &documentReader{root: root, compiler: newCompiler(), responses: map[string]Response{}}
	if err := d.compiler.AddResource(documentURL, root); err != nil {
		return nil, err
	}
	return d.operations()
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
			if index, err := strconv.Atoi(step); err == nil && index < len(value) {
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
		steps[i] = pointerUnescaper.Replace(step)
	}
	return d.at(steps...)
}

func (n node) text() string { text, _ := n.value.(string); return text }
func (n node) flag() bool   { flag, _ := n.value.(bool); return flag }
func (n node) length() int  { list, _ := n.value.([]any); return len(list) }

func (n node) keys() []string {
	object, _ := n.value.(map[string]any)
	return slices.Sorted(maps.Keys(object))
}

var (
	pointerUnescaper  = strings.NewReplacer("~1", "/", "~0", "~")
	pointerEscaper    = strings.NewReplacer("~", "~0", "/", "~1")
	pointerURLEscaper = strings.NewReplacer("~", "~0", "/", "~1", "{", "%7B", "}", "%7D", "+", "%2B")
)

// pointer is the place as a URL fragment for the schema compiler.
func (n node) pointer() string {
	var pointer strings.Builder
	pointer.WriteString(documentURL + "#")
	for _, step := range n.path {
		pointer.WriteByte('/')
		pointer.WriteString(pointerURLEscaper.Replace(step))
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
		p, err := d.parameter(d.child(list, strconv.Itoa(i)))
		if err != nil {
			return nil, fmt.Errorf("parameter %s: %w", p.name, err)
		}
		// An operation's own parameter stands for one of its path.
		known = slices.DeleteFunc(known, func(k parameter) bool { return k.in == p.in && k.name == p.name })
		known = append(known, p)
	}
	return known, nil
}

func (d *documentReader) parameter(at node) (parameter, error) {
	place := d.child(at, "schema")
	kind := d.child(place, "type").text()
	p := parameter{
		name:     d.child(at, "name").text(),
		in:       d.child(at, "in").text(),
		required: d.child(at, "required").flag(),
		isArray:  kind == "array",
		kind:     kind,
	}
	if p.isArray {
		p.kind = d.child(place, "items", "type").text()
	}
	switch explode := d.child(at, "explode").value; {
	case p.in != "path" && p.in != "query" && p.in != "header":
		return p, fmt.Errorf("parameters in %q are not supported", p.in)
	case place.value == nil:
		return p, errors.New("a parameter needs a schema")
	case p.isArray && p.in == "query" && explode != false:
		return p, errors.New("arrays are read from commas: set explode: false")
	}
	var err error
	p.schema, err = d.schema(place)
	return p, err
}

// defaultBodyLimit holds where an operation sets no x-body-limit, in bytes.
const defaultBodyLimit = 1 << 20

func (d *documentReader) requestBody(at node) (*requestBody, error) {
	if at.value == nil {
		return nil, nil
	}
	content := d.child(at, "content")
	body := &requestBody{
		required:   d.child(at, "required").flag(),
		limit:      defaultBodyLimit,
		mediaTypes: content.keys(),
		schemas:    map[string]*jsonschema.Schema{},
	}
	if limit := d.child(at, "x-body-limit").value; limit != nil {
		number, _ := limit.(json.Number)
		var err error
		if body.limit, err = strconv.ParseInt(string(number), 10, 64); err != nil {
			return nil, errors.New("x-body-limit: want a number of bytes")
		}
	}
	for _, mediaType := range body.mediaTypes {
		schema, err := d.schema(d.child(content, mediaType, "schema"))
		if err != nil {
			return nil, err
		}
		body.schemas[mediaType] = schema
	}
	return body, nil
}

func (d *documentReader) response(at node) (Response, error) {
	key := at.pointer()
	if known, found := d.responses[key]; found {
		return known, nil
	}
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
	d.responses[key] = response
	return response, nil
}
