// A schema on a server as an end of a copy.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

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
	unlock, err := p.lockSchema(ctx, create)
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", p.name(), explainServer(err)), p.pool.Close())
	}
	e := &copyEnd{dialect: postgresDialect, name: p.name(), postgres: p, release: unlock}
	if err = e.refuseUsed(ctx, c.Service); err == nil {
		e.conn, err = p.pool.Conn(ctx)
	}
	if err != nil {
		return nil, errors.Join(explainServer(err), unlock(), p.pool.Close())
	}
	e.release = func() error { return errors.Join(e.conn.Close(), unlock(), p.pool.Close()) }
	return e, nil
}

// refuseUsed looks for services that are connected to the database on a server under
// the name that they have from parsePostgres. One that waits for the lock of
// lockSchema has not opened it.
func (e *copyEnd) refuseUsed(ctx context.Context, service string) error {
	const query = `SELECT count(*) FROM pg_stat_activity a
		WHERE datname = current_database() AND starts_with(application_name || ' ', $1)
		AND NOT EXISTS (SELECT 1 FROM pg_locks l WHERE l.pid = a.pid AND locktype = 'advisory' AND NOT granted)`
	if e.postgres == nil {
		return nil
	}
	var count int
	if err := e.postgres.pool.QueryRowContext(ctx, query, applicationName+service+" ").Scan(&count); err != nil {
		return explainServer(err)
	}
	if count > 0 {
		return fmt.Errorf("%w: the service %s has %d connections to %s; stop all its replicas first", ErrInUse, service, count, e.name)
	}
	return nil
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
