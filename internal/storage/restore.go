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

	"github.com/gofrs/flock"
)

// Replacement is a copy of a backup that waits beside the database it is to
// replace, which nobody can open meanwhile. Of several, all are prepared before
// the first takes its place: what can fail, as a full disk, fails before that.
type Replacement struct {
	lock *flock.Flock
	path string
}

// PrepareRestore copies the backup file to beside the database file at path. It
// returns ErrInUse if a process has the database open. Call Apply or Discard.
func PrepareRestore(ctx context.Context, backup, path string) (*Replacement, error) {
	source, err := os.Open(backup)
	if err != nil {
		return nil, fmt.Errorf("copy %s: %w", backup, err)
	}
	defer source.Close()
	return ReadRestore(ctx, source, path)
}

// ReadRestore is PrepareRestore with a backup that comes from anywhere. What has
// been read is in File, to be checked before Apply.
func ReadRestore(ctx context.Context, backup io.Reader, path string) (*Replacement, error) {
	lock, err := acquire(ctx, path)
	if err != nil {
		return nil, err
	}
	r := &Replacement{lock: lock, path: path}
	if err := writeFile(backup, r.File()); err != nil {
		return nil, errors.Join(fmt.Errorf("copy to %s: %w", r.File(), err), r.Discard())
	}
	return r, nil
}

// restoreSuffix marks a Replacement's file, and what is beside it while it is made.
const restoreSuffix = ".partial"

// File is where the copy waits.
func (r *Replacement) File() string { return r.path + restoreSuffix }

// Apply puts the copy in the database's place. A database that is there keeps
// its content under its name with the suffix aside. The name stands for the old
// or the new database at every moment, also after a crash.
func (r *Replacement) Apply(aside string) error {
	foldLog(r.path)
	if err := ForgetFollower(r.path); err != nil {
		return errors.Join(err, r.Discard())
	}
	if err := putAside(r.path, aside); err != nil {
		return errors.Join(err, r.Discard())
	}
	if err := os.Rename(r.File(), r.path); err != nil {
		return errors.Join(err, r.Discard())
	}
	syncFolder(filepath.Dir(r.path))
	return r.lock.Unlock()
}

// Discard removes the copy; the database stays as it is.
func (r *Replacement) Discard() error {
	_ = os.Remove(r.File())
	return r.lock.Unlock()
}

func writeFile(source io.Reader, to string) error {
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
