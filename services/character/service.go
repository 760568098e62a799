// Package character is the character service: characters, their actions and
// spoken words, and paraphrases of all three.
package character

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
	return httpapi.Definition{Name: "character", OpenAPI: openAPI, Migrations: files, Register: register}
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

func (s *service) ListCharacters(ctx context.Context, r ListCharactersRequestObject) (ListCharactersResponseObject, error) {
	page := httpapi.PageOf(ctx)
	rows, err := s.store.listCharacters(ctx, r.Params, page)
	if err != nil {
		return nil, err
	}
	rows, next := httpapi.CutPage(page, rows, func(row characterRow) int64 { return row.Value.CharacterID })
	return ListCharacters200JSONResponse{httpapi.Values(rows), ListCharacters200ResponseHeaders{Link: next}}, nil
}

func (s *service) CreateCharacter(ctx context.Context, r CreateCharacterRequestObject) (CreateCharacterResponseObject, error) {
	row, err := s.store.createCharacter(ctx, *r.Body)
	return CreateCharacter201JSONResponse{row.Value, CreateCharacter201ResponseHeaders{ETag: row.ETag()}}, err
}

func (s *service) CreateCharacters(ctx context.Context, r CreateCharactersRequestObject) (CreateCharactersResponseObject, error) {
	rows, err := s.store.createCharacters(ctx, r.Body.Items)
	return CreateCharacters201JSONResponse(httpapi.Values(rows)), err
}

func (s *service) GetCharacter(ctx context.Context, r GetCharacterRequestObject) (GetCharacterResponseObject, error) {
	row, err := s.store.getCharacter(ctx, r.CharacterID)
	return GetCharacter200JSONResponse{answerCharacter(row)}, err
}

func (s *service) PatchCharacter(ctx context.Context, r PatchCharacterRequestObject) (PatchCharacterResponseObject, error) {
	row, err := s.store.patchCharacter(ctx, r.CharacterID, *r.Body, r.Params.IfMatch)
	return PatchCharacter200JSONResponse{answerCharacter(row)}, err
}

func answerCharacter(row characterRow) CharacterJSONResponse {
	return CharacterJSONResponse{row.Value, CharacterResponseHeaders{ETag: row.ETag()}}
}

func (s *service) DeleteCharacter(ctx context.Context, r DeleteCharacterRequestObject) (DeleteCharacterResponseObject, error) {
	return DeleteCharacter204Response{}, s.store.deleteCharacter(ctx, r.CharacterID, r.Params.IfMatch)
}

func (s *service) ListActions(ctx context.Context, r ListActionsRequestObject) (ListActionsResponseObject, error) {
	page := httpapi.PageOf(ctx)
	rows, err := s.store.listActions(ctx, r.Params, page)
	if err != nil {
		return nil, err
	}
	rows, next := httpapi.CutPage(page, rows, func(row actionRow) int64 { return row.Value.ActionID })
	return ListActions200JSONResponse{httpapi.Values(rows), ListActions200ResponseHeaders{Link: next}}, nil
}

func (s *service) CreateAction(ctx context.Context, r CreateActionRequestObject) (CreateActionResponseObject, error) {
	row, err := s.store.createAction(ctx, *r.Body)
	return CreateAction201JSONResponse{row.Value, CreateAction201ResponseHeaders{ETag: row.ETag()}}, err
}

func (s *service) CreateActions(ctx context.Context, r CreateActionsRequestObject) (CreateActionsResponseObject, error) {
	rows, err := s.store.createActions(ctx, r.Body.Items)
	return CreateActions201JSONResponse(httpapi.Values(rows)), err
}

func (s *service) GetAction(ctx context.Context, r GetActionRequestObject) (GetActionResponseObject, error) {
	row, err := s.store.getAction(ctx, r.ActionID)
	return GetAction200JSONResponse{answerAction(row)}, err
}

func (s *service) PatchAction(ctx context.Context, r PatchActionRequestObject) (PatchActionResponseObject, error) {
	row, err := s.store.patchAction(ctx, r.ActionID, *r.Body, r.Params.IfMatch)
	return PatchAction200JSONResponse{answerAction(row)}, err
}

func answerAction(row actionRow) ActionJSONResponse {
	return ActionJSONResponse{row.Value, ActionResponseHeaders{ETag: row.ETag()}}
}

func (s *service) DeleteAction(ctx context.Context, r DeleteActionRequestObject) (DeleteActionResponseObject, error) {
	return DeleteAction204Response{}, s.store.deleteAction(ctx, r.ActionID, r.Params.IfMatch)
}

func (s *service) ListSpokenWords(ctx context.Context, r ListSpokenWordsRequestObject) (ListSpokenWordsResponseObject, error) {
	page := httpapi.PageOf(ctx)
	rows, err := s.store.listSpokenWords(ctx, r.Params, page)
	if err != nil {
		return nil, err
	}
	rows, next := httpapi.CutPage(page, rows, func(row spokenWordRow) int64 { return row.Value.DialogueID })
	return ListSpokenWords200JSONResponse{httpapi.Values(rows), ListSpokenWords200ResponseHeaders{Link: next}}, nil
}

func (s *service) CreateSpokenWord(ctx context.Context, r CreateSpokenWordRequestObject) (CreateSpokenWordResponseObject, error) {
	row, err := s.store.createSpokenWord(ctx, *r.Body)
	return CreateSpokenWord201JSONResponse{row.Value, CreateSpokenWord201ResponseHeaders{ETag: row.ETag()}}, err
}

func (s *service) CreateSpokenWords(ctx context.Context, r CreateSpokenWordsRequestObject) (CreateSpokenWordsResponseObject, error) {
	rows, err := s.store.createSpokenWords(ctx, r.Body.Items)
	return CreateSpokenWords201JSONResponse(httpapi.Values(rows)), err
}

func (s *service) GetSpokenWord(ctx context.Context, r GetSpokenWordRequestObject) (GetSpokenWordResponseObject, error) {
	row, err := s.store.getSpokenWord(ctx, r.SpokenWordID)
	return GetSpokenWord200JSONResponse{answerSpokenWord(row)}, err
}

func (s *service) PatchSpokenWord(ctx context.Context, r PatchSpokenWordRequestObject) (PatchSpokenWordResponseObject, error) {
	row, err := s.store.patchSpokenWord(ctx, r.SpokenWordID, *r.Body, r.Params.IfMatch)
	return PatchSpokenWord200JSONResponse{answerSpokenWord(row)}, err
}

func answerSpokenWord(row spokenWordRow) SpokenWordJSONResponse {
	return SpokenWordJSONResponse{row.Value, SpokenWordResponseHeaders{ETag: row.ETag()}}
}

func (s *service) DeleteSpokenWord(ctx context.Context, r DeleteSpokenWordRequestObject) (DeleteSpokenWordResponseObject, error) {
	return DeleteSpokenWord204Response{}, s.store.deleteSpokenWord(ctx, r.SpokenWordID, r.Params.IfMatch)
}
