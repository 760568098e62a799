package storage

import (
	"context"
	"fmt"
	"io/fs"
	"path/filepath"
	"strings"
	"testing"
	"testing/fstest"
)

// migrationFiles numbers the statements from 1.
func migrationFiles(statements ...string) fs.FS {
	files := fstest.MapFS{}
	for i, statement := range statements {
		name := fmt.Sprintf("%05d_step.sql", i+1)
		files[name] = &fstest.MapFile{Data: []byte("-- +goose Up\n" + statement + "\n")}
	}
	return files
}

const (
	createPlays = "CREATE TABLE plays (id INTEGER PRIMARY KEY, title TEXT NOT NULL);\nINSERT INTO plays (title) VALUES ('Hamlet');"
	addYear     = "ALTER TABLE plays ADD COLUMN year BIGINT NOT NULL DEFAULT 1603;"
	addActs     = "CREATE TABLE acts (play BIGINT NOT NULL, number BIGINT NOT NULL);"
	broken      = "CREATE TABLE halves (id BIGINT);\nINSERT INTO halves VALUES (1);\nINSERT INTO nowhere VALUES (1);"
)

func migrateTo(t *testing.T, path string, statements ...string) (*DB, error) {
	t.Helper()
	return Open(t.Context(), path, migrationFiles(statements...), Options{Logger: silent()})
}

func mustMigrate(t *testing.T, path string, statements ...string) {
	t.Helper()
	db, err := migrateTo(t, path, statements...)
	must(t, err)
	must(t, db.Close())
}

func TestMigrateForward(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	mustMigrate(t, path, createPlays)
	mustMigrate(t, path, createPlays)
	db, err := migrateTo(t, path, createPlays, addYear, addActs)
	must(t, err)
	defer db.Close()
	var title string
	var year int64
	must(t, db.Read(t.Context(), func(tx *Tx) error {
		return tx.QueryRow("SELECT title, year FROM plays", nil, &title, &year)
	}))
	if title != "Hamlet" || year != 1603 {
		t.Errorf("found %s, %d; want Hamlet, 1603", title, year)
	}
}

func TestNewerDatabaseIsRefused(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	mustMigrate(t, path, createPlays, addYear)
	_, err := migrateTo(t, path, createPlays)
	wantError(t, err, ErrNewer)
	for _, part := range []string{path, "version 2", "up to 1", "newer version", "backup"} {
		if !strings.Contains(err.Error(), part) {
			t.Errorf("the error does not say %q: %v", part, err)
		}
	}
	mustMigrate(t, path, createPlays, addYear)
}

func TestFailedMigration(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	mustMigrate(t, path, createPlays)
	_, err := migrateTo(t, path, createPlays, addYear, broken)
	if err == nil || !strings.Contains(err.Error(), "nowhere") || !strings.Contains(err.Error(), path) {
		t.Fatalf("got %v; want an error about nowhere that names the file", err)
	}
	wantInUse(t, path, false)
	wantSound(t, path)
	// The step before it is kept, nothing of the broken one is.
	db, err := migrateTo(t, path, createPlays, addYear)
	must(t, err)
	defer db.Close()
	rows, err := db.Rows(t.Context())
	must(t, err)
	if got := fmt.Sprint(rows); got != "map[plays:1]" {
		t.Errorf("the database holds %s", got)
	}
}

func TestMigrationNames(t *testing.T) {
	cases := []struct {
		files []string
		want  int64
		says  string
	}{
		{files: []string{"00001_a.sql", "00003_b.sql", "00002_c.sql"}, want: 3},
		{files: []string{"9_a.sql", "10_b.sql"}, want: 10},
		{files: []string{"2_a.sql", "README.md"}, want: 2},
		{files: []string{"first.sql"}, says: "must begin with a number"},
		{files: []string{"README.md"}, says: "no migrations"},
	}
	for _, c := range cases {
		files := fstest.MapFS{}
		for _, name := range c.files {
			files[name] = &fstest.MapFile{}
		}
		got, err := newestMigration(files)
		if got != c.want || (c.says == "") != (err == nil) || !strings.Contains(fmt.Sprint(err), c.says) {
			t.Errorf("%v: got %d, %v; want %d, %q", c.files, got, err, c.want, c.says)
		}
	}
}

func TestOpenIsCancelled(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	path := filepath.Join(t.TempDir(), "x.db")
	_, err := Open(ctx, path, testMigrations(), Options{Logger: silent()})
	wantError(t, err, context.Canceled)
	wantInUse(t, path, false)
	store(t, openTestAt(t, path), 1)
}
