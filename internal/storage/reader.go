// Reads: a pool of read-only connections, each read a consistent snapshot.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"
)

// readers lends at most size connections, opened when first needed. The one
// given back last is lent first: its page cache is warm, and a quiet database
// keeps few connections.
type readers struct {
	pool   *sql.DB
	slots  chan struct{}
	closed chan struct{}
	mutex  sync.Mutex
	idle   []*connection
	// waiting counts those who wait for a connection.
	waiting atomic.Int64
	// delayed counts the reads that found all connections lent.
	delayed atomic.Uint64
}

// ReadFunc reads the database. All its queries see the same snapshot.
type ReadFunc func(tx *Tx) error

// Read runs run in a read-only transaction. Inside a Write (see WriteFunc) run
// sees what that write has done so far.
//
// A Read within a Read takes a second connection and may wait for ever when
// all are taken; use the outer one's tx.
func (db *DB) Read(ctx context.Context, run ReadFunc) error {
	if tx := current(ctx); tx != nil {
		return run(tx)
	}
	if db.postgres != nil {
		return db.postgres.read(ctx, run)
	}
	db.writer.queue.letWriterPass()
	return explain(db.readers.read(ctx, run))
}

func newReaders(path string, size int) (*readers, error) {
	pool, err := openPool(path, "mode=ro", "busy_timeout(10000)", "query_only(ON)")
	if err != nil {
		return nil, err
	}
	return newLender(pool, size), nil
}

func (r *readers) read(ctx context.Context, run ReadFunc) error {
	connection, err := r.lend(ctx)
	if err != nil {
		return err
	}
	tx := &Tx{connection: connection}
	// Whatever happens, a panic in run included, the connection goes back.
	defer func() {
		tx.ended.Store(true)
		r.giveBack(connection, connection.exec("ROLLBACK") == nil)
	}()
	if err := connection.begin("BEGIN"); err != nil {
		return err
	}
	return run(tx)
}

func (r *readers) lend(ctx context.Context) (*connection, error) {
	if err := r.enter(ctx); err != nil {
		return nil, err
	}
	if connection := r.pop(); connection != nil {
		return connection, nil
	}
	connection, err := newConnection(ctx, r.pool)
	if err != nil {
		<-r.slots
		return nil, fmt.Errorf("open a read connection: %w", err)
	}
	return connection, nil
}

// enter waits until fewer than all connections are lent.
func (r *readers) enter(ctx context.Context) error {
	select {
	case <-r.closed:
		return ErrClosed
	default:
	}
	select {
	case r.slots <- struct{}{}:
		return nil
	default:
		r.delayed.Add(1)
	}
	r.waiting.Add(1)
	defer r.waiting.Add(-1)
	select {
	case r.slots <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	case <-r.closed:
		return ErrClosed
	}
}

func (r *readers) pop() *connection {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	last := len(r.idle) - 1
	if last < 0 {
		return nil
	}
	connection := r.idle[last]
	r.idle = r.idle[:last]
	return connection
}

// giveBack keeps the connection if it is sound.
func (r *readers) giveBack(connection *connection, sound bool) {
	if sound {
		r.mutex.Lock()
		r.idle = append(r.idle, connection)
		r.mutex.Unlock()
	} else {
		_ = connection.close()
	}
	<-r.slots
}

// close refuses further reads, waits for those under way, and closes the pool.
func (r *readers) close() error { return errors.Join(r.drain(), r.pool.Close()) }

// drain refuses further loans, waits for those under way, and closes the
// connections.
func (r *readers) drain() error {
	close(r.closed)
	for range cap(r.slots) {
		r.slots <- struct{}{}
	}
	var failures []error
	for _, connection := range r.idle {
		failures = append(failures, connection.close())
	}
	return errors.Join(failures...)
}
