// Giving elements new places, all or none.
package storyfactory

import (
	"context"
	"fmt"
	"net/http"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

type move struct{ elementID, to int64 }

// reorder returns 404 if the script has no story or the story no such element,
// 400 if an element is named twice, 409 if two elements would have one number.
func (s *store) reorder(ctx context.Context, scriptID int64, moves []move) error {
	if err := checkMoves(moves); err != nil {
		return err
	}
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		if err := arrange(tx, scriptID); err != nil {
			return err
		}
		before, err := leavePlaces(tx, scriptID, moves)
		if err != nil {
			return err
		}
		return takePlaces(tx, scriptID, moves, before)
	})
}

func checkMoves(moves []move) error {
	seen := map[int64]bool{}
	for i, m := range moves {
		if seen[m.elementID] {
			return httpapi.Invalid(fmt.Sprintf("/elements/%d/elementId", i), "names the same element as an item before it")
		}
		seen[m.elementID] = true
	}
	return nil
}

// leavePlaces makes room: the unique index is checked row by row, so all leave
// their places before any takes a new one. It returns the places they had, and
// 404 for an element that the story does not have.
func leavePlaces(tx *storage.Tx, scriptID int64, moves []move) ([]int64, error) {
	const query = "SELECT sequence_number FROM story_elements WHERE script_id = $1 AND element_id = $2"
	before := make([]int64, len(moves))
	for i, m := range moves {
		err := tx.QueryRow(query, []any{scriptID, m.elementID}, &before[i])
		if storage.IsNoRows(err) {
			return nil, noElement(scriptID, m.elementID)
		}
		if err != nil {
			return nil, err
		}
		if err := leavePlace(tx, m.elementID); err != nil {
			return nil, err
		}
	}
	return before, nil
}

// leavePlace puts an element out of the way within a transaction: places are
// positive, so negative ones are free.
func leavePlace(tx *storage.Tx, elementID int64) error {
	_, err := tx.Exec("UPDATE story_elements SET sequence_number = $1 WHERE element_id = $2", -elementID, elementID)
	return err
}

func takePlaces(tx *storage.Tx, scriptID int64, moves []move, before []int64) error {
	const update = "UPDATE story_elements SET sequence_number = $1, revision = revision + $2 WHERE element_id = $3"
	for i, m := range moves {
		changed := 1
		if m.to == before[i] {
			changed = 0 // what stays where it was has not changed: its ETag holds
		}
		if _, err := tx.Exec(update, m.to, changed, m.elementID); err != nil {
			return placeTaken(err, i, m.to)
		}
		if err := sequence.Raise(tx, scriptID, m.to); err != nil {
			return err
		}
	}
	return nil
}

// placeTaken is taken for element i of a reorder.
func placeTaken(err error, i int, number int64) error {
	if !storage.IsUnique(err) {
		return err
	}
	p := problem.New(http.StatusConflict, "sequence_taken",
		fmt.Sprintf("Element %d: sequence number %d is taken by another element. Nothing was changed.", i, number))
	p.Errors = []problem.FieldError{{Pointer: fmt.Sprintf("/elements/%d/newSequence", i), Reason: "is taken by another element"}}
	return p
}
