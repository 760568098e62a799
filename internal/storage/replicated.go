// What a database needs of its storage while another part of the process copies
// its write-ahead log away: nobody but that part folds the log into the file.
package storage

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// unfolded is the pragma of connections that leave the write-ahead log alone.
const unfolded = "wal_autocheckpoint(0)"

// logLimit is the journal_size_limit of the connection that writes, in bytes.
const logLimit = 64 << 20

// How long a connection waits for others: while all writes wait, and else.
const (
	foldPatience  = "PRAGMA busy_timeout(100)"
	writePatience = "PRAGMA busy_timeout(10000)"
)

// FollowerFolder is where who copies the write-ahead log of the database at path
// away keeps its place in it. That is good for nothing once the log has been
// folded by others: a database that is opened without Options.Unfolded, or
// replaced, loses the folder.
func FollowerFolder(path string) string {
	return filepath.Join(filepath.Dir(path), "."+filepath.Base(path)+"-litestream")
}

// ForgetFollower removes the FollowerFolder, so that it is not there again after a
// power cut when the log has been folded since.
func ForgetFollower(path string) error {
	folder := FollowerFolder(path)
	if _, err := os.Lstat(folder); errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err := os.RemoveAll(folder); err != nil {
		return fmt.Errorf("forget who followed the log of %s: %w", path, err)
	}
	syncFolder(filepath.Dir(folder))
	return nil
}

// Pause runs run while no write is under way: it holds up the writer between two
// commits, so run must be short and must not wait for anything but the disk.
func (db *DB) Pause(run func() error) error {
	db.writer.turn.Lock()
	defer db.writer.turn.Unlock()
	return run()
}

// Fold takes the write-ahead log into the database file, which a database opened
// with Options.Unfolded does at no other time. With restart the log is empty then:
// Fold waits for reads to end, a moment only since writes wait too, and returns an
// error that wraps ErrUnavailable if they do not.
func (db *DB) Fold(ctx context.Context, restart bool) error {
	return db.Pause(func() error {
		mode, conn := "PASSIVE", db.writer.connection.conn
		if restart {
			mode = "TRUNCATE"
			_, err := conn.ExecContext(ctx, foldPatience)
			defer conn.ExecContext(context.WithoutCancel(ctx), writePatience)
			if err != nil {
				return explain(err)
			}
		}
		var busy, frames, folded int
		err := conn.QueryRowContext(ctx, "PRAGMA wal_checkpoint("+mode+")").Scan(&busy, &frames, &folded)
		switch {
		case err != nil:
			return fmt.Errorf("fold the log of %s: %w", db.path, explain(err))
		case restart && busy != 0:
			return fmt.Errorf("%w: fold the log of %s: it is being read", ErrUnavailable, db.path)
		}
		return nil
	})
}

// TrimLog cuts the write-ahead log off behind its first end bytes, or the size
// that SQLite cuts it to if that is more, as SQLite does where it begins the log
// anew itself. It is for who knows that nothing is behind end, inside Pause.
func (db *DB) TrimLog(end int64) error {
	if end = max(end, logLimit); db.LogSize() <= end {
		return nil
	}
	return os.Truncate(db.path+"-wal", end)
}

// LogSize returns the bytes on disk of the write-ahead log.
func (db *DB) LogSize() int64 { return fileSize(db.path + "-wal") }

// IsEmpty reports whether there is no database at path: no file, or one that was
// created and never written to.
func IsEmpty(path string) bool { return fileSize(path) == 0 && fileSize(path+"-wal") == 0 }

// ErrExists means that there is a database where one was to be restored.
var ErrExists = errors.New("there is a database already")

// ReserveRestore keeps everybody from opening the database at path until Apply or
// Discard. What is to be the database goes to File, which is not there yet.
//
// It returns an error that wraps ErrInUse if a process has the database open, and
// one that wraps ErrExists if there is a database.
func ReserveRestore(ctx context.Context, path string) (*Replacement, error) {
	lock, err := acquire(ctx, path)
	if err != nil {
		return nil, err
	}
	r := &Replacement{lock: lock, path: path}
	if !IsEmpty(path) {
		return nil, errors.Join(fmt.Errorf("%w: %s", ErrExists, path), lock.Unlock())
	}
	removeLeft(path, restoreSuffix)
	for _, suffix := range []string{"", "-wal", "-shm"} {
		_ = os.Remove(path + suffix)
	}
	return r, nil
}

// Lineage names the history that the database is part of, which its copies and
// restored backups share, and no other database does.
func (db *DB) Lineage() string {
	// Not the secret itself: the name is kept where others may read it.
	sum := sha256.Sum256(append([]byte("lineage of "), db.secret...))
	return hex.EncodeToString(sum[:16])
}
