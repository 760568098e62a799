// FountainAI in this process: the five services behind the gateway, and what a
// Prometheus that reads prometheus.yml would find there.
package monitoring

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	dto "github.com/prometheus/client_model/go"
	"github.com/prometheus/common/expfmt"
	"github.com/prometheus/common/model"

	"fountain.coach/fountainai/internal/gateway"
	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/replica"
	"fountain.coach/fountainai/services/centralsequence"
	"fountain.coach/fountainai/services/character"
	"fountain.coach/fountainai/services/scriptmanagement"
	"fountain.coach/fountainai/services/sessioncontext"
	"fountain.coach/fountainai/services/storyfactory"
)

// stack maps a target of prometheus.yml, as "character:8000", to its server.
type stack map[string]*httptest.Server

const (
	kongStatus = "kong:8100"
	testKey    = "a-key-for-the-tests-of-monitoring"
)

func startStack(t *testing.T) stack {
	t.Helper()
	servers := stack{}
	for _, definition := range []httpapi.Definition{
		centralsequence.Definition(), character.Definition(), scriptmanagement.Definition(),
		sessioncontext.Definition(), storyfactory.Definition(&storyfactory.Peers{}),
	} {
		servers[definition.Name+":8000"] = startService(t, definition)
	}
	config, err := gateway.LoadConfig("../kong.yml")
	if err != nil {
		t.Fatal(err)
	}
	if err := config.AddKey("writer", testKey); err != nil {
		t.Fatal(err)
	}
	g := gateway.New(config, gateway.Options{
		DialContext: servers.dial, Logger: slog.New(slog.DiscardHandler), AccessLog: io.Discard,
	})
	t.Cleanup(func() { _ = g.Close() })
	servers.serve(t, kongStatus, g.Metrics())
	servers.serve(t, "kong:8000", g)
	servers.traffic(t)
	return servers
}

func startService(t *testing.T, definition httpapi.Definition) *httptest.Server {
	t.Helper()
	path := filepath.Join(t.TempDir(), definition.Name+".db")
	instance, err := httpapi.Open(t.Context(), definition, "file:"+path, httpapi.Options{
		Logger: slog.New(slog.DiscardHandler), Replica: replica.Settings{URL: t.TempDir()},
	})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = instance.Close() })
	server := httptest.NewServer(instance.API)
	t.Cleanup(server.Close)
	return server
}

func (s stack) serve(t *testing.T, target string, handler http.Handler) {
	s[target] = httptest.NewServer(handler)
	t.Cleanup(s[target].Close)
}

// dial connects to a target.
func (s stack) dial(ctx context.Context, network, target string) (net.Conn, error) {
	server := s[target]
	if server == nil {
		return nil, fmt.Errorf("nobody is at %s", target)
	}
	return new(net.Dialer).DialContext(ctx, network, server.Listener.Addr().String())
}

// traffic asks each service through the gateway: well, wrongly, without a key.
func (s stack) traffic(t *testing.T) {
	t.Helper()
	for target := range s {
		name, isService := strings.CutSuffix(target, ":8000")
		if !isService || name == "kong" {
			continue
		}
		for _, request := range []struct{ method, path, key string }{
			{"GET", "/readyz", testKey}, {"POST", "/readyz", testKey}, {"GET", "/", ""}, {"GET", "/openapi.json", ""},
			{"GET", listPath[name], testKey},
		} {
			r, err := http.NewRequestWithContext(t.Context(), request.method, s["kong:8000"].URL+request.path, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = name + ".localhost"
			if request.key != "" {
				r.Header.Set("X-API-Key", request.key)
			}
			response, err := http.DefaultClient.Do(r)
			if err != nil {
				t.Fatal(err)
			}
			response.Body.Close()
			if (response.StatusCode == http.StatusUnauthorized) != (request.path == "/") {
				t.Fatalf("%s: %s %s is answered with %s", name, request.method, request.path, response.Status)
			}
		}
	}
}

// listPath is an operation of each service.
var listPath = map[string]string{
	"centralsequence": "/sequence", "character": "/characters", "scriptmanagement": "/scripts",
	"sessioncontext": "/sessions", "storyfactory": "/stories",
}

// exports maps a metric to its labels, and those to the values they have.
type exports map[string]map[string]map[string]bool

func (e exports) add(metric string, labels map[string]string) {
	known := e[metric]
	if known == nil {
		known = map[string]map[string]bool{}
		e[metric] = known
	}
	for label, value := range labels {
		if known[label] == nil {
			known[label] = map[string]bool{}
		}
		known[label][value] = true
	}
}

// scrape reads what a target exports, and labels it as prometheus.yml says.
func (e exports) scrape(t *testing.T, s stack, job, target string) {
	t.Helper()
	response, err := http.Get(s[target].URL + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	parser := expfmt.NewTextParser(model.UTF8Validation)
	families, err := parser.TextToMetricFamilies(response.Body)
	if err != nil {
		t.Fatalf("%s: %v", target, err)
	}
	own := map[string]string{"job": job, "instance": target}
	if job == "fountain" {
		own["service"], _, _ = strings.Cut(target, ":")
	}
	e.add("up", own)
	for name, family := range families {
		for _, metric := range family.GetMetric() {
			labels := map[string]string{}
			for _, pair := range metric.GetLabel() {
				labels[pair.GetName()] = pair.GetValue()
			}
			for label, value := range own {
				if given, found := labels[label]; found && given != value && job == "fountain" {
					t.Errorf("%s of %s says %s=%s", name, target, label, given)
				}
				labels[label] = value
			}
			for _, series := range seriesOf(name, family) {
				e.add(series, labels)
			}
			if family.GetType() == dto.MetricType_HISTOGRAM {
				e.add(name+"_bucket", map[string]string{"le": ""})
			}
		}
	}
}

func seriesOf(name string, family *dto.MetricFamily) []string {
	switch family.GetType() {
	case dto.MetricType_HISTOGRAM:
		return []string{name + "_bucket", name + "_sum", name + "_count"}
	case dto.MetricType_SUMMARY:
		return []string{name, name + "_sum", name + "_count"}
	}
	return []string{name}
}
