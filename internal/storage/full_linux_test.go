package storage

import (
	"os"
	"path/filepath"
	"testing"

	"fountain.coach/fountainai/internal/storage/disktest"
)

func TestFullDisk(t *testing.T) {
	folder := disktest.Small(t, "12m")
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

func TestOpenOnFullDisk(t *testing.T) {
	folder := disktest.Small(t, "1m")
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

func TestBackupToFullDisk(t *testing.T) {
	db := openTest(t)
	for number := range int64(300) {
		must(t, db.Write(t.Context(), insertLongLine(number)))
	}
	folder := disktest.Small(t, "1m")
	wantError(t, db.Backup(t.Context(), filepath.Join(folder, "copy.db")), ErrFull)
	wantFiles(t, folder)
}

// A copy that finds no room goes on when there is some.
func TestCopyToFullDisk(t *testing.T) {
	source := filepath.Join(t.TempDir(), "source.db")
	family(t, source)
	folder := disktest.Small(t, "4m")
	ballast := filepath.Join(folder, "ballast")
	must(t, os.WriteFile(ballast, make([]byte, 4<<20-200<<10), 0o600))
	target := filepath.Join(folder, "target.db")
	_, err := transfer(copyFrom(source, target))
	wantError(t, err, ErrFull)
	_, err = openFamily(target)
	wantError(t, err, ErrUnfinished)
	must(t, os.Remove(ballast))
	_, err = transfer(copyFrom(source, target))
	must(t, err)
	wantNextChild(t, target, 303)
}
