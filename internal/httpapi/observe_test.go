package httpapi

import (
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus/testutil"
)

// lines decodes the log written since the last call.
func (s *testAPI) lines() []map[string]any {
	s.t.Helper()
	var lines []map[string]any
	for line := range strings.Lines(s.log.String()) {
		var decoded map[string]any
		if err := json.Unmarshal([]byte(line), &decoded); err != nil {
			s.t.Fatalf("%v: %s", err, line)
		}
		lines = append(lines, decoded)
	}
	s.log.Reset()
	return lines
}

func TestLog(t *testing.T) {
	s := newTestAPI(t, Options{})
	tests := []struct {
		method, target, body string
		headers              []string
		want                 map[string]any
	}{
		{"GET", "/items?name=private", "", nil,
			map[string]any{"level": "INFO", "status": 200.0, "operation": "listItems", "path": "/items", "method": "GET"}},
		{"HEAD", "/items", "", nil, map[string]any{"level": "INFO", "status": 200.0, "operation": "listItems", "method": "HEAD"}},
		{"POST", "/items", `{"name":"private"}`, []string{"X-Request-Id", "abc", "X-Consumer-Username", "romeo", "X-API-Key", "private"},
			map[string]any{"level": "INFO", "status": 201.0, "request_id": "abc", "consumer": "romeo", "bytes": 30.0}},
		{"POST", "/items", `{"name":"keyed"}`, []string{"Idempotency-Key", "private"},
			map[string]any{"level": "INFO", "status": 201.0, "operation": "createItem"}},
		{"POST", "/items", `{"private":1}`, nil, map[string]any{"level": "INFO", "status": 400.0, "error": nil}},
		{"POST", "/items", `{"name":"error"}`, nil,
			map[string]any{"level": "ERROR", "status": 500.0, "error": "SELECT secret FROM items", "stack": nil}},
		{"POST", "/items", `{"name":"error"}`, []string{"Idempotency-Key", "e"},
			map[string]any{"level": "ERROR", "status": 500.0, "error": "SELECT secret FROM items"}},
		{"POST", "/items", `{"name":"cancelled"}`, nil, map[string]any{"level": "INFO", "status": 503.0, "error": "context canceled"}},
		{"POST", "/items", `{"name":"panic"}`, nil, map[string]any{"level": "ERROR", "status": 500.0, "error": "panic: secret of the handler"}},
		{"GET", "/none", "", nil, map[string]any{"level": "INFO", "status": 404.0, "operation": "none"}},
		{"GET", "/healthz", "", nil, map[string]any{"level": "DEBUG", "status": 200.0}},
		{"GET", "/metrics", "", nil, map[string]any{"level": "DEBUG", "status": 200.0}},
		{"GET", "/%0A%22", "", nil, map[string]any{"path": "/%0A%22"}},
		{"GET", "/" + strings.Repeat("x", 3000), "", nil, map[string]any{"path": "/" + strings.Repeat("x", maxLogged-1) + "…"}},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.target[:min(40, len(test.target))]+test.body, func(t *testing.T) {
			s.do(test.method, test.target, test.body, test.headers...)
			text := s.log.String()
			lines := s.lines()
			if len(lines) != 1 {
				t.Fatalf("got %d lines: %s", len(lines), text)
			}
			for name, want := range test.want {
				if got := lines[0][name]; got != want {
					t.Errorf("%s: got %v, want %v", name, got, want)
				}
			}
			for _, name := range []string{"time", "msg", "duration", "request_id", "bytes", "consumer"} {
				if _, found := lines[0][name]; !found {
					t.Errorf("%s is missing", name)
				}
			}
			if strings.Contains(text, "private") {
				t.Errorf("the log tells too much: %s", text)
			}
		})
	}
}

func TestPanicIsLoggedWithStack(t *testing.T) {
	s := newTestAPI(t, Options{})
	for _, headers := range [][]string{nil, {"Idempotency-Key", "k"}} {
		s.do("POST", "/items", `{"name":"panic"}`, headers...)
		line := s.lines()[0]
		if text := fmt.Sprint(line["error"], line["stack"]); !strings.Contains(text, "(*behaviour).create") {
			t.Errorf("got %v", line)
		}
	}
}

func TestLogLevel(t *testing.T) {
	var log strings.Builder
	s := newTestAPI(t, Options{Logger: slog.New(slog.NewTextHandler(&log, &slog.HandlerOptions{Level: slog.LevelError}))})
	s.do("GET", "/items", "")
	s.do("POST", "/items", `{"name":"error"}`)
	if got := log.String(); strings.Count(got, "\n") != 1 || !strings.Contains(got, "status=500") {
		t.Errorf("got %s", got)
	}
}

func TestRequestID(t *testing.T) {
	s := newTestAPI(t, Options{})
	made := regexp.MustCompile(`^[0-9a-f]{32}$`)
	for given, kept := range map[string]bool{
		"abc-123": true, strings.Repeat("x", 128): true,
		"": false, strings.Repeat("x", 129): false, "a b": false, "a\tb": false, "é": false, "\x7f": false,
	} {
		w := s.do("GET", "/items", "", "X-Request-Id", given)
		got := w.Header().Get("X-Request-Id")
		if kept && got != given || !kept && !made.MatchString(got) {
			t.Errorf("%q: got %q", given, got)
		}
		if logged := s.lines()[0]["request_id"]; logged != got {
			t.Errorf("%q: logged %v, answered %q", given, logged, got)
		}
	}
	if a, b := s.do("GET", "/items", ""), s.do("GET", "/items", ""); a.Header().Get("X-Request-Id") == b.Header().Get("X-Request-Id") {
		t.Error("two requests have one id")
	}
}

func TestMetrics(t *testing.T) {
	s := newTestAPI(t, Options{})
	s.do("POST", "/items", `{"name":"a"}`)
	s.do("POST", "/items", `{"name":"a"}`, keyHeader, "k")
	s.do("POST", "/items", `{"name":"a"}`, keyHeader, "k")
	s.do("POST", "/items", `{}`)
	s.do("POST", "/items", `{"name":"panic"}`)
	for i := range 100 { // a scanner
		s.do(fmt.Sprintf("M%d", i), "/items", "")
		s.do("GET", fmt.Sprintf("/scan/%d?x=%d", i, i), "")
	}
	w := s.do("GET", "/metrics", "")
	if w.Code != http.StatusOK || !strings.HasPrefix(w.Header().Get("Content-Type"), "text/plain") {
		t.Fatalf("got %d %s", w.Code, w.Header())
	}
	text := w.Body.String()
	for _, want := range []string{
		`fountain_http_requests_total{operation="createItem",service="items",status="201"} 3`,
		`fountain_http_requests_total{operation="createItem",service="items",status="400"} 1`,
		`fountain_http_requests_total{operation="createItem",service="items",status="500"} 1`,
		`fountain_http_requests_total{operation="none",service="items",status="404"} 100`,
		`fountain_http_requests_total{operation="none",service="items",status="405"} 100`,
		`fountain_http_request_duration_seconds_count{operation="createItem",service="items"} 5`,
		`fountain_build_info{service="items",version="` + Version() + `"} 1`,
		`fountain_database_size_bytes{service="items"} `,
		`go_goroutines `, `process_open_fds `,
	} {
		if !strings.Contains(text, want) {
			t.Errorf("missing: %s", want)
		}
	}
	if got := strings.Count(text, "fountain_http_requests_total{"); got != 5 {
		t.Errorf("got %d series, want 5", got)
	}
	problems, err := testutil.GatherAndLint(s.Registry())
	if err != nil {
		t.Fatal(err)
	}
	for _, problem := range problems {
		if strings.HasPrefix(problem.Metric, "fountain_") {
			t.Errorf("%s: %s", problem.Metric, problem.Text)
		}
	}
}

// brokenConnection is the connection of a client that has gone.
type brokenConnection struct{ *httptest.ResponseRecorder }

func (brokenConnection) Write([]byte) (int, error) { return 0, errors.New("broken pipe") }

func TestClientGoneIsNoError(t *testing.T) {
	s := newTestAPI(t, Options{})
	w := brokenConnection{httptest.NewRecorder()}
	r := httptest.NewRequest("GET", "/items", nil)
	s.ServeHTTP(w, r)
	s.handleError(&observation{ResponseWriter: w, status: http.StatusOK}, r, errors.New("write: broken pipe"))
	for _, line := range s.lines() {
		if line["level"] == "ERROR" {
			t.Errorf("a client that left is logged as an error: %v", line)
		}
	}
	if w.Code != http.StatusOK {
		t.Errorf("a second status was sent: %d", w.Code)
	}
}
