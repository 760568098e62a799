// A schema on a server as an end of a copy.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/stdlib"
)

// openServer connects for a copy, whose transactions may wait for the other end.
// Services that start meanwhile wait until it is done; see lockSchema.
func (c Copy) openServer(ctx context.Context, databaseURL string) (p *postgres, conn *sql.Conn, err error) {
	if p, _, err = parsePostgres(databaseURL, c.Service); err != nil {
		return nil, nil, err
	}
	p.config.RuntimeParams["idle_in_transaction_session_timeout"] = "0"
	p.config.RuntimeParams["application_name"] = "fountain migrate"
	p.pool = stdlib.OpenDB(*p.config)
	if conn, err = p.pool.Conn(ctx); err != nil {
		return nil, nil, errors.Join(fmt.Errorf("%s: %w", p.name(), explainServer(err)), p.pool.Close())
	}
	if err := p.refuseUsed(ctx, conn, c.Service); err != nil {
		return nil, nil, errors.Join(err, conn.Close(), p.pool.Close())
	}
	return p, conn, nil
}

// refuseUsed looks for services that are connected to the schema's database
// under the name that they have from parsePostgres.
func (p *postgres) refuseUsed(ctx context.Context, conn *sql.Conn, service string) error {
	const query = "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() AND application_name = $1"
	var count int
	if err := conn.QueryRowContext(ctx, query, "fountainai "+service).Scan(&count); err != nil {
		return explainServer(err)
	}
	if count > 0 {
		return fmt.Errorf("%w: the service %s has %d connections to %s; stop all its replicas first", ErrInUse, service, count, p.name())
	}
	return nil
}

func openServerSource(ctx context.Context, c Copy) (*copyEnd, error) {
	p, conn, err := c.openServer(ctx, c.From)
	if err != nil {
		return nil, err
	}
	unlock, err := p.lockSchema(ctx, false)
	if err != nil {
		return nil, errors.Join(explainServer(err), conn.Close(), p.pool.Close())
	}
	release := func() error {
		_, _ = conn.ExecContext(context.WithoutCancel(ctx), "ROLLBACK")
		return errors.Join(conn.Close(), unlock(), p.pool.Close())
	}
	if _, err := conn.ExecContext(ctx, beginRead); err != nil {
		return nil, errors.Join(explainServer(err), release())
	}
	return &copyEnd{dialect: postgresDialect, name: p.name(), conn: conn, release: release}, nil
}

// serverTarget is a schema. While the copy is not whole it has a table that says
// so.
type serverTarget struct {
	copyEnd
	postgres *postgres
	unlock   func() error
	marked   bool
}

func openServerTarget(ctx context.Context, c Copy) (copyTarget, error) {
	p, conn, err := c.openServer(ctx, c.To)
	if err != nil {
		return nil, err
	}
	s := &serverTarget{copyEnd: copyEnd{dialect: postgresDialect, name: p.name(), conn: conn}, postgres: p}
	if s.unlock, err = p.lockSchema(ctx, true); err == nil {
		err = s.mark(ctx)
	}
	if err == nil {
		err = s.makeTables(ctx, p.pool, c, s.marked)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("%s: %w", p.name(), explainServer(err)), s.close())
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

func (s *serverTarget) finish(ctx context.Context) error {
	_, err := s.conn.ExecContext(ctx, "DROP TABLE "+unfinishedTable)
	return err
}

func (s *serverTarget) close() error {
	var failures []error
	if s.unlock != nil {
		failures = append(failures, s.unlock())
	}
	return errors.Join(append(failures, s.conn.Close(), s.postgres.pool.Close())...)
}
