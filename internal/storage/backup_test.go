package storage

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
)

// trafficUntil runs writers, each writing its own rising numbers, until stop.
// sure holds, for each writer, the last number acknowledged.
func trafficUntil(t *testing.T, db *DB, stop *atomic.Bool, sure []atomic.Int64) *sync.WaitGroup {
	t.Helper()
	var group sync.WaitGroup
	for writer := range sure {
		group.Go(func() {
			for i := int64(1); !stop.Load(); i++ {
				if err := db.Write(context.Background(), insertNumberAndLine(int64(writer)*1_000_000+i)); err != nil {
					t.Error(err)
					return
				}
				sure[writer].Store(i)
			}
		})
	}
	return &group
}

func TestBackupAmidWrites(t *testing.T) {
	const writers = 8
	db := openTest(t)
	for i := range int64(1000) {
		store(t, db, 900_000_000+i)
	}
	var stop atomic.Bool
	sure := make([]atomic.Int64, writers)
	traffic := trafficUntil(t, db, &stop, sure)
	for round := range 5 {
		var before [writers]int64
		for writer := range sure {
			before[writer] = sure[writer].Load()
		}
		copied := filepath.Join(t.TempDir(), "copy.db")
		must(t, db.Backup(t.Context(), copied))
		wantPrefix(t, round, copied, before[:])
	}
	stop.Store(true)
	traffic.Wait()
}

// wantPrefix checks that the copy holds all that each writer had been told was
// kept, and of what came later a beginning without gaps.
func wantPrefix(t *testing.T, round int, copied string, before []int64) {
	t.Helper()
	wantSound(t, copied)
	db := openTestAt(t, copied)
	last := make([]int64, len(before))
	for _, number := range stored(t, db) {
		if number >= 900_000_000 {
			continue
		}
		writer := number / 1_000_000
		if last[writer]++; number%1_000_000 != last[writer] {
			t.Fatalf("round %d: writer %d's number %d is missing", round, writer, last[writer])
		}
	}
	for writer := range before {
		if last[writer] < before[writer] {
			t.Errorf("round %d: writer %d had written up to %d, the copy has %d", round, writer, before[writer], last[writer])
		}
	}
	rows, err := db.Rows(t.Context())
	must(t, err)
	if rows["lines"] != rows["numbers"]-1000 {
		t.Errorf("round %d: the copy has half a write: %v", round, rows)
	}
}

func TestSnapshotIsOneMoment(t *testing.T) {
	db := openTest(t)
	store(t, db, 1)
	snapshot, err := OpenSnapshot(t.Context(), db.path)
	must(t, err)
	for i := range int64(300) {
		must(t, db.Write(t.Context(), insertLongLine(1000+i)))
	}
	copied := filepath.Join(t.TempDir(), "copy.db")
	calls, done, total := 0, 0, 0
	must(t, snapshot.CopyTo(copied, func(d, n int) { calls, done, total = calls+1, d, n }))
	must(t, snapshot.Close())
	wantStored(t, openTestAt(t, copied), 1)
	if calls == 0 || done != total || total == 0 {
		t.Errorf("progress was told %d times, at last %d of %d", calls, done, total)
	}
	store(t, db, 2)
}

// A copy is one file that needs nothing beside it, and stays so when read.
func TestCopyIsOneFile(t *testing.T) {
	db := openTest(t)
	store(t, db, 1)
	copied := filepath.Join(t.TempDir(), "copy.db")
	must(t, db.Backup(t.Context(), copied))
	wantSound(t, copied)
	snapshot, err := OpenSnapshot(t.Context(), copied)
	must(t, err)
	must(t, snapshot.Close())
	wantFiles(t, filepath.Dir(copied), "copy.db")
	var journal string
	must(t, rawPool(t, copied).QueryRow("PRAGMA journal_mode").Scan(&journal))
	if journal != "delete" {
		t.Errorf("the copy has journal mode %s; want delete", journal)
	}
}

func wantFiles(t *testing.T, folder string, want ...string) {
	t.Helper()
	entries, err := os.ReadDir(folder)
	must(t, err)
	names := []string{}
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	if strings.Join(names, " ") != strings.Join(want, " ") {
		t.Errorf("the folder holds %v; want %v", names, want)
	}
}

func TestBackupOfAStoppedService(t *testing.T) {
	db := openTest(t)
	store(t, db, 1)
	must(t, db.Close())
	copied := filepath.Join(t.TempDir(), "copy.db")
	must(t, db.Backup(t.Context(), copied))
	wantStored(t, openTestAt(t, copied), 1)
	wantFiles(t, filepath.Dir(db.path), "test.db", "test.db.lock")
}

// A killed process leaves its last writes in the log alone.
func TestBackupAfterACrash(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	acknowledged := map[int64]bool{}
	crashOnce(t, path, acknowledged)
	wantInUse(t, path, false)
	snapshot, err := OpenSnapshot(t.Context(), path)
	must(t, err)
	copied := filepath.Join(t.TempDir(), "copy.db")
	must(t, errors.Join(snapshot.CopyTo(copied, nil), snapshot.Close()))
	wantAcknowledged(t, copied, 0, acknowledged)
	wantAcknowledged(t, path, 0, acknowledged)
}

func TestBackupNeverOverwrites(t *testing.T) {
	db := openTest(t)
	store(t, db, 1)
	folder := t.TempDir()
	for _, name := range []string{"file", "folder", "link"} {
		path := filepath.Join(folder, name)
		switch name {
		case "file":
			must(t, os.WriteFile(path, []byte("the only draft"), 0o600))
		case "folder":
			must(t, os.Mkdir(path, 0o700))
		case "link":
			must(t, os.Symlink("nowhere", path))
		}
		if err := db.Backup(t.Context(), path); err == nil || !strings.Contains(err.Error(), "never overwrite") {
			t.Errorf("%s: got %v; want a refusal to overwrite", name, err)
		}
	}
	text, err := os.ReadFile(filepath.Join(folder, "file"))
	if err != nil || string(text) != "the only draft" {
		t.Errorf("the file now holds %q, %v", text, err)
	}
	wantFiles(t, folder, "file", "folder", "link")
}

// Of several backups to one name, one is made and the others are refused.
func TestRivalBackups(t *testing.T) {
	db := openTest(t)
	store(t, db, 1)
	copied := filepath.Join(t.TempDir(), "copy.db")
	var made atomic.Int64
	var group sync.WaitGroup
	for range 4 {
		group.Go(func() {
			if err := db.Backup(context.Background(), copied); err == nil {
				made.Add(1)
			} else if !strings.Contains(err.Error(), "never overwrite") {
				t.Error(err)
			}
		})
	}
	group.Wait()
	if made.Load() != 1 {
		t.Errorf("%d backups were made; want 1", made.Load())
	}
	wantFiles(t, filepath.Dir(copied), "copy.db")
	wantStored(t, openTestAt(t, copied), 1)
}

func TestFailedBackupLeavesNothing(t *testing.T) {
	db := openTest(t)
	for i := range int64(300) {
		must(t, db.Write(t.Context(), insertLongLine(i)))
	}
	folder := t.TempDir()
	err := db.Backup(t.Context(), filepath.Join(folder, "missing", "copy.db"))
	wantError(t, err, os.ErrNotExist)

	snapshot, err := OpenSnapshot(t.Context(), db.path)
	must(t, err)
	stopped, stop := context.WithCancel(t.Context())
	err = snapshot.copyTo(stopped, filepath.Join(folder, "copy.db"), func(int, int) { stop() })
	wantError(t, errors.Join(err, snapshot.Close()), context.Canceled)

	wantFiles(t, folder)
}

func TestSnapshotOfNothing(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	_, err := OpenSnapshot(t.Context(), path)
	wantError(t, err, os.ErrNotExist)
	wantError(t, Check(t.Context(), path), os.ErrNotExist)
	must(t, os.WriteFile(path, []byte(strings.Repeat("not a database ", 300)), 0o600))
	_, err = OpenSnapshot(t.Context(), path)
	wantError(t, err, ErrUnavailable)
	wantError(t, Check(t.Context(), path), ErrUnavailable)
}

// Read without locks, a database that changes meanwhile must be noticed.
func TestUnlockedSnapshotNoticesChange(t *testing.T) {
	db := openTest(t)
	store(t, db, 1)
	must(t, db.Close())
	snapshot, err := openUnlocked(t.Context(), db.path, errors.New("first"))
	must(t, err)
	store(t, openTestAt(t, db.path), 2)
	copied := filepath.Join(t.TempDir(), "copy.db")
	err = errors.Join(snapshot.CopyTo(copied, nil), snapshot.Close())
	if !strings.Contains(fmt.Sprint(err), "try again") {
		t.Errorf("got %v; want a request to try again", err)
	}
	wantFiles(t, filepath.Dir(copied))
}
