// Optimistic concurrency: entity tags made from revisions (RFC 9110, 8.8 and 13.1).
package httpapi

import (
	"net/http"
	"slices"
	"strconv"
	"strings"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

// ETag returns the strong entity tag of a resource at a revision.
func ETag(revision int64) string { return `"` + strconv.FormatInt(revision, 10) + `"` }

// CheckMatch compares an If-Match header, nil if absent, with the revision of
// the stored resource. The error is a 412 problem, or 400 if the header is not
// what RFC 9110 allows: a client whose tags lost their quotes should learn
// that, and not that the resource has changed.
func CheckMatch(ifMatch *string, revision int64) error {
	if ifMatch == nil || strings.Trim(*ifMatch, " \t") == "*" {
		return nil
	}
	tags, ok := entityTags(*ifMatch)
	if !ok {
		return Invalid("header/If-Match", `must be * or a list of entity tags in quotes, as "1", "2"`)
	}
	current := ETag(revision)
	// If-Match compares strongly, so a weak tag, W/"1", matches nothing.
	if slices.Contains(tags, current) {
		return nil
	}
	return problem.New(http.StatusPreconditionFailed, "precondition_failed",
		"The resource has changed since you read it: its ETag is now "+current+". Read it again and repeat the change on what you find.")
}

// entityTags splits a list of entity tags, each with its quotes and its W/ if
// it is weak. Empty elements are allowed between commas (RFC 9110, 5.6.1).
func entityTags(list string) (tags []string, ok bool) {
	for {
		list = strings.TrimLeft(list, " \t,")
		if list == "" {
			return tags, len(tags) > 0
		}
		length := entityTagLength(list)
		if length == 0 {
			return nil, false
		}
		tags = append(tags, list[:length])
		list = strings.TrimLeft(list[length:], " \t")
		if list != "" && list[0] != ',' {
			return nil, false
		}
	}
}

// entityTagLength returns how long the entity tag is that text begins with; 0
// if it begins with none.
func entityTagLength(text string) int {
	opaque, quoted := strings.CutPrefix(strings.TrimPrefix(text, "W/"), `"`)
	end := strings.IndexByte(opaque, '"')
	if !quoted || end < 0 {
		return 0
	}
	for _, c := range []byte(opaque[:end]) {
		if c <= ' ' || c == 0x7f {
			return 0
		}
	}
	return len(text) - len(opaque) + end + 1
}
