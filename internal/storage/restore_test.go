package storage

import (
	"context"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// backupOf makes a database that holds number, and returns a backup of it.
func backupOf(t *testing.T, number int64) string {
	t.Helper()
	db := openTest(t)
	store(t, db, number)
	copied := filepath.Join(t.TempDir(), "copy.db")
	must(t, db.Backup(t.Context(), copied))
	return copied
}

func TestRestore(t *testing.T) {
	cases := []struct {
		name    string
		prepare func(t *testing.T, path string)
		aside   []int64
	}{
		{"nothing there", func(*testing.T, string) {}, nil},
		{"a closed database", func(t *testing.T, path string) {
			db := openTestAt(t, path)
			store(t, db, 1)
			must(t, db.Close())
		}, []int64{1}},
		{"a log not folded in", func(t *testing.T, path string) {
			db := openTest(t)
			store(t, db, 1, 2)
			for _, suffix := range []string{"", "-wal"} {
				must(t, copyFile(db.path+suffix, path+suffix))
			}
		}, []int64{1, 2}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			c.prepare(t, path)
			must(t, restore(t.Context(), backupOf(t, 7), path, ".old"))
			if c.aside != nil {
				wantStored(t, openTestAt(t, path+".old"), c.aside...)
			}
			db := openTestAt(t, path)
			wantStored(t, db, 7)
			store(t, db, 8)
			wantMode(t, path, 0o600)
		})
	}
}

func TestRestoreOverDamage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	for _, suffix := range []string{"", "-wal", "-shm", "-journal"} {
		must(t, os.WriteFile(path+suffix, []byte(strings.Repeat("not a database ", 500)), 0o600))
	}
	must(t, restore(t.Context(), backupOf(t, 7), path, ".old"))
	db := openTestAt(t, path)
	wantStored(t, db, 7)
	must(t, db.Close())
	wantSound(t, path)
}

func TestRestoreIsRefused(t *testing.T) {
	db := openTest(t)
	store(t, db, 1)
	wantError(t, restore(t.Context(), backupOf(t, 7), db.path, ".old"), ErrInUse)
	wantStored(t, db, 1)
	must(t, db.Close())
	wantError(t, restore(t.Context(), filepath.Join(t.TempDir(), "missing"), db.path, ".old"), os.ErrNotExist)
	// What an earlier restore put aside is not overwritten.
	must(t, os.WriteFile(db.path+".old", nil, 0o600))
	wantError(t, restore(t.Context(), backupOf(t, 7), db.path, ".old"), os.ErrExist)
	wantFiles(t, filepath.Dir(db.path), "test.db", "test.db.lock", "test.db.old")
	wantStored(t, openTestAt(t, db.path), 1)
}

func copyFile(from, to string) error {
	source, err := os.Open(from)
	if err != nil {
		return err
	}
	defer source.Close()
	return writeFile(source, to)
}

// restore prepares and applies the replacement of one database.
func restore(ctx context.Context, backup, path, aside string) error {
	r, err := PrepareRestore(ctx, backup, path)
	if err != nil {
		return err
	}
	return r.Apply(aside)
}

func TestDiscardedReplacementChangesNothing(t *testing.T) {
	db := openTest(t)
	store(t, db, 1)
	must(t, db.Close())
	r, err := PrepareRestore(t.Context(), backupOf(t, 7), db.path)
	must(t, err)
	must(t, r.Discard())
	wantFiles(t, filepath.Dir(db.path), "test.db", "test.db.lock")
	wantStored(t, openTestAt(t, db.path), 1)
}
