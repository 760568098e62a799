// Putting a copy of a database in its place.
package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
)

// Restore puts a copy of the backup file in place of the database file at path.
// A database that is there keeps its content under its name with the suffix
// aside. The name stands for the old or the new database at every moment, also
// after a crash. It returns ErrInUse if a process has the database open.
func Restore(ctx context.Context, backup, path, aside string) error {
	lock, err := acquire(ctx, path)
	if err != nil {
		return err
	}
	defer func() { _ = lock.Unlock() }()
	partial := path + ".partial"
	defer os.Remove(partial)
	if err := copyFile(backup, partial); err != nil {
		return fmt.Errorf("copy %s: %w", backup, err)
	}
	foldLog(path)
	if err := putAside(path, aside); err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return err
	}
	syncFolder(filepath.Dir(path))
	return nil
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	target, err := os.OpenFile(to, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o600)
	if err != nil {
		return err
	}
	_, err = io.Copy(target, source)
	return errors.Join(err, target.Sync(), target.Close())
}

// foldLog takes the write-ahead log of the old database into its file, so that
// the file alone is all of it. A database too damaged for that, perhaps the
// reason for the restore, keeps its log.
func foldLog(path string) {
	if _, err := os.Stat(path); err != nil {
		return
	}
	pool, err := openPool(path, "mode=rw")
	if err != nil {
		return
	}
	_, _ = pool.Exec("PRAGMA wal_checkpoint(TRUNCATE)")
	_ = pool.Close()
}

// putAside keeps the old database under another name. A log or journal it still
// has goes along: a new database must never meet an old one's.
func putAside(path, aside string) error {
	// A link keeps the old name until the new file replaces it, and fails
	// before anything is moved if the other name is taken.
	err := os.Link(path, path+aside)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return fmt.Errorf("keep the old database: %w", err)
	}
	for _, suffix := range []string{"-wal", "-shm", "-journal"} {
		err := os.Rename(path+suffix, path+aside+suffix)
		if err != nil && !errors.Is(err, fs.ErrNotExist) {
			return err
		}
	}
	syncFolder(filepath.Dir(path))
	return nil
}
