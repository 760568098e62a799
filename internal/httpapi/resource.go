// What handlers and stores of all services do alike with resources.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
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

// Time turns what Now returned into a time in UTC.
func Time(milliseconds int64) time.Time { return time.UnixMilli(milliseconds).UTC() }

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

// SequenceTaken turns sequence.ErrTaken into a 409 problem and leaves other
// errors as they are.
func SequenceTaken(err error, number *int64) error {
	if !errors.Is(err, sequence.ErrTaken) || number == nil {
		return err
	}
	return problem.New(http.StatusConflict, "sequence_taken",
		fmt.Sprintf("Sequence number %d is taken by another element; leave it out to get the next free one.", *number))
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
