// Reaching a service: which target, over which connection, and what to do when
// it fails.

package gateway

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"
)

// errNoTarget says that no target of an upstream passes its checks.
var errNoTarget = errors.New("no healthy target")

// service is a Service ready to be called.
type service struct {
	name         string
	upstream     *upstream
	transport    http.RoundTripper
	retries      int
	readTimeout  time.Duration
	writeTimeout time.Duration
	// withheld are the headers that no client may send to it, because the gateway
	// vouches for them or because they carry a key.
	withheld []string
}

// upstream is a pool of targets.
type upstream struct {
	name    string
	targets []*target
	turn    atomic.Uint64
	active  ActiveHealthcheck
	probes  chan struct{} // as many as may run at once
}

// target is one instance of a service.
type target struct {
	address   string
	unhealthy atomic.Bool
	tally     probeTally
}

func newUpstream(config *Upstream) *upstream {
	u := &upstream{name: config.Name, active: config.Healthchecks.Active}
	for _, t := range config.Targets {
		u.targets = append(u.targets, &target{address: t.Target})
	}
	u.probes = make(chan struct{}, min(u.active.Concurrency, len(u.targets)))
	return u
}

// next returns the healthy target whose turn it is, or nil.
func (u *upstream) next() *target {
	count := uint64(len(u.targets))
	first := u.turn.Add(1)
	for i := range count {
		if t := u.targets[(first+i)%count]; !t.unhealthy.Load() {
			return t
		}
	}
	return nil
}

func (g *Gateway) newService(config *Service) *service {
	return &service{
		name:         config.Name,
		upstream:     g.upstreamOf(config),
		transport:    g.newTransport(config.ConnectTimeout),
		retries:      config.Retries,
		readTimeout:  time.Duration(config.ReadTimeout) * time.Millisecond,
		writeTimeout: time.Duration(config.WriteTimeout) * time.Millisecond,
	}
}

// upstreamOf finds the upstream that a service names as its host. A service
// that names none has its one address for a pool.
func (g *Gateway) upstreamOf(config *Service) *upstream {
	for _, u := range g.upstreams {
		if u.name == config.Host {
			return u
		}
	}
	address := net.JoinHostPort(config.Host, strconv.Itoa(config.Port))
	return &upstream{name: config.Host, targets: []*target{{address: address}}}
}

type dialContext = func(ctx context.Context, network, address string) (net.Conn, error)

// newTransport makes the way to a service: its connections, unless the program
// has a way of its own. No proxy stands between, and
// bodies pass as they are. Idle connections are given up before a service would
// close them: a POST that meets a closing connection cannot be repeated.
func (g *Gateway) newTransport(connectTimeout int) http.RoundTripper {
	if g.options.Transport != nil {
		return g.options.Transport
	}
	return &http.Transport{
		DialContext:         dialWithin(g.options.DialContext, time.Duration(connectTimeout)*time.Millisecond),
		DisableCompression:  true,
		MaxIdleConns:        512,
		MaxIdleConnsPerHost: 512,
		IdleConnTimeout:     30 * time.Second,
	}
}

func closeIdle(transport http.RoundTripper) {
	(&http.Client{Transport: transport}).CloseIdleConnections()
}

// dialError says that there was no connection, so nothing was sent.
type dialError struct {
	cause   error
	timeout bool
}

func (e *dialError) Error() string { return e.cause.Error() }
func (e *dialError) Unwrap() error { return e.cause }

func dialWithin(dial dialContext, timeout time.Duration) dialContext {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, timeout)
		defer cancel()
		connection, err := dial(ctx, network, address)
		if err != nil {
			return nil, &dialError{cause: err, timeout: ctx.Err() == context.DeadlineExceeded}
		}
		return connection, nil
	}
}

// roundTripper sends a request to a target of its service, and to another one
// when that can do no harm.
type roundTripper struct{}

func (roundTripper) RoundTrip(request *http.Request) (*http.Response, error) {
	x := exchangeOf(request.Context())
	s := x.route.service
	x.sent = time.Since(x.started)
	for {
		target := s.upstream.next()
		if target == nil {
			return nil, errNoTarget
		}
		x.tries++
		x.deadline.arm(s.readTimeout)
		response, err := s.transport.RoundTrip(x.attempt(request, target))
		x.upstreamLatency = time.Since(x.started) - x.sent
		if err == nil && x.body.isSpoilt() {
			// A transport of the program's own leaves it to the service to notice.
			_ = response.Body.Close()
			return nil, errBodySpoilt
		}
		if err == nil {
			x.receive(response)
			return response, nil
		}
		if x.tries > s.retries || !x.mayRetry(request, err) {
			return nil, err
		}
	}
}

// attempt is the request for one target. The copy keeps the transport from
// closing the body that a further attempt needs.
func (x *exchange) attempt(request *http.Request, t *target) *http.Request {
	attempt := request
	if request.Body != nil && x.tries <= x.route.service.retries {
		attempt = request.WithContext(request.Context())
		attempt.Body = heldBody{request.Body}
	}
	attempt.URL.Host = t.address
	if !x.route.preserveHost {
		attempt.Host = t.address
	}
	return attempt
}

// mayRetry reports whether a failed attempt can be repeated: when nothing was
// sent, or when the method promises that twice is no different from once.
func (x *exchange) mayRetry(request *http.Request, err error) bool {
	if request.Context().Err() != nil {
		return false
	}
	var dial *dialError
	if errors.As(err, &dial) {
		return x.body == nil || x.body.read.Load() == 0
	}
	switch request.Method {
	case http.MethodGet, http.MethodHead, http.MethodOptions, http.MethodPut, http.MethodDelete:
		return request.Body == nil // a body has gone by and is not kept
	}
	return false
}

// receive takes note of the answer that begins.
func (x *exchange) receive(response *http.Response) {
	x.deadline.answered.Store(true)
	x.deadline.pause()
	x.source = sourceUpstream
	x.upstreamStatus = response.StatusCode
	// Of an upgraded connection the proxy needs the writing side as well.
	if response.StatusCode != http.StatusSwitchingProtocols && response.Body != http.NoBody {
		response.Body = &responseBody{ReadCloser: response.Body, exchange: x}
	}
}
