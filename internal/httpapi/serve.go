// Running a service: open its database, serve until told to stop, stop cleanly.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"time"

	"fountain.coach/fountainai/internal/replica"
	"fountain.coach/fountainai/internal/storage"
)

// DrainTime bounds how long requests under way may take to finish at a stop.
const DrainTime = 25 * time.Second

const (
	// readTime bounds a whole request, so that slow clients hold nothing.
	readTime   = 30 * time.Second
	headerTime = 10 * time.Second
	writeTime  = 60 * time.Second
	idleTime   = 120 * time.Second
	maxHeader  = 64 << 10
)

// Instance is a service with its database open, ready to serve.
type Instance struct {
	API *API
	DB  *storage.DB

	// replica is nil if the service has none.
	replica *replica.Replicator
}

// Open opens the database at databaseURL and builds the service on it. With a
// replica an empty volume begins with what that holds.
func Open(ctx context.Context, definition Definition, databaseURL string, options Options) (*Instance, error) {
	db, err := openDatabase(ctx, definition, databaseURL, options)
	if err != nil {
		return nil, err
	}
	api, err := New(definition, db, options)
	if err != nil {
		return nil, errors.Join(err, db.Close())
	}
	instance := &Instance{API: api, DB: db}
	if err := instance.keepReplica(ctx, definition, options); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return instance, nil
}

// Close sends what the replica still lacks, for a while, and closes the database.
// A replica that cannot take it is no failure: the next start sends it.
func (i *Instance) Close() error {
	if i.replica != nil {
		if err := i.replica.Close(); err != nil {
			i.API.logger.Warn("stopping", "error", err)
		}
	}
	return i.DB.Close()
}

// Serve answers requests on listener until ctx ends or the listener fails, lets
// those under way finish, and closes the database.
func (i *Instance) Serve(ctx context.Context, listener net.Listener) error {
	server := NewServer(i.API, i.API.logger)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	var err error
	select {
	case err = <-failed:
		err = fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	i.API.draining.Store(true)
	return errors.Join(err, Drain(server), i.Close())
}

// NewServer returns an HTTP server with the time and size limits that every
// FountainAI listener has.
func NewServer(handler http.Handler, logger *slog.Logger) *http.Server {
	reserveMemory()
	return &http.Server{
		Handler:           handler,
		ReadHeaderTimeout: headerTime,
		ReadTimeout:       readTime,
		WriteTimeout:      writeTime,
		IdleTimeout:       idleTime,
		MaxHeaderBytes:    maxHeader,
		ConnState:         processCrowd.track(logger),
		ErrorLog:          slog.NewLogLogger(logger.Handler(), slog.LevelWarn),
	}
}

// Drain stops taking new requests and waits for those under way, a bounded time.
func Drain(server *http.Server) error {
	ctx, cancel := context.WithTimeout(context.Background(), DrainTime)
	defer cancel()
	if err := server.Shutdown(ctx); err != nil {
		return errors.Join(fmt.Errorf("requests still running after %s were cut off: %w", DrainTime, err), server.Close())
	}
	return nil
}
