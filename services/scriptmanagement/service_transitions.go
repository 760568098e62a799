// The operations on transitions.
package scriptmanagement

import (
	"context"

	"fountain.coach/fountainai/internal/httpapi"
)

func transition(row elementRow) Transition {
	e := row.Value
	return Transition{
		TransitionID: e.id, ScriptID: e.scriptID, Text: e.text, SequenceNumber: e.number,
		CreatedAt: e.createdAt, UpdatedAt: e.updatedAt,
	}
}

func answerTransition(row elementRow) TransitionJSONResponse {
	return TransitionJSONResponse{transition(row), TransitionResponseHeaders{ETag: row.ETag()}}
}

func newTransition(item NewTransition) newElement {
	return newElement{text: item.Text, number: item.SequenceNumber}
}

func (s *service) ListTransitions(ctx context.Context, r ListTransitionsRequestObject) (ListTransitionsResponseObject, error) {
	items, next, err := elements(ctx, s, transitions, r.ScriptID, r.Params.Ids, transition)
	return ListTransitions200JSONResponse{items, ListTransitions200ResponseHeaders{Link: next}}, err
}

func (s *service) AddTransition(ctx context.Context, r AddTransitionRequestObject) (AddTransitionResponseObject, error) {
	row, err := s.store.addElement(ctx, transitions, r.ScriptID, newTransition(*r.Body))
	return AddTransition201JSONResponse{transition(row), AddTransition201ResponseHeaders{ETag: row.ETag()}}, err
}

func (s *service) AddTransitions(ctx context.Context, r AddTransitionsRequestObject) (AddTransitionsResponseObject, error) {
	rows, err := s.store.addElements(ctx, transitions, r.ScriptID, converted(r.Body.Items, newTransition))
	return AddTransitions201JSONResponse(converted(rows, transition)), err
}

func (s *service) GetTransition(ctx context.Context, r GetTransitionRequestObject) (GetTransitionResponseObject, error) {
	row, err := s.store.getElement(ctx, transitions, place{r.ScriptID, r.TransitionID})
	return GetTransition200JSONResponse{answerTransition(row)}, err
}

func (s *service) PatchTransition(ctx context.Context, r PatchTransitionRequestObject) (PatchTransitionResponseObject, error) {
	patch := elementPatch{text: r.Body.Text, number: r.Body.SequenceNumber}
	row, err := s.store.patchElement(ctx, transitions, place{r.ScriptID, r.TransitionID}, patch, r.Params.IfMatch)
	return PatchTransition200JSONResponse{answerTransition(row)}, err
}

func (s *service) DeleteTransition(ctx context.Context, r DeleteTransitionRequestObject) (DeleteTransitionResponseObject, error) {
	return DeleteTransition204Response{}, s.store.deleteElement(ctx, transitions, place{r.ScriptID, r.TransitionID}, r.Params.IfMatch)
}

func (s *service) ReorderTransitions(ctx context.Context, r ReorderTransitionsRequestObject) (ReorderTransitionsResponseObject, error) {
	moves := converted(r.Body.Elements, func(m TransitionMove) httpapi.Move {
		return httpapi.Move{ID: m.TransitionID, Number: m.NewSequence}
	})
	return ReorderTransitions200JSONResponse{reordered}, s.store.reorderElements(ctx, transitions, r.ScriptID, moves)
}
