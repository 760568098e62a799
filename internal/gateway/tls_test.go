// HTTPS: the certificate a client is shown, and what plain HTTP gets.

package gateway

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/gateway/localca"
)

// certificate makes a certificate for names and returns it with its key, in PEM.
func certificate(t *testing.T, names ...string) (cert, key string) {
	t.Helper()
	dir := t.TempDir()
	if _, err := localca.Ensure(dir, names, time.Now()); err != nil {
		t.Fatal(err)
	}
	var parts [2]string
	for i, name := range []string{localca.Cert, localca.Key} {
		text, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		parts[i] = string(text)
	}
	return parts[0], parts[1]
}

// The certificates of the tests are told apart by the first of their names.
func TestCertificateByName(t *testing.T) {
	config := parse(t, small)
	for _, names := range [][]string{
		{"first.example.org"}, {"*.fountain.coach", "fountain.coach"}, {"character.fountain.coach"}, {"www.*"},
		{"*.localhost", "localhost"}, {"story.localhost"},
	} {
		cert, key := certificate(t, "cn-"+strings.ReplaceAll(names[0], "*", "any"))
		if err := config.AddCertificate(cert, key, names...); err != nil {
			t.Fatal(err)
		}
	}
	g := New(config, Options{})
	t.Cleanup(func() { g.Close() })
	for host, want := range map[string]string{
		"first.example.org":          "cn-first.example.org",
		"fountain.coach":             "cn-any.fountain.coach",
		"other.fountain.coach":       "cn-any.fountain.coach",
		"Other.Fountain.Coach":       "cn-any.fountain.coach",
		"character.fountain.coach":   "cn-character.fountain.coach",
		"a.character.fountain.coach": "cn-first.example.org",
		"www.com":                    "cn-www.any",
		"localhost":                  "cn-any.localhost",
		// What looks right in kong.yml is of no use in Kong: see wildPrefix.
		"character.localhost": "cn-first.example.org",
		"story.localhost":     "cn-story.localhost",
		"unknown.org":         "cn-first.example.org",
		"":                    "cn-first.example.org",
	} {
		got, err := g.TLSConfig().GetCertificate(&tls.ClientHelloInfo{ServerName: host})
		if err != nil {
			t.Fatal(err)
		}
		if name := got.Leaf.Subject.CommonName; name != want {
			t.Errorf("%s gets %s, want %s", host, name, want)
		}
	}
}

func TestCertificateFromTheFile(t *testing.T) {
	cert, key := certificate(t, "character.localhost")
	indent := func(text string) string { return strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n      ") }
	text := small + fmt.Sprintf("certificates:\n  - cert: |\n      %s\n    key: |\n      %s\n    snis:\n      - name: character.localhost\n",
		indent(cert), indent(key))
	g := New(parse(t, text), Options{})
	t.Cleanup(func() { g.Close() })
	if found := g.certificates.find("character.localhost"); found.Leaf.DNSNames[0] != "character.localhost" {
		t.Errorf("found %v", found.Leaf.DNSNames)
	}
	other, _ := certificate(t, "character.localhost")
	_, err := ParseConfig(strings.NewReader(strings.ReplaceAll(text, indent(cert), indent(other))))
	if err == nil || !strings.Contains(err.Error(), "line 36: certificates[0]: ") || strings.Contains(err.Error(), strings.Split(key, "\n")[1]) {
		t.Errorf("a key of another certificate: %v", err)
	}
}

func TestAddCertificateRefuses(t *testing.T) {
	cert, key := certificate(t, "localhost")
	config := parse(t, small)
	if err := config.AddCertificate(cert, "", "localhost"); err == nil {
		t.Error("a certificate without a key was taken")
	}
	if err := config.AddCertificate(cert, key, "local*host"); err == nil {
		t.Error("a wildcard in the middle was taken")
	}
	g := New(config, Options{})
	t.Cleanup(func() { g.Close() })
	if g.TLSConfig() != nil {
		t.Error("TLS settings without a certificate")
	}
}

func TestPlainHTTPWhereTLSIsNeeded(t *testing.T) {
	for _, status := range []int{0, 426, 301, 302, 307, 308} {
		setting := "strip_path: false\n        protocols: [https]"
		if status != 0 {
			setting += fmt.Sprintf("\n        https_redirect_status_code: %d", status)
		}
		config := parse(t, strings.Replace(small, "strip_path: false", setting, 1)+
			"  - username: writer\n")
		if err := config.AddKey("reader", readerKey); err != nil {
			t.Fatal(err)
		}
		g := start(t, config, upstreams{"character:8000": echo})
		g.server.Client().CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
		for _, method := range []string{"GET", "POST", "OPTIONS"} {
			response, body := g.call(t, method, "//a/../b%2f?c=d", "", "X-API-Key", readerKey)
			if status == 0 || status == 426 {
				refused(t, response, body, 426, "https_required", "Please use HTTPS protocol")
				if response.Header.Get("Upgrade") != "TLS/1.2, HTTP/1.1" || response.Header.Get("Connection") != "Upgrade" {
					t.Errorf("%v", response.Header)
				}
				continue
			}
			if want := "https://character.localhost//a/../b%2f?c=d"; response.StatusCode != status || response.Header.Get("Location") != want || body != "" {
				t.Errorf("%d: %s to %q with %q", status, response.Status, response.Header.Get("Location"), body)
			}
		}
	}
}

// What runs before the redirect is what Kong runs: the plugins for all requests.
func TestRedirectIsLoggedAndNamed(t *testing.T) {
	text, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	g := start(t, parse(t, strings.ReplaceAll(string(text), "protocols: [http, https]", "protocols: [https]")), upstreams{})
	response, body := g.call(t, "GET", "/openapi.json", "", "X-Request-Id", "abc", "Origin", "https://page.example.org")
	refused(t, response, body, 426, "https_required", "Please use HTTPS protocol")
	if response.Header.Get("X-Request-Id") != "abc" || response.Header.Get("Access-Control-Allow-Origin") != "*" {
		t.Errorf("%v", response.Header)
	}
	if response.Header.Get("RateLimit-Limit") != "" {
		t.Error("a redirect counts against a limit")
	}
	g.server.Close()
	if log := g.access.String(); !strings.Contains(log, `"status":426`) || !strings.Contains(log, `"route":{"name":"character-docs"}`) {
		t.Errorf("logged %q", log)
	}
}

func TestOverTLS(t *testing.T) {
	cert, key := certificate(t, "*.localhost", "character.localhost")
	config := parse(t, strings.Replace(small, "strip_path: false", "strip_path: false\n        protocols: [https]", 1))
	if err := config.AddCertificate(cert, key, "character.localhost"); err != nil {
		t.Fatal(err)
	}
	if err := config.AddKey("reader", readerKey); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	port := listener.Addr().(*net.TCPAddr).Port
	g := New(config, Options{DialContext: dialer(t, upstreams{"character:8000": echo}), PublicPorts: map[int]int{port: 443}, AccessLog: io.Discard})
	server := &http.Server{Handler: g, TLSConfig: g.TLSConfig()}
	go server.ServeTLS(listener, "", "")
	t.Cleanup(func() {
		server.Close()
		g.Close()
	})
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM([]byte(cert)) // the chain ends in the authority
	transport := &http.Transport{ForceAttemptHTTP2: true, TLSClientConfig: &tls.Config{RootCAs: roots, ServerName: "character.localhost"}}
	t.Cleanup(transport.CloseIdleConnections)
	request, err := http.NewRequest("GET", "https://"+listener.Addr().String()+"/x", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Host = "character.localhost"
	request.Header.Set("X-API-Key", readerKey)
	response, err := transport.RoundTrip(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	body, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	if response.StatusCode != http.StatusOK || response.ProtoMajor != 2 {
		t.Fatalf("%s over %s: %s", response.Status, response.Proto, body)
	}
	got := decodeEcho(t, string(body)).Header
	if got.Get("X-Forwarded-Proto") != "https" || got.Get("X-Forwarded-Port") != "443" {
		t.Errorf("the service hears %v", got)
	}
}
