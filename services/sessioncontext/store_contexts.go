// The SQL of contexts, at most one for a character and script.
package sessioncontext

import (
	"context"
	"fmt"

	"github.com/go-json-experiment/json/jsontext"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
)

const contextColumns = `SELECT context_id, character_id, script_id, data, created_at, updated_at, revision
	FROM contexts`

func scanContext(row func(dest ...any) error, c *contextRow) error {
	var created, updated int64
	var data string
	err := row(&c.Value.ContextID, &c.Value.CharacterID, &c.Value.ScriptID, &data, &created, &updated, &c.Revision)
	c.Value.Data = Data(data)
	c.Value.CreatedAt, c.Value.UpdatedAt = httpapi.Time(created), httpapi.Time(updated)
	return err
}

func (s *store) listContexts(ctx context.Context, filter ListContextsParams, page httpapi.Page) ([]contextRow, error) {
	query, arguments := contextsQuery(filter, page)
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) ([]contextRow, error) {
		return storage.All(tx, query, arguments, scanContext)
	})
}

func contextsQuery(filter ListContextsParams, page httpapi.Page) (string, []any) {
	var where storage.Where
	where.Equal("character_id", filter.CharacterID)
	where.Equal("script_id", filter.ScriptID)
	where.In("context_id", filter.Ids)
	clause, arguments := where.Page("context_id", page.After, page.Limit)
	return contextColumns + clause, arguments
}

// getContext returns 404 if there is no such context.
func (s *store) getContext(ctx context.Context, id int64) (contextRow, error) {
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (contextRow, error) { return findContext(tx, id) })
}

func findContext(tx *storage.Tx, id int64) (contextRow, error) {
	return httpapi.One(tx, "context", contextColumns+" WHERE context_id = $1", id, scanContext)
}

// owner is what there is at most one context of.
type owner struct {
	characterID int64
	scriptID    int64 // 0 for the context apart from any script
}

func ownerOf(characterID int64, scriptID *int64) owner {
	if scriptID == nil {
		return owner{characterID: characterID}
	}
	return owner{characterID, *scriptID}
}

// exists is the 409 problem that o has a context, and more about that one.
func (o owner) exists(more string) error {
	script := "without script"
	if o.scriptID != 0 {
		script = fmt.Sprintf("in script %d", o.scriptID)
	}
	return httpapi.Conflict("context_exists", fmt.Sprintf("Character %d has a context %s already%s.", o.characterID, script, more))
}

// checkFree returns 409 if o has a context.
func (o owner) checkFree(tx *storage.Tx) error {
	query, arguments := o.query()
	var id int64
	switch err := tx.QueryRow(query, arguments, &id); {
	case storage.IsNoRows(err):
		return nil
	case err != nil:
		return err
	}
	return o.exists(fmt.Sprintf("; change that one with PATCH /contexts/%d", id))
}

func (o owner) query() (string, []any) {
	if o.scriptID == 0 {
		return "SELECT context_id FROM contexts WHERE character_id = $1 AND script_id IS NULL", []any{o.characterID}
	}
	return "SELECT context_id FROM contexts WHERE character_id = $1 AND script_id = $2", []any{o.characterID, o.scriptID}
}

// createContext returns 400 if the data are too large, 409 if the character has
// a context in the script.
func (s *store) createContext(ctx context.Context, item NewContext) (contextRow, error) {
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (contextRow, error) { return insertContext(tx, item) })
}

// createContexts creates all of items or none; errors are those of
// createContext, and 409 if two items are for one character and script.
func (s *store) createContexts(ctx context.Context, items []NewContext) ([]contextRow, error) {
	if err := checkDistinct(items); err != nil {
		return nil, err
	}
	return httpapi.CreateAll(ctx, s.db, items, insertContext)
}

// checkDistinct looks for what insertContext would report with the identifier
// of an item that is about to be undone.
func checkDistinct(items []NewContext) error {
	first := map[owner]int{}
	for i, item := range items {
		o := ownerOf(item.CharacterID, item.ScriptID)
		if earlier, found := first[o]; found {
			return httpapi.Item(i, o.exists(fmt.Sprintf(", in item %d", earlier)))
		}
		first[o] = i
	}
	return nil
}

func insertContext(tx *storage.Tx, item NewContext) (contextRow, error) {
	const insert = `INSERT INTO contexts (character_id, script_id, data, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $4)`
	data, err := httpapi.CompactJSON("/data", item.Data)
	if err == nil {
		err = ownerOf(item.CharacterID, item.ScriptID).checkFree(tx)
	}
	if err != nil {
		return contextRow{}, err
	}
	now := httpapi.Now()
	row := contextRow{Revision: 1, Value: Context{
		CharacterID: item.CharacterID, ScriptID: item.ScriptID, Data: data,
		CreatedAt: httpapi.Time(now), UpdatedAt: httpapi.Time(now),
	}}
	err = tx.Insert(insert, "context_id", []any{item.CharacterID, item.ScriptID, string(data), now}, &row.Value.ContextID)
	return row, err
}

// patchContext returns 404 if there is no such context, 412 if it does not have
// the revision that ifMatch asks for, and else the errors of createContext.
func (s *store) patchContext(ctx context.Context, id int64, patch ContextPatch, ifMatch *string) (contextRow, error) {
	const update = `UPDATE contexts SET character_id = $1, script_id = $2, data = $3, updated_at = $4,
		revision = revision + 1 WHERE context_id = $5`
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (contextRow, error) {
		row, err := httpapi.Match(tx, findContext, id, ifMatch)
		if err == nil {
			err = changeContext(tx, &row.Value, patch)
		}
		if err != nil {
			return row, err
		}
		c := row.Value
		if _, err := tx.Exec(update, c.CharacterID, c.ScriptID, string(c.Data), httpapi.Now(), id); err != nil {
			return row, err
		}
		return findContext(tx, id)
	})
}

// changeContext carries patch over to c. It returns the errors of createContext.
func changeContext(tx *storage.Tx, c *Context, patch ContextPatch) error {
	before := ownerOf(c.CharacterID, c.ScriptID)
	httpapi.Patch(&c.CharacterID, patch.CharacterID)
	httpapi.PatchNullable(&c.ScriptID, patch.ScriptID)
	if after := ownerOf(c.CharacterID, c.ScriptID); after != before {
		if err := after.checkFree(tx); err != nil {
			return err
		}
	}
	if patch.Data == nil {
		return nil
	}
	merged, err := mergePatch(jsontext.Value(c.Data), jsontext.Value(*patch.Data))
	if err == nil {
		c.Data, err = httpapi.CompactJSON("/data", merged)
	}
	return err
}

// deleteContext returns 404 if there is no such context, 412 if it does not
// have the revision that ifMatch asks for.
func (s *store) deleteContext(ctx context.Context, id int64, ifMatch *string) error {
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		if _, err := httpapi.Match(tx, findContext, id, ifMatch); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM contexts WHERE context_id = $1", id)
		return err
	})
}
