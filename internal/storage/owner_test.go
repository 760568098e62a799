package storage

import (
	"context"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func openAs(t *testing.T, path, service string, migrations fs.FS) error {
	t.Helper()
	db, err := Open(t.Context(), path, migrations, Options{Logger: silent(), Service: service})
	if err != nil {
		return err
	}
	return db.Close()
}

func TestDatabaseOfAnotherService(t *testing.T) {
	plays, acts := migrationFiles(createPlays), migrationFiles(addActs)
	newer := migrationFiles(createPlays, addYear, "CREATE TABLE more (id BIGINT);")
	cases := []struct {
		name string
		// made makes the database.
		made func(t *testing.T, path string)
		// says is what plays is told when it opens it, "" if it may.
		says string
	}{
		{"its own", func(t *testing.T, path string) { must(t, openAs(t, path, "plays", plays)) }, ""},
		{"of another", func(t *testing.T, path string) { must(t, openAs(t, path, "acts", acts)) }, "belongs to the service acts, not to plays"},
		{"of another with the same tables", func(t *testing.T, path string) { must(t, openAs(t, path, "acts", plays)) }, "belongs to the service acts, not to plays"},
		{"unmarked, with its tables", func(t *testing.T, path string) { must(t, openAs(t, path, "", plays)) }, ""},
		{"unmarked, of another", func(t *testing.T, path string) { must(t, openAs(t, path, "", acts)) }, "has no table plays"},
		{"of another program", func(t *testing.T, path string) {
			_, err := rawPool(t, path).Exec("CREATE TABLE bookmarks (url TEXT)")
			must(t, err)
		}, "bookmarks"},
		{"empty", func(t *testing.T, path string) { must(t, os.WriteFile(path, nil, 0o600)) }, ""},
		{"with a tool's table beside", func(t *testing.T, path string) {
			must(t, openAs(t, path, "", plays))
			_, err := rawPool(t, path).Exec("CREATE TABLE _replica (id BIGINT)")
			must(t, err)
		}, ""},
		{"newer", func(t *testing.T, path string) { must(t, openAs(t, path, "", newer)) }, "newer"},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			c.made(t, path)
			before, err := os.ReadFile(path)
			must(t, err)
			checked, opened := CheckService(t.Context(), path, "plays", plays), openAs(t, path, "plays", plays)
			if c.says == "" {
				must(t, checked)
				must(t, opened)
				// From now on it is marked.
				wantError(t, openAs(t, path, "acts", plays), ErrForeign)
				return
			}
			for _, err := range []error{checked, opened} {
				if !strings.Contains(fmt.Sprint(err), c.says) || !strings.Contains(fmt.Sprint(err), path) {
					t.Errorf("got %v; want one that says %q", err, c.says)
				}
			}
			after, err := os.ReadFile(path)
			must(t, err)
			if c.says != "newer" && len(after) != len(before) {
				t.Error("what was refused was changed all the same")
			}
		})
	}
}

func TestUnmarkedOlderDatabase(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	must(t, openAs(t, path, "", migrationFiles(createPlays)))
	must(t, openAs(t, path, "plays", migrationFiles(createPlays, addYear, addActs)))
	wantError(t, openAs(t, path, "acts", migrationFiles(createPlays, addYear, addActs)), ErrForeign)
}

func TestTemporaryCopy(t *testing.T) {
	db := openTest(t)
	store(t, db, 1, 2)
	first, err := db.TemporaryCopy(t.Context())
	must(t, err)
	second, err := db.TemporaryCopy(t.Context())
	must(t, err)
	must(t, Check(context.Background(), first.Name()))
	must(t, first.Close())
	if _, err := os.Stat(second.Name()); err != nil {
		t.Error(err)
	}
	must(t, second.Close())
	wantFiles(t, filepath.Dir(db.path), "test.db", "test.db-shm", "test.db-wal", "test.db.lock")
}

// TestCopiesOfACrash: what a process that was killed has left goes at the next
// start, and nothing else does.
func TestCopiesOfACrash(t *testing.T) {
	db := openTest(t)
	must(t, db.Close())
	for _, name := range []string{".snapshot-1", ".snapshot-2.123.partial", ".before-restore-x"} {
		must(t, os.WriteFile(db.path+name, []byte("x"), 0o600))
	}
	must(t, os.WriteFile(filepath.Join(filepath.Dir(db.path), "other.db.snapshot-1"), []byte("x"), 0o600))
	again := openTestAt(t, db.path)
	must(t, again.Close())
	wantFiles(t, filepath.Dir(db.path), "other.db.snapshot-1", "test.db", "test.db.before-restore-x", "test.db.lock")
}
