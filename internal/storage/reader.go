// Reads: a pool of read-only connections, each read a consistent snapshot.
package storage

import (
	"context"
	"database/sql"
	"fmt"
)

// readers hands out at most size connections, opened when first needed.
type readers struct {
	pool *sql.DB
	idle chan *connection // nil stands for one not opened yet
	size int
}

// ReadFunc reads the database. All its queries see the same snapshot.
type ReadFunc func(tx *Tx) error

// Read runs run in a read-only transaction. Inside a Write (see WriteFunc) run
// sees what that write has done so far.
func (db *DB) Read(ctx context.Context, run ReadFunc) error {
	if tx := current(ctx); tx != nil {
		return run(tx)
	}
	return explain(db.readers.read(ctx, run))
}

func newReaders(path string, size int) (*readers, error) {
	pool, err := openPool(path, true)
	if err != nil {
		return nil, err
	}
	pool.SetMaxOpenConns(size)
	r := &readers{pool: pool, idle: make(chan *connection, size), size: size}
	for range size {
		r.idle <- nil
	}
	return r, nil
}

func (r *readers) read(ctx context.Context, run ReadFunc) (err error) {
	var connection *connection
	select {
	case connection = <-r.idle:
	case <-ctx.Done():
		return ctx.Err()
	}
	// The connection goes back whatever happens, a panic in run included.
	defer func() { r.idle <- connection }()
	if connection == nil {
		if connection, err = newConnection(ctx, r.pool); err != nil {
			return fmt.Errorf("open a read connection: %w", err)
		}
	}
	if err := connection.exec("BEGIN"); err != nil {
		return err
	}
	defer func() { _ = connection.exec("ROLLBACK") }()
	return run(&Tx{connection: connection})
}

// close waits for reads under way.
func (r *readers) close() error {
	for range r.size {
		if connection := <-r.idle; connection != nil {
			_ = connection.close()
		}
	}
	return r.pool.Close()
}
