// One process per database: an advisory lock beside the database file.
package storage

import (
	"errors"
	"fmt"
	"os"
	"strings"

	"github.com/gofrs/flock"
)

// ErrInUse means that another process has the database open.
var ErrInUse = errors.New("database is in use")

// InUse reports whether a process has the database file at path open.
func InUse(path string) (bool, error) {
	if _, err := os.Stat(path + ".lock"); errors.Is(err, os.ErrNotExist) {
		return false, nil
	}
	lock, err := acquire(path)
	if errors.Is(err, ErrInUse) {
		return true, nil
	}
	if err != nil {
		return false, err
	}
	return false, lock.Unlock()
}

func acquire(path string) (*flock.Flock, error) {
	lock := flock.New(path+".lock", flock.SetFlag(os.O_CREATE|os.O_RDWR), flock.SetPermissions(0o600))
	held, err := lock.TryLock()
	if err != nil {
		return nil, fmt.Errorf("lock database %s: %w", path, err)
	}
	if !held {
		return nil, fmt.Errorf("%w: %s is open in another process%s; stop that process or choose another database",
			ErrInUse, path, holder(lock.Path()))
	}
	// The number is a courtesy to whoever meets the lock; the lock itself is
	// the kernel's, so a stale number after a crash does no harm.
	_ = os.WriteFile(lock.Path(), fmt.Appendf(nil, "%d\n", os.Getpid()), 0o600)
	return lock, nil
}

func holder(lockPath string) string {
	text, err := os.ReadFile(lockPath)
	if pid := strings.TrimSpace(string(text)); err == nil && pid != "" {
		return " (pid " + pid + ")"
	}
	return ""
}
