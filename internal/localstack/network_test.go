package localstack

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// serving returns a network on which handler is character:8000.
func serving(handler http.HandlerFunc) *network {
	n := newNetwork()
	n.add("character:8000", handler)
	return n
}

func ask(t *testing.T, n http.RoundTripper, method, path string, body io.Reader) (*http.Response, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), method, "http://character:8000"+path, body)
	if err != nil {
		t.Fatal(err)
	}
	response, err := n.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response, string(content)
}

// What a service sees, and what its caller gets, is what there would be over HTTP.
func TestLikeHTTP(t *testing.T) {
	const unmeasured = "of a length that nobody told"
	long := strings.Repeat("0123456789abcdef", mostKept/8)
	handler := func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		w.Header().Set("X-Seen", fmt.Sprintf("%s %s %s %q %s %d %v %v (%s)",
			r.Method, r.RequestURI, r.URL, r.Host, r.Proto, r.ContentLength, r.TLS != nil, err, body))
		switch r.URL.Path {
		case "/none":
			w.WriteHeader(http.StatusNoContent)
			if _, err := io.WriteString(w, "no body"); !errors.Is(err, http.ErrBodyNotAllowed) {
				t.Errorf("a body without a place: %v", err)
			}
			return
		case "/created":
			w.WriteHeader(http.StatusCreated)
		case "/early":
			w.WriteHeader(http.StatusEarlyHints)
		case "/long":
			for part := range slices.Chunk([]byte(long), 100_000) {
				w.Write(part)
			}
			w.Header().Set("X-Seen", "too late")
			return
		case "/silent":
			return
		case "/unmeasured":
			io.WriteString(w, "hello")
			return
		}
		w.Header()["Content-Length"] = []string{"5"}
		io.WriteString(w, "hello")
	}
	server := httptest.NewServer(http.HandlerFunc(handler))
	defer server.Close()
	inside := serving(handler)
	outside := &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
	}}
	defer outside.CloseIdleConnections()
	for _, c := range []struct{ method, path, body string }{
		{"GET", "/characters/1?limit=2&after=a%2Fb", ""},
		{"GET", "/a%2Fb/c%20d", ""},
		{"POST", "/created", `{"name":"Juliet"}`},
		{"POST", "/long", long},
		{"GET", "/early", ""},
		{"HEAD", "/characters/1", ""},
		{"HEAD", "/unmeasured", ""},
		{"HEAD", "/silent", ""},
		{"DELETE", "/none", ""},
		{"GET", "/silent", ""},
		{"GET", "/unmeasured", ""},
		{"POST", "/unmeasured", unmeasured},
		{"PUT", "/none", unmeasured},
	} {
		t.Run(c.method+c.path, func(t *testing.T) {
			var body func() io.Reader = func() io.Reader { return nil }
			if c.body == unmeasured {
				body = func() io.Reader { return io.MultiReader(strings.NewReader(c.body)) }
			} else if c.body != "" {
				body = func() io.Reader { return strings.NewReader(c.body) }
			}
			want, wanted := ask(t, outside, c.method, c.path, body())
			got, content := ask(t, inside, c.method, c.path, body())
			if got.StatusCode != want.StatusCode || got.Status != want.Status || content != wanted {
				t.Errorf("got %s and %d bytes, over HTTP %s and %d", got.Status, len(content), want.Status, len(wanted))
			}
			if got.ContentLength != want.ContentLength || got.Header.Get("Content-Length") != want.Header.Get("Content-Length") {
				t.Errorf("length %d, in the header %q, over HTTP %d and %q",
					got.ContentLength, got.Header.Get("Content-Length"), want.ContentLength, want.Header.Get("Content-Length"))
			}
			if got.Header.Get("X-Seen") != want.Header.Get("X-Seen") {
				t.Errorf("seen %.200q, over HTTP %.200q", got.Header.Get("X-Seen"), want.Header.Get("X-Seen"))
			}
		})
	}
}

// An answer is read while it is written, once it is long or flushed; a caller
// that hangs up ends it.
func TestLongAnswers(t *testing.T) {
	ended := make(chan error, 1)
	n := serving(func(w http.ResponseWriter, _ *http.Request) {
		io.WriteString(w, "begun")
		w.(http.Flusher).Flush()
		var err error
		for err == nil {
			_, err = w.Write(make([]byte, 64<<10))
		}
		ended <- err
	})
	response, err := n.RoundTrip(httptest.NewRequest("GET", "http://character:8000/", nil))
	if err != nil {
		t.Fatal(err)
	}
	first := make([]byte, 5+10<<20)
	if _, err := io.ReadFull(response.Body, first); err != nil || !strings.HasPrefix(string(first), "begun") {
		t.Fatalf("%v, %q", err, first[:5])
	}
	response.Body.Close()
	if err := <-ended; !errors.Is(err, io.ErrClosedPipe) {
		t.Errorf("writing on: %v", err)
	}
}

// A service that has much to say to a caller who has given up comes to an end, too.
func TestLongAnswersToNobody(t *testing.T) {
	why := errors.New("out of patience")
	for _, begun := range []bool{false, true} {
		ended := make(chan error, 1)
		entered, left := make(chan struct{}), make(chan struct{})
		n := serving(func(w http.ResponseWriter, _ *http.Request) {
			if begun {
				w.(http.Flusher).Flush()
			}
			close(entered)
			<-left
			_, err := w.Write(make([]byte, 2*mostKept))
			ended <- err
		})
		ctx, cancel := context.WithCancelCause(t.Context())
		request := httptest.NewRequestWithContext(ctx, "GET", "http://character:8000/", nil)
		if begun {
			if _, err := n.RoundTrip(request); err != nil {
				t.Fatal(err)
			}
			cancel(why)
		} else {
			go func() {
				<-entered
				cancel(why)
			}()
			if _, err := n.RoundTrip(request); !errors.Is(err, why) {
				t.Error(err)
			}
		}
		close(left)
		if err := <-ended; !errors.Is(err, why) && !errors.Is(err, io.ErrClosedPipe) {
			t.Errorf("begun %v: writing to nobody: %v", begun, err)
		}
		if err := n.stop("character:8000"); err != nil {
			t.Error(err)
		}
	}
}

// Half an answer never looks like a whole one.
func TestBrokenAnswers(t *testing.T) {
	n := serving(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/late" {
			w.Write(make([]byte, 2*mostKept))
		} else {
			io.WriteString(w, "half")
		}
		panic(http.ErrAbortHandler)
	})
	if _, err := n.RoundTrip(httptest.NewRequest("GET", "http://character:8000/early", nil)); !errors.Is(err, errBroken) {
		t.Errorf("early: %v", err)
	}
	response, err := n.RoundTrip(httptest.NewRequest("GET", "http://character:8000/late", nil))
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(response.Body); !errors.Is(err, errBroken) || len(content) != 2*mostKept {
		t.Errorf("late: %d bytes, %v", len(content), err)
	}
}

// TestUntrueLength: nor does an answer with less than it declares.
func TestUntrueLength(t *testing.T) {
	n := serving(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Length", "100")
		io.WriteString(w, "half")
		if r.URL.Path == "/late" {
			w.(http.Flusher).Flush()
		}
	})
	if _, err := n.RoundTrip(httptest.NewRequest("GET", "http://character:8000/early", nil)); !errors.Is(err, errBroken) {
		t.Errorf("early: %v", err)
	}
	response, err := n.RoundTrip(httptest.NewRequest("GET", "http://character:8000/late", nil))
	if err != nil {
		t.Fatal(err)
	}
	if content, err := io.ReadAll(response.Body); !errors.Is(err, errBroken) || string(content) != "half" {
		t.Errorf("late: %q, %v", content, err)
	}
}

// TestLeftAnswers: nor does one whose service stopped since its caller's time was over.
func TestLeftAnswers(t *testing.T) {
	n := serving(func(w http.ResponseWriter, r *http.Request) {
		io.WriteString(w, "[1,2")
		w.(http.Flusher).Flush()
		<-r.Context().Done()
	})
	for range 100 {
		ctx, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		response, err := n.RoundTrip(httptest.NewRequestWithContext(ctx, "GET", "http://character:8000/", nil))
		if err == nil {
			_, err = io.ReadAll(response.Body)
		}
		if !errors.Is(err, context.DeadlineExceeded) {
			t.Fatalf("got %v", err)
		}
		cancel()
	}
}

// What nobody waits for any more is not begun.
func TestLeftRequests(t *testing.T) {
	n := serving(func(http.ResponseWriter, *http.Request) { t.Error("served") })
	why := errors.New("out of patience")
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(why)
	body := &closing{Reader: strings.NewReader("{}")}
	if _, err := n.RoundTrip(httptest.NewRequestWithContext(ctx, "POST", "http://character:8000/", body)); !errors.Is(err, why) || !body.isClosed() {
		t.Errorf("got %v", err)
	}
	if err := n.stop("character:8000"); err != nil {
		t.Error(err)
	}
}

type keyOfTheCaller struct{}

// The end of the caller's context reaches the service, its values do not: the
// transaction that one service is in is not another's.
func TestContexts(t *testing.T) {
	seen := make(chan any, 1)
	ended := make(chan struct{})
	n := serving(func(_ http.ResponseWriter, r *http.Request) {
		seen <- r.Context().Value(keyOfTheCaller{})
		<-r.Context().Done()
		close(ended)
	})
	ctx, cancel := context.WithCancelCause(context.WithValue(t.Context(), keyOfTheCaller{}, 1))
	why := errors.New("out of patience")
	go func() {
		if value := <-seen; value != nil {
			t.Errorf("the service sees %v", value)
		}
		cancel(why)
	}()
	body := &closing{Reader: strings.NewReader("{}")}
	request := httptest.NewRequestWithContext(ctx, "POST", "http://character:8000/", body)
	if _, err := n.RoundTrip(request); !errors.Is(err, why) {
		t.Errorf("got %v", err)
	}
	<-ended
	if !body.isClosed() {
		t.Error("the body is left open")
	}
}

// closing is a body that remembers its end.
type closing struct {
	io.Reader
	lock   sync.Mutex
	closed bool
}

func (c *closing) Close() error {
	c.lock.Lock()
	defer c.lock.Unlock()
	c.closed = true
	return nil
}

func (c *closing) isClosed() bool {
	c.lock.Lock()
	defer c.lock.Unlock()
	return c.closed
}

// A service that stops sees the requests under way to their end and takes no more.
func TestStop(t *testing.T) {
	entered, proceed := make(chan struct{}), make(chan struct{})
	n := serving(func(w http.ResponseWriter, _ *http.Request) {
		close(entered)
		<-proceed
		io.WriteString(w, "done")
	})
	answered := make(chan string, 1)
	go func() {
		_, content := ask(t, n, "GET", "/", nil)
		answered <- content
	}()
	<-entered
	stopped := make(chan error, 1)
	go func() { stopped <- n.stop("character:8000") }()
	for refused := false; !refused; time.Sleep(time.Millisecond) {
		n.services["character:8000"].lock.RLock()
		refused = n.services["character:8000"].stopped
		n.services["character:8000"].lock.RUnlock()
	}
	body := &closing{Reader: strings.NewReader("{}")}
	if _, err := n.RoundTrip(httptest.NewRequest("POST", "http://character:8000/", body)); err == nil || !body.isClosed() {
		t.Errorf("a stopped service: %v", err)
	}
	select {
	case <-stopped:
		t.Error("stopped before the request had ended")
	default:
	}
	close(proceed)
	if content := <-answered; content != "done" {
		t.Errorf("got %q", content)
	}
	if err := <-stopped; err != nil {
		t.Error(err)
	}
}

// A name that nobody serves is an unknown name, as on a network.
func TestNobodyThere(t *testing.T) {
	var unknown *net.DNSError
	body := &closing{Reader: strings.NewReader("{}")}
	_, err := newNetwork().RoundTrip(httptest.NewRequest("POST", "http://orchestrator:8000/", body))
	if !errors.As(err, &unknown) || !unknown.IsNotFound || unknown.Name != "orchestrator" || !body.isClosed() {
		t.Errorf("got %v", err)
	}
}

// Requests never wait for a goroutine, however many there are, and none is left
// when the service has stopped.
func TestManyAtOnce(t *testing.T) {
	const many = 4 * mostWaiting
	var entered sync.WaitGroup
	n := serving(func(w http.ResponseWriter, r *http.Request) {
		entered.Done()
		entered.Wait()
		io.WriteString(w, r.URL.Path)
	})
	for range 2 {
		entered.Add(many)
		var asking sync.WaitGroup
		for i := range many {
			asking.Go(func() {
				path := fmt.Sprintf("/%d", i)
				if _, content := ask(t, n, "GET", path, nil); content != path {
					t.Errorf("%s: got %q", path, content)
				}
			})
		}
		asking.Wait()
	}
	h := n.services["character:8000"]
	if err := n.stop(h.address); err != nil {
		t.Error(err)
	}
	for h.waiting.Load() > 0 {
		time.Sleep(time.Millisecond)
	}
}
