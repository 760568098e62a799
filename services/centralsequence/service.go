// Package centralsequence is the central sequence service: it numbers the
// elements of stories, reorders them, and keeps their versions.
package centralsequence

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
	return httpapi.Definition{Name: "centralsequence", OpenAPI: openAPI, Migrations: files, Register: register}
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

func (s *service) ListSequence(ctx context.Context, r ListSequenceRequestObject) (ListSequenceResponseObject, error) {
	page := httpapi.PageOf(ctx)
	rows, err := s.store.listElements(ctx, r.Params, page)
	if err != nil {
		return nil, err
	}
	rows, next := httpapi.CutPage(page, rows, func(row elementRow) int64 { return row.Value.SequenceNumber })
	return ListSequence200JSONResponse{httpapi.Values(rows), ListSequence200ResponseHeaders{Link: next}}, nil
}

func (s *service) GenerateSequenceNumber(ctx context.Context, r GenerateSequenceNumberRequestObject) (GenerateSequenceNumberResponseObject, error) {
	row, err := s.store.numberElement(ctx, *r.Body)
	return GenerateSequenceNumber201JSONResponse{row.Value, GenerateSequenceNumber201ResponseHeaders{ETag: row.ETag()}}, err
}

func (s *service) GenerateSequenceNumbers(ctx context.Context, r GenerateSequenceNumbersRequestObject) (GenerateSequenceNumbersResponseObject, error) {
	rows, err := s.store.numberElements(ctx, r.Body.Items)
	return GenerateSequenceNumbers201JSONResponse(httpapi.Values(rows)), err
}

// reordered is what v1 answers to a reorder.
var reordered = ReorderedJSONResponse{Message: "Reorder successful."}

func (s *service) ReorderElements(ctx context.Context, r ReorderElementsRequestObject) (ReorderElementsResponseObject, error) {
	err := s.store.reorderElements(ctx, reorderOf(*r.Body))
	return ReorderElements200JSONResponse{reordered}, err
}

func (s *service) GetSequenceNumber(ctx context.Context, r GetSequenceNumberRequestObject) (GetSequenceNumberResponseObject, error) {
	row, err := s.store.getElement(ctx, placeOf(r.ElementType, r.ElementID, r.Params.ScriptID))
	return GetSequenceNumber200JSONResponse{answerElement(row)}, err
}

func (s *service) PatchSequenceNumber(ctx context.Context, r PatchSequenceNumberRequestObject) (PatchSequenceNumberResponseObject, error) {
	row, err := s.store.patchElement(ctx, placeOf(r.ElementType, r.ElementID, r.Params.ScriptID), *r.Body, r.Params.IfMatch)
	return PatchSequenceNumber200JSONResponse{answerElement(row)}, err
}

func answerElement(row elementRow) ElementJSONResponse {
	return ElementJSONResponse{row.Value, ElementResponseHeaders{ETag: row.ETag()}}
}

func (s *service) DeleteSequenceNumber(ctx context.Context, r DeleteSequenceNumberRequestObject) (DeleteSequenceNumberResponseObject, error) {
	err := s.store.deleteElement(ctx, placeOf(r.ElementType, r.ElementID, r.Params.ScriptID), r.Params.IfMatch)
	return DeleteSequenceNumber204Response{}, err
}
