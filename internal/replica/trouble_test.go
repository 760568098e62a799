package replica

import (
	"context"
	"errors"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"fountain.coach/fountainai/internal/replica/replicatest"
	"fountain.coach/fountainai/internal/storage"
)

// load writes numbers from several goroutines until stop is called, which returns
// the acknowledged ones and the longest time that a write took.
func load(db *storage.DB, from int) (stop func() (acknowledged []int, longest time.Duration, err error)) {
	var writers sync.WaitGroup
	var mutex sync.Mutex
	var done []int
	var longest time.Duration
	var failure error
	ended := make(chan struct{})
	next := atomic.Int64{}
	next.Store(int64(from))
	for range 16 {
		writers.Go(func() {
			for {
				select {
				case <-ended:
					return
				default:
				}
				number, began := int(next.Add(1)), time.Now()
				err := insert(db, number)
				mutex.Lock()
				if longest = max(longest, time.Since(began)); err == nil {
					done = append(done, number)
				} else {
					failure = errors.Join(failure, err)
				}
				mutex.Unlock()
			}
		})
	}
	return func() ([]int, time.Duration, error) {
		close(ended)
		writers.Wait()
		return done, longest, failure
	}
}

// TestOutage cuts the replica off under load, in each way, and lets it come back:
// no write fails or waits for it, and in the end all is there.
func TestOutage(t *testing.T) {
	for name, state := range map[string]replicatest.State{"cut": replicatest.Cut, "silent": replicatest.Silent} {
		t.Run(name, func(t *testing.T) {
			proxy, settings := proxied(t)
			s := begin(t, newPath(t), settings, Nothing)
			s.write(t, 1)
			s.reach(t)
			stop := load(s.DB, 10)
			time.Sleep(100 * time.Millisecond)
			proxy.Turn(state)
			s.await(t, "something waits", func(status Status) bool { return status.Transactions > 3 && status.Bytes > 0 })
			if state == replicatest.Cut {
				s.await(t, "the failure is told", func(status Status) bool { return status.Failure != nil })
			}
			behind := s.Status().Synced
			during, longest, err := stop()
			must(t, err)
			if now := s.Status().Synced; now.After(behind) {
				t.Errorf("the replica was synced at %s, though it cannot be", now)
			}
			proxy.Turn(replicatest.Open)
			s.reach(t)
			s.await(t, "nothing waits", func(status Status) bool { return status.Transactions == 0 && status.Bytes == 0 })
			if status := s.Status(); status.Snapshots != 1 || status.Failure != nil {
				t.Errorf("after the outage: %+v", status)
			}
			got := restored(t, settings)
			for _, number := range during {
				if !got[number] {
					t.Fatalf("the acknowledged %d is not at the replica", number)
				}
			}
			t.Logf("%d writes during the outage, the slowest took %s", len(during), longest)
		})
	}
}

// TestHangingReplica: while every request to the replica hangs for good, writes
// and the folding of the log go on.
func TestHangingReplica(t *testing.T) {
	proxy, settings := proxied(t)
	s := begin(t, newPath(t), settings, Nothing)
	s.write(t, 1)
	s.reach(t)
	proxy.Turn(replicatest.Silent)
	body := strings.Repeat("x", 200_000)
	for number := range 100 {
		must(t, s.DB.Write(t.Context(), func(_ context.Context, tx *storage.Tx) error {
			if _, err := tx.Exec("INSERT INTO numbers (number) VALUES ($1)", 100+number); err != nil {
				return err
			}
			_, err := tx.Exec("INSERT INTO lines (number, body) VALUES ($1, $2)", 100+number, body)
			return err
		}))
		if number%5 == 0 { // the log is copied while it grows, however busy the machine is
			written := time.Now().UnixNano()
			s.await(t, "the log is copied", func(Status) bool { return s.follower.copied.Load() > written })
		}
	}
	if size := s.DB.LogSize(); size > 3*foldAt {
		t.Errorf("20 MB have been written and the log has grown to %d bytes: it is not folded", size)
	}
	proxy.Turn(replicatest.Open)
	s.reach(t)
	if got := restored(t, settings); len(got) != 101 {
		t.Errorf("the replica has %d numbers, want 101", len(got))
	}
}

// TestLogIsCut: a read that lasts makes the log grow; afterwards it is cut again.
func TestLogIsCut(t *testing.T) {
	settings := fast(t.TempDir(), nil)
	s := begin(t, newPath(t), settings, Nothing)
	s.write(t, 1)
	s.reach(t)
	held, err := storage.OpenSnapshot(t.Context(), s.DB.File())
	must(t, err)
	const limit = 64 << 20
	for round := 0; s.DB.LogSize() <= limit+limit/4; round++ {
		must(t, s.rewrite(t.Context(), "hex(zeroblob(2000000 + $1))", round))
	}
	must(t, held.Close())
	for number := 2; s.DB.LogSize() > limit; number++ {
		s.write(t, number)
		time.Sleep(10 * time.Millisecond)
		if number > 3000 {
			t.Fatalf("the log still has %d bytes", s.DB.LogSize())
		}
	}
	s.reach(t)
	want := len(numbers(t, s.DB))
	if got := s.Status().Snapshots; got != 1 {
		t.Errorf("%d snapshots, want 1", got)
	}
	must(t, s.end())
	if got := restored(t, settings); len(got) != want {
		t.Errorf("the replica has %d numbers, want %d", len(got), want)
	}
}

// TestBacklog: an outage so long that what waits is more than the database. What
// waits is given up, the log does not grow for ever, and the replica gets all.
func TestBacklog(t *testing.T) {
	proxy, settings := proxied(t)
	path := newPath(t)
	s := begin(t, path, settings, Nothing)
	s.write(t, 1)
	s.reach(t)
	proxy.Turn(replicatest.Cut)
	// The same rows again and again, in noise that cannot be packed.
	noise := make([]byte, 1<<20)
	var given int64
	for round := 0; given < 3*leastBacklog && s.Status().State == Following; round++ {
		for i := range noise {
			noise[i] = byte(i*i>>7) ^ byte(round*31+i*i*i>>3)
		}
		must(t, s.rewrite(t.Context(), "hex($1)", noise))
		given += 2 * int64(len(noise))
		before := s.Status().Bytes
		s.await(t, "the step is copied", func(status Status) bool {
			return status.State != Following || status.Bytes > before
		})
	}
	s.await(t, "the backlog is given up", func(status Status) bool { return status.State == Waiting })
	if _, err := os.Stat(storage.FollowerFolder(path)); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("what waited is still there: %v", err)
	}
	if status := s.Status(); status.Transactions != 1 || status.Bytes < int64(len(noise)) {
		t.Errorf("all of the database waits, and the status says %+v", status)
	}
	s.write(t, 2)
	proxy.Turn(replicatest.Open)
	s.reach(t)
	s.await(t, "nothing waits", func(status Status) bool { return status.Bytes == 0 })
	if status := s.Status(); status.Snapshots != 2 {
		t.Errorf("got %+v", status)
	}
	if got := restored(t, settings); len(got) != 2 {
		t.Errorf("the replica has %d numbers, want 2", len(got))
	}
}

// TestStartWithoutReplica: a database whose replica is away at the start is served
// and caught up later, without a snapshot though the last stop sent nothing.
func TestStartWithoutReplica(t *testing.T) {
	proxy, settings := proxied(t)
	path := newPath(t)
	s := begin(t, path, settings, Nothing)
	s.write(t, 1)
	s.reach(t)
	proxy.Turn(replicatest.Cut)
	s.write(t, 2)
	if err := s.end(); err == nil || !strings.Contains(err.Error(), "the next start sends it") {
		t.Errorf("got %v", err)
	}
	s = begin(t, path, settings, Kept)
	s.write(t, 3)
	s.await(t, "the failure is told", func(status Status) bool { return status.Failure != nil })
	proxy.Turn(replicatest.Open)
	s.reach(t)
	if status := s.Status(); status.Snapshots != 0 || status.Failure != nil {
		t.Errorf("got %+v", status)
	}
	must(t, s.end())
	if got := restored(t, settings); len(got) != 3 {
		t.Errorf("the replica has %d numbers, want 3", len(got))
	}
}

// TestFoldedByOthers: a time without a replica, or the log folded by a tool, ends
// in a snapshot and never in a replica with holes.
func TestFoldedByOthers(t *testing.T) {
	for name, fold := range map[string]func(t *testing.T, path string){
		"opened without a replica": func(t *testing.T, path string) {
			db, err := storage.Open(t.Context(), path, testMigrations(), storage.Options{Logger: silent(), Service: service})
			must(t, err)
			must(t, insert(db, 200))
			must(t, db.Close())
		},
		"read by a tool": func(t *testing.T, path string) {
			// The last to close a database folds its log.
			must(t, storage.Check(t.Context(), path))
			if _, err := os.Stat(path + "-wal"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("the log is still there: %v", err)
			}
		},
		"restored from a backup": func(t *testing.T, path string) {
			backup := filepath.Join(t.TempDir(), "backup.db")
			snapshot, err := storage.OpenSnapshot(t.Context(), path)
			must(t, err)
			must(t, errors.Join(snapshot.CopyTo(backup, nil), snapshot.Close()))
			replacement, err := storage.PrepareRestore(t.Context(), backup, path)
			must(t, err)
			must(t, replacement.Apply(".old"))
		},
	} {
		t.Run(name, func(t *testing.T) {
			settings := fast(t.TempDir(), nil)
			path := newPath(t)
			s := begin(t, path, settings, Nothing)
			s.write(t, span(1, 50)...)
			s.reach(t)
			must(t, s.end())
			fold(t, path)
			s = begin(t, path, settings, Kept)
			s.write(t, span(300, 310)...)
			s.reach(t)
			if got := s.Status().Snapshots; got != 1 {
				t.Errorf("%d snapshots, want 1", got)
			}
			want := numbers(t, s.DB)
			must(t, s.end())
			if got := restored(t, settings); len(got) != len(want) {
				t.Errorf("the replica has %d numbers, want %d", len(got), len(want))
			}
		})
	}
}

// TestTakenOver: of two services with one replica, each on an empty volume of its
// own, the one that began last goes on; the other says so and writes no more.
func TestTakenOver(t *testing.T) {
	for kind, settings := range places(t) {
		t.Run(kind, func(t *testing.T) {
			first := begin(t, newPath(t), settings, Nothing)
			first.write(t, span(1, 20)...)
			first.reach(t)
			stop := load(first.DB, 1000)
			second := begin(t, newPath(t), settings, Restored)
			second.reach(t)
			first.await(t, "the first sees the second", func(s Status) bool { return s.State == Superseded })
			if _, _, err := stop(); err != nil {
				t.Error(err)
			}
			if failure := first.Status().Failure; !errors.Is(failure, ErrSuperseded) {
				t.Errorf("got %v", failure)
			}
			second.write(t, span(2000, 2020)...)
			second.reach(t)
			want := numbers(t, second.DB)
			_ = first.end()
			must(t, second.end())
			got := restored(t, settings)
			if len(got) != len(want) || !got[1] || !got[2020] {
				t.Errorf("the replica has %d numbers, the second %d", len(got), len(want))
			}
		})
	}
}

// TestTwoStartsAtOnce: several processes on one empty volume. One gets it, whole.
func TestTwoStartsAtOnce(t *testing.T) {
	settings := fast(t.TempDir(), nil)
	s := begin(t, newPath(t), settings, Nothing)
	s.write(t, span(1, 200)...)
	s.reach(t)
	must(t, s.end())
	path := newPath(t)
	var group sync.WaitGroup
	var mutex sync.Mutex
	var opened []*stage
	for range 8 {
		group.Go(func() {
			s, _, err := open(t.Context(), path, settings)
			mutex.Lock()
			defer mutex.Unlock()
			if err == nil {
				opened = append(opened, s)
			} else if !errors.Is(err, storage.ErrInUse) {
				t.Errorf("got %v, want that it is in use", err)
			}
		})
	}
	group.Wait()
	if len(opened) != 1 {
		t.Fatalf("%d have the database open, want 1", len(opened))
	}
	defer opened[0].end()
	wantNumbers(t, opened[0].DB, span(1, 200)...)
}

func TestPointInTime(t *testing.T) {
	for kind, settings := range places(t) {
		t.Run(kind, func(t *testing.T) {
			path := newPath(t)
			s := begin(t, path, settings, Nothing)
			before := time.Now()
			moments := map[int]time.Time{}
			for number := 1; number <= 5; number++ {
				s.write(t, number)
				s.reach(t)
				time.Sleep(5 * time.Millisecond)
				moments[number] = time.Now()
				time.Sleep(5 * time.Millisecond)
			}
			for number, moment := range moments {
				settings.RestoreAt = moment
				if got := restored(t, settings); len(got) != number {
					t.Errorf("as of write %d: got %d numbers", number, len(got))
				}
			}
			settings.RestoreAt = before
			_, err := Restore(t.Context(), settings, service, newPath(t), testMigrations())
			wantError(t, err, ErrUnreachable, "nothing from before")

			// A service that begins with an earlier time goes on from there, and its
			// replica with it.
			must(t, s.end())
			loseVolume(t, path)
			settings.RestoreAt = moments[3]
			s = begin(t, path, settings, Restored)
			wantNumbers(t, s.DB, 1, 2, 3)
			s.write(t, 40)
			s.reach(t)
			must(t, s.end())
			settings.RestoreAt = time.Time{}
			if got := restored(t, settings); len(got) != 4 || !got[40] {
				t.Errorf("got %v", got)
			}
			settings.RestoreAt = moments[5]
			if got := restored(t, settings); len(got) != 5 {
				t.Errorf("the history before is gone: got %v", got)
			}
		})
	}
}

// TestUpgrade: the schema changes while there is a replica, and an older program
// does not take what a newer one has written.
func TestUpgrade(t *testing.T) {
	settings := fast(t.TempDir(), nil)
	path := newPath(t)
	s := begin(t, path, settings, Nothing)
	s.write(t, span(1, 10)...)
	s.reach(t)
	must(t, s.end())
	newer := testMigrations().(fstest.MapFS)
	newer["00002_more.sql"] = &fstest.MapFile{Data: []byte(`-- +goose Up
ALTER TABLE numbers ADD COLUMN note TEXT NOT NULL DEFAULT 'none';
CREATE INDEX notes ON numbers (note);
`)}
	upgraded, _, err := openWith(t.Context(), path, settings, newer)
	must(t, err)
	upgraded.write(t, span(11, 20)...)
	upgraded.reach(t)
	if got := upgraded.Status().Snapshots; got != 0 {
		t.Errorf("%d snapshots, want 0", got)
	}
	must(t, upgraded.end())
	loseVolume(t, path)
	_, err = Restore(t.Context(), settings, service, path, testMigrations())
	wantError(t, err, storage.ErrNewer, "schema version 2")
	upgraded, _, err = openWith(t.Context(), path, settings, newer)
	must(t, err)
	defer upgraded.end()
	wantNumbers(t, upgraded.DB, span(1, 20)...)
	must(t, upgraded.DB.Read(t.Context(), func(tx *storage.Tx) error {
		var note string
		return tx.QueryRow("SELECT note FROM numbers WHERE number = 20", nil, &note)
	}))
}

// TestBackup: copies are made while the replica is kept, and do not disturb it.
func TestBackup(t *testing.T) {
	settings := fast(t.TempDir(), nil)
	s := begin(t, newPath(t), settings, Nothing)
	stop := load(s.DB, 0)
	for range 5 {
		backup := filepath.Join(t.TempDir(), "copy.db")
		must(t, s.DB.Backup(t.Context(), backup))
		must(t, storage.Check(t.Context(), backup))
		must(t, storage.CheckService(t.Context(), backup, service, testMigrations()))
		temporary, err := s.DB.TemporaryCopy(t.Context())
		must(t, err)
		must(t, temporary.Close())
	}
	written, _, err := stop()
	must(t, err)
	s.reach(t)
	if got := s.Status().Snapshots; got != 1 {
		t.Errorf("%d snapshots, want 1", got)
	}
	rows, err := s.DB.Rows(t.Context())
	must(t, err)
	if len(rows) != 2 || rows["numbers"] != int64(len(written)) {
		t.Errorf("got rows %v, want those of the service alone", rows)
	}
	must(t, s.end())
	if got := restored(t, settings); len(got) != len(written) {
		t.Errorf("the replica has %d numbers, want %d", len(got), len(written))
	}
}
