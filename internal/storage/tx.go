// Tx runs SQL inside a transaction, each statement prepared once a connection.
package storage

import (
	"context"
	"database/sql"
)

// connection is a database connection with its prepared statements.
type connection struct {
	conn       *sql.Conn
	statements map[string]*sql.Stmt
}

func newConnection(ctx context.Context, pool *sql.DB) (*connection, error) {
	conn, err := pool.Conn(ctx)
	if err != nil {
		return nil, err
	}
	return &connection{conn: conn, statements: map[string]*sql.Stmt{}}, nil
}

// prepared returns the statement for query. The statements of a program are
// few and constant, so they are kept for the life of the connection.
func (c *connection) prepared(query string) (*sql.Stmt, error) {
	if statement, found := c.statements[query]; found {
		return statement, nil
	}
	statement, err := c.conn.PrepareContext(context.Background(), query)
	if err != nil {
		return nil, err
	}
	c.statements[query] = statement
	return statement, nil
}

func (c *connection) exec(query string) error {
	statement, err := c.prepared(query)
	if err != nil {
		return err
	}
	_, err = statement.Exec()
	return err
}

func (c *connection) close() error {
	for _, statement := range c.statements {
		_ = statement.Close()
	}
	return c.conn.Close()
}

// Tx is a transaction: all of it happens or none. It must not be used after
// the function it was given to returns, nor from another goroutine.
//
// Statements run to their end once begun; they are short by design, and giving
// each a cancellable context would cost more than most of them do.
type Tx struct {
	connection *connection
	depth      int
}

// Exec runs a statement and returns the number of rows it changed.
func (tx *Tx) Exec(query string, args ...any) (int64, error) {
	statement, err := tx.connection.prepared(query)
	if err != nil {
		return 0, err
	}
	result, err := statement.Exec(args...)
	if err != nil {
		return 0, err
	}
	return result.RowsAffected()
}

// QueryRow scans the one row that query returns into dest. The error satisfies
// IsNoRows if there is none.
func (tx *Tx) QueryRow(query string, args []any, dest ...any) error {
	statement, err := tx.connection.prepared(query)
	if err != nil {
		return err
	}
	return statement.QueryRow(args...).Scan(dest...)
}

// Query calls each for every row that query returns, with a function that
// scans the row.
func (tx *Tx) Query(query string, args []any, each func(scan func(dest ...any) error) error) error {
	statement, err := tx.connection.prepared(query)
	if err != nil {
		return err
	}
	rows, err := statement.Query(args...)
	if err != nil {
		return err
	}
	defer rows.Close()
	for rows.Next() {
		if err := each(rows.Scan); err != nil {
			return err
		}
	}
	return rows.Err()
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

// current returns the transaction that ctx is already inside, or nil.
func current(ctx context.Context) *Tx {
	tx, _ := ctx.Value(txKey{}).(*Tx)
	return tx
}
