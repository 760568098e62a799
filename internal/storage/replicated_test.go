package storage

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

func openUnfolded(t *testing.T, path string) *DB {
	t.Helper()
	db, err := Open(t.Context(), path, testMigrations(), Options{Logger: silent(), Unfolded: true})
	must(t, err)
	t.Cleanup(func() { _ = db.Close() })
	return db
}

// fill writes more than SQLite would leave in the log.
func fillLog(t *testing.T, db *DB) {
	t.Helper()
	for number := range int64(30) {
		must(t, db.Write(t.Context(), func(_ context.Context, tx *Tx) error {
			_, err := tx.Exec("INSERT INTO lines (script, heading, body) VALUES ($1, '', hex(zeroblob(200000)))", number)
			return err
		}))
	}
}

func TestUnfolded(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := openUnfolded(t, path)
	fillLog(t, db)
	size := db.LogSize()
	if size < 12_000_000 {
		t.Fatalf("the log has %d bytes: it was folded", size)
	}
	must(t, db.Close())
	if got := fileSize(path + "-wal"); got != size {
		t.Errorf("after Close the log has %d bytes, want the %d of before", got, size)
	}
	db = openUnfolded(t, path)
	must(t, db.Fold(t.Context(), true))
	if got := db.LogSize(); got != 0 {
		t.Errorf("after Fold the log has %d bytes", got)
	}
	store(t, db, 1)
	must(t, db.Fold(t.Context(), false))
	must(t, db.Close())
	wantSound(t, path)

	// Opened as usual it is folded again, and what followed the log is forgotten.
	must(t, os.MkdirAll(FollowerFolder(path), 0o700))
	db = openTestAt(t, path)
	if _, err := os.Stat(FollowerFolder(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the follower's folder is still there: %v", err)
	}
	must(t, db.Close())
	if got := fileSize(path + "-wal"); got != 0 {
		t.Errorf("after Close the log has %d bytes", got)
	}
}

// TestFoldWaitsForReads only a moment, since all writes wait meanwhile.
func TestFoldWaitsForReads(t *testing.T) {
	db := openUnfolded(t, filepath.Join(t.TempDir(), "x.db"))
	store(t, db, 1)
	reading, finished := make(chan struct{}), make(chan struct{})
	var reader sync.WaitGroup
	reader.Go(func() {
		_ = db.Read(t.Context(), func(tx *Tx) error {
			_, err := numbersIn(tx)
			close(reading)
			<-finished
			return err
		})
	})
	<-reading
	store(t, db, 2)
	wantError(t, db.Fold(t.Context(), true), ErrUnavailable)
	must(t, db.Fold(t.Context(), false))
	store(t, db, 3)
	close(finished)
	reader.Wait()
	must(t, db.Fold(t.Context(), true))
}

// TestPause: no write runs meanwhile, and those that wait go on afterwards.
func TestPause(t *testing.T) {
	db := openTest(t)
	written := make(chan error, 1)
	err := db.Pause(func() error {
		go func() { written <- db.Write(context.Background(), insertNumber(1)) }()
		for db.Stats().Queued == 0 && !db.writer.queue.busy.Load() {
			time.Sleep(time.Millisecond)
		}
		if found := stored(t, db); len(found) != 0 {
			t.Errorf("%v was written while the writer was held up", found)
		}
		return errUnchanged
	})
	wantError(t, err, errUnchanged)
	must(t, <-written)
	if found := stored(t, db); len(found) != 1 {
		t.Errorf("got %v", found)
	}
}

var errUnchanged = errors.New("the error of who paused")

func TestReserveRestore(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	must(t, os.WriteFile(path+restoreSuffix+".tmp", []byte("half"), 0o600))
	reserved, err := ReserveRestore(t.Context(), path)
	must(t, err)
	if left, _ := filepath.Glob(path + "*.tmp"); len(left) > 0 {
		t.Errorf("%v is left of a restore that was killed", left)
	}
	_, err = openAt(path)
	wantError(t, err, ErrInUse)
	must(t, reserved.Discard())
	db := openTestAt(t, path)
	_, err = ReserveRestore(t.Context(), path)
	wantError(t, err, ErrInUse)
	must(t, db.Close())
	_, err = ReserveRestore(t.Context(), path)
	wantError(t, err, ErrExists)
}

func TestLineage(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	db := openTestAt(t, path)
	copied := filepath.Join(t.TempDir(), "copy.db")
	must(t, db.Backup(t.Context(), copied))
	if got := openTestAt(t, copied).Lineage(); got != db.Lineage() || len(got) != 32 {
		t.Errorf("the copy is of the lineage %s, the original of %s", got, db.Lineage())
	}
	if got := openTest(t).Lineage(); got == db.Lineage() {
		t.Error("two new databases are of one lineage")
	}
}
