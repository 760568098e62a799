// The operations on paraphrases.
package character

import (
	"context"

	"fountain.coach/fountainai/internal/httpapi"
)

func (s *service) ListCharacterParaphrases(ctx context.Context, r ListCharacterParaphrasesRequestObject) (ListCharacterParaphrasesResponseObject, error) {
	items, next, err := s.paraphrases(ctx, elementCharacter, r.CharacterID)
	return ListCharacterParaphrases200JSONResponse{items, ListCharacterParaphrases200ResponseHeaders{Link: next}}, err
}

func (s *service) ListActionParaphrases(ctx context.Context, r ListActionParaphrasesRequestObject) (ListActionParaphrasesResponseObject, error) {
	items, next, err := s.paraphrases(ctx, elementAction, r.ActionID)
	return ListActionParaphrases200JSONResponse{items, ListActionParaphrases200ResponseHeaders{Link: next}}, err
}

func (s *service) ListSpokenWordParaphrases(ctx context.Context, r ListSpokenWordParaphrasesRequestObject) (ListSpokenWordParaphrasesResponseObject, error) {
	items, next, err := s.paraphrases(ctx, elementSpokenWord, r.SpokenWordID)
	return ListSpokenWordParaphrases200JSONResponse{items, ListSpokenWordParaphrases200ResponseHeaders{Link: next}}, err
}

func (s *service) paraphrases(ctx context.Context, elementType string, id int64) ([]Paraphrase, *string, error) {
	page := httpapi.PageOf(ctx)
	rows, err := s.store.listParaphrases(ctx, elementType, id, page)
	if err != nil {
		return nil, nil, err
	}
	rows, next := httpapi.CutPage(page, rows, func(row paraphraseRow) int64 { return row.Value.ParaphraseID })
	return httpapi.Values(rows), next, nil
}

func (s *service) CreateCharacterParaphrase(ctx context.Context, r CreateCharacterParaphraseRequestObject) (CreateCharacterParaphraseResponseObject, error) {
	row, err := s.store.createParaphrase(ctx, elementCharacter, r.CharacterID, *r.Body)
	return CreateCharacterParaphrase201JSONResponse{row.Value, CreateCharacterParaphrase201ResponseHeaders{ETag: row.ETag()}}, err
}

func (s *service) CreateActionParaphrase(ctx context.Context, r CreateActionParaphraseRequestObject) (CreateActionParaphraseResponseObject, error) {
	row, err := s.store.createParaphrase(ctx, elementAction, r.ActionID, *r.Body)
	return CreateActionParaphrase201JSONResponse{row.Value, CreateActionParaphrase201ResponseHeaders{ETag: row.ETag()}}, err
}

func (s *service) CreateSpokenWordParaphrase(ctx context.Context, r CreateSpokenWordParaphraseRequestObject) (CreateSpokenWordParaphraseResponseObject, error) {
	row, err := s.store.createParaphrase(ctx, elementSpokenWord, r.SpokenWordID, *r.Body)
	return CreateSpokenWordParaphrase201JSONResponse{row.Value, CreateSpokenWordParaphrase201ResponseHeaders{ETag: row.ETag()}}, err
}

func (s *service) GetParaphrase(ctx context.Context, r GetParaphraseRequestObject) (GetParaphraseResponseObject, error) {
	row, err := s.store.getParaphrase(ctx, r.ParaphraseID)
	return GetParaphrase200JSONResponse{answerParaphrase(row)}, err
}

func (s *service) PatchParaphrase(ctx context.Context, r PatchParaphraseRequestObject) (PatchParaphraseResponseObject, error) {
	row, err := s.store.patchParaphrase(ctx, r.ParaphraseID, *r.Body, r.Params.IfMatch)
	return PatchParaphrase200JSONResponse{answerParaphrase(row)}, err
}

func answerParaphrase(row paraphraseRow) ParaphraseJSONResponse {
	return ParaphraseJSONResponse{row.Value, ParaphraseResponseHeaders{ETag: row.ETag()}}
}

func (s *service) DeleteParaphrase(ctx context.Context, r DeleteParaphraseRequestObject) (DeleteParaphraseResponseObject, error) {
	return DeleteParaphrase204Response{}, s.store.deleteParaphrase(ctx, r.ParaphraseID, r.Params.IfMatch)
}
