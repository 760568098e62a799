package httpapi

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/oapi-codegen/nullable"

	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

func TestItem(t *testing.T) {
	plain := errors.New("plain")
	if got := Item(3, plain); got != plain {
		t.Errorf("got %v", got)
	}
	tests := []struct {
		err           error
		pointer       string
		reason        string
		status, count int
	}{
		{Invalid("/characterId", "there is no character 7"), "/items/3/characterId", "there is no character 7", 400, 1},
		{Conflict("taken", "The name is taken."), "/items/3", "The name is taken.", 409, 1},
		{fmt.Errorf("wrapped: %w", NotFound("script", 7)), "/items/3", "There is no script 7.", 404, 1},
	}
	for _, test := range tests {
		var p, before *problem.Problem
		if !errors.As(Item(3, test.err), &p) || !errors.As(test.err, &before) {
			t.Fatalf("%v: no problem", test.err)
		}
		if p.Status != test.status || len(p.Errors) != test.count || p.Errors[0].Pointer != test.pointer || p.Errors[0].Reason != test.reason {
			t.Errorf("%v: got %+v", test.err, p)
		}
		if p.Detail != p.Message || p.Detail == before.Detail || p == before {
			t.Errorf("%v: detail %q, message %q", test.err, p.Detail, p.Message)
		}
	}
}

// TestCreateAll: all or none, and the error names the item.
func TestCreateAll(t *testing.T) {
	s := newTestAPI(t, Options{})
	insert := func(tx *storage.Tx, name string) (int64, error) {
		if name == "bad" {
			return 0, Invalid("/name", "is bad")
		}
		var id int64
		return id, tx.QueryRow("INSERT INTO items (name) VALUES ($1) RETURNING item_id", []any{name}, &id)
	}
	_, err := CreateAll(context.Background(), s.db, []string{"a", "bad", "a"}, insert)
	var p *problem.Problem
	if !errors.As(err, &p) || p.Errors[0].Pointer != "/items/1/name" || s.count("a") != 0 {
		t.Errorf("got %v with %d items", err, s.count("a"))
	}
	created, err := CreateAll(context.Background(), s.db, []string{"a", "b"}, insert)
	if err != nil || fmt.Sprint(created) != "[1 2]" {
		t.Errorf("got %v (%v)", created, err)
	}
}

func TestOne(t *testing.T) {
	s := newTestAPI(t, Options{})
	s.fill(1)
	find := func(id int64) (string, error) {
		return storage.ReadValue(t.Context(), s.db, func(tx *storage.Tx) (string, error) {
			return One(tx, "item", "SELECT name FROM items WHERE item_id = $1", id,
				func(row func(dest ...any) error, name *string) error { return row(name) })
		})
	}
	if got, err := find(1); err != nil || got != "even & sons" {
		t.Errorf("got %q (%v)", got, err)
	}
	var p *problem.Problem
	if _, err := find(2); !errors.As(err, &p) || p.Status != 404 || p.Detail != "There is no item 2." {
		t.Errorf("got %v", err)
	}
}

func TestPatch(t *testing.T) {
	name, other := "old", "new"
	if Patch(&name, nil); name != "old" {
		t.Errorf("absent: got %q", name)
	}
	if Patch(&name, &other); name != "new" {
		t.Errorf("given: got %q", name)
	}
	value := int64(1)
	target := &value
	if PatchNullable(&target, nullable.Nullable[int64]{}); target != &value {
		t.Errorf("absent: got %v", target)
	}
	if PatchNullable(&target, nullable.NewNullableWithValue[int64](2)); target == nil || *target != 2 || value != 1 {
		t.Errorf("given: got %v", target)
	}
	if PatchNullable(&target, nullable.NewNullNullable[int64]()); target != nil {
		t.Errorf("null: got %v", *target)
	}
}

func TestSequenceTaken(t *testing.T) {
	number := int64(4)
	var p *problem.Problem
	if err := SequenceTaken(fmt.Errorf("x: %w", sequence.ErrTaken), &number); !errors.As(err, &p) || p.Status != 409 || p.Code != "sequence_taken" {
		t.Errorf("got %v", err)
	}
	for _, err := range []error{nil, errors.New("other"), sequence.ErrTaken} {
		if got := SequenceTaken(err, nil); got != err {
			t.Errorf("got %v, want %v", got, err)
		}
	}
}

func TestRevised(t *testing.T) {
	rows := []Revised[string]{{Value: "a", Revision: 1}, {Value: "b", Revision: 22}}
	if got := Values(rows); fmt.Sprint(got) != "[a b]" {
		t.Errorf("got %v", got)
	}
	if got := rows[1].ETag(); got != `"22"` {
		t.Errorf("got %s", got)
	}
	if got := Values[string](nil); got == nil {
		t.Error("no rows must become an empty JSON array")
	}
	now := Now()
	if got := Time(now); got.UnixMilli() != now || got.Location() != time.UTC {
		t.Errorf("got %v", got)
	}
}
