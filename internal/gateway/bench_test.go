// What the gateway costs a request, beside a direct call to the same service.

package gateway

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
)

// memory is a net.Listener whose connections never leave the process.
type memory struct {
	connections chan net.Conn
	closed      chan struct{}
}

func newMemory() *memory {
	return &memory{connections: make(chan net.Conn), closed: make(chan struct{})}
}

func (m *memory) dial(context.Context, string, string) (net.Conn, error) {
	client, server := net.Pipe()
	select {
	case m.connections <- server:
		return client, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Accept() (net.Conn, error) {
	select {
	case c := <-m.connections:
		return c, nil
	case <-m.closed:
		return nil, net.ErrClosed
	}
}

func (m *memory) Close() error { close(m.closed); return nil }

func (m *memory) Addr() net.Addr { return &net.TCPAddr{} }

const answer = `[{"characterId":1,"name":"JULIET","description":"The daughter of the house."}]`

// inMemoryService serves a small answer and returns how to reach it.
func inMemoryService(b *testing.B) *memory {
	listener := newMemory()
	server := &http.Server{Handler: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "application/json")
		io.WriteString(w, answer)
	})}
	go server.Serve(listener)
	b.Cleanup(func() { server.Close() })
	return listener
}

// discard is an http.ResponseWriter that keeps nothing.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header         { return d.header }
func (d *discard) WriteHeader(status int)      { d.status = status }
func (d *discard) Write(p []byte) (int, error) { return len(p), nil }

// BenchmarkDirect is the call without the gateway: through an HTTP client's
// transport to the service in memory.
func BenchmarkDirect(b *testing.B) {
	g := &Gateway{options: Options{DialContext: inMemoryService(b).dial}}
	transport := g.newTransport(1000)
	b.Cleanup(func() { closeIdle(transport) })
	request := httptest.NewRequest(http.MethodGet, "http://character.localhost/characters", nil)
	request.RequestURI = ""
	b.ReportAllocs()
	for b.Loop() {
		response, err := transport.RoundTrip(request)
		if err != nil {
			b.Fatal(err)
		}
		io.Copy(io.Discard, response.Body)
		response.Body.Close()
	}
}

// BenchmarkProxy is the same call through the gateway with all of kong.yml's
// plugins: the difference to BenchmarkDirect is what the gateway costs.
func BenchmarkProxy(b *testing.B) {
	g := benchmarkGateway(b, inMemoryService(b).dial)
	request := httptest.NewRequest(http.MethodGet, "/characters?limit=10", nil)
	request.Host = "character.localhost"
	request.Header.Set("X-API-Key", readerKey)
	b.ReportAllocs()
	for b.Loop() {
		w := &discard{header: make(http.Header)}
		g.ServeHTTP(w, request)
		if w.status != http.StatusOK {
			b.Fatal(w.status)
		}
	}
}

// BenchmarkRefuse is a request that no key comes with.
func BenchmarkRefuse(b *testing.B) {
	g := benchmarkGateway(b, nil)
	request := httptest.NewRequest(http.MethodGet, "/characters", nil)
	request.Host = "character.localhost"
	b.ReportAllocs()
	for b.Loop() {
		w := &discard{header: make(http.Header)}
		g.ServeHTTP(w, request)
		if w.status != http.StatusUnauthorized {
			b.Fatal(w.status)
		}
	}
}

func benchmarkGateway(b *testing.B, dial dialContext) *Gateway {
	config := load(b)
	many := 1 << 40 // so that no run of the benchmark meets the limit
	for i := range config.Plugins {
		if settings, ok := config.Plugins[i].settings.(*rateLimitingSettings); ok {
			settings.Minute = &many
		}
	}
	g := New(config, Options{DialContext: dial, AccessLog: io.Discard, Logger: slog.New(slog.DiscardHandler)})
	b.Cleanup(func() { g.Close() })
	return g
}
