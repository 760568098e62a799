// What passes between client and service, and what happens when it does not.

package gateway

import (
	"bufio"
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

// oneRoute is a gateway with nothing but a route to the targets.
func oneRoute(t *testing.T, service string, targets ...string) *Config {
	text := "_format_version: \"3.0\"\nservices:\n  - name: a\n    host: pool\n" + service +
		"    routes:\n      - name: a\n        hosts: [character.localhost]\nupstreams:\n  - name: pool\n    targets:\n"
	for _, target := range targets {
		text += "      - target: " + target + "\n"
	}
	return parse(t, text)
}

func TestForwardedHeaders(t *testing.T) {
	g := start(t, load(t), upstreams{"character:8000": echo})
	_, port, _ := net.SplitHostPort(g.server.Listener.Addr().String())
	_, body := g.call(t, "GET", "/docs//%2e/x?q=%20", "", "Host", "Character.localhost:8000",
		"X-Forwarded-For", "10.0.0.1", "X-Forwarded-Proto", "https", "X-Forwarded-Host", "evil.test",
		"X-Forwarded-Port", "1", "X-Forwarded-Path", "/evil", "X-Forwarded-Prefix", "/evil", "Forwarded", "for=evil",
		"X-Real-IP", "10.0.0.1", "Via", "1.0 before", "Expect", "", "Upgrade", "h2c", "Connection", "Upgrade, X-Hop", "X-Hop", "1",
		"Proxy-Authorization", "Basic x")
	sent := decodeEcho(t, body)
	for name, want := range map[string]string{
		"X-Forwarded-For":    "10.0.0.1, 127.0.0.1",
		"X-Forwarded-Proto":  "http",
		"X-Forwarded-Host":   "character.localhost",
		"X-Forwarded-Port":   port,
		"X-Forwarded-Path":   "/docs//%2e/x",
		"X-Forwarded-Prefix": "", "Forwarded": "", "Upgrade": "", "Connection": "", "X-Hop": "", "Proxy-Authorization": "",
		"X-Real-Ip": "127.0.0.1",
		"Via":       "1.0 before, 1.1 fountain",
	} {
		if got := strings.Join(sent.Header[name], "|"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if sent.Host != "Character.localhost:8000" || sent.URI != "/docs/x?q=%20" {
		t.Errorf("the service was asked for %s at %s", sent.URI, sent.Host)
	}
}

func TestForwardedOverTLS(t *testing.T) {
	g := start(t, oneRoute(t, "", "a:1"), upstreams{"a:1": echo})
	server := httptest.NewTLSServer(g)
	t.Cleanup(server.Close)
	request, _ := http.NewRequest("GET", server.URL, nil)
	request.Host = "character.localhost"
	response, err := server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if sent := decodeEcho(t, string(body)); sent.Header.Get("X-Forwarded-Proto") != "https" || sent.Host != "a:1" {
		t.Errorf("%+v", sent) // preserve_host is false here, as it is by default
	}
}

func TestAnswerHeaders(t *testing.T) {
	service := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		for name, value := range map[string]string{
			"Server": "secret/1.0", "Via": "1.1 inner", "Connection": "X-Hop", "X-Hop": "1", "ETag": `"1"`,
			"Access-Control-Allow-Origin": "https://inner.test", "Retry-After": "5", "Trailer": "X-Sum",
		} {
			w.Header().Set(name, value)
		}
		w.WriteHeader(http.StatusTeapot)
		io.WriteString(w, "tea")
		w.Header().Set("X-Sum", "3")
	})
	g := start(t, load(t), upstreams{"character:8000": service})
	response, body := g.call(t, "GET", "/docs", "")
	if response.StatusCode != http.StatusTeapot || body != "tea" || response.Trailer.Get("X-Sum") != "3" {
		t.Errorf("%s %q %v", response.Status, body, response.Trailer)
	}
	for name, want := range map[string]string{
		"Server": "", "Via": "1.1 inner, 1.1 fountain", "X-Hop": "", "ETag": `"1"`, "Access-Control-Allow-Origin": "*",
		"Retry-After": "5", "X-Kong-Proxy-Latency": "0", "X-Kong-Response-Latency": "",
	} {
		if got := strings.Join(response.Header.Values(name), "|"); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	if response.Header.Get("X-Kong-Upstream-Latency") == "" {
		t.Error("no X-Kong-Upstream-Latency")
	}
}

func TestHeadAndEmptyAnswers(t *testing.T) {
	service := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/none":
			w.WriteHeader(http.StatusNoContent)
		case "/same":
			w.WriteHeader(http.StatusNotModified)
		default:
			w.Header().Set("Content-Length", "12")
			io.WriteString(w, "hello, world")
		}
	})
	g := start(t, oneRoute(t, "", "a:1"), upstreams{"a:1": service})
	response, body := g.call(t, "HEAD", "/", "")
	if response.StatusCode != 200 || response.ContentLength != 12 || body != "" {
		t.Errorf("HEAD: %s %d %q", response.Status, response.ContentLength, body)
	}
	for path, status := range map[string]int{"/none": 204, "/same": 304} {
		if response, body := g.call(t, "GET", path, ""); response.StatusCode != status || body != "" {
			t.Errorf("%s: %s %q", path, response.Status, body)
		}
	}
	response, _ = g.call(t, "HEAD", "/", "", "Host", "nobody.localhost")
	if response.StatusCode != 404 || response.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("HEAD of nothing: %s", response.Status)
	}
}

func TestStreamedAnswer(t *testing.T) {
	step := make(chan struct{})
	service := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		for i := range 3 {
			fmt.Fprintf(w, "data: %d\n\n", i)
			w.(http.Flusher).Flush()
			<-step
		}
	})
	// The stream lasts longer than read_timeout, which bounds each pause only.
	g := start(t, oneRoute(t, "    read_timeout: 600\n", "a:1"), upstreams{"a:1": service})
	request, _ := http.NewRequest("GET", g.server.URL, nil)
	request.Host = "character.localhost"
	response, err := g.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewReader(response.Body)
	for i := range 3 {
		line, err := lines.ReadString('\n')
		if err != nil || line != fmt.Sprintf("data: %d\n", i) {
			t.Fatalf("%q %v", line, err) // each event is here before the next is sent
		}
		lines.ReadString('\n')
		time.Sleep(300 * time.Millisecond)
		step <- struct{}{}
	}
}

func TestStreamedRequest(t *testing.T) {
	got := make(chan string)
	service := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		lines := bufio.NewScanner(r.Body)
		for lines.Scan() {
			got <- lines.Text()
		}
	})
	g := start(t, oneRoute(t, "    write_timeout: 600\n    read_timeout: 600\n", "a:1"), upstreams{"a:1": service})
	body, writer := io.Pipe()
	request, _ := http.NewRequest("POST", g.server.URL, body)
	request.Host = "character.localhost"
	done := make(chan error, 1)
	go func() {
		response, err := g.server.Client().Do(request)
		if err == nil && response.StatusCode != 200 {
			err = fmt.Errorf("%s", response.Status)
		}
		done <- err
	}()
	for i := range 3 {
		time.Sleep(300 * time.Millisecond) // a slow client is no fault of the service
		fmt.Fprintf(writer, "%d\n", i)
		if line := <-got; line != fmt.Sprint(i) {
			t.Errorf("%q", line) // each line is there before the next is sent
		}
	}
	writer.Close()
	if err := <-done; err != nil {
		t.Error(err)
	}
}

func TestServiceFailures(t *testing.T) {
	hang := make(chan struct{})
	t.Cleanup(func() { close(hang) })
	service := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/abort":
			panic(http.ErrAbortHandler)
		case "/hang":
			select {
			case <-hang:
			case <-r.Context().Done():
			}
		case "/garbage":
			connection, _, _ := http.NewResponseController(w).Hijack()
			io.WriteString(connection, "not HTTP\r\n\r\n")
			connection.Close()
		}
	})
	g := start(t, oneRoute(t, "    read_timeout: 150\n    retries: 0\n", "a:1"), upstreams{"a:1": service})
	badGateway := "An invalid response was received from the upstream server"
	for path, want := range map[string]refusal{
		"/abort":   {502, "bad_gateway", badGateway, ""},
		"/garbage": {502, "bad_gateway", badGateway, ""},
		"/hang":    {504, "gateway_timeout", "The upstream server is timing out", ""},
	} {
		response, body := g.call(t, "POST", path, "")
		refused(t, response, body, want.status, want.code, want.message)
		if !strings.Contains(g.log.String(), "service failed") || strings.Contains(body, "EOF") {
			t.Errorf("%s: log %q, body %q", path, g.log.String(), body)
		}
	}
}

func TestConnectionFailures(t *testing.T) {
	config := oneRoute(t, "    connect_timeout: 50\n    retries: 0\n", "refused:1")
	g := start(t, config, nil)
	response, body := g.call(t, "GET", "/", "")
	refused(t, response, body, 502, "bad_gateway", "An invalid response was received from the upstream server")

	g.services[0].transport.(*http.Transport).DialContext = dialWithin(func(ctx context.Context, _, _ string) (net.Conn, error) {
		<-ctx.Done()
		return nil, ctx.Err()
	}, 50*time.Millisecond)
	response, body = g.call(t, "GET", "/", "")
	refused(t, response, body, 504, "gateway_timeout", "The upstream server is timing out")

	g.services[0].transport.(*http.Transport).DialContext = dialWithin(func(context.Context, string, string) (net.Conn, error) {
		return nil, &net.DNSError{Name: "refused", IsNotFound: true}
	}, time.Second)
	response, body = g.call(t, "GET", "/", "")
	refused(t, response, body, 503, "service_unavailable", "name resolution failed")
}

// brokenAfter closes the connection once it has read a request.
func brokenAfter(requests *atomic.Int64) http.Handler {
	return http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		io.Copy(io.Discard, r.Body)
		requests.Add(1)
		panic(http.ErrAbortHandler)
	})
}

func TestRetries(t *testing.T) {
	cases := []struct {
		name, method, body string
		retries            int
		first              string // "refuses" or "breaks"
		status             int
		seen               int64 // requests that a breaking target got
	}{
		{"a POST that was not sent", "POST", "abc", 1, "refuses", 200, 0},
		{"no retry allowed", "POST", "abc", 0, "refuses", 502, 0},
		{"a POST that was sent", "POST", "abc", 5, "breaks", 502, 1},
		{"an empty POST that was sent", "POST", "", 5, "breaks", 502, 1},
		{"a PATCH that was sent", "PATCH", "abc", 5, "breaks", 502, 1},
		{"a GET that was sent", "GET", "", 1, "breaks", 200, 1},
		{"a DELETE that was sent", "DELETE", "", 1, "breaks", 200, 1},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			var seen atomic.Int64
			services := upstreams{"good:1": echo}
			if c.first == "breaks" {
				services["bad:1"] = brokenAfter(&seen)
			}
			g := start(t, oneRoute(t, fmt.Sprintf("    retries: %d\n", c.retries), "good:1", "bad:1"), services)
			response, body := g.call(t, c.method, "/", c.body) // the second target is first in turn
			if response.StatusCode != c.status || seen.Load() != c.seen {
				t.Errorf("%s, %d requests seen", response.Status, seen.Load())
			}
			if c.status == 200 && decodeEcho(t, body).Body != c.body {
				t.Errorf("the second target got %s", body)
			}
		})
	}
}

func TestRoundRobin(t *testing.T) {
	named := func(name string) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, name) })
	}
	g := start(t, oneRoute(t, "", "a:1", "b:1", "c:1"), upstreams{"a:1": named("a"), "b:1": named("b"), "c:1": named("c")})
	turns := ""
	for range 6 {
		_, body := g.call(t, "GET", "/", "")
		turns += body
	}
	if turns != "bcabca" {
		t.Error(turns)
	}
}

func TestTruncatedAnswerIsNotWhole(t *testing.T) {
	service := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, strings.Repeat("x", 1<<16))
		w.(http.Flusher).Flush()
		if r.URL.Path == "/hang" {
			<-r.Context().Done()
		}
		panic(http.ErrAbortHandler)
	})
	g := start(t, oneRoute(t, "    read_timeout: 150\n", "a:1"), upstreams{"a:1": service})
	for _, path := range []string{"/break", "/hang"} {
		request, _ := http.NewRequest("GET", g.server.URL+path, nil)
		request.Host = "character.localhost"
		response, err := g.server.Client().Do(request)
		if err != nil {
			t.Fatal(err)
		}
		if n, err := io.Copy(io.Discard, response.Body); err == nil {
			t.Errorf("%s: %d bytes passed for the whole", path, n)
		}
		response.Body.Close()
	}
}

func TestClientThatLeaves(t *testing.T) {
	entered, left := make(chan struct{}), make(chan struct{})
	service := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		close(entered)
		<-r.Context().Done()
		close(left)
	})
	g := start(t, load(t), upstreams{"character:8000": service})
	ctx, leave := context.WithCancel(context.Background())
	request, _ := http.NewRequestWithContext(ctx, "GET", g.server.URL+"/docs", nil)
	request.Host = "character.localhost"
	go func() {
		<-entered
		leave()
	}()
	if _, err := g.server.Client().Do(request); err == nil {
		t.Error("an answer came")
	}
	select {
	case <-left:
	case <-time.After(5 * time.Second):
		t.Fatal("the service was not told")
	}
	g.server.Close()
	if log := g.access.String(); !strings.Contains(log, `"status":499`) {
		t.Error(log)
	}
}

func TestGatewayFault(t *testing.T) {
	g := start(t, load(t), nil)
	g.unrouted.correlationID = nil
	for i := range g.services {
		g.services[i].upstream = nil // a fault as good as any
	}
	response, body := g.call(t, "GET", "/docs", "")
	refused(t, response, body, 500, "internal_error", "An unexpected error occurred")
	if !strings.Contains(g.log.String(), "gateway fault") || strings.Contains(body, "nil") {
		t.Errorf("log %q, body %q", g.log.String(), body)
	}
	if response, _ := g.call(t, "GET", "/characters", ""); response.StatusCode != 401 {
		t.Errorf("the gateway does not go on: %s", response.Status)
	}
}

// raw sends bytes as they are and returns the statuses of all answers.
func (g *testGateway) raw(t *testing.T, message string) []int {
	t.Helper()
	connection, err := net.Dial("tcp", g.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	connection.SetDeadline(time.Now().Add(5 * time.Second))
	io.WriteString(connection, strings.ReplaceAll(message, "\n", "\r\n"))
	connection.(*net.TCPConn).CloseWrite()
	var statuses []int
	reader := bufio.NewReader(connection)
	for {
		response, err := http.ReadResponse(reader, nil)
		if err != nil {
			return statuses
		}
		io.Copy(io.Discard, response.Body)
		statuses = append(statuses, response.StatusCode)
	}
}

func TestSmuggling(t *testing.T) {
	var seen atomic.Int64
	service := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		seen.Add(1)
		if strings.Contains(r.URL.Path, "smuggled") {
			t.Errorf("%s %s got through", r.Method, r.URL.Path)
		}
		io.Copy(io.Discard, r.Body)
	})
	g := start(t, load(t), upstreams{"character:8000": service})
	key := "X-API-Key: " + writerKey + "\n"
	smuggled := "GET /smuggled HTTP/1.1\nHost: character.localhost\n\n"
	for name, message := range map[string]string{
		"two lengths":              "POST / HTTP/1.1\nHost: character.localhost\n" + key + "Content-Length: 0\nContent-Length: 52\n\n" + smuggled,
		"length and chunks":        "POST / HTTP/1.1\nHost: character.localhost\n" + key + "Content-Length: 52\nTransfer-Encoding: chunked\n\n0\n\n" + smuggled,
		"another encoding":         "POST / HTTP/1.1\nHost: character.localhost\n" + key + "Transfer-Encoding: xchunked\n\n0\n\n" + smuggled,
		"two encodings":            "POST / HTTP/1.1\nHost: character.localhost\n" + key + "Transfer-Encoding: chunked\nTransfer-Encoding: identity\n\n0\n\n" + smuggled,
		"space before the colon":   "POST / HTTP/1.1\nHost: character.localhost\n" + key + "Content-Length : 52\n\n" + smuggled,
		"folded header":            "POST / HTTP/1.1\nHost: character.localhost\n" + key + "X: a\n Content-Length: 52\n\n" + smuggled,
		"two hosts":                "GET /smuggled HTTP/1.1\nHost: character.localhost\nHost: storyfactory.localhost\n" + key + "\n",
		"another host in the line": "GET http://nobody.localhost/smuggled HTTP/1.1\nHost: character.localhost\n" + key + "\n",
		"key in a broken header":   "GET /smuggled HTTP/1.1\nHost: character.localhost\nX-API-Key\n\n",
		"key behind a line feed":   "GET /smuggled HTTP/1.1\nHost: character.localhost\nX: a\x00X-API-Key: " + writerKey + "\n\n",
		"upgrade to HTTP/2":        "PRI * HTTP/2.0\n\nSM\n\n",
		"bad chunk":                "POST / HTTP/1.1\nHost: character.localhost\n" + key + "Transfer-Encoding: chunked\n\nzz\nabc\n",
	} {
		for _, status := range g.raw(t, message) {
			if status == 200 && name != "length and chunks" && name != "folded header" {
				t.Errorf("%s: %d", name, status)
			}
		}
	}
}

func TestWebSocketUpgradePasses(t *testing.T) {
	service := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Header.Get("Upgrade") != "websocket" {
			t.Errorf("%v", r.Header)
		}
		connection, buffered, _ := http.NewResponseController(w).Hijack()
		defer connection.Close()
		io.WriteString(connection, "HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
		line, _ := buffered.ReadString('\n')
		io.WriteString(connection, strings.ToUpper(line))
	})
	g := start(t, oneRoute(t, "    read_timeout: 500\n", "a:1"), upstreams{"a:1": service})
	connection, err := net.Dial("tcp", g.server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	io.WriteString(connection, "GET / HTTP/1.1\r\nHost: character.localhost\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n\r\n")
	reader := bufio.NewReader(connection)
	response, err := http.ReadResponse(reader, nil)
	if err != nil || response.StatusCode != 101 {
		t.Fatalf("%v %v", response, err)
	}
	time.Sleep(600 * time.Millisecond) // no timeout any more
	io.WriteString(connection, "hello\n")
	if line, err := reader.ReadString('\n'); line != "HELLO\n" {
		t.Errorf("%q %v", line, err)
	}
}

func TestHTTP2Client(t *testing.T) {
	g := start(t, load(t), upstreams{"character:8000": echo})
	server := httptest.NewUnstartedServer(g)
	server.EnableHTTP2 = true
	server.StartTLS()
	t.Cleanup(server.Close)
	client := server.Client()
	client.Transport.(*http.Transport).TLSClientConfig.MinVersion = tls.VersionTLS12
	request, _ := http.NewRequest("POST", server.URL+"/characters", strings.NewReader("abc"))
	request.Host = "character.localhost"
	request.Header.Set("X-API-Key", writerKey)
	response, err := client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, _ := io.ReadAll(response.Body)
	if sent := decodeEcho(t, string(body)); response.ProtoMajor != 2 || sent.Body != "abc" || sent.Header.Get("Via") != "2.0 fountain" {
		t.Errorf("%s %+v", response.Proto, sent)
	}
}

// A service that is quick to answer must not have its answer cut off: it may
// begin while the transport still looks for bytes behind the last of the
// request. Connections without buffers make that likely.
func TestEarlyAnswersPassWhole(t *testing.T) {
	waiting := make(chan net.Conn)
	g := &testGateway{clock: newClock()}
	g.Gateway = New(load(t), Options{
		DialContext: func(ctx context.Context, _, _ string) (net.Conn, error) {
			near, far := net.Pipe()
			select {
			case waiting <- far:
				return near, nil
			case <-ctx.Done():
				return nil, ctx.Err()
			}
		},
		Logger: slog.New(slog.NewTextHandler(&g.log, nil)), AccessLog: &g.access, Now: g.clock.Now,
	})
	g.server = httptest.NewServer(g)
	answer := strings.Repeat("x", 64<<10)
	service := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, answer)
	})}
	listener := pipeListener{waiting, make(chan struct{})}
	go func() { _ = service.Serve(listener) }()
	t.Cleanup(func() {
		g.server.Close()
		g.Close()
		_ = service.Close()
	})
	for range 300 {
		request, err := http.NewRequest(http.MethodPost, g.server.URL+"/characters", strings.NewReader(strings.Repeat("y", 8<<10)))
		if err != nil {
			t.Fatal(err)
		}
		request.Host = "character.localhost"
		request.Header.Set("X-API-Key", writerKey)
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || string(body) != answer {
			t.Fatalf("got %d of %d bytes, %v: %s", len(body), len(answer), err, g.log.String())
		}
	}
}

// pipeListener accepts connections made by net.Pipe.
type pipeListener struct {
	waiting chan net.Conn
	closed  chan struct{}
}

func (l pipeListener) Accept() (net.Conn, error) {
	select {
	case conn := <-l.waiting:
		return conn, nil
	case <-l.closed:
		return nil, net.ErrClosed
	}
}

func (l pipeListener) Close() error   { close(l.closed); return nil }
func (l pipeListener) Addr() net.Addr { return &net.UnixAddr{Name: "pipe"} }
