// What handlers and stores of all services do alike with resources.
package httpapi

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/oapi-codegen/nullable"

	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

// Revised is a resource with the revision its ETag is made from. A resource
// begins at revision 1 and each change adds one.
type Revised[T any] struct {
	Value    T
	Revision int64
}

// ETag returns the strong entity tag of the revision (RFC 9110, 8.8.3).
func (r Revised[T]) ETag() string { return ETag(r.Revision) }

// Values drops the revisions.
func Values[T any](items []Revised[T]) []T {
	values := make([]T, len(items))
	for i, item := range items {
		values[i] = item.Value
	}
	return values
}

// Now returns the time as databases keep it: milliseconds since 1970, UTC.
func Now() int64 { return time.Now().UnixMilli() }

// Timestamp is a moment as answers write it: RFC 3339 in UTC, with as many digits
// of milliseconds as it needs.
type Timestamp string

// Time reads the moment that an answer tells of. It returns an error if that is
// none.
func (t Timestamp) Time() (time.Time, error) { return time.Parse(time.RFC3339Nano, string(t)) }

// Time turns what Now returned into the text of answers.
func Time(milliseconds int64) Timestamp {
	var text [len(time.RFC3339Nano)]byte
	return Timestamp(time.UnixMilli(milliseconds).UTC().AppendFormat(text[:0], time.RFC3339Nano))
}

// CreateAll creates items in one transaction, all or none. An error of insert
// is returned as Item returns it.
func CreateAll[In, Out any](ctx context.Context, db *storage.DB, items []In, insert func(tx *storage.Tx, item In) (Out, error)) ([]Out, error) {
	return storage.WriteValue(ctx, db, func(tx *storage.Tx) ([]Out, error) {
		created := make([]Out, len(items))
		for i, item := range items {
			var err error
			if created[i], err = insert(tx, item); err != nil {
				return nil, Item(i, err)
			}
		}
		return created, nil
	})
}

// Item says that err concerns item i of a batch: a problem's pointers get the
// prefix /items/i, and its detail names the item.
func Item(i int, err error) error {
	var p *problem.Problem
	if !errors.As(err, &p) {
		return err
	}
	named := *p
	place := fmt.Sprintf("/items/%d", i)
	named.Errors = make([]problem.FieldError, 0, len(p.Errors)+1)
	for _, fault := range p.Errors {
		named.Errors = append(named.Errors, problem.FieldError{Pointer: place + fault.Pointer, Reason: fault.Reason})
	}
	if len(p.Errors) == 0 {
		named.Errors = append(named.Errors, problem.FieldError{Pointer: place, Reason: p.Detail})
	}
	named.Detail = fmt.Sprintf("Item %d: %s Nothing was created.", i, p.Detail)
	named.Message = named.Detail
	return &named
}

// At says that err is the fault of the member of the request that pointer names.
func At(pointer string, err error) error {
	var p *problem.Problem
	if !errors.As(err, &p) {
		return err
	}
	placed := *p
	placed.Errors = []problem.FieldError{{Pointer: pointer, Reason: p.Detail}}
	return &placed
}

// SequenceProblem turns the errors of package sequence into 409 problems and
// leaves others as they are.
func SequenceProblem(err error) error {
	var taken *sequence.TakenError
	switch {
	case errors.As(err, &taken):
		return Conflict("sequence_taken", fmt.Sprintf("Sequence number %d is taken by another element. "+
			"Choose one that is free; a new element that names none gets the next.", taken.Number))
	case errors.Is(err, sequence.ErrExhausted):
		return Conflict("sequence_exhausted", "The highest sequence number there is has been given out, so none comes next; choose one that is free.")
	}
	return err
}

// Move asks for an element of a line to get a sequence number.
type Move struct{ ID, Number int64 }

// CheckMoves returns 400 if two of moves are of one element, 409 if two want
// one number. idName is the member of the request that names an element.
func CheckMoves(moves []Move, idName string) error {
	byID, byNumber := map[int64]int{}, map[int64]int{}
	for i, move := range moves {
		if first, found := byID[move.ID]; found {
			return Invalid(MovePointer(i, idName), fmt.Sprintf("names the element of /elements/%d again; list each once", first))
		}
		byID[move.ID] = i
	}
	for i, move := range moves {
		if first, found := byNumber[move.Number]; found {
			return At(MovePointer(i, "newSequence"), Conflict("sequence_repeated",
				fmt.Sprintf("Elements %d and %d of the request both want sequence number %d.", first, i, move.Number)))
		}
		byNumber[move.Number] = i
	}
	return nil
}

// MovePointer names a member of move i in errors.
func MovePointer(i int, member string) string { return fmt.Sprintf("/elements/%d/%s", i, member) }

// MoveProblem is SequenceProblem for moves that CheckMoves finds good: it names
// the one whose number an element has that is not among them.
func MoveProblem(moves []Move, err error) error {
	var taken *sequence.TakenError
	if !errors.As(err, &taken) {
		return SequenceProblem(err)
	}
	i := slices.IndexFunc(moves, func(move Move) bool { return move.Number == taken.Number })
	return At(MovePointer(i, "newSequence"), Conflict("sequence_taken",
		fmt.Sprintf("Sequence number %d is taken by an element that is not listed; list that one too, or choose a number that is free.", taken.Number)))
}

// One returns the row that query finds by id, or a 404 problem that names it as
// what.
func One[T any](tx *storage.Tx, what, query string, id int64, scan func(row func(dest ...any) error, item *T) error) (T, error) {
	var item T
	err := scan(func(dest ...any) error { return tx.QueryRow(query, []any{id}, dest...) }, &item)
	if storage.IsNoRows(err) {
		err = NotFound(what, id)
	}
	return item, err
}

// Match returns what find finds by key. The error is find's, or that of
// CheckMatch if the resource is not at the revision that ifMatch asks for.
func Match[Key, T any](tx *storage.Tx, find func(tx *storage.Tx, key Key) (Revised[T], error), key Key, ifMatch *string) (Revised[T], error) {
	row, err := find(tx, key)
	if err == nil {
		err = CheckMatch(ifMatch, row.Revision)
	}
	return row, err
}

// Patch carries one member of a merge patch over (RFC 7396): absent leaves
// target as it is.
func Patch[T any](target *T, value *T) {
	if value != nil {
		*target = *value
	}
}

// PatchNullable carries one nullable member of a merge patch over (RFC 7396):
// absent leaves target as it is, null empties it.
func PatchNullable[T any](target **T, value nullable.Nullable[T]) {
	switch {
	case value.IsNull():
		*target = nil
	case value.IsSpecified():
		given := value.MustGet()
		*target = &given
	}
}

// PatchEmpty carries one nullable member of a merge patch over (RFC 7396) to
// where there is always a value: absent leaves target as it is, null empties it.
func PatchEmpty[T any](target *T, value nullable.Nullable[T]) {
	changed := target
	if PatchNullable(&changed, value); changed == nil {
		changed = new(T)
	}
	*target = *changed
}

// maxData is the longest that CompactJSON returns, as every openapi.yaml says of
// members that may hold any JSON.
const maxData = 64 << 10

// CompactJSON returns data without white space, its numbers and texts as they
// came. It returns 400 if that is too long; pointer names data in the request.
func CompactJSON(pointer string, data []byte) ([]byte, error) {
	var compact bytes.Buffer
	if err := json.Compact(&compact, data); err != nil {
		return nil, Invalid(pointer, "is not valid JSON")
	}
	if compact.Len() > maxData {
		return nil, Invalid(pointer, fmt.Sprintf("must have at most %d bytes as JSON without white space, not %d", maxData, compact.Len()))
	}
	return compact.Bytes(), nil
}
