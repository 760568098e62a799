// What waits on the service's own disk has a bound, whatever fails.
package replica

import (
	"context"
	"crypto/rand"
	"errors"
	"io"
	"io/fs"
	"maps"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"

	"fountain.coach/fountainai/internal/storage"
)

// bytesIn counts the bytes of all files below folder.
func bytesIn(t *testing.T, folder string) (bytes int64) {
	t.Helper()
	must(t, filepath.WalkDir(folder, func(_ string, entry fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // removed meanwhile
		}
		if err != nil {
			return err
		}
		if info, err := entry.Info(); err == nil && info.Mode().IsRegular() {
			bytes += info.Size()
		}
		return nil
	}))
	return bytes
}

// flood writes two megabytes of noise over the same row, until done, and a
// new number each time. It returns the most bytes that the folder of the database
// had, and waits for settled after each write.
func flood(t *testing.T, s *stage, most int64, settled func(), done func() bool) (largest int64) {
	t.Helper()
	noise := make([]byte, 1<<20)
	for number, given := 1000+len(numbers(t, s.DB)), int64(0); !done(); number++ {
		if given > most {
			t.Fatalf("%d bytes written in vain: %+v", given, s.Status())
		}
		rand.Read(noise)
		must(t, s.rewrite(t.Context(), "hex($1)", noise))
		s.write(t, number)
		given += 2 * int64(len(noise))
		settled()
		largest = max(largest, bytesIn(t, filepath.Dir(s.DB.File())))
	}
	return largest
}

// wantAll ends the stage and wants the replica to have its numbers.
func wantAll(t *testing.T, s *stage, settings Settings) {
	t.Helper()
	s.reach(t)
	want := numbers(t, s.DB)
	must(t, s.end())
	if got := restored(t, settings); !maps.Equal(got, want) {
		t.Errorf("the replica has %d numbers, want %d", len(got), len(want))
	}
}

// TestStrangeReplica: the replica refuses files with an answer that nobody knows,
// while more is written than may wait, several times.
func TestStrangeReplica(t *testing.T) {
	var strange atomic.Bool
	settings := filtered(t, func(w http.ResponseWriter, r *http.Request) bool {
		if !strange.Load() || r.Method != http.MethodPut {
			return false
		}
		w.WriteHeader(http.StatusTeapot)
		return true
	})
	s := begin(t, newPath(t), settings, Nothing)
	s.write(t, 1)
	s.reach(t)
	strange.Store(true)
	rounds, before := 0, s.Status().Bytes
	largest := flood(t, s, 4*leastBacklog, func() {
		s.await(t, "the step is copied, or given up", func(now Status) bool {
			differs := now.State != Following || now.Bytes != before
			before = now.Bytes
			return differs
		})
	}, func() bool { rounds++; return rounds > 100 })
	if largest > 2*leastBacklog+leastBacklog/2 {
		t.Errorf("the folder has grown to %d bytes", largest)
	}
	strange.Store(false)
	wantAll(t, s, settings)
}

// TestStrangeCopy: the log cannot be copied, for a reason that nobody knows. What
// is in it is given up before it fills the disk, and the replica gets all anew.
func TestStrangeCopy(t *testing.T) {
	settings := fast(t.TempDir(), nil)
	path := newPath(t)
	s := begin(t, path, settings, Nothing)
	s.write(t, 1)
	s.reach(t)
	level0 := filepath.Join(storage.FollowerFolder(path), "ltx", "0")
	must(t, os.Rename(level0, level0+".away"))
	must(t, os.WriteFile(level0, nil, 0o600)) // no folder
	s.await(t, "the failure is told", func(status Status) bool { return status.Failure != nil })
	largest := flood(t, s, 8*leastBacklog, func() {}, func() bool { return s.Status().Snapshots > 1 })
	t.Logf("the folder had %d bytes at most", largest)
	s.reach(t)
	if size := bytesIn(t, filepath.Dir(path)); size > 2*leastBacklog {
		t.Errorf("the folder still has %d bytes", size)
	}
	wantAll(t, s, settings)
}

// TestHangingSnapshot: the log cannot be folded while a snapshot is sent. One that
// does not end is given up before the log fills the disk; the rest goes on.
func TestHangingSnapshot(t *testing.T) {
	hangs := make(chan struct{}, 10)
	settings := filtered(t, func(_ http.ResponseWriter, r *http.Request) bool {
		if r.Method == http.MethodGet || r.Method == http.MethodHead || !strings.Contains(r.URL.Path, "/0009/") {
			return false
		}
		_, _ = io.Copy(io.Discard, r.Body) // only then the end of the connection is seen
		hangs <- struct{}{}
		<-r.Context().Done()
		return true
	})
	s := begin(t, newPath(t), settings, Nothing)
	s.write(t, 1)
	s.reach(t)
	noise := make([]byte, partSize) // what fits into a part is read at once
	rand.Read(noise)
	must(t, s.rewrite(t.Context(), "hex($1)", noise))
	s.reach(t)
	failed := make(chan error, 1)
	go func() { failed <- s.follower.merge(context.WithoutCancel(t.Context())) }()
	<-hangs
	var failure error
	largest := flood(t, s, 4*leastBacklog, func() { s.reach(t) }, func() bool {
		select {
		case failure = <-failed:
		default:
		}
		return failure != nil
	})
	if !strings.Contains(failure.Error(), "the log has grown") {
		t.Errorf("got %v", failure)
	}
	before := s.DB.LogSize()
	rounds := 0
	flood(t, s, leastBacklog, func() { s.reach(t) }, func() bool { rounds++; return rounds > 20 })
	if after := s.DB.LogSize(); after > before {
		t.Errorf("the log goes on growing, from %d to %d bytes", before, after)
	}
	if got := s.Status().Snapshots; got != 1 {
		t.Errorf("begun anew %d times, want once", got)
	}
	t.Logf("the folder had %d bytes at most", largest)
	wantAll(t, s, settings)
}
