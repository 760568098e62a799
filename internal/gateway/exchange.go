// One request and its answer, as they pass through the plugins.

package gateway

import (
	"context"
	"net"
	"net/http"
	"strconv"
	"time"
)

// chain is the set of plugins in force for a request.
type chain struct {
	correlationID *correlationID
	cors          *cors
	keyAuth       *keyAuth
	sizeLimit     *requestSizeLimiting
	acl           *acl
	rateLimit     *rateLimiting
	prometheus    *prometheusSettings
	fileLog       *fileLogSettings
}

// with returns the chain of a narrower place: its plugins take the place of
// plugins of the same kind from further out.
func (c chain) with(plugins []Plugin, g *Gateway) chain {
	for i := range plugins {
		if plugins[i].Enabled {
			plugins[i].settings.install(&c, g)
		}
	}
	return c
}

// Where an answer came from, in Kong's words.
const (
	sourceUpstream = "upstream"
	sourceExit     = "exit"
	sourceError    = "error"
)

// exchange is also the http.ResponseWriter of its request: it sees the answer
// pass and adds the headers of the plugins.
type exchange struct {
	gateway  *Gateway
	response http.ResponseWriter
	request  *http.Request
	path     string // in normal form, still escaped
	route    *route // nil when none matched
	chain    *chain

	consumer      *consumer
	credentialID  string
	correlationID string
	limits        *limitState
	preflight     bool // the answer is cors's own
	body          *requestBody
	deadline      deadline

	started         time.Time
	sent            time.Duration // until the request went to the service
	upstreamLatency time.Duration // from then until the first byte of the answer
	elapsed         time.Duration
	upstreamStatus  int
	tries           int
	source          string
	status          int
	written         int64
	wroteHeader     bool
}

type exchangeKey struct{}

func exchangeOf(ctx context.Context) *exchange { return ctx.Value(exchangeKey{}).(*exchange) }

// Header is the header of the answer.
func (x *exchange) Header() http.Header { return x.response.Header() }

// WriteHeader lets the plugins add their headers to the answer and sends them.
func (x *exchange) WriteHeader(status int) {
	if x.wroteHeader {
		return
	}
	if status < 200 && status != http.StatusSwitchingProtocols {
		x.response.WriteHeader(status)
		return
	}
	x.wroteHeader, x.status = true, status
	x.filterHeader(x.response.Header())
	x.response.WriteHeader(status)
}

func (x *exchange) Write(p []byte) (int, error) {
	if !x.wroteHeader {
		x.WriteHeader(http.StatusOK)
	}
	n, err := x.response.Write(p)
	x.written += int64(n)
	return n, err
}

// Unwrap gives http.ResponseController the writer that can flush and hijack.
func (x *exchange) Unwrap() http.ResponseWriter { return x.response }

// filterHeader is what Kong calls the header filter.
func (x *exchange) filterHeader(header http.Header) {
	c := x.chain
	// The make of a service is nobody's business. Names of headers are written
	// in canonical form here and set directly, which spares each request the
	// work of bringing them into it.
	delete(header, "Server")
	if c.correlationID != nil {
		c.correlationID.echo(x, header)
	}
	if c.cors != nil && !x.preflight {
		c.cors.allow(x, header)
	}
	if x.limits != nil {
		x.limits.writeTo(header)
	}
	if x.source == sourceUpstream {
		header["X-Kong-Upstream-Latency"] = []string{milliseconds(x.upstreamLatency)}
		header["X-Kong-Proxy-Latency"] = []string{milliseconds(x.sent)}
		header["Via"] = []string{joined(header["Via"], via)}
	} else {
		header["X-Kong-Response-Latency"] = []string{milliseconds(time.Since(x.started))}
	}
}

func milliseconds(d time.Duration) string { return strconv.FormatInt(d.Milliseconds(), 10) }

// clientIP is the address at the other end of the connection. No header counts:
// the gateway trusts no proxy before it, as Kong does with empty trusted_ips.
func (x *exchange) clientIP() string {
	host, _, err := net.SplitHostPort(x.request.RemoteAddr)
	if err != nil {
		return x.request.RemoteAddr
	}
	return host
}
