package storage

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"golang.org/x/sys/unix"
)

func init() { childRoles["last"] = childLast }

// childLast takes the lock by which SQLite finds out, as it closes a database,
// that nobody else has it open, and that the log may go.
func childLast(path string) error {
	file, err := os.OpenFile(path, os.O_RDWR, 0)
	if err != nil {
		return err
	}
	whole := unix.Flock_t{Type: unix.F_WRLCK, Start: sharedFirst, Len: sharedSize}
	return errors.Join(unix.FcntlFlock(file.Fd(), unix.F_SETLK, &whole), file.Close())
}

// TestGuard: no other process takes itself for the last one, though this process
// has closed a file of the database, which drops the locks that SQLite has.
func TestGuard(t *testing.T) {
	last := func(path string) string {
		output, err := childCommand(t, "last", path).CombinedOutput()
		if err == nil {
			return "last"
		}
		return string(output)
	}
	path := filepath.Join(t.TempDir(), "x.db")
	db := openUnfolded(t, path)
	store(t, db, 1)
	file, err := os.Open(path)
	must(t, err)
	must(t, file.Close())
	if got := last(path); !strings.Contains(got, unix.EAGAIN.Error()) {
		t.Errorf("another process got the lock of the last one: %s", got)
	}
	must(t, db.Close())
	if got := last(path); got != "last" {
		t.Errorf("after Close: %s", got)
	}
}
