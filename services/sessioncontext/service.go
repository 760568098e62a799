// Package sessioncontext is the session and context service: sessions of users,
// and contexts of characters.
package sessioncontext

import (
	"context"
	"embed"
	"io/fs"

	"github.com/gorilla/mux"

	"fountain.coach/fountainai/internal/httpapi"
)

//go:embed openapi.yaml
var openAPI []byte

//go:embed migrations/*.sql
var migrations embed.FS

// Definition returns what httpapi needs to run the service.
func Definition() httpapi.Definition {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is part of the binary
	}
	return httpapi.Definition{Name: "sessioncontext", OpenAPI: openAPI, Migrations: files, Register: register}
}

func register(router *mux.Router, deps httpapi.Dependencies) {
	handlers := &service{store: &store{db: deps.DB}}
	strict := NewStrictHandlerWithOptions(handlers, nil, StrictHTTPServerOptions{
		RequestErrorHandlerFunc: deps.HandleError, ResponseErrorHandlerFunc: deps.HandleError,
	})
	HandlerWithOptions(strict, GorillaServerOptions{BaseRouter: router, ErrorHandlerFunc: deps.HandleError})
}

// service answers the operations of openapi.yaml; requests reach it validated.
type service struct{ store *store }

var _ StrictServerInterface = (*service)(nil)

func (s *service) ListSessions(ctx context.Context, r ListSessionsRequestObject) (ListSessionsResponseObject, error) {
	page := httpapi.PageOf(ctx)
	rows, err := s.store.listSessions(ctx, r.Params, page)
	if err != nil {
		return nil, err
	}
	rows, next := httpapi.CutPage(page, rows, func(row sessionRow) int64 { return row.Value.SessionID })
	return ListSessions200JSONResponse{httpapi.Values(rows), ListSessions200ResponseHeaders{Link: next}}, nil
}

func (s *service) CreateSession(ctx context.Context, r CreateSessionRequestObject) (CreateSessionResponseObject, error) {
	row, err := s.store.createSession(ctx, *r.Body)
	return CreateSession201JSONResponse{row.Value, CreateSession201ResponseHeaders{ETag: row.ETag()}}, err
}

func (s *service) GetSession(ctx context.Context, r GetSessionRequestObject) (GetSessionResponseObject, error) {
	row, err := s.store.getSession(ctx, r.SessionID)
	return GetSession200JSONResponse{answerSession(row)}, err
}

func (s *service) UpdateSession(ctx context.Context, r UpdateSessionRequestObject) (UpdateSessionResponseObject, error) {
	row, err := s.store.updateSession(ctx, r.SessionID, *r.Body, r.Params.IfMatch)
	return UpdateSession200JSONResponse{answerSession(row)}, err
}

func (s *service) PatchSession(ctx context.Context, r PatchSessionRequestObject) (PatchSessionResponseObject, error) {
	row, err := s.store.patchSession(ctx, r.SessionID, *r.Body, r.Params.IfMatch)
	return PatchSession200JSONResponse{answerSession(row)}, err
}

func answerSession(row sessionRow) SessionJSONResponse {
	return SessionJSONResponse{row.Value, SessionResponseHeaders{ETag: row.ETag()}}
}

func (s *service) DeleteSession(ctx context.Context, r DeleteSessionRequestObject) (DeleteSessionResponseObject, error) {
	return DeleteSession204Response{}, s.store.deleteSession(ctx, r.SessionID, r.Params.IfMatch)
}

func (s *service) GetSessionContext(ctx context.Context, r GetSessionContextRequestObject) (GetSessionContextResponseObject, error) {
	row, err := s.store.getSession(ctx, r.SessionID)
	answer := SessionContext{SessionID: row.Value.SessionID, Context: row.Value.Context}
	return GetSessionContext200JSONResponse{answer, GetSessionContext200ResponseHeaders{ETag: row.ETag()}}, err
}

func (s *service) ListContexts(ctx context.Context, r ListContextsRequestObject) (ListContextsResponseObject, error) {
	page := httpapi.PageOf(ctx)
	rows, err := s.store.listContexts(ctx, r.Params, page)
	if err != nil {
		return nil, err
	}
	rows, next := httpapi.CutPage(page, rows, func(row contextRow) int64 { return row.Value.ContextID })
	return ListContexts200JSONResponse{httpapi.Values(rows), ListContexts200ResponseHeaders{Link: next}}, nil
}

func (s *service) CreateContext(ctx context.Context, r CreateContextRequestObject) (CreateContextResponseObject, error) {
	row, err := s.store.createContext(ctx, *r.Body)
	return CreateContext201JSONResponse{row.Value, CreateContext201ResponseHeaders{ETag: row.ETag()}}, err
}

func (s *service) CreateContexts(ctx context.Context, r CreateContextsRequestObject) (CreateContextsResponseObject, error) {
	rows, err := s.store.createContexts(ctx, r.Body.Items)
	return CreateContexts201JSONResponse(httpapi.Values(rows)), err
}

func (s *service) GetContext(ctx context.Context, r GetContextRequestObject) (GetContextResponseObject, error) {
	row, err := s.store.getContext(ctx, r.ContextID)
	return GetContext200JSONResponse{answerContext(row)}, err
}

func (s *service) PatchContext(ctx context.Context, r PatchContextRequestObject) (PatchContextResponseObject, error) {
	row, err := s.store.patchContext(ctx, r.ContextID, *r.Body, r.Params.IfMatch)
	return PatchContext200JSONResponse{answerContext(row)}, err
}

func answerContext(row contextRow) ContextJSONResponse {
	return ContextJSONResponse{row.Value, ContextResponseHeaders{ETag: row.ETag()}}
}

func (s *service) DeleteContext(ctx context.Context, r DeleteContextRequestObject) (DeleteContextResponseObject, error) {
	return DeleteContext204Response{}, s.store.deleteContext(ctx, r.ContextID, r.Params.IfMatch)
}
