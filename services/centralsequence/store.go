// The SQL of the central sequence service: elements and their numbers.
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

// store keeps elements and versions. Its methods return 400, 404, 409 and 412
// problems as each says, and errors of the database.
type store struct{ db *storage.DB }

type elementRow = httpapi.Revised[Element]

// place is where an element stands: in the line of a script, or in that of the
// service as scope 0.
type place struct {
	elementType string
	elementID   int64
	scope       int64
}

func placeOf(elementType string, elementID int64, scriptID *int64) place {
	return place{elementType, elementID, sequence.Scope(scriptID)}
}

// key is the place as arguments $1 to $3 of a condition.
func (p place) key() []any { return []any{p.scope, p.elementType, p.elementID} }

// line names a scope in messages.
func line(scope int64) string {
	if scope == 0 {
		return "the service"
	}
	return fmt.Sprintf("script %d", scope)
}

const (
	elementColumns = `SELECT element_type, element_id, scope_id, sequence_number, created_at, updated_at, revision
		FROM elements`
	atPlace = " WHERE scope_id = $1 AND element_type = $2 AND element_id = $3"
)

func scanElement(row func(dest ...any) error, e *elementRow) error {
	var scope, created, updated int64
	err := row(&e.Value.ElementType, &e.Value.ElementID, &scope, &e.Value.SequenceNumber, &created, &updated, &e.Revision)
	if scope != 0 {
		e.Value.ScriptID = &scope
	}
	e.Value.CreatedAt, e.Value.UpdatedAt = httpapi.Time(created), httpapi.Time(updated)
	return err
}

func (s *store) listElements(ctx context.Context, filter ListSequenceParams, page httpapi.Page) ([]elementRow, error) {
	clause, arguments := elementPage(filter, page)
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) ([]elementRow, error) {
		return storage.All(tx, elementColumns+clause, arguments, scanElement)
	})
}

func elementPage(filter ListSequenceParams, page httpapi.Page) (string, []any) {
	var where storage.Where
	where.And("scope_id = ?", sequence.Scope(filter.ScriptID))
	if filter.ElementType != nil {
		where.And("element_type = ?", *filter.ElementType)
	}
	return where.Page("sequence_number", page.After, page.Limit)
}

// getElement returns 404 if the element has no number there.
func (s *store) getElement(ctx context.Context, p place) (elementRow, error) {
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (elementRow, error) { return findElement(tx, p) })
}

func findElement(tx *storage.Tx, p place) (elementRow, error) {
	row, err := lookUp(tx, p)
	if storage.IsNoRows(err) {
		err = unnumbered(p)
	}
	return row, err
}

// unnumbered is the 404 problem of a place where no element stands.
func unnumbered(p place) error {
	return notFound("not_found", fmt.Sprintf("%s %d has no sequence number in %s.", p.elementType, p.elementID, line(p.scope)))
}

func notFound(code, detail string) error { return problem.New(http.StatusNotFound, code, detail) }

// lookUp is findElement with an error that satisfies storage.IsNoRows.
func lookUp(tx *storage.Tx, p place) (elementRow, error) {
	var row elementRow
	err := scanElement(func(dest ...any) error { return tx.QueryRow(elementColumns+atPlace, p.key(), dest...) }, &row)
	return row, err
}

// numberElement returns the element with its number, the one it has or a new
// one. It returns 409 if item asks for a number that another element has, or
// for another than the element has, or if no number is left.
func (s *store) numberElement(ctx context.Context, item NewElement) (elementRow, error) {
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (elementRow, error) { return findOrInsert(tx, item) })
}

// numberElements numbers all of items or none; errors are those of
// numberElement.
func (s *store) numberElements(ctx context.Context, items []NewElement) ([]elementRow, error) {
	return httpapi.CreateAll(ctx, s.db, items, findOrInsert)
}

func findOrInsert(tx *storage.Tx, item NewElement) (elementRow, error) {
	p := placeOf(item.ElementType, item.ElementID, item.ScriptID)
	row, err := lookUp(tx, p)
	switch {
	case storage.IsNoRows(err):
		return insertElement(tx, p, item)
	case err != nil:
		return row, err
	case item.SequenceNumber != nil && *item.SequenceNumber != row.Value.SequenceNumber:
		return row, httpapi.Conflict("element_numbered",
			fmt.Sprintf("%s %d has sequence number %d of %s already; change it with patchSequenceNumber.",
				p.elementType, p.elementID, row.Value.SequenceNumber, line(p.scope)))
	}
	return row, nil
}

func insertElement(tx *storage.Tx, p place, item NewElement) (elementRow, error) {
	const insert = `INSERT INTO elements (scope_id, element_type, element_id, sequence_number, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $5)`
	now := httpapi.Now()
	row := elementRow{Revision: 1, Value: Element{
		ElementType: item.ElementType, ElementID: item.ElementID, ScriptID: item.ScriptID,
		CreatedAt: httpapi.Time(now), UpdatedAt: httpapi.Time(now),
	}}
	number, err := sequence.Draw(tx, p.scope, item.SequenceNumber)
	if err == nil {
		_, err = tx.Exec(insert, append(p.key(), number, now)...)
		err = sequence.Taken(err, number)
	}
	row.Value.SequenceNumber = number
	return row, httpapi.SequenceProblem(err)
}

// patchElement returns 404 if the element has no number there, 412 if it does
// not have the revision that ifMatch asks for, 409 if another element has the
// number.
func (s *store) patchElement(ctx context.Context, p place, patch ElementPatch, ifMatch *string) (elementRow, error) {
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (elementRow, error) {
		row, err := httpapi.Match(tx, findElement, p, ifMatch)
		if err != nil || patch.SequenceNumber == nil || *patch.SequenceNumber == row.Value.SequenceNumber {
			return row, err
		}
		if err := sequence.Raise(tx, p.scope, *patch.SequenceNumber); err != nil {
			return row, err
		}
		if err := move(tx, p, *patch.SequenceNumber, httpapi.Now()); err != nil {
			return row, httpapi.SequenceProblem(err)
		}
		return findElement(tx, p)
	})
}

// move gives an element another number; the caller raises the scope's counter.
// It returns a sequence.TakenError if another element has the number.
func move(tx *storage.Tx, p place, to, now int64) error {
	const update = "UPDATE elements SET sequence_number = $4, updated_at = $5, revision = revision + 1" + atPlace
	_, err := tx.Exec(update, append(p.key(), to, now)...)
	return sequence.Taken(err, to)
}

// deleteElement returns 404 if the element has no number there, 412 if it does
// not have the revision that ifMatch asks for. The scope's counter stays where
// it is, so the number is not drawn again.
func (s *store) deleteElement(ctx context.Context, p place, ifMatch *string) error {
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		if _, err := httpapi.Match(tx, findElement, p, ifMatch); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM elements"+atPlace, p.key()...)
		return err
	})
}
