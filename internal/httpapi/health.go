// Health and metrics: what a platform asks a service.
package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/storage"
)

// probeTimeout bounds the readiness check's write.
const probeTimeout = 2 * time.Second

// Readiness is the body of /readyz.
type Readiness struct {
	Status   string            `json:"status"`
	Service  string            `json:"service"`
	Version  string            `json:"version"`
	Database DatabaseReadiness `json:"database"`
	// Replica is missing where there is none.
	Replica *ReplicaReadiness `json:"replica,omitempty"`
}

// DatabaseReadiness describes a service's database.
type DatabaseReadiness struct {
	// Engine is sqlite or postgres.
	Engine storage.Engine `json:"engine"`
	// SizeBytes counts the database file and its write-ahead log, or the tables
	// on a server.
	SizeBytes int64 `json:"sizeBytes"`
	// Rows counts each table's rows, where ?rows=true asks for it.
	Rows map[string]int64 `json:"rows,omitempty"`
}

func (a *API) serveHealth() {
	a.paths.add(http.MethodGet, "/healthz", http.HandlerFunc(a.healthz))
	a.paths.add(http.MethodGet, "/readyz", http.HandlerFunc(a.readyz))
	a.paths.add(http.MethodGet, "/metrics", promhttp.HandlerFor(a.metrics.registry, promhttp.HandlerOpts{}))
}

// healthz says that the process answers; a restart would not help anything else.
func (a *API) healthz(w http.ResponseWriter, _ *http.Request) {
	writeJSON(w, map[string]string{"status": "ok", "service": a.definition.Name, "version": Version()})
}

// readyz says whether the service can do its work, which is to write durably.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) {
	if a.draining.Load() {
		notReady(w, r, "The service is shutting down.")
		return
	}
	if err := a.probe(r.Context()); err != nil {
		observed(w).failure = err
		notReady(w, r, asProblem(err).Detail)
		return
	}
	ready := Readiness{
		Status: "ready", Service: a.definition.Name, Version: Version(),
		Database: DatabaseReadiness{Engine: a.db.Engine(), SizeBytes: a.db.Size()}, Replica: a.replicaReadiness(),
	}
	if ready.Replica.superseded() {
		notReady(w, r, ready.Replica.Error)
		return
	}
	if r.URL.Query().Get("rows") == "true" {
		var err error
		if ready.Database.Rows, err = a.db.Rows(r.Context()); err != nil {
			a.handleError(w, r, err)
			return
		}
	}
	writeJSON(w, ready)
}

// probe makes a durable write. A disk that hangs holds the write for as long as
// it likes, but not the answer.
func (a *API) probe(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, probeTimeout)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- a.db.Probe(ctx) }()
	select {
	case err := <-done:
		return err
	case <-ctx.Done():
		return fmt.Errorf("%w: a write took longer than %s", storage.ErrUnavailable, probeTimeout)
	}
}

func notReady(w http.ResponseWriter, r *http.Request, reason string) {
	w.Header().Set("Retry-After", "1")
	problem.Write(w, r, problem.New(http.StatusServiceUnavailable, "not_ready", reason))
}

func writeJSON(w http.ResponseWriter, value any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	// A failure means the client has gone.
	_ = json.NewEncoder(w).Encode(value)
}
