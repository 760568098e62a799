package storage

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"
)

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

// TestFullDisk without a disk, through SQLite's own limit.
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
