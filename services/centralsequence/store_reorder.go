// Reordering: elements of one type change places, all or none.
package centralsequence

import (
	"context"
	"fmt"
	"net/http"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

// reorderElements returns 400 if an element is given twice, 404 if one has no
// number there, 409 if two elements would get one number.
func (s *store) reorderElements(ctx context.Context, request Reorder) error {
	if err := checkMoves(request.Elements); err != nil {
		return err
	}
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		changing, err := changingMoves(tx, request)
		if err != nil || len(changing) == 0 {
			return err
		}
		if err := park(tx, request, changing); err != nil {
			return err
		}
		return settle(tx, request, changing)
	})
}

// checkMoves returns 400 if an element occurs twice, 409 if a number does.
func checkMoves(moves []Move) error {
	elements, numbers := map[int64]int{}, map[int64]int{}
	for i, m := range moves {
		if first, found := elements[m.ElementID]; found {
			return httpapi.Invalid(pointer(i, "elementId"), fmt.Sprintf("is the element of /elements/%d again", first))
		}
		elements[m.ElementID] = i
	}
	for i, m := range moves {
		if first, found := numbers[m.NewSequence]; found {
			return fault(http.StatusConflict, "sequence_repeated", pointer(i, "newSequence"),
				fmt.Sprintf("Elements %d and %d of the request both want sequence number %d.", first, i, m.NewSequence))
		}
		numbers[m.NewSequence] = i
	}
	return nil
}

func pointer(i int, member string) string { return fmt.Sprintf("/elements/%d/%s", i, member) }

// fault is a problem that one member of the request causes.
func fault(status int, code, pointer, detail string) error {
	p := problem.New(status, code, detail)
	p.Errors = []problem.FieldError{{Pointer: pointer, Reason: detail}}
	return p
}

// changingMoves returns the indexes of the moves that change something, so that
// the other elements keep their revision. It returns 404 if an element has no
// number in the scope.
func changingMoves(tx *storage.Tx, request Reorder) ([]int, error) {
	current, err := numbersOf(tx, request)
	if err != nil {
		return nil, err
	}
	var changing []int
	for i, m := range request.Elements {
		number, found := current[m.ElementID]
		if !found {
			return nil, fault(http.StatusNotFound, "not_found", pointer(i, "elementId"),
				unnumberedDetail(placeOf(request.ElementType, m.ElementID, request.ScriptID)))
		}
		if number != m.NewSequence {
			changing = append(changing, i)
		}
	}
	return changing, nil
}

// numbersOf maps the identifiers of the request's elements to their numbers.
func numbersOf(tx *storage.Tx, request Reorder) (map[int64]int64, error) {
	ids := make([]int64, len(request.Elements))
	for i, m := range request.Elements {
		ids[i] = m.ElementID
	}
	numbers := make(map[int64]int64, len(ids))
	clause, arguments := among(request, ids)
	err := tx.Query("SELECT element_id, sequence_number FROM elements"+clause, arguments, func(scan func(dest ...any) error) error {
		var id, number int64
		err := scan(&id, &number)
		numbers[id] = number
		return err
	})
	return numbers, err
}

// among is the condition that an element is one of ids in the request's line.
func among(request Reorder, ids []int64) (string, []any) {
	var where storage.Where
	where.And("scope_id = ? AND element_type = ?", sequence.Scope(request.ScriptID), request.ElementType)
	where.In("element_id", &ids)
	return where.Clause()
}

// park moves elements out of the way, to negative numbers that none has
// otherwise: uniqueness is checked after each row, even when numbers are only
// exchanged.
func park(tx *storage.Tx, request Reorder, changing []int) error {
	ids := make([]int64, len(changing))
	for i, index := range changing {
		ids[i] = request.Elements[index].ElementID
	}
	clause, arguments := among(request, ids)
	_, err := tx.Exec("UPDATE elements SET sequence_number = -sequence_number"+clause, arguments...)
	return err
}

// settle gives parked elements their new numbers. It returns 409 if an element
// that is not among them has one of those.
func settle(tx *storage.Tx, request Reorder, changing []int) error {
	scope, now, highest := sequence.Scope(request.ScriptID), httpapi.Now(), int64(0)
	for _, index := range changing {
		m := request.Elements[index]
		err := move(tx, placeOf(request.ElementType, m.ElementID, request.ScriptID), m.NewSequence, now)
		if storage.IsUnique(err) {
			return fault(http.StatusConflict, "sequence_taken", pointer(index, "newSequence"), takenDetail(scope, m.NewSequence))
		}
		if err != nil {
			return err
		}
		highest = max(highest, m.NewSequence)
	}
	return sequence.Raise(tx, scope, highest)
}
