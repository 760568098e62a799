// Package scriptmanagement is the core script management service: scripts, and
// the section headings and transitions that they consist of.
package scriptmanagement

import (
	"context"
	"embed"
	"io/fs"

	"github.com/gorilla/mux"
	"github.com/oapi-codegen/nullable"

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
	return httpapi.Definition{Name: "scriptmanagement", OpenAPI: openAPI, Migrations: files, Register: register}
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

func (s *service) ListScripts(ctx context.Context, r ListScriptsRequestObject) (ListScriptsResponseObject, error) {
	page := httpapi.PageOf(ctx)
	rows, err := s.store.listScripts(ctx, r.Params, page)
	if err != nil {
		return nil, err
	}
	rows, next := httpapi.CutPage(page, rows, func(row scriptRow) int64 { return row.Value.ScriptID })
	return ListScripts200JSONResponse{httpapi.Values(rows), ListScripts200ResponseHeaders{Link: next}}, nil
}

func (s *service) CreateScript(ctx context.Context, r CreateScriptRequestObject) (CreateScriptResponseObject, error) {
	row, err := s.store.createScript(ctx, *r.Body)
	return CreateScript201JSONResponse{row.Value, CreateScript201ResponseHeaders{ETag: row.ETag()}}, err
}

func (s *service) GetScript(ctx context.Context, r GetScriptRequestObject) (GetScriptResponseObject, error) {
	row, err := s.store.getScript(ctx, r.ScriptID)
	return GetScript200JSONResponse{answerScript(row)}, err
}

func (s *service) UpdateScript(ctx context.Context, r UpdateScriptRequestObject) (UpdateScriptResponseObject, error) {
	patch := ScriptPatch{Title: r.Body.Title, Author: given(r.Body.Author), Description: given(r.Body.Description)}
	row, err := s.store.patchScript(ctx, r.ScriptID, patch, r.Params.IfMatch)
	return UpdateScript200JSONResponse{answerScript(row)}, err
}

// given turns a member that is set or absent into one that might be null too.
func given(value *string) nullable.Nullable[string] {
	if value == nil {
		return nil
	}
	return nullable.NewNullableWithValue(*value)
}

func (s *service) PatchScript(ctx context.Context, r PatchScriptRequestObject) (PatchScriptResponseObject, error) {
	row, err := s.store.patchScript(ctx, r.ScriptID, *r.Body, r.Params.IfMatch)
	return PatchScript200JSONResponse{answerScript(row)}, err
}

func answerScript(row scriptRow) ScriptJSONResponse {
	return ScriptJSONResponse{row.Value, ScriptResponseHeaders{ETag: row.ETag()}}
}

func (s *service) DeleteScript(ctx context.Context, r DeleteScriptRequestObject) (DeleteScriptResponseObject, error) {
	return DeleteScript204Response{}, s.store.deleteScript(ctx, r.ScriptID, r.Params.IfMatch)
}

// elements returns a page of a script's elements, each turned by convert into
// what the answer holds, and the Link header of the next page.
func elements[T any](ctx context.Context, s *service, k kind, scriptID int64, ids *[]int64, convert func(elementRow) T) ([]T, *string, error) {
	page := httpapi.PageOf(ctx)
	rows, err := s.store.listElements(ctx, k, scriptID, ids, page)
	if err != nil {
		return nil, nil, err
	}
	rows, next := httpapi.CutPage(page, rows, func(row elementRow) int64 { return row.Value.number })
	return converted(rows, convert), next, nil
}

func converted[In, Out any](items []In, convert func(In) Out) []Out {
	results := make([]Out, len(items))
	for i, item := range items {
		results[i] = convert(item)
	}
	return results
}

// reordered is what v1 answers to a reorder.
var reordered = ReorderedJSONResponse{Message: "Reorder successful."}
