// A schema on a server as an end of a copy.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// openServer connects for a copy, whose transactions may wait for the other end.
// Services that start meanwhile wait until it is done; see lockSchema.
func (c Copy) openServer(ctx context.Context, databaseURL string, create bool) (*copyEnd, error) {
	p, _, err := parsePostgres(databaseURL, c.Service)
	if err != nil {
		return nil, err
	}
	p.config.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	p.config.RuntimeParams["application_name"] = "fountain migrate"
	p.pool = stdlib.OpenDB(*p.config)
	e := &copyEnd{dialect: postgresDialect, name: p.name(), postgres: p, release: p.pool.Close}
	if err := e.open(ctx, c, create); err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", e.name, explainServer(err)), e.close())
	}
	return e, nil
}

// open takes the lock of the schema and a connection. What is to be released grows
// on the way, also of one that fails.
func (e *copyEnd) open(ctx context.Context, c Copy, create bool) error {
	if err := e.identify(ctx); err != nil {
		return err
	}
	if c.from.is(e.identity) {
		return errors.New("that is the source itself, by another name; name another target")
	}
	unlock, err := e.postgres.lockSchema(ctx, c.patience)
	if serverCode(err) == lockTimeout {
		return fmt.Errorf("%w: another fountain migrate works there, or a service that makes its tables; try again when it is done", ErrInUse)
	}
	if err != nil {
		return err
	}
	e.release = func() error { return errors.Join(unlock(), e.postgres.pool.Close()) }
	if err := e.refuseUsed(ctx, c.Service); err != nil {
		return err
	}
	if create {
		if err := e.postgres.createSchema(ctx); err != nil {
			return err
		}
	}
	if e.conn, err = e.postgres.pool.Conn(ctx); err != nil {
		return err
	}
	e.release = func() error { return errors.Join(e.conn.Close(), unlock(), e.postgres.pool.Close()) }
	return nil
}

// identity tells schemas on servers apart, whatever the ways to them are called.
type identity struct {
	started  string // when the server did, to the microsecond
	database uint32
	schema   string
}

// is reports whether both are one; a file's is empty.
func (i identity) is(other identity) bool { return i == other && i != identity{} }

func (e *copyEnd) identify(ctx context.Context) error {
	const query = "SELECT pg_postmaster_start_time()::text, oid FROM pg_database WHERE datname = current_database()"
	e.identity.schema = e.postgres.schema
	return e.postgres.pool.QueryRowContext(ctx, query).Scan(&e.identity.started, &e.identity.database)
}

// refuseUsed looks for services that are connected to the database on a server under
// the name that they have from parsePostgres, a while, since the server takes a moment
// to see that one has ended. One that waits for the lock of lockSchema has not opened it.
func (e *copyEnd) refuseUsed(ctx context.Context, service string) error {
	const looks, pause = 20, 50 * time.Millisecond
	if e.postgres == nil {
		return nil
	}
	for look := 1; ; look++ {
		count, err := e.countConnections(ctx, service)
		if err != nil {
			return explainServer(err)
		}
		if count == 0 {
			return nil
		}
		if look == looks || ctx.Err() != nil {
			return fmt.Errorf("%w: the service %s has %d connections to %s; stop all its replicas first", ErrInUse, service, count, e.name)
		}
		time.Sleep(pause)
	}
}

func (e *copyEnd) countConnections(ctx context.Context, service string) (count int, err error) {
	const query = `SELECT count(*) FROM pg_stat_activity a
		WHERE datname = current_database() AND starts_with(application_name || ' ', $1)
		AND NOT EXISTS (SELECT 1 FROM pg_locks l WHERE l.pid = a.pid AND locktype = 'advisory' AND NOT granted)`
	err = e.postgres.pool.QueryRowContext(ctx, query, applicationName+service+" ").Scan(&count)
	return count, err
}

func openServerSource(ctx context.Context, c Copy) (*copyEnd, error) {
	e, err := c.openServer(ctx, c.From, false)
	if err != nil {
		return nil, err
	}
	if _, err := e.conn.ExecContext(ctx, beginRead); err != nil {
		return nil, errors.Join(explainServer(err), e.close())
	}
	return e, nil
}

// serverTarget is a schema. While the copy is not whole it has a table that says
// so.
type serverTarget struct {
	copyEnd
	marked bool
}

func openServerTarget(ctx context.Context, c Copy) (copyTarget, error) {
	e, err := c.openServer(ctx, c.To, true)
	if err != nil {
		return nil, err
	}
	s := &serverTarget{copyEnd: *e}
	if err = s.mark(ctx); err == nil {
		err = s.makeTables(ctx, s.postgres.pool, c, s.marked)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", s.name, explainServer(err)), s.close())
	}
	return s, nil
}

// mark makes the mark in a schema that has no tables, before the first of them.
func (s *serverTarget) mark(ctx context.Context) error {
	const create = "CREATE TABLE " + unfinishedTable + " (started_at TIMESTAMPTZ NOT NULL DEFAULT now())"
	var err error
	if s.marked, err = s.dialect.tableExists(ctx, s.conn, unfinishedTable); err != nil || s.marked {
		return err
	}
	tables, err := collect(ctx, s.conn, s.dialect.allTables)
	if err != nil || len(tables) > 0 {
		return err
	}
	_, err = s.conn.ExecContext(ctx, create)
	s.marked = err == nil
	return err
}

func (s *serverTarget) isMarked() bool { return s.marked }

func (s *serverTarget) fill(ctx context.Context, table tableShape, rows *rowReader, counter int64) error {
	return s.inTransaction(ctx, func(tx *sql.Tx) error {
		err := s.conn.Raw(func(driverConn any) error {
			_, err := driverConn.(*stdlib.Conn).Conn().CopyFrom(ctx, pgx.Identifier{table.name}, table.names(), rows)
			return err
		})
		if err != nil || table.counter == "" {
			return err
		}
		const set = "SELECT setval(pg_get_serial_sequence($1, $2)::regclass, greatest($3::bigint, 1), $3::bigint > 0)"
		_, err = tx.ExecContext(ctx, set, table.name, table.counter, counter)
		return err
	})
}

// finish takes the marks of all targets in the same database away with one statement:
// there is no moment at which a service opens one of them and another is not whole.
func (s *serverTarget) finish(ctx context.Context, all []*Transfer) error {
	var same []*serverTarget
	var marks []string
	for _, t := range all {
		other, isServer := t.target.(*serverTarget)
		if isServer && other.marked && other.postgres.config.ConnString() == s.postgres.config.ConnString() {
			same = append(same, other)
			marks = append(marks, pgx.Identifier{other.postgres.schema, unfinishedTable}.Sanitize())
		}
	}
	if _, err := s.conn.ExecContext(ctx, "DROP TABLE "+strings.Join(marks, ", ")); err != nil {
		return err
	}
	for _, other := range same {
		other.marked = false
	}
	return nil
}
