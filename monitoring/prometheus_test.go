// A real Prometheus reads prometheus.yml, scrapes the stack, and answers what
// the dashboards ask.
package monitoring

import (
	"context"
	"encoding/json"
	"fmt"
	"net"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.yaml.in/yaml/v3"
)

// proxy leads requests for a target, as http://character:8000, to its server.
func (s stack) proxy(t *testing.T) string {
	t.Helper()
	server := httptest.NewServer(&httputil.ReverseProxy{
		Rewrite:   func(r *httputil.ProxyRequest) { r.SetURL(&url.URL{Scheme: "http", Host: r.In.Host}) },
		Transport: &http.Transport{DialContext: s.dial},
	})
	t.Cleanup(server.Close)
	return server.URL
}

// testConfig is prometheus.yml, faster and through the proxy. There is no DNS
// here to find the gateway.
func testConfig(t *testing.T, proxy string) []byte {
	t.Helper()
	var config map[string]any
	decodeYAML(t, "prometheus.yml", &config)
	config["global"] = map[string]any{"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"}
	for _, entry := range config["scrape_configs"].([]any) {
		scrape := entry.(map[string]any)
		scrape["proxy_url"] = proxy
		if scrape["job_name"] == "kong" {
			delete(scrape, "dns_sd_configs")
			scrape["static_configs"] = []any{map[string]any{"targets": []string{kongStatus}}}
		}
	}
	content, err := yaml.Marshal(config)
	if err != nil {
		t.Fatal(err)
	}
	return content
}

// startPrometheus returns its address.
func startPrometheus(t *testing.T, config []byte) string {
	t.Helper()
	path, err := exec.LookPath("prometheus")
	if err != nil {
		t.Skip("prometheus is not installed; it is in Debian's package of that name: apt-get install prometheus")
	}
	folder := t.TempDir()
	if err := os.CopyFS(filepath.Join(folder, "rules"), os.DirFS("rules")); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "prometheus.yml"), config, 0o600); err != nil {
		t.Fatal(err)
	}
	address := freeAddress(t)
	log := &strings.Builder{}
	command := exec.CommandContext(t.Context(), path, "--config.file="+filepath.Join(folder, "prometheus.yml"),
		"--storage.tsdb.path="+filepath.Join(folder, "data"), "--web.listen-address="+address)
	command.Stdout, command.Stderr = log, log
	command.Cancel = func() error { return command.Process.Signal(os.Interrupt) }
	command.WaitDelay = 10 * time.Second
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Wait() // the end of the test's context has told it to stop
		if t.Failed() {
			t.Log(log)
		}
	})
	return address
}

func freeAddress(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return listener.Addr().String()
}

type sampleVector []struct{ Metric map[string]string }

func ask(ctx context.Context, address, expr string) (sampleVector, error) {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+address+"/api/v1/query?query="+url.QueryEscape(expr), nil)
	if err != nil {
		return nil, err
	}
	response, err := http.DefaultClient.Do(r)
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	var answer struct {
		Error string
		Data  struct{ Result sampleVector }
	}
	if err := json.NewDecoder(response.Body).Decode(&answer); err != nil {
		return nil, err
	}
	if answer.Error != "" {
		return nil, fmt.Errorf("%s: %s", expr, answer.Error)
	}
	return answer.Data.Result, nil
}

// awaitSamples asks until there is an answer.
func awaitSamples(t *testing.T, address, expr string, want int) {
	t.Helper()
	var got sampleVector
	var err error
	for deadline := time.Now().Add(30 * time.Second); time.Now().Before(deadline); time.Sleep(200 * time.Millisecond) {
		if got, err = ask(t.Context(), address, expr); err == nil && len(got) >= want {
			return
		}
	}
	t.Errorf("%s: got %v, %v; want %d series", expr, got, err, want)
}

func TestPrometheusAnswersDashboards(t *testing.T) {
	servers := startStack(t)
	address := startPrometheus(t, testConfig(t, servers.proxy(t)))
	awaitSamples(t, address, `up{job="fountain",service!=""} == 1`, 5)
	awaitSamples(t, address, `up{job="kong"} == 1`, 1)
	servers.traffic(t) // a rate needs an increase
	awaitSamples(t, address, `rate(fountain_http_requests_total{operation!="none"}[5m]) > 0`, 5)
	awaitSamples(t, address, `rate(kong_http_requests_total{code="401"}[5m]) > 0`, 5)
	for place, expr := range expressions(t) {
		// What is shown only in trouble has no answer now.
		if strings.Contains(expr, ">") || strings.Contains(expr, "ALERTS") || strings.Contains(expr, "429") ||
			strings.HasPrefix(place, "rule Fountain") {
			if _, err := ask(t.Context(), address, expr); err != nil {
				t.Errorf("%s: %v", place, err)
			}
			continue
		}
		t.Run(place, func(t *testing.T) { awaitSamples(t, address, expr, 1) })
	}
	firing, err := ask(t.Context(), address, `ALERTS{alertstate="firing"}`)
	if err != nil || len(firing) > 0 {
		t.Errorf("alerts fire though all is well: %v, %v", firing, err)
	}
}
