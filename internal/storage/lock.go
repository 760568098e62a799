// One process per database: an advisory lock beside the database file.
package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"
)

// ErrInUse means that another process has the database open.
var ErrInUse = errors.New("database is in use")

// lockPatience is how long a database may take to become free. It spans the
// moment in which InUse looks, and the end of a process that is closing.
const lockPatience = 250 * time.Millisecond

// InUse reports whether a process has the database file at path open.
func InUse(path string) (bool, error) {
	// A shared lock, so that two who look do not see each other.
	lock := flock.New(lockPath(path), flock.SetFlag(os.O_RDONLY))
	free, err := lock.TryRLock()
	if errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	if err != nil {
		return false, fmt.Errorf("look at the lock of database %s: %w", path, err)
	}
	return !free, lock.Unlock()
}

// acquire locks the database for this process until Unlock. The kernel drops
// the lock when the process ends, however it ends.
func acquire(ctx context.Context, path string) (*flock.Flock, error) {
	lock := flock.New(lockPath(path), flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	// Tried at least once, however long a busy machine lets us wait before.
	held, err := lock.TryLock()
	if err == nil && !held {
		ctx, cancel := context.WithTimeout(ctx, lockPatience)
		defer cancel()
		held, err = lock.TryLockContext(ctx, lockPatience/10)
	}
	if err != nil && !errors.Is(err, context.DeadlineExceeded) {
		return nil, fmt.Errorf("lock database %s: %w", path, err)
	}
	if !held {
		return nil, fmt.Errorf("%w: %s is open in another process%s; stop that process or choose another database",
			ErrInUse, path, holder(lock.Path()))
	}
	// The number is a courtesy to whoever meets the lock; a stale one after a
	// crash does no harm.
	_ = os.WriteFile(lock.Path(), fmt.Appendf(nil, "%d\n", os.Getpid()), 0o600)
	return lock, nil
}

// lockPath follows symbolic links, so that a database has one lock under all
// its names.
func lockPath(path string) string {
	if resolved, err := filepath.EvalSymlinks(path); err == nil {
		path = resolved
	}
	return path + ".lock"
}

func holder(lockPath string) string {
	text, err := os.ReadFile(lockPath)
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return " (pid " + pid + ")"
	}
	return ""
}
