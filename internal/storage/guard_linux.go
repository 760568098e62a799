package storage

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// The bytes of a database file that SQLite's connections lock to show that they
// are there (https://www.sqlite.org/src/file/src/os.h, SHARED_FIRST).
const (
	sharedFirst = 0x40000000 + 2
	sharedSize  = 510
)

// guard holds SQLite's shared lock on a database once more, in a way that closing
// other files does not undo. The locks of SQLite itself are the process's: they
// all go when any part of it closes the database file, and then another process
// that closes its connection takes itself for the last one and removes the
// write-ahead log (SQLite from 3.51 on looks twice, older ones do not). While it is
// held the log also stays when this process closes its connections.
type guard struct{ file *os.File }

// placeGuard opens the file at path for good and locks it.
func placeGuard(path string) (*guard, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	lock := unix.Flock_t{Type: unix.F_RDLCK, Whence: 0, Start: sharedFirst, Len: sharedSize}
	if err := unix.FcntlFlock(file.Fd(), unix.F_OFD_SETLK, &lock); err != nil {
		return nil, errors.Join(&os.PathError{Op: "lock", Path: path, Err: err}, file.Close())
	}
	return &guard{file}, nil
}

// lift gives the lock up. No connection of this process may be open any more.
func (g *guard) lift() error {
	if g == nil {
		return nil
	}
	return g.file.Close()
}
