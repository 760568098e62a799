// Group commit: writes that arrive together share one durable transaction.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"
)

const (
	// maxGroup bounds how long the first write of a group waits for the rest.
	maxGroup = 512
	// gatherTime is how long a group waits for the writers that were in the
	// previous one: without it a lone early write would make all the others
	// wait for a commit of its own.
	gatherTime = 300 * time.Microsecond
)

// WriteFunc changes the database. ctx is inside the transaction: DB.Read and
// DB.Write called with it join in. It may run on another goroutine than its
// caller's. It must not wait for anything but the database, since all other
// writes wait for it.
type WriteFunc func(ctx context.Context, tx *Tx) error

type write struct {
	ctx  context.Context
	run  WriteFunc
	err  error
	done chan error
}

type writer struct {
	connection *connection
	logger     *slog.Logger
	queue      chan *write
	quit       chan struct{}
	stopped    chan struct{}
	lastGroup  int
}

// Write runs run in a transaction and returns once its changes are on disk.
// When run returns an error nothing of it is kept and Write returns that error.
// When the commit fails the error wraps ErrFull or ErrUnavailable.
//
// Inside another Write (see WriteFunc) it runs at once, as a part that is
// undone alone if it fails.
func (db *DB) Write(ctx context.Context, run WriteFunc) error {
	if tx := current(ctx); tx != nil {
		return tx.nested(ctx, run)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	item := &write{ctx: ctx, run: run, done: make(chan error, 1)}
	select {
	case db.writer.queue <- item:
	case <-db.writer.quit:
		return ErrClosed
	}
	// Once queued the outcome is awaited even if the caller gives up, so that
	// nobody is told "failed" about a write that was kept.
	select {
	case err := <-item.done:
		return explain(err)
	case <-db.writer.stopped:
	}
	select {
	case err := <-item.done:
		return explain(err)
	default:
		return ErrClosed
	}
}

func startWriter(ctx context.Context, pool *sql.DB, logger *slog.Logger) (*writer, error) {
	connection, err := newConnection(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("open the write connection: %w", err)
	}
	w := &writer{
		connection: connection,
		logger:     logger,
		queue:      make(chan *write, maxGroup),
		quit:       make(chan struct{}),
		stopped:    make(chan struct{}),
	}
	go w.loop()
	return w, nil
}

func (w *writer) loop() {
	defer close(w.stopped)
	group := make([]*write, 0, maxGroup)
	for {
		select {
		case first := <-w.queue:
			group = w.gather(append(group[:0], first))
			w.commit(group)
		case <-w.quit:
			for len(w.queue) > 0 {
				w.commit(w.gather(group[:0]))
			}
			return
		}
	}
}


var expPatience = envInt("PAT", 100)
var expYields = envInt("YIELDS", 1)
var expMode = envInt("MODE", 0)

func envInt(k string, d int) int {
	if v, err := strconv.Atoi(os.Getenv(k)); err == nil {
		return v
	}
	return d
}

func (w *writer) gather(group []*write) []*write {
	take := func() {
		for len(group) < maxGroup {
			select {
			case item := <-w.queue:
				group = append(group, item)
				continue
			default:
			}
			return
		}
	}
	take()
	switch expMode {
	case 0: // wait by yielding until expected are here
		if len(group) < w.lastGroup {
			deadline := time.Now().Add(time.Duration(expPatience) * time.Microsecond)
			for len(group) < w.lastGroup && time.Now().Before(deadline) {
				runtime.Gosched()
				take()
			}
		}
	case 1: // yield as long as it brings in more
		for range expYields {
			runtime.Gosched()
		}
		n := len(group)
		take()
		for len(group) > n {
			n = len(group)
			for range expYields {
				runtime.Gosched()
			}
			take()
		}
	}
	w.lastGroup = len(group)
	return group
}

func (w *writer) commit(group []*write) {
	if len(group) == 0 {
		return
	}
	if err := w.transact(group); err != nil {
		for _, item := range group {
			if item.err == nil {
				item.err = err
			}
		}
	}
	w.lastGroup += len(w.queue)
	for i, item := range group {
		item.done <- item.err
		group[i] = nil
	}
}

// transact runs the group in one transaction. Its error concerns every write
// of the group that did not fail on its own.
func (w *writer) transact(group []*write) error {
	if err := w.connection.exec("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	tx := &Tx{connection: w.connection}
	kept := 0
	for _, item := range group {
		if item.err = item.ctx.Err(); item.err != nil {
			continue
		}
		lost, err := w.runOne(tx, item)
		if lost {
			w.rollback()
			return err
		}
		if item.err == nil {
			kept++
		}
	}
	if kept == 0 {
		w.rollback()
		return nil
	}
	if err := w.connection.exec("COMMIT"); err != nil {
		w.rollback()
		return fmt.Errorf("commit: %w", err)
	}
	return nil
}

// runOne runs one write in its savepoint. lost reports that the whole
// transaction is gone, as SQLite does on a full disk.
func (w *writer) runOne(tx *Tx, item *write) (lost bool, err error) {
	item.err = tx.nested(item.ctx, item.run)
	var broken *brokenError
	if errors.As(item.err, &broken) {
		return true, item.err
	}
	return false, nil
}

// rollback ends a transaction that SQLite may have ended already.
func (w *writer) rollback() {
	_ = w.connection.exec("ROLLBACK")
}

func (w *writer) stop() error {
	close(w.quit)
	<-w.stopped
	return w.connection.close()
}

// brokenError says that a savepoint could not be kept or undone, which means
// that the transaction around it no longer exists.
type brokenError struct{ cause error }

func (e *brokenError) Error() string { return e.cause.Error() }
func (e *brokenError) Unwrap() error { return e.cause }

// nested runs run in a savepoint of tx and undoes it alone if it fails.
func (tx *Tx) nested(ctx context.Context, run WriteFunc) error {
	name := "s" + strconv.Itoa(tx.depth)
	if err := tx.connection.exec("SAVEPOINT " + name); err != nil {
		return &brokenError{err}
	}
	tx.depth++
	err := tx.guarded(context.WithValue(ctx, txKey{}, tx), run)
	tx.depth--
	if err != nil {
		if undone := tx.connection.exec("ROLLBACK TO " + name); undone != nil {
			return &brokenError{err}
		}
	}
	if released := tx.connection.exec("RELEASE " + name); released != nil {
		return &brokenError{errors.Join(err, released)}
	}
	return err
}

// guarded turns a panic into an error: one bad write must not take down the
// goroutine that all writes depend on.
func (tx *Tx) guarded(ctx context.Context, run WriteFunc) (err error) {
	depth := tx.depth
	defer func() {
		if cause := recover(); cause != nil {
			tx.depth = depth
			err = fmt.Errorf("panic in a write: %v\n%s", cause, debug.Stack())
		}
	}()
	return run(ctx, tx)
}
