package httpapi

import (
	"bufio"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"
)

// crowdedServer takes most connections. Requests for /wait end when release is
// closed.
func crowdedServer(t *testing.T, most int, secure bool) (server *httptest.Server, c *crowd, release chan struct{}, log *logBuffer) {
	t.Helper()
	release, log = make(chan struct{}), &logBuffer{}
	server = httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/wait" {
			<-release
		}
		io.WriteString(w, "ok")
	}))
	c = newCrowd(most)
	server.Config.ConnState = c.track(slog.New(slog.NewTextHandler(log, nil)))
	if secure {
		server.StartTLS()
	} else {
		server.Start()
	}
	t.Cleanup(server.Close)
	return server, c, release, log
}

// client is a connection that sends what it is told to.
type rawClient struct {
	net.Conn
	answers *bufio.Reader
}

func dial(t *testing.T, server *httptest.Server, sends string) *rawClient {
	t.Helper()
	connection, err := net.Dial("tcp", server.Listener.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	connection.SetDeadline(time.Now().Add(20 * time.Second))
	io.WriteString(connection, sends)
	return &rawClient{connection, bufio.NewReader(connection)}
}

func (c *rawClient) answered() error {
	answer, err := http.ReadResponse(c.answers, nil)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if _, err := io.ReadAll(answer.Body); err != nil || answer.StatusCode != http.StatusOK {
		return fmt.Errorf("got %s, %v", answer.Status, err)
	}
	return nil
}

func getLine(path string) string { return "GET " + path + " HTTP/1.1\r\nHost: x\r\n\r\n" }

// counts returns how many connections are open, and how many of them wait.
func (c *crowd) counts() [2]int {
	c.mutex.Lock()
	defer c.mutex.Unlock()
	return [2]int{len(c.open), c.waiting.Len()}
}

// TestCrowd: whoever comes is served, however many others hold connections that
// they do not use, and no request under way is cut for it.
func TestCrowd(t *testing.T) {
	hoards := map[string]string{"idle": getLine("/"), "silent": "", "half a header": "GET / HTTP/1.1\r\nHo"}
	for name, sends := range hoards {
		t.Run(name, func(t *testing.T) {
			server, c, release, log := crowdedServer(t, 8, false)
			busy := dial(t, server, getLine("/wait"))
			waitUntil(t, "the request", func() bool { return c.counts() == [2]int{1, 0} })
			var hoard []*rawClient
			for range 20 {
				hoard = append(hoard, dial(t, server, sends))
			}
			for range 3 {
				if err := dial(t, server, getLine("/")).answered(); err != nil {
					t.Errorf("a newcomer: %v", err)
				}
			}
			// net/http calls one that was closed within a header active before it is closed.
			waitUntil(t, "8 connections at most", func() bool { return c.counts()[0] <= 8 })
			// The first of the hoard is gone: after what it was sent comes the end.
			if rest, err := io.ReadAll(hoard[0]); err != nil && !strings.Contains(err.Error(), "reset") {
				t.Errorf("the longest waiting: %q, %v", rest, err)
			}
			close(release)
			if err := busy.answered(); err != nil {
				t.Errorf("the request under way: %v", err)
			}
			if strings.Count(log.String(), "too many connections") != 1 {
				t.Errorf("the log: %s", log)
			}
		})
	}
}

// TestCrowdOfRequests: with a request on every connection a newcomer is turned
// away, and nothing is forgotten or kept once they are gone.
func TestCrowdOfRequests(t *testing.T) {
	server, c, release, _ := crowdedServer(t, 4, false)
	var busy []*rawClient
	for range 4 {
		busy = append(busy, dial(t, server, getLine("/wait")))
	}
	waitUntil(t, "the requests", func() bool { return c.counts() == [2]int{4, 0} })
	if err := dial(t, server, getLine("/")).answered(); err == nil {
		t.Error("a fifth was taken")
	}
	close(release)
	for _, client := range busy {
		if err := client.answered(); err != nil {
			t.Error(err)
		}
		client.Close()
	}
	waitUntil(t, "the end of the connections", func() bool { return c.counts() == [2]int{} })
	if err := dial(t, server, getLine("/")).answered(); err != nil {
		t.Errorf("afterwards: %v", err)
	}
}

// TestCrowdOverTLS: connections count under TLS too, those inside the process do
// not.
func TestCrowdOverTLS(t *testing.T) {
	server, c, _, _ := crowdedServer(t, 4, true)
	if _, err := server.Client().Get(server.URL); err != nil {
		t.Fatal(err)
	}
	if got := c.counts(); got[0] != 1 {
		t.Errorf("got %d connections, want 1", got[0])
	}
	near, far := net.Pipe()
	defer near.Close()
	defer far.Close()
	c.track(slog.New(slog.DiscardHandler))(far, http.StateNew)
	if got := c.counts(); got[0] != 1 {
		t.Errorf("a pipe counts: %d", got[0])
	}
}
