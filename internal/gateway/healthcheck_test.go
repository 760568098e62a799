// Targets that fall ill and recover.

package gateway

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"
	"time"
)

func pool(active string) string {
	return `_format_version: "3.0"
services:
  - name: a
    host: pool
    retries: 0
    routes:
      - name: a
        hosts: [character.localhost]
upstreams:
  - name: pool
    targets:
      - target: a:1
      - target: b:1
    healthchecks:
      active: ` + active + "\n"
}

func TestHealthchecks(t *testing.T) {
	var ill, refusing atomic.Bool
	service := func(name string, moody bool) http.Handler {
		return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			switch {
			case r.URL.Path == "/readyz" && moody && ill.Load():
				w.WriteHeader(http.StatusServiceUnavailable)
			case r.URL.Path == "/readyz" && !moody && refusing.Load():
				panic(http.ErrAbortHandler)
			default:
				io.WriteString(w, name)
			}
		})
	}
	active := "{http_path: /readyz, healthy: {interval: 0.02, successes: 2}, unhealthy: {interval: 0.02, http_failures: 2, tcp_failures: 2}}"
	g := start(t, parse(t, pool(active)), upstreams{"a:1": service("a", true), "b:1": service("b", false)})
	// served names those who answer, in order, or nobody.
	served := func() string {
		names := ""
		for range 4 {
			response, body := g.call(t, "GET", "/", "")
			if response.StatusCode == 200 && !strings.Contains(names, body) {
				names += body
			}
		}
		if names == "ba" {
			return "ab"
		}
		return names
	}
	waitFor := func(want string) {
		t.Helper()
		got := served()
		for end := time.Now().Add(5 * time.Second); got != want && time.Now().Before(end); got = served() {
			time.Sleep(5 * time.Millisecond)
		}
		if got != want {
			t.Fatalf("served by %q, want %q\n%s", got, want, g.log.String())
		}
	}
	waitFor("ab")
	ill.Store(true)
	waitFor("b")
	refusing.Store(true)
	waitFor("")
	response, body := g.call(t, "GET", "/", "")
	refused(t, response, body, 503, "service_unavailable", "failure to get a peer from the ring-balancer")
	if g.upstreams[0].state(g.upstreams[0].targets[0]) != "unhealthy" {
		t.Error("a sick target passes for well")
	}
	ill.Store(false)
	refusing.Store(false)
	waitFor("ab")
	if log := g.log.String(); !strings.Contains(log, "target is unhealthy") || !strings.Contains(log, "target is healthy") {
		t.Error(log)
	}
}

func TestJudge(t *testing.T) {
	config := parse(t, pool("{healthy: {interval: 1, successes: 2, http_statuses: [200]}, unhealthy: {interval: 1, http_failures: 2, tcp_failures: 1, timeouts: 0, http_statuses: [500]}}"))
	refusal := errors.New("connection refused")
	type probe struct {
		status int
		err    error
	}
	cases := []struct {
		name      string
		ill       bool
		probes    []probe
		unhealthy bool
	}{
		{"one bad status", false, []probe{{500, nil}}, false},
		{"two bad statuses", false, []probe{{500, nil}, {500, nil}}, true},
		{"two with a good one between", false, []probe{{500, nil}, {200, nil}, {500, nil}}, false},
		{"two with one that says nothing between", false, []probe{{500, nil}, {418, nil}, {500, nil}}, true},
		{"no connection", false, []probe{{0, refusal}}, true},
		{"timeouts do not count when their number is 0", false, []probe{{0, context.DeadlineExceeded}, {0, context.DeadlineExceeded}}, false},
		{"one good status", true, []probe{{200, nil}}, true},
		{"two good statuses", true, []probe{{200, nil}, {200, nil}}, false},
		{"two with a bad one between", true, []probe{{200, nil}, {500, nil}, {200, nil}}, true},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			g := &Gateway{options: withDefaults(Options{Logger: slog.New(slog.DiscardHandler)})}
			u := newUpstream(&config.Upstreams[0])
			u.targets[0].unhealthy.Store(c.ill)
			for _, p := range c.probes {
				g.judge(u, u.targets[0], p.status, p.err)
			}
			if got := u.targets[0].unhealthy.Load(); got != c.unhealthy {
				t.Errorf("unhealthy: %v", got)
			}
		})
	}
}

func TestHealthchecksOff(t *testing.T) {
	g := start(t, parse(t, pool("{}")), nil)
	if state := g.upstreams[0].state(g.upstreams[0].targets[0]); state != "healthchecks_off" {
		t.Error(state)
	}
}

func TestProbeTimesOut(t *testing.T) {
	hang := http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	g := start(t, parse(t, pool("{timeout: 0.05, healthy: {interval: 0.02}, unhealthy: {interval: 0.02, timeouts: 1}}")), upstreams{"a:1": hang, "b:1": hang})
	for end := time.Now().Add(5 * time.Second); time.Now().Before(end); time.Sleep(5 * time.Millisecond) {
		if g.upstreams[0].next() == nil {
			return
		}
	}
	t.Error("the targets pass for well")
}
