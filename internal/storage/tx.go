// Tx runs SQL inside a transaction, each statement prepared once a connection.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"sync/atomic"
	"time"
)

// maxStatements bounds the memory of a connection whose program builds SQL
// from parts. Most programs have a few dozen constant statements.
const maxStatements = 256

// connection is a database connection with its prepared statements.
type connection struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
	// server says that it leads to a database server, which is to be used until
	// a time.
	server bool
	until  time.Time
}

func newConnection(ctx context.Context, pool *sql.DB) (*connection, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{conn: conn, statements: map[string]*sql.Stmt{}}, nil
}

// prepare returns the statement for query.
func (c *connection) prepare(ctx context.Context, query string) (*sql.Stmt, error) {
	if known, found := c.statements[query]; found {
		return known, nil
	}
	prepared, err := c.conn.PrepareContext(ctx, query)
	if err == nil {
		c.statements[query] = prepared
	}
	return prepared, err
}

func (c *connection) exec(query string) error {
	statement, err := c.prepare(context.Background(), query)
	if err != nil {
		return err
	}
	_, err = statement.Exec()
	return err
}

// begin starts a transaction: the moment when no statement is in use.
func (c *connection) begin(query string) error {
	c.forgetMany()
	return c.exec(query)
}

// forgetMany closes the statements if there are too many of them.
func (c *connection) forgetMany() {
	if len(c.statements) > maxStatements {
		c.forget()
	}
}

func (c *connection) forget() {
	for _, statement := range c.statements {
		_ = statement.Close()
	}
	clear(c.statements)
}

func (c *connection) close() error {
	c.forget()
	return c.conn.Close()
}

// Tx is a transaction: all of it happens or none. It must not be used after
// the function it was given to returns, nor from another goroutine.
//
// Statements run to their end once begun; they are short by design, and giving
// each a cancellable context would cost more than most of them do. On a server
// the transaction as a whole has its time.
type Tx struct {
	connection *connection
	// ctx bounds the time on a server; nil for a file.
	ctx    context.Context
	depth  int
	broken error // why the transaction cannot go on, if it cannot
	// reading says that the rows of a query are being read: a connection to a
	// server does nothing else meanwhile, and one to a file has one cursor a statement.
	reading bool
	ended   atomic.Bool
}

var (
	errEnded   = errors.New("the transaction has ended")
	errReading = errors.New("the rows of a query are being read; collect them with All before the next statement")
)

func (tx *Tx) usable() error {
	switch {
	case tx.ended.Load():
		return errEnded
	case tx.reading:
		return errReading
	}
	return tx.broken
}

// note remembers an error after which SQLite may have ended the transaction:
// further statements would each be kept at once, on their own.
func (tx *Tx) note(err error) error {
	err = tx.connection.explain(err)
	if err != nil && tx.broken == nil && (endsTransaction(err) || isConflict(err)) {
		tx.broken = err
	}
	return err
}

func (tx *Tx) context() context.Context {
	if tx.ctx == nil {
		return context.Background()
	}
	return tx.ctx
}

// Exec runs a statement and returns the number of rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	var changed int64
	err := tx.with(query, func(statement *sql.Stmt) error {
		result, err := statement.ExecContext(tx.context(), args...)
		if err != nil {
			return err
		}
		changed, err = result.RowsAffected()
		return err
	})
	return changed, err
}

// Insert runs insert, an INSERT of one row into a table whose primary key the
// database counts, and stores the key, which is in column, in id.
//
// SQLite knows the key of the last row without a RETURNING, for which it would
// make and drop a table each time.
func (tx *Tx) Insert(insert, column string, args []any, id *int64) error {
	if tx.connection.server {
		return tx.QueryRow(insert+" RETURNING "+column, args, id)
	}
	return tx.with(insert, func(statement *sql.Stmt) error {
		result, err := statement.ExecContext(tx.context(), args...)
		if err != nil {
			return err
		}
		*id, err = result.LastInsertId()
		return err
	})
}

// QueryRow scans the one row that query returns into dest. The error satisfies
// IsNoRows if there is none.
func (tx *Tx) QueryRow(query string, args []any, dest ...any) error {
	return tx.with(query, func(statement *sql.Stmt) error {
		return statement.QueryRowContext(tx.context(), args...).Scan(dest...)
	})
}

// Query calls each for every row that query returns, with a function that
// scans the row. Statements of the transaction fail until Query returns.
func (tx *Tx) Query(query string, args []any, each func(scan func(dest ...any) error) error) error {
	return tx.with(query, func(statement *sql.Stmt) error {
		rows, err := statement.QueryContext(tx.context(), args...)
		if err != nil {
			return err
		}
		defer rows.Close()
		tx.reading = true
		defer func() { tx.reading = false }()
		for rows.Next() {
			if err := each(rows.Scan); err != nil {
				return err
			}
		}
		return rows.Err()
	})
}

// with lends run the statement for query.
func (tx *Tx) with(query string, run func(statement *sql.Stmt) error) error {
	if err := tx.usable(); err != nil {
		return err
	}
	statement, err := tx.connection.prepare(tx.context(), query)
	if err == nil {
		err = run(statement)
	}
	return tx.note(err)
}

// All collects the rows of query, each read by scan.
func All[T any](tx *Tx, query string, args []any, scan func(row func(dest ...any) error, item *T) error) ([]T, error) {
	items := []T{}
	err := tx.Query(query, args, func(row func(dest ...any) error) error {
		var item T
		if err := scan(row, &item); err != nil {
			return err
		}
		items = append(items, item)
		return nil
	})
	return items, err
}

type txKey struct{}

// current returns the transaction that ctx is inside, or nil. A context that
// outlives its transaction, kept by a goroutine say, is inside no more.
func current(ctx context.Context) *Tx {
	tx, _ := ctx.Value(txKey{}).(*Tx)
	if tx == nil || tx.ended.Load() {
		return nil
	}
	return tx
}
