package httpapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
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
	for _, test := range []struct {
		given nullable.Nullable[string]
		want  string
	}{
		{nullable.Nullable[string]{}, "new"}, {nullable.NewNullableWithValue("newer"), "newer"}, {nullable.NewNullNullable[string](), ""},
	} {
		if PatchEmpty(&name, test.given); name != test.want {
			t.Errorf("%v: got %q, want %q", test.given, name, test.want)
		}
	}
}

func TestAt(t *testing.T) {
	var p, before *problem.Problem
	given := Conflict("taken", "The name is taken.")
	if !errors.As(At("/name", given), &p) || !errors.As(given, &before) || before.Errors != nil {
		t.Fatalf("got %v of %v", p, before)
	}
	if len(p.Errors) != 1 || p.Errors[0] != (problem.FieldError{Pointer: "/name", Reason: "The name is taken."}) || p.Detail != before.Detail {
		t.Errorf("got %+v", p)
	}
	plain := errors.New("plain")
	if got := At("/name", plain); got != plain {
		t.Errorf("got %v", got)
	}
}

func TestSequenceProblem(t *testing.T) {
	for code, err := range map[string]error{
		"sequence_taken":     fmt.Errorf("x: %w", &sequence.TakenError{Number: 4}),
		"sequence_exhausted": fmt.Errorf("x: %w", sequence.ErrExhausted),
	} {
		var p *problem.Problem
		if !errors.As(SequenceProblem(err), &p) || p.Status != 409 || p.Code != code {
			t.Errorf("%s: got %v", code, p)
		}
	}
	for _, err := range []error{nil, errors.New("other")} {
		if got := SequenceProblem(err); got != err {
			t.Errorf("got %v, want %v", got, err)
		}
	}
}

func TestMoves(t *testing.T) {
	for _, test := range []struct {
		name          string
		moves         []Move
		code, pointer string
	}{
		{"an exchange", []Move{{1, 2}, {2, 1}}, "", ""},
		{"an element twice", []Move{{1, 2}, {2, 3}, {1, 4}}, "invalid_request", "/elements/2/headingId"},
		{"a number twice", []Move{{1, 2}, {2, 3}, {3, 3}}, "sequence_repeated", "/elements/2/newSequence"},
		{"both", []Move{{1, 2}, {1, 2}}, "invalid_request", "/elements/1/headingId"},
	} {
		var p problem.Problem
		if refusal := (*problem.Problem)(nil); errors.As(CheckMoves(test.moves, "headingId"), &refusal) {
			p = *refusal
		}
		if p.Code != test.code || p.Code != "" && p.Errors[0].Pointer != test.pointer {
			t.Errorf("%s: got %+v, want %s at %s", test.name, p, test.code, test.pointer)
		}
	}
	moves := []Move{{1, 7}, {2, 8}}
	var p *problem.Problem
	if !errors.As(MoveProblem(moves, &sequence.TakenError{Number: 8}), &p) || p.Code != "sequence_taken" || p.Errors[0].Pointer != "/elements/1/newSequence" {
		t.Errorf("got %v", p)
	}
	if !errors.As(MoveProblem(moves, sequence.ErrExhausted), &p) || p.Code != "sequence_exhausted" {
		t.Errorf("got %v", p)
	}
}

func TestMatch(t *testing.T) {
	missing := NotFound("item", 2)
	find := func(_ *storage.Tx, id int) (Revised[string], error) {
		if id == 2 {
			return Revised[string]{}, missing
		}
		return Revised[string]{"x", 7}, nil
	}
	for _, test := range []struct {
		id     int
		tag    string
		status int
	}{{1, `"7"`, 0}, {1, `*`, 0}, {1, `"6"`, 412}, {1, `7`, 400}, {2, `*`, 404}} {
		row, err := Match(nil, find, test.id, &test.tag)
		var p *problem.Problem
		if got := errors.As(err, &p); got != (test.status != 0) || got && p.Status != test.status || !got && row.Value != "x" {
			t.Errorf("%d, %s: got %v, %v, want status %d", test.id, test.tag, row, err, test.status)
		}
	}
}

func TestCompactJSON(t *testing.T) {
	for given, want := range map[string]string{
		" { \"b\" : 1.10 ,\n\"a\": [ 1e400, \"\\u00e9<\" ] }": `{"b":1.10,"a":[1e400,"\u00e9<"]}`,
		`"` + strings.Repeat("é", maxData/2-1) + `"`:          `"` + strings.Repeat("é", maxData/2-1) + `"`,
		`"` + strings.Repeat("é", maxData/2) + `"`:            "",
		"{": "",
	} {
		got, err := CompactJSON("/data", []byte(given))
		var p *problem.Problem
		refused := errors.As(err, &p) && p.Status == 400 && p.Errors[0].Pointer == "/data"
		if string(got) != want || refused != (want == "") {
			t.Errorf("%.40s: got %.40s, %v, want %.40s", given, got, err, want)
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
}

func TestTimestamp(t *testing.T) {
	for _, c := range []struct {
		milliseconds int64
		want         Timestamp
	}{
		{0, "1970-01-01T00:00:00Z"},
		{1795701153040, "2026-11-26T13:52:33.04Z"},
		{1795701153041, "2026-11-26T13:52:33.041Z"},
		{-1, "1969-12-31T23:59:59.999Z"},
	} {
		got := Time(c.milliseconds)
		if got != c.want {
			t.Errorf("Time(%d) = %s, want %s", c.milliseconds, got, c.want)
		}
		if encoded, err := json.Marshal(time.UnixMilli(c.milliseconds).UTC()); err != nil || string(encoded) != `"`+string(got)+`"` {
			t.Errorf("encoding/json writes %s, %v; Time %q", encoded, err, got)
		}
		if back, err := got.Time(); err != nil || back.UnixMilli() != c.milliseconds {
			t.Errorf("%s reads as %v, %v; want %d ms", got, back, err, c.milliseconds)
		}
	}
	if _, err := Timestamp("yesterday").Time(); err == nil {
		t.Error("yesterday was read as a moment")
	}
}
