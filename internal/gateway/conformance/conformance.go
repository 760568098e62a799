// Package conformance checks, from outside, that a gateway keeps the promises
// of kong.yml before the five services of FountainAI: the embedded gateway,
// Kong in the Compose stack, Kong on a cluster. It knows a URL and two keys.
package conformance

import (
	"bytes"
	"context"
	"crypto/tls"
	"crypto/x509"
	"encoding/json"
	"io"
	"net"
	"net/http"
	"net/url"
	"testing"
	"time"
)

// Target is the gateway to check.
type Target struct {
	// Page: the domain itself is a web page and not a host that nobody knows.
	Page bool
	// URL is where the gateway listens, as "http://127.0.0.1:8000".
	URL string
	// Domain is what the hosts of the services end in: "fountain.coach" or
	// "localhost".
	Domain string
	// CAs are trusted instead of the system's, when URL begins with https://
	// and the certificate is one of one's own. Nil trusts the system's.
	CAs *x509.CertPool
	// PlainURL is where the same gateway takes plain HTTP, as
	// "http://127.0.0.1:8000", if it must send clients on to HTTPS with 308.
	PlainURL string
	// WriterKey and ReaderKey are API keys of the consumers writer and reader.
	WriterKey, ReaderKey string

	// KongErrors says that the gateway answers errors in Kong's own JSON. If
	// not, each must be a problem document (RFC 9457).
	KongErrors bool
	// RateLimit is how many requests a minute a consumer may send, or 0 when
	// that is not known.
	RateLimit int
	// SpendLimit allows the suite to use up the reader's whole RateLimit, at
	// its end. Set it for a low limit and a gateway that nobody else uses.
	SpendLimit bool
	// EchoPath is a path of the character service that answers a GET with the
	// headers it got, as a JSON object of lists. No real service has one.
	EchoPath string
}

// Run checks target. It leaves nothing behind but a few counted requests: the
// characters it creates it also deletes.
func Run(t *testing.T, target Target) {
	s := newSuite(t, target)
	for _, check := range []struct {
		name string
		run  func(t *testing.T)
	}{
		{"hosts lead to services", s.hosts},
		{"an unknown host is refused", s.unknownHost},
		{"HTTPS is spoken well", s.speaksTLS},
		{"plain HTTP is sent to HTTPS", s.plainHTTP},
		{"a key is needed", s.keyNeeded},
		{"a key in the query is no key", s.keyInQuery},
		{"readers read and writers write", s.roles},
		{"the contract is open", s.openContract},
		{"nothing else is open", s.closedRest},
		{"requests have an id", s.requestID},
		{"preflights need no key", s.preflight},
		{"pages may read answers", s.crossOrigin},
		{"the limit is told and counts down", s.limitTold},
		{"a body can be too large", s.bodyTooLarge},
		{"a service's own errors pass", s.serviceErrors},
		{"HEAD has no body", s.head},
		{"large answers pass whole", s.largeAnswer},
		{"a client cannot say who it is", s.forgedIdentity},
		{"keys stay at the gateway", s.keysStay},
		{"the limit holds", s.limitHolds},
	} {
		t.Run(check.name, check.run)
	}
}

type suite struct {
	Target
	client *http.Client
	base   *url.URL
}

func newSuite(t *testing.T, target Target) *suite {
	t.Helper()
	base, err := url.Parse(target.URL)
	if err != nil || base.Host == "" || target.Domain == "" || target.WriterKey == "" || target.ReaderKey == "" {
		t.Fatalf("the target needs URL, Domain, WriterKey and ReaderKey: URL %q, Domain %q, %v", target.URL, target.Domain, err)
	}
	client := &http.Client{Timeout: time.Minute}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }
	s := &suite{Target: target, client: client, base: base}
	client.Transport = s.transport(&tls.Config{RootCAs: target.CAs})
	t.Cleanup(client.CloseIdleConnections)
	return s
}

// transport connects to the gateway at URL, whatever host a request is for: it
// is the names that the gateway's certificate has to be for.
func (s *suite) transport(config *tls.Config) *http.Transport {
	port := s.base.Port()
	if port == "" {
		port = s.base.Scheme
	}
	address := net.JoinHostPort(s.base.Hostname(), port)
	return &http.Transport{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, address)
		},
		TLSClientConfig:   config,
		ForceAttemptHTTP2: true,
	}
}

// request is one call to a service through the gateway.
type request struct {
	method  string // GET if empty
	service string // character if empty
	host    string // of the service if empty
	path    string
	key     string
	body    []byte
	// unsized sends the body without saying how long it is.
	unsized bool
	header  http.Header
}

// answer is a response read to its end.
type answer struct {
	*http.Response
	body []byte
}

// call sends r. It tries again when the connection breaks, as it may for a
// client that is still sending when it is refused.
func (s *suite) call(t *testing.T, r request) answer {
	t.Helper()
	var last error
	for range 3 {
		response, err := s.try(r)
		if err == nil {
			return response
		}
		last = err
	}
	t.Fatalf("%s %s: %v", r.method, r.path, last)
	return answer{}
}

func (s *suite) try(r request) (answer, error) {
	var body io.Reader
	if r.body != nil {
		body = bytes.NewReader(r.body)
	}
	if r.unsized {
		body = struct{ io.Reader }{body}
	}
	// Of a host that does not exist no certificate can be: TLS goes by one that
	// does, the request itself by the other.
	reached := s.hostOf(request{service: r.service})
	message, err := http.NewRequest(r.method, s.base.Scheme+"://"+reached+r.path, body)
	if err != nil {
		return answer{}, err
	}
	message.Host = s.hostOf(r)
	for name, values := range r.header {
		message.Header[name] = values
	}
	if message.Header.Get("Accept") == "" {
		message.Header.Set("Accept", "application/json")
	}
	if r.body != nil && message.Header.Get("Content-Type") == "" {
		message.Header.Set("Content-Type", "application/json")
	}
	if r.key != "" {
		message.Header.Set("X-API-Key", r.key)
	}
	response, err := s.client.Do(message)
	if err != nil {
		return answer{}, err
	}
	defer response.Body.Close()
	read, err := io.ReadAll(response.Body)
	return answer{Response: response, body: read}, err
}

// hostOf names the host as a browser would, with the port of the gateway.
func (s *suite) hostOf(r request) string {
	host := r.host
	if host == "" {
		service := r.service
		if service == "" {
			service = "character"
		}
		host = service + "." + s.Domain
	}
	if port := s.base.Port(); port != "" {
		host += ":" + port
	}
	return host
}

// expect checks the status of an answer.
func (a answer) expect(t *testing.T, status int) {
	t.Helper()
	if a.StatusCode != status {
		t.Errorf("%s %s: got %s, want %d: %.300s", a.Request.Method, a.Request.URL.Path, a.Status, status, a.body)
	}
}

// decode reads the JSON of an answer.
func (a answer) decode(t *testing.T, into any) {
	t.Helper()
	if err := json.Unmarshal(a.body, into); err != nil {
		t.Fatalf("%s %s: %s: %v in %.300s", a.Request.Method, a.Request.URL.Path, a.Status, err, a.body)
	}
}

// refused checks that the gateway itself answered with an error.
func (s *suite) refused(t *testing.T, a answer, status int, message string) {
	t.Helper()
	a.expect(t, status)
	var document struct {
		Type, Title, Detail, Message, Code, RequestID string
		Status                                        int
	}
	a.decode(t, &document)
	if document.Message != message {
		t.Errorf("the message is %q, want %q", document.Message, message)
	}
	if s.KongErrors {
		return
	}
	if got := a.Header.Get("Content-Type"); got != "application/problem+json" {
		t.Errorf("the error is of type %q", got)
	}
	if document.Type == "" || document.Title == "" || document.Detail == "" || document.Code == "" || document.Status != a.StatusCode {
		t.Errorf("the error is no problem document: %s", a.body)
	}
	if id := a.Header.Get("X-Request-Id"); id == "" || document.RequestID != id {
		t.Errorf("the error names request %q, the header %q", document.RequestID, id)
	}
}
