// The SQL of the script management service: scripts, and what all its tables share.
package scriptmanagement

import (
	"context"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

// store keeps scripts, section headings and transitions. Its methods return
// 400, 404, 409 and 412 problems as each says, and errors of the database.
type store struct{ db *storage.DB }

type scriptRow = httpapi.Revised[Script]

// scriptScope is the scope in which scripts are numbered among themselves. The
// elements of a script are numbered in the scope that is its identifier.
const scriptScope = 0

const scriptColumns = `SELECT script_id, title, author, description, sequence_number, source,
	created_at, updated_at, revision FROM scripts`

func scanScript(row func(dest ...any) error, s *scriptRow) error {
	var created, updated int64
	err := row(&s.Value.ScriptID, &s.Value.Title, &s.Value.Author, &s.Value.Description,
		&s.Value.SequenceNumber, &s.Value.Source, &created, &updated, &s.Revision)
	s.Value.CreatedAt, s.Value.UpdatedAt = httpapi.Time(created), httpapi.Time(updated)
	return err
}

func (s *store) listScripts(ctx context.Context, filter ListScriptsParams, page httpapi.Page) ([]scriptRow, error) {
	clause, arguments := scriptFilter(filter).Page("script_id", page.After, page.Limit)
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) ([]scriptRow, error) {
		return storage.All(tx, scriptColumns+clause, arguments, scanScript)
	})
}

func scriptFilter(filter ListScriptsParams) *storage.Where {
	var where storage.Where
	if filter.Title != nil {
		where.And("title = ?", *filter.Title)
	}
	if filter.Source != nil {
		where.And("source = ?", *filter.Source)
	}
	where.In("script_id", filter.Ids)
	return &where
}

// getScript returns 404 if there is no such script.
func (s *store) getScript(ctx context.Context, id int64) (scriptRow, error) {
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (scriptRow, error) { return findScript(tx, id) })
}

// findScript returns 404 if there is no such script.
func findScript(tx *storage.Tx, id int64) (scriptRow, error) {
	return httpapi.One(tx, "script", scriptColumns+" WHERE script_id = $1", id, scanScript)
}

// knownScript returns 404 if there is no such script.
func knownScript(tx *storage.Tx, id int64) error {
	var found int
	err := tx.QueryRow("SELECT 1 FROM scripts WHERE script_id = $1", []any{id}, &found)
	if storage.IsNoRows(err) {
		return httpapi.NotFound("script", id)
	}
	return err
}

// createScript returns 409 if another script has the sequence number or the
// source, or no number is left.
func (s *store) createScript(ctx context.Context, item NewScript) (scriptRow, error) {
	const insert = `INSERT INTO scripts (title, author, description, sequence_number, source, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6)`
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (scriptRow, error) {
		number, err := sequence.Assign(tx, scriptScope, item.SequenceNumber)
		if err != nil {
			return scriptRow{}, httpapi.SequenceProblem(err)
		}
		now := httpapi.Now()
		row := scriptRow{Revision: 1, Value: Script{
			Title: item.Title, SequenceNumber: number, Source: item.Source,
			CreatedAt: httpapi.Time(now), UpdatedAt: httpapi.Time(now),
		}}
		httpapi.Patch(&row.Value.Author, item.Author)
		httpapi.Patch(&row.Value.Description, item.Description)
		arguments := []any{item.Title, row.Value.Author, row.Value.Description, number, item.Source, now}
		err = tx.Insert(insert, "script_id", arguments, &row.Value.ScriptID)
		if storage.IsUnique(err) {
			err = httpapi.Conflict("source_exists", "Another script has this source; find it with GET /scripts?source=.")
		}
		return row, err
	})
}

// patchScript returns 404 if there is no such script, 412 if it does not have
// the revision that ifMatch asks for, 409 if another script has the sequence
// number.
func (s *store) patchScript(ctx context.Context, id int64, patch ScriptPatch, ifMatch *string) (scriptRow, error) {
	const update = `UPDATE scripts SET title = $1, author = $2, description = $3, sequence_number = $4,
		updated_at = $5, revision = revision + 1 WHERE script_id = $6`
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (scriptRow, error) {
		row, err := httpapi.Match(tx, findScript, id, ifMatch)
		if err == nil {
			err = renumber(tx, scriptScope, &row.Value.SequenceNumber, patch.SequenceNumber)
		}
		if err != nil {
			return row, err
		}
		httpapi.Patch(&row.Value.Title, patch.Title)
		httpapi.PatchEmpty(&row.Value.Author, patch.Author)
		httpapi.PatchEmpty(&row.Value.Description, patch.Description)
		arguments := []any{row.Value.Title, row.Value.Author, row.Value.Description, row.Value.SequenceNumber, httpapi.Now(), id}
		if _, err := tx.Exec(update, arguments...); err != nil {
			return row, err
		}
		return findScript(tx, id)
	})
}

// deleteScript deletes a script with its elements and their numbers. It returns
// 404 if there is no such script, 412 if it does not have the revision that
// ifMatch asks for.
func (s *store) deleteScript(ctx context.Context, id int64, ifMatch *string) error {
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		row, err := httpapi.Match(tx, findScript, id, ifMatch)
		if err == nil {
			err = sequence.Release(tx, scriptScope, row.Value.SequenceNumber)
		}
		if err == nil {
			err = sequence.Drop(tx, id)
		}
		if err != nil {
			return err
		}
		_, err = tx.Exec("DELETE FROM scripts WHERE script_id = $1", id)
		return err
	})
}

// renumber gives what has *number the number wanted, if one is wanted. It
// returns 409 if something else of the scope has that.
func renumber(tx *storage.Tx, scope int64, number, wanted *int64) error {
	if wanted == nil || *wanted == *number {
		return nil
	}
	if err := sequence.Move(tx, scope, []int64{*number}, []int64{*wanted}); err != nil {
		return httpapi.SequenceProblem(err)
	}
	*number = *wanted
	return nil
}
