package mcpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"fountain.coach/fountainai/internal/localstack/stacktest"
	"fountain.coach/fountainai/internal/orchestrator"
)

// initialize is the first message of a client.
const initialize = `{"jsonrpc":"2.0","id":1,"method":"initialize","params":{"protocolVersion":"2025-11-25","capabilities":{},"clientInfo":{"name":"test","version":"1"}}}`

// onNetwork serves as on an address that is not of this machine alone.
func onNetwork(t *testing.T, s *Server) string {
	t.Helper()
	server := httptest.NewServer(s.handler(false))
	t.Cleanup(func() {
		s.closeSessions()
		server.Close()
	})
	return server.URL + Path
}

// onLoopback runs a server as the command does.
func onLoopback(t *testing.T, s *Server) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	ended := make(chan error)
	go func() { ended <- s.Serve(ctx, listener) }()
	t.Cleanup(func() {
		stop()
		if err := <-ended; err != nil {
			t.Errorf("the server ends with %v", err)
		}
	})
	return fmt.Sprintf("http://%s%s", listener.Addr(), Path)
}

// withHeader is a client that sends a header with everything.
type withHeader struct{ name, value string }

func (h withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set(h.name, h.value)
	return http.DefaultTransport.RoundTrip(r)
}

func overHTTP(endpoint string, header withHeader) *mcp.StreamableClientTransport {
	return &mcp.StreamableClientTransport{Endpoint: endpoint, HTTPClient: &http.Client{Transport: header}, MaxRetries: -1}
}

// post sends a message as a client does and returns the answer.
func post(t *testing.T, address, message string, header http.Header) (*http.Response, string) {
	t.Helper()
	return send(t, http.MethodPost, address, message, header)
}

func send(t *testing.T, method, address, message string, header http.Header) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, address, strings.NewReader(message))
	if err != nil {
		t.Fatal(err)
	}
	request.Header = header.Clone()
	request.Host = header.Get("Host")
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", "application/json, text/event-stream")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(body)
}

func TestKeyOfThePersonIsUsed(t *testing.T) {
	stack := stacktest.Start(t)
	o := options(t, stack, orchestrator.Permission{})
	o.API = o.API.WithKey("") // nobody's key is configured
	endpoint := onNetwork(t, New(o))
	writer := session(t, overHTTP(endpoint, withHeader{"Authorization", "Bearer " + stack.Writer}))
	reader := session(t, overHTTP(endpoint, withHeader{"X-API-Key", stack.Reader}))
	// Two at once, each with a key of its own.
	var both sync.WaitGroup
	both.Go(func() {
		for i := range 10 {
			made(t, writer, "createScript", "scriptId", map[string]any{"title": fmt.Sprint("Play ", i)})
		}
	})
	both.Go(func() {
		for range 10 {
			outcome, failed := call(t, reader, "createScript", map[string]any{"title": "No"})
			if !failed || outcome["status"] != 403.0 {
				t.Errorf("the reader writes: %v", outcome)
			}
		}
	})
	both.Wait()
	outcome, failed := call(t, reader, "listScripts", nil)
	if scripts, _ := outcome["body"].([]any); failed || len(scripts) != 10 {
		t.Errorf("the reader sees %v", outcome)
	}
	if _, err := reader.ListResources(t.Context(), nil); err != nil {
		t.Error(err)
	}
}

func TestKeyIsAskedFor(t *testing.T) {
	stack := stacktest.Start(t)
	endpoint := onNetwork(t, New(options(t, stack, orchestrator.Permission{}))) // with a configured key, which must not be lent
	for _, c := range []struct {
		name, value string
		challenge   string
	}{
		{"Accept-Language", "en", `Bearer realm="FountainAI"`},
		{"X-API-Key", "", `Bearer realm="FountainAI"`},
		{"Authorization", "Basic dXNlcjpwYXNz", `Bearer realm="FountainAI"`},
		{"Authorization", "Bearer", `Bearer realm="FountainAI"`},
		{"Authorization", "Bearer wrong", `Bearer realm="FountainAI", error="invalid_token"`},
		{"X-API-Key", "wrong", `Bearer realm="FountainAI", error="invalid_token"`},
	} {
		for _, method := range []string{http.MethodPost, http.MethodGet, http.MethodDelete} {
			response, body := send(t, method, endpoint, initialize, http.Header{c.name: {c.value}})
			if response.StatusCode != http.StatusUnauthorized || response.Header.Get("WWW-Authenticate") != c.challenge || !strings.Contains(body, `"unauthorized"`) {
				t.Errorf("%s with %s %q: %d %q %s", method, c.name, c.value, response.StatusCode, response.Header.Get("WWW-Authenticate"), body)
			}
		}
	}
}

func TestSessionBelongsToItsKey(t *testing.T) {
	stack := stacktest.Start(t)
	endpoint := onNetwork(t, New(options(t, stack, orchestrator.Permission{})))
	response, body := post(t, endpoint, initialize, http.Header{"X-Api-Key": {stack.Writer}})
	id := response.Header.Get("Mcp-Session-Id")
	if response.StatusCode != http.StatusOK || id == "" {
		t.Fatalf("got %d %s", response.StatusCode, body)
	}
	response, body = post(t, endpoint, `{"jsonrpc":"2.0","id":2,"method":"ping"}`, http.Header{"X-Api-Key": {stack.Reader}, "Mcp-Session-Id": {id}})
	if response.StatusCode != http.StatusForbidden {
		t.Errorf("another key uses the session: %d %s", response.StatusCode, body)
	}
	response, body = post(t, endpoint, `{"jsonrpc":"2.0","id":2,"method":"ping"}`, http.Header{"X-Api-Key": {stack.Writer}, "Mcp-Session-Id": {id}})
	if response.StatusCode != http.StatusOK {
		t.Errorf("got %d %s", response.StatusCode, body)
	}
}

func TestLoopbackUsesTheConfiguredKey(t *testing.T) {
	stack := stacktest.Start(t)
	endpoint := onLoopback(t, New(options(t, stack, orchestrator.Permission{})))
	without := session(t, &mcp.StreamableClientTransport{Endpoint: endpoint})
	made(t, without, "createScript", "scriptId", map[string]any{"title": "Hamlet"})
	reader := session(t, overHTTP(endpoint, withHeader{"X-API-Key", stack.Reader}))
	if outcome, failed := call(t, reader, "createScript", map[string]any{"title": "No"}); !failed || outcome["status"] != 403.0 {
		t.Errorf("the configured key is used for who has another: %v", outcome)
	}
	if response, _ := post(t, endpoint, initialize, http.Header{"X-Forwarded-For": {"192.0.2.1"}}); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("through a proxy without a key: %d", response.StatusCode)
	}
	if response, _ := post(t, endpoint, initialize, http.Header{"X-Api-Key": {"wrong"}}); response.StatusCode != http.StatusUnauthorized {
		t.Errorf("a wrong key: %d", response.StatusCode)
	}
}

func TestForeignPagesAreRefused(t *testing.T) {
	endpoint := onLoopback(t, before(t, http.NotFound))
	host := strings.TrimSuffix(strings.TrimPrefix(endpoint, "http://"), Path)
	_, port, err := net.SplitHostPort(host)
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		header http.Header
		want   int
	}{
		{http.Header{}, 200},
		{http.Header{"Origin": {"http://" + host}}, 200},
		{http.Header{"Host": {"localhost:" + port}}, 200},
		{http.Header{"Origin": {"http://localhost:" + port}, "Host": {"localhost:" + port}}, 200},
		{http.Header{"Origin": {"https://evil.example"}}, 403},
		{http.Header{"Origin": {"null"}}, 403},
		{http.Header{"Origin": {"http://localhost:1"}}, 403},
		{http.Header{"Sec-Fetch-Site": {"cross-site"}}, 403},
		{http.Header{"Sec-Fetch-Site": {"same-site"}}, 403},
		{http.Header{"Host": {"evil.example"}}, 403},
		// A name that was made to lead here: page and host agree, and both are foreign.
		{http.Header{"Host": {"evil.example:" + port}, "Origin": {"http://evil.example:" + port}, "Sec-Fetch-Site": {"same-origin"}}, 403},
		{http.Header{"Host": {"localhost.evil.example"}}, 403},
	} {
		response, body := post(t, endpoint, initialize, c.header)
		if response.StatusCode != c.want {
			t.Errorf("%v: %d %s", c.header, response.StatusCode, body)
		}
		if response, _ := send(t, http.MethodGet, endpoint, "", c.header); c.want == 403 && c.header.Get("Sec-Fetch-Site") == "" && response.StatusCode != 403 {
			t.Errorf("GET %v: %d", c.header, response.StatusCode)
		}
		if response.Header.Get("Access-Control-Allow-Origin") != "" {
			t.Errorf("%v: the answer may be read by %s", c.header, response.Header.Get("Access-Control-Allow-Origin"))
		}
	}
}

func TestMessagesOverHTTPAreBounded(t *testing.T) {
	server := before(t, http.NotFound)
	endpoint := onLoopback(t, server)
	for _, c := range []struct {
		method, path, message string
		want                  int
	}{
		{http.MethodPost, "", strings.Repeat("x", largestMessage+1), 413},
		{http.MethodPost, "", "{oops", 400},
		{http.MethodPost, "", "", 400},
		{http.MethodPost, "", strings.Repeat("[", 100_000), 400},
		{http.MethodPut, "", initialize, 405},
		{http.MethodGet, "", "", 400},
		{http.MethodPost, "/else", initialize, 404},
		{http.MethodPost, "", initialize, 200},
	} {
		if response, body := send(t, c.method, endpoint+c.path, c.message, http.Header{}); response.StatusCode != c.want {
			t.Errorf("%s %s %.20q: %d %.200s, want %d", c.method, c.path, c.message, response.StatusCode, body, c.want)
		}
	}
	response, _ := post(t, endpoint, initialize, http.Header{})
	id := response.Header.Get("Mcp-Session-Id")
	response, body := post(t, endpoint, `{"jsonrpc":"2.0","id":2,"method":"nope"}`, http.Header{"Mcp-Session-Id": {id}})
	if response.StatusCode != http.StatusBadRequest || !strings.Contains(body, "nope") { // the SDK's answer, before there is a stream for errors
		t.Errorf("an unknown method: %d %s", response.StatusCode, body)
	}
	for range mostSessions {
		post(t, endpoint, initialize, http.Header{})
	}
	if response, body := post(t, endpoint, initialize, http.Header{}); response.StatusCode != http.StatusServiceUnavailable {
		t.Errorf("session %d: %d %s", mostSessions+1, response.StatusCode, body)
	}
	if response, body := post(t, endpoint, `{"jsonrpc":"2.0","id":3,"method":"ping"}`, http.Header{"Mcp-Session-Id": {id}}); response.StatusCode != http.StatusOK {
		t.Errorf("a session that there is: %d %s", response.StatusCode, body)
	}
}

func TestIdleSessionsEnd(t *testing.T) {
	server := before(t, http.NotFound)
	server.options.SessionTimeout = time.Millisecond
	endpoint := onLoopback(t, server)
	response, _ := post(t, endpoint, initialize, http.Header{})
	id := response.Header.Get("Mcp-Session-Id")
	for {
		response, _ = post(t, endpoint, `{"jsonrpc":"2.0","id":2,"method":"ping"}`, http.Header{"Mcp-Session-Id": {id}})
		if response.StatusCode == http.StatusNotFound {
			break // the client begins anew, by the protocol
		}
		if response.StatusCode != http.StatusOK {
			t.Fatalf("got %d", response.StatusCode)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestStopLetsCallsEnd(t *testing.T) {
	came, goOn := make(chan struct{}), make(chan struct{})
	server := before(t, func(w http.ResponseWriter, _ *http.Request) {
		close(came)
		<-goOn
		_, _ = io.WriteString(w, `[]`)
	})
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error, 1)
	go func() { ended <- server.Serve(ctx, listener) }()
	client := session(t, &mcp.StreamableClientTransport{Endpoint: fmt.Sprintf("http://%s%s", listener.Addr(), Path)})
	answered := make(chan string, 1)
	go func() {
		result, err := client.CallTool(t.Context(), &mcp.CallToolParams{Name: "listScripts"})
		text, _ := json.Marshal(result)
		answered <- fmt.Sprint(string(text), err)
	}()
	<-came
	stop()
	for { // until the listener is closed
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err != nil {
			break
		}
		_ = connection.Close()
	}
	close(goOn)
	if got := <-answered; !strings.Contains(got, `"status":200`) {
		t.Errorf("the call that was under way: %s", got)
	}
	if err := <-ended; err != nil {
		t.Errorf("the server ends with %v", err)
	}
}
