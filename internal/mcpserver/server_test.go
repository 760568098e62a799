package mcpserver

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/localstack/stacktest"
	"fountain.coach/fountainai/internal/orchestrator"
)

// options are those of a server before a running stack.
func options(t *testing.T, stack *stacktest.Stack, permission orchestrator.Permission) Options {
	t.Helper()
	api := stack.Client(t)
	box, err := orchestrator.Discover(t.Context(), api)
	if err != nil {
		t.Fatal(err)
	}
	return Options{Toolbox: box, API: api, Permission: permission, Version: "test"}
}

// connect returns a client of a server, in memory.
func connect(t *testing.T, s *Server) *mcp.ClientSession {
	t.Helper()
	here, there := mcp.NewInMemoryTransports()
	serving, err := s.sdk.Connect(t.Context(), there, nil)
	if err != nil {
		t.Fatal(err)
	}
	session := session(t, here)
	t.Cleanup(func() { _ = serving.Close() })
	return session
}

func session(t *testing.T, transport mcp.Transport) *mcp.ClientSession {
	t.Helper()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

// started returns a client of a server before a stack of its own.
func started(t *testing.T, permission orchestrator.Permission) (*mcp.ClientSession, Options) {
	t.Helper()
	o := options(t, stacktest.Start(t), permission)
	return connect(t, New(o)), o
}

// call calls a tool and returns what its result has, which must be the same in
// both forms.
func call(t *testing.T, session *mcp.ClientSession, name string, arguments any) (outcome map[string]any, failed bool) {
	t.Helper()
	result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: name, Arguments: arguments})
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	text := result.Content[0].(*mcp.TextContent).Text
	if err := json.Unmarshal([]byte(text), &outcome); err != nil {
		t.Fatalf("%s: %v in %s", name, err, text)
	}
	if !reflect.DeepEqual(result.StructuredContent, any(outcome)) || len(result.Content) != 1 {
		t.Errorf("%s: structured content %v differs from %s", name, result.StructuredContent, text)
	}
	return outcome, result.IsError
}

// made calls a tool that makes something and returns its identifier.
func made(t *testing.T, session *mcp.ClientSession, name, member string, arguments any) int64 {
	t.Helper()
	outcome, failed := call(t, session, name, arguments)
	body, _ := outcome["body"].(map[string]any)
	id, is := body[member].(float64)
	if failed || !is {
		t.Fatalf("%s: %v", name, outcome)
	}
	return int64(id)
}

// code returns the code of a JSON-RPC error.
func code(err error) int64 {
	var wire *jsonrpc.Error
	if !errors.As(err, &wire) {
		return 0
	}
	return wire.Code
}

func tools(t *testing.T, session *mcp.ClientSession) map[string]*mcp.Tool {
	t.Helper()
	all := map[string]*mcp.Tool{}
	for tool, err := range session.Tools(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		all[tool.Name] = tool
	}
	return all
}

func TestToolsOffered(t *testing.T) {
	stack := stacktest.Start(t)
	for _, c := range []struct {
		permission orchestrator.Permission
		methods    string
	}{
		{orchestrator.Permission{}, "GET POST PUT PATCH"},
		{orchestrator.Permission{Destructive: true}, "GET POST PUT PATCH DELETE"},
		{orchestrator.Permission{ReadOnly: true}, "GET"},
		{orchestrator.Permission{ReadOnly: true, Destructive: true}, "GET"},
	} {
		o := options(t, stack, c.permission)
		var want []string
		for _, tool := range o.Toolbox.Tools() {
			if slices.Contains(strings.Fields(c.methods), tool.Method) {
				want = append(want, tool.Name)
			}
		}
		slices.Sort(want)
		got := slices.Sorted(maps.Keys(tools(t, connect(t, New(o)))))
		if !slices.Equal(got, want) || len(want) < 20 {
			t.Errorf("%+v: got %v, want %v", c.permission, got, want)
		}
	}
}

func TestToolsSayWhatTheyAre(t *testing.T) {
	session, o := started(t, orchestrator.Permission{Destructive: true})
	offered := tools(t, session)
	if len(offered) != len(o.Toolbox.Tools()) || len(offered) < 80 {
		t.Fatalf("%d tools for %d operations", len(offered), len(o.Toolbox.Tools()))
	}
	for _, tool := range o.Toolbox.Tools() {
		got := offered[tool.Name]
		hints := got.Annotations
		if hints.ReadOnlyHint != (tool.Method == "GET") || hints.IdempotentHint != (tool.Method != "POST") ||
			*hints.DestructiveHint != slices.Contains([]string{"DELETE", "PUT", "PATCH"}, tool.Method) || *hints.OpenWorldHint {
			t.Errorf("%s is %s and has the hints %+v", tool.Name, tool.Method, hints)
		}
		if got.Title != tool.Title || hints.Title != tool.Title || got.Description != tool.Description || got.Title == "" || got.Description == "" {
			t.Errorf("%s: title %q, description %q", tool.Name, got.Title, got.Description)
		}
		compiler := jsonschema.NewCompiler() // its default is 2020-12, and it checks against the metaschema
		if err := compiler.AddResource("tool:x", got.InputSchema); err != nil {
			t.Fatal(err)
		}
		if _, err := compiler.Compile("tool:x"); err != nil {
			t.Errorf("%s: %v", tool.Name, err)
		}
		if schema, is := got.InputSchema.(map[string]any); !is || schema["type"] != "object" || schema["additionalProperties"] != false {
			t.Errorf("%s: schema %v", tool.Name, got.InputSchema)
		}
	}
}

func TestCalls(t *testing.T) {
	session, _ := started(t, orchestrator.Permission{})
	id := made(t, session, "createScript", "scriptId", map[string]any{"title": "Hamlet"})
	for _, c := range []struct {
		tool      string
		arguments string
		status    float64
		code      string // of the problem; "" for none
		body      string // part of the answer
	}{
		{"getScript", fmt.Sprintf(`{"scriptId": %d}`, id), 200, "", "Hamlet"},
		{"listScripts", `{}`, 200, "", "Hamlet"},
		{"listScripts", `{"limit": 1, "title": "Nothing"}`, 200, "", "[]"},
		{"patchScript", fmt.Sprintf(`{"scriptId": %d, "author": "W. S."}`, id), 200, "", "W. S."},
		{"getScript", `{"scriptId": 999}`, 404, "not_found", "no script 999"},
		{"getScript", `{"scriptId": "one"}`, 400, "invalid_arguments", "/scriptId"},
		{"getScript", `{}`, 400, "invalid_arguments", "scriptId"},
		{"createScript", `{"title": "x", "unknown": 1}`, 400, "invalid_arguments", "unknown"},
		{"createScript", `{"title": ""}`, 400, "invalid_arguments", "/title"},
		{"deleteScript", fmt.Sprintf(`{"scriptId": %d}`, id), 403, "not_permitted", "the person has not allowed that"},
	} {
		outcome, failed := call(t, session, c.tool, json.RawMessage(c.arguments))
		problem, _ := outcome["problem"].(map[string]any)
		got, _ := problem["code"].(string)
		text, err := json.Marshal(outcome)
		if err != nil {
			t.Fatal(err)
		}
		if failed != (c.code != "") || outcome["status"] != c.status || got != c.code || !strings.Contains(string(text), c.body) {
			t.Errorf("%s %s: failed is %v: %s", c.tool, c.arguments, failed, text)
		}
	}
	if outcome, _ := call(t, session, "getScript", map[string]any{"scriptId": id}); outcome["status"] != 200.0 {
		t.Errorf("the script is gone after the refused delete: %v", outcome)
	}
	_, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "dropTables"})
	if code(err) != jsonrpc.CodeInvalidParams || !strings.Contains(err.Error(), "dropTables") {
		t.Errorf("an unknown tool: %v", err)
	}
}

func TestDeletesWhereAllowed(t *testing.T) {
	session, _ := started(t, orchestrator.Permission{Destructive: true})
	id := made(t, session, "createScript", "scriptId", map[string]any{"title": "Hamlet"})
	if outcome, failed := call(t, session, "deleteScript", map[string]any{"scriptId": id}); failed {
		t.Errorf("got %v", outcome)
	}
	if outcome, _ := call(t, session, "getScript", map[string]any{"scriptId": id}); outcome["status"] != 404.0 {
		t.Errorf("got %v", outcome)
	}
}

func TestReadOnlyRefusesWrites(t *testing.T) {
	session, _ := started(t, orchestrator.Permission{ReadOnly: true})
	if outcome, failed := call(t, session, "createScript", map[string]any{"title": "Hamlet"}); !failed || outcome["status"] != 403.0 {
		t.Errorf("got %v", outcome)
	}
	if outcome, _ := call(t, session, "listScripts", nil); fmt.Sprint(outcome["body"]) != "[]" {
		t.Errorf("got %v", outcome)
	}
}

// before returns a server whose gateway is the handler.
func before(t *testing.T, gateway http.HandlerFunc) *Server {
	t.Helper()
	server := httptest.NewServer(gateway)
	t.Cleanup(server.Close)
	api, err := client.NewVia("http://gateway.test", "key", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	documents := map[string][]byte{}
	for _, service := range orchestrator.Services {
		if documents[service], err = os.ReadFile(filepath.Join("../../services", service, "openapi.yaml")); err != nil {
			t.Fatal(err)
		}
	}
	box, err := orchestrator.NewToolbox(documents)
	if err != nil {
		t.Fatal(err)
	}
	return New(Options{Toolbox: box, API: api, Parallel: 2})
}

func TestIdempotencyKeys(t *testing.T) {
	var mu sync.Mutex
	var keys []string
	session := connect(t, before(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, r.Header.Get("Idempotency-Key"))
		if len(keys) == 1 {
			w.WriteHeader(http.StatusServiceUnavailable) // the client asks again
			return
		}
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `{"scriptId": 1}`)
	}))
	for range 2 {
		made(t, session, "createScript", "scriptId", map[string]any{"title": "Hamlet"})
	}
	if len(keys) != 3 || keys[0] == "" || keys[0] != keys[1] || keys[1] == keys[2] {
		t.Errorf("the keys of a call, its repetition and another call are %q", keys)
	}
}

func TestCancellationReachesTheGateway(t *testing.T) {
	came, gone := make(chan struct{}), make(chan struct{})
	session := connect(t, before(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then does net/http see that the client has gone
		close(came)
		<-r.Context().Done()
		close(gone)
	}))
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan error)
	go func() {
		_, err := session.CallTool(ctx, &mcp.CallToolParams{Name: "createScript", Arguments: map[string]any{"title": "Hamlet"}})
		ended <- err
	}()
	<-came
	cancel()
	<-gone
	if err := <-ended; err == nil {
		t.Error("the call that was cancelled has a result")
	}
	if err := session.Ping(t.Context(), nil); err != nil {
		t.Errorf("the session does not go on: %v", err)
	}
}

func TestSoManyAtATime(t *testing.T) {
	var mu sync.Mutex
	running, most := 0, 0
	both := make(chan struct{})
	server := before(t, func(w http.ResponseWriter, _ *http.Request) {
		mu.Lock()
		running++
		if most = max(most, running); running == 2 {
			select {
			case <-both:
			default:
				close(both)
			}
		}
		mu.Unlock()
		<-both                           // until two are here
		time.Sleep(5 * time.Millisecond) // time for a third, were it let through
		mu.Lock()
		running--
		mu.Unlock()
		_, _ = io.WriteString(w, `[]`)
	})
	sessions := []*mcp.ClientSession{connect(t, server), connect(t, server)}
	var calls sync.WaitGroup
	for i := range 20 {
		calls.Go(func() {
			if outcome, failed := call(t, sessions[i%2], "listScripts", nil); failed {
				t.Errorf("got %v", outcome)
			}
		})
	}
	calls.Wait()
	if most != 2 {
		t.Errorf("%d calls at a time, want 2", most)
	}
}

func TestPanicIsAnError(t *testing.T) {
	server := before(t, http.NotFound)
	server.sdk.AddReceivingMiddleware(server.survive, func(next mcp.MethodHandler) mcp.MethodHandler {
		return func(ctx context.Context, method string, request mcp.Request) (mcp.Result, error) {
			if method == "prompts/list" {
				panic("for the test")
			}
			return next(ctx, method, request)
		}
	})
	session := connect(t, server)
	if _, err := session.ListPrompts(t.Context(), nil); code(err) != jsonrpc.CodeInternalError || strings.Contains(err.Error(), "for the test") {
		t.Errorf("got %v", err)
	}
	if err := session.Ping(t.Context(), nil); err != nil {
		t.Error(err)
	}
}
