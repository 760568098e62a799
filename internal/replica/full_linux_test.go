package replica

import (
	"crypto/rand"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/replica/replicatest"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/disktest"
)

// TestFullReplica: the replica's disk is full. Writes go on, nothing at the replica
// is spoilt, and it gets the rest when there is room.
func TestFullReplica(t *testing.T) {
	folder := disktest.Small(t, "2m")
	settings := fast(folder, nil)
	s := begin(t, newPath(t), settings, Nothing)
	s.write(t, 1)
	s.reach(t)
	ballast := filepath.Join(folder, "ballast")
	fillDisk(t, ballast)
	s.write(t, span(2, 200)...)
	s.await(t, "the failure is told", func(status Status) bool {
		return status.Failure != nil && strings.Contains(status.Failure.Error(), "no space left")
	})
	s.write(t, span(201, 300)...)
	if got := restored(t, settings); !got[1] || got[300] {
		t.Errorf("the full replica has %d numbers", len(got))
	}
	must(t, os.Remove(ballast))
	s.reach(t)
	must(t, s.end())
	if got := restored(t, settings); len(got) != 300 {
		t.Errorf("the replica has %d numbers, want 300", len(got))
	}
}

// TestFullVolume: the service's own disk has no room for a restore, which leaves
// nothing behind and says so.
func TestFullVolume(t *testing.T) {
	settings := fast(t.TempDir(), nil)
	s := begin(t, newPath(t), settings, Nothing)
	s.write(t, span(1, 2000)...)
	s.reach(t)
	must(t, s.end())
	volume := disktest.Small(t, "256k")
	path := filepath.Join(volume, "numbers.db")
	_, err := Restore(t.Context(), settings, service, path, testMigrations())
	wantError(t, err, storage.ErrFull, "full")
	if !storage.IsEmpty(path) {
		t.Error("there is a database")
	}
	if left, _ := filepath.Glob(path + ".partial*"); len(left) > 0 {
		t.Errorf("%v is left", left)
	}
}

// TestVolumeFilledByBacklog: what waits for a replica that is away fills the
// service's own disk. It is given up, so that writes go on.
func TestVolumeFilledByBacklog(t *testing.T) {
	proxy, settings := proxied(t)
	path := filepath.Join(disktest.Small(t, "24m"), "numbers.db")
	s := begin(t, path, settings, Nothing)
	s.write(t, 1)
	s.reach(t)
	proxy.Turn(replicatest.Cut)
	fillWithNoise(t, s, 60)
	if s.Status().Failures == 0 {
		t.Error("no failure is told")
	}
	s.write(t, 2)
	proxy.Turn(replicatest.Open)
	s.reach(t)
	want := len(numbers(t, s.DB))
	must(t, s.end())
	if got := restored(t, settings); len(got) != want {
		t.Errorf("the replica has %d numbers, want %d", len(got), want)
	}
}

// fillWithNoise writes a megabyte that cannot be packed, again and again over the
// same row. A write that finds the disk full is made again until there is room.
func fillWithNoise(t *testing.T, s *stage, rounds int) {
	t.Helper()
	noise := make([]byte, 1<<20)
	for range rounds {
		rand.Read(noise)
		for deadline := time.Now().Add(time.Minute); ; time.Sleep(20 * time.Millisecond) {
			err := s.rewrite(t.Context(), "$1", noise)
			if err == nil {
				break
			}
			if !errors.Is(err, storage.ErrFull) || time.Now().After(deadline) {
				t.Fatalf("the disk stays full: %v; %+v", err, s.Status())
			}
		}
		time.Sleep(30 * time.Millisecond)
	}
}

func fillDisk(t *testing.T, path string) {
	t.Helper()
	file, err := os.Create(path)
	must(t, err)
	defer file.Close()
	block := make([]byte, 4096)
	for {
		if _, err := file.Write(block); err != nil {
			return
		}
	}
}
