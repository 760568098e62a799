// Package storyfactory is the Story Factory: it keeps the flow of stories and
// assembles them from what the other services hold.
package storyfactory

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"
	"net/http"

	"github.com/gorilla/mux"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/problem"
)

//go:embed openapi.yaml
var openAPI []byte

//go:embed migrations/*.sql
var migrations embed.FS

// Definition returns what httpapi needs to run the service. peers is read when
// the service starts.
func Definition(peers *Peers) httpapi.Definition {
	files, err := fs.Sub(migrations, "migrations")
	if err != nil {
		panic(err) // the folder is part of the binary
	}
	return httpapi.Definition{
		Name: "storyfactory", OpenAPI: openAPI, Migrations: files,
		Register: func(router *mux.Router, deps httpapi.Dependencies) { register(router, deps, *peers) },
	}
}

func register(router *mux.Router, deps httpapi.Dependencies, peers Peers) {
	s := &store{db: deps.DB}
	handlers := &service{store: s, refresher: newRefresher(s, peers, deps.Logger)}
	strict := NewStrictHandlerWithOptions(handlers, nil, StrictHTTPServerOptions{
		RequestErrorHandlerFunc: deps.HandleError, ResponseErrorHandlerFunc: deps.HandleError,
	})
	HandlerWithOptions(strict, GorillaServerOptions{BaseRouter: router, ErrorHandlerFunc: deps.HandleError})
}

// service answers the operations of openapi.yaml; requests reach it validated.
type service struct {
	store     *store
	refresher *refresher
}

var _ StrictServerInterface = (*service)(nil)

func notFound(detail string) error { return problem.New(http.StatusNotFound, "not_found", detail) }

func isNotFound(err error) bool {
	var p *problem.Problem
	return errors.As(err, &p) && p.Status == http.StatusNotFound
}

func (s *service) GetFullStory(ctx context.Context, r GetFullStoryRequestObject) (GetFullStoryResponseObject, error) {
	story, freshness, err := s.refresher.read(ctx, r.Params.ScriptID, whole)
	if err != nil {
		return nil, err
	}
	head := story.head
	return GetFullStory200JSONResponse{
		ScriptID: head.ScriptID, Title: head.Title, Author: head.Author, Description: head.Description,
		Complete: head.Complete, Assembled: head.assembled, TitlePage: head.TitlePage,
		Sections: mergeSections(head.ScriptID, story.elements, story.sections),
		Story:    httpapi.Values(story.elements), Orchestration: head.Orchestration, Freshness: freshness,
	}, nil
}

func (s *service) GetStorySequences(ctx context.Context, r GetStorySequencesRequestObject) (GetStorySequencesResponseObject, error) {
	if r.Params.EndSequence < r.Params.StartSequence {
		return nil, httpapi.Invalid("query/endSequence", fmt.Sprintf("must be at least startSequence, %d", r.Params.StartSequence))
	}
	part := span{r.Params.StartSequence, r.Params.EndSequence}
	story, freshness, err := s.refresher.read(ctx, r.Params.ScriptID, part)
	return GetStorySequences200JSONResponse{
		ScriptID: r.Params.ScriptID, Sequences: httpapi.Values(story.elements), Freshness: freshness,
	}, err
}

func (s *service) GetStory(ctx context.Context, r GetStoryRequestObject) (GetStoryResponseObject, error) {
	row, err := s.store.getStory(ctx, r.ScriptID)
	return GetStory200JSONResponse{answerStory(row)}, err
}

func (s *service) PutStory(ctx context.Context, r PutStoryRequestObject) (PutStoryResponseObject, error) {
	row, created, err := s.store.putStory(ctx, r.ScriptID, *r.Body, r.Params.IfMatch)
	if created {
		return PutStory201JSONResponse{row.Value.Story, PutStory201ResponseHeaders{ETag: row.ETag()}}, err
	}
	return PutStory200JSONResponse{answerStory(row)}, err
}

func (s *service) PatchStory(ctx context.Context, r PatchStoryRequestObject) (PatchStoryResponseObject, error) {
	row, err := s.store.patchStory(ctx, r.ScriptID, *r.Body, r.Params.IfMatch)
	return PatchStory200JSONResponse{answerStory(row)}, err
}

func answerStory(row storyRow) StoryJSONResponse {
	return StoryJSONResponse{row.Value.Story, StoryResponseHeaders{ETag: row.ETag()}}
}

func (s *service) DeleteStory(ctx context.Context, r DeleteStoryRequestObject) (DeleteStoryResponseObject, error) {
	return DeleteStory204Response{}, s.store.deleteStory(ctx, r.ScriptID, r.Params.IfMatch)
}

func (s *service) ListStoryElements(ctx context.Context, r ListStoryElementsRequestObject) (ListStoryElementsResponseObject, error) {
	page := httpapi.PageOf(ctx)
	rows, err := s.store.listElements(ctx, r.ScriptID, page)
	if err != nil {
		return nil, err
	}
	rows, next := httpapi.CutPage(page, rows, func(row elementRow) int64 { return row.Value.Sequence })
	return ListStoryElements200JSONResponse{httpapi.Values(rows), ListStoryElements200ResponseHeaders{Link: next}}, nil
}

func (s *service) CreateStoryElement(ctx context.Context, r CreateStoryElementRequestObject) (CreateStoryElementResponseObject, error) {
	row, err := s.store.createElement(ctx, r.ScriptID, *r.Body)
	return CreateStoryElement201JSONResponse{answerElement(row)}, err
}

func (s *service) CreateStoryElements(ctx context.Context, r CreateStoryElementsRequestObject) (CreateStoryElementsResponseObject, error) {
	rows, err := s.store.createElements(ctx, r.ScriptID, r.Body.Items)
	return CreateStoryElements201JSONResponse(httpapi.Values(rows)), err
}

// reordered is what every service answers to a reorder.
var reordered = ReorderedJSONResponse{Message: "Reorder successful."}

func (s *service) ReorderStoryElements(ctx context.Context, r ReorderStoryElementsRequestObject) (ReorderStoryElementsResponseObject, error) {
	moves := make([]httpapi.Move, len(r.Body.Elements))
	for i, move := range r.Body.Elements {
		moves[i] = httpapi.Move{ID: move.ElementID, Number: move.NewSequence}
	}
	err := s.store.reorderElements(ctx, r.ScriptID, moves)
	return ReorderStoryElements200JSONResponse{reordered}, err
}

func (s *service) GetStoryElement(ctx context.Context, r GetStoryElementRequestObject) (GetStoryElementResponseObject, error) {
	row, err := s.store.getElement(ctx, place{r.ScriptID, r.ElementID})
	return GetStoryElement200JSONResponse{answerElement(row)}, err
}

func (s *service) PatchStoryElement(ctx context.Context, r PatchStoryElementRequestObject) (PatchStoryElementResponseObject, error) {
	row, err := s.store.patchElement(ctx, place{r.ScriptID, r.ElementID}, *r.Body, r.Params.IfMatch)
	return PatchStoryElement200JSONResponse{answerElement(row)}, err
}

func answerElement(row elementRow) StoryElementJSONResponse {
	return StoryElementJSONResponse{row.Value, StoryElementResponseHeaders{ETag: row.ETag()}}
}

func (s *service) DeleteStoryElement(ctx context.Context, r DeleteStoryElementRequestObject) (DeleteStoryElementResponseObject, error) {
	return DeleteStoryElement204Response{}, s.store.deleteElement(ctx, place{r.ScriptID, r.ElementID}, r.Params.IfMatch)
}
