// The replica of a service's database: beginning an empty volume with it, keeping
// it, and telling how it is.
package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"fountain.coach/fountainai/internal/replica"
	"fountain.coach/fountainai/internal/storage"
)

// ReplicaReadiness describes a service's replica. A replica that is behind or down
// does not make the service unready: writes go on without it.
type ReplicaReadiness struct {
	Place string        `json:"place"`
	State replica.State `json:"state"`
	// LastSync is when all that had been written was last known to be there.
	LastSync *time.Time `json:"lastSync,omitempty"`
	// SecondsBehind is the time since then, or since the start.
	SecondsBehind float64 `json:"secondsBehind"`
	// PendingTransactions and PendingBytes wait to be sent.
	PendingTransactions int64  `json:"pendingTransactions"`
	PendingBytes        int64  `json:"pendingBytes"`
	Error               string `json:"error,omitempty"`
}

// openDatabase opens the service's database; an empty volume begins with what the
// replica holds.
func openDatabase(ctx context.Context, definition Definition, databaseURL string, options Options) (*storage.DB, error) {
	if options.Replica.On() {
		if err := restoreReplica(ctx, definition, databaseURL, options); err != nil {
			return nil, err
		}
	}
	return storage.Open(ctx, databaseURL, definition.Migrations,
		storage.Options{Logger: options.Logger, Service: definition.Name, Unfolded: options.Replica.On()})
}

func restoreReplica(ctx context.Context, definition Definition, databaseURL string, options Options) error {
	path, err := storage.Path(databaseURL)
	if err != nil {
		return err
	}
	logger := loggerOf(options)
	settings := options.Replica
	settings.Logger = logger
	outcome, err := replica.Restore(ctx, settings, definition.Name, path, definition.Migrations)
	switch {
	case err != nil && settings.StartEmpty && replica.IsUnreachable(err):
		logger.Warn("the replica cannot be read; starting with a new database, as told", "error", err)
	case err != nil:
		return fmt.Errorf("begin with the replica: %w", err)
	case outcome == replica.Nothing:
		logger.Warn("there is no replica yet; starting with a new database", "replica", settings.URL)
	case outcome == replica.Kept && !settings.RestoreAt.IsZero():
		logger.Info("the point in time to restore is not used: there is a database", "database", path)
	}
	return nil
}

func loggerOf(options Options) *slog.Logger {
	if options.Logger == nil {
		return slog.Default()
	}
	return options.Logger
}

// keepReplica begins to keep the replica, if there is to be one.
func (i *Instance) keepReplica(ctx context.Context, definition Definition, options Options) error {
	if !options.Replica.On() {
		return nil
	}
	settings := options.Replica
	settings.Logger = i.API.logger
	kept, err := replica.Start(ctx, i.DB, definition.Name, settings)
	if err != nil {
		return err
	}
	i.replica = kept
	i.API.replica = kept.Status
	i.API.Registry().MustRegister(newReplicaCollector(kept.Status, prometheus.Labels{"service": definition.Name}))
	return nil
}

// replicaReadiness returns nil without a replica.
func (a *API) replicaReadiness() *ReplicaReadiness {
	if a.replica == nil {
		return nil
	}
	status := a.replica()
	ready := &ReplicaReadiness{
		Place: status.Place, State: status.State, SecondsBehind: status.Age(time.Now()).Seconds(),
		PendingTransactions: status.Transactions, PendingBytes: status.Bytes,
	}
	if !status.Synced.IsZero() {
		ready.LastSync = &status.Synced
	}
	if status.Failure != nil {
		ready.Error = status.Failure.Error()
	}
	return ready
}

// superseded says that another process goes on with the history of this database:
// what is written here would be lost.
func (r *ReplicaReadiness) superseded() bool { return r != nil && r.State == replica.Superseded }

// replicaCollector reports a replica at the moment of the scrape.
type replicaCollector struct {
	status func() replica.Status
	values []replicaValue
}

type replicaValue struct {
	description *prometheus.Desc
	kind        prometheus.ValueType
	of          func(replica.Status) float64
}

func newReplicaCollector(status func() replica.Status, labels prometheus.Labels) *replicaCollector {
	c := &replicaCollector{status: status}
	add := func(kind prometheus.ValueType, name, help string, of func(replica.Status) float64) {
		c.values = append(c.values, replicaValue{prometheus.NewDesc(name, help, nil, labels), kind, of})
	}
	is := func(state replica.State) func(replica.Status) float64 {
		return func(s replica.Status) float64 {
			if s.State == state {
				return 1
			}
			return 0
		}
	}
	add(prometheus.GaugeValue, "fountain_replica_following", "1 while what is written goes to the replica.", is(replica.Following))
	add(prometheus.GaugeValue, "fountain_replica_superseded", "1 once another process has taken the replica over.", is(replica.Superseded))
	add(prometheus.GaugeValue, "fountain_replica_behind_seconds", "Time since all that had been written was known to be at the replica, or since the start.",
		func(s replica.Status) float64 { return s.Age(time.Now()).Seconds() })
	add(prometheus.GaugeValue, "fountain_replica_pending_bytes", "Bytes that wait to be sent to the replica.",
		func(s replica.Status) float64 { return float64(s.Bytes) })
	add(prometheus.GaugeValue, "fountain_replica_pending_transactions", "Steps of the log, each of about a second, that wait to be sent to the replica.",
		func(s replica.Status) float64 { return float64(s.Transactions) })
	add(prometheus.CounterValue, "fountain_replica_sent_bytes_total", "Bytes sent to the replica.",
		func(s replica.Status) float64 { return float64(s.SentBytes) })
	add(prometheus.CounterValue, "fountain_replica_snapshots_total", "Times that the whole database had to be sent because the replica could not be continued.",
		func(s replica.Status) float64 { return float64(s.Snapshots) })
	add(prometheus.CounterValue, "fountain_replica_errors_total", "Attempts to reach or write the replica that failed.",
		func(s replica.Status) float64 { return float64(s.Failures) })
	return c
}

// Describe implements prometheus.Collector.
func (c *replicaCollector) Describe(descriptions chan<- *prometheus.Desc) {
	for _, value := range c.values {
		descriptions <- value.description
	}
}

// Collect implements prometheus.Collector.
func (c *replicaCollector) Collect(samples chan<- prometheus.Metric) {
	status := c.status()
	for _, value := range c.values {
		samples <- prometheus.MustNewConstMetric(value.description, value.kind, value.of(status))
	}
}
