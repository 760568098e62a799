// The plugins that say how much: rate-limiting and request-size-limiting.

package gateway

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// limitedTo is kong.yml with other limits for consumers and for documentation.
func limitedTo(t *testing.T, consumer, docs string) *Config {
	text := strings.NewReplacer("minute: 6000", consumer, "minute: 600\n", docs+"\n").Replace(readCommitted(t))
	config := parse(t, text)
	for name, key := range map[string]string{"writer": writerKey, "reader": readerKey} {
		if err := config.AddKey(name, key); err != nil {
			t.Fatal(err)
		}
	}
	return config
}

func TestRateLimit(t *testing.T) {
	g := start(t, limitedTo(t, "minute: 3", "minute: 1"), upstreams{"character:8000": echo, "storyfactory:8000": echo})
	get := func(headers ...string) (*http.Response, string) {
		t.Helper()
		return g.call(t, "GET", "/characters", "", headers...)
	}
	for remaining := 2; remaining >= 0; remaining-- {
		host := []string{"character.localhost", "storyfactory.localhost"}[remaining%2] // one budget for all services
		response, _ := get("X-API-Key", readerKey, "Host", host)
		for name, want := range map[string]string{
			"RateLimit-Limit": "3", "RateLimit-Remaining": strconv.Itoa(remaining), "RateLimit-Reset": "40",
			"X-RateLimit-Limit-Minute": "3", "X-RateLimit-Remaining-Minute": strconv.Itoa(remaining), "Retry-After": "",
		} {
			if got := response.Header.Get(name); got != want {
				t.Errorf("%s is %q, want %q", name, got, want)
			}
		}
	}
	response, body := get("X-API-Key", readerKey)
	refused(t, response, body, 429, "rate_limited", "API rate limit exceeded")
	if response.Header.Get("Retry-After") != "40" || response.Header.Get("RateLimit-Remaining") != "0" {
		t.Errorf("%v", response.Header)
	}
	if response, _ := get("X-API-Key", writerKey); response.StatusCode != 200 {
		t.Errorf("another consumer was refused: %s", response.Status)
	}
	// The window ends with the minute of the clock.
	g.clock.advance(39 * time.Second)
	if response, _ := get("X-API-Key", readerKey); response.StatusCode != 429 || response.Header.Get("Retry-After") != "1" {
		t.Errorf("%s %v", response.Status, response.Header)
	}
	g.clock.advance(time.Second)
	if response, _ := get("X-API-Key", readerKey); response.StatusCode != 200 || response.Header.Get("RateLimit-Reset") != "60" {
		t.Errorf("%s %v", response.Status, response.Header)
	}
}

func TestRateLimitCountsOnlyWhatWasLetIn(t *testing.T) {
	g := start(t, limitedTo(t, "minute: 2", "minute: 1"), upstreams{"character:8000": echo})
	for range 5 {
		g.call(t, "POST", "/characters", "", "X-API-Key", readerKey) // 403
		g.call(t, "GET", "/characters", "")                          // 401
	}
	if response, _ := g.call(t, "GET", "/characters", "", "X-API-Key", readerKey); response.Header.Get("RateLimit-Remaining") != "1" {
		t.Errorf("%s %v", response.Status, response.Header)
	}
}

func TestRateLimitByIP(t *testing.T) {
	g := start(t, limitedTo(t, "minute: 2", "minute: 1"), upstreams{"character:8000": echo, "storyfactory:8000": echo})
	if response, _ := g.call(t, "GET", "/docs", "", "X-Forwarded-For", "10.0.0.1"); response.StatusCode != 200 {
		t.Error(response.Status)
	}
	// The client has one address, whatever it says.
	response, body := g.call(t, "GET", "/docs", "", "X-Forwarded-For", "10.0.0.2", "X-Real-IP", "10.0.0.3")
	refused(t, response, body, 429, "rate_limited", "API rate limit exceeded")
	if response, _ := g.call(t, "GET", "/docs", "", "Host", "storyfactory.localhost"); response.StatusCode != 200 {
		t.Errorf("the limit of one route counted for another: %s", response.Status)
	}
}

func TestRateLimitOfSeveralPeriods(t *testing.T) {
	g := start(t, limitedTo(t, "second: 2\n      hour: 3", "minute: 1"), upstreams{"character:8000": echo})
	want := []string{
		"200 1/2 2/3 tell 2 in 1", // the smaller remainder is the one to tell
		"200 0/2 1/3 tell 2 in 1",
		"429 0/2 1/3 tell 2 in 1", // the hour is not charged for what the second refuses
	}
	got := func() string {
		response, _ := g.call(t, "GET", "/", "", "X-API-Key", readerKey)
		h := response.Header
		return fmt.Sprintf("%d %s/%s %s/%s tell %s in %s", response.StatusCode,
			h.Get("X-RateLimit-Remaining-Second"), h.Get("X-RateLimit-Limit-Second"),
			h.Get("X-RateLimit-Remaining-Hour"), h.Get("X-RateLimit-Limit-Hour"),
			h.Get("RateLimit-Limit"), h.Get("RateLimit-Reset"))
	}
	for _, line := range want {
		if have := got(); have != line {
			t.Errorf("got %q, want %q", have, line)
		}
	}
	g.clock.advance(time.Second)
	if have := got(); have != "200 1/2 0/3 tell 3 in 1779" {
		t.Error(have)
	}
	if have := got(); have != "429 1/2 0/3 tell 3 in 1779" {
		t.Error(have)
	}
}

func TestRateLimitWindows(t *testing.T) {
	now := time.Date(2024, 5, 17, 10, 30, 20, 123, time.UTC)
	for i, want := range []string{
		"2024-05-17T10:30:20Z", "2024-05-17T10:30:00Z", "2024-05-17T10:00:00Z",
		"2024-05-17T00:00:00Z", "2024-05-01T00:00:00Z", "2024-01-01T00:00:00Z",
	} {
		if got := periods[i].start(now).Format(time.RFC3339); got != want {
			t.Errorf("the %s began at %s, want %s", periods[i].name, got, want)
		}
	}
}

func newLimiter(c *clock, limits ...limit) *rateLimiting {
	return &rateLimiting{limits: limits, now: c.Now, clients: make(map[string]*clientCounter)}
}

func TestRateLimitIsExactUnderConcurrency(t *testing.T) {
	limiter := newLimiter(newClock(), newLimit(periods[1], 500))
	var passed atomic.Int64
	var clients sync.WaitGroup
	for range 16 {
		clients.Go(func() {
			for range 100 {
				if !limiter.take("reader").exceeded {
					passed.Add(1)
				}
			}
		})
	}
	clients.Wait()
	if passed.Load() != 500 {
		t.Errorf("%d passed, want 500", passed.Load())
	}
}

func TestRateLimitForgetsClients(t *testing.T) {
	c := newClock()
	limiter := newLimiter(c, newLimit(periods[0], 5), newLimit(periods[1], 5))
	for i := range 1000 {
		limiter.take(strconv.Itoa(i))
	}
	c.advance(20 * time.Second) // the minute goes on
	limiter.take("0")
	if len(limiter.clients) != 1000 {
		t.Errorf("%d clients, want 1000", len(limiter.clients))
	}
	c.advance(20 * time.Second) // a new minute
	limiter.take("0")
	if len(limiter.clients) != 1 {
		t.Errorf("%d clients, want 1", len(limiter.clients))
	}
	for i := range mostClients + 100 {
		limiter.take(strconv.Itoa(i))
	}
	if len(limiter.clients) != mostClients {
		t.Errorf("%d clients, want %d at most", len(limiter.clients), mostClients)
	}
}

func TestRateLimitOptions(t *testing.T) {
	g := start(t, limitedTo(t, "minute: 1\n      error_code: 420\n      error_message: Calm down", "minute: 1"), upstreams{"character:8000": echo})
	g.call(t, "GET", "/", "", "X-API-Key", readerKey)
	response, body := g.call(t, "GET", "/", "", "X-API-Key", readerKey)
	refused(t, response, body, 420, "rate_limited", "Calm down")

	text := strings.ReplaceAll(strings.ReplaceAll(readCommitted(t), "hide_client_headers: false", "hide_client_headers: true"), "minute: 600\n", "minute: 1\n")
	g = start(t, parse(t, text), upstreams{"character:8000": echo})
	g.call(t, "GET", "/docs", "")
	response, _ = g.call(t, "GET", "/docs", "")
	if response.StatusCode != 429 || response.Header.Get("RateLimit-Limit") != "" || response.Header.Get("Retry-After") == "" {
		t.Errorf("%s %v", response.Status, response.Header)
	}
}

const sizeLimit = 8256 << 10

// send posts body; unknown says not to tell how long it is.
func (g *testGateway) send(t *testing.T, body io.Reader, unknown bool, headers ...string) (*http.Response, string) {
	t.Helper()
	if unknown {
		body = struct{ io.Reader }{body}
	}
	request, err := http.NewRequest("POST", g.server.URL+"/characters", body)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "character.localhost"
	request.Header.Set("X-API-Key", writerKey)
	for i := 0; i+1 < len(headers); i += 2 {
		request.Header.Set(headers[i], headers[i+1])
	}
	response, err := g.server.Client().Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	text, _ := io.ReadAll(response.Body)
	return response, string(text)
}

// count answers with the length of what it was sent.
var count = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
	n, err := io.Copy(io.Discard, r.Body)
	if err != nil {
		panic(http.ErrAbortHandler)
	}
	fmt.Fprint(w, n)
})

func TestRequestSizeLimit(t *testing.T) {
	g := start(t, load(t), upstreams{"character:8000": count})
	for _, unknown := range []bool{false, true} {
		t.Run(fmt.Sprint("unknown length ", unknown), func(t *testing.T) {
			response, body := g.send(t, bytes.NewReader(make([]byte, sizeLimit)), unknown)
			if response.StatusCode != 200 || body != strconv.Itoa(sizeLimit) {
				t.Errorf("a body of the limit: %s %s", response.Status, body)
			}
			response, body = g.send(t, bytes.NewReader(make([]byte, sizeLimit+1)), unknown)
			refused(t, response, body, 413, "body_too_large", "Request size limit exceeded")
		})
	}
	response, body := g.send(t, bytes.NewReader(make([]byte, sizeLimit+1)), false, "Expect", "100-continue")
	refused(t, response, body, 413, "body_too_large", "Request size limit exceeded")
	response, body = g.send(t, strings.NewReader("small"), false, "Expect", "100-continue")
	if response.StatusCode != 200 || body != "5" {
		t.Errorf("Expect: %s %s", response.Status, body)
	}
}

// recorded is a transport that has handler answer whatever becomes of the body.
type recorded struct{ handler http.Handler }

func (r recorded) RoundTrip(request *http.Request) (*http.Response, error) {
	recorder := httptest.NewRecorder()
	r.handler.ServeHTTP(recorder, request)
	return recorder.Result(), nil
}

// A service without a connection between sees only that a body ends with an error,
// and its answer to that is not the client's.
func TestRequestSizeLimitInside(t *testing.T) {
	heard := make(chan error, 1)
	service := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, err := io.Copy(io.Discard, r.Body)
		heard <- err
		http.Error(w, "this is no JSON", http.StatusBadRequest)
	})
	g := startWith(t, load(t), Options{Transport: recorded{service}})
	response, body := g.send(t, bytes.NewReader(make([]byte, sizeLimit+1)), true)
	refused(t, response, body, 413, "body_too_large", "Request size limit exceeded")
	if err := <-heard; err == nil {
		t.Error("the service got a whole body")
	}
	response, body = g.send(t, bytes.NewReader(make([]byte, sizeLimit)), true)
	if response.StatusCode != 400 || body != "this is no JSON\n" {
		t.Errorf("a body of the limit: %s %s", response.Status, body)
	}
}

func TestRequireContentLength(t *testing.T) {
	text := strings.ReplaceAll(readCommitted(t), "require_content_length: false", "require_content_length: true")
	config := parse(t, text)
	if err := config.AddKey("writer", writerKey); err != nil {
		t.Fatal(err)
	}
	g := start(t, config, upstreams{"character:8000": count})
	if response, _ := g.send(t, strings.NewReader("abc"), true); response.StatusCode != 200 {
		t.Errorf("a chunked body: %s", response.Status)
	}
	if response, _ := g.send(t, http.NoBody, false); response.StatusCode != 200 {
		t.Errorf("Content-Length 0: %s", response.Status)
	}
	response, body := g.call(t, "GET", "/characters", "", "X-API-Key", writerKey)
	refused(t, response, body, 411, "length_required", "A valid Content-Length header is required")
}

// A service that has heard enough answers before the client has said all.
func TestEarlyAnswerReachesAClientThatIsStillSending(t *testing.T) {
	service := http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Connection", "close")
		http.Error(w, "enough", http.StatusRequestEntityTooLarge)
	})
	g := start(t, load(t), upstreams{"character:8000": service})
	for range 5 {
		for _, unknown := range []bool{false, true} {
			response, body := g.send(t, bytes.NewReader(make([]byte, 6<<20)), unknown)
			if response.StatusCode != 413 || body != "enough\n" {
				t.Errorf("%s %q", response.Status, body)
			}
		}
	}
}
