package storage

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

func TestWritesShareCommits(t *testing.T) {
	const writers, each = 64, 50
	db := openTest(t)
	commits := countCommits(t, db)
	var group sync.WaitGroup
	for writer := range writers {
		group.Go(func() {
			for i := range each {
				if err := db.Write(context.Background(), insertNumber(int64(writer*each+i))); err != nil {
					t.Error(err)
				}
			}
		})
	}
	group.Wait()
	if got := len(stored(t, db)); got != writers*each {
		t.Fatalf("%d writes are stored; want %d", got, writers*each)
	}
	if got := commits.Load(); got > writers*each/4 {
		t.Errorf("%d writes took %d commits; want at most a quarter", writers*each, got)
	}
}

func TestLoneWritesCommitAtOnce(t *testing.T) {
	db := openTest(t)
	commits := countCommits(t, db)
	store(t, db, 1, 2, 3)
	if got := commits.Load(); got != 3 {
		t.Errorf("3 writes one after another took %d commits; want 3", got)
	}
}

// writeTogether makes all writes in one group and returns their errors.
func writeTogether(t *testing.T, db *DB, writes ...WriteFunc) []error {
	t.Helper()
	release := holdWriter(t, db)
	errs := make([]error, len(writes))
	var group sync.WaitGroup
	for i, write := range writes {
		group.Go(func() { errs[i] = db.Write(context.Background(), write) })
		awaitQueued(db, i+1)
	}
	release()
	group.Wait()
	return errs
}

func TestFailureInAGroup(t *testing.T) {
	refusal := errors.New("refused")
	insertThen := func(number int64, then func() error) WriteFunc {
		return func(ctx context.Context, tx *Tx) error {
			return errors.Join(insertNumber(number)(ctx, tx), then())
		}
	}
	cases := []struct {
		name    string
		failing WriteFunc
		check   func(error) bool
	}{
		{"its own error", insertThen(5, func() error { return refusal }), func(err error) bool { return errors.Is(err, refusal) }},
		{"none", insertThen(5, func() error { return nil }), nil},
		{"duplicate", insertNumber(1), IsUnique},
		{"constraint", insertNumber(-1), func(err error) bool { return err != nil && !IsUnique(err) }},
		{"no rows", func(_ context.Context, tx *Tx) error {
			var number int64
			return tx.QueryRow("SELECT number FROM numbers WHERE number = 77", nil, &number)
		}, IsNoRows},
		{"bad SQL", func(_ context.Context, tx *Tx) error {
			_, err := tx.Exec("INSERT INTO nowhere VALUES (1)")
			return err
		}, func(err error) bool { return strings.Contains(fmt.Sprint(err), "no such table: nowhere") }},
		{"panic", insertThen(5, func() error { panic("stage fright") }), func(err error) bool {
			return strings.Contains(fmt.Sprint(err), "stage fright")
		}},
		{"panic amid rows", func(_ context.Context, tx *Tx) error {
			return tx.Query("SELECT number FROM numbers", nil, func(func(...any) error) error { panic("stage fright") })
		}, func(err error) bool { return strings.Contains(fmt.Sprint(err), "stage fright") }},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			db := openTest(t)
			commits := countCommits(t, db)
			errs := writeTogether(t, db, insertNumber(1), insertNumber(2), c.failing, insertNumber(3))
			want := []int64{1, 2, 3}
			if c.check == nil {
				want, c.check = append(want, 5), func(err error) bool { return err == nil }
			}
			if !c.check(errs[2]) {
				t.Errorf("the third write got %v", errs[2])
			}
			if err := errors.Join(errs[0], errs[1], errs[3]); err != nil {
				t.Errorf("the other writes got %v", err)
			}
			wantStored(t, db, want...)
			// The write that held the writer up commits by itself.
			if got := commits.Load(); got != 2 {
				t.Errorf("the group took %d commits; want 1", got-1)
			}
			store(t, db, 9)
		})
	}
}

func TestFailureAlone(t *testing.T) {
	cases := map[string]func(ctx context.Context, tx *Tx) error{
		"error": func(context.Context, *Tx) error { return errors.New("refused") },
		"panic": func(context.Context, *Tx) error { panic("stage fright") },
		"nested panic": func(ctx context.Context, tx *Tx) error {
			return tx.nested(ctx, func(context.Context, *Tx) error { panic("stage fright") })
		},
	}
	for name, fail := range cases {
		t.Run(name, func(t *testing.T) {
			db := openTest(t)
			err := db.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
				return errors.Join(insertNumber(1)(ctx, tx), fail(ctx, tx))
			})
			if err == nil {
				t.Error("no error")
			}
			store(t, db, 2)
			wantStored(t, db, 2)
		})
	}
}

// A write can lose the transaction of the whole group, as a full disk does;
// then all must hear of it, and none may be kept.
func TestLostTransaction(t *testing.T) {
	const ends = "INSERT OR ROLLBACK INTO numbers (number) VALUES (1)"
	cases := map[string]WriteFunc{
		"reported": func(_ context.Context, tx *Tx) error {
			_, err := tx.Exec(ends)
			return err
		},
		"passed over": func(_ context.Context, tx *Tx) error {
			_, _ = tx.Exec(ends)
			return nil
		},
		"in a nested write": func(ctx context.Context, tx *Tx) error {
			_ = tx.nested(ctx, func(_ context.Context, tx *Tx) error {
				_, err := tx.Exec(ends)
				return err
			})
			_, _ = tx.Exec("INSERT INTO numbers (number) VALUES (50)")
			return nil
		},
	}
	for name, losing := range cases {
		t.Run(name, func(t *testing.T) {
			db := openTest(t)
			store(t, db, 1)
			errs := writeTogether(t, db, insertNumber(2), losing, insertNumber(3))
			for i, err := range errs {
				if !errors.Is(err, ErrUnavailable) {
					t.Errorf("write %d got %v; want %v", i, err, ErrUnavailable)
				}
				if i != 1 && IsUnique(err) {
					t.Errorf("write %d is told of a duplicate that is not its own: %v", i, err)
				}
			}
			store(t, db, 4)
			wantStored(t, db, 1, 4)
		})
	}
}

func TestNestedWrites(t *testing.T) {
	refusal := errors.New("refused")
	fail := func(write WriteFunc) WriteFunc {
		return func(ctx context.Context, tx *Tx) error {
			return errors.Join(write(ctx, tx), refusal)
		}
	}
	cases := []struct {
		name  string
		write func(db *DB) WriteFunc
		want  []int64
		err   error
	}{
		{"both kept", func(db *DB) WriteFunc {
			return func(ctx context.Context, tx *Tx) error {
				return errors.Join(insertNumber(1)(ctx, tx), db.Write(ctx, insertNumber(2)))
			}
		}, []int64{1, 2}, nil},
		{"inner fails, outer goes on", func(db *DB) WriteFunc {
			return func(ctx context.Context, tx *Tx) error {
				err := insertNumber(1)(ctx, tx)
				if inner := db.Write(ctx, fail(insertNumber(2))); !errors.Is(inner, refusal) {
					return fmt.Errorf("inner write got %w", inner)
				}
				return errors.Join(err, insertNumber(3)(ctx, tx))
			}
		}, []int64{1, 3}, nil},
		{"outer fails after inner", func(db *DB) WriteFunc {
			return fail(func(ctx context.Context, tx *Tx) error {
				return errors.Join(insertNumber(1)(ctx, tx), db.Write(ctx, insertNumber(2)))
			})
		}, nil, refusal},
		{"three deep, the middle fails", func(db *DB) WriteFunc {
			return func(ctx context.Context, tx *Tx) error {
				_ = db.Write(ctx, fail(func(ctx context.Context, tx *Tx) error {
					return errors.Join(insertNumber(2)(ctx, tx), db.Write(ctx, insertNumber(3)))
				}))
				return db.Write(ctx, insertNumber(4))
			}
		}, []int64{4}, nil},
		{"inner panics, outer goes on", func(db *DB) WriteFunc {
			return func(ctx context.Context, tx *Tx) error {
				_ = db.Write(ctx, func(ctx context.Context, tx *Tx) error {
					_ = insertNumber(1)(ctx, tx)
					panic("stage fright")
				})
				return db.Write(ctx, insertNumber(2))
			}
		}, []int64{2}, nil},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			for _, company := range []bool{false, true} {
				db := openTest(t)
				errs, want := []error{nil}, c.want
				if company {
					errs, want = writeTogether(t, db, c.write(db), insertNumber(90)), append(c.want, 90)
				} else {
					errs[0] = db.Write(t.Context(), c.write(db))
				}
				if !errors.Is(errs[0], c.err) {
					t.Errorf("in company %t: got %v; want %v", company, errs[0], c.err)
				}
				wantStored(t, db, want...)
			}
		})
	}
}

func TestReadWithinWrite(t *testing.T) {
	db := openTest(t)
	must(t, db.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
		must(t, insertNumber(1)(ctx, tx))
		return db.Read(ctx, func(tx *Tx) error {
			numbers, err := numbersIn(tx)
			if len(numbers) != 1 {
				t.Errorf("a read within the write sees %v; want [1]", numbers)
			}
			wantStored(t, db)
			return err
		})
	}))
}

func TestTransactionsEnd(t *testing.T) {
	db := openTest(t)
	var keptCtx context.Context
	var keptTx []*Tx
	must(t, db.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
		keptCtx, keptTx = ctx, append(keptTx, tx)
		return nil
	}))
	must(t, db.Read(t.Context(), func(tx *Tx) error {
		keptTx = append(keptTx, tx)
		return nil
	}))
	for _, tx := range keptTx {
		_, err := tx.Exec("DELETE FROM numbers")
		wantError(t, err, errEnded)
	}
	// A context kept too long starts transactions of its own.
	must(t, db.Write(keptCtx, insertNumber(1)))
	must(t, db.Read(keptCtx, func(*Tx) error { return nil }))
	wantStored(t, db, 1)
}

func TestCancelledWrites(t *testing.T) {
	db := openTest(t)
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	wantError(t, db.Write(cancelled, insertNumber(1)), context.Canceled)

	release := holdWriter(t, db)
	waiting, cancel := context.WithCancel(t.Context())
	outcome := make(chan error, 1)
	go func() { outcome <- db.Write(waiting, insertNumber(2)) }()
	awaitQueued(db, 1)
	cancel()
	release()
	wantError(t, <-outcome, context.Canceled)

	// What has been done when the caller gives up is kept, and said so.
	running, cancel := context.WithCancel(t.Context())
	must(t, db.Write(running, func(ctx context.Context, tx *Tx) error {
		err := insertNumber(3)(ctx, tx)
		cancel()
		return err
	}))
	wantStored(t, db, 3)
}

func TestCloseDrainsWrites(t *testing.T) {
	db := openTest(t)
	release := holdWriter(t, db)
	const writes = 100
	var kept, refused atomic.Int64
	var group sync.WaitGroup
	for i := range writes {
		group.Go(func() {
			switch err := db.Write(context.Background(), insertNumber(int64(i))); {
			case err == nil:
				kept.Add(1)
			case errors.Is(err, ErrClosed):
				refused.Add(1)
			default:
				t.Error(err)
			}
		})
	}
	awaitQueued(db, writes)
	closed := make(chan error, 1)
	go func() { closed <- db.Close() }()
	for stopping := false; !stopping; runtime.Gosched() {
		db.writer.queue.mutex.Lock()
		stopping = db.writer.queue.closed
		db.writer.queue.mutex.Unlock()
	}
	wantError(t, db.Write(context.Background(), insertNumber(writes)), ErrClosed)
	release()
	must(t, <-closed)
	group.Wait()
	if kept.Load() != writes {
		t.Errorf("%d queued writes were kept, %d refused; want %d kept", kept.Load(), refused.Load(), writes)
	}
	wantError(t, db.Write(context.Background(), insertNumber(writes)), ErrClosed)
	wantError(t, db.Read(context.Background(), func(*Tx) error { return nil }), ErrClosed)
	if got := len(stored(t, openTestAt(t, db.path))); got != writes {
		t.Errorf("%d writes are there after reopening; want %d", got, writes)
	}
}

// Under traffic every write is either kept and acknowledged or refused.
func TestCloseDuringTraffic(t *testing.T) {
	for range 10 {
		db := openTest(t)
		var kept atomic.Int64
		var group sync.WaitGroup
		for writer := range 16 {
			group.Go(func() {
				for i := 0; ; i++ {
					err := db.Write(context.Background(), insertNumber(int64(writer*1_000_000+i)))
					if errors.Is(err, ErrClosed) {
						return
					}
					if err != nil {
						t.Error(err)
						return
					}
					kept.Add(1)
					if err := db.Read(context.Background(), func(*Tx) error { return nil }); err != nil && !errors.Is(err, ErrClosed) {
						t.Error(err)
					}
				}
			})
		}
		time.Sleep(5 * time.Millisecond)
		must(t, db.Close())
		group.Wait()
		if got := len(stored(t, openTestAt(t, db.path))); got != int(kept.Load()) {
			t.Errorf("%d writes are there, %d were acknowledged", got, kept.Load())
		}
	}
}

// A write that ends the writer's goroutine, as FailNow does in a test, must
// leave nobody waiting.
func TestWriteThatEndsItsGoroutine(t *testing.T) {
	db := openTest(t)
	end := func(context.Context, *Tx) error {
		runtime.Goexit()
		return nil
	}
	for i, err := range writeTogether(t, db, insertNumber(1), end, insertNumber(2)) {
		if !errors.Is(err, ErrClosed) {
			t.Errorf("write %d got %v; want %v", i, err, ErrClosed)
		}
	}
	wantError(t, db.Write(t.Context(), insertNumber(3)), ErrClosed)
	wantStored(t, db)
}

func TestGroupsAreBounded(t *testing.T) {
	q := newQueue()
	for range maxGroup + 10 {
		q.push(&write{})
	}
	q.close()
	var sizes []int
	for group := q.take(nil); len(group) > 0; group = q.take(group) {
		sizes = append(sizes, len(group))
	}
	if fmt.Sprint(sizes) != fmt.Sprint([]int{maxGroup, 10}) {
		t.Errorf("groups of %v; want %d and 10", sizes, maxGroup)
	}
}
