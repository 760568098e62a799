// Package gptactions says whether an OpenAPI document, as it is served, can be
// given to a custom GPT as an action, unchanged.
//
// Two kinds of sources stand behind its rules. Documented are OpenAI's
// production notes (https://developers.openai.com/api/docs/actions/production)
// and its help page on configuring actions
// (https://help.openai.com/en/articles/9442513-configuring-actions-in-gpts).
// Observed are the messages with which the GPT editor refuses or passes over a
// document; OpenAI lists them nowhere, so they are quoted where a rule follows
// from one, as developers have reported them. Both may change without notice.
package gptactions

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
)

const (
	// Version is the only value of openapi that this project uses. The editor,
	// as observed: "('openapi',): Input should be '3.1.1' or '3.1.0'".
	Version = "3.1.0"
	// MaxOperations is how many operations one action may have. The editor, as
	// observed: "OpenAPI spec can have a maximum of 30 operations"
	// (https://community.openai.com/t/openapi-spec-can-have-a-maximum-of-30-operations/586484).
	MaxOperations = 30
	// MaxOperationText is the length in characters of an operation's summary and
	// of its description: production notes, "Open API specification limits".
	MaxOperationText = 300
	// MaxParameterText is the length in characters of a parameter's description:
	// production notes, "Open API specification limits".
	MaxParameterText = 700
	// MaxDocument is the length of a document in bytes. OpenAI publishes no
	// figure; developers name 1 MB, so this is caution and no known limit.
	MaxDocument = 1_000_000
	// KeyHeader is the header that carries the API key, as kong.yml has it. The
	// help page offers it as API key, custom header.
	KeyHeader = "X-API-Key"
	// Consequential is the member that says whether ChatGPT asks each time before
	// it calls an operation (true), or lets the user choose to be asked no more
	// (false): production notes, "Consequential flag".
	Consequential = "x-openai-isConsequential"
)

// Document is an OpenAPI document as a service serves it.
type Document struct {
	// Size is its length in bytes.
	Size int
	// Operations are in order of path and method.
	Operations []Operation
	root       map[string]any
}

// Operation is one method of one path: to the model, one function.
type Operation struct {
	ID     string
	Method string
	// Path is the template, as /scripts/{scriptId}.
	Path string

	members    map[string]any
	parameters []map[string]any
}

// Parse reads a document in JSON. It returns an error if it is none, or if
// something that must be an object is not.
func Parse(text []byte) (*Document, error) {
	d := &Document{Size: len(text)}
	if err := json.Unmarshal(text, &d.root); err != nil {
		return nil, fmt.Errorf("not a JSON object: %w", err)
	}
	paths, err := object(d.root, "paths")
	if err != nil {
		return nil, err
	}
	for _, path := range slices.Sorted(maps.Keys(paths)) {
		item, err := object(paths, path)
		if err != nil {
			return nil, fmt.Errorf("paths: %w", err)
		}
		for _, method := range methods {
			if item[method] == nil {
				continue
			}
			members, err := object(item, method)
			if err != nil {
				return nil, fmt.Errorf("%s: %w", path, err)
			}
			d.Operations = append(d.Operations, d.operation(path, method, item, members))
		}
	}
	return d, nil
}

// methods are the members of a path that are operations (OpenAPI 3.1, "Path
// Item Object"), in the order in which this package names them.
var methods = []string{"get", "head", "options", "trace", "post", "put", "patch", "delete"}

func object(in map[string]any, name string) (map[string]any, error) {
	if value, ok := in[name].(map[string]any); ok {
		return value, nil
	}
	return nil, fmt.Errorf("%s is not an object", name)
}

func (d *Document) operation(path, method string, item, members map[string]any) Operation {
	o := Operation{Method: strings.ToUpper(method), Path: path, members: members}
	o.ID, _ = members["operationId"].(string)
	for _, list := range []any{item["parameters"], members["parameters"]} {
		entries, _ := list.([]any)
		for _, entry := range entries {
			if parameter, ok := d.resolve(entry).(map[string]any); ok {
				o.parameters = append(o.parameters, parameter)
			}
		}
	}
	return o
}

// name is how a fault names the operation.
func (o Operation) name() string { return o.Method + " " + o.Path }

// Destructive reports whether what was there before is lost: a DELETE, and a
// PUT or PATCH, which write over it.
func (o Operation) Destructive() bool {
	return o.Method == http.MethodDelete || o.Method == http.MethodPut || o.Method == http.MethodPatch
}

// Faults returns what keeps the document from being an action of a custom GPT
// that calls host, one sentence each; none if it can be one.
func (d *Document) Faults(host string) []string {
	f := &faults{document: d}
	f.top(host)
	f.security()
	for _, operation := range d.Operations {
		f.operation(operation)
	}
	f.tree()
	return f.found
}

// Clashes returns what keeps documents, by the name of their service, from
// being actions of one custom GPT together. Two actions with one host are
// refused; the editor, as observed: "Action sets cannot have duplicate domains".
// Operations that share a name are not known to be refused, but the model, and
// whoever writes its instructions, could not tell them apart.
func Clashes(documents map[string]*Document) []string {
	var found []string
	owners := map[string]string{}
	claim := func(what, service string) {
		if owner, taken := owners[what]; taken && owner != service {
			found = append(found, fmt.Sprintf("%s is in %s and in %s", what, owner, service))
		}
		owners[what] = service
	}
	for _, service := range slices.Sorted(maps.Keys(documents)) {
		for _, host := range documents[service].hosts() {
			claim("the host "+host, service)
		}
		for _, operation := range documents[service].Operations {
			claim("the operation "+operation.ID, service)
		}
	}
	return found
}
