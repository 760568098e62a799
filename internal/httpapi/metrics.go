// What Prometheus learns of a service.
package httpapi

import (
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"fountain.coach/fountainai/internal/storage"
)

type metrics struct {
	registry *prometheus.Registry
	requests *prometheus.CounterVec
	duration *prometheus.HistogramVec
}

func newMetrics(service string, db *storage.DB) *metrics {
	labels := prometheus.Labels{"service": service}
	m := &metrics{
		registry: prometheus.NewRegistry(),
		requests: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "fountain_http_requests_total", Help: "Requests answered.", ConstLabels: labels,
		}, []string{"operation", "status"}),
		duration: prometheus.NewHistogramVec(prometheus.HistogramOpts{
			Name: "fountain_http_request_duration_seconds", Help: "Time from request to answer.", ConstLabels: labels,
			Buckets: []float64{.0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}, []string{"operation"}),
	}
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "fountain_build_info", Help: "1, labelled with the version.",
		ConstLabels: prometheus.Labels{"service": service, "version": Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.duration, build, newDatabaseReadings(db, labels),
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	db.Observe(newCommitMetrics(m.registry, labels).observe)
	return m
}

// observe counts a request. Both labels come from this program, never from the
// request, so their number is bounded.
func (m *metrics) observe(o *observation, took time.Duration) {
	name := o.operation.name()
	m.requests.WithLabelValues(name, strconv.Itoa(o.status)).Inc()
	m.duration.WithLabelValues(name).Observe(took.Seconds())
}
