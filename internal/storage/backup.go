// Online copies: a database is copied while its service goes on writing.
package storage

import (
	"context"
	"database/sql"
	"database/sql/driver"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"time"

	sqlite "modernc.org/sqlite"
)

// backupPages is how many pages are copied between two progress reports.
const backupPages = 1024

// Snapshot is a database frozen for copying while its owner writes on. Several
// opened one after another, before the first is copied, stand for almost one
// moment, however large the databases are.
type Snapshot struct {
	path string
	pool *sql.DB
	conn *sql.Conn
	// unlocked holds the time of the file's last change if it is read without
	// SQLite's locks; see openUnlocked.
	unlocked time.Time
}

// OpenSnapshot freezes the database file at path as it is now. The process
// that owns the database is not disturbed; its write-ahead log grows until
// Close.
func OpenSnapshot(ctx context.Context, path string) (*Snapshot, error) {
	if _, err := os.Stat(path); err != nil {
		return nil, err
	}
	// With leave to write SQLite reads a database that nobody has open, whose
	// shared memory it has to make first and removes when done.
	snapshot, err := openSnapshot(ctx, path, "mode=rw")
	if err == nil || !mayReadUnlocked(path) {
		return snapshot, err
	}
	return openUnlocked(ctx, path, err)
}

func openSnapshot(ctx context.Context, path, mode string) (*Snapshot, error) {
	pool, err := openPool(path, mode, "busy_timeout(10000)", "query_only(ON)")
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

// openUnlocked reads a closed database in a folder that this process may not
// write to. Nothing then keeps others from writing; CopyTo finds that out.
func openUnlocked(ctx context.Context, path string, first error) (*Snapshot, error) {
	info, err := os.Stat(path)
	if err != nil {
		return nil, err
	}
	snapshot, err := openSnapshot(ctx, path, "mode=ro&immutable=1")
	if err != nil {
		return nil, first
	}
	snapshot.unlocked = info.ModTime()
	return snapshot, nil
}

// mayReadUnlocked reports whether all of the database is in its main file.
func mayReadUnlocked(path string) bool {
	log, err := os.Stat(path + "-wal")
	return errors.Is(err, fs.ErrNotExist) || err == nil && log.Size() == 0
}

// freeze begins a read transaction; SQLite takes the snapshot at its first read.
func freeze(ctx context.Context, conn *sql.Conn) error {
	if _, err := conn.ExecContext(ctx, "BEGIN"); err != nil {
		return err
	}
	var tables int
	return conn.QueryRowContext(ctx, "SELECT count(*) FROM sqlite_master").Scan(&tables)
}

// CopyTo writes the snapshot to a new file at destination, durably; the file
// appears whole or not at all. progress, if not nil, is told how many pages of
// how many are done.
func (s *Snapshot) CopyTo(destination string, progress func(done, total int)) error {
	return s.copyTo(context.Background(), destination, progress)
}

func (s *Snapshot) copyTo(ctx context.Context, destination string, progress func(done, total int)) error {
	if _, err := os.Lstat(destination); err == nil {
		return existsAlready(destination)
	}
	partial, err := createPartial(destination)
	if err != nil {
		return fmt.Errorf("copy %s: %w", s.path, err)
	}
	// Once published the file has two names, of which this one must go.
	defer os.Remove(partial)
	err = s.conn.Raw(func(source any) error { return copyPages(ctx, source, partial, progress) })
	if err = errors.Join(err, s.checkUnchanged()); err != nil {
		return fmt.Errorf("copy %s to %s: %w", s.path, destination, explain(err))
	}
	return publish(partial, destination)
}

func existsAlready(destination string) error {
	return fmt.Errorf("%s exists already; backups never overwrite", destination)
}

// createPartial creates the file that becomes destination when it is whole,
// readable by its owner alone.
func createPartial(destination string) (string, error) {
	file, err := os.CreateTemp(filepath.Dir(destination), filepath.Base(destination)+".*.partial")
	if err != nil {
		return "", err
	}
	return file.Name(), file.Close()
}

// checkUnchanged returns an error if the database was written to while it was
// read without locks.
func (s *Snapshot) checkUnchanged() error {
	if s.unlocked.IsZero() {
		return nil
	}
	info, err := os.Stat(s.path)
	if err != nil {
		return err
	}
	if !info.ModTime().Equal(s.unlocked) || !mayReadUnlocked(s.path) {
		return errors.New("a process has opened the database meanwhile; try again")
	}
	return nil
}

// backuper is what the driver's connections offer beyond database/sql.
type backuper interface {
	NewBackup(destination string) (*sqlite.Backup, error)
}

func copyPages(ctx context.Context, driverConn any, destination string, progress func(done, total int)) error {
	source, ok := driverConn.(backuper)
	if !ok {
		return errors.New("the database driver offers no online backup")
	}
	// A copy that is not whole is thrown away, so it needs no journal, and
	// publish syncs it once.
	backup, err := source.NewBackup(dataSource(destination, "mode=rw", "journal_mode(OFF)", "synchronous(OFF)"))
	if err != nil {
		return err
	}
	for more := true; more && err == nil; {
		if more, err = backup.Step(backupPages); err != nil {
			break
		}
		if progress != nil {
			progress(backup.PageCount()-backup.Remaining(), backup.PageCount())
		}
		err = ctx.Err()
	}
	if err != nil {
		return errors.Join(err, backup.Finish())
	}
	return finish(backup)
}

// finish takes the copy out of WAL mode, so that it is one file and can be
// read where nothing may be written. Opening it as a database puts it back.
func finish(backup *sqlite.Backup) error {
	copied, err := backup.Commit()
	if err != nil {
		return err
	}
	_, err = copied.(driver.ExecerContext).ExecContext(context.Background(), "PRAGMA journal_mode = DELETE", nil)
	return errors.Join(err, copied.Close())
}

// publish gives the file its name, and syncs the file before and the folder
// after, so that a name that exists always stands for a whole copy. A link
// does not replace a file that has appeared meanwhile; not all file systems
// have links.
func publish(partial, destination string) error {
	if err := syncPath(partial); err != nil {
		return err
	}
	err := os.Link(partial, destination)
	if errors.Is(err, fs.ErrExist) {
		return existsAlready(destination)
	}
	if err != nil {
		if err := os.Rename(partial, destination); err != nil {
			return err
		}
	}
	syncFolder(filepath.Dir(destination))
	return nil
}

// SyncFolder makes the names in a folder durable where that can be done: some
// file systems refuse it, which is no error. A folder that cannot be opened is one.
func SyncFolder(path string) error {
	folder, err := os.Open(path)
	if err != nil {
		return err
	}
	_ = folder.Sync()
	return folder.Close()
}

// syncFolder is SyncFolder also where a folder may not be opened, which SQLite
// passes over too.
func syncFolder(path string) { _ = SyncFolder(path) }

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

// ErrNoFile means that a database is on a server and so has no file to copy, and no
// log of its own to follow.
var ErrNoFile = errors.New("the database is on a PostgreSQL server; copy it with pg_dump or as the server's operator does")

// Backup copies the open database to a new file at destination.
func (db *DB) Backup(ctx context.Context, destination string) error {
	if db.postgres != nil {
		return ErrNoFile
	}
	snapshot, err := OpenSnapshot(ctx, db.path)
	if err != nil {
		return err
	}
	return errors.Join(snapshot.copyTo(ctx, destination, nil), snapshot.Close())
}

// copySuffix marks the files of TemporaryCopy beside the database.
const copySuffix = ".snapshot-"

// TemporaryCopy is a copy of a database that Close removes.
type TemporaryCopy struct{ *os.File }

// Close closes and removes the copy.
func (c TemporaryCopy) Close() error {
	return errors.Join(c.File.Close(), os.Remove(c.Name()))
}

// TemporaryCopy copies the open database to a file beside it, the volume that is
// made for it. It returns an error that wraps ErrFull where the copy would leave
// the service itself too little room. What a crash leaves goes at the next Open.
func (db *DB) TemporaryCopy(ctx context.Context) (TemporaryCopy, error) {
	if db.postgres != nil {
		return TemporaryCopy{}, ErrNoFile
	}
	if _, free := diskSpace(filepath.Dir(db.path)); free > 0 && free/5*4 < uint64(db.Size()) {
		return TemporaryCopy{}, fmt.Errorf("%w: a copy needs %d bytes and a quarter to spare, %d are free", ErrFull, db.Size(), free)
	}
	destination := fmt.Sprintf("%s%s%d", db.path, copySuffix, db.copies.Add(1))
	if err := db.Backup(ctx, destination); err != nil {
		return TemporaryCopy{}, err
	}
	file, err := os.Open(destination)
	return TemporaryCopy{file}, err
}

// removeLeft removes what a process that was killed has left beside its database
// under names that begin with the suffix. The caller holds the lock, so nobody is
// writing it.
func removeLeft(path, suffix string) {
	entries, _ := os.ReadDir(filepath.Dir(path))
	for _, entry := range entries {
		if strings.HasPrefix(entry.Name(), filepath.Base(path)+suffix) {
			_ = os.Remove(filepath.Join(filepath.Dir(path), entry.Name()))
		}
	}
}

// Check runs SQLite's integrity check on the database file at path and returns
// an error naming the first fault.
func Check(ctx context.Context, path string) error {
	snapshot, err := OpenSnapshot(ctx, path)
	if err != nil {
		return err
	}
	defer snapshot.Close()
	var verdict string
	if err := snapshot.conn.QueryRowContext(ctx, "PRAGMA integrity_check(1)").Scan(&verdict); err != nil {
		return fmt.Errorf("check %s: %w", path, explain(err))
	}
	if verdict != "ok" {
		return fmt.Errorf("check %s: %s", path, verdict)
	}
	return nil
}
