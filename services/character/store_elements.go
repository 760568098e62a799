// The SQL of actions and spoken words.
package character

import (
	"context"

	"github.com/oapi-codegen/nullable"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

const actionColumns = `SELECT action_id, description, script_id, character_id, sequence_number,
	created_at, updated_at, revision FROM actions`

func scanAction(row func(dest ...any) error, a *actionRow) error {
	var created, updated int64
	err := row(&a.Value.ActionID, &a.Value.Description, &a.Value.ScriptID, &a.Value.CharacterID,
		&a.Value.SequenceNumber, &created, &updated, &a.Revision)
	a.Value.CreatedAt, a.Value.UpdatedAt = httpapi.Time(created), httpapi.Time(updated)
	return err
}

func (s *store) listActions(ctx context.Context, filter ListActionsParams, page httpapi.Page) ([]actionRow, error) {
	clause, arguments := elementPage("action_id", filter.ScriptID, filter.CharacterID, filter.Ids, page)
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) ([]actionRow, error) {
		return storage.All(tx, actionColumns+clause, arguments, scanAction)
	})
}

func elementPage(key string, scriptID, characterID *int64, ids *[]int64, page httpapi.Page) (string, []any) {
	var where storage.Where
	where.Equal("script_id", scriptID)
	where.Equal("character_id", characterID)
	where.In(key, ids)
	return where.Page(key, page.After, page.Limit)
}

// getAction returns 404 if there is no such action.
func (s *store) getAction(ctx context.Context, id int64) (actionRow, error) {
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (actionRow, error) { return findAction(tx, id) })
}

func findAction(tx *storage.Tx, id int64) (actionRow, error) {
	return httpapi.One(tx, "action", actionColumns+" WHERE action_id = $1", id, scanAction)
}

// createAction returns 400 if the character is unknown, 409 if the sequence
// number is taken or none is left.
func (s *store) createAction(ctx context.Context, item NewAction) (actionRow, error) {
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (actionRow, error) { return insertAction(tx, item) })
}

// createActions creates all of items or none; errors are those of createAction.
func (s *store) createActions(ctx context.Context, items []NewAction) ([]actionRow, error) {
	return httpapi.CreateAll(ctx, s.db, items, insertAction)
}

func insertAction(tx *storage.Tx, item NewAction) (actionRow, error) {
	const insert = `INSERT INTO actions (description, script_id, character_id, sequence_number, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $5)`
	number, err := place(tx, item.ScriptID, item.CharacterID, item.SequenceNumber)
	if err != nil {
		return actionRow{}, err
	}
	now := httpapi.Now()
	row := actionRow{Revision: 1, Value: Action{
		Description: item.Description, ScriptID: item.ScriptID, CharacterID: item.CharacterID, SequenceNumber: number,
		CreatedAt: httpapi.Time(now), UpdatedAt: httpapi.Time(now),
	}}
	arguments := []any{item.Description, item.ScriptID, item.CharacterID, number, now}
	err = tx.Insert(insert, "action_id", arguments, &row.Value.ActionID)
	return row, err
}

// place checks an element's links and takes its sequence number.
func place(tx *storage.Tx, scriptID, characterID, wanted *int64) (int64, error) {
	if err := knownCharacter(tx, characterID); err != nil {
		return 0, err
	}
	number, err := sequence.Assign(tx, sequence.Scope(scriptID), wanted)
	return number, httpapi.SequenceProblem(err)
}

// links are what actions and spoken words have in common.
type links struct {
	scriptID       *int64
	characterID    *int64
	sequenceNumber int64
}

// patched returns l with the changes of a patch. An element that moves to
// another script gets a number there; the one it had is given up.
func (l links) patched(tx *storage.Tx, scriptID, characterID nullable.Nullable[int64], wanted *int64) (links, error) {
	changed := l
	httpapi.PatchNullable(&changed.scriptID, scriptID)
	httpapi.PatchNullable(&changed.characterID, characterID)
	if err := knownCharacter(tx, changed.characterID); err != nil {
		return l, err
	}
	from, to := sequence.Scope(l.scriptID), sequence.Scope(changed.scriptID)
	if from == to && (wanted == nil || *wanted == l.sequenceNumber) {
		return changed, nil
	}
	if err := sequence.Release(tx, from, l.sequenceNumber); err != nil {
		return l, err
	}
	var err error
	changed.sequenceNumber, err = sequence.Assign(tx, to, wanted)
	return changed, httpapi.SequenceProblem(err)
}

// patchAction returns 404 if there is no such action, 412 if it does not have
// the revision that ifMatch asks for, and else the errors of createAction.
func (s *store) patchAction(ctx context.Context, id int64, patch ActionPatch, ifMatch *string) (actionRow, error) {
	const update = `UPDATE actions SET description = $1, script_id = $2, character_id = $3, sequence_number = $4,
		updated_at = $5, revision = revision + 1 WHERE action_id = $6`
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (actionRow, error) {
		row, err := httpapi.Match(tx, findAction, id, ifMatch)
		if err != nil {
			return row, err
		}
		l, err := links{row.Value.ScriptID, row.Value.CharacterID, row.Value.SequenceNumber}.
			patched(tx, patch.ScriptID, patch.CharacterID, patch.SequenceNumber)
		if err != nil {
			return row, err
		}
		httpapi.Patch(&row.Value.Description, patch.Description)
		if _, err := tx.Exec(update, row.Value.Description, l.scriptID, l.characterID, l.sequenceNumber, httpapi.Now(), id); err != nil {
			return row, err
		}
		return findAction(tx, id)
	})
}

// deleteAction returns 404 if there is no such action, 412 if it does not have
// the revision that ifMatch asks for.
func (s *store) deleteAction(ctx context.Context, id int64, ifMatch *string) error {
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		row, err := httpapi.Match(tx, findAction, id, ifMatch)
		if err == nil {
			err = sequence.Release(tx, sequence.Scope(row.Value.ScriptID), row.Value.SequenceNumber)
		}
		if err != nil {
			return err
		}
		return remove(tx, "actions", "action_id", elementAction, id)
	})
}

const spokenWordColumns = `SELECT dialogue_id, text, parenthetical, script_id, character_id, sequence_number,
	created_at, updated_at, revision FROM spoken_words`

func scanSpokenWord(row func(dest ...any) error, w *spokenWordRow) error {
	var created, updated int64
	err := row(&w.Value.DialogueID, &w.Value.Text, &w.Value.Parenthetical, &w.Value.ScriptID, &w.Value.CharacterID,
		&w.Value.SequenceNumber, &created, &updated, &w.Revision)
	w.Value.CreatedAt, w.Value.UpdatedAt = httpapi.Time(created), httpapi.Time(updated)
	return err
}

func (s *store) listSpokenWords(ctx context.Context, filter ListSpokenWordsParams, page httpapi.Page) ([]spokenWordRow, error) {
	clause, arguments := elementPage("dialogue_id", filter.ScriptID, filter.CharacterID, filter.Ids, page)
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) ([]spokenWordRow, error) {
		return storage.All(tx, spokenWordColumns+clause, arguments, scanSpokenWord)
	})
}

// getSpokenWord returns 404 if there is no such line.
func (s *store) getSpokenWord(ctx context.Context, id int64) (spokenWordRow, error) {
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (spokenWordRow, error) { return findSpokenWord(tx, id) })
}

func findSpokenWord(tx *storage.Tx, id int64) (spokenWordRow, error) {
	return httpapi.One(tx, "spoken word", spokenWordColumns+" WHERE dialogue_id = $1", id, scanSpokenWord)
}

// createSpokenWord returns 400 if there is nothing to say or the character is
// unknown, 409 if the sequence number is taken or none is left.
func (s *store) createSpokenWord(ctx context.Context, item NewSpokenWord) (spokenWordRow, error) {
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (spokenWordRow, error) { return insertSpokenWord(tx, item) })
}

// createSpokenWords creates all of items or none; errors are those of
// createSpokenWord.
func (s *store) createSpokenWords(ctx context.Context, items []NewSpokenWord) ([]spokenWordRow, error) {
	return httpapi.CreateAll(ctx, s.db, items, insertSpokenWord)
}

func insertSpokenWord(tx *storage.Tx, item NewSpokenWord) (spokenWordRow, error) {
	const insert = `INSERT INTO spoken_words
		(text, parenthetical, script_id, character_id, sequence_number, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6)`
	if err := checkSpoken(item.Text, item.Parenthetical); err != nil {
		return spokenWordRow{}, err
	}
	number, err := place(tx, item.ScriptID, item.CharacterID, item.SequenceNumber)
	if err != nil {
		return spokenWordRow{}, err
	}
	now := httpapi.Now()
	row := spokenWordRow{Revision: 1, Value: SpokenWord{
		Text: item.Text, Parenthetical: item.Parenthetical, ScriptID: item.ScriptID, CharacterID: item.CharacterID,
		SequenceNumber: number, CreatedAt: httpapi.Time(now), UpdatedAt: httpapi.Time(now),
	}}
	arguments := []any{item.Text, item.Parenthetical, item.ScriptID, item.CharacterID, number, now}
	err = tx.Insert(insert, "dialogue_id", arguments, &row.Value.DialogueID)
	return row, err
}

// checkSpoken refuses silence, unless a parenthetical says what happens in it.
func checkSpoken(text string, parenthetical *string) error {
	if text == "" && parenthetical == nil {
		return httpapi.Invalid("/text", "must not be empty without a parenthetical")
	}
	return nil
}

// patchSpokenWord returns 404 if there is no such line, 412 if it does not have
// the revision that ifMatch asks for, and else the errors of createSpokenWord.
func (s *store) patchSpokenWord(ctx context.Context, id int64, patch SpokenWordPatch, ifMatch *string) (spokenWordRow, error) {
	const update = `UPDATE spoken_words SET text = $1, parenthetical = $2, script_id = $3, character_id = $4,
		sequence_number = $5, updated_at = $6, revision = revision + 1 WHERE dialogue_id = $7`
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (spokenWordRow, error) {
		row, err := httpapi.Match(tx, findSpokenWord, id, ifMatch)
		if err != nil {
			return row, err
		}
		httpapi.Patch(&row.Value.Text, patch.Text)
		httpapi.PatchNullable(&row.Value.Parenthetical, patch.Parenthetical)
		if err := checkSpoken(row.Value.Text, row.Value.Parenthetical); err != nil {
			return row, err
		}
		l, err := links{row.Value.ScriptID, row.Value.CharacterID, row.Value.SequenceNumber}.
			patched(tx, patch.ScriptID, patch.CharacterID, patch.SequenceNumber)
		if err != nil {
			return row, err
		}
		arguments := []any{row.Value.Text, row.Value.Parenthetical, l.scriptID, l.characterID, l.sequenceNumber, httpapi.Now(), id}
		if _, err := tx.Exec(update, arguments...); err != nil {
			return row, err
		}
		return findSpokenWord(tx, id)
	})
}

// deleteSpokenWord returns 404 if there is no such line, 412 if it does not
// have the revision that ifMatch asks for.
func (s *store) deleteSpokenWord(ctx context.Context, id int64, ifMatch *string) error {
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		row, err := httpapi.Match(tx, findSpokenWord, id, ifMatch)
		if err == nil {
			err = sequence.Release(tx, sequence.Scope(row.Value.ScriptID), row.Value.SequenceNumber)
		}
		if err != nil {
			return err
		}
		return remove(tx, "spoken_words", "dialogue_id", elementSpokenWord, id)
	})
}
