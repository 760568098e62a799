package storage

import (
	"errors"
	"fmt"
	"testing"
)

func TestWhere(t *testing.T) {
	three := int64(3)
	cases := []struct {
		name      string
		build     func(w *Where)
		clause    string
		arguments []any
	}{
		{"empty", func(*Where) {}, "", nil},
		{"absent filters", func(w *Where) { w.Equal("number", nil); w.In("number", nil) }, "", nil},
		{"one", func(w *Where) { w.Equal("number", &three) }, " WHERE number = $1", []any{3}},
		{"several", func(w *Where) {
			w.Equal("number", &three)
			w.And("number BETWEEN ? AND ?", 1, 5)
		}, " WHERE number = $1 AND number BETWEEN $2 AND $3", []any{3, 1, 5}},
		{"list", func(w *Where) { w.In("number", &[]int64{1, 2, 3}) },
			" WHERE number IN ($1, $2, $3, $4)", []any{1, 2, 3, 3}},
	}
	for _, c := range cases {
		var where Where
		c.build(&where)
		clause, arguments := where.Clause()
		if clause != c.clause || fmt.Sprint(arguments) != fmt.Sprint(c.arguments) {
			t.Errorf("%s: got %q, %v; want %q, %v", c.name, clause, arguments, c.clause, c.arguments)
		}
	}
}

func TestPage(t *testing.T) {
	db := openTest(t)
	store(t, db, 1, 2, 3, 5, 8, 13)
	var where Where
	where.In("number", &[]int64{1, 3, 5, 8, 13})
	condition, arguments := where.Page("number", 1, 2)
	numbers, err := ReadValue(t.Context(), db, func(tx *Tx) ([]int64, error) {
		return All(tx, "SELECT number FROM numbers"+condition, arguments,
			func(row func(dest ...any) error, number *int64) error { return row(number) })
	})
	if err != nil || fmt.Sprint(numbers) != "[3 5 8]" {
		t.Errorf("the page after 1 is %v, %v; want 3 and 5, and 8 as a sign of more", numbers, err)
	}
}

func TestValues(t *testing.T) {
	db := openTest(t)
	refusal := errors.New("refused")
	changed, err := WriteValue(t.Context(), db, func(tx *Tx) (int64, error) {
		return tx.Exec("INSERT INTO numbers (number) VALUES (1), (2)")
	})
	if changed != 2 || err != nil {
		t.Errorf("got %d, %v; want 2", changed, err)
	}
	_, err = WriteValue(t.Context(), db, func(tx *Tx) (int64, error) {
		_, err := tx.Exec("DELETE FROM numbers")
		return 0, errors.Join(err, refusal)
	})
	wantError(t, err, refusal)
	wantStored(t, db, 1, 2)
}
