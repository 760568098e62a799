package orchestrator

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/orchestrator/modeltest"
)

// toolbox returns the tools of the five documents as they are in the repository.
func toolbox(t testing.TB) *Toolbox {
	t.Helper()
	documents := map[string][]byte{}
	for _, service := range Services {
		content, err := os.ReadFile("../../services/" + service + "/openapi.yaml")
		if err != nil {
			t.Fatal(err)
		}
		documents[service] = content
	}
	box, err := NewToolbox(documents)
	if err != nil {
		t.Fatal(err)
	}
	return box
}

// TestEveryOperationIsATool: no operation is missing, and OpenAI's strict mode
// takes every one.
func TestEveryOperationIsATool(t *testing.T) {
	box := toolbox(t)
	operations := 0
	for _, service := range Services {
		content, err := os.ReadFile("../../services/" + service + "/openapi.yaml")
		if err != nil {
			t.Fatal(err)
		}
		for line := range strings.Lines(string(content)) {
			name, is := strings.CutPrefix(strings.TrimSpace(line), "operationId: ")
			if !is {
				continue
			}
			operations++
			tool := box.Tool(name)
			if tool == nil {
				t.Fatalf("the operation %s is no tool", name)
			}
			if tool.Service != service || tool.Description == "" || len(tool.Description) > 1024 {
				t.Errorf("%s belongs to %s and is described as %q", name, tool.Service, tool.Description)
			}
			if tool.ReadOnly != (tool.Method == http.MethodGet) || tool.Destructive != (tool.Method == http.MethodDelete) {
				t.Errorf("%s %s: read-only %v, destructive %v", tool.Method, tool.Path, tool.ReadOnly, tool.Destructive)
			}
			for _, complaint := range modeltest.StrictComplaints(asMap(t, tool.Strict)) {
				t.Errorf("%s: %s", name, complaint)
			}
		}
	}
	if operations != len(box.Tools()) || operations < 80 || operations > 128 {
		t.Errorf("%d tools of %d operations; OpenAI takes 128", len(box.Tools()), operations)
	}
}

// asMap reads a schema as a server would.
func asMap(t testing.TB, schema map[string]any) map[string]any {
	t.Helper()
	content, err := json.Marshal(schema)
	if err != nil {
		t.Fatal(err)
	}
	var result map[string]any
	if err := json.Unmarshal(content, &result); err != nil {
		t.Fatal(err)
	}
	return result
}

// TestArguments: what a model writes, and the request that it makes, or why not.
func TestArguments(t *testing.T) {
	box := toolbox(t)
	for _, test := range []struct {
		name, tool, arguments string
		form                  Form
		path, body, says      string
	}{
		{"in the path", "getScript", `{"scriptId": 9007199254740993}`, Strict, "/scripts/9007199254740993", "", ""},
		{"in the query", "listScripts", `{"title": "A & B", "source": null, "ids": [1, 2], "limit": 5, "cursor": null}`, Strict, "/scripts?ids=1%2C2&limit=5&title=A+%26+B", "", ""},
		{"optional ones left out as null", "createScript", `{"title": "T", "author": "A", "description": "D", "sequenceNumber": null, "source": null}`, Strict, "/scripts", `{"author":"A","description":"D","title":"T"}`, ""},
		{"left out altogether", "createScript", `{"title": "T", "author": "A", "description": "D"}`, Plain, "/scripts", `{"author":"A","description":"D","title":"T"}`, ""},
		{"path and body", "addTransition", `{"scriptId": 3, "text": "CUT TO:", "sequenceNumber": null}`, Strict, "/scripts/3/transitions", `{"text":"CUT TO:"}`, ""},
		{"null in a patch leaves it", "patchAction", `{"actionId": 1, "description": "D", "scriptId": null, "characterId": null, "sequenceNumber": null, "ifMatch": null, "clear": null}`, Strict, "/actions/1", `{"description":"D"}`, ""},
		{"clear removes it", "patchAction", `{"actionId": 1, "description": null, "scriptId": null, "characterId": null, "sequenceNumber": null, "ifMatch": null, "clear": ["characterId"]}`, Strict, "/actions/1", `{"characterId":null}`, ""},
		{"nested clear", "patchStoryElement", `{"scriptId": 1, "elementId": 2, "clear": ["layout.dual"]}`, Strict, "/stories/1/elements/2", `{"layout":{"dual":null}}`, ""},
		{"null removes it in plain form", "patchAction", `{"actionId": 1, "characterId": null}`, Plain, "/actions/1", `{"characterId":null}`, ""},
		{"JSON as text", "createContext", `{"characterId": 1, "scriptId": null, "data": "{\"mood\": {\"now\": 12345678901234567890}}"}`, Strict, "/contexts", `{"characterId":1,"data":{"mood":{"now":12345678901234567890}}}`, ""},
		{"JSON as text that is none", "createContext", `{"characterId": 1, "data": "sad"}`, Strict, "", "", "written as text"},
		{"clear what cannot be", "patchAction", `{"actionId": 1, "clear": ["description"]}`, Strict, "", "", "cannot be removed"},
		{"not JSON", "getScript", `{"scriptId": `, Strict, "", "", "not a JSON object"},
		{"a list", "getScript", `[1]`, Strict, "", "", "not a JSON object"},
		{"two objects", "getScript", `{"scriptId": 1} {}`, Strict, "", "", "something follows"},
		{"null", "getScript", `null`, Strict, "", "", "not a JSON object"},
		{"nothing", "getScript", ``, Strict, "", "", "scriptId"},
		{"a wrong type", "getScript", `{"scriptId": "one"}`, Strict, "", "", "/scriptId"},
		{"out of bounds", "getScript", `{"scriptId": 0}`, Strict, "", "", "/scriptId"},
		{"a path in the path", "getScript", `{"scriptId": "1/../../sessions"}`, Strict, "", "", "/scriptId"},
		{"an unknown one", "getScript", `{"scriptId": 1, "confirm": true}`, Strict, "", "", "confirm"},
		{"a header of two lines", "deleteScript", `{"scriptId": 1, "ifMatch": "a\r\nX-API-Key: b"}`, Strict, "", "", "one line"},
		{"too long", "createCharacter", `{"name": "` + strings.Repeat("x", 1025) + `", "description": ""}`, Strict, "", "", "/name"},
	} {
		t.Run(test.name, func(t *testing.T) {
			request, err := box.Tool(test.tool).Request([]byte(test.arguments), test.form)
			if test.says != "" {
				p, is := err.(*problem.Problem)
				if !is || p.Status != http.StatusBadRequest || !strings.Contains(p.Detail, test.says) {
					t.Fatalf("got %v (%+v), want a problem that says %q", err, request, test.says)
				}
				return
			}
			if err != nil {
				t.Fatal(err)
			}
			body, err := json.Marshal(request.Body)
			if err != nil {
				t.Fatal(err)
			}
			if test.body == "" {
				test.body = "null"
			}
			if request.Path != test.path || string(body) != test.body {
				t.Errorf("got %s with %s, want %s with %s", request.Path, body, test.path, test.body)
			}
		})
	}
}

// TestDocumentsThatCannotBeTools: none is passed over silently.
func TestDocumentsThatCannotBeTools(t *testing.T) {
	operation := func(text string) string {
		return "openapi: 3.1.0\npaths:\n  /x/{id}:\n    get:\n      operationId: getX\n" + text
	}
	for _, test := range []struct{ name, document, says string }{
		{"no YAML", "a: [", "yaml"},
		{"another version", "openapi: 3.0.0", "want 3.1"},
		{"nothing in it", "openapi: 3.1.0", "no operations"},
		{"no name", "openapi: 3.1.0\npaths: {/x: {get: {}}}", "operationId"},
		{"a bad name", "openapi: 3.1.0\npaths: {/x: {get: {operationId: 'get x'}}}", "operationId"},
		{"a reference to nowhere", operation("      parameters: [{$ref: '#/components/parameters/Y'}]\n"), "not in the document"},
		{"a reference to elsewhere", operation("      parameters: [{$ref: 'other.yaml#/Y'}]\n"), "outside the document"},
		{"a cookie", operation("      parameters: [{name: c, in: cookie, schema: {type: string}}]\n"), "cannot be sent"},
		{"a schema without end", operation("      parameters: [{name: c, in: query, schema: {$ref: '#/components/schemas/T'}}]\ncomponents: {schemas: {T: {type: array, items: {$ref: '#/components/schemas/T'}}}}\n"), "refers to itself"},
		{"a body that is no JSON", operation("      requestBody: {content: {text/plain: {schema: {type: string}}}}\n"), "not JSON"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if _, err := NewToolbox(map[string][]byte{"x": []byte(test.document)}); err == nil || !strings.Contains(err.Error(), test.says) {
				t.Errorf("got %v, want an error that says %q", err, test.says)
			}
		})
	}
	same := []byte("openapi: 3.1.0\npaths: {/x: {get: {operationId: getX}}}")
	if _, err := NewToolbox(map[string][]byte{"a": same, "b": same}); err == nil || !strings.Contains(err.Error(), "unique") {
		t.Errorf("two operations of the same name: %v", err)
	}
}

// TestCollidingNames: a parameter and a property of the same name are both there.
func TestCollidingNames(t *testing.T) {
	document := "openapi: 3.1.0\npaths:\n  /x/{id}:\n    put:\n      operationId: putX\n      parameters: [{name: id, in: path, required: true, schema: {type: integer}}]\n" +
		"      requestBody: {content: {application/json: {schema: {type: object, required: [id], properties: {id: {type: integer}}}}}}\n"
	box, err := NewToolbox(map[string][]byte{"x": []byte(document)})
	if err != nil {
		t.Fatal(err)
	}
	request, err := box.Tool("putX").Request([]byte(`{"id": 1, "idBody": 2}`), Strict)
	if err != nil {
		t.Fatal(err)
	}
	body, err := json.Marshal(request.Body)
	if err != nil || request.Path != "/x/1" || string(body) != `{"id":2}` {
		t.Errorf("got %s with %s: %v", request.Path, body, err)
	}
}

func TestPermission(t *testing.T) {
	box := toolbox(t)
	for _, test := range []struct {
		Permission
		read, write, remove bool
	}{
		{Permission{}, true, true, false}, {Permission{Destructive: true}, true, true, true},
		{Permission{ReadOnly: true}, true, false, false}, {Permission{ReadOnly: true, Destructive: true}, true, false, false},
	} {
		got := []bool{test.Allows(box.Tool("getScript")), test.Allows(box.Tool("createScript")), test.Allows(box.Tool("deleteScript"))}
		if want := []bool{test.read, test.write, test.remove}; !slices.Equal(got, want) {
			t.Errorf("%+v allows %v, want %v", test.Permission, got, want)
		}
	}
}
