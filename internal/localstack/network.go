package localstack

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"sync"
	"sync/atomic"
	"time"

	"fountain.coach/fountainai/internal/httpapi"
)

// network hands requests to the services by the address that kong.yml has for
// them, inside the process: nobody else can reach them there, and nothing is
// written, sent and parsed again on the way.
type network struct {
	lock     sync.RWMutex
	services map[string]*host
}

// host is a service on the network.
type host struct {
	address string
	handler http.Handler
	lock    sync.RWMutex
	stopped bool
	running sync.WaitGroup
	// work leads to the goroutines that wait for it.
	work    chan *answer
	waiting atomic.Int64
	closed  chan struct{}
}

// mostWaiting is how many goroutines of a service wait for requests. A new one
// for each would spend as long on growing its stack as on many an answer.
const mostWaiting = 32

func newNetwork() *network { return &network{services: map[string]*host{}} }

func (n *network) add(address string, handler http.Handler) {
	n.lock.Lock()
	defer n.lock.Unlock()
	n.services[address] = &host{
		address: address, handler: handler, work: make(chan *answer), closed: make(chan struct{}),
	}
}

// RoundTrip has the service that the request's URL names answer it. The service
// sees the request as an HTTP server would show it, except that its context
// ends with that of the caller and the header is the caller's.
func (n *network) RoundTrip(request *http.Request) (*http.Response, error) {
	n.lock.RLock()
	h := n.services[request.URL.Host]
	n.lock.RUnlock()
	if err := context.Cause(request.Context()); err != nil {
		closeBody(request)
		return nil, err
	}
	if h == nil {
		closeBody(request)
		name, _, _ := net.SplitHostPort(request.URL.Host)
		return nil, &net.DNSError{Err: "no such service", Name: name, IsNotFound: true}
	}
	if !h.enter() {
		closeBody(request)
		return nil, fmt.Errorf("call %s: the service has stopped", h.address)
	}
	a := newAnswer(request)
	select {
	case h.work <- a:
	default:
		go h.serve(a)
	}
	return a.wait()
}

// serve gives a and, while there is work, further answers.
func (h *host) serve(a *answer) {
	for a != nil {
		h.give(a)
		a = h.next()
	}
}

func (h *host) give(a *answer) {
	defer h.running.Done()
	a.give(h.handler)
}

// next waits for an answer to give. It returns nil if enough others wait, or if
// there will be none.
func (h *host) next() *answer {
	defer h.waiting.Add(-1)
	if h.waiting.Add(1) > mostWaiting {
		return nil
	}
	select {
	case a := <-h.work:
		return a
	case <-h.closed:
		return nil
	}
}

// enter reports whether the service still takes requests. Who has entered is to
// say so when the request has ended.
func (h *host) enter() bool {
	h.lock.RLock()
	defer h.lock.RUnlock()
	if !h.stopped {
		h.running.Add(1)
	}
	return !h.stopped
}

// stop refuses further requests to the service and waits for those under way, a
// bounded time.
func (n *network) stop(address string) error {
	n.lock.RLock()
	h := n.services[address]
	n.lock.RUnlock()
	h.lock.Lock()
	h.stopped = true
	h.lock.Unlock()
	close(h.closed)
	ended := make(chan struct{})
	go func() {
		h.running.Wait()
		close(ended)
	}()
	select {
	case <-ended:
		return nil
	case <-time.After(httpapi.DrainTime):
		return fmt.Errorf("%s: requests still running after %s were given up", address, httpapi.DrainTime)
	}
}

// arrived returns request as its service sees it. What the caller's context
// holds is no business of the service: of it only the end carries over.
func arrived(request *http.Request) (*http.Request, context.CancelFunc) {
	ctx, cancel := context.WithCancel(context.Background())
	stop := context.AfterFunc(request.Context(), cancel)
	r := request.WithContext(ctx)
	u := *request.URL
	u.Scheme, u.Host = "", ""
	r.URL, r.RequestURI, r.RemoteAddr, r.TLS = &u, u.RequestURI(), "inside", nil
	r.Proto, r.ProtoMajor, r.ProtoMinor = "HTTP/1.1", 1, 1
	if r.Host == "" {
		r.Host = request.URL.Host
	}
	switch {
	case r.Body == nil:
		r.Body = http.NoBody
	case r.Body != http.NoBody && r.ContentLength == 0:
		r.ContentLength = -1 // not known, to a client; to a server 0 is none
	}
	return r, func() {
		stop()
		cancel()
	}
}

func closeBody(request *http.Request) {
	if request.Body != nil {
		_ = request.Body.Close()
	}
}
