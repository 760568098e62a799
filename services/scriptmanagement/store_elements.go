// The SQL of what a script consists of: section headings and transitions, which
// are stored alike and share the script's sequence numbers.
package scriptmanagement

import (
	"context"
	"strings"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

// element is a section heading or a transition.
type element struct {
	id        int64
	scriptID  int64
	text      string
	number    int64
	createdAt Timestamp
	updatedAt Timestamp
}

type elementRow = httpapi.Revised[element]

// place is the address of an element: the script it is in, and its identifier.
type place struct{ scriptID, id int64 }

// newElement is an element to be added; the script's next number is taken for
// it if number is nil.
type newElement struct {
	text   string
	number *int64
}

// elementPatch is a change of an element; nil leaves a member as it is.
type elementPatch struct {
	text   *string
	number *int64
}

// kind is one kind of element: its name in messages, the name of its identifier
// in bodies, and its SQL.
type kind struct {
	name     string
	idName   string
	idColumn string
	columns  string
	find     string
	insert   string
	update   string
	move     string
	remove   string
}

var (
	sectionHeadings = newKind("section heading", "headingId", "section_headings", "heading_id", "title")
	transitions     = newKind("transition", "transitionId", "transitions", "transition_id", "text")
)

func newKind(name, idName, table, idColumn, textColumn string) kind {
	sql := strings.NewReplacer("{table}", table, "{id}", idColumn, "{text}", textColumn).Replace
	columns := sql(`SELECT {id}, script_id, {text}, sequence_number, created_at, updated_at, revision FROM {table}`)
	return kind{
		name:     name,
		idName:   idName,
		idColumn: idColumn,
		columns:  columns,
		find:     columns + sql(" WHERE {id} = $1 AND script_id = $2"),
		insert: sql(`INSERT INTO {table} (script_id, {text}, sequence_number, created_at, updated_at)
			VALUES ($1, $2, $3, $4, $4)`),
		update: sql(`UPDATE {table} SET {text} = $1, sequence_number = $2, updated_at = $3, revision = revision + 1
			WHERE {id} = $4`),
		move: sql(`UPDATE {table} SET sequence_number = $1, updated_at = $2, revision = revision + 1
			WHERE {id} = $3`),
		remove: sql(`DELETE FROM {table} WHERE {id} = $1`),
	}
}

func scanElement(row func(dest ...any) error, e *elementRow) error {
	var created, updated int64
	err := row(&e.Value.id, &e.Value.scriptID, &e.Value.text, &e.Value.number, &created, &updated, &e.Revision)
	e.Value.createdAt, e.Value.updatedAt = httpapi.Time(created), httpapi.Time(updated)
	return err
}

// listElements returns 404 if there is no such script.
func (s *store) listElements(ctx context.Context, k kind, scriptID int64, ids *[]int64, page httpapi.Page) ([]elementRow, error) {
	clause, arguments := elementFilter(k, scriptID, ids).Page("sequence_number", page.After, page.Limit)
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) ([]elementRow, error) {
		if err := knownScript(tx, scriptID); err != nil {
			return nil, err
		}
		return storage.All(tx, k.columns+clause, arguments, scanElement)
	})
}

func elementFilter(k kind, scriptID int64, ids *[]int64) *storage.Where {
	var where storage.Where
	if ids == nil {
		where.And("script_id = ?", scriptID)
		return &where
	}
	// The + keeps SQLite from walking through the script in search of a few
	// identifiers: it looks those up and sorts them.
	where.And("+script_id = ?", scriptID)
	where.In(k.idColumn, ids)
	return &where
}

// getElement returns 404 if the script has no such element.
func (s *store) getElement(ctx context.Context, k kind, at place) (elementRow, error) {
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (elementRow, error) { return k.findElement(tx, at) })
}

// findElement returns 404 if the script has no such element; the problem names
// the script if that is what is missing.
func (k kind) findElement(tx *storage.Tx, at place) (elementRow, error) {
	var row elementRow
	err := scanElement(func(dest ...any) error { return tx.QueryRow(k.find, []any{at.id, at.scriptID}, dest...) }, &row)
	if storage.IsNoRows(err) {
		if err = knownScript(tx, at.scriptID); err == nil {
			err = httpapi.NotFound(k.name, at.id)
		}
	}
	return row, err
}

// addElement returns 404 if there is no such script, 409 if another of its
// elements has the sequence number or no number is left.
func (s *store) addElement(ctx context.Context, k kind, scriptID int64, item newElement) (elementRow, error) {
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (elementRow, error) {
		if err := knownScript(tx, scriptID); err != nil {
			return elementRow{}, err
		}
		return insertElement(tx, k, scriptID, item)
	})
}

// addElements adds all of items or none; errors are those of addElement.
func (s *store) addElements(ctx context.Context, k kind, scriptID int64, items []newElement) ([]elementRow, error) {
	var added []elementRow
	err := s.db.Write(ctx, func(ctx context.Context, tx *storage.Tx) error {
		// Asked first and once: a missing script is no fault of an item.
		if err := knownScript(tx, scriptID); err != nil {
			return err
		}
		var err error
		added, err = httpapi.CreateAll(ctx, s.db, items, func(tx *storage.Tx, item newElement) (elementRow, error) {
			return insertElement(tx, k, scriptID, item)
		})
		return err
	})
	return added, err
}

// insertElement returns 409 if another element of the script has the number, or
// no number is left.
func insertElement(tx *storage.Tx, k kind, scriptID int64, item newElement) (elementRow, error) {
	number, err := sequence.Assign(tx, scriptID, item.number)
	if err != nil {
		return elementRow{}, httpapi.SequenceProblem(err)
	}
	now := httpapi.Now()
	row := elementRow{Revision: 1, Value: element{
		scriptID: scriptID, text: item.text, number: number,
		createdAt: httpapi.Time(now), updatedAt: httpapi.Time(now),
	}}
	err = tx.Insert(k.insert, k.idColumn, []any{scriptID, item.text, number, now}, &row.Value.id)
	return row, err
}

// patchElement returns 404 if the script has no such element, 412 if it does
// not have the revision that ifMatch asks for, 409 if another element of the
// script has the sequence number.
func (s *store) patchElement(ctx context.Context, k kind, at place, patch elementPatch, ifMatch *string) (elementRow, error) {
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (elementRow, error) {
		row, err := httpapi.Match(tx, k.findElement, at, ifMatch)
		if err == nil {
			err = renumber(tx, at.scriptID, &row.Value.number, patch.number)
		}
		if err != nil {
			return row, err
		}
		httpapi.Patch(&row.Value.text, patch.text)
		if _, err := tx.Exec(k.update, row.Value.text, row.Value.number, httpapi.Now(), at.id); err != nil {
			return row, err
		}
		return k.findElement(tx, at)
	})
}

// deleteElement returns 404 if the script has no such element, 412 if it does
// not have the revision that ifMatch asks for.
func (s *store) deleteElement(ctx context.Context, k kind, at place, ifMatch *string) error {
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		row, err := httpapi.Match(tx, k.findElement, at, ifMatch)
		if err == nil {
			err = sequence.Release(tx, at.scriptID, row.Value.number)
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec(k.remove, at.id)
		return err
	})
}
