package gptactions

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// host is what the document of the tests calls.
const host = "character.example.org"

// fit is a document without a fault. It has what the real ones have: shared
// parameters, two media types for one body, members named like keywords.
const fit = `{
  "openapi": "3.1.0",
  "info": {"title": "Test", "version": "1"},
  "servers": [{"url": "https://character.example.org"}],
  "security": [{"apiKey": []}],
  "paths": {
    "/characters/{id}": {
      "parameters": [{"$ref": "#/components/parameters/Id"}],
      "get": {
        "operationId": "getCharacter", "summary": "Get", "description": "Gets one.",
        "x-openai-isConsequential": false,
        "responses": {"200": {"$ref": "#/components/responses/Character"}}
      },
      "patch": {
        "operationId": "patchCharacter", "summary": "Change", "description": "Changes one.",
        "x-openai-isConsequential": true,
        "parameters": [{"name": "If-Match", "in": "header", "description": "An ETag.", "schema": {"type": "string"}}],
        "requestBody": {"content": {
          "application/json": {"schema": {"$ref": "#/components/schemas/Character"}, "example": {"type": "object"}},
          "application/merge-patch+json": {"schema": {"$ref": "#/components/schemas/Character"}}
        }},
        "responses": {"200": {"$ref": "#/components/responses/Character"}}
      }
    }
  },
  "components": {
    "securitySchemes": {"apiKey": {"type": "apiKey", "in": "header", "name": "X-API-Key"}},
    "parameters": {"Id": {"name": "id", "in": "path", "required": true, "schema": {"type": "integer"}}},
    "responses": {"Character": {"description": "The character.", "content": {"application/json": {"schema": {"$ref": "#/components/schemas/Character"}}}}},
    "schemas": {
      "Character": {"type": "object", "properties": {
        "type": {"type": "string", "enum": ["object"]}, "enum": {"$ref": "#/components/schemas/Data"}, "maker": {"$ref": "#/components/schemas/Data"}}},
      "Data": {"type": ["object", "null"], "properties": {}}
    }
  }
}`

// tree is a part of a document that a test changes.
type tree = map[string]any

func parse(t *testing.T, change func(root tree)) *Document {
	t.Helper()
	var root tree
	if err := json.Unmarshal([]byte(fit), &root); err != nil {
		t.Fatal(err)
	}
	change(root)
	text, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	document, err := Parse(text)
	if err != nil {
		t.Fatal(err)
	}
	return document
}

// in goes down to a member of root.
func in(root tree, names ...string) tree {
	for _, name := range names {
		root = root[name].(tree)
	}
	return root
}

func operation(root tree, method string) tree { return in(root, "paths", "/characters/{id}", method) }

func body(root tree) tree { return in(operation(root, "patch"), "requestBody", "content") }

func header(root tree) tree { return operation(root, "patch")["parameters"].([]any)[0].(tree) }

func schemas(root tree) tree { return in(root, "components", "schemas") }

func server(root tree, url string) { root["servers"] = []any{tree{"url": url}} }

// fill makes the document have count operations.
func fill(root tree, count int) {
	for i := range count - 2 {
		in(root, "paths")[fmt.Sprint("/", i)] = tree{"get": tree{
			"operationId": fmt.Sprint("get", i), "summary": "Get", "description": "Gets.", Consequential: false,
			"responses": tree{"200": tree{"description": "It."}},
		}}
	}
}

func TestFit(t *testing.T) {
	for name, change := range map[string]func(root tree){
		"as it is": func(tree) {},
		"longest texts": func(root tree) {
			operation(root, "get")["summary"] = strings.Repeat("é", MaxOperationText)
			operation(root, "get")["description"] = strings.Repeat("é", MaxOperationText)
			header(root)["description"] = strings.Repeat("é", MaxParameterText)
			operation(root, "get")["operationId"] = strings.Repeat("a", 64)
		},
		"most operations": func(root tree) { fill(root, MaxOperations) },
	} {
		t.Run(name, func(t *testing.T) {
			if faults := parse(t, change).Faults(host); len(faults) > 0 {
				t.Errorf("refused: %q", faults)
			}
		})
	}
}

// broken are documents with one fault each, and what must be said of it.
var broken = map[string]struct {
	change func(root tree)
	want   string
}{
	"OpenAPI 3.0":      {func(root tree) { root["openapi"] = "3.0.3" }, "openapi is 3.0.3"},
	"no version":       {func(root tree) { delete(root, "openapi") }, "openapi is <nil>"},
	"large":            {func(root tree) { root["x-large"] = strings.Repeat("x", MaxDocument) }, "bytes, want at most"},
	"no schemas":       {func(root tree) { in(root, "components")["schemas"] = nil }, "components.schemas is not an object"},
	"no server":        {func(root tree) { delete(root, "servers") }, "servers has 0 entries"},
	"two servers":      {func(root tree) { root["servers"] = append(root["servers"].([]any), tree{"url": "https://b"}) }, "servers has 2 entries"},
	"plain HTTP":       {func(root tree) { server(root, "http://"+host) }, "the url of the server is http://"},
	"relative":         {func(root tree) { server(root, "/") }, "the url of the server is /"},
	"a port":           {func(root tree) { server(root, "https://"+host+":8443") }, "the url of the server is"},
	"a path":           {func(root tree) { server(root, "https://"+host+"/v1/..") }, "the url of the server is"},
	"a slash":          {func(root tree) { server(root, "https://"+host+"/") }, "the url of the server is"},
	"a user":           {func(root tree) { server(root, "https://"+host+"@example.com") }, "the url of the server is"},
	"another host":     {func(root tree) { server(root, "https://example.com") }, "the url of the server is"},
	"server variables": {func(root tree) { root["servers"].([]any)[0].(tree)["variables"] = tree{} }, "variables"},

	"no operation":        {func(root tree) { root["paths"] = tree{} }, "0 operations, want 1 to 30"},
	"too many operations": {func(root tree) { fill(root, MaxOperations+1) }, "31 operations, want 1 to 30"},
	"no operationId":      {func(root tree) { delete(operation(root, "get"), "operationId") }, `GET /characters/{id}: the operationId ""`},
	"a dot in it":         {func(root tree) { operation(root, "get")["operationId"] = "characters.get" }, `the operationId "characters.get"`},
	"long operationId":    {func(root tree) { operation(root, "get")["operationId"] = strings.Repeat("a", 65) }, "the operationId"},
	"operationId twice":   {func(root tree) { operation(root, "get")["operationId"] = "patchCharacter" }, "is used twice"},
	"no summary":          {func(root tree) { delete(operation(root, "get"), "summary") }, "the summary has 0 characters"},
	"long summary":        {func(root tree) { operation(root, "get")["summary"] = strings.Repeat("é", 301) }, "the summary has 301 characters"},
	"no description":      {func(root tree) { delete(operation(root, "get"), "description") }, "the description has 0 characters"},
	"long description":    {func(root tree) { operation(root, "get")["description"] = strings.Repeat("é", 301) }, "the description has 301 characters"},
	"its own server":      {func(root tree) { operation(root, "get")["servers"] = []any{tree{"url": "https://b"}} }, "has servers of its own"},
	"its own security":    {func(root tree) { operation(root, "get")["security"] = []any{} }, "has security of its own"},
	"silent overwriting":  {func(root tree) { delete(operation(root, "patch"), Consequential) }, "isConsequential is <nil>, want true"},
	"asking to read":      {func(root tree) { operation(root, "get")[Consequential] = true }, "isConsequential is true, want false"},
	"flag as text":        {func(root tree) { operation(root, "get")[Consequential] = "false" }, `isConsequential is "false", want false`},

	"required header":  {func(root tree) { header(root)["required"] = true }, "parameter If-Match is a header"},
	"cookie":           {func(root tree) { header(root)["in"] = "cookie" }, "parameter If-Match is in cookie"},
	"long parameter":   {func(root tree) { in(root, "components", "parameters", "Id")["description"] = strings.Repeat("é", 701) }, "has 701 characters"},
	"form body":        {func(root tree) { delete(body(root), "application/json") }, "the body is not application/json"},
	"a form as well":   {func(root tree) { body(root)["multipart/form-data"] = body(root)["application/json"] }, "the body as multipart/form-data"},
	"two kinds":        {func(root tree) { in(body(root), "application/merge-patch+json")["schema"] = tree{} }, "the body as application/merge-patch+json"},
	"no responses":     {func(root tree) { operation(root, "get")["responses"] = tree{} }, "has no responses"},
	"silent response":  {func(root tree) { delete(in(root, "components", "responses", "Character"), "description") }, "the response 200 has no description"},
	"no scheme":        {func(root tree) { in(root, "components")["securitySchemes"] = tree{} }, "0 security schemes"},
	"two schemes":      {func(root tree) { in(root, "components", "securitySchemes")["b"] = tree{} }, "2 security schemes"},
	"key in the query": {func(root tree) { in(root, "components", "securitySchemes", "apiKey")["in"] = "query" }, "is not an API key in the header"},
	"another header":   {func(root tree) { in(root, "components", "securitySchemes", "apiKey")["name"] = "Key" }, "is not an API key in the header"},
	"bearer":           {func(root tree) { in(root, "components", "securitySchemes", "apiKey")["type"] = "http" }, "is not an API key in the header"},
	"no security":      {func(root tree) { delete(root, "security") }, "security is not just apiKey"},
	"or none":          {func(root tree) { root["security"] = append(root["security"].([]any), tree{}) }, "security is not just apiKey"},

	"reference outside": {func(root tree) { schemas(root)["Data"] = tree{"$ref": "https://example.org/data.json"} }, "leads nowhere in the document"},
	"dangling":          {func(root tree) { schemas(root)["Data"] = tree{"$ref": "#/components/schemas/None"} }, "leads nowhere in the document"},
	"no properties":     {func(root tree) { delete(in(schemas(root), "Data"), "properties") }, "#/components/schemas/Data: an object without properties"},
	"contains itself": {func(root tree) {
		in(schemas(root), "Data", "properties")["c"] = tree{"$ref": "#/components/schemas/Character"}
	}, "#/components/schemas/Character contains itself"},
	"a list of itself": {func(root tree) {
		in(schemas(root), "Data", "properties")["all"] = tree{"type": "array", "items": tree{"$ref": "#/components/schemas/Data"}}
	}, "#/components/schemas/Data contains itself"},
}

func TestFaults(t *testing.T) {
	for name, c := range broken {
		t.Run(name, func(t *testing.T) {
			faults := parse(t, c.change).Faults(host)
			if !strings.Contains(strings.Join(faults, "\n"), c.want) {
				t.Errorf("got %q, want one that says %q", faults, c.want)
			}
		})
	}
}

func TestFaultsOfTheHost(t *testing.T) {
	for _, wrong := range []string{"", "Character.example.org", host + ":8443", host + "/v1", "user@" + host} {
		document := parse(t, func(root tree) { server(root, "https://"+wrong) })
		if faults := document.Faults(wrong); len(faults) != 1 || !strings.Contains(faults[0], "is not a host in lower case") {
			t.Errorf("%q: got %q", wrong, faults)
		}
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":                                       "not a JSON object",
		"[]":                                     "not a JSON object",
		"openapi: 3.1.0":                         "not a JSON object",
		"{}":                                     "paths is not an object",
		`{"paths": {"/characters": 1}}`:          "/characters is not an object",
		`{"paths": {"/characters": {"get": 1}}}`: "get is not an object",
	} {
		if _, err := Parse([]byte(text)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want an error that says %q", text, err, want)
		}
	}
}

func TestClashes(t *testing.T) {
	one := parse(t, func(tree) {})
	other := parse(t, func(root tree) {
		server(root, "https://story.example.org")
		operation(root, "get")["operationId"] = "getStory"
		operation(root, "patch")["operationId"] = "patchStory"
	})
	if clashes := Clashes(map[string]*Document{"character": one, "story": other}); len(clashes) > 0 {
		t.Errorf("clashes: %q", clashes)
	}
	other = parse(t, func(root tree) { operation(root, "get")["operationId"] = "getStory" })
	clashes := strings.Join(Clashes(map[string]*Document{"character": one, "story": other}), "\n")
	want := "the host character.example.org is in character and in story\nthe operation patchCharacter is in character and in story"
	if clashes != want {
		t.Errorf("got %s\nwant %s", clashes, want)
	}
}
