// Lists, and numbers in line.
package apitest

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
)

// Column returns one member of each item of the list at path, in order with a
// space between.
func (s *Service) Column(path, member string) string {
	s.t.Helper()
	return s.Want(http.StatusOK, http.MethodGet, path, nil).Column(member)
}

// Pages follows a list from path to its end and returns one member of each
// item, in order with a space between, page by page.
func (s *Service) Pages(path, member string) []string {
	s.t.Helper()
	var pages []string
	for path != "" {
		page := s.Want(http.StatusOK, http.MethodGet, path, nil)
		pages = append(pages, page.Column(member))
		path = page.Next()
	}
	return pages
}

// WantPages fails the test unless the list at path holds count items, on pages
// of limit, of which one member begins with first and goes on by step.
func (s *Service) WantPages(path, member string, first, step, count, limit int) {
	s.t.Helper()
	var want []string
	for page := range slices.Chunk(numbers(first, step, count), limit) {
		want = append(want, strings.Join(page, " "))
	}
	if got := s.Pages(path, member); !slices.Equal(got, want) {
		s.t.Errorf("%s: got pages of %s\n%s\nwant\n%s", path, member, strings.Join(got, "\n"), strings.Join(want, "\n"))
	}
}

func numbers(first, step, count int) []string {
	all := make([]string, count)
	for i := range all {
		all[i] = fmt.Sprint(first + i*step)
	}
	return all
}

// Identifiers returns the identifiers from 1 to count, separated by commas.
func Identifiers(count int) string { return strings.Join(numbers(1, 1, count), ",") }

// Items returns the body of a batch: count times item, a format for its number.
func Items(item string, count int) string {
	items := make([]string, count)
	for i := range items {
		items[i] = fmt.Sprintf(item, i+1)
	}
	return `{"items":[` + strings.Join(items, ",") + `]}`
}

// Gapless fails the test unless numbers are those from first on, count of them
// and each once, in whatever order.
func Gapless(t testing.TB, numbers []int64, first int64, count int) {
	t.Helper()
	if len(numbers) != count {
		t.Fatalf("got %d numbers, want %d", len(numbers), count)
	}
	for i, number := range slices.Sorted(slices.Values(numbers)) {
		if want := first + int64(i); number != want {
			t.Fatalf("in order, place %d has number %d, want %d: %v", i+1, number, want, numbers)
		}
	}
}
