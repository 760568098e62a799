// The SQL of paraphrases, which belong to a character, an action or a line.
package character

import (
	"context"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
)

// The values of paraphrases.element_type.
const (
	elementCharacter  = "character"
	elementAction     = "action"
	elementSpokenWord = "spokenWord"
)

const paraphraseColumns = `SELECT paraphrase_id, original_id, text, commentary, created_at, updated_at, revision
	FROM paraphrases`

func scanParaphrase(row func(dest ...any) error, p *paraphraseRow) error {
	var created, updated int64
	err := row(&p.Value.ParaphraseID, &p.Value.OriginalID, &p.Value.Text, &p.Value.Commentary,
		&created, &updated, &p.Revision)
	p.Value.CreatedAt, p.Value.UpdatedAt = httpapi.Time(created), httpapi.Time(updated)
	return err
}

// exists returns 404 if there is no such element.
func exists(tx *storage.Tx, elementType string, id int64) error {
	var err error
	switch elementType {
	case elementCharacter:
		_, err = findCharacter(tx, id)
	case elementAction:
		_, err = findAction(tx, id)
	case elementSpokenWord:
		_, err = findSpokenWord(tx, id)
	}
	return err
}

// listParaphrases returns 404 if there is no such element.
func (s *store) listParaphrases(ctx context.Context, elementType string, id int64, page httpapi.Page) ([]paraphraseRow, error) {
	query, arguments := paraphrasesQuery(elementType, id, page)
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) ([]paraphraseRow, error) {
		if err := exists(tx, elementType, id); err != nil {
			return nil, err
		}
		return storage.All(tx, query, arguments, scanParaphrase)
	})
}

func paraphrasesQuery(elementType string, id int64, page httpapi.Page) (string, []any) {
	var where storage.Where
	where.And("element_type = ? AND element_id = ?", elementType, id)
	clause, arguments := where.Page("paraphrase_id", page.After, page.Limit)
	return paraphraseColumns + clause, arguments
}

// createParaphrase returns 404 if there is no such element.
func (s *store) createParaphrase(ctx context.Context, elementType string, id int64, item NewParaphrase) (paraphraseRow, error) {
	const insert = `INSERT INTO paraphrases
		(element_type, element_id, original_id, text, commentary, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $6)`
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (paraphraseRow, error) {
		if err := exists(tx, elementType, id); err != nil {
			return paraphraseRow{}, err
		}
		now := httpapi.Now()
		row := paraphraseRow{Revision: 1, Value: Paraphrase{
			OriginalID: item.OriginalID, Text: item.Text, Commentary: item.Commentary,
			CreatedAt: httpapi.Time(now), UpdatedAt: httpapi.Time(now),
		}}
		arguments := []any{elementType, id, item.OriginalID, item.Text, item.Commentary, now}
		err := tx.Insert(insert, "paraphrase_id", arguments, &row.Value.ParaphraseID)
		return row, err
	})
}

// getParaphrase returns 404 if there is no such paraphrase.
func (s *store) getParaphrase(ctx context.Context, id int64) (paraphraseRow, error) {
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (paraphraseRow, error) { return findParaphrase(tx, id) })
}

func findParaphrase(tx *storage.Tx, id int64) (paraphraseRow, error) {
	return httpapi.One(tx, "paraphrase", paraphraseColumns+" WHERE paraphrase_id = $1", id, scanParaphrase)
}

// patchParaphrase returns 404 if there is no such paraphrase, 412 if it does
// not have the revision that ifMatch asks for.
func (s *store) patchParaphrase(ctx context.Context, id int64, patch ParaphrasePatch, ifMatch *string) (paraphraseRow, error) {
	const update = `UPDATE paraphrases SET original_id = $1, text = $2, commentary = $3, updated_at = $4,
		revision = revision + 1 WHERE paraphrase_id = $5`
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (paraphraseRow, error) {
		row, err := httpapi.Match(tx, findParaphrase, id, ifMatch)
		if err != nil {
			return row, err
		}
		httpapi.Patch(&row.Value.OriginalID, patch.OriginalID)
		httpapi.Patch(&row.Value.Text, patch.Text)
		httpapi.Patch(&row.Value.Commentary, patch.Commentary)
		if _, err := tx.Exec(update, row.Value.OriginalID, row.Value.Text, row.Value.Commentary, httpapi.Now(), id); err != nil {
			return row, err
		}
		return findParaphrase(tx, id)
	})
}

// deleteParaphrase returns 404 if there is no such paraphrase, 412 if it does
// not have the revision that ifMatch asks for.
func (s *store) deleteParaphrase(ctx context.Context, id int64, ifMatch *string) error {
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		if _, err := httpapi.Match(tx, findParaphrase, id, ifMatch); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM paraphrases WHERE paraphrase_id = $1", id)
		return err
	})
}
