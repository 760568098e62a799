// The replica of a service's database: beginning an empty volume with it, keeping
// it, and telling how it is.
package httpapi

import (
	"context"
	"errors"
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

// errReplicaOfServer means that a replica was asked for of a database that has no file.
var errReplicaOfServer = errors.New("a replica copies a SQLite file, and the database is on a PostgreSQL server: " +
	"leave --replica-url (" + replica.URLEnv + ") out and have the server copied where it runs, or keep the database in a file")

// openDatabase opens the service's database; an empty volume begins with what the
// replica holds.
func openDatabase(ctx context.Context, definition Definition, databaseURL string, options Options) (*storage.DB, error) {
	if options.Replica.On() {
		if storage.IsServer(databaseURL) {
			return nil, errReplicaOfServer
		}
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
	case err != nil && settings.StartEmpty && errors.Is(err, replica.ErrUnreachable):
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
	i.API.Registry().MustRegister(newReplicaReadings(kept.Status, prometheus.Labels{"service": definition.Name}))
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

// newReplicaReadings reports a replica.
func newReplicaReadings(status func() replica.Status, labels prometheus.Labels) prometheus.Collector {
	r := newReadings(status, labels)
	is := func(state replica.State) func(replica.Status) float64 {
		return func(s replica.Status) float64 {
			if s.State == state {
				return 1
			}
			return 0
		}
	}
	r.add(prometheus.GaugeValue, "fountain_replica_following", "1 while what is written goes to the replica.", is(replica.Following))
	r.add(prometheus.GaugeValue, "fountain_replica_superseded", "1 once another process has taken the replica over.", is(replica.Superseded))
	r.add(prometheus.GaugeValue, "fountain_replica_behind_seconds", "Time since all that had been written was known to be at the replica, or since the start.",
		func(s replica.Status) float64 { return s.Age(time.Now()).Seconds() })
	r.add(prometheus.GaugeValue, "fountain_replica_pending_bytes", "Bytes that wait to be sent to the replica.",
		func(s replica.Status) float64 { return float64(s.Bytes) })
	r.add(prometheus.GaugeValue, "fountain_replica_pending_transactions", "Steps of the log, each of about half a second, that wait to be sent to the replica.",
		func(s replica.Status) float64 { return float64(s.Transactions) })
	r.add(prometheus.CounterValue, "fountain_replica_sent_bytes_total", "Bytes sent to the replica.",
		func(s replica.Status) float64 { return float64(s.SentBytes) })
	r.add(prometheus.CounterValue, "fountain_replica_snapshots_total", "Times that the whole database had to be sent because the replica could not be continued.",
		func(s replica.Status) float64 { return float64(s.Snapshots) })
	r.add(prometheus.CounterValue, "fountain_replica_errors_total", "Attempts to reach or write the replica that failed.",
		func(s replica.Status) float64 { return float64(s.Failures) })
	return r
}
