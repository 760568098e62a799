// The SQL of the session and context service: sessions.
package sessioncontext

import (
	"context"

	"github.com/oapi-codegen/nullable"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
)

// store keeps sessions and contexts. Its methods return 400, 404, 409 and 412
// problems as each says, and errors of the database.
type store struct{ db *storage.DB }

type (
	sessionRow = httpapi.Revised[Session]
	contextRow = httpapi.Revised[Context]
)

const sessionColumns = "SELECT session_id, user_id, context, created_at, updated_at, revision FROM sessions"

func scanSession(row func(dest ...any) error, s *sessionRow) error {
	var created, updated int64
	err := row(&s.Value.SessionID, &s.Value.UserID, &s.Value.Context, &created, &updated, &s.Revision)
	s.Value.CreatedAt, s.Value.UpdatedAt = httpapi.Time(created), httpapi.Time(updated)
	return err
}

func (s *store) listSessions(ctx context.Context, filter ListSessionsParams, page httpapi.Page) ([]sessionRow, error) {
	query, arguments := sessionsQuery(filter, page)
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) ([]sessionRow, error) {
		return storage.All(tx, query, arguments, scanSession)
	})
}

func sessionsQuery(filter ListSessionsParams, page httpapi.Page) (string, []any) {
	var where storage.Where
	where.Equal("user_id", filter.UserID)
	where.In("session_id", filter.Ids)
	clause, arguments := where.Page("session_id", page.After, page.Limit)
	return sessionColumns + clause, arguments
}

// getSession returns 404 if there is no such session.
func (s *store) getSession(ctx context.Context, id int64) (sessionRow, error) {
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (sessionRow, error) { return findSession(tx, id) })
}

func findSession(tx *storage.Tx, id int64) (sessionRow, error) {
	return httpapi.One(tx, "session", sessionColumns+" WHERE session_id = $1", id, scanSession)
}

func (s *store) createSession(ctx context.Context, item NewSession) (sessionRow, error) {
	const insert = `INSERT INTO sessions (user_id, context, created_at, updated_at)
		VALUES ($1, $2, $3, $3)`
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (sessionRow, error) {
		now := httpapi.Now()
		row := sessionRow{Revision: 1, Value: Session{
			UserID: item.UserID, CreatedAt: httpapi.Time(now), UpdatedAt: httpapi.Time(now),
		}}
		httpapi.Patch(&row.Value.Context, item.Context)
		err := tx.Insert(insert, "session_id", []any{item.UserID, row.Value.Context, now}, &row.Value.SessionID)
		return row, err
	})
}

// updateSession replaces the context; without one the session stays as it is.
// Errors are those of patchSession.
func (s *store) updateSession(ctx context.Context, id int64, update SessionUpdate, ifMatch *string) (sessionRow, error) {
	if update.Context == nil {
		return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (sessionRow, error) {
			return httpapi.Match(tx, findSession, id, ifMatch)
		})
	}
	return s.patchSession(ctx, id, SessionPatch{Context: nullable.NewNullableWithValue(*update.Context)}, ifMatch)
}

// patchSession returns 404 if there is no such session, 412 if it does not have
// the revision that ifMatch asks for.
func (s *store) patchSession(ctx context.Context, id int64, patch SessionPatch, ifMatch *string) (sessionRow, error) {
	const update = `UPDATE sessions SET user_id = $1, context = $2, updated_at = $3, revision = revision + 1
		WHERE session_id = $4`
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (sessionRow, error) {
		row, err := httpapi.Match(tx, findSession, id, ifMatch)
		if err != nil {
			return row, err
		}
		httpapi.Patch(&row.Value.UserID, patch.UserID)
		httpapi.PatchEmpty(&row.Value.Context, patch.Context)
		if _, err := tx.Exec(update, row.Value.UserID, row.Value.Context, httpapi.Now(), id); err != nil {
			return row, err
		}
		return findSession(tx, id)
	})
}

// deleteSession returns 404 if there is no such session, 412 if it does not
// have the revision that ifMatch asks for.
func (s *store) deleteSession(ctx context.Context, id int64, ifMatch *string) error {
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		if _, err := httpapi.Match(tx, findSession, id, ifMatch); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM sessions WHERE session_id = $1", id)
		return err
	})
}
