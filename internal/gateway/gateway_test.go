// What the tests stand on: a gateway with services that are plain handlers.

package gateway

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"
)

const (
	writerKey = "a-key-for-a-writer-in-tests"
	readerKey = "a-key-for-a-reader-in-tests"
	committed = "../../kong.yml"
)

// clock is a time that tests move.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func newClock() *clock { return &clock{now: time.Date(2024, 5, 17, 10, 30, 20, 0, time.UTC)} }

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) advance(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// buffer collects what several goroutines write.
type buffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (b *buffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

func (b *buffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// testGateway is a gateway that listens, with what it writes at hand.
type testGateway struct {
	*Gateway
	server *httptest.Server
	access buffer
	log    buffer
	clock  *clock
}

// upstreams maps targets, as "character:8000", to the handlers behind them. A
// target that is not in it refuses connections.
type upstreams map[string]http.Handler

func parse(t testing.TB, text string) *Config {
	t.Helper()
	config, err := ParseConfig(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return config
}

func load(t testing.TB) *Config {
	t.Helper()
	config, err := LoadConfig(committed)
	if err != nil {
		t.Fatal(err)
	}
	for consumer, key := range map[string]string{"writer": writerKey, "reader": readerKey} {
		if err := config.AddKey(consumer, key); err != nil {
			t.Fatal(err)
		}
	}
	return config
}

func start(t testing.TB, config *Config, services upstreams) *testGateway {
	t.Helper()
	return startWith(t, config, Options{DialContext: dialer(t, services)})
}

// startWith starts a gateway whose way to the services options say.
func startWith(t testing.TB, config *Config, options Options) *testGateway {
	t.Helper()
	g := &testGateway{clock: newClock()}
	options.Logger, options.AccessLog, options.Now = slog.New(slog.NewTextHandler(&g.log, nil)), &g.access, g.clock.Now
	g.Gateway = New(config, options)
	g.server = httptest.NewServer(g)
	t.Cleanup(func() {
		g.server.Close()
		g.Close()
	})
	return g
}

func dialer(t testing.TB, services upstreams) dialContext {
	addresses := make(map[string]string)
	for target, handler := range services {
		server := httptest.NewServer(handler)
		t.Cleanup(server.Close)
		addresses[target] = server.Listener.Addr().String()
	}
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		listener, known := addresses[address]
		if !known {
			return nil, errors.New("connection refused")
		}
		return new(net.Dialer).DialContext(ctx, network, listener)
	}
}

// call sends a request to character.localhost unless a header says otherwise.
func (g *testGateway) call(t testing.TB, method, path, body string, headers ...string) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequest(method, g.server.URL+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "character.localhost"
	for i := 0; i+1 < len(headers); i += 2 {
		if headers[i] == "Host" {
			request.Host = headers[i+1]
			continue
		}
		request.Header.Add(headers[i], headers[i+1])
	}
	response, err := g.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(text)
}

// refused checks that an answer is an error of the gateway's own.
func refused(t testing.TB, response *http.Response, body string, status int, code, message string) {
	t.Helper()
	var document struct{ Code, Message, Detail, Title, RequestID string }
	if err := json.Unmarshal([]byte(body), &document); err != nil {
		t.Fatalf("status %d, body %q: %v", response.StatusCode, body, err)
	}
	if response.StatusCode != status || document.Code != code || document.Message != message {
		t.Errorf("got %d %s %q, want %d %s %q", response.StatusCode, document.Code, document.Message, status, code, message)
	}
	if document.Detail == "" || response.Header.Get("Content-Type") != "application/problem+json" {
		t.Errorf("not a problem document: %s", body)
	}
}

// echo answers with what it was sent.
var echo = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	w.Header().Set("Server", "echo/1.0")
	w.Header().Set("Content-Type", "application/json")
	json.NewEncoder(w).Encode(echoed{r.Method, r.Host, r.RequestURI, r.Header, string(body)})
})

type echoed struct {
	Method, Host, URI string
	Header            http.Header
	Body              string
}

func decodeEcho(t testing.TB, body string) echoed {
	t.Helper()
	var e echoed
	if err := json.Unmarshal([]byte(body), &e); err != nil {
		t.Fatalf("%v in %q", err, body)
	}
	return e
}
