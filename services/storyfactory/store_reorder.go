// Reordering: elements of a story change places, all or none.
package storyfactory

import (
	"context"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

// reorderElements returns 400 if an element is listed twice, 404 if the script
// has no story or the story no such element, 409 if two elements would get one
// number.
func (s *store) reorderElements(ctx context.Context, scriptID int64, moves []httpapi.Move) error {
	if err := httpapi.CheckMoves(moves, "elementId"); err != nil {
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
		return httpapi.MoveProblem(moves, takePlaces(tx, scriptID, moves, before))
	})
}

// leavePlaces makes room: the unique index is checked row by row, so all leave
// their places before any takes a new one. It returns the places they had, and
// 404 for an element that the story does not have.
func leavePlaces(tx *storage.Tx, scriptID int64, moves []httpapi.Move) ([]int64, error) {
	const query = "SELECT sequence_number FROM story_elements WHERE script_id = $1 AND element_id = $2"
	before := make([]int64, len(moves))
	for i, m := range moves {
		err := tx.QueryRow(query, []any{scriptID, m.ID}, &before[i])
		if storage.IsNoRows(err) {
			return nil, httpapi.At(httpapi.MovePointer(i, "elementId"), noElement(place{scriptID, m.ID}))
		}
		if err != nil {
			return nil, err
		}
		if err := leavePlace(tx, m.ID); err != nil {
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

// takePlaces returns a sequence.TakenError if an element that is not among
// moves has one of the places.
func takePlaces(tx *storage.Tx, scriptID int64, moves []httpapi.Move, before []int64) error {
	const update = "UPDATE story_elements SET sequence_number = $1, revision = revision + $2 WHERE element_id = $3"
	for i, m := range moves {
		changed := 1
		if m.Number == before[i] {
			changed = 0 // what stays where it was has not changed: its ETag holds
		}
		if _, err := tx.Exec(update, m.Number, changed, m.ID); err != nil {
			return sequence.Taken(err, m.Number)
		}
		if err := sequence.Raise(tx, scriptID, m.Number); err != nil {
			return err
		}
	}
	return nil
}
