package httpapi

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/storage"
)

// startInstance serves the test service until ctx ends.
func startInstance(ctx context.Context, t *testing.T, b *behaviour, path string) (net.Listener, <-chan error) {
	t.Helper()
	instance, err := Open(t.Context(), b.definition(), "file:"+path, Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	stopped := make(chan error, 1)
	go func() { stopped <- instance.Serve(ctx, listener) }()
	return listener, stopped
}

// post sends an item and returns status and body, or the error, as text.
func post(address net.Addr, name string) <-chan string {
	result := make(chan string, 1)
	go func() {
		answer, err := http.Post("http://"+address.String()+"/items", "application/json", strings.NewReader(`{"name":"`+name+`"}`))
		if err != nil {
			result <- err.Error()
			return
		}
		defer answer.Body.Close()
		body, err := io.ReadAll(answer.Body)
		result <- fmt.Sprintln(answer.StatusCode, string(body), err)
	}()
	return result
}

func checkpointed(t *testing.T, path string) {
	t.Helper()
	if info, err := os.Stat(path + "-wal"); err == nil && info.Size() > 0 {
		t.Errorf("the write-ahead log still has %d bytes", info.Size())
	}
}

func TestGracefulStop(t *testing.T) {
	path := filepath.Join(t.TempDir(), "items.db")
	ctx, stop := context.WithCancel(t.Context())
	b := newBehaviour()
	listener, stopped := startInstance(ctx, t, b, path)
	underWay := post(listener.Addr(), "wait")
	waitUntil(t, "the request", func() bool { return b.waiting.Load() == 1 })
	stop()
	waitUntil(t, "refusal of new connections", func() bool {
		connection, err := net.Dial("tcp", listener.Addr().String())
		if err == nil {
			connection.Close()
		}
		return err != nil
	})
	select {
	case err := <-stopped:
		t.Fatalf("stopped with a request under way: %v", err)
	case <-time.After(50 * time.Millisecond):
	}
	close(b.release)
	if got := <-underWay; !strings.HasPrefix(got, "201") {
		t.Errorf("the request under way: %s", got)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
	checkpointed(t, path)
	if got := openTestAPI(t, path, Options{}).count("wait"); got != 1 {
		t.Errorf("got %d items, want 1", got)
	}
}

// TestListenerFails: what is under way finishes all the same.
func TestListenerFails(t *testing.T) {
	path := filepath.Join(t.TempDir(), "items.db")
	b := newBehaviour()
	listener, stopped := startInstance(t.Context(), t, b, path)
	underWay := post(listener.Addr(), "wait")
	waitUntil(t, "the request", func() bool { return b.waiting.Load() == 1 })
	listener.Close()
	close(b.release)
	if got := <-underWay; !strings.HasPrefix(got, "201") {
		t.Errorf("the request under way: %s", got)
	}
	if err := <-stopped; !errors.Is(err, net.ErrClosed) || !strings.Contains(err.Error(), "serve 127.0.0.1:") {
		t.Errorf("got %v", err)
	}
	checkpointed(t, path)
}

func TestOpenRefuses(t *testing.T) {
	path := filepath.Join(t.TempDir(), "items.db")
	definition := testDefinition()
	definition.OpenAPI = []byte("paths: {}")
	if _, err := Open(t.Context(), definition, "file:"+path, Options{Logger: slog.New(slog.DiscardHandler)}); err == nil {
		t.Error("a document without the routes was taken")
	}
	openTestAPI(t, path, Options{}) // it was closed again
	if _, err := Open(t.Context(), testDefinition(), "file:"+path, Options{}); !errors.Is(err, storage.ErrInUse) {
		t.Errorf("got %v, want that the database is in use", err)
	}
}

func TestSlowClients(t *testing.T) {
	s := newTestAPI(t, Options{})
	server := s.newServer(func(server *http.Server) {
		server.ReadHeaderTimeout, server.ReadTimeout = 100*time.Millisecond, 300*time.Millisecond
		server.IdleTimeout = 100 * time.Millisecond
	})
	const headers = "POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n"
	tests := []struct{ name, sent, want string }{
		{"nothing", "", ""},
		{"half a header", "POST /items HTTP/1.1\r\nHo", "400"}, // by net/http
		{"half a body", headers + `{"name"`, "408"},
		{"idle", "GET /items HTTP/1.1\r\nHost: x\r\n\r\n", "200"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			connection, err := net.Dial("tcp", server.Listener.Addr().String())
			if err != nil {
				t.Fatal(err)
			}
			defer connection.Close()
			began := time.Now()
			if _, err := io.WriteString(connection, test.sent); err != nil {
				t.Fatal(err)
			}
			connection.SetReadDeadline(began.Add(20 * time.Second))
			answer, err := io.ReadAll(bufio.NewReader(connection))
			if err != nil {
				t.Fatalf("the connection was not closed: %v", err)
			}
			if status := strings.TrimPrefix(string(answer), "HTTP/1.1 "); !strings.HasPrefix(status, test.want) || test.want == "" && status != "" {
				t.Errorf("got %q, want %s", answer, test.want)
			}
			if test.want == "408" && !strings.Contains(string(answer), `"code":"request_timeout"`) {
				t.Errorf("got %s", answer)
			}
		})
	}
}

// TestClientLeaves: half a body is no reason to be alarmed.
func TestClientLeaves(t *testing.T) {
	s := newTestAPI(t, Options{})
	server := s.newServer(nil)
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	io.WriteString(connection, "POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: 12\r\n\r\n{")
	connection.Close()
	waitUntil(t, "the answer", func() bool {
		return strings.Contains(s.do("GET", "/metrics", "").Body.String(), `operation="createItem",service="items",status="400"} 1`)
	})
	server.Close()
	if strings.Contains(s.log.String(), `"level":"ERROR"`) {
		t.Error(s.log.String())
	}
}

func TestServerLimits(t *testing.T) {
	server := NewServer(nil, slog.New(slog.DiscardHandler))
	if server.ReadHeaderTimeout == 0 || server.ReadTimeout == 0 || server.WriteTimeout == 0 || server.IdleTimeout == 0 || server.MaxHeaderBytes == 0 {
		t.Errorf("a limit is missing: %+v", server)
	}
	s := newTestAPI(t, Options{})
	address := s.newServer(nil).Listener.Addr().String()
	large := "GET /items HTTP/1.1\r\nHost: x\r\nX-Large: " + strings.Repeat("x", 80<<10) + "\r\n\r\n"
	if got := raw(t, address, large)[0].StatusCode; got != http.StatusRequestHeaderFieldsTooLarge {
		t.Errorf("large header: got %d", got)
	}
}
