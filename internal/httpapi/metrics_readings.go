// Metrics that are read at the moment of the scrape.
package httpapi

import "github.com/prometheus/client_golang/prometheus"

// readings is a collector of metrics that are all read from one S.
type readings[S any] struct {
	read   func() S
	labels prometheus.Labels
	values []reading[S]
}

type reading[S any] struct {
	description *prometheus.Desc
	kind        prometheus.ValueType
	of          func(S) float64
}

func newReadings[S any](read func() S, labels prometheus.Labels) *readings[S] {
	return &readings[S]{read: read, labels: labels}
}

// add adds a metric.
func (r *readings[S]) add(kind prometheus.ValueType, name, help string, of func(S) float64) {
	r.values = append(r.values, reading[S]{prometheus.NewDesc(name, help, nil, r.labels), kind, of})
}

// Describe implements prometheus.Collector.
func (r *readings[S]) Describe(descriptions chan<- *prometheus.Desc) {
	for _, value := range r.values {
		descriptions <- value.description
	}
}

// Collect implements prometheus.Collector.
func (r *readings[S]) Collect(samples chan<- prometheus.Metric) {
	state := r.read()
	for _, value := range r.values {
		samples <- prometheus.MustNewConstMetric(value.description, value.kind, value.of(state))
	}
}
