// Handing a request on to its service and the answer back, both as a stream.

package gateway

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"net/url"
	"strconv"
	"strings"
	"sync"
)

// via is how the gateway signs what it passes on (RFC 9110, section 7.6.3).
const via = "1.1 fountain"

// statusClientGone is what nginx, and so Kong, logs when the client hung up.
const statusClientGone = 499

// newReverseProxy makes the proxy that serves all routes. It adds the standard
// library's care for hop-by-hop headers, trailers, flushing and upgrades.
func (g *Gateway) newReverseProxy() *httputil.ReverseProxy {
	return &httputil.ReverseProxy{
		Rewrite:      g.rewrite,
		Transport:    roundTripper{},
		ErrorHandler: func(_ http.ResponseWriter, r *http.Request, err error) { exchangeOf(r.Context()).fail(err) },
		BufferPool:   &copyBuffers{},
		ErrorLog:     slog.NewLogLogger(g.options.Logger.Handler(), slog.LevelWarn),
	}
}

// copyBuffers lends the buffers through which bodies are copied.
type copyBuffers struct{ pool sync.Pool }

func (b *copyBuffers) Get() []byte {
	if buffer, ok := b.pool.Get().(*[]byte); ok {
		return *buffer
	}
	return make([]byte, 32<<10)
}

func (b *copyBuffers) Put(buffer []byte) { b.pool.Put(&buffer) }

// forward sends the request to the service and the answer to the client.
func (x *exchange) forward() {
	ctx, cancel := context.WithCancelCause(context.WithValue(x.request.Context(), exchangeKey{}, x))
	defer cancel(nil)
	r := x.request.WithContext(ctx)
	x.deadline.start(cancel)
	defer x.deadline.pause()
	if r.Body != nil && r.Body != http.NoBody {
		x.body = &requestBody{ReadCloser: r.Body, exchange: x, length: r.ContentLength}
		if x.chain.sizeLimit != nil {
			x.body.limit = x.chain.sizeLimit.limit
		}
		r.Body = x.body
	}
	x.gateway.proxy.ServeHTTP(x, r)
	if x.body != nil && !x.body.ended.Load() && x.request.Context().Err() == nil {
		x.linger()
	}
}

// rewrite turns the client's request into the one for the service.
func (g *Gateway) rewrite(pr *httputil.ProxyRequest) {
	x := exchangeOf(pr.In.Context())
	out := pr.Out
	out.URL.Scheme = "http"
	out.URL.Host = x.route.service.name // a target takes its place
	setEscapedPath(out.URL, x.path)
	out.URL.RawQuery = pr.In.URL.RawQuery
	if auth := x.chain.keyAuth; auth != nil {
		out.URL.RawQuery = auth.withoutKeys(out.URL.RawQuery)
	}
	header := out.Header
	for _, name := range x.route.service.withheld {
		delete(header, name)
	}
	delete(header, "Expect") // between the client and us only
	if !strings.EqualFold(header.Get("Upgrade"), "websocket") {
		delete(header, "Upgrade")
		delete(header, "Connection")
	}
	x.setIdentity(header)
	x.setForwarded(header)
}

// setEscapedPath makes path the path of u. The path is in normal form: what was
// routed and what is sent are the same.
func setEscapedPath(u *url.URL, path string) {
	if u.RawPath == "" && u.Path == path {
		return
	}
	if unescaped, err := url.PathUnescape(path); err == nil {
		u.Path, u.RawPath = unescaped, path
	}
}

// setIdentity tells the service who the client is and what the request is called.
func (x *exchange) setIdentity(header http.Header) {
	if x.consumer != nil {
		header["X-Consumer-Id"] = []string{x.consumer.id}
		header["X-Consumer-Username"] = []string{x.consumer.username}
		header["X-Credential-Identifier"] = []string{x.credentialID}
		if x.chain.acl != nil {
			if groups := x.chain.acl.groupsHeader(x.consumer); groups != "" {
				header["X-Consumer-Groups"] = []string{groups}
			}
		}
	}
	if x.chain.correlationID != nil {
		header[x.chain.correlationID.header] = []string{x.correlationID}
	}
}

// setForwarded tells the service how the client called. As in Kong, what the
// client says about it counts for nothing, except that X-Forwarded-For and Via
// are lists to which each hop adds itself.
func (x *exchange) setForwarded(header http.Header) {
	r := x.request
	client := x.clientIP()
	proto, port := "http", "80"
	if r.TLS != nil {
		proto, port = "https", "443"
	}
	if local, ok := r.Context().Value(http.LocalAddrContextKey).(*net.TCPAddr); ok {
		port = strconv.Itoa(cmp.Or(x.gateway.options.PublicPorts[local.Port], local.Port))
	}
	header["X-Real-Ip"] = []string{client}
	header["X-Forwarded-For"] = []string{joined(r.Header["X-Forwarded-For"], client)}
	header["X-Forwarded-Proto"] = []string{proto}
	header["X-Forwarded-Host"] = []string{hostname(r)}
	header["X-Forwarded-Port"] = []string{port}
	header["X-Forwarded-Path"] = []string{r.URL.EscapedPath()}
	delete(header, "X-Forwarded-Prefix")
	signature := via
	if r.ProtoMajor == 2 {
		signature = "2.0 fountain"
	}
	header["Via"] = []string{joined(r.Header["Via"], signature)}
}

func joined(before []string, last string) string {
	if len(before) == 0 {
		return last
	}
	return strings.Join(before, ", ") + ", " + last
}

// fail answers a request that its service did not.
func (x *exchange) fail(err error) {
	x.source = sourceError
	if x.request.Context().Err() != nil && (x.body == nil || !x.body.broken.Load()) {
		// The client has gone, or has closed its side. What the service did
		// with the request is not known, and a handler that just returns
		// would send 200: the connection is cut instead.
		x.status = statusClientGone
		panic(http.ErrAbortHandler)
	}
	answer := x.diagnose(err)
	if answer.status >= 500 {
		x.gateway.options.Logger.Warn("service failed",
			"service", x.route.service.name, "requestId", x.correlationID, "status", answer.status, "error", err)
	}
	x.refuse(answer)
	x.source = sourceError
}

// diagnose finds the answer that fits what went wrong.
func (x *exchange) diagnose(err error) refusal {
	var dial *dialError
	var name *net.DNSError
	switch {
	case x.body != nil && x.body.tooLarge.Load():
		return errTooLarge
	case x.body != nil && x.body.slow.Load():
		return errSlowBody
	case x.body != nil && x.body.broken.Load():
		return errBadBody
	case errors.Is(err, errNoTarget):
		return errNoPeer
	case errors.As(err, &name):
		return errNoName
	case x.deadline.expired.Load(), errors.As(err, &dial) && dial.timeout:
		return errTimeout
	}
	return errBadGateway
}
