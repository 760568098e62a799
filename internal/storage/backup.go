// Online copies: a database is copied while its service goes on writing.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"os"
	"path/filepath"

	sqlite "modernc.org/sqlite"
)

// backupPages is how many pages are copied between two progress reports.
const backupPages = 1024

// Snapshot is a database frozen for copying while its owner writes on. Several
// opened one after another are as good as one moment for all of them.
type Snapshot struct {
	path string
	pool *sql.DB
	conn *sql.Conn
}

// OpenSnapshot freezes the database file at path as it is now. The process
// that owns the database is not disturbed; its write-ahead log grows until
// Close.
func OpenSnapshot(ctx context.Context, path string) (*Snapshot, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	pool, err := openPool(path, true)
	if err != nil {
		return nil, err
	}
	snapshot := &Snapshot{path: path, pool: pool}
	if snapshot.conn, err = pool.Conn(ctx); err == nil {
		err = freeze(ctx, snapshot.conn)
	}
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read database %s: %w", path, explain(err)), snapshot.Close())
	}
	return snapshot, nil
}

// freeze begins a read transaction; SQLite takes the snapshot at its first read.
func freeze(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	var tables int
	return conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables)
}

// backuper is what the driver's connections offer beyond database/sql.
type backuper interface {
	NewBackup(destination string) (*sqlite.Backup, error)
}

// CopyTo writes the snapshot to a new file at destination, durably; the file
// appears whole or not at all. progress, if not nil, is told how many pages of
// how many are done.
func (s *Snapshot) CopyTo(destination string, progress func(done, total int)) error {
	if _, err := os.Stat(destination); err == nil {
		return fmt.Errorf("%s exists already; backups never overwrite", destination)
	}
	partial := destination + ".partial"
	_ = os.Remove(partial)
	if err := s.conn.Raw(func(driver any) error { return copyPages(driver, partial, progress) }); err != nil {
		return errors.Join(fmt.Errorf("copy %s to %s: %w", s.path, destination, explain(err)), os.Remove(partial))
	}
	return publish(partial, destination)
}

func copyPages(driver any, destination string, progress func(done, total int)) error {
	source, ok := driver.(backuper)
	if !ok {
		return errors.New("the database driver offers no online backup")
	}
	backup, err := source.NewBackup("file:" + destination)
	if err != nil {
		return err
	}
	for more := true; more && err == nil; {
		more, err = backup.Step(backupPages)
		if progress != nil && err == nil {
			progress(backup.PageCount()-backup.Remaining(), backup.PageCount())
		}
	}
	return errors.Join(err, backup.Finish())
}

// publish syncs the file and its folder before and after the rename, so that
// a name that exists always stands for a whole copy.
func publish(partial, destination string) error {
	if err := syncPath(partial); err != nil {
		return err
	}
	if err := os.Rename(partial, destination); err != nil {
		return err
	}
	return syncPath(filepath.Dir(destination))
}

func syncPath(path string) error {
	file, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(file.Sync(), file.Close())
}

// Close lets the snapshot go.
func (s *Snapshot) Close() error {
	var err error
	if s.conn != nil {
		_, _ = s.conn.ExecContext(context.Background(), "ROLLBACK")
		err = s.conn.Close()
	}
	return errors.Join(err, s.pool.Close())
}

// Backup copies the open database to a new file at destination.
func (db *DB) Backup(ctx context.Context, destination string) error {
	snapshot, err := OpenSnapshot(ctx, db.path)
	if err != nil {
		return err
	}
	return errors.Join(snapshot.CopyTo(destination, nil), snapshot.Close())
}

// Check runs SQLite's integrity check on the database file at path, which no
// process may have open, and returns an error naming the first fault.
func Check(ctx context.Context, path string) error {
	pool, err := openPool(path, true)
	if err != nil {
		return err
	}
	defer pool.Close()
	var verdict string
	if err := pool.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("check %s: %w", path, explain(err))
	}
	if verdict != "ok" {
		return fmt.Errorf("check %s: %s", path, verdict)
	}
	return nil
}
