package sequence

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"

	"fountain.coach/fountainai/internal/storage"
)

// open opens a database that keeps numbers by an index of its own as well.
func open(t *testing.T) *storage.DB {
	t.Helper()
	var migrations fs.FS = fstest.MapFS{"00001_places.sql": {Data: []byte("-- +goose Up\nCREATE TABLE places (number BIGINT PRIMARY KEY);\n")}}
	path := "file:" + filepath.Join(t.TempDir(), "sequence.db")
	db, err := storage.Open(t.Context(), path, migrations, storage.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := db.Close(); err != nil {
			t.Error(err)
		}
	})
	return db
}

// write runs steps in one transaction.
func write(db *storage.DB, steps ...func(tx *storage.Tx) error) error {
	return db.Write(context.Background(), func(_ context.Context, tx *storage.Tx) error {
		for _, step := range steps {
			if err := step(tx); err != nil {
				return err
			}
		}
		return nil
	})
}

// assign assigns the number wanted, or the next one if wanted is 0.
func assign(db *storage.DB, scope, wanted int64) (number int64, err error) {
	given := &wanted
	if wanted == 0 {
		given = nil
	}
	return storage.WriteValue(context.Background(), db, func(tx *storage.Tx) (int64, error) { return Assign(tx, scope, given) })
}

// wantAssigned fails the test unless the number wanted, or the next one if
// wanted is 0, is number.
func wantAssigned(t *testing.T, db *storage.DB, scope, wanted, number int64) {
	t.Helper()
	if got, err := assign(db, scope, wanted); err != nil || got != number {
		t.Errorf("assign %d in scope %d: got %d, %v, want %d", wanted, scope, got, err, number)
	}
}

// wantTaken fails the test unless err says that number is taken.
func wantTaken(t *testing.T, err error, number int64) {
	t.Helper()
	var taken *TakenError
	if !errors.As(err, &taken) || taken.Number != number || !strings.Contains(err.Error(), fmt.Sprint(number)) {
		t.Errorf("got %v, want that %d is taken", err, number)
	}
}

func TestAssign(t *testing.T) {
	db := open(t)
	for _, step := range []struct{ scope, wanted, number int64 }{
		{0, 0, 1}, {0, 0, 2}, // in order
		{7, 0, 1},                          // another scope
		{0, 10, 10}, {0, 0, 11}, {0, 5, 5}, // chosen above and below
		{0, 0, 12}, {7, 0, 2},
	} {
		wantAssigned(t, db, step.scope, step.wanted, step.number)
	}
	for _, number := range []int64{1, 5, 10, 12} {
		_, err := assign(db, 0, number)
		wantTaken(t, err, number)
	}
	wantAssigned(t, db, 0, 0, 13) // a refusal used none up
	wantAssigned(t, db, 7, 5, 5)
}

func TestScope(t *testing.T) {
	script := int64(7)
	if Scope(&script) != 7 || Scope(nil) != 0 {
		t.Errorf("got %d and %d", Scope(&script), Scope(nil))
	}
}

// Counting on at the highest integer must not go over into floating point.
func TestExhausted(t *testing.T) {
	db := open(t)
	wantAssigned(t, db, 1, math.MaxInt64-1, math.MaxInt64-1)
	wantAssigned(t, db, 1, 0, math.MaxInt64)
	for range 2 {
		if _, err := assign(db, 1, 0); !errors.Is(err, ErrExhausted) {
			t.Errorf("got %v, want %v", err, ErrExhausted)
		}
	}
	wantAssigned(t, db, 1, 3, 3) // numbers below are left
	wantAssigned(t, db, 2, 0, 1) // and other scopes
}

func TestRaise(t *testing.T) {
	db := open(t)
	raise := func(number int64) func(tx *storage.Tx) error {
		return func(tx *storage.Tx) error { return Raise(tx, 1, number) }
	}
	if err := write(db, raise(5), raise(3), raise(5)); err != nil {
		t.Fatal(err)
	}
	wantAssigned(t, db, 1, 0, 6)
	wantAssigned(t, db, 1, 4, 4) // raising takes no number
}

// Draw is for those who have a unique index of their own.
func TestDraw(t *testing.T) {
	db := open(t)
	place := func(wanted *int64) (int64, error) {
		return storage.WriteValue(t.Context(), db, func(tx *storage.Tx) (int64, error) {
			number, err := Draw(tx, 0, wanted)
			if err != nil {
				return 0, err
			}
			_, err = tx.Exec("INSERT INTO places (number) VALUES ($1)", number)
			return number, Taken(err, number)
		})
	}
	chosen := int64(4)
	for _, step := range []struct {
		wanted *int64
		number int64
	}{{nil, 1}, {&chosen, 4}, {nil, 5}} {
		if got, err := place(step.wanted); err != nil || got != step.number {
			t.Errorf("got %d, %v, want %d", got, err, step.number)
		}
	}
	_, err := place(&chosen)
	wantTaken(t, err, 4)
	if other := errors.New("other"); Taken(other, 4) != other || Taken(nil, 4) != nil {
		t.Error("another error became one of numbers")
	}
}

func TestRelease(t *testing.T) {
	db := open(t)
	wantAssigned(t, db, 1, 0, 1)
	wantAssigned(t, db, 1, 0, 2)
	release := func(tx *storage.Tx) error { return Release(tx, 1, 2) }
	if err := write(db, release, release); err != nil {
		t.Fatal(err)
	}
	wantAssigned(t, db, 1, 0, 3) // not given out again
	wantAssigned(t, db, 1, 2, 2) // unless asked for
}

func TestMove(t *testing.T) {
	for _, test := range []struct {
		name     string
		from, to []int64
		taken    int64
		next     int64
	}{
		{"exchange", []int64{1, 2}, []int64{2, 1}, 0, 5},
		{"cycle", []int64{1, 2, 3}, []int64{2, 3, 1}, 0, 5},
		{"behind all", []int64{1}, []int64{9}, 0, 10},
		{"into a gap that a move leaves", []int64{4, 3}, []int64{7, 4}, 0, 8},
		{"onto one that stays", []int64{1, 2}, []int64{2, 4}, 4, 5},
		{"two onto one", []int64{1, 2}, []int64{9, 9}, 9, 5},
		{"none", nil, nil, 0, 5},
	} {
		t.Run(test.name, func(t *testing.T) {
			db := open(t)
			for number := int64(1); number <= 4; number++ {
				wantAssigned(t, db, 1, 0, number)
			}
			err := write(db, func(tx *storage.Tx) error { return Move(tx, 1, test.from, test.to) })
			held := []int64{1, 2, 3, 4}
			if test.taken != 0 {
				wantTaken(t, err, test.taken)
			} else if err != nil {
				t.Fatal(err)
			} else {
				held = slices.DeleteFunc(held, func(n int64) bool { return slices.Contains(test.from, n) })
				held = append(held, test.to...)
			}
			wantAssigned(t, db, 1, 0, test.next)
			held = append(held, test.next)
			for number := int64(1); number <= 9; number++ {
				_, err := assign(db, 1, number)
				if taken := err != nil; taken != slices.Contains(held, number) {
					t.Errorf("%d: got %v, want %v to be held", number, err, held)
				}
			}
		})
	}
}

func TestDrop(t *testing.T) {
	db := open(t)
	for _, scope := range []int64{1, 2} {
		wantAssigned(t, db, scope, 0, 1)
		wantAssigned(t, db, scope, 8, 8)
	}
	if err := write(db, func(tx *storage.Tx) error { return Drop(tx, 1) }); err != nil {
		t.Fatal(err)
	}
	wantAssigned(t, db, 1, 0, 1)
	wantAssigned(t, db, 1, 8, 8)
	wantAssigned(t, db, 2, 0, 9)
}

// What a transaction that fails has taken is there for the next one.
func TestTwoTransactions(t *testing.T) {
	db := open(t)
	failure := errors.New("failure")
	var first int64
	take := func(tx *storage.Tx) (err error) {
		first, err = Assign(tx, 1, nil)
		return err
	}
	if err := write(db, take, func(*storage.Tx) error { return failure }); !errors.Is(err, failure) || first != 1 {
		t.Fatalf("got %d, %v", first, err)
	}
	wantAssigned(t, db, 1, 0, 1)

	const clients, each = 16, 20
	numbers := make([]int64, clients*each)
	var all sync.WaitGroup
	for client := range clients {
		all.Go(func() {
			for i := range each {
				numbers[client*each+i], _ = assign(db, 1, 0)
			}
		})
	}
	all.Wait()
	slices.Sort(numbers)
	for i, number := range numbers {
		if number != int64(i)+2 {
			t.Fatalf("place %d: got %d, want %d", i, number, i+2)
		}
	}
}

// Of transactions that want one number at once, one gets it.
func TestOneNumberForTwo(t *testing.T) {
	db := open(t)
	failures := make([]error, 8)
	var all sync.WaitGroup
	for i := range failures {
		all.Go(func() { _, failures[i] = assign(db, 1, 5) })
	}
	all.Wait()
	won := 0
	for _, err := range failures {
		if err == nil {
			won++
			continue
		}
		wantTaken(t, err, 5)
	}
	if won != 1 {
		t.Errorf("%d got the number, want one", won)
	}
}
