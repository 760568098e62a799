// What operators ask a database: can it write, how much is in it.
package storage

import (
	"context"
	"time"
)

// Probe proves that the database takes durable writes, by making one.
func (db *DB) Probe(ctx context.Context) error {
	const rewrite = `INSERT INTO storage_probe (id, checked_at) VALUES (1, $1)
		ON CONFLICT (id) DO UPDATE SET checked_at = excluded.checked_at`
	return db.Write(ctx, func(_ context.Context, tx *Tx) error {
		_, err := tx.Exec(rewrite, time.Now().UnixMilli())
		return err
	})
}

// Rows counts the rows of each of the service's own tables. It reads every
// table once, so it is for people, not for every request.
func (db *DB) Rows(ctx context.Context) (map[string]int64, error) {
	counts := map[string]int64{}
	err := db.Read(ctx, func(tx *Tx) error {
		tables, err := db.Tables(tx)
		if err != nil {
			return err
		}
		for _, table := range tables {
			var count int64
			if err := tx.QueryRow(`SELECT count(*) FROM "`+table+`"`, nil, &count); err != nil {
				return err
			}
			counts[table] = count
		}
		return nil
	})
	return counts, err
}

// Tables returns the names of the service's own tables, in order.
func (db *DB) Tables(tx *Tx) ([]string, error) {
	return All(tx, db.dialect().serviceTables(), nil, func(row func(dest ...any) error, name *string) error { return row(name) })
}

// dialect is that of the engine.
func (db *DB) dialect() dialect {
	if db.postgres != nil {
		return postgresDialect
	}
	return sqliteDialect
}
