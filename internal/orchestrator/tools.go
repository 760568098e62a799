// Package orchestrator lets a GPT model conduct the services: every operation of
// their OpenAPI documents is a tool that it may call through the gateway, within
// what the person who asks permits.
package orchestrator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"golang.org/x/sync/errgroup"

	"fountain.coach/fountainai/internal/client"
)

// Services are the five services whose operations become tools, in the order
// in which a story is made.
var Services = []string{"scriptmanagement", "character", "sessioncontext", "storyfactory", "centralsequence"}

// Tool is one operation of a service, as a function that a model may call.
type Tool struct {
	// Name is the operationId: at most 64 letters, digits, _ and -.
	Name string
	// Title is the operation's summary, Description what the model reads.
	Title, Description string
	// Service is the sub-domain under which the gateway has the operation.
	Service string
	// Method and Path are those of the OpenAPI document.
	Method, Path string
	// ReadOnly: it changes nothing. Destructive: it deletes. Idempotent: twice is
	// as good as once.
	ReadOnly, Destructive, Idempotent bool
	// Schema of the arguments: parameters and body in one flat object, as JSON
	// Schema 2020-12 with all constraints of the document.
	Schema map[string]any
	// Strict is the same under the rules of OpenAI's strict functions: every
	// property is required, null stands for "left out", and "clear" names what
	// is to be set to null.
	Strict map[string]any

	arguments []argument
	check     *jsonschema.Schema
}

// argument says where an argument goes in the request.
type argument struct {
	name, wire string // as the model writes it, as the request has it
	in         string // path, query, header, body, or content: the whole body
}

// Toolbox holds the tools by name.
type Toolbox struct {
	tools  []*Tool
	byName map[string]*Tool
}

// Tools returns all tools, in the order of Services and of the documents.
func (b *Toolbox) Tools() []*Tool { return b.tools }

// Tool returns the tool of a name, or nil.
func (b *Toolbox) Tool(name string) *Tool { return b.byName[name] }

// Discover reads the documents of the services that api reaches.
func Discover(ctx context.Context, api *client.Client) (*Toolbox, error) {
	documents := make(map[string][]byte, len(Services))
	contents := make([][]byte, len(Services))
	var group errgroup.Group
	for i, service := range Services {
		group.Go(func() error {
			answer, err := api.Call(ctx, client.Request{Service: service, Method: http.MethodGet, Path: "/openapi.json"})
			if err != nil {
				return fmt.Errorf("reading the OpenAPI document of %s: %w", service, err)
			}
			contents[i] = answer.Body
			return nil
		})
	}
	if err := group.Wait(); err != nil {
		return nil, err
	}
	for i, service := range Services {
		documents[service] = contents[i]
	}
	return NewToolbox(documents)
}

// NewToolbox makes a tool of every operation of OpenAPI 3.1 documents, in YAML
// or JSON, by the names of their services. An operation that cannot be a tool
// is an error: the model would not know of it.
func NewToolbox(documents map[string][]byte) (*Toolbox, error) {
	box := &Toolbox{byName: map[string]*Tool{}}
	names := slices.Clone(Services)
	for name := range documents {
		if !slices.Contains(names, name) {
			names = append(names, name)
		}
	}
	for _, service := range names {
		source, found := documents[service]
		if !found {
			continue
		}
		tools, err := toolsOf(service, source)
		if err != nil {
			return nil, fmt.Errorf("the OpenAPI document of %s: %w", service, err)
		}
		for _, tool := range tools {
			if other := box.byName[tool.Name]; other != nil {
				return nil, fmt.Errorf("the operation %s is in %s and in %s: names must be unique across services", tool.Name, other.Service, tool.Service)
			}
			box.byName[tool.Name] = tool
			box.tools = append(box.tools, tool)
		}
	}
	return box, nil
}

var methods = []string{"get", "post", "put", "patch", "delete"}

func toolsOf(service string, source []byte) ([]*Tool, error) {
	var document map[string]any
	if err := yaml.Unmarshal(source, &document); err != nil {
		return nil, err
	}
	if version, _ := document["openapi"].(string); !strings.HasPrefix(version, "3.1.") {
		return nil, fmt.Errorf("openapi is %q, want 3.1", version)
	}
	paths, _ := document["paths"].(map[string]any)
	r := resolver{document}
	var tools []*Tool
	for _, path := range sortedKeys(paths) {
		item, err := r.object(paths[path])
		if err != nil {
			return nil, err
		}
		for _, method := range methods {
			operation, is := item[method].(map[string]any)
			if !is {
				continue
			}
			tool, err := newTool(r, service, strings.ToUpper(method), path, item, operation)
			if err != nil {
				return nil, fmt.Errorf("%s %s: %w", strings.ToUpper(method), path, err)
			}
			tools = append(tools, tool)
		}
	}
	if len(tools) == 0 {
		return nil, errors.New("it has no operations")
	}
	return tools, nil
}

func newTool(r resolver, service, method, path string, item, operation map[string]any) (*Tool, error) {
	tool := &Tool{Service: service, Method: method, Path: path,
		ReadOnly: method == http.MethodGet, Destructive: method == http.MethodDelete, Idempotent: method != http.MethodPost}
	tool.Name, _ = operation["operationId"].(string)
	if !isFunctionName(tool.Name) {
		return nil, fmt.Errorf("operationId %q: want 1 to 64 letters, digits, _ or -", tool.Name)
	}
	tool.Title, _ = operation["summary"].(string)
	description, _ := operation["description"].(string)
	tool.Description = strings.TrimSpace(cmp.Or(description, tool.Title))
	flat, err := flatten(r, tool, item, operation)
	if err != nil {
		return nil, err
	}
	tool.Schema = flat
	tool.Strict = strictRoot(flat, tool.Method == http.MethodPatch)
	tool.check, err = compile(tool.Name, flat)
	return tool, err
}

func isFunctionName(name string) bool {
	if name == "" || len(name) > 64 {
		return false
	}
	return !strings.ContainsFunc(name, func(c rune) bool {
		return !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-')
	})
}

// flatten puts an operation's parameters and body into one object schema and
// notes where each goes.
func flatten(r resolver, tool *Tool, item, operation map[string]any) (map[string]any, error) {
	properties, required := map[string]any{}, []any{}
	add := func(a argument, schema map[string]any, need bool) error {
		if _, taken := properties[a.name]; taken {
			a.name = a.name + strings.ToUpper(a.in[:1]) + a.in[1:]
		}
		if _, taken := properties[a.name]; taken {
			return fmt.Errorf("two arguments are called %s", a.name)
		}
		properties[a.name] = schema
		if need {
			required = append(required, a.name)
		}
		tool.arguments = append(tool.arguments, a)
		return nil
	}
	if err := parameters(r, item, operation, add); err != nil {
		return nil, err
	}
	if err := body(r, operation, add); err != nil {
		return nil, err
	}
	return map[string]any{"type": "object", "properties": properties, "required": required, "additionalProperties": false}, nil
}

type adder func(a argument, schema map[string]any, required bool) error

func parameters(r resolver, item, operation map[string]any, add adder) error {
	shared, _ := item["parameters"].([]any)
	own, _ := operation["parameters"].([]any)
	for _, each := range slices.Concat(shared, own) {
		parameter, err := r.object(each)
		if err != nil {
			return err
		}
		name, _ := parameter["name"].(string)
		in, _ := parameter["in"].(string)
		if strings.EqualFold(name, "Idempotency-Key") {
			continue // the caller's, not the model's
		}
		schema, err := r.schema(parameter["schema"])
		if err != nil {
			return fmt.Errorf("parameter %s: %w", name, err)
		}
		if text, _ := parameter["description"].(string); text != "" {
			schema["description"] = text
		}
		need, _ := parameter["required"].(bool)
		a := argument{name: name, wire: name, in: in}
		switch in {
		case "path", "query":
		case "header":
			a.name = camel(name)
		default:
			return fmt.Errorf("parameter %s in %s cannot be sent", name, in)
		}
		if err := add(a, schema, need); err != nil {
			return err
		}
	}
	return nil
}

func body(r resolver, operation map[string]any, add adder) error {
	if operation["requestBody"] == nil {
		return nil
	}
	request, err := r.object(operation["requestBody"])
	if err != nil {
		return err
	}
	content, _ := request["content"].(map[string]any)
	media := content["application/json"]
	if media == nil {
		media = content["application/merge-patch+json"]
	}
	entry, _ := media.(map[string]any)
	if entry == nil {
		return errors.New("the body is not JSON")
	}
	schema, err := r.schema(entry["schema"])
	if err != nil {
		return fmt.Errorf("body: %w", err)
	}
	properties, _ := schema["properties"].(map[string]any)
	if properties == nil {
		need, _ := request["required"].(bool)
		return add(argument{name: "content", wire: "content", in: "content"}, schema, need)
	}
	needed, _ := schema["required"].([]any)
	for _, name := range sortedKeys(properties) {
		property, _ := properties[name].(map[string]any)
		if err := add(argument{name: name, wire: name, in: "body"}, property, slices.Contains(needed, any(name))); err != nil {
			return err
		}
	}
	return nil
}

// camel turns the name of a header into that of an argument: If-Match is ifMatch.
func camel(header string) string {
	parts := strings.Split(strings.ToLower(header), "-")
	for i, part := range parts[1:] {
		if part != "" {
			parts[i+1] = strings.ToUpper(part[:1]) + part[1:]
		}
	}
	return strings.Join(parts, "")
}
