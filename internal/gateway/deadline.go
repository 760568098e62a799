// Timeouts as Kong means them: read_timeout and write_timeout bound the wait
// for the service between two steps, not the whole of a long transfer.

package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"os"
	"sync/atomic"
	"time"
)

var (
	errUpstreamTimeout = errors.New("the service is too slow")
	errBodyTooLarge    = errors.New("the request body is too large")
	errBodySpoilt      = errors.New("the request body did not arrive whole")
)

// deadline runs while the gateway waits for a service, and only then: a client
// that is slow to send or to read is the business of the http.Server.
type deadline struct {
	timer    *time.Timer
	expired  atomic.Bool
	answered atomic.Bool // the answer has begun, so the request body is done with
}

func (d *deadline) start(cancel context.CancelCauseFunc) {
	d.timer = time.AfterFunc(time.Hour, func() {
		d.expired.Store(true)
		cancel(errUpstreamTimeout)
	})
	d.timer.Stop()
}

func (d *deadline) arm(timeout time.Duration) { d.timer.Reset(timeout) }

func (d *deadline) pause() { d.timer.Stop() }

// requestBody is the body of a request on its way to the service.
type requestBody struct {
	io.ReadCloser
	exchange *exchange
	length   int64 // -1: unknown
	limit    int64 // 0: none
	read     atomic.Int64
	tooLarge atomic.Bool
	broken   atomic.Bool
	slow     atomic.Bool
	ended    atomic.Bool
	closed   atomic.Bool
}

// isSpoilt reports whether the body did not reach the service whole. There may be
// none.
func (b *requestBody) isSpoilt() bool {
	return b != nil && (b.tooLarge.Load() || b.broken.Load())
}

// Close keeps the transport from reading on. The body itself stays open for
// what the client still sends (linger); the http.Server closes it.
func (b *requestBody) Close() error {
	b.closed.Store(true)
	return nil
}

func (b *requestBody) Read(p []byte) (int, error) {
	if b.closed.Load() {
		return 0, http.ErrBodyReadAfterClose
	}
	if b.length >= 0 && b.read.Load() >= b.length {
		// The transport looks for bytes behind the last one. By then the
		// answer may have begun, for which the http.Server has closed the
		// body it reads from: that would pass for a failed request.
		b.ended.Store(true)
		return 0, io.EOF
	}
	deadline, service := &b.exchange.deadline, b.exchange.route.service
	if !deadline.answered.Load() {
		deadline.pause()
	}
	n, err := b.ReadCloser.Read(p)
	if b.read.Add(int64(n)) > b.limit && b.limit > 0 {
		b.tooLarge.Store(true)
		return 0, errBodyTooLarge
	}
	b.ended.Store(err == io.EOF)
	switch {
	case err != nil && err != io.EOF:
		b.slow.Store(errors.Is(err, os.ErrDeadlineExceeded))
		b.broken.Store(true)
	case deadline.answered.Load():
	case err == io.EOF:
		deadline.arm(service.readTimeout)
	default:
		deadline.arm(service.writeTimeout)
	}
	return n, err
}

// heldBody keeps the body open over a failed attempt to connect, for the next.
type heldBody struct{ io.Reader }

func (heldBody) Close() error { return nil }

// responseBody is the body of an answer on its way to the client.
type responseBody struct {
	io.ReadCloser
	exchange *exchange
}

func (b *responseBody) Read(p []byte) (int, error) {
	b.exchange.deadline.arm(b.exchange.route.service.readTimeout)
	n, err := b.ReadCloser.Read(p)
	b.exchange.deadline.pause()
	return n, err
}
