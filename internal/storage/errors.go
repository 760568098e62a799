// What went wrong in the database, in terms the layers above can act on.
package storage

import (
	"database/sql"
	"errors"
	"fmt"

	sqlite "modernc.org/sqlite"
	sqlite3 "modernc.org/sqlite/lib"
)

var (
	// ErrFull means that the disk has no room; the write changed nothing.
	ErrFull = errors.New("the disk that holds the database is full")
	// ErrClosed means that the database is being closed.
	ErrClosed = errors.New("the database is closed")
	// ErrUnavailable means that the database could not do its work for a
	// reason other than the request; the write changed nothing.
	ErrUnavailable = errors.New("the database is unavailable")
)

// IsNoRows reports whether err says that a row asked for does not exist.
func IsNoRows(err error) bool { return errors.Is(err, sql.ErrNoRows) }

// IsUnique reports whether err says that a write would have given two rows the
// same value of a unique column or key.
func IsUnique(err error) bool {
	code := extendedCode(err)
	return code == sqlite3.SQLITE_CONSTRAINT_UNIQUE || code == sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY ||
		code == sqlite3.SQLITE_CONSTRAINT_ROWID || serverCode(err) == "23505"
}

// IsForeignKey reports whether err says that a write refers to a missing row.
func IsForeignKey(err error) bool {
	return extendedCode(err) == sqlite3.SQLITE_CONSTRAINT_FOREIGNKEY || serverCode(err) == "23503"
}

func extendedCode(err error) int {
	var failure *sqlite.Error
	if errors.As(err, &failure) {
		return failure.Code()
	}
	return 0
}

// endsTransaction reports whether err is trouble with the machine rather than
// the statement. After such errors SQLite may have rolled back by itself.
func endsTransaction(err error) bool {
	explained := explain(err)
	return errors.Is(explained, ErrFull) || errors.Is(explained, ErrUnavailable)
}

// explain wraps a driver error in the sentinel that tells callers what kind of
// trouble it is. Errors that are the request's own fault pass unchanged.
func explain(err error) error {
	if err == nil || errors.Is(err, ErrFull) || errors.Is(err, ErrUnavailable) {
		return err
	}
	if serverCode(err) != "" {
		return explainServer(err)
	}
	code := extendedCode(err)
	if code == sqlite3.SQLITE_IOERR_SHMSIZE {
		// What a full disk looks like while a database is being opened.
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	switch code & 0xff {
	case sqlite3.SQLITE_FULL:
		return fmt.Errorf("%w: %w", ErrFull, err)
	case sqlite3.SQLITE_NOTADB:
		return fmt.Errorf("%w: the file is not a SQLite database; move it away or restore a backup: %w", ErrUnavailable, err)
	case sqlite3.SQLITE_CORRUPT:
		return fmt.Errorf("%w: the database is damaged; restore a backup: %w", ErrUnavailable, err)
	case sqlite3.SQLITE_IOERR, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED,
		sqlite3.SQLITE_NOMEM, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_PERM, sqlite3.SQLITE_INTERRUPT,
		sqlite3.SQLITE_PROTOCOL:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}

// lockTimeout is the server's code for a lock not had in time.
const lockTimeout = "55P03"

// explainServer is explain for the errors of a database server (PostgreSQL's
// manual, appendix A).
func explainServer(err error) error {
	code := serverCode(err)
	if code == "" || errors.Is(err, ErrFull) || errors.Is(err, ErrUnavailable) {
		return err
	}
	if code == "53100" {
		return fmt.Errorf("%w: %w", ErrFull, err)
	}
	switch code[:2] {
	// Connections, who may connect, what is not there, resources, an operator
	// at work, files, and what the server finds damaged.
	case "08", "28", "3D", "53", "57", "58", "XX":
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	switch code {
	// A standby, which refuses writes and the isolation that they ask for, a
	// transaction that slept, a lock not had in time.
	case "25006", "0A000", "25P03", lockTimeout:
		return fmt.Errorf("%w: %w", ErrUnavailable, err)
	}
	return err
}
