// Group commit: writes that arrive together share one durable transaction.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"runtime/debug"
	"strconv"
	"sync"
	"sync/atomic"
	"time"
)

// WriteFunc changes the database. ctx is inside the transaction: DB.Read and
// DB.Write called with it join in; called with any other context from within
// run, DB.Write would wait for itself. It may run on another goroutine than
// its caller's. It must not wait for anything but the database, since all
// other writes wait for it.
type WriteFunc func(ctx context.Context, tx *Tx) error

type writer struct {
	connection *connection
	queue      *queue
	group      []*write
	// turn is held for each commit, and by who pauses the writer.
	turn     sync.Mutex
	stopped  chan struct{}
	observer atomic.Pointer[func(Commit)]
}

// Write runs run in a transaction and returns once its changes are on disk.
// When run returns an error nothing of it is kept and Write returns that error.
// When the commit fails the error wraps ErrFull or ErrUnavailable.
//
// Inside another Write (see WriteFunc) it runs at once, as a part that is
// undone alone if it fails.
//
// Foreign keys must not be deferred: they would be checked when the whole
// group commits, and one write's fault would be every write's.
func (db *DB) Write(ctx context.Context, run WriteFunc) error {
	if tx := current(ctx); tx != nil {
		return tx.nested(ctx, run)
	}
	if err := ctx.Err(); err != nil {
		return err
	}
	if db.postgres != nil {
		return db.postgres.write(ctx, run)
	}
	item := &write{ctx: ctx, run: run, done: make(chan error, 1)}
	if !db.writer.queue.push(item) {
		return ErrClosed
	}
	// Once queued the outcome is awaited even if the caller gives up, so that
	// nobody is told "failed" about a write that was kept.
	return explain(<-item.done)
}

func startWriter(ctx context.Context, pool *sql.DB) (*writer, error) {
	connection, err := newConnection(ctx, pool)
	if err != nil {
		return nil, fmt.Errorf("open the write connection: %w", explain(err))
	}
	w := &writer{connection: connection, queue: newQueue(), stopped: make(chan struct{})}
	go w.loop()
	return w, nil
}

func (w *writer) loop() {
	defer close(w.stopped)
	defer w.abandon()
	for {
		if w.group = w.queue.take(w.group); len(w.group) == 0 {
			return
		}
		w.commit()
	}
}

// abandon answers everybody when a write ends this goroutine, as a test's
// FailNow does, so that nobody waits for ever. In ordinary life it finds
// nothing to do.
func (w *writer) abandon() {
	w.queue.close()
	if len(w.group) > 0 {
		w.rollback()
	}
	for ; len(w.group) > 0; w.group = w.queue.take(w.group) {
		for _, item := range w.group {
			item.done <- ErrClosed
		}
	}
}

// commit runs the group and answers each of its writes.
func (w *writer) commit() {
	began := time.Now()
	err := w.transact()
	for _, item := range w.group {
		if item.err == nil {
			item.err = err
		}
	}
	w.report(time.Since(began))
	for i, item := range w.group {
		item.done <- item.err
		w.group[i] = nil
	}
	w.group = w.group[:0]
}

// transact runs the group in one transaction. Its error concerns every write
// of the group that did not fail on its own.
func (w *writer) transact() error {
	w.turn.Lock()
	defer w.turn.Unlock()
	if err := w.connection.begin("BEGIN IMMEDIATE"); err != nil {
		return fmt.Errorf("begin: %w", err)
	}
	kept, err := w.runAll()
	if err == nil && kept > 0 {
		if err = w.connection.exec("COMMIT"); err == nil {
			return nil
		}
		err = fmt.Errorf("commit: %w", err)
	}
	w.rollback()
	return err
}

// runAll returns how many writes of the group are to be kept, and an error if
// the transaction is lost as a whole.
func (w *writer) runAll() (kept int, err error) {
	for _, item := range w.group {
		if item.err = item.ctx.Err(); item.err != nil {
			continue
		}
		if err := w.runOne(item); err != nil {
			return 0, err
		}
		if item.err == nil {
			kept++
		}
	}
	return kept, nil
}

// runOne runs one write in its savepoint, or without one if the transaction
// is the write's alone. Its error says that the transaction is lost.
func (w *writer) runOne(item *write) error {
	tx := &Tx{connection: w.connection}
	defer tx.ended.Store(true)
	ctx := context.WithValue(item.ctx, txKey{}, tx)
	if len(w.group) == 1 {
		item.err = tx.guarded(ctx, item.run)
	} else {
		item.err = tx.nested(ctx, item.run)
	}
	return tx.broken
}

// rollback ends a transaction that SQLite may have ended already.
func (w *writer) rollback() {
	_ = w.connection.exec("ROLLBACK")
}

func (w *writer) stop() error {
	w.queue.close()
	<-w.stopped
	return w.connection.close()
}

// nested runs run in a savepoint of tx and undoes it alone if it fails.
func (tx *Tx) nested(ctx context.Context, run WriteFunc) error {
	if err := tx.usable(); err != nil {
		return err
	}
	name := "s" + strconv.Itoa(tx.depth)
	if _, err := tx.Exec("SAVEPOINT " + name); err != nil {
		return tx.lose(err)
	}
	tx.depth++
	err := tx.guarded(ctx, run)
	tx.depth--
	if tx.broken != nil {
		return err
	}
	return tx.leave(name, err)
}

// leave ends a savepoint, undoing it if err is not nil, and returns err.
func (tx *Tx) leave(name string, err error) error {
	if err != nil {
		if _, undone := tx.Exec("ROLLBACK TO " + name); undone != nil {
			return errors.Join(err, tx.lose(undone))
		}
	}
	if _, released := tx.Exec("RELEASE " + name); released != nil {
		return errors.Join(err, tx.lose(released))
	}
	return err
}

// lose records that the transaction around a savepoint no longer exists. The
// other writes of the group get this error too, so it must not look as if
// they had broken a constraint of their own.
func (tx *Tx) lose(cause error) error {
	if !endsTransaction(cause) {
		cause = fmt.Errorf("%w: the transaction was lost: %s", ErrUnavailable, cause)
	}
	tx.broken = cause
	return cause
}

// guarded turns a panic into an error, since one bad write must not take down
// the goroutine that all writes depend on, and insists on an error if the
// transaction is lost, in case run passed over it.
func (tx *Tx) guarded(ctx context.Context, run WriteFunc) (err error) {
	depth := tx.depth
	defer func() {
		if cause := recover(); cause != nil {
			tx.depth = depth
			err = fmt.Errorf("panic in a write: %v\n%s", cause, debug.Stack())
		}
		if err == nil {
			err = tx.broken
		}
	}()
	return run(ctx, tx)
}
