package main

import (
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
)

func TestHealthcheck(t *testing.T) {
	handler := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch r.URL.Path {
		case "/redirect":
			http.Redirect(w, r, "/ok", http.StatusFound)
		case "/empty":
			w.WriteHeader(http.StatusNoContent)
		case "/ok":
		default:
			w.WriteHeader(http.StatusServiceUnavailable)
		}
	})
	plain, secure := httptest.NewServer(handler), httptest.NewTLSServer(handler)
	t.Cleanup(plain.Close)
	t.Cleanup(secure.Close)
	t.Setenv("HTTP_PROXY", "http://127.0.0.1:1")
	port := func(s *httptest.Server) string {
		_, port, err := net.SplitHostPort(s.Listener.Addr().String())
		if err != nil {
			t.Fatal(err)
		}
		return port
	}
	for _, c := range []struct{ url, fault string }{
		{plain.URL + "/ok", ""},
		{plain.URL + "/empty", ""},
		{plain.URL + "/redirect", "302 Found"},
		{plain.URL + "/failing", "503 Service Unavailable"},
		{secure.URL + "/ok", ""},
		{"https://localhost:" + port(secure) + "/ok", ""},
		{"https://character.localhost:" + port(secure) + "/ok", ""},
		{"http://character.localhost:" + port(plain) + "/ok", ""},
		{"https://127.0.0.1:" + port(plain) + "/ok", "unhealthy"},
		{"http://127.0.0.1:1/", "connection refused"},
		{"127.0.0.1:8000", "want an address"},
		{"ftp://localhost/", "want an address"},
		{"", "want an address"},
	} {
		err := healthcheck(t.Context(), io.Discard, c.url)
		switch {
		case c.fault == "" && err != nil:
			t.Errorf("%s: %v", c.url, err)
		case c.fault != "" && (err == nil || !strings.Contains(err.Error(), c.fault)):
			t.Errorf("%s: got %v, want %q", c.url, err, c.fault)
		}
	}
}

// Elsewhere a certificate must be good: the check would be fooled by anyone.
func TestHealthcheckTrustsOnlyThisMachine(t *testing.T) {
	for host, trusted := range map[string]bool{
		"localhost": true, "character.localhost": true, "127.0.0.1": true, "127.1.2.3": true, "::1": true,
		"example.org": false, "192.0.2.1": false, "localhost.example.org": false, "notlocalhost": false,
	} {
		config := healthTransport(host).TLSClientConfig
		if got := config != nil && config.InsecureSkipVerify; got != trusted {
			t.Errorf("%s: any certificate accepted: %v, want %v", host, got, trusted)
		}
	}
}
