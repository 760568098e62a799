// The plugins that tell what happened: correlation-id, file-log and prometheus.

package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"testing"
)

var uuidPattern = regexp.MustCompile(`^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$`)

func TestCorrelationID(t *testing.T) {
	service := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("X-Request-Id", "the service's own")
		echo.ServeHTTP(w, r)
	})
	g := start(t, load(t), upstreams{"character:8000": service})
	cases := []struct {
		name, sent string
		kept       bool
	}{
		{"none", "", false},
		{"a word", "order-66", true},
		{"every character allowed", "aZ09-._:/+=@#", true},
		{"as long as allowed", strings.Repeat("x", 128), true},
		{"too long", strings.Repeat("x", 129), false},
		{"a space", "a b", false},
		{"markup", "<script>", false},
		{"a quote", `a"b`, false},
		{"another script", "идентификатор", false},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			response, body := g.call(t, "GET", "/", "", "X-API-Key", readerKey, "X-Request-Id", c.sent)
			ids := response.Header["X-Request-Id"]
			if len(ids) != 1 || (ids[0] == c.sent) != c.kept || (!c.kept && !uuidPattern.MatchString(ids[0])) {
				t.Fatalf("the answer has ids %v", ids)
			}
			if sent := decodeEcho(t, body).Header["X-Request-Id"]; len(sent) != 1 || sent[0] != ids[0] {
				t.Errorf("the service got %v", sent)
			}
			if !strings.Contains(g.access.String(), `"correlation_id":"`+ids[0]+`"`) {
				t.Error("the log does not have it")
			}
		})
	}
	// Two ids are one too many; the first stands.
	response, body := g.call(t, "GET", "/", "", "X-API-Key", readerKey, "X-Request-Id", "one", "X-Request-Id", "two")
	if response.Header.Get("X-Request-Id") != "one" || len(decodeEcho(t, body).Header["X-Request-Id"]) != 1 {
		t.Error(body)
	}
	// A refusal carries it as well, in the body too.
	response, body = g.call(t, "GET", "/", "", "X-Request-Id", "order-66")
	if response.Header.Get("X-Request-Id") != "order-66" || !strings.Contains(body, `"requestId":"order-66"`) {
		t.Error(body)
	}
}

func TestCorrelationIDOptions(t *testing.T) {
	text := strings.NewReplacer("generator: uuid", `generator: "uuid#counter"`, "echo_downstream: true", "echo_downstream: false").Replace(readCommitted(t))
	g := start(t, parse(t, text), upstreams{"character:8000": echo})
	pattern := regexp.MustCompile(`^[0-9a-f-]{36}#(\d+)$`)
	for _, number := range []string{"1", "2"} {
		response, body := g.call(t, "GET", "/docs", "")
		if response.Header.Get("X-Request-Id") != "" {
			t.Error("echoed")
		}
		if found := pattern.FindStringSubmatch(decodeEcho(t, body).Header.Get("X-Request-Id")); len(found) != 2 || found[1] != number {
			t.Errorf("%v", found)
		}
	}
}

func TestAccessLog(t *testing.T) {
	g := start(t, load(t), upstreams{"character:8000": count})
	secret := "s3cret-in-a-wrong-place"
	g.call(t, "POST", "/characters?apikey="+secret, "abc", "X-API-Key", writerKey, "X-Request-Id", "one")
	g.call(t, "GET", "/docs?key="+secret, "", "X-API-Key", secret, "Authorization", "Bearer "+secret, "Cookie", secret)
	g.call(t, "GET", "/characters", "", "X-API-Key", secret)
	g.call(t, "GET", "/x", "", "Host", "nobody.localhost")
	log := g.access.String()
	if strings.Contains(log, secret) || strings.Contains(log, writerKey) {
		t.Errorf("a secret is in the log: %s", log)
	}
	lines := strings.Split(strings.TrimSuffix(log, "\n"), "\n")
	if len(lines) != 4 {
		t.Fatalf("%d lines: %s", len(lines), log)
	}
	var first, last logLine
	for i, line := range []*logLine{&first, &last} {
		if err := json.Unmarshal([]byte(lines[3*i]), line); err != nil {
			t.Fatal(err)
		}
	}
	if first.Service.Name != "character" || first.Route.Name != "character-write" || first.Consumer.Username != "writer" ||
		first.Request.Method != "POST" || first.Request.URI != "/characters" || first.Request.Size < 3 ||
		first.Response.Status != 200 || first.Response.Size != 1 || first.Source != "upstream" || first.UpstreamStatus != "200" ||
		first.Tries != 1 || first.CorrelationID != "one" || first.ClientIP != "127.0.0.1" || first.StartedAt == 0 {
		t.Errorf("%+v", first)
	}
	if last.Service != nil || last.Route != nil || last.Consumer != nil || last.Source != "exit" || last.Response.Status != 404 || last.Latencies.Proxy != -1 {
		t.Errorf("%+v", last)
	}
}

func TestMetrics(t *testing.T) {
	g := start(t, load(t), upstreams{"character:8000": count})
	g.call(t, "POST", "/characters", "abc", "X-API-Key", writerKey)
	g.call(t, "GET", "/characters", "")
	g.call(t, "GET", "/", "", "Host", "nobody.localhost")
	g.call(t, "GET", "/", "", "X-API-Key", readerKey, "Host", "storyfactory.localhost")
	recorder := httptest.NewRecorder()
	g.Metrics().ServeHTTP(recorder, httptest.NewRequest("GET", "/metrics", nil))
	page, _ := io.ReadAll(recorder.Body)
	for _, want := range []string{
		`kong_http_requests_total{code="200",consumer="writer",route="character-write",service="character",source="service"} 1`,
		`kong_http_requests_total{code="401",consumer="",route="character",service="character",source="kong"} 1`,
		`kong_http_requests_total{code="502",consumer="reader",route="storyfactory",service="storyfactory",source="kong"} 1`,
		`kong_bandwidth_bytes{consumer="writer",direction="egress",route="character-write",service="character"} 1`,
		`kong_bandwidth_bytes{consumer="writer",direction="ingress",route="character-write",service="character"}`,
		`kong_kong_latency_ms_count{route="character",service="character"} 1`,
		`kong_upstream_latency_ms_count{route="character-write",service="character"} 1`,
		`kong_request_latency_ms_bucket{route="character-write",service="character",le="60000"} 1`,
		`kong_upstream_target_health{address="character:8000",state="healthy",subsystem="http",target="character:8000",upstream="character.upstream"} 1`,
		`kong_upstream_target_health{address="character:8000",state="unhealthy",subsystem="http",target="character:8000",upstream="character.upstream"} 0`,
	} {
		if !strings.Contains(string(page), want) {
			t.Errorf("no %s in\n%s", want, page)
		}
	}
	if strings.Contains(string(page), "nobody") {
		t.Error("a request without a route was counted")
	}
}
