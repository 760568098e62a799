// Reordering: elements of one kind change places, all or none.
package scriptmanagement

import (
	"context"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

// reorderElements returns 400 if an element is listed twice; 404 if the script
// does not exist or lacks one of the elements; 409 if a number is wanted twice,
// or held by an element that is not listed.
func (s *store) reorderElements(ctx context.Context, k kind, scriptID int64, moves []httpapi.Move) error {
	if err := httpapi.CheckMoves(moves, k.idName); err != nil {
		return err
	}
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		if err := knownScript(tx, scriptID); err != nil {
			return err
		}
		before, err := k.numbers(tx, scriptID, moves)
		if err != nil {
			return err
		}
		wanted := converted(moves, func(m httpapi.Move) int64 { return m.Number })
		if err := sequence.Move(tx, scriptID, before, wanted); err != nil {
			return httpapi.MoveProblem(moves, err)
		}
		return k.moveAll(tx, moves, before)
	})
}

// numbers returns the numbers of the elements to be moved. It returns 404 if
// the script lacks one of them.
func (k kind) numbers(tx *storage.Tx, scriptID int64, moves []httpapi.Move) ([]int64, error) {
	numbers := make([]int64, len(moves))
	for i, m := range moves {
		row, err := k.findElement(tx, place{scriptID, m.ID})
		if err != nil {
			return nil, httpapi.At(httpapi.MovePointer(i, k.idName), err)
		}
		numbers[i] = row.Value.number
	}
	return numbers, nil
}

// moveAll stores the new numbers. What stays where it was has not changed: its
// ETag holds.
func (k kind) moveAll(tx *storage.Tx, moves []httpapi.Move, before []int64) error {
	now := httpapi.Now()
	for i, m := range moves {
		if m.Number == before[i] {
			continue
		}
		if _, err := tx.Exec(k.move, m.Number, now, m.ID); err != nil {
			return err
		}
	}
	return nil
}
