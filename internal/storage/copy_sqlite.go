// A SQLite file as an end of a copy.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"

	"github.com/gofrs/flock"
)

func openSource(ctx context.Context, c Copy) (*copyEnd, error) {
	if IsServer(c.From) {
		return openServerSource(ctx, c)
	}
	if _, err := os.Stat(c.From); err != nil {
		return nil, err
	}
	lock, err := acquire(ctx, c.From)
	if err != nil {
		return nil, err
	}
	snapshot, err := OpenSnapshot(ctx, c.From)
	if err != nil {
		return nil, errors.Join(err, lock.Unlock())
	}
	release := func() error { return errors.Join(snapshot.Close(), lock.Unlock()) }
	return &copyEnd{dialect: sqliteDialect, name: c.From, conn: snapshot.conn, release: release}, nil
}

func openTarget(ctx context.Context, c Copy) (copyTarget, error) {
	if IsServer(c.To) {
		return openServerTarget(ctx, c)
	}
	if err := os.MkdirAll(filepath.Dir(c.To), 0o700); err != nil {
		return nil, err
	}
	lock, err := acquire(ctx, c.To)
	if err != nil {
		return nil, err
	}
	f := &fileTarget{path: c.To, lock: lock}
	if err := f.open(ctx, c); err != nil {
		return nil, errors.Join(err, f.close())
	}
	return f, nil
}

// fileTarget is a SQLite file. While the copy is not whole it has another name.
type fileTarget struct {
	copyEnd
	path   string
	lock   *flock.Flock
	pool   *sql.DB
	marked bool
}

// open opens the file that is there, to be compared, or else the unfinished one.
func (f *fileTarget) open(ctx context.Context, c Copy) error {
	f.removeLink()
	path := f.path
	if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
		if err := refuseLog(path); err != nil {
			return err
		}
		path, f.marked = path+unfinishedSuffix, true
		if err := createFile(path); err != nil {
			return err
		}
	}
	var err error
	if f.pool, err = openPool(path, "mode=rw", writable...); err != nil {
		return err
	}
	f.pool.SetMaxOpenConns(1)
	f.copyEnd = copyEnd{dialect: sqliteDialect, name: f.path}
	if err := f.makeTables(ctx, f.pool, c, f.marked); err != nil {
		return explain(err)
	}
	f.conn, err = f.pool.Conn(ctx)
	return explain(err)
}

// refuseLog keeps a copy from being put beside the log of a file that is gone, which
// SQLite would take for the copy's.
func refuseLog(path string) error {
	for _, suffix := range []string{"-wal", "-journal", "-shm"} {
		if _, err := os.Stat(path + suffix); !errors.Is(err, fs.ErrNotExist) {
			return fmt.Errorf("%w: %s is there without its database, of which it may hold the newest part; move it away, or put the database back beside it",
				ErrNotEmpty, path+suffix)
		}
	}
	return nil
}

// removeLink removes the other name of a copy that was finished when its maker
// was stopped.
func (f *fileTarget) removeLink() {
	whole, err := os.Stat(f.path)
	other, otherErr := os.Stat(f.path + unfinishedSuffix)
	if err == nil && otherErr == nil && os.SameFile(whole, other) {
		_ = os.Remove(f.path + unfinishedSuffix)
		syncFolder(filepath.Dir(f.path))
	}
}

func (f *fileTarget) isMarked() bool { return f.marked }

func (f *fileTarget) fill(ctx context.Context, table tableShape, rows *rowReader, counter int64) error {
	marks := strings.TrimSuffix(strings.Repeat("?, ", len(table.columns)), ", ")
	return f.inTransaction(ctx, func(tx *sql.Tx) error {
		insert, err := tx.PrepareContext(ctx, fmt.Sprintf("INSERT INTO %s (%s) VALUES (%s)", table.name, strings.Join(table.names(), ", "), marks))
		if err != nil {
			return err
		}
		defer insert.Close()
		for rows.Next() {
			if _, err := insert.ExecContext(ctx, rows.values...); err != nil {
				return err
			}
		}
		if err := rows.Err(); err != nil || table.counter == "" {
			return err
		}
		return setSQLiteCounter(ctx, tx, table.name, counter)
	})
}

// setSQLiteCounter sets what SQLite counts on from, which has no key to replace
// it by.
func setSQLiteCounter(ctx context.Context, tx *sql.Tx, table string, counter int64) error {
	if _, err := tx.ExecContext(ctx, "DELETE FROM sqlite_sequence WHERE name = ?", table); err != nil {
		return err
	}
	_, err := tx.ExecContext(ctx, "INSERT INTO sqlite_sequence (name, seq) VALUES (?, ?)", table, counter)
	return err
}

// finish folds the log into the file and gives it its name, durably. Nobody has
// followed the log of what is now at that name.
func (f *fileTarget) finish(ctx context.Context, _ []*Transfer) error {
	if _, err := f.conn.ExecContext(ctx, "PRAGMA journal_mode = DELETE"); err != nil {
		return err
	}
	if err := f.closeFile(); err != nil {
		return err
	}
	if err := ForgetFollower(f.path); err != nil {
		return err
	}
	err := publish(f.path+unfinishedSuffix, f.path)
	stage("published")
	f.removeLink()
	return err
}

func (f *fileTarget) closeFile() error {
	var failures []error
	if f.conn != nil {
		failures = append(failures, f.conn.Close())
	}
	if f.pool != nil {
		failures = append(failures, f.pool.Close())
	}
	f.conn, f.pool = nil, nil
	return errors.Join(failures...)
}

func (f *fileTarget) close() error { return errors.Join(f.closeFile(), f.lock.Unlock()) }
