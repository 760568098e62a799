// The one service of kong.yml that not every deployment has.

package gateway

import (
	"context"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"reflect"
	"slices"
	"strings"
	"testing"
)

const orchestratorHost = "orchestrator.localhost"

func TestCommittedOrchestrator(t *testing.T) {
	services := load(t).Services
	service := services[len(services)-1]
	if want := []string{"orchestrator.fountain.coach", orchestratorHost}; !reflect.DeepEqual(service.Hosts(), want) {
		t.Errorf("its hosts are %v", service.Hosts())
	}
	if service.Host != "orchestrator" || service.Port != 8000 || len(service.Routes) != 1 || len(service.Plugins) != 0 {
		t.Fatalf("it is %+v", service)
	}
	// A question may take 15 minutes, and is silent for as long unless it is streamed.
	if service.ReadTimeout <= 15*60*1000 {
		t.Errorf("it has %d ms to answer", service.ReadTimeout)
	}
	route := service.Routes[0]
	var plugins []string
	for _, plugin := range route.Plugins {
		plugins = append(plugins, plugin.Name)
	}
	if !slices.Equal(plugins, []string{"rate-limiting", "request-size-limiting"}) {
		t.Errorf("its plugins are %v", plugins)
	}
	if route.ResponseBuffering || !route.PreserveHost || route.StripPath || len(route.Paths)+len(route.Methods) != 0 {
		t.Errorf("its route is %+v", route)
	}
}

// The orchestrator asks for keys itself, so it must be given them.
func TestOrchestratorIsGivenTheKey(t *testing.T) {
	g := start(t, load(t), upstreams{"orchestrator:8000": http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = io.WriteString(w, r.Method+" "+r.URL.Path+" "+r.Header.Get("X-API-Key"))
	})})
	for _, test := range []struct{ method, path, key string }{
		{"GET", "/", ""}, {"POST", "/login", ""}, {"GET", "/assets/page.css", ""}, {"POST", "/v1/ask", writerKey},
		{"POST", "/v1/ask", "a-key-that-the-gateway-does-not-know"}, {"DELETE", "/scripts/1", readerKey},
	} {
		response, body := g.call(t, test.method, test.path, "", "Host", orchestratorHost, "X-API-Key", test.key)
		if want := test.method + " " + test.path + " " + test.key; response.StatusCode != 200 || body != want {
			t.Errorf("%s %s: %s %q, want %q", test.method, test.path, response.Status, body, want)
		}
		if id := response.Header.Get("X-Request-Id"); id == "" {
			t.Errorf("%s %s has no id", test.method, test.path)
		}
	}
	response, body := g.call(t, "POST", "/v1/ask", strings.Repeat("x", 320<<10+1), "Host", orchestratorHost)
	refused(t, response, body, 413, "body_too_large", "Request size limit exceeded")
}

func TestOrchestratorIsLimitedByAddress(t *testing.T) {
	g := start(t, limitedTo(t, "minute: 6000", "minute: 2"), upstreams{"orchestrator:8000": echo, "character:8000": echo})
	for _, want := range []int{200, 200, 429} {
		if response, _ := g.call(t, "GET", "/", "", "Host", orchestratorHost); response.StatusCode != want {
			t.Errorf("%s, want %d", response.Status, want)
		}
	}
	if response, _ := g.call(t, "GET", "/characters", "", "X-API-Key", readerKey); response.StatusCode != 200 {
		t.Errorf("the services suffer from it: %s", response.Status)
	}
}

// Where it does not run, its host says so, and nothing else is the worse for it.
func TestWithoutOrchestratorOnlyItsHostIsMissing(t *testing.T) {
	known := dialer(t, upstreams{"character:8000": echo})
	g := &testGateway{clock: newClock()}
	g.Gateway = New(load(t), Options{AccessLog: io.Discard, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		if address == "orchestrator:8000" {
			return nil, &net.DNSError{Err: "no such host", Name: "orchestrator", IsNotFound: true}
		}
		return known(ctx, network, address)
	}})
	g.server = httptest.NewServer(g)
	t.Cleanup(func() {
		g.server.Close()
		g.Close()
	})
	response, body := g.call(t, "GET", "/", "", "Host", orchestratorHost)
	refused(t, response, body, 503, "service_unavailable", "name resolution failed")
	if response, _ := g.call(t, "GET", "/characters", "", "X-API-Key", readerKey); response.StatusCode != 200 {
		t.Errorf("a service: %s", response.Status)
	}
	for _, upstream := range g.upstreams {
		if strings.Contains(upstream.name, "orchestrator") {
			t.Error("the health checks would take its absence for a fault")
		}
	}
}
