package storage

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"
)

// smallDisk mounts a file system of size bytes, or skips the test.
func smallDisk(t *testing.T, size string) string {
	t.Helper()
	folder := t.TempDir()
	if err := syscall.Mount("tmpfs", folder, "tmpfs", 0, "size="+size); err != nil {
		t.Skipf("needs the right to mount a small file system: %v", err)
	}
	t.Cleanup(func() {
		if err := syscall.Unmount(folder, 0); err != nil {
			t.Errorf("unmount: %v", err)
		}
	})
	return folder
}

func insertLongLine(number int64) WriteFunc {
	return func(ctx context.Context, tx *Tx) error {
		if err := insertNumber(number)(ctx, tx); err != nil {
			return err
		}
		_, err := tx.Exec("INSERT INTO lines (id, script, heading, body) VALUES ($1, 1, '', $2)", number, strings.Repeat("x", 20_000))
		return err
	}
}

// fill writes from several goroutines until all have been told that the disk
// is full, and returns the numbers that were acknowledged.
func fill(t *testing.T, db *DB, first int64) map[int64]bool {
	t.Helper()
	const writers = 8
	kept := map[int64]bool{}
	var mutex sync.Mutex
	var group sync.WaitGroup
	for writer := range int64(writers) {
		group.Go(func() {
			for number := first + writer; ; number += writers {
				err := db.Write(context.Background(), insertLongLine(number))
				if err != nil {
					if !errors.Is(err, ErrFull) {
						t.Errorf("got %v; want %v", err, ErrFull)
					}
					return
				}
				mutex.Lock()
				kept[number] = true
				mutex.Unlock()
			}
		})
	}
	group.Wait()
	return kept
}

// wantKept checks that exactly the acknowledged numbers are stored.
func wantKept(t *testing.T, db *DB, kept map[int64]bool) {
	t.Helper()
	numbers := stored(t, db)
	if len(numbers) != len(kept) {
		t.Errorf("%d writes are stored, %d were acknowledged", len(numbers), len(kept))
	}
	for _, number := range numbers {
		if !kept[number] {
			t.Errorf("write %d failed and is stored", number)
		}
	}
}

func TestFullDisk(t *testing.T) {
	folder := smallDisk(t, "12m")
	ballast := filepath.Join(folder, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 4<<20), 0o600))
	path := filepath.Join(folder, "x.db")
	db, err := openAt(path)
	must(t, err)
	defer db.Close()
	kept := fill(t, db, 0)
	if len(kept) == 0 {
		t.Fatal("nothing fits")
	}
	wantKept(t, db, kept)
	must(t, db.Read(t.Context(), func(*Tx) error { return nil }))

	must(t, os.Remove(ballast))
	more := fill(t, db, 2_000_000)
	if len(more) == 0 {
		t.Error("nothing more is written though there is room")
	}
	for number := range more {
		kept[number] = true
	}
	wantKept(t, db, kept)
	must(t, db.Close())
	wantSound(t, path)

	again, err := openAt(path)
	must(t, err)
	defer again.Close()
	wantKept(t, again, kept)
}

// The same through SQLite's own limit, for those who may not mount.
func TestFullDatabase(t *testing.T) {
	db := openTest(t)
	must(t, db.writer.connection.exec("PRAGMA max_page_count = 300"))
	kept := fill(t, db, 0)
	if len(kept) == 0 {
		t.Fatal("nothing fits")
	}
	wantKept(t, db, kept)
	must(t, db.writer.connection.exec("PRAGMA max_page_count = 100000"))
	for number := range int64(20) {
		must(t, db.Write(t.Context(), insertLongLine(1_000_000+number)))
		kept[1_000_000+number] = true
	}
	wantKept(t, db, kept)
	must(t, db.Close())
	wantSound(t, db.path)
	wantKept(t, openTestAt(t, db.path), kept)
}

func TestOpenOnFullDisk(t *testing.T) {
	folder := smallDisk(t, "1m")
	ballast := filepath.Join(folder, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 1<<20-12<<10), 0o600))
	path := filepath.Join(folder, "x.db")
	_, err := openAt(path)
	wantError(t, err, ErrFull)
	must(t, os.Remove(ballast))
	db, err := openAt(path)
	must(t, err)
	store(t, db, 1)
	must(t, db.Close())
}
