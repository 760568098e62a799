// Optimistic concurrency: entity tags made from revisions (RFC 9110, 8.8 and 13.1).
package httpapi

import (
	"net/http"
	"strconv"
	"strings"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

// ETag returns the strong entity tag of a resource at a revision.
func ETag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// CheckMatch compares an If-Match header, nil if absent, with the revision of
// the stored resource. The error is a 412 problem.
func CheckMatch(ifMatch *string, revision int64) error {
	if ifMatch == nil {
		return nil
	}
	current := ETag(revision)
	for _, tag := range strings.Split(*ifMatch, ",") {
		if tag = strings.TrimSpace(tag); tag == "*" || tag == current {
			return nil
		}
	}
	return problem.New(http.StatusPreconditionFailed, "precondition_failed",
		"The resource has changed since you read it: its ETag is now "+current+". Read it again and repeat the change on what you find.")
}
