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

// newDatabaseReadings reports the state of a database.
func newDatabaseReadings(db *storage.DB, labels prometheus.Labels) prometheus.Collector {
	r := newReadings(db.Stats, labels)
	r.add(prometheus.GaugeValue, "fountain_database_size_bytes", "Bytes on disk of the database and its write-ahead log.",
		func(s storage.Stats) float64 { return float64(s.SizeBytes + s.WALBytes) })
	r.add(prometheus.GaugeValue, "fountain_database_wal_size_bytes", "Bytes on disk of the write-ahead log.",
		func(s storage.Stats) float64 { return float64(s.WALBytes) })
	r.add(prometheus.GaugeValue, "fountain_storage_queue_length", "Writes that wait for the writer.",
		func(s storage.Stats) float64 { return float64(s.Queued) })
	r.add(prometheus.GaugeValue, "fountain_storage_reads_in_progress", "Reads under way.",
		func(s storage.Stats) float64 { return float64(s.Reading) })
	r.add(prometheus.GaugeValue, "fountain_storage_reads_limit", "Reads that may be under way at once.",
		func(s storage.Stats) float64 { return float64(s.MaxReading) })
	r.add(prometheus.CounterValue, "fountain_storage_delayed_reads_total", "Reads that had to wait for another to end.",
		func(s storage.Stats) float64 { return float64(s.DelayedReads) })
	if db.Stats().DiskBytes > 0 {
		r.add(prometheus.GaugeValue, "fountain_database_disk_size_bytes", "Size of the file system that holds the database.",
			func(s storage.Stats) float64 { return float64(s.DiskBytes) })
		r.add(prometheus.GaugeValue, "fountain_database_disk_free_bytes", "Bytes that the service may still use of the file system that holds the database.",
			func(s storage.Stats) float64 { return float64(s.DiskFreeBytes) })
	}
	return r
}
