// Package gateway is the embedded API gateway of FountainAI. It reads the same
// kong.yml as Kong Gateway 3.9 and honours the plugins that stand in it, so that
// `fountain up` and the tests have the doors and locks of production without
// Kong. It serves one machine; production is Kong.
package gateway

import (
	"context"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httputil"
	"os"
	"runtime/debug"
	"sync"
	"time"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

// Options say what the gateway works with. The zero value is fit for use.
type Options struct {
	// DialContext reaches the targets of the upstreams, as "character:8000". The
	// default is the network.
	DialContext func(ctx context.Context, network, address string) (net.Conn, error)
	// Transport sends requests to the targets, which are the hosts of their URLs.
	// A program that runs the services itself has them answer here. The default
	// is HTTP on connections from DialContext.
	Transport http.RoundTripper
	// Logger gets what an operator must know, as a service that fails its
	// checks. The default is slog.Default().
	Logger *slog.Logger
	// AccessLog is where the plugin file-log writes instead of /dev/stdout. The
	// default is os.Stdout.
	AccessLog io.Writer
	// Now tells the time to the rate limits. The default is time.Now.
	Now func() time.Time
	// PublicPorts maps the ports the gateway listens on to the ones it is
	// reached at, where the two differ, as 8443 to 443. Services learn of them
	// in X-Forwarded-Port. It is Kong's port_maps.
	PublicPorts map[int]int
}

// Gateway is an http.Handler that stands before the services. It sets no limits
// on connections: give its http.Server a ReadHeaderTimeout, an IdleTimeout and
// a MaxHeaderBytes.
type Gateway struct {
	options     Options
	router      router
	unrouted    chain // the plugins of requests without a route
	credentials credentials
	// certificates are for TLSConfig.
	certificates certificateStore
	services     []*service
	upstreams    []*upstream
	proxy        *httputil.ReverseProxy
	accessLog    *accessLog
	metrics      *metrics

	stop    context.CancelFunc
	stopped sync.WaitGroup
}

// New builds the gateway that config, which ParseConfig or LoadConfig made,
// describes, and starts its health checks. Close stops them.
func New(config *Config, options Options) *Gateway {
	g := &Gateway{options: withDefaults(options), router: router{byHost: make(map[string][]*matcher)}}
	g.accessLog = &accessLog{writer: g.options.AccessLog}
	g.metrics = newMetrics(g)
	g.credentials = newCredentials(config.Consumers)
	g.certificates = newCertificateStore(config.Certificates)
	g.unrouted = chain{}.with(config.Plugins, g)
	for i := range config.Upstreams {
		g.upstreams = append(g.upstreams, newUpstream(&config.Upstreams[i]))
	}
	for i := range config.Services {
		g.addService(&config.Services[i], config.Plugins)
	}
	g.router.sort()
	g.proxy = g.newReverseProxy()
	g.startHealthchecks()
	return g
}

func withDefaults(options Options) Options {
	if options.DialContext == nil {
		options.DialContext = new(net.Dialer).DialContext
	}
	if options.Logger == nil {
		options.Logger = slog.Default()
	}
	if options.AccessLog == nil {
		options.AccessLog = os.Stdout
	}
	if options.Now == nil {
		options.Now = time.Now
	}
	return options
}

func (g *Gateway) addService(config *Service, everywhere []Plugin) {
	s := g.newService(config)
	s.withheld = withheldHeaders(everywhere, config)
	g.services = append(g.services, s)
	ofService := g.unrouted.with(config.Plugins, g)
	for i := range config.Routes {
		r := &config.Routes[i]
		g.router.add(r, &route{
			name:           r.Name,
			service:        s,
			preserveHost:   r.PreserveHost,
			needsTLS:       r.needsTLS(),
			redirectStatus: r.HTTPSRedirectStatusCode,
			chain:          ofService.with(r.Plugins, g),
		})
	}
}

// Close ends the health checks and the connections to services that are not in
// use. Requests under way are left alone.
func (g *Gateway) Close() error {
	g.stop()
	g.stopped.Wait()
	for _, s := range g.services {
		closeIdle(s.transport)
	}
	return nil
}

// Metrics serves what the plugin prometheus measures, under Kong's names. Serve
// it on a port of its own, never among the routes.
func (g *Gateway) Metrics() http.Handler { return g.metrics.handler() }

// ServeHTTP takes a request through the plugins of its route and to its service.
func (g *Gateway) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	x := &exchange{gateway: g, response: w, request: r, chain: &g.unrouted, started: time.Now()}
	defer x.finish()
	x.path = normalizePath(r.URL.EscapedPath())
	if x.route = g.router.match(r, x.path); x.route != nil {
		x.chain = &x.route.chain
	}
	if x.access() {
		x.forward()
	}
}

// access runs the plugins that may answer themselves, in the order in which
// Kong runs them. It reports whether the request may go on to its service.
func (x *exchange) access() bool {
	c := x.chain
	if c.correlationID != nil {
		c.correlationID.identify(x)
	}
	switch {
	case x.request.Method == http.MethodConnect, x.request.Method == http.MethodTrace:
		x.Header().Set("Allow", "GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS")
		return x.refuse(errMethod) // as nginx does, under Kong
	case x.route == nil:
		return x.refuse(errNoRoute)
	case x.route.needsTLS && x.request.TLS == nil:
		return x.demandTLS()
	case c.cors != nil && c.cors.answersPreflight(x):
		return false
	}
	return (c.keyAuth == nil || c.keyAuth.authenticate(x)) &&
		(c.sizeLimit == nil || c.sizeLimit.admit(x)) &&
		(c.acl == nil || c.acl.authorize(x)) &&
		(c.rateLimit == nil || c.rateLimit.admit(x))
}

// finish accounts for the request when all is done, and keeps a fault of the
// gateway from taking the program with it.
func (x *exchange) finish() {
	fault := recover()
	if fault != nil && fault != http.ErrAbortHandler {
		x.gateway.options.Logger.Error("gateway fault",
			"fault", fault, "method", x.request.Method, "path", x.path, "stack", string(debug.Stack()))
		if !x.wroteHeader {
			x.refuse(errFault)
			fault = nil
		}
	}
	x.settle()
	if fault != nil {
		// The answer is cut off in the middle. Only an aborted connection tells
		// the client so; net/http asks for this very panic and handles it.
		panic(http.ErrAbortHandler)
	}
}

// settle writes the access log and the metrics.
func (x *exchange) settle() {
	x.elapsed = time.Since(x.started)
	if x.chain.prometheus != nil && x.route != nil {
		x.gateway.metrics.observe(x)
	}
	if x.chain.fileLog != nil {
		if err := x.gateway.accessLog.write(x); err != nil {
			x.gateway.options.Logger.Warn("access log not written", "error", err)
		}
	}
}

// refuse answers with an error of the gateway's own. It returns false, to end
// the run of plugins.
func (x *exchange) refuse(r refusal) bool {
	x.source = sourceExit
	p := problem.New(r.status, r.code, r.detail)
	p.Message = r.message
	problem.Write(x, x.request, p)
	return false
}
