// The SQL of the character service: characters, and what all its tables share.
package character

import (
	"context"
	"fmt"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
)

// store keeps characters, actions, spoken words and paraphrases. Its methods
// return 400, 404, 409 and 412 problems as each says, and errors of the database.
type store struct{ db *storage.DB }

type (
	characterRow  = httpapi.Revised[Character]
	actionRow     = httpapi.Revised[Action]
	spokenWordRow = httpapi.Revised[SpokenWord]
	paraphraseRow = httpapi.Revised[Paraphrase]
)

const characterColumns = "SELECT character_id, name, description, created_at, updated_at, revision FROM characters"

func scanCharacter(row func(dest ...any) error, c *characterRow) error {
	var created, updated int64
	err := row(&c.Value.CharacterID, &c.Value.Name, &c.Value.Description, &created, &updated, &c.Revision)
	c.Value.CreatedAt, c.Value.UpdatedAt = httpapi.Time(created), httpapi.Time(updated)
	return err
}

func (s *store) listCharacters(ctx context.Context, filter ListCharactersParams, page httpapi.Page) ([]characterRow, error) {
	query, arguments := charactersQuery(filter, page)
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) ([]characterRow, error) {
		return storage.All(tx, query, arguments, scanCharacter)
	})
}

func charactersQuery(filter ListCharactersParams, page httpapi.Page) (string, []any) {
	var where storage.Where
	if filter.Name != nil {
		where.And("name = ?", *filter.Name)
	}
	where.In("character_id", filter.Ids)
	clause, arguments := where.Page("character_id", page.After, page.Limit)
	return characterColumns + clause, arguments
}

// getCharacter returns 404 if there is no such character.
func (s *store) getCharacter(ctx context.Context, id int64) (characterRow, error) {
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (characterRow, error) { return findCharacter(tx, id) })
}

func findCharacter(tx *storage.Tx, id int64) (characterRow, error) {
	return httpapi.One(tx, "character", characterColumns+" WHERE character_id = $1", id, scanCharacter)
}

func (s *store) createCharacter(ctx context.Context, item NewCharacter) (characterRow, error) {
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (characterRow, error) { return insertCharacter(tx, item) })
}

// createCharacters creates all of items or none.
func (s *store) createCharacters(ctx context.Context, items []NewCharacter) ([]characterRow, error) {
	return httpapi.CreateAll(ctx, s.db, items, insertCharacter)
}

func insertCharacter(tx *storage.Tx, item NewCharacter) (characterRow, error) {
	const insert = `INSERT INTO characters (name, description, created_at, updated_at)
		VALUES ($1, $2, $3, $3)`
	now := httpapi.Now()
	row := characterRow{Revision: 1, Value: Character{
		Name: item.Name, Description: item.Description,
		CreatedAt: httpapi.Time(now), UpdatedAt: httpapi.Time(now),
	}}
	err := tx.Insert(insert, "character_id", []any{item.Name, item.Description, now}, &row.Value.CharacterID)
	return row, err
}

// patchCharacter returns 404 if there is no such character, 412 if it does not
// have the revision that ifMatch asks for.
func (s *store) patchCharacter(ctx context.Context, id int64, patch CharacterPatch, ifMatch *string) (characterRow, error) {
	const update = `UPDATE characters SET name = $1, description = $2, updated_at = $3, revision = revision + 1
		WHERE character_id = $4`
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (characterRow, error) {
		row, err := httpapi.Match(tx, findCharacter, id, ifMatch)
		if err != nil {
			return row, err
		}
		httpapi.Patch(&row.Value.Name, patch.Name)
		httpapi.Patch(&row.Value.Description, patch.Description)
		if _, err := tx.Exec(update, row.Value.Name, row.Value.Description, httpapi.Now(), id); err != nil {
			return row, err
		}
		return findCharacter(tx, id)
	})
}

// deleteCharacter returns 404 if there is no such character, 412 if it does not
// have the revision that ifMatch asks for.
func (s *store) deleteCharacter(ctx context.Context, id int64, ifMatch *string) error {
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		if _, err := httpapi.Match(tx, findCharacter, id, ifMatch); err != nil {
			return err
		}
		if err := unlink(tx, id); err != nil {
			return err
		}
		return remove(tx, "characters", "character_id", elementCharacter, id)
	})
}

// unlink takes a character off its actions and spoken words. Those change by
// it, so they get a new revision, which the foreign key alone would not give.
func unlink(tx *storage.Tx, id int64) error {
	const set = " SET character_id = NULL, updated_at = $1, revision = revision + 1 WHERE character_id = $2"
	for _, table := range []string{"actions", "spoken_words"} {
		if _, err := tx.Exec("UPDATE "+table+set, httpapi.Now(), id); err != nil {
			return err
		}
	}
	return nil
}

// remove deletes an element and its paraphrases.
func remove(tx *storage.Tx, table, column, elementType string, id int64) error {
	const paraphrases = "DELETE FROM paraphrases WHERE element_type = $1 AND element_id = $2"
	if _, err := tx.Exec(paraphrases, elementType, id); err != nil {
		return err
	}
	_, err := tx.Exec(fmt.Sprintf("DELETE FROM %s WHERE %s = $1", table, column), id)
	return err
}

// knownCharacter returns a 400 problem if id names no character.
func knownCharacter(tx *storage.Tx, id *int64) error {
	if id == nil {
		return nil
	}
	var found int
	err := tx.QueryRow("SELECT 1 FROM characters WHERE character_id = $1", []any{*id}, &found)
	if storage.IsNoRows(err) {
		return httpapi.Invalid("/characterId", fmt.Sprintf("there is no character %d", *id))
	}
	return err
}
