package orchestrator

import (
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// metrics of a Server, in a registry of its own.
type metrics struct {
	registry  *prometheus.Registry
	questions *prometheus.CounterVec
	seconds   prometheus.Histogram
	calls     *prometheus.CounterVec
}

func newMetrics() *metrics {
	m := &metrics{
		registry:  prometheus.NewRegistry(),
		questions: prometheus.NewCounterVec(prometheus.CounterOpts{Name: "fountain_orchestrator_questions_total", Help: "Questions by how they ended."}, []string{"outcome"}),
		seconds:   prometheus.NewHistogram(prometheus.HistogramOpts{Name: "fountain_orchestrator_question_seconds", Help: "Time to answer a question.", Buckets: []float64{.5, 1, 2, 5, 10, 30, 60, 120, 300, 900}}),
		calls:     prometheus.NewCounterVec(prometheus.CounterOpts{Name: "fountain_orchestrator_calls_total", Help: "Calls of models, by service and status; 0 is no answer."}, []string{"service", "status"}),
	}
	m.registry.MustRegister(m.questions, m.seconds, m.calls, collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func (m *metrics) handler() http.Handler {
	return promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{})
}

func (m *metrics) question(err error, took time.Duration) {
	outcome := "answered"
	if err != nil {
		outcome = "failed"
	}
	m.questions.WithLabelValues(outcome).Inc()
	m.seconds.Observe(took.Seconds())
}

func (m *metrics) call(tool *Tool, outcome Outcome) {
	m.calls.WithLabelValues(tool.Service, strconv.Itoa(outcome.Status)).Inc()
}
