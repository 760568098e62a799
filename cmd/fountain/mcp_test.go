//go:build !nomodel

package main

import (
	"bufio"
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"fountain.coach/fountainai/internal/localstack/stacktest"
	"fountain.coach/fountainai/internal/mcpserver"
)

// mcpProcess is fountain mcp as a program of its own, before a stack.
func mcpProcess(t *testing.T, stack *stacktest.Stack, arguments ...string) *exec.Cmd {
	t.Helper()
	command := exec.Command(os.Args[0], append([]string{"mcp", "--url", stack.URL}, arguments...)...)
	command.Env = append(os.Environ(), asFountain+"=1", "FOUNTAIN_API_KEY="+stack.Writer)
	command.Dir = t.TempDir()
	return command
}

func mcpSession(t *testing.T, transport mcp.Transport) *mcp.ClientSession {
	t.Helper()
	session, err := mcp.NewClient(&mcp.Implementation{Name: "test", Version: "1"}, nil).Connect(t.Context(), transport, nil)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = session.Close() })
	return session
}

func TestMCPOverStdio(t *testing.T) {
	stack := stacktest.Start(t)
	for _, c := range []struct {
		flags         []string
		offered, lack string
	}{
		{nil, "createScript", "deleteScript"},
		{[]string{"--read-only"}, "listScripts", "createScript"},
		{[]string{"--allow-destructive"}, "deleteScript", "dropScript"},
	} {
		command := mcpProcess(t, stack, c.flags...)
		session := mcpSession(t, &mcp.CommandTransport{Command: command})
		var names []string
		for tool, err := range session.Tools(t.Context(), nil) {
			if err != nil {
				t.Fatal(err)
			}
			names = append(names, tool.Name)
		}
		if !slices.Contains(names, c.offered) || slices.Contains(names, c.lack) {
			t.Errorf("%v: %q", c.flags, names)
		}
		arguments := map[string]any{"title": "Hamlet"}
		result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "createScript", Arguments: arguments})
		if readOnly := c.lack == "createScript"; err != nil || result.IsError != readOnly {
			t.Errorf("%v: createScript: %+v %v", c.flags, result, err)
		}
		resources, err := session.ListResources(t.Context(), nil)
		if err != nil || len(resources.Resources) < 2 {
			t.Errorf("%v: resources %v %v", c.flags, resources, err)
		}
		if err := session.Close(); err != nil || !command.ProcessState.Success() {
			t.Errorf("%v: the program ends with %v, %v", c.flags, command.ProcessState, err)
		}
	}
}

// TestMCPWritesNothingButMessages looks at the raw lines, with everything logged.
func TestMCPWritesNothingButMessages(t *testing.T) {
	command := mcpProcess(t, stacktest.Start(t), "--log-level", "debug")
	var stdout, stderr bytes.Buffer
	command.Stdout, command.Stderr = &stdout, &stderr
	big, err := json.Marshal(strings.Repeat("x", 2<<20))
	if err != nil {
		t.Fatal(err)
	}
	command.Stdin = strings.NewReader(strings.Join([]string{
		`{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"raw","version":"1"}}}`,
		`{"jsonrpc":"2.0","method":"notifications/initialized"}`,
		`{"jsonrpc":"2.0","id":2,"method":"no/such"}`,
		`{not json`,
		`{"jsonrpc":"2.0","id":3,"method":"tools/call","params":{"name":"createScript","arguments":{"title":` + string(big) + `}}}`,
		strings.Repeat("y", 20<<20),
		`{"jsonrpc":"2.0","method":"no/such/notification"}`,
		`{"jsonrpc":"2.0","id":4,"method":"tools/list"}`,
		`{"jsonrpc":"2.0","id":"five","method":"tools/call","params":{"name":"createScript","arguments":{"title":"Hamlet"}}}`,
		`{"jsonrpc":"2.0","id":6,"method":"prompts/list"}`,
	}, "\n") + "\n")
	if err := command.Run(); err != nil {
		t.Fatalf("%v: %s", err, stderr.String())
	}
	got := map[string]string{}
	scanner := bufio.NewScanner(&stdout)
	scanner.Buffer(nil, 64<<20)
	for scanner.Scan() {
		var message struct {
			JSONRPC string
			ID      json.RawMessage
			Result  json.RawMessage
			Error   *struct {
				Code    int
				Message string
			}
		}
		if err := json.Unmarshal(scanner.Bytes(), &message); err != nil || message.JSONRPC != "2.0" || (message.Result == nil) == (message.Error == nil) {
			t.Fatalf("this is no message: %.300s (%v)", scanner.Text(), err)
		}
		what := string(message.Result)
		if message.Error != nil {
			what = fmt.Sprint(message.Error.Code)
		}
		got[string(message.ID)] += what + " "
	}
	for id, want := range map[string]string{"1": "protocolVersion", "2": "-32601", "3": "invalid_arguments", "4": "listScripts", `"five"`: `"status":201`, "6": "continuity-check", "null": "-32700 -32600 "} {
		if !strings.Contains(got[id], want) {
			t.Errorf("id %s: got %.300s, want %s", id, got[id], want)
		}
	}
	if !strings.Contains(stderr.String(), "name=createScript") {
		t.Errorf("nothing is logged: %s", stderr.String())
	}
}

func TestMCPOverHTTP(t *testing.T) {
	stack := stacktest.Start(t)
	command := mcpProcess(t, stack, "--http", "127.0.0.1:0")
	stderr, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = command.Process.Kill() })
	first, err := bufio.NewReader(stderr).ReadString('\n')
	if err != nil {
		t.Fatal(err)
	}
	_, address, _ := strings.Cut(first, " at ")
	endpoint, _, found := strings.Cut(address, ";")
	if !found {
		t.Fatalf("it says %q", first)
	}
	sessions := []*mcp.ClientSession{mcpSession(t, &mcp.StreamableClientTransport{Endpoint: endpoint}), mcpSession(t, &mcp.StreamableClientTransport{Endpoint: endpoint})}
	var both sync.WaitGroup
	for _, session := range sessions {
		both.Go(func() {
			for range 5 {
				result, err := session.CallTool(t.Context(), &mcp.CallToolParams{Name: "createScript", Arguments: map[string]any{"title": "Hamlet"}})
				if err != nil || result.IsError {
					t.Errorf("%+v %v", result, err)
				}
			}
		})
	}
	both.Wait()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, endpoint, strings.NewReader("{}"))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Origin", "https://evil.example")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	if err := response.Body.Close(); err != nil || response.StatusCode != http.StatusForbidden {
		t.Errorf("a foreign page: %d %v", response.StatusCode, err)
	}
	if err := command.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := command.Wait(); err != nil {
		t.Errorf("with clients connected it ends with %v", err)
	}
}

func TestMCPRefuses(t *testing.T) {
	t.Setenv("FOUNTAIN_API_KEY", "key")
	for name, c := range map[string]struct {
		arguments []string
		want      string
	}{
		"contradiction":  {[]string{"--read-only", "--allow-destructive"}, "read-only"},
		"no such place":  {[]string{"--http", "nowhere"}, "--http"},
		"nobody answers": {[]string{"--url", "http://localhost:1"}, "is a FountainAI running at http://localhost:1?"},
		"log level":      {[]string{"--log-level", "loud"}, "log level"},
	} {
		if _, err := run(t, append([]string{"mcp"}, c.arguments...)...); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v", name, err)
		}
	}
	t.Setenv("FOUNTAIN_API_KEY", "")
	if _, err := run(t, "mcp", "--data", t.TempDir()); err == nil || !strings.Contains(err.Error(), "no API key") {
		t.Errorf("no key: %v", err)
	}
}

// TestMCPPage holds docs/mcp.md against the command.
func TestMCPPage(t *testing.T) {
	page := readFile(t, filepath.Join("..", "..", "docs", "mcp.md"))
	for _, block := range regexp.MustCompile("(?s)```json\n(.*?)```").FindAllStringSubmatch(page, -1) {
		var config struct {
			MCPServers map[string]struct {
				Command string
				Args    []string
				URL     string
			}
		}
		if err := json.Unmarshal([]byte(block[1]), &config); err != nil {
			t.Errorf("%v in %s", err, block[1])
		}
		for _, server := range config.MCPServers {
			if (len(server.Args) == 0 || server.Args[0] != "mcp") && !strings.HasSuffix(server.URL, mcpserver.Path) {
				t.Errorf("%+v starts or finds no MCP server", server)
			}
		}
	}
	flags := newMCPCommand().Flags()
	for _, flag := range regexp.MustCompile(`--([a-z][a-z-]+)`).FindAllStringSubmatch(page, -1) {
		if flags.Lookup(flag[1]) == nil && flag[1] != "reader" { // that is fountain key's
			t.Errorf("the page names --%s", flag[1])
		}
	}
}
