// What a copy does to its target on either engine.
package storage

import (
	"context"
	"database/sql"
	"errors"
)

// makeTables makes the tables of a target that is marked as unfinished, and looks at
// those of another, which must be the service's and of a version that is known.
func (e *copyEnd) makeTables(ctx context.Context, pool *sql.DB, c Copy, marked bool) error {
	if err := e.dialect.checkOwner(ctx, pool, e.name, c.Service, c.Migrations); err != nil {
		return err
	}
	if !marked {
		return e.dialect.checkVersions(ctx, pool, e.name, c.Migrations)
	}
	if err := e.dialect.migrate(ctx, pool, e.name, c.Migrations, c.Logger); err != nil {
		return err
	}
	return e.dialect.markOwner(ctx, pool, e.name, c.Service)
}

// clear empties tables in one transaction, those that refer to others before these.
func (e *copyEnd) clear(ctx context.Context, tables []tableShape) error {
	return e.inTransaction(ctx, func(tx *sql.Tx) error {
		for i := len(tables) - 1; i >= 0; i-- {
			if _, err := tx.ExecContext(ctx, "DELETE FROM "+tables[i].name); err != nil {
				return err
			}
		}
		return nil
	})
}

func (e *copyEnd) inTransaction(ctx context.Context, run func(tx *sql.Tx) error) error {
	tx, err := e.conn.BeginTx(ctx, nil)
	if err != nil {
		return err
	}
	if err := run(tx); err != nil {
		return errors.Join(err, tx.Rollback())
	}
	return tx.Commit()
}
