// Rows as they are copied and digested: in one order and one form on both engines.
package storage

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"strings"
)

// copyEnd is a database that a copy reads.
type copyEnd struct {
	dialect dialect
	// name is the database's, without secrets.
	name string
	conn *sql.Conn
	// postgres is the schema on a server, nil for a file.
	postgres *postgres
	identity identity
	release  func() error
}

func (e *copyEnd) close() error { return e.release() }

func (e *copyEnd) end() *copyEnd { return e }

// check refuses a source that is not the service's, or of another version.
func (e *copyEnd) check(ctx context.Context, c Copy) error {
	if err := e.dialect.refuseUnfinished(ctx, e.conn, e.name); err != nil {
		return err
	}
	if err := e.dialect.checkOwner(ctx, e.conn, e.name, c.Service, c.Migrations); err != nil {
		return err
	}
	sets, err := migrationSets(c.Migrations)
	if err != nil {
		return err
	}
	for _, set := range sets {
		found, newest, err := e.dialect.compareVersion(ctx, e.conn, e.name, set)
		if err != nil {
			return err
		}
		if found == 0 {
			return fmt.Errorf("%s holds no database of %s", e.name, c.Service)
		}
		if found < newest {
			return fmt.Errorf("%w: %s has schema version %d, this program copies %d; start the service once with this version, then stop it",
				ErrOlder, e.name, found, newest)
		}
	}
	return nil
}

func (e *copyEnd) count(ctx context.Context, table tableShape) (count int64, err error) {
	err = e.conn.QueryRowContext(ctx, "SELECT count(*) FROM "+table.name).Scan(&count)
	return count, err
}

// counter returns the highest identifier that the table gave out, 0 if it does
// not count.
func (e *copyEnd) counter(ctx context.Context, table tableShape) (int64, error) {
	if table.counter == "" {
		return 0, nil
	}
	return e.dialect.highest(ctx, e.conn, table)
}

// read returns the rows of a table in the order of its key.
func (e *copyEnd) read(ctx context.Context, table tableShape, progress func(int)) (*rowReader, error) {
	order := make([]string, len(table.key))
	for i, column := range table.key {
		order[i] = column.name
		if column.kind == kindText {
			order[i] += e.dialect.byBytes
		}
	}
	query := "SELECT " + strings.Join(table.names(), ", ") + " FROM " + table.name + " ORDER BY " + strings.Join(order, ", ")
	rows, err := e.conn.QueryContext(ctx, query)
	if err != nil {
		return nil, err
	}
	return newRowReader(rows, table, progress), nil
}

// digest reads all rows of a table.
func (e *copyEnd) digest(ctx context.Context, table tableShape, progress func(int)) (CopiedTable, error) {
	found := CopiedTable{Table: table.name}
	var err error
	if found.Counter, err = e.counter(ctx, table); err != nil {
		return found, err
	}
	rows, err := e.read(ctx, table, progress)
	if err != nil {
		return found, err
	}
	defer rows.close()
	for rows.Next() {
		found.Rows++
	}
	found.SHA256 = hex.EncodeToString(rows.sum.Sum(nil))
	return found, rows.Err()
}

// rowReader reads rows, in the types of database/sql with a bool for a truth
// value, and adds them to a sum. It is a pgx.CopyFromSource.
type rowReader struct {
	rows     *sql.Rows
	table    tableShape
	progress func(int)
	sum      hash.Hash
	values   []any
	places   []any
	err      error
}

func newRowReader(rows *sql.Rows, table tableShape, progress func(int)) *rowReader {
	r := &rowReader{rows: rows, table: table, progress: progress, sum: sha256.New()}
	r.values, r.places = make([]any, len(table.columns)), make([]any, len(table.columns))
	for i := range r.values {
		r.places[i] = &r.values[i]
	}
	return r
}

// Next reads a row and reports whether there was one.
func (r *rowReader) Next() bool {
	if r.err != nil || !r.rows.Next() {
		return false
	}
	if r.err = r.rows.Scan(r.places...); r.err != nil {
		return false
	}
	for i, column := range r.table.columns {
		if r.values[i], r.err = canonical(r.sum, column, r.values[i]); r.err != nil {
			return false
		}
	}
	r.progress(1)
	return true
}

// Values returns the row that Next has read.
func (r *rowReader) Values() ([]any, error) { return r.values, r.err }

// Err returns why Next has ended, nil at the end of the rows.
func (r *rowReader) Err() error {
	if r.err != nil {
		return r.err
	}
	return r.rows.Err()
}

func (r *rowReader) close() { _ = r.rows.Close() }

// canonical adds a value to the sum: its kind, its length where that differs,
// and its bytes. It returns the value in the one type that its kind has.
func canonical(sum hash.Hash, column columnShape, value any) (any, error) {
	if value == nil {
		sum.Write([]byte{0})
		return nil, nil
	}
	head := binary.BigEndian.AppendUint64([]byte{byte(column.kind)}, 0)
	write := func(number uint64, bytes []byte) {
		binary.BigEndian.PutUint64(head[1:], number)
		sum.Write(head)
		sum.Write(bytes)
	}
	switch v := value.(type) {
	case int64:
		if column.kind == kindNumber || column.kind == kindTruth && v&^1 == 0 {
			write(uint64(v), nil)
			if column.kind == kindTruth {
				return v == 1, nil
			}
			return v, nil
		}
	case bool:
		if column.kind == kindTruth {
			var set uint64
			if v {
				set = 1
			}
			write(set, nil)
			return v, nil
		}
	case string:
		if column.kind == kindText {
			write(uint64(len(v)), []byte(v))
			return v, nil
		}
	case []byte:
		if column.kind == kindBlob {
			write(uint64(len(v)), v)
			return v, nil
		}
	}
	return nil, fmt.Errorf("column %s holds a %T, which is not what its column is for", column.name, value)
}
