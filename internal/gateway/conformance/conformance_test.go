// The suite against the embedded gateway, and against any other on demand.

package conformance_test

import (
	"context"
	"crypto/x509"
	"encoding/json"
	"errors"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/gateway"
	"fountain.coach/fountainai/internal/gateway/conformance"
	"fountain.coach/fountainai/internal/gateway/localca"
)

const (
	writerKey = "conformance-writer-key"
	readerKey = "conformance-reader-key"
)

// TestEmbedded runs the suite against the embedded gateway with kong.yml as it
// is, before stand-ins for the services.
func TestEmbedded(t *testing.T) {
	for _, domain := range []string{"fountain.coach", "localhost"} {
		t.Run(domain, func(t *testing.T) {
			conformance.Run(t, conformance.Target{
				URL: embedded(t, "minute: 6000"), Domain: domain,
				WriterKey: writerKey, ReaderKey: readerKey,
				RateLimit: 6000, EchoPath: "/echo",
			})
		})
	}
}

// TestEmbeddedLimit does so with a limit low enough to be used up.
func TestEmbeddedLimit(t *testing.T) {
	conformance.Run(t, conformance.Target{
		URL: embedded(t, "minute: 200"), Domain: "localhost",
		WriterKey: writerKey, ReaderKey: readerKey,
		RateLimit: 200, SpendLimit: true, EchoPath: "/echo",
	})
}

// TestEmbeddedTLS does so over HTTPS, with plain HTTP sent there.
func TestEmbeddedTLS(t *testing.T) {
	for _, domain := range []string{"fountain.coach", "localhost"} {
		t.Run(domain, func(t *testing.T) {
			target := conformance.Target{
				Domain: domain, WriterKey: writerKey, ReaderKey: readerKey, RateLimit: 6000, EchoPath: "/echo",
			}
			target.URL, target.PlainURL, target.CAs = embeddedTLS(t, domain)
			conformance.Run(t, target)
		})
	}
}

// embeddedTLS starts a gateway whose routes take HTTPS alone.
func embeddedTLS(t *testing.T, domain string) (secure, plain string, authorities *x509.CertPool) {
	t.Helper()
	dir := t.TempDir()
	names := []string{domain, "*." + domain}
	for _, service := range []string{"centralsequence", "character", "scriptmanagement", "sessioncontext", "storyfactory"} {
		names = append(names, service+"."+domain)
	}
	if _, err := localca.Ensure(dir, names, time.Now()); err != nil {
		t.Fatal(err)
	}
	read := func(name string) string {
		content, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		return string(content)
	}
	text, err := os.ReadFile("../../../kong.yml")
	if err != nil {
		t.Fatal(err)
	}
	config := parse(t, strings.ReplaceAll(string(text), "protocols: [http, https]", "protocols: [https]\n        https_redirect_status_code: 308"))
	if err := config.AddCertificate(read(localca.Cert), read(localca.Key), names...); err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, config)
	server := httptest.NewUnstartedServer(g)
	server.TLS, server.EnableHTTP2 = g.TLSConfig(), true
	// httptest puts a certificate of its own first; ours come by name.
	server.StartTLS()
	t.Cleanup(server.Close)
	beside := httptest.NewServer(g)
	t.Cleanup(beside.Close)
	return server.URL, beside.URL, certificateAuthorities(t, filepath.Join(dir, localca.CACert))
}

// certificateAuthorities reads the authorities to trust from a file, if named.
func certificateAuthorities(t *testing.T, file string) *x509.CertPool {
	t.Helper()
	if file == "" {
		return nil
	}
	text, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(text) {
		t.Fatalf("%s has no certificate", file)
	}
	return pool
}

// TestConformanceExternal runs the suite against a gateway that runs already,
// before the real services.
func TestConformanceExternal(t *testing.T) {
	variable := func(name string) string {
		value := os.Getenv("FOUNTAIN_GATEWAY_" + name)
		if value == "" {
			t.Skipf("set FOUNTAIN_GATEWAY_%s to check a running gateway (all of _URL, _DOMAIN, _WRITER_KEY and _READER_KEY are needed)", name)
		}
		return value
	}
	conformance.Run(t, conformance.Target{
		URL: variable("URL"), Domain: variable("DOMAIN"),
		WriterKey: variable("WRITER_KEY"), ReaderKey: variable("READER_KEY"),
		PlainURL: os.Getenv("FOUNTAIN_GATEWAY_PLAIN_URL"),
		CAs:      certificateAuthorities(t, os.Getenv("FOUNTAIN_GATEWAY_CA")),
		// Kong answers errors in JSON of its own.
		KongErrors: os.Getenv("FOUNTAIN_GATEWAY_KIND") == "kong",
	})
}

// embedded starts a gateway with the given limit for consumers.
func embedded(t *testing.T, limit string) string {
	t.Helper()
	text, err := os.ReadFile("../../../kong.yml")
	if err != nil {
		t.Fatal(err)
	}
	g := newGateway(t, parse(t, strings.Replace(string(text), "minute: 6000", limit, 1)))
	server := httptest.NewServer(g)
	t.Cleanup(server.Close)
	return server.URL
}

func parse(t *testing.T, text string) *gateway.Config {
	t.Helper()
	config, err := gateway.ParseConfig(strings.NewReader(text))
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

// newGateway makes a gateway before stand-ins for the services.
func newGateway(t *testing.T, config *gateway.Config) *gateway.Gateway {
	t.Helper()
	g := gateway.New(config, gateway.Options{
		DialContext: standIns(t, config),
		Logger:      slog.New(slog.DiscardHandler),
		AccessLog:   io.Discard,
	})
	t.Cleanup(func() { g.Close() })
	return g
}

// standIns starts a stand-in for each service and tells how to reach it.
func standIns(t *testing.T, config *gateway.Config) func(context.Context, string, string) (net.Conn, error) {
	t.Helper()
	paths := map[string]string{
		"centralsequence": "/sequence", "character": "/characters", "scriptmanagement": "/scripts",
		"sessioncontext": "/sessions", "storyfactory": "/stories",
	}
	addresses := make(map[string]string)
	for _, service := range config.Services {
		server := httptest.NewServer(standIn(service.Name, paths[service.Name]))
		t.Cleanup(server.Close)
		addresses[service.Name+":8000"] = server.Listener.Addr().String()
	}
	return func(ctx context.Context, network, target string) (net.Conn, error) {
		address, known := addresses[target]
		if !known {
			return nil, errors.New("no such target: " + target)
		}
		return new(net.Dialer).DialContext(ctx, network, address)
	}
}

// standIn behaves like a service as far as the suite can tell.
func standIn(service, path string) http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	mux.HandleFunc("GET /readyz", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "ok") })
	mux.HandleFunc("GET /docs", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "<html>") })
	mux.HandleFunc("GET /openapi.yaml", func(w http.ResponseWriter, _ *http.Request) { io.WriteString(w, "openapi: 3.1.0") })
	mux.HandleFunc("GET /openapi.json", func(w http.ResponseWriter, _ *http.Request) {
		answer(w, http.StatusOK, map[string]any{"openapi": "3.1.0", "paths": map[string]any{path: map[string]any{}}})
	})
	if service == "character" {
		characters := &characters{}
		mux.HandleFunc("GET /echo", func(w http.ResponseWriter, r *http.Request) { answer(w, http.StatusOK, r.Header) })
		mux.HandleFunc("GET /characters", characters.list)
		mux.HandleFunc("POST /characters", characters.create)
		mux.HandleFunc("GET /characters/{id}", characters.get)
		mux.HandleFunc("DELETE /characters/{id}", characters.delete)
	}
	return mux
}

func answer(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(body)
}

type character struct {
	CharacterID int     `json:"characterId"`
	Name        *string `json:"name"`
	Description *string `json:"description"`
}

type characters struct {
	mu   sync.Mutex
	last int
	all  []character
}

func (c *characters) list(w http.ResponseWriter, _ *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	answer(w, http.StatusOK, append([]character{}, c.all...))
}

func (c *characters) create(w http.ResponseWriter, r *http.Request) {
	var made character
	if err := json.NewDecoder(r.Body).Decode(&made); err != nil || made.Name == nil || made.Description == nil {
		answer(w, http.StatusBadRequest, map[string]string{"message": "not a character"})
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	c.last++
	made.CharacterID = c.last
	c.all = append(c.all, made)
	answer(w, http.StatusCreated, made)
}

func (c *characters) find(r *http.Request) int {
	id, _ := strconv.Atoi(r.PathValue("id"))
	return slices.IndexFunc(c.all, func(known character) bool { return known.CharacterID == id })
}

func (c *characters) get(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.find(r); i >= 0 {
		answer(w, http.StatusOK, c.all[i])
		return
	}
	answer(w, http.StatusNotFound, map[string]string{"message": "no such character"})
}

func (c *characters) delete(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if i := c.find(r); i >= 0 {
		c.all = slices.Delete(c.all, i, i+1)
	}
	w.WriteHeader(http.StatusNoContent)
}
