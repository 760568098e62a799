// Around every request: an id, a log line, metrics, and a net under panics.
package httpapi

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/storage"
)

const requestIDHeader = "X-Request-Id"

// observation is a response writer that remembers what was answered.
type observation struct {
	http.ResponseWriter
	operation string
	status    int
	written   int64
}

// observed finds the observation of a request. Buffered answers, as those of
// replayed requests, have none; they get one nobody reads.
func observed(w http.ResponseWriter) *observation {
	if o, ok := w.(*observation); ok {
		return o
	}
	return &observation{ResponseWriter: w}
}

func (o *observation) WriteHeader(status int) {
	if o.status == 0 {
		o.status = status
	}
	o.ResponseWriter.WriteHeader(status)
}

func (o *observation) Write(content []byte) (int, error) {
	if o.status == 0 {
		o.status = http.StatusOK
	}
	n, err := o.ResponseWriter.Write(content)
	o.written += int64(n)
	return n, err
}

// Unwrap lets http.ResponseController reach the connection.
func (o *observation) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func (a *API) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := requestID(r)
		w.Header().Set(requestIDHeader, id)
		o := &observation{ResponseWriter: w}
		defer func() {
			if cause := recover(); cause != nil {
				a.recovered(o, r, cause)
			}
			a.metrics.observe(o, time.Since(start))
			a.logRequest(o, r, id, time.Since(start))
		}()
		next.ServeHTTP(o, r)
	})
}

// recovered answers a request whose handler panicked, if it can still be
// answered. http.ErrAbortHandler keeps its meaning: the client is gone.
func (a *API) recovered(o *observation, r *http.Request, cause any) {
	if cause == http.ErrAbortHandler {
		panic(cause)
	}
	a.logger.Error("panic", "cause", fmt.Sprint(cause), "stack", string(debug.Stack()),
		"request_id", o.Header().Get(requestIDHeader))
	if o.status == 0 {
		problem.Write(o, r, asProblem(fmt.Errorf("panic: %v", cause)))
	}
}

// requestID returns the id the gateway gave the request, or a new one. An id
// that is not short plain text is not taken over into logs and headers.
func requestID(r *http.Request) string {
	id := r.Header.Get(requestIDHeader)
	if id != "" && len(id) <= 128 && isPlain(id) {
		return id
	}
	var raw [16]byte
	rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}

func isPlain(text string) bool {
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

func (a *API) logRequest(o *observation, r *http.Request, id string, took time.Duration) {
	level := slog.LevelInfo
	if o.operation == "" && o.status < http.StatusBadRequest {
		level = slog.LevelDebug // probes and scrapes would drown the rest
	}
	if !a.logger.Enabled(r.Context(), level) {
		return
	}
	a.logger.LogAttrs(r.Context(), level, "request",
		slog.String("method", r.Method), slog.String("path", r.URL.EscapedPath()),
		slog.String("operation", o.operation), slog.Int("status", o.status),
		slog.Int64("bytes", o.written), slog.Duration("duration", took),
		slog.String("request_id", id), slog.String("consumer", r.Header.Get("X-Consumer-Username")))
}

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
	size := prometheus.NewGaugeFunc(prometheus.GaugeOpts{
		Name: "fountain_database_size_bytes", Help: "Bytes on disk of the database and its write-ahead log.", ConstLabels: labels,
	}, func() float64 { return float64(db.Size()) })
	build := prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "fountain_build_info", Help: "1, labelled with the version.",
		ConstLabels: prometheus.Labels{"service": service, "version": Version()},
	})
	build.Set(1)
	m.registry.MustRegister(m.requests, m.duration, size, build,
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

// observe counts a request. Those that match no operation share one label, so
// that a scanner cannot fill the memory with label values.
func (m *metrics) observe(o *observation, took time.Duration) {
	operation := o.operation
	if operation == "" {
		operation = "none"
	}
	m.requests.WithLabelValues(operation, strconv.Itoa(o.status)).Inc()
	m.duration.WithLabelValues(operation).Observe(took.Seconds())
}
