package gateway

import (
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// rawTo sends bytes as they are, closes the sending side if asked to, and returns
// all that comes back.
func (g *testGateway) rawTo(t *testing.T, address, text string, halfClose bool) string {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	defer connection.Close()
	if err := connection.SetDeadline(time.Now().Add(20 * time.Second)); err != nil {
		t.Fatal(err)
	}
	if _, err := io.WriteString(connection, text); err != nil {
		t.Fatal(err)
	}
	if halfClose {
		if err := connection.(*net.TCPConn).CloseWrite(); err != nil {
			t.Fatal(err)
		}
	}
	answer, _ := io.ReadAll(connection)
	return string(answer)
}

// What never reached the service whole must never look like a success.
func TestBrokenRequestsGetNoSuccess(t *testing.T) {
	created := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			panic(http.ErrAbortHandler)
		}
		time.Sleep(20 * time.Millisecond)
		w.WriteHeader(http.StatusCreated)
	})
	g := start(t, load(t), upstreams{"character:8000": created})
	server := &http.Server{Handler: g, ReadTimeout: 300 * time.Millisecond}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	request := func(length int, body string) string {
		return fmt.Sprintf("POST /characters HTTP/1.1\r\nHost: character.localhost\r\nX-API-Key: %s\r\n"+
			"Content-Type: application/json\r\nConnection: close\r\nContent-Length: %d\r\n\r\n%s", writerKey, length, body)
	}
	for name, c := range map[string]struct {
		text      string
		halfClose bool
		want      string
	}{
		"a body that breaks off":      {request(100, "{"), true, "HTTP/1.1 400 "},
		"a body that comes too slow":  {request(100, "{"), false, "HTTP/1.1 408 "},
		"a client that hangs up half": {request(2, "{}"), true, ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer := g.rawTo(t, listener.Addr().String(), c.text, c.halfClose)
			// Whether a client that closed its side still gets the service's
			// own answer is a race; a success that nobody gave is the fault.
			if !strings.HasPrefix(answer, c.want) || strings.HasPrefix(answer, "HTTP/1.1 200 ") {
				t.Errorf("got %q, want %q", answer, c.want)
			}
		})
	}
}
