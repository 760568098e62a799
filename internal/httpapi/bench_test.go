package httpapi

import (
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"github.com/gorilla/mux"
)

// discard is a response writer that costs nothing.
type discard struct {
	header http.Header
	status int
}

func (d *discard) Header() http.Header               { return d.header }
func (d *discard) WriteHeader(status int)            { d.status = status }
func (d *discard) Write(content []byte) (int, error) { return len(content), nil }

// noWork answers as a handler would, without doing anything.
func noWork(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(http.StatusOK)
	_, _ = io.WriteString(w, `{"itemId":1,"name":"Juliet"}`)
}

func noWorkDefinition() Definition {
	definition := testDefinition()
	definition.Register = func(router *mux.Router, _ Dependencies) {
		document, err := ParseDocument(definition.OpenAPI)
		if err != nil {
			panic(err)
		}
		for _, operation := range document.Operations {
			router.HandleFunc(operation.Path, noWork).Methods(operation.Method)
		}
	}
	return definition
}

// reportCPU reports the processor time of an operation, which is steadier than
// its duration on a machine that others use.
func reportCPU(b *testing.B) func() {
	var before, after syscall.Rusage
	_ = syscall.Getrusage(syscall.RUSAGE_SELF, &before)
	return func() {
		_ = syscall.Getrusage(syscall.RUSAGE_SELF, &after)
		used := after.Utime.Nano() - before.Utime.Nano() + after.Stime.Nano() - before.Stime.Nano()
		b.ReportMetric(float64(used)/float64(b.N), "cpu-ns/op")
	}
}

// BenchmarkRequest measures all that surrounds a handler.
func BenchmarkRequest(b *testing.B) {
	requests := []struct{ name, method, target, body string }{
		{"post", "POST", "/items", `{"name":"O Romeo, Romeo! wherefore art thou?","owner":12345}`},
		{"get", "GET", "/items/12345", ""},
		{"list", "GET", "/items?limit=10&name=Juliet", ""},
		{"batch of 1000", "POST", "/items/batch",
			`{"items":[` + strings.Repeat(`{"name":"O Romeo, Romeo! wherefore art thou?","owner":12345},`, 999) + `{"name":"x","owner":1}]}`},
	}
	open := func(logger *slog.Logger) *API {
		instance, err := Open(b.Context(), noWorkDefinition(), filepath.Join(b.TempDir(), "items.db"), Options{Logger: logger})
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { instance.Close() })
		return instance.API
	}
	logging := open(slog.New(slog.NewJSONHandler(io.Discard, nil)))
	silent := open(slog.New(slog.DiscardHandler))
	unchecked := open(slog.New(slog.DiscardHandler))
	for _, operation := range unchecked.document.Operations {
		unchecked.paths.add(operation.Method, operation.Path, http.HandlerFunc(noWork))
	}
	variants := []struct {
		name    string
		handler http.Handler
	}{
		{"whole", logging},
		{"no log", silent},
		{"no log, no metrics", http.HandlerFunc(silent.route)},
		{"no log, no metrics, no checks", http.HandlerFunc(unchecked.route)},
	}
	for _, request := range requests {
		for _, variant := range variants {
			b.Run(request.name+"/"+variant.name, func(b *testing.B) {
				benchmarkRequest(b, variant.handler, request.method, request.target, request.body)
			})
		}
	}
}

func benchmarkRequest(b *testing.B, handler http.Handler, method, target, body string) {
	template, err := http.NewRequest(method, "http://items.example"+target, strings.NewReader(body))
	if err != nil {
		b.Fatal(err)
	}
	template.Header.Set("Content-Type", "application/json")
	content := strings.NewReader(body)
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		request := *template
		content.Reset(body)
		request.Body = io.NopCloser(content)
		answer := &discard{header: http.Header{}}
		handler.ServeHTTP(answer, &request)
		if answer.status != http.StatusOK {
			b.Fatal(answer.status)
		}
	}
}

// BenchmarkParseDocument measures what a service spends on its document when it
// starts.
func BenchmarkParseDocument(b *testing.B) {
	source, err := os.ReadFile("../../services/character/openapi.yaml")
	if err != nil {
		b.Skip(err)
	}
	b.ReportAllocs()
	defer reportCPU(b)()
	for b.Loop() {
		if _, err := ParseDocument(source); err != nil {
			b.Fatal(err)
		}
	}
}
