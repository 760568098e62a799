// What Prometheus learns of a service's database.
package httpapi

import (
	"github.com/prometheus/client_golang/prometheus"

	"fountain.coach/fountainai/internal/storage"
)

// commitMetrics count the writer's work as it is done.
type commitMetrics struct {
	duration prometheus.Histogram
	writes   prometheus.Histogram
	outcomes []prometheus.Counter
}

func newCommitMetrics(registry *prometheus.Registry, labels prometheus.Labels) *commitMetrics {
	total := prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "fountain_storage_writes_total", ConstLabels: labels,
		Help: "Writes by outcome: committed, refused (an error of the request's own), cancelled (the client gave up), full (no room on the disk), failed.",
	}, []string{"outcome"})
	m := &commitMetrics{
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "fountain_storage_commit_duration_seconds", Help: "Time from BEGIN until a group of writes was on disk.", ConstLabels: labels,
			Buckets: []float64{.0001, .00025, .0005, .001, .0025, .005, .01, .025, .05, .1, .25, .5, 1, 2.5, 5, 10},
		}),
		writes: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "fountain_storage_commit_writes", Help: "Writes kept by one commit.", ConstLabels: labels,
			Buckets: prometheus.ExponentialBuckets(1, 2, 10),
		}),
	}
	// All are there from the start, at 0, so that the first one is an increase.
	for _, outcome := range storage.Outcomes() {
		m.outcomes = append(m.outcomes, total.WithLabelValues(outcome.String()))
	}
	registry.MustRegister(total, m.duration, m.writes)
	return m
}

// observe runs on the goroutine that all writes wait for.
func (m *commitMetrics) observe(commit storage.Commit) {
	for outcome, count := range commit.Writes {
		if count > 0 {
			m.outcomes[outcome].Add(float64(count))
		}
	}
	if kept := commit.Writes[storage.Committed]; kept > 0 {
		m.duration.Observe(commit.Took.Seconds())
		m.writes.Observe(float64(kept))
	}
}

// databaseCollector reports the state of a database at the moment of the scrape.
type databaseCollector struct {
	db     *storage.DB
	values []databaseValue
}

type databaseValue struct {
	description *prometheus.Desc
	kind        prometheus.ValueType
	of          func(storage.Stats) float64
}

func newDatabaseCollector(db *storage.DB, labels prometheus.Labels) *databaseCollector {
	c := &databaseCollector{db: db}
	add := func(kind prometheus.ValueType, name, help string, of func(storage.Stats) float64) {
		c.values = append(c.values, databaseValue{prometheus.NewDesc(name, help, nil, labels), kind, of})
	}
	add(prometheus.GaugeValue, "fountain_database_size_bytes", "Bytes on disk of the database and its write-ahead log.",
		func(s storage.Stats) float64 { return float64(s.SizeBytes + s.WALBytes) })
	add(prometheus.GaugeValue, "fountain_database_wal_size_bytes", "Bytes on disk of the write-ahead log.",
		func(s storage.Stats) float64 { return float64(s.WALBytes) })
	add(prometheus.GaugeValue, "fountain_storage_queue_length", "Writes that wait for the writer.",
		func(s storage.Stats) float64 { return float64(s.Queued) })
	add(prometheus.GaugeValue, "fountain_storage_reads_in_progress", "Reads under way.",
		func(s storage.Stats) float64 { return float64(s.Reading) })
	add(prometheus.GaugeValue, "fountain_storage_reads_limit", "Reads that may be under way at once.",
		func(s storage.Stats) float64 { return float64(s.MaxReading) })
	add(prometheus.CounterValue, "fountain_storage_delayed_reads_total", "Reads that had to wait for another to end.",
		func(s storage.Stats) float64 { return float64(s.DelayedReads) })
	if db.Stats().DiskBytes > 0 {
		add(prometheus.GaugeValue, "fountain_database_disk_size_bytes", "Size of the file system that holds the database.",
			func(s storage.Stats) float64 { return float64(s.DiskBytes) })
		add(prometheus.GaugeValue, "fountain_database_disk_free_bytes", "Bytes that the service may still use of the file system that holds the database.",
			func(s storage.Stats) float64 { return float64(s.DiskFreeBytes) })
	}
	return c
}

// Describe implements prometheus.Collector.
func (c *databaseCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, value := range c.values {
		descriptions <- value.description
	}
}

// Collect implements prometheus.Collector.
func (c *databaseCollector) Collect(samples chan<- prometheus.Metric) {
	stats := c.db.Stats()
	for _, value := range c.values {
		samples <- prometheus.MustNewConstMetric(value.description, value.kind, value.of(stats))
	}
}
