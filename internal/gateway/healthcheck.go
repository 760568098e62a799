// Active health checks: asking every target, again and again, whether it is well.

package gateway

import (
	"context"
	"errors"
	"io"
	"net/http"
	"slices"
	"time"
)

// probeTally counts the outcomes of probes since the last of the other kind.
// Only the goroutine that watches the target touches it.
type probeTally struct {
	successes, httpFailures, tcpFailures, timeouts int
}

// startHealthchecks begins to watch the targets. All count as healthy until
// they prove otherwise, so that a start needs no waiting.
func (g *Gateway) startHealthchecks() {
	ctx, cancel := context.WithCancel(context.Background())
	g.stop = cancel
	for _, u := range g.upstreams {
		client := g.newTransport(longestTimeout)
		for _, t := range u.targets {
			g.stopped.Go(func() {
				defer closeIdle(client)
				g.watch(ctx, u, t, client)
			})
		}
	}
}

// watch probes a target until ctx ends. A state with interval 0 is not probed,
// and with nobody to ask it cannot change either.
func (g *Gateway) watch(ctx context.Context, u *upstream, t *target, client http.RoundTripper) {
	for {
		interval := u.active.Healthy.Interval
		if t.unhealthy.Load() {
			interval = u.active.Unhealthy.Interval
		}
		if interval == 0 {
			return
		}
		select {
		case <-ctx.Done():
			return
		case <-time.After(time.Duration(interval * float64(time.Second))):
		}
		select {
		case <-ctx.Done():
			return
		case u.probes <- struct{}{}:
		}
		status, err := u.probe(ctx, t, client)
		<-u.probes
		if ctx.Err() == nil {
			g.judge(u, t, status, err)
		}
	}
}

// probe asks the target how it is.
func (u *upstream) probe(ctx context.Context, t *target, client http.RoundTripper) (int, error) {
	ctx, cancel := context.WithTimeout(ctx, time.Duration(u.active.Timeout*float64(time.Second)))
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+t.address+u.active.HTTPPath, nil)
	if err != nil {
		return 0, err
	}
	response, err := client.RoundTrip(request)
	if err != nil {
		return 0, err
	}
	defer response.Body.Close()
	_, err = io.CopyN(io.Discard, response.Body, 64<<10)
	if err != nil && !errors.Is(err, io.EOF) {
		return 0, err
	}
	return response.StatusCode, nil
}

// judge counts the outcome of a probe and changes the state of the target when
// there were enough of a kind.
func (g *Gateway) judge(u *upstream, t *target, status int, err error) {
	healthy, unhealthy := u.active.Healthy, u.active.Unhealthy
	reached := func(count *int, needed int) bool {
		*count++
		return needed > 0 && *count >= needed
	}
	failed := false
	switch {
	case err == nil && slices.Contains(healthy.HTTPStatuses, status):
		t.tally = probeTally{successes: t.tally.successes}
		if reached(&t.tally.successes, healthy.Successes) && t.unhealthy.Swap(false) {
			g.options.Logger.Info("target is healthy", "upstream", u.name, "target", t.address)
		}
		return
	case err == nil && slices.Contains(unhealthy.HTTPStatuses, status):
		failed = reached(&t.tally.httpFailures, unhealthy.HTTPFailures)
	case err == nil:
		return // a status in neither list says nothing
	case errors.Is(err, context.DeadlineExceeded):
		failed = reached(&t.tally.timeouts, unhealthy.Timeouts)
	default:
		failed = reached(&t.tally.tcpFailures, unhealthy.TCPFailures)
	}
	t.tally.successes = 0
	if failed && !t.unhealthy.Swap(true) {
		g.options.Logger.Warn("target is unhealthy", "upstream", u.name, "target", t.address, "status", status, "error", err)
	}
}

// state names the health of a target as Kong's metrics do.
func (u *upstream) state(t *target) string {
	switch {
	case u.active.Healthy.Interval == 0 && u.active.Unhealthy.Interval == 0:
		return "healthchecks_off"
	case t.unhealthy.Load():
		return "unhealthy"
	}
	return "healthy"
}
