// The SQL of versions.
package centralsequence

import (
	"context"
	"encoding/json"
	"fmt"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
)

// createVersion keeps a version under the number after the element's newest,
// or as 2 if there is none. It returns 400 if the data is too large.
func (s *store) createVersion(ctx context.Context, item NewVersion) (VersionSummary, error) {
	const insert = `INSERT INTO element_versions (element_type, element_id, version_number, script_id, data, created_at)
		VALUES ($1, $2, (SELECT coalesce(max(version_number), 1) + 1 FROM element_versions
			WHERE element_type = $1 AND element_id = $2), $3, $4, $5)
		RETURNING version_number`
	data, err := httpapi.CompactJSON("/newVersionData", item.NewVersionData)
	if err != nil {
		return VersionSummary{}, err
	}
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (VersionSummary, error) {
		now := httpapi.Now()
		version := VersionSummary{
			ElementType: item.ElementType, ElementID: item.ElementID, ScriptID: item.ScriptID, CreatedAt: httpapi.Time(now),
		}
		arguments := []any{item.ElementType, item.ElementID, item.ScriptID, string(data), now}
		err := tx.QueryRow(insert, arguments, &version.VersionNumber)
		return version, err
	})
}

func (s *store) listVersions(ctx context.Context, elementType string, elementID int64, page httpapi.Page) ([]VersionSummary, error) {
	const columns = "SELECT element_type, element_id, script_id, version_number, created_at FROM element_versions"
	var where storage.Where
	where.And("element_type = ? AND element_id = ?", elementType, elementID)
	clause, arguments := where.Page("version_number", page.After, page.Limit)
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) ([]VersionSummary, error) {
		return storage.All(tx, columns+clause, arguments, func(row func(dest ...any) error, v *VersionSummary) error {
			var created int64
			err := row(&v.ElementType, &v.ElementID, &v.ScriptID, &v.VersionNumber, &created)
			v.CreatedAt = httpapi.Time(created)
			return err
		})
	})
}

// getVersion returns 404 if there is no such version, or if it is the original.
func (s *store) getVersion(ctx context.Context, elementType string, elementID, number int64) (Version, error) {
	const query = `SELECT script_id, data, created_at FROM element_versions
		WHERE element_type = $1 AND element_id = $2 AND version_number = $3`
	if number == 1 {
		return Version{}, notFound("original_version", fmt.Sprintf(
			"Version 1 of %s %d is its original, which its own service keeps; the versions kept here begin with 2.", elementType, elementID))
	}
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (Version, error) {
		version := Version{ElementType: elementType, ElementID: elementID, VersionNumber: number}
		var data string
		var created int64
		err := tx.QueryRow(query, []any{elementType, elementID, number}, &version.ScriptID, &data, &created)
		if storage.IsNoRows(err) {
			err = notFound("not_found", fmt.Sprintf("There is no version %d of %s %d.", number, elementType, elementID))
		}
		version.Data, version.CreatedAt = json.RawMessage(data), httpapi.Time(created)
		return version, err
	})
}
