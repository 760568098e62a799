// Reordering: elements of one kind exchange their sequence numbers.
package scriptmanagement

import (
	"context"
	"errors"
	"fmt"
	"net/http"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

// elementMove asks for one element to get a number.
type elementMove struct {
	id     int64
	number int64
}

// reorder carries out all of moves or none. It returns 400 if an element is
// listed twice; 404 if the script does not exist or lacks one of the elements;
// 409 if a number is wanted twice, or held by an element that is not listed.
func (s *store) reorder(ctx context.Context, k kind, scriptID int64, moves []elementMove) error {
	if err := checkMoves(k, moves); err != nil {
		return err
	}
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		if err := knownScript(tx, scriptID); err != nil {
			return err
		}
		numbers, err := giveUp(tx, k, scriptID, moves)
		if err != nil {
			return err
		}
		if err := takeUp(tx, scriptID, moves); err != nil {
			return err
		}
		now := httpapi.Now()
		for i, move := range moves {
			// What stays where it was has not changed: its ETag holds.
			if move.number == numbers[i] {
				continue
			}
			if _, err := tx.Exec(k.move, move.number, now, move.id); err != nil {
				return err
			}
		}
		return nil
	})
}

// checkMoves returns 400 if an element is listed twice, 409 if a number is.
func checkMoves(k kind, moves []elementMove) error {
	byID, byNumber := map[int64]int{}, map[int64]int{}
	for i, move := range moves {
		if first, found := byID[move.id]; found {
			return httpapi.Invalid(fmt.Sprintf("/elements/%d/%s", i, k.idName),
				fmt.Sprintf("names the same %s as element %d; list each once", k.name, first))
		}
		byID[move.id] = i
	}
	for i, move := range moves {
		if first, found := byNumber[move.number]; found {
			return sequenceConflict(i, move.number, fmt.Sprintf("element %d wants it too", first))
		}
		byNumber[move.number] = i
	}
	return nil
}

// giveUp releases the numbers of the elements to be moved and returns them. It
// returns 404 if the script lacks one of the elements.
func giveUp(tx *storage.Tx, k kind, scriptID int64, moves []elementMove) ([]int64, error) {
	numbers := make([]int64, len(moves))
	for i, move := range moves {
		row, err := findElement(tx, k, scriptID, move.id)
		if err != nil {
			return nil, err
		}
		numbers[i] = row.Value.number
		if err := sequence.Release(tx, scriptID, row.Value.number); err != nil {
			return nil, err
		}
	}
	return numbers, nil
}

// takeUp takes the new numbers. It returns 409 if an element that was not moved
// has one of them. sequence.Move would not tell which.
func takeUp(tx *storage.Tx, scriptID int64, moves []elementMove) error {
	for i, move := range moves {
		_, err := sequence.Assign(tx, scriptID, &move.number)
		if errors.Is(err, sequence.ErrTaken) {
			return sequenceConflict(i, move.number, "an element that is not listed has it")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// sequenceConflict is the 409 problem of element i of a reorder.
func sequenceConflict(i int, number int64, why string) error {
	p := problem.New(http.StatusConflict, "sequence_taken",
		fmt.Sprintf("Element %d: sequence number %d is taken: %s. Nothing was changed.", i, number, why))
	p.Errors = []problem.FieldError{{Pointer: fmt.Sprintf("/elements/%d/newSequence", i), Reason: "is taken: " + why}}
	return p
}
