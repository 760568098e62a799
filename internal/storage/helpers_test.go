// What the tests of this package share.
package storage

import (
	"context"
	"database/sql/driver"
	"io/fs"
	"log/slog"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/fstest"

	sqlite "modernc.org/sqlite"
)

const firstMigration = `-- +goose Up
CREATE TABLE lines (
    id      INTEGER PRIMARY KEY,
    script  BIGINT NOT NULL,
    heading TEXT   NOT NULL,
    body    TEXT   NOT NULL
);
`

func testMigrations() fs.FS {
	return fstest.MapFS{"00001_lines.sql": {Data: []byte(firstMigration)}}
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func openTest(t testing.TB, options Options) *DB {
	t.Helper()
	options.Logger = silent()
	db, err := Open(context.Background(), filepath.Join(t.TempDir(), "test.db"), testMigrations(), options)
	must(t, err)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

// countCommits asks SQLite itself to count the commits of the writer.
func countCommits(t testing.TB, db *DB) *atomic.Int64 {
	t.Helper()
	var commits atomic.Int64
	must(t, db.writer.connection.conn.Raw(func(c any) error {
		c.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 {
			commits.Add(1)
			return 0
		})
		_ = c.(driver.Conn)
		return nil
	}))
	return &commits
}
