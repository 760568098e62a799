package storage

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"runtime"
	"sync"
	"testing"
	"time"
)

// observations collects what an observer is told.
type observations struct {
	mutex   sync.Mutex
	commits []Commit
}

func (o *observations) note(commit Commit) {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	o.commits = append(o.commits, commit)
}

// take returns what was told since the last call.
func (o *observations) take() []Commit {
	o.mutex.Lock()
	defer o.mutex.Unlock()
	taken := o.commits
	o.commits = nil
	return taken
}

func observe(db *DB) *observations {
	o := &observations{}
	db.Observe(o.note)
	return o
}

// total adds up what became of the writes.
func total(commits []Commit) map[Outcome]int {
	sums := map[Outcome]int{}
	for _, commit := range commits {
		for outcome, count := range commit.Writes {
			if count > 0 {
				sums[Outcome(outcome)] += count
			}
		}
	}
	return sums
}

func wantOutcomes(t *testing.T, commits []Commit, want map[Outcome]int) {
	t.Helper()
	if got := total(commits); !maps.Equal(got, want) {
		t.Errorf("got %v; want %v", got, want)
	}
	for _, commit := range commits {
		if commit.Took <= 0 {
			t.Errorf("a commit took %s", commit.Took)
		}
	}
}

func TestObserveGroup(t *testing.T) {
	db := openTest(t)
	store(t, db, 1)
	seen := observe(db)
	refusal := errors.New("no such script")
	errs := writeTogether(t, db, insertNumber(2), insertNumber(3), insertNumber(1),
		func(context.Context, *Tx) error { return refusal },
		func(context.Context, *Tx) error { panic("stage fright") })
	commits := seen.take()
	if len(commits) != 2 {
		t.Fatalf("%d commits were told of; want that of the holder and that of the group", len(commits))
	}
	wantOutcomes(t, commits[:1], map[Outcome]int{Committed: 1})
	wantOutcomes(t, commits[1:], map[Outcome]int{Committed: 2, Refused: 3})
	wantError(t, errs[3], refusal)
	db.Observe(func(Commit) {})
	store(t, db, 4)
	if commits := seen.take(); len(commits) != 0 {
		t.Errorf("the observer that was replaced was told of %v", commits)
	}
}

// What an observer was told of is known to those who wrote: a number that
// stands in the metrics after an answer counts the write answered.
func TestObserveBeforeTheAnswer(t *testing.T) {
	db := openTest(t)
	seen := observe(db)
	for i := range int64(20) {
		store(t, db, i)
		wantOutcomes(t, seen.take(), map[Outcome]int{Committed: 1})
	}
}

func TestObserveCancelled(t *testing.T) {
	db := openTest(t)
	seen := observe(db)
	release := holdWriter(t, db)
	ctx, cancel := context.WithCancel(t.Context())
	failed := make(chan error)
	go func() { failed <- db.Write(ctx, insertNumber(1)) }()
	awaitQueued(db, 1)
	if got := db.Stats().Queued; got != 1 {
		t.Errorf("%d writes are queued; want 1", got)
	}
	cancel()
	release()
	wantError(t, <-failed, context.Canceled)
	wantOutcomes(t, seen.take(), map[Outcome]int{Committed: 1, Cancelled: 1})
	if got := db.Stats().Queued; got != 0 {
		t.Errorf("%d writes are queued; want none", got)
	}
}

func TestObserveTrouble(t *testing.T) {
	for _, trouble := range []struct {
		pragma string
		want   Outcome
	}{{"max_page_count = 1", Full}, {"query_only = ON", Failed}} {
		t.Run(trouble.want.String(), func(t *testing.T) {
			db := openTest(t)
			must(t, db.writer.connection.exec("PRAGMA "+trouble.pragma))
			seen := observe(db)
			for number := range int64(300) {
				if db.Write(t.Context(), insertLongLine(number)) != nil {
					break
				}
				seen.take()
			}
			wantOutcomes(t, seen.take(), map[Outcome]int{trouble.want: 1})
			must(t, db.writer.connection.exec("PRAGMA query_only = OFF"))
		})
	}
}

func TestOutcomes(t *testing.T) {
	names := map[string]bool{}
	for i, outcome := range Outcomes() {
		if int(outcome) != i {
			t.Errorf("outcome %d is %d", i, outcome)
		}
		names[outcome.String()] = true
	}
	if len(names) != int(outcomes) {
		t.Errorf("got names %v for %d outcomes", names, outcomes)
	}
}

func TestOutcomeOf(t *testing.T) {
	for want, errs := range map[Outcome][]error{
		Committed: {nil},
		Refused:   {sql.ErrNoRows, errors.New("no")},
		Cancelled: {context.Canceled, fmt.Errorf("x: %w", context.DeadlineExceeded)},
		Full:      {ErrFull, fmt.Errorf("%w: %w", ErrFull, context.DeadlineExceeded)},
		Failed: {
			ErrUnavailable, fmt.Errorf("%w: %w", ErrUnavailable, context.DeadlineExceeded),
			ErrUncertain, fmt.Errorf("%w: %w", ErrUncertain, context.DeadlineExceeded),
		},
	} {
		for _, err := range errs {
			if got := outcomeOf(err); got != want {
				t.Errorf("%v: got %s, want %s", err, got, want)
			}
		}
	}
}

func TestStats(t *testing.T) {
	db, err := Open(t.Context(), t.TempDir()+"/x.db", testMigrations(), Options{Logger: silent(), Readers: 2})
	must(t, err)
	defer db.Close()
	before := db.Stats()
	for i := range int64(20) {
		must(t, db.Write(t.Context(), insertLongLine(i)))
	}
	after := db.Stats()
	if after.WALBytes < before.WALBytes+20*20_000 {
		t.Errorf("400 kB were written and the log went from %d to %d bytes", before.WALBytes, after.WALBytes)
	}
	if after.SizeBytes <= 0 || after.SizeBytes+after.WALBytes != db.Size() {
		t.Errorf("%d and %d bytes make %d", after.SizeBytes, after.WALBytes, db.Size())
	}
	if runtime.GOOS == "linux" && (after.DiskBytes == 0 || after.DiskFreeBytes > after.DiskBytes) {
		t.Errorf("of %d bytes of the disk %d are free", after.DiskBytes, after.DiskFreeBytes)
	}
	must(t, db.Close())
	if closed := db.Stats(); closed.WALBytes != 0 || closed.SizeBytes < 20*20_000 {
		t.Errorf("after closing got %+v", closed)
	}
}

func TestStatsOfReads(t *testing.T) {
	db, err := Open(t.Context(), t.TempDir()+"/x.db", testMigrations(), Options{Logger: silent(), Readers: 1})
	must(t, err)
	defer db.Close()
	want := func(reading int, delayed uint64) {
		t.Helper()
		if got := db.Stats(); got.Reading != reading || got.MaxReading != 1 || got.DelayedReads != delayed {
			t.Errorf("got %+v; want %d reading and %d delayed", got, reading, delayed)
		}
	}
	want(0, 0)
	must(t, db.Read(t.Context(), func(*Tx) error {
		want(1, 0)
		impatient, cancel := context.WithTimeout(t.Context(), time.Millisecond)
		defer cancel()
		wantError(t, db.Read(impatient, func(*Tx) error { return nil }), context.DeadlineExceeded)
		return nil
	}))
	want(0, 1)
}

// An observer may come and look while the database is busy.
func TestObserveAmidTraffic(t *testing.T) {
	const writers, each = 8, 50
	db := openTest(t)
	seen := observe(db)
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for i := range each {
				number := int64(writer*each + i)
				if err := db.Write(context.Background(), insertNumber(number)); err != nil {
					t.Error(fmt.Errorf("write %d: %w", number, err))
				}
				db.Stats()
			}
		})
	}
	group.Wait()
	wantOutcomes(t, seen.take(), map[Outcome]int{Committed: writers * each})
}
