// Health and metrics: what a platform asks a service.
package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/client_golang/prometheus/promhttp"

	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/storage"
)

// probeTimeout bounds the readiness check's write.
const probeTimeout = 2 * time.Second

// What a service that answers /readyz with 200 can do.
const (
	Ready = "ready"
	// ReadOnly is a service whose disk is full: it reads, and refuses changes.
	ReadOnly = "read-only"
)

// Readiness is the body of /readyz.
type Readiness struct {
	// Status is Ready or ReadOnly.
	Status string `json:"status"`
	// Detail says why the service is not Ready, and what to do about it.
	Detail   string            `json:"detail,omitempty"`
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
	// DiskFreeBytes is what the service may still use of the file system that
	// holds the database; nil where the operating system does not tell.
	DiskFreeBytes *uint64 `json:"diskFreeBytes,omitempty"`
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

// readyz says whether the service can do its work, which is to write durably. A
// full disk stops only half of it: taken out of its balancer, the service could
// not be read either, and nobody would get the 507 that says what to do.
func (a *API) readyz(w http.ResponseWriter, r *http.Request) {
	if a.draining.Load() {
		notReady(w, r, "The service is shutting down.")
		return
	}
	ready := Readiness{Status: Ready, Service: a.definition.Name, Version: Version()}
	if err := a.probe(r.Context()); err != nil {
		observed(w).failure = err
		if !errors.Is(err, storage.ErrFull) {
			notReady(w, r, asProblem(err).Detail)
			return
		}
		ready.Status, ready.Detail = ReadOnly, asProblem(err).Detail
	}
	if ready.Replica = a.replicaReadiness(); ready.Replica.superseded() {
		notReady(w, r, ready.Replica.Error)
		return
	}
	ready.Database = a.databaseReadiness()
	if r.URL.Query().Get("rows") == "true" {
		var err error
		if ready.Database.Rows, err = a.db.Rows(r.Context()); err != nil {
			a.handleError(w, r, err)
			return
		}
	}
	writeJSON(w, ready)
}

func (a *API) databaseReadiness() DatabaseReadiness {
	stats := a.db.Stats()
	ready := DatabaseReadiness{Engine: a.db.Engine(), SizeBytes: stats.SizeBytes + stats.WALBytes}
	if stats.DiskBytes > 0 {
		ready.DiskFreeBytes = &stats.DiskFreeBytes
	}
	return ready
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
