package httpapi

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/gorilla/mux"

	"fountain.coach/fountainai/internal/storage"
)

func TestRouting(t *testing.T) {
	s := newTestAPI(t, Options{})
	s.do("POST", "/items", `{"name":"x"}`)
	tests := []struct {
		method, target string
		status         int
		allow          string // of a 405
	}{
		{"GET", "/items", 200, ""},
		{"HEAD", "/items", 200, ""},
		{"GET", "/items/1", 200, ""},
		{"HEAD", "/items/1", 200, ""},
		{"HEAD", "/items/99", 404, ""},
		{"GET", "/%69tems/%31", 200, ""},
		{"PUT", "/items", 405, "GET, HEAD, POST"},
		{"DELETE", "/items", 405, "GET, HEAD, POST"},
		{"OPTIONS", "/items", 405, "GET, HEAD, POST"},
		{"TRACE", "/items", 405, "GET, HEAD, POST"},
		{"CONNECT", "/items", 405, "GET, HEAD, POST"},
		{"get", "/items", 405, "GET, HEAD, POST"},
		{"BREW", "/items", 405, "GET, HEAD, POST"},
		{"POST", "/items/1", 405, "GET, HEAD, PATCH, DELETE"},
		{"GET", "/items/batch", 405, "POST"},
		{"HEAD", "/items/batch", 405, "POST"},
		{"POST", "/healthz", 405, "GET, HEAD"},
		{"DELETE", "/metrics", 405, "GET, HEAD"},
		{"POST", "/docs", 405, "GET, HEAD"},
		{"POST", "/openapi.yaml", 405, "GET, HEAD"},
		{"GET", "/", 404, ""},
		{"GET", "/items/", 404, ""},
		{"GET", "//items", 404, ""},
		{"GET", "/items//1", 404, ""},
		{"GET", "/./items", 404, ""},
		{"GET", "/../items", 404, ""},
		{"GET", "/x/../items", 404, ""},
		{"GET", "/Items", 404, ""},
		{"GET", "/items%2F1", 404, ""},
		{"GET", "/items%2f1", 404, ""},
		{"GET", "/items/1%2Fparts/x", 404, ""},
		{"GET", "/items/1/parts/", 404, ""},
		{"GET", "/items/1/parts/x/y", 404, ""},
		{"GET", "/items/1/parts", 404, ""},
		{"GET", "/docs/none.js", 404, ""},
		{"GET", "/docs/swagger-ui.css.gz", 404, ""},
		{"GET", "/" + strings.Repeat("a/", 20000), 404, ""},
		{"GET", "/items/" + strings.Repeat("1", 40000), 400, ""},
		{"OPTIONS", "*", 404, ""},
	}
	for _, test := range tests {
		t.Run(test.method+" "+test.target[:min(len(test.target), 40)], func(t *testing.T) {
			w := s.do(test.method, test.target, "")
			if w.Code != test.status || w.Header().Get("Allow") != test.allow {
				t.Fatalf("got %d, Allow %q, want %d, %q", w.Code, w.Header().Get("Allow"), test.status, test.allow)
			}
			switch {
			case test.method == "HEAD" && test.status >= 400:
				if w.Body.Len() > 0 || w.Header().Get("Content-Type") != "application/problem+json" {
					t.Errorf("got %q, %s", w.Body, w.Header())
				}
			case test.status >= 400:
				problemOf(t, w)
			}
		})
	}
}

// TestHeadOnTheWire: HEAD answers as GET does, without the body.
func TestHeadOnTheWire(t *testing.T) {
	s := newTestAPI(t, Options{})
	s.do("POST", "/items", `{"name":"x"}`)
	server := s.newServer(nil)
	for _, path := range []string{"/items", "/items/1", "/items/99", "/healthz", "/readyz", "/openapi.yaml", "/docs", "/none"} {
		get, err := http.Get(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		get.Body.Close()
		head, err := http.Head(server.URL + path)
		if err != nil {
			t.Fatal(err)
		}
		body, _ := io.ReadAll(head.Body)
		head.Body.Close()
		for _, name := range []string{"Content-Type", "Etag", "Cache-Control"} {
			if head.Header.Get(name) != get.Header.Get(name) {
				t.Errorf("%s: %s: HEAD %q, GET %q", path, name, head.Header.Get(name), get.Header.Get(name))
			}
		}
		if head.StatusCode != get.StatusCode || len(body) > 0 {
			t.Errorf("%s: HEAD %d with %q, GET %d", path, head.StatusCode, body, get.StatusCode)
		}
	}
}

func TestPathVariables(t *testing.T) {
	s := newTestAPI(t, Options{})
	w := s.do("GET", "/items/12/parts/a%20b%25c", "")
	var got map[string]string
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || got["itemId"] != "12" || got["part"] != "a b%c" {
		t.Errorf("got %v (%v)", got, err)
	}
}

// TestPathTree: the most exact path wins, wherever a variable stands.
func TestPathTree(t *testing.T) {
	tree := newPathTree()
	templates := []string{"/a", "/a/{x}", "/a/b", "/a/{x}/c", "/{y}/b/d", "/a/b/{z}/e", "/"}
	for _, template := range templates {
		tree.add("GET", template, http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, template) }))
	}
	for path, want := range map[string]string{
		"/a": "/a", "/a/b": "/a/b", "/a/z": "/a/{x}", "/a/b/c": "/a/{x}/c", "/a/b/d": "/{y}/b/d", "/q/b/d": "/{y}/b/d",
		"/a/b/c/e": "/a/b/{z}/e", "/": "/", "/q": "", "/a/": "", "": "", "a": "", "/a/b/": "", "/a//c": "",
	} {
		got := ""
		if place, _ := tree.find(path, nil); place != nil {
			w := httptest.NewRecorder()
			place.methods["GET"].handler.ServeHTTP(w, nil)
			got = w.Body.String()
		}
		if got != want {
			t.Errorf("%q: got %q, want %q", path, got, want)
		}
	}
}

func TestProblems(t *testing.T) {
	s := newTestAPI(t, Options{})
	tests := []struct {
		name   string
		status int
		code   string
	}{
		{"panic", 500, "internal_error"},
		{"error", 500, "internal_error"},
		{"full", 507, "storage_full"},
		{"cancelled", 503, "cancelled"},
		{"conflict", 409, "taken"},
	}
	for _, test := range tests {
		for _, key := range [][]string{nil, {"Idempotency-Key", "k" + test.name}} {
			t.Run(test.name+strings.Join(key, " "), func(t *testing.T) {
				w := s.do("POST", "/items", `{"name":"`+test.name+`"}`, key...)
				p := problemOf(t, w)
				if w.Code != test.status || p.Code != test.code || p.Instance != "/items" {
					t.Errorf("got %d %+v", w.Code, p)
				}
				if strings.Contains(w.Body.String(), "secret") {
					t.Errorf("the answer tells too much: %s", w.Body)
				}
				if retry := w.Header().Get("Retry-After") != ""; retry != (test.status == 503) {
					t.Errorf("Retry-After: %v", w.Header())
				}
			})
		}
	}
	if w := s.do("POST", "/items", `{"name":"silent"}`); w.Code != http.StatusOK {
		t.Errorf("a handler that writes nothing: got %d", w.Code)
	}
	if w := s.do("POST", "/items", `{"name":"silent"}`, "Idempotency-Key", "silent"); w.Code != http.StatusOK {
		t.Errorf("a handler that writes nothing, with a key: got %d", w.Code)
	}
}

// TestPanicAfterWriting: the client must not take half an answer for a whole one.
func TestPanicAfterWriting(t *testing.T) {
	s := newTestAPI(t, Options{})
	server := s.newServer(func(server *http.Server) { server.ErrorLog = slog.NewLogLogger(slog.DiscardHandler, 0) })
	for _, name := range []string{"panic after writing", "abort"} {
		answer, err := http.Post(server.URL+"/items", "application/json", strings.NewReader(`{"name":"`+name+`"}`))
		if err == nil {
			_, err = io.ReadAll(answer.Body)
			answer.Body.Close()
		}
		if err == nil {
			t.Errorf("%s: the answer looks whole", name)
		}
	}
	waitUntil(t, "logging", func() bool { return strings.Count(s.log.String(), `"msg":"request"`) == 2 })
	if log := s.log.String(); !strings.Contains(log, "too late") {
		t.Errorf("log: %s", log)
	}
}

func TestNewRefuses(t *testing.T) {
	db, err := storage.Open(t.Context(), filepath.Join(t.TempDir(), "x.db"), testMigrations(), storage.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	none := func(http.ResponseWriter, *http.Request) {}
	tests := []struct {
		name    string
		change  func(d *Definition)
		options Options
		want    string
	}{
		{"no route", func(d *Definition) { d.Register = func(*mux.Router, Dependencies) {} }, Options{}, "has no route"},
		{"unknown route", func(d *Definition) {
			register := d.Register
			d.Register = func(router *mux.Router, deps Dependencies) {
				register(router, deps)
				router.HandleFunc("/other", none).Methods("GET")
			}
		}, Options{}, "route GET /other is not in openapi.yaml"},
		{"route twice", func(d *Definition) {
			register := d.Register
			d.Register = func(router *mux.Router, deps Dependencies) {
				register(router, deps)
				router.HandleFunc("/items", none).Methods("GET")
			}
		}, Options{}, "registered twice"},
		{"route without method", func(d *Definition) {
			register := d.Register
			d.Register = func(router *mux.Router, deps Dependencies) {
				register(router, deps)
				router.HandleFunc("/items", none)
			}
		}, Options{}, "methods"},
		{"no YAML", func(d *Definition) { d.OpenAPI = []byte("a: [") }, Options{}, "openapi.yaml: yaml"},
		{"public URL", func(*Definition) {}, Options{PublicURL: "ftp://x"}, `public URL "ftp://x"`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			definition := testDefinition()
			test.change(&definition)
			if _, err := New(definition, db, test.options); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want …%s…", err, test.want)
			}
		})
	}
}
