// Checks of HTTPS, and of what becomes of plain HTTP beside it.

package conformance

import (
	"crypto/tls"
	"net/http"
	"net/url"
	"testing"
)

// speaksTLS checks the certificate for every service, which each handshake
// proves, and how the gateway speaks TLS.
func (s *suite) speaksTLS(t *testing.T) {
	if s.base.Scheme != "https" {
		t.Skip("no HTTPS: set Target.URL to an https:// address to check it")
	}
	for service := range services {
		a := s.call(t, request{service: service, path: "/openapi.json"})
		a.expect(t, http.StatusOK)
		if a.TLS.Version < tls.VersionTLS12 || a.ProtoMajor != 2 {
			t.Errorf("%s: %s over %s", service, a.Proto, tls.VersionName(a.TLS.Version))
		}
	}
	old := &http.Client{Transport: s.transport(&tls.Config{RootCAs: s.CAs, MinVersion: tls.VersionTLS10, MaxVersion: tls.VersionTLS11})}
	if response, err := old.Get("https://" + s.hostOf(request{}) + "/openapi.json"); err == nil {
		response.Body.Close()
		t.Errorf("the gateway takes %s", tls.VersionName(response.TLS.Version))
	}
}

// plainHTTP checks that nothing is served without TLS, not even the contract.
func (s *suite) plainHTTP(t *testing.T) {
	if s.PlainURL == "" {
		t.Skip("no redirect: set Target.PlainURL to the gateway's address for plain HTTP to check it")
	}
	base, err := url.Parse(s.PlainURL)
	if err != nil {
		t.Fatal(err)
	}
	plain := &suite{Target: s.Target, base: base}
	plain.client = &http.Client{Transport: plain.transport(nil), CheckRedirect: s.client.CheckRedirect}
	t.Cleanup(plain.client.CloseIdleConnections)
	for service := range services {
		for _, r := range []request{
			{service: service, path: "/openapi.json"},
			{service: service, path: "/a/b?c=d%20e&c=f"},
			{service: service, path: "/", key: s.ReaderKey},
			{service: service, path: "/", method: "POST", key: s.WriterKey, body: []byte(`{}`)},
			{service: service, path: "/", method: "OPTIONS"},
		} {
			a := plain.call(t, r)
			a.expect(t, http.StatusPermanentRedirect)
			if want := "https://" + service + "." + s.Domain + r.path; a.Header.Get("Location") != want {
				t.Errorf("%s %s is sent to %q, want %q", r.method, r.path, a.Header.Get("Location"), want)
			}
		}
	}
	plain.refused(t, plain.call(t, request{host: "nobody." + s.Domain, path: "/"}), http.StatusNotFound, noRoute)
}
