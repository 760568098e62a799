// Package storage keeps one database for one service: it opens and migrates it,
// serves consistent reads from a pool, and keeps writes before it acknowledges
// them. The database is a SQLite file, whose concurrent writes are grouped into
// shared durable commits, and which is copied while it is in use; or a schema on
// a PostgreSQL server, which any number of processes share.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"net/url"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync"
	"sync/atomic"

	"github.com/gofrs/flock"
	sqlite "modernc.org/sqlite"
)

func init() {
	// fdatasync flushes all that reading the data back needs; SQLite's own
	// Linux builds use it too. Where it is missing SQLite stays with fsync.
	_, _ = sqlite.Fdatasync(true)
}

// Options tune a database. The zero value is what the services use.
type Options struct {
	// Logger receives migrations and recoveries; slog.Default if nil.
	Logger *slog.Logger
	// Service is whose database it is: it is kept in a new database, and one of
	// another service is refused. If empty, nobody asks.
	Service string
	// Readers is the largest number of concurrent reads; one more than processors,
	// at most 16, if zero.
	Readers int
	// Unfolded leaves the write-ahead log to Fold, or to who copies it: it is not
	// folded into the file when it has grown, nor at Close. A database on a server
	// has no such log, and Open refuses it.
	Unfolded bool
}

// DB is one open database. Its methods may be called from many goroutines.
type DB struct {
	path    string
	logger  *slog.Logger
	lock    *flock.Flock
	pool    *sql.DB
	writer  *writer
	readers *readers
	secret  []byte
	guard   *guard
	copies  atomic.Int64
	closing sync.Once
	closed  error
	// postgres is the database if it is on a server; what is of the file above
	// is then not set.
	postgres *postgres
}

// Path turns a database URL as the services take it into a file path. It may
// be a plain path, or a URL such as file:data/x.db or file:///data/x.db in
// which %20 stands for a space, as everywhere in URLs.
//
// An error says which form is expected.
func Path(databaseURL string) (string, error) {
	if scheme, _, found := strings.Cut(databaseURL, "://"); found && scheme != "file" {
		return "", fmt.Errorf("database URL %q: only SQLite files have a path; use file:PATH, or where a service opens it postgres://USER@HOST/DATABASE", redact(databaseURL))
	}
	path, isURL := strings.CutPrefix(databaseURL, "file:")
	if path == "" || path == ":memory:" || strings.ContainsAny(path, "?#") {
		return "", fmt.Errorf("database URL %q: want file:PATH without options", databaseURL)
	}
	if !isURL {
		return filepath.Clean(path), nil
	}
	path, err := url.PathUnescape(strings.TrimPrefix(path, "//"))
	if err != nil {
		return "", fmt.Errorf("database URL %q: a percent sign in a path is written %%25: %w", databaseURL, err)
	}
	return filepath.Clean(path), nil
}

// redact drops a password, since errors end up in logs.
func redact(databaseURL string) string {
	parsed, err := url.Parse(databaseURL)
	if err != nil {
		return "(unreadable)"
	}
	return parsed.Redacted()
}

// Open opens the database at databaseURL, creating it and its folder or schema
// if needed, and brings it to the newest schema found in migrations.
//
// It returns an error that wraps ErrInUse if another process has the file open, one
// that wraps ErrForeign if it belongs to another service, one that wraps ErrNewer if
// a newer version wrote it, one that wraps ErrUnfinished if it is half a copy, and
// one that wraps ErrNoFile if options ask for what only a file has.
func Open(ctx context.Context, databaseURL string, migrations fs.FS, options Options) (*DB, error) {
	if IsServer(databaseURL) {
		return openPostgres(ctx, databaseURL, migrations, options)
	}
	path, err := Path(databaseURL)
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, fmt.Errorf("create the folder of the database: %w", err)
	}
	lock, err := acquire(ctx, path)
	if err != nil {
		return nil, err
	}
	db := &DB{path: path, logger: options.Logger, lock: lock}
	if db.logger == nil {
		db.logger = slog.Default()
	}
	if err := db.open(ctx, migrations, options); err != nil {
		return nil, errors.Join(err, db.Close())
	}
	return db, nil
}

func (db *DB) open(ctx context.Context, migrations fs.FS, options Options) error {
	if err := refuseUnfinishedFile(db.path); err != nil {
		return err
	}
	removeLeft(db.path, copySuffix)
	err := createFile(db.path)
	if err != nil {
		return fmt.Errorf("create database: %w", err)
	}
	pragmas := writable
	if options.Unfolded {
		pragmas = append(slices.Clone(writable), unfolded)
	} else if err := ForgetFollower(db.path); err != nil {
		return err
	}
	if db.pool, err = openPool(db.path, "mode=rw", pragmas...); err != nil {
		return err
	}
	db.pool.SetMaxOpenConns(1)
	if err := db.pool.PingContext(ctx); err != nil {
		return fmt.Errorf("open database %s: %w", db.path, explain(err))
	}
	if options.Unfolded {
		// Not earlier: to become one with a log a database is locked whole.
		if db.guard, err = placeGuard(db.path); err != nil {
			return fmt.Errorf("open database: %w", err)
		}
	}
	if err := db.prepare(ctx, migrations, options.Service); err != nil {
		return err
	}
	if db.writer, err = startWriter(ctx, db.pool); err != nil {
		return err
	}
	if db.readers, err = newReaders(db.path, readerCount(options.Readers)); err != nil {
		return err
	}
	db.secret, err = loadSecret(ctx, db)
	return err
}

// prepare brings the database to the newest schema, once it is sure that it is
// the service's.
func (db *DB) prepare(ctx context.Context, migrations fs.FS, service string) error {
	if service == "" {
		return sqliteDialect.migrate(ctx, db.pool, db.path, migrations, db.logger)
	}
	if err := sqliteDialect.checkOwner(ctx, db.pool, db.path, service, migrations); err != nil {
		return err
	}
	if err := sqliteDialect.migrate(ctx, db.pool, db.path, migrations, db.logger); err != nil {
		return err
	}
	return sqliteDialect.markOwner(ctx, db.pool, db.path, service)
}

// createFile creates the database, if it is new, readable by its owner alone;
// SQLite gives the files it puts beside it the same mode. It opens no file
// that exists, since closing it would drop the locks SQLite has on it.
func createFile(path string) error {
	file, err := os.OpenFile(path, os.O_CREATE|os.O_EXCL|os.O_RDWR, 0o600)
	if errors.Is(err, fs.ErrExist) {
		return nil
	}
	if err != nil {
		return err
	}
	// The folder may be new too, and must not be lost with what is in it.
	syncFolder(filepath.Dir(path))
	syncFolder(filepath.Dir(filepath.Dir(path)))
	return file.Close()
}

// readerCount is one more than there are processors, for the one that waits for the
// disk: with more, reads that have begun keep each other from ending, and a few of
// many take ten times as long as most.
func readerCount(wanted int) int {
	if wanted > 0 {
		return wanted
	}
	return min(runtime.GOMAXPROCS(0)+1, 16)
}

// writable are the pragmas of a connection that writes. With synchronous=FULL
// in WAL mode a commit returns only once it is on disk.
var writable = []string{
	"busy_timeout(10000)", "journal_mode(WAL)", "synchronous(FULL)", "foreign_keys(ON)",
	"temp_store(MEMORY)", "journal_size_limit(67108864)",
}

func openPool(path, mode string, pragmas ...string) (*sql.DB, error) {
	pool, err := sql.Open("sqlite", dataSource(path, mode, pragmas...))
	if err != nil {
		return nil, fmt.Errorf("open database %s: %w", path, err)
	}
	return pool, nil
}

// dataSource returns the driver's name for the file at path, in which
// characters that mean something in a URL are escaped.
func dataSource(path, mode string, pragmas ...string) string {
	query := url.Values{"_pragma": pragmas}
	return "file:" + (&url.URL{Path: path}).EscapedPath() + "?" + mode + "&" + query.Encode()
}

// Engine is the kind of a database.
type Engine string

// The engines.
const (
	SQLite     Engine = "sqlite"
	PostgreSQL Engine = "postgres"
)

// Engine returns the kind of the database.
func (db *DB) Engine() Engine {
	if db.postgres != nil {
		return PostgreSQL
	}
	return SQLite
}

// File returns the path of the database file, or on a server its address
// without user and password.
func (db *DB) File() string { return db.path }

// Secret returns 32 random bytes made with the database and kept in it. It
// signs what clients carry from one request to the next, such as cursors.
func (db *DB) Secret() []byte { return db.secret }

// Size returns the bytes on disk of the database and its write-ahead log, or of
// its tables on a server.
func (db *DB) Size() int64 {
	if db.postgres != nil {
		return db.postgres.bytes()
	}
	return fileSize(db.path) + fileSize(db.path+"-wal")
}

// Close lets queued writes finish, folds the write-ahead log into the database
// file, unless it is Unfolded, and gives the database up. Later calls return what
// the first returned.
func (db *DB) Close() error {
	db.closing.Do(func() {
		if db.postgres != nil {
			db.closed = db.postgres.close()
			return
		}
		var failures []error
		if db.writer != nil {
			failures = append(failures, db.writer.stop())
		}
		if db.readers != nil {
			failures = append(failures, db.readers.close())
		}
		if db.pool != nil {
			// Closing the last connection folds the log into the file.
			failures = append(failures, db.pool.Close())
		}
		failures = append(failures, db.guard.lift())
		// The lock file stays: removing it would race with a process that
		// has just opened it and waits for the lock.
		failures = append(failures, db.lock.Unlock())
		db.closed = errors.Join(failures...)
	})
	return db.closed
}
