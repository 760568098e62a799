// The operations on versions.
package centralsequence

import (
	"context"

	"fountain.coach/fountainai/internal/httpapi"
)

// versionETag is the entity tag of every version, since versions never change.
var versionETag = httpapi.ETag(1)

func (s *service) CreateVersion(ctx context.Context, r CreateVersionRequestObject) (CreateVersionResponseObject, error) {
	version, err := s.store.createVersion(ctx, *r.Body)
	return CreateVersion201JSONResponse{version, CreateVersion201ResponseHeaders{ETag: versionETag}}, err
}

func (s *service) ListVersions(ctx context.Context, r ListVersionsRequestObject) (ListVersionsResponseObject, error) {
	page := httpapi.PageOf(ctx)
	versions, err := s.store.listVersions(ctx, r.ElementType, r.ElementID, page)
	if err != nil {
		return nil, err
	}
	versions, next := httpapi.CutPage(page, versions, func(v VersionSummary) int64 { return v.VersionNumber })
	return ListVersions200JSONResponse{versions, ListVersions200ResponseHeaders{Link: next}}, nil
}

func (s *service) GetVersion(ctx context.Context, r GetVersionRequestObject) (GetVersionResponseObject, error) {
	version, err := s.store.getVersion(ctx, r.ElementType, r.ElementID, r.VersionNumber)
	return GetVersion200JSONResponse{version, GetVersion200ResponseHeaders{ETag: versionETag}}, err
}
