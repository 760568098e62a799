// The operations on section headings.
package scriptmanagement

import (
	"context"

	"fountain.coach/fountainai/internal/httpapi"
)

func sectionHeading(row elementRow) SectionHeading {
	e := row.Value
	return SectionHeading{
		HeadingID: e.id, ScriptID: e.scriptID, Title: e.text, SequenceNumber: e.number,
		CreatedAt: e.createdAt, UpdatedAt: e.updatedAt,
	}
}

func answerSectionHeading(row elementRow) SectionHeadingJSONResponse {
	return SectionHeadingJSONResponse{sectionHeading(row), SectionHeadingResponseHeaders{ETag: row.ETag()}}
}

func newSectionHeading(item NewSectionHeading) newElement {
	return newElement{text: item.Title, number: item.SequenceNumber}
}

func (s *service) ListSectionHeadings(ctx context.Context, r ListSectionHeadingsRequestObject) (ListSectionHeadingsResponseObject, error) {
	items, next, err := elements(ctx, s, sectionHeadings, r.ScriptID, r.Params.Ids, sectionHeading)
	return ListSectionHeadings200JSONResponse{items, ListSectionHeadings200ResponseHeaders{Link: next}}, err
}

func (s *service) AddSectionHeading(ctx context.Context, r AddSectionHeadingRequestObject) (AddSectionHeadingResponseObject, error) {
	row, err := s.store.addElement(ctx, sectionHeadings, r.ScriptID, newSectionHeading(*r.Body))
	return AddSectionHeading201JSONResponse{sectionHeading(row), AddSectionHeading201ResponseHeaders{ETag: row.ETag()}}, err
}

func (s *service) AddSectionHeadings(ctx context.Context, r AddSectionHeadingsRequestObject) (AddSectionHeadingsResponseObject, error) {
	rows, err := s.store.addElements(ctx, sectionHeadings, r.ScriptID, converted(r.Body.Items, newSectionHeading))
	return AddSectionHeadings201JSONResponse(converted(rows, sectionHeading)), err
}

func (s *service) GetSectionHeading(ctx context.Context, r GetSectionHeadingRequestObject) (GetSectionHeadingResponseObject, error) {
	row, err := s.store.getElement(ctx, sectionHeadings, place{r.ScriptID, r.HeadingID})
	return GetSectionHeading200JSONResponse{answerSectionHeading(row)}, err
}

func (s *service) UpdateSectionHeading(ctx context.Context, r UpdateSectionHeadingRequestObject) (UpdateSectionHeadingResponseObject, error) {
	patch := elementPatch{text: r.Body.Title}
	row, err := s.store.patchElement(ctx, sectionHeadings, place{r.ScriptID, r.Params.HeadingID}, patch, r.Params.IfMatch)
	return UpdateSectionHeading200JSONResponse{answerSectionHeading(row)}, err
}

func (s *service) ReplaceSectionHeading(ctx context.Context, r ReplaceSectionHeadingRequestObject) (ReplaceSectionHeadingResponseObject, error) {
	patch := elementPatch{text: r.Body.Title}
	row, err := s.store.patchElement(ctx, sectionHeadings, place{r.ScriptID, r.HeadingID}, patch, r.Params.IfMatch)
	return ReplaceSectionHeading200JSONResponse{answerSectionHeading(row)}, err
}

func (s *service) PatchSectionHeading(ctx context.Context, r PatchSectionHeadingRequestObject) (PatchSectionHeadingResponseObject, error) {
	patch := elementPatch{text: r.Body.Title, number: r.Body.SequenceNumber}
	row, err := s.store.patchElement(ctx, sectionHeadings, place{r.ScriptID, r.HeadingID}, patch, r.Params.IfMatch)
	return PatchSectionHeading200JSONResponse{answerSectionHeading(row)}, err
}

func (s *service) DeleteSectionHeading(ctx context.Context, r DeleteSectionHeadingRequestObject) (DeleteSectionHeadingResponseObject, error) {
	return DeleteSectionHeading204Response{}, s.store.deleteElement(ctx, sectionHeadings, place{r.ScriptID, r.HeadingID}, r.Params.IfMatch)
}

func (s *service) ReorderSectionHeadings(ctx context.Context, r ReorderSectionHeadingsRequestObject) (ReorderSectionHeadingsResponseObject, error) {
	moves := converted(r.Body.Elements, func(m SectionHeadingMove) httpapi.Move {
		return httpapi.Move{ID: m.HeadingID, Number: m.NewSequence}
	})
	return ReorderSectionHeadings200JSONResponse{reordered}, s.store.reorderElements(ctx, sectionHeadings, r.ScriptID, moves)
}
