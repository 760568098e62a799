// Reordering: elements of one type change places, all or none.
package centralsequence

import (
	"context"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

// reorder is a request to reorder: moves of elements of one type in one line.
type reorder struct {
	elementType string
	scope       int64
	moves       []httpapi.Move
}

func reorderOf(request ElementOrder) reorder {
	moves := make([]httpapi.Move, len(request.Elements))
	for i, move := range request.Elements {
		moves[i] = httpapi.Move{ID: move.ElementID, Number: move.NewSequence}
	}
	return reorder{request.ElementType, sequence.Scope(request.ScriptID), moves}
}

func (r reorder) place(move httpapi.Move) place { return place{r.elementType, move.ID, r.scope} }

// reorderElements returns 400 if an element is given twice, 404 if one has no
// number there, 409 if two elements would get one number.
func (s *store) reorderElements(ctx context.Context, r reorder) error {
	if err := httpapi.CheckMoves(r.moves, "elementId"); err != nil {
		return err
	}
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		changing, err := r.changing(tx)
		if err != nil || len(changing) == 0 {
			return err
		}
		if err := r.park(tx, changing); err != nil {
			return err
		}
		return httpapi.MoveProblem(r.moves, r.settle(tx, changing))
	})
}

// changing returns the moves that change something, so that the other elements
// keep their revision. It returns 404 if an element has no number in the scope.
func (r reorder) changing(tx *storage.Tx) ([]httpapi.Move, error) {
	current, err := r.numbers(tx)
	if err != nil {
		return nil, err
	}
	var changing []httpapi.Move
	for i, move := range r.moves {
		number, found := current[move.ID]
		if !found {
			return nil, httpapi.At(httpapi.MovePointer(i, "elementId"), unnumbered(r.place(move)))
		}
		if number != move.Number {
			changing = append(changing, move)
		}
	}
	return changing, nil
}

// numbers maps the identifiers of the request's elements to their numbers.
func (r reorder) numbers(tx *storage.Tx) (map[int64]int64, error) {
	numbers := make(map[int64]int64, len(r.moves))
	clause, arguments := r.among(r.moves)
	err := tx.Query("SELECT element_id, sequence_number FROM elements"+clause, arguments, func(scan func(dest ...any) error) error {
		var id, number int64
		err := scan(&id, &number)
		numbers[id] = number
		return err
	})
	return numbers, err
}

// among is the condition that an element is one of those that moves are of.
func (r reorder) among(moves []httpapi.Move) (string, []any) {
	ids := make([]int64, len(moves))
	for i, move := range moves {
		ids[i] = move.ID
	}
	var where storage.Where
	where.And("scope_id = ? AND element_type = ?", r.scope, r.elementType)
	where.In("element_id", &ids)
	return where.Clause()
}

// park moves elements out of the way, to negative numbers that none has
// otherwise: uniqueness is checked after each row, even when numbers are only
// exchanged.
func (r reorder) park(tx *storage.Tx, changing []httpapi.Move) error {
	clause, arguments := r.among(changing)
	_, err := tx.Exec("UPDATE elements SET sequence_number = -sequence_number"+clause, arguments...)
	return err
}

// settle gives parked elements their new numbers. It returns a
// sequence.TakenError if an element that is not among them has one of those.
func (r reorder) settle(tx *storage.Tx, changing []httpapi.Move) error {
	now, highest := httpapi.Now(), int64(0)
	for _, m := range changing {
		if err := move(tx, r.place(m), m.Number, now); err != nil {
			return err
		}
		highest = max(highest, m.Number)
	}
	return sequence.Raise(tx, r.scope, highest)
}
