// Package sequence gives out the numbers that order a story's elements: unique
// and increasing within a scope, which is a script or, as scope 0, the service.
package sequence

import (
	"errors"
	"fmt"

	"fountain.coach/fountainai/internal/storage"
)

// TakenError means that another element of the scope has the number.
type TakenError struct{ Number int64 }

func (e *TakenError) Error() string { return fmt.Sprintf("sequence number %d is taken", e.Number) }

// ErrExhausted means that the scope has given out the highest number there is,
// so that no number comes after it.
var ErrExhausted = errors.New("no sequence number is left")

// Scope returns the scope of an element: its script's, or 0 without a script.
func Scope(scriptID *int64) int64 {
	if scriptID == nil {
		return 0
	}
	return *scriptID
}

// Assign takes wanted for an element of the scope, or the next number if wanted
// is nil, and returns the number taken. It returns a TakenError if another
// element has it, ErrExhausted if there is no next.
func Assign(tx *storage.Tx, scope int64, wanted *int64) (int64, error) {
	number, err := Draw(tx, scope, wanted)
	if err != nil {
		return 0, err
	}
	return number, hold(tx, scope, number)
}

// hold records a number as used.
func hold(tx *storage.Tx, scope, number int64) error {
	_, err := tx.Exec("INSERT INTO sequence_numbers (scope_id, sequence_number) VALUES ($1, $2)", scope, number)
	return Taken(err, number)
}

// Draw returns wanted, or the next number if wanted is nil, for those who keep
// by an index of their own that no two elements have one number; see Taken. It
// returns ErrExhausted if there is no next.
func Draw(tx *storage.Tx, scope int64, wanted *int64) (int64, error) {
	if wanted == nil {
		return Next(tx, scope)
	}
	return *wanted, Raise(tx, scope, *wanted)
}

// Taken turns the violation of a unique index by an element's number into a
// TakenError and leaves other errors as they are.
func Taken(err error, number int64) error {
	if storage.IsUnique(err) {
		return &TakenError{number}
	}
	return err
}

// Next returns the number after the highest that the scope ever gave out, or
// ErrExhausted if that is the highest there is. Two transactions never get the
// same, since the first holds the scope's row.
func Next(tx *storage.Tx, scope int64) (int64, error) {
	// Beyond the highest integer SQLite would count on in floating point.
	const query = `INSERT INTO sequence_scopes (scope_id, last_number) VALUES ($1, 1)
		ON CONFLICT (scope_id) DO UPDATE SET last_number = sequence_scopes.last_number + 1
			WHERE sequence_scopes.last_number < 9223372036854775807
		RETURNING last_number`
	var number int64
	err := tx.QueryRow(query, []any{scope}, &number)
	if storage.IsNoRows(err) {
		err = ErrExhausted
	}
	return number, err
}

// Raise makes sure that Next goes on above number.
func Raise(tx *storage.Tx, scope, number int64) error {
	const query = `INSERT INTO sequence_scopes (scope_id, last_number) VALUES ($1, $2)
		ON CONFLICT (scope_id) DO UPDATE SET last_number = CASE
			WHEN sequence_scopes.last_number < excluded.last_number THEN excluded.last_number
			ELSE sequence_scopes.last_number END`
	_, err := tx.Exec(query, scope, number)
	return err
}

// Release gives a number up. Next does not give it out again, but a caller may
// ask for it.
func Release(tx *storage.Tx, scope, number int64) error {
	_, err := tx.Exec("DELETE FROM sequence_numbers WHERE scope_id = $1 AND sequence_number = $2", scope, number)
	return err
}

// Move exchanges the numbers of elements of one scope: all of from are given
// up, then all of to are taken. It returns a TakenError if an element that is
// not among them has one of to.
func Move(tx *storage.Tx, scope int64, from, to []int64) error {
	for _, number := range from {
		if err := Release(tx, scope, number); err != nil {
			return err
		}
	}
	for i := range to {
		if _, err := Assign(tx, scope, &to[i]); err != nil {
			return err
		}
	}
	return nil
}

// Drop forgets a scope, when its script is deleted.
func Drop(tx *storage.Tx, scope int64) error {
	if _, err := tx.Exec("DELETE FROM sequence_numbers WHERE scope_id = $1", scope); err != nil {
		return err
	}
	_, err := tx.Exec("DELETE FROM sequence_scopes WHERE scope_id = $1", scope)
	return err
}
