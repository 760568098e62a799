// The plugin prometheus: Kong's metrics of services, routes and consumers.

package gateway

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

func (s *prometheusSettings) install(chain *chain, g *Gateway) {
	chain.prometheus = s
	if s.UpstreamHealthMetrics {
		g.metrics.exportHealth()
	}
}

// Kong's buckets, in milliseconds.
var (
	kongLatencyBuckets     = []float64{1, 2, 5, 7, 10, 15, 20, 30, 50, 75, 100, 200, 500, 750, 1000, 3000, 6000}
	upstreamLatencyBuckets = []float64{25, 50, 80, 100, 250, 400, 700, 1000, 2000, 5000, 10000, 30000, 60000}
)

type metrics struct {
	gateway         *Gateway
	registry        *prometheus.Registry
	requests        *prometheus.CounterVec
	bandwidth       *prometheus.CounterVec
	kongLatency     *prometheus.HistogramVec
	upstreamLatency *prometheus.HistogramVec
	requestLatency  *prometheus.HistogramVec
	health          *healthCollector
}

func newMetrics(g *Gateway) *metrics {
	m := &metrics{
		gateway:  g,
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kong_http_requests_total",
			Help: "Requests by service, route, status, where the answer came from, and consumer.",
		}, []string{"service", "route", "code", "source", "consumer"}),
		bandwidth: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "kong_bandwidth_bytes",
			Help: "Bytes received (ingress) and sent (egress).",
		}, []string{"service", "route", "direction", "consumer"}),
		kongLatency:     newLatency("kong_kong_latency_ms", "Time the gateway and its plugins took.", kongLatencyBuckets),
		upstreamLatency: newLatency("kong_upstream_latency_ms", "Time the service took to begin its answer.", upstreamLatencyBuckets),
		requestLatency:  newLatency("kong_request_latency_ms", "Time the whole request took.", upstreamLatencyBuckets),
	}
	m.registry.MustRegister(m.requests, m.bandwidth, m.kongLatency, m.upstreamLatency, m.requestLatency)
	return m
}

func newLatency(name, help string, buckets []float64) *prometheus.HistogramVec {
	return prometheus.NewHistogramVec(
		prometheus.HistogramOpts{Name: name, Help: help, Buckets: buckets},
		[]string{"service", "route"},
	)
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

// observe counts a request that is done.
func (m *metrics) observe(x *exchange) {
	settings := x.chain.prometheus
	service, route, name := x.route.service.name, x.route.name, ""
	if settings.PerConsumer && x.consumer != nil {
		name = x.consumer.username
	}
	if settings.StatusCodeMetrics {
		source := "kong"
		if x.source == sourceUpstream {
			source = "service"
		}
		m.requests.WithLabelValues(service, route, strconv.Itoa(x.status), source, name).Inc()
	}
	if settings.BandwidthMetrics {
		m.bandwidth.WithLabelValues(service, route, "ingress", name).Add(float64(x.requestSize()))
		m.bandwidth.WithLabelValues(service, route, "egress", name).Add(float64(x.written))
	}
	if settings.LatencyMetrics {
		m.requestLatency.WithLabelValues(service, route).Observe(inMilliseconds(x.elapsed))
		m.kongLatency.WithLabelValues(service, route).Observe(inMilliseconds(x.ownLatency()))
		if x.tries > 0 {
			m.upstreamLatency.WithLabelValues(service, route).Observe(inMilliseconds(x.upstreamLatency))
		}
	}
}

// ownLatency is the time spent in the gateway before the service was asked, or
// the whole time when it was not.
func (x *exchange) ownLatency() time.Duration {
	if x.tries > 0 {
		return x.sent
	}
	return x.elapsed
}

func inMilliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }

// exportHealth adds the health of the targets to the metrics, once.
func (m *metrics) exportHealth() {
	if m.health == nil {
		m.health = &healthCollector{gateway: m.gateway}
		m.registry.MustRegister(m.health)
	}
}

// healthCollector reports the state of each target at the moment of the scrape.
type healthCollector struct{ gateway *Gateway }

var targetHealth = prometheus.NewDesc("kong_upstream_target_health",
	"State of each target of an upstream: 1 for the state it is in.",
	[]string{"upstream", "target", "address", "state", "subsystem"}, nil)

// Describe implements prometheus.Collector.
func (c *healthCollector) Describe(descriptions chan<- *prometheus.Desc) {
	descriptions <- targetHealth
}

// Collect implements prometheus.Collector.
func (c *healthCollector) Collect(samples chan<- prometheus.Metric) {
	for _, upstream := range c.gateway.upstreams {
		for _, target := range upstream.targets {
			state := upstream.state(target)
			for _, possible := range []string{"healthchecks_off", "healthy", "unhealthy", "dns_error"} {
				value := 0.0
				if possible == state {
					value = 1
				}
				samples <- prometheus.MustNewConstMetric(targetHealth, prometheus.GaugeValue, value,
					upstream.name, target.address, target.address, possible, "http")
			}
		}
	}
}
