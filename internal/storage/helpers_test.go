// What the tests of this package share.
package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"os/exec"
	"path/filepath"
	"sync/atomic"
	"testing"
	"testing/fstest"

	sqlite "modernc.org/sqlite"

	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// childRole names what this binary does when a test runs it once more as a
// process of its own; childPath is the database it does it to.
const (
	childRole = "FOUNTAIN_STORAGE_CHILD"
	childPath = "FOUNTAIN_STORAGE_PATH"
)

var childRoles = map[string]func(path string) error{
	"open":     childOpen,
	"copy":     childCopy,
	"write":    childWrite,
	"transfer": childTransfer,
}

func TestMain(m *testing.M) {
	if role := childRoles[os.Getenv(childRole)]; role != nil {
		if err := role(os.Getenv(childPath)); err != nil {
			fmt.Fprintln(os.Stderr, err)
			os.Exit(1)
		}
		os.Exit(0)
	}
	os.Exit(postgrestest.Run(m))
}

func childCommand(t *testing.T, role, path string) *exec.Cmd {
	t.Helper()
	command := exec.CommandContext(t.Context(), os.Args[0])
	command.Env = append(os.Environ(), childRole+"="+role, childPath+"="+path)
	return command
}

const linesMigration = `-- +goose Up
CREATE TABLE lines (
    id      INTEGER PRIMARY KEY,
    script  BIGINT NOT NULL,
    heading TEXT   NOT NULL,
    body    TEXT   NOT NULL
);
CREATE TABLE numbers (number BIGINT PRIMARY KEY CHECK (number >= 0));
`

func testMigrations() fs.FS {
	return fstest.MapFS{"00001_lines.sql": {Data: []byte(linesMigration)}}
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Fatalf("got error %v; want one that wraps %q", err, want)
	}
}

func openAt(path string) (*DB, error) {
	return Open(context.Background(), path, testMigrations(), Options{Logger: silent()})
}

// openTest opens a database that is closed when the test ends, unless the test
// has closed it.
func openTest(t testing.TB) *DB {
	t.Helper()
	return openTestAt(t, filepath.Join(t.TempDir(), "test.db"))
}

func openTestAt(t testing.TB, path string) *DB {
	t.Helper()
	db, err := openAt(path)
	must(t, err)
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Errorf("close: %v", err)
		}
	})
	return db
}

func insertNumber(number int64) WriteFunc {
	return func(_ context.Context, tx *Tx) error {
		_, err := tx.Exec("INSERT INTO numbers (number) VALUES ($1)", number)
		return err
	}
}

// store writes numbers, each in a Write of its own.
func store(t testing.TB, db *DB, numbers ...int64) {
	t.Helper()
	for _, number := range numbers {
		must(t, db.Write(context.Background(), insertNumber(number)))
	}
}

func numbersIn(tx *Tx) ([]int64, error) {
	return All(tx, "SELECT number FROM numbers ORDER BY number", nil,
		func(row func(dest ...any) error, number *int64) error { return row(number) })
}

func stored(t testing.TB, db *DB) (numbers []int64) {
	t.Helper()
	must(t, db.Read(context.Background(), func(tx *Tx) (err error) {
		numbers, err = numbersIn(tx)
		return err
	}))
	return numbers
}

func wantStored(t testing.TB, db *DB, want ...int64) {
	t.Helper()
	if got := stored(t, db); fmt.Sprint(got) != fmt.Sprint(want) {
		t.Fatalf("the database holds %v; want %v", got, want)
	}
}

// wantSound closes the database if it is open, and checks the file.
func wantSound(t testing.TB, path string) {
	t.Helper()
	if err := Check(context.Background(), path); err != nil {
		t.Fatal(err)
	}
}

// countCommits asks SQLite itself to count the commits of the writer.
func countCommits(t testing.TB, db *DB) *atomic.Int64 {
	t.Helper()
	var commits atomic.Int64
	must(t, db.writer.connection.conn.Raw(func(c any) error {
		c.(sqlite.HookRegisterer).RegisterCommitHook(func() int32 {
			commits.Add(1)
			return 0
		})
		return nil
	}))
	return &commits
}

// holdWriter keeps the writer busy until the function it returns is called, so
// that the writes made in the meantime form one group.
func holdWriter(t testing.TB, db *DB) (release func()) {
	t.Helper()
	holding, free, held := make(chan struct{}), make(chan struct{}), make(chan error, 1)
	go func() {
		held <- db.Write(context.Background(), func(context.Context, *Tx) error {
			close(holding)
			<-free
			return nil
		})
	}()
	<-holding
	return func() {
		close(free)
		must(t, <-held)
	}
}

// awaitQueued waits until count writes wait for the writer.
func awaitQueued(db *DB, count int) {
	for queued := -1; queued < count; {
		db.writer.queue.mutex.Lock()
		queued = len(db.writer.queue.waiting)
		db.writer.queue.mutex.Unlock()
	}
}

// rawPool opens a database file without this package's rules.
func rawPool(t testing.TB, path string) *sql.DB {
	t.Helper()
	pool, err := openPool(path, "mode=rwc")
	must(t, err)
	t.Cleanup(func() { _ = pool.Close() })
	return pool
}
