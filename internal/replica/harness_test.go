package replica

import (
	"context"
	"errors"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"fountain.coach/fountainai/internal/replica/replicatest"
	"fountain.coach/fountainai/internal/storage"
)

const service = "numbers"

func testMigrations() fs.FS {
	return fstest.MapFS{"00001_numbers.sql": {Data: []byte(`-- +goose Up
CREATE TABLE numbers (number INTEGER PRIMARY KEY);
CREATE TABLE lines (number INTEGER NOT NULL REFERENCES numbers (number), body TEXT NOT NULL);
`)}}
}

func silent() *slog.Logger { return slog.New(slog.DiscardHandler) }

func must(t testing.TB, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func wantError(t testing.TB, err, want error, text string) {
	t.Helper()
	if !errors.Is(err, want) || !strings.Contains(err.Error(), text) {
		t.Fatalf("got error %v; want one that wraps %q and says …%s…", err, want, text)
	}
}

// fast are settings for tests: the replica is never more than a moment behind.
func fast(url string, env map[string]string) Settings {
	return Settings{URL: url, Getenv: func(name string) string { return env[name] }, Interval: 20 * time.Millisecond, Logger: silent()}
}

// places are one replica of each kind, new and empty.
func places(t *testing.T) map[string]Settings {
	t.Helper()
	address := replicatest.S3(t)
	host, env := replicatest.SFTP(t)
	return map[string]Settings{
		"folder": fast("file://"+t.TempDir(), nil),
		"s3":     fast("s3://"+replicatest.Bucket+"/stage/a", replicatest.S3Env(address)),
		"sftp":   fast("sftp://fountain@"+host+t.TempDir(), env),
	}
}

// stage is a service's database with its replica, as httpapi has them.
type stage struct {
	*storage.DB
	*Replicator
}

// open does what a service does at its start.
func open(ctx context.Context, path string, settings Settings) (*stage, Outcome, error) {
	return openWith(ctx, path, settings, testMigrations())
}

func openWith(ctx context.Context, path string, settings Settings, migrations fs.FS) (*stage, Outcome, error) {
	outcome, err := Restore(ctx, settings, service, path, migrations)
	if err != nil && !(settings.StartEmpty && errors.Is(err, ErrUnreachable)) {
		return nil, outcome, err
	}
	db, err := storage.Open(ctx, path, migrations, storage.Options{Logger: settings.Logger, Service: service, Unfolded: true})
	if err != nil {
		return nil, outcome, err
	}
	replicator, err := Start(ctx, db, service, settings)
	if err != nil {
		return nil, outcome, errors.Join(err, db.Close())
	}
	return &stage{db, replicator}, outcome, nil
}

// begin opens a stage that is closed when the test ends, unless the test has, and
// wants the outcome.
func begin(t *testing.T, path string, settings Settings, want Outcome) *stage {
	t.Helper()
	s, outcome, err := open(t.Context(), path, settings)
	must(t, err)
	t.Cleanup(func() { _ = s.end() })
	if outcome != want {
		t.Errorf("got outcome %d, want %d", outcome, want)
	}
	return s
}

func (s *stage) end() error { return errors.Join(s.Replicator.Close(), s.DB.Close()) }

func newPath(t *testing.T) string { return filepath.Join(t.TempDir(), "numbers.db") }

// insert writes a number and its line, in one write.
func insert(db *storage.DB, number int) error {
	return db.Write(context.Background(), func(_ context.Context, tx *storage.Tx) error {
		if _, err := tx.Exec("INSERT INTO numbers (number) VALUES ($1)", number); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO lines (number, body) VALUES ($1, $2)", number, strings.Repeat("The rest is silence. ", number%50))
		return err
	})
}

func (s *stage) write(t *testing.T, numbers ...int) {
	t.Helper()
	for _, number := range numbers {
		must(t, insert(s.DB, number))
	}
}

// rewrite gives the line of number 1 another body: an expression of one argument.
func (s *stage) rewrite(ctx context.Context, body string, argument any) error {
	return s.DB.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		_, err := tx.Exec("UPDATE lines SET body = "+body+" WHERE number = 1", argument)
		return err
	})
}

// reach waits until all that was written before is at the replica.
func (s *stage) reach(t *testing.T) {
	t.Helper()
	now := time.Now()
	s.await(t, "the replica has what was written", func(status Status) bool { return status.Synced.After(now) })
}

// await waits for the status to satisfy done.
func (s *stage) await(t *testing.T, what string, done func(Status) bool) {
	t.Helper()
	for deadline := time.Now().Add(time.Minute); ; time.Sleep(5 * time.Millisecond) {
		status := s.Status()
		if done(status) {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waited in vain: %s; %+v", what, status)
		}
	}
}

// numbers reads all numbers, and makes sure that half a write is nowhere.
func numbers(t *testing.T, db *storage.DB) map[int]bool {
	t.Helper()
	found, lines := map[int]bool{}, 0
	must(t, db.Read(context.Background(), func(tx *storage.Tx) error {
		if err := tx.QueryRow("SELECT count(*) FROM lines", nil, &lines); err != nil {
			return err
		}
		return tx.Query("SELECT number FROM numbers", nil, func(row func(dest ...any) error) error {
			var number int
			err := row(&number)
			found[number] = true
			return err
		})
	}))
	if lines != len(found) {
		t.Errorf("%d numbers but %d lines: half a write was kept", len(found), lines)
	}
	return found
}

func wantNumbers(t *testing.T, db *storage.DB, want ...int) {
	t.Helper()
	found := numbers(t, db)
	for _, number := range want {
		if !found[number] {
			t.Errorf("%d is missing", number)
		}
	}
	if len(found) != len(want) {
		t.Errorf("got %d numbers, want %d", len(found), len(want))
	}
}

// restored reads the replica into a new file and returns its numbers.
func restored(t *testing.T, settings Settings) map[int]bool {
	t.Helper()
	path := newPath(t)
	outcome, err := Restore(t.Context(), settings, service, path, testMigrations())
	must(t, err)
	if outcome != Restored {
		t.Fatalf("got outcome %d", outcome)
	}
	must(t, storage.Check(t.Context(), path))
	db, err := storage.Open(t.Context(), path, testMigrations(), storage.Options{Logger: silent(), Service: service})
	must(t, err)
	defer db.Close()
	return numbers(t, db)
}

func span(from, to int) (numbers []int) {
	for number := from; number <= to; number++ {
		numbers = append(numbers, number)
	}
	return numbers
}

// loseVolume removes all that is in the folder of the database.
func loseVolume(t *testing.T, path string) {
	t.Helper()
	entries, err := os.ReadDir(filepath.Dir(path))
	must(t, err)
	for _, entry := range entries {
		must(t, os.RemoveAll(filepath.Join(filepath.Dir(path), entry.Name())))
	}
}
