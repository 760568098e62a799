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
		tables, err := ownTables(tx)
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

// serviceTablesQuery leaves out what SQLite, this package, its migrations and
// Litestream keep.
const serviceTablesQuery = `SELECT name FROM sqlite_master WHERE type = 'table'
	AND name NOT LIKE 'sqlite\_%' ESCAPE '\' AND name NOT LIKE 'storage\_%' ESCAPE '\'
	AND name NOT LIKE 'sequence\_%' ESCAPE '\' AND name NOT LIKE '\_litestream\_%' ESCAPE '\' AND name NOT IN ('service_version', 'idempotency_keys') ORDER BY name`

func ownTables(tx *Tx) ([]string, error) {
	return All(tx, serviceTablesQuery, nil, func(row func(dest ...any) error, name *string) error { return row(name) })
}
