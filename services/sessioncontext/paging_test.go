// Lists a page at a time.
package sessioncontext

import (
	"fmt"
	"net/url"
	"slices"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// numbered returns the items of a batch, count times item with its number.
func numbered(item string, count int) string {
	items := make([]string, count)
	for i := range items {
		items[i] = fmt.Sprintf(item, i+1)
	}
	return `{"items":[` + strings.Join(items, ",") + `]}`
}

func TestPages(t *testing.T) {
	s := apitest.Start(t, Definition())
	together(10, func(int) {
		for range 25 {
			s.Do("POST", "/sessions", `{"userId":7}`)
		}
	})
	s.Want(201, "POST", "/contexts/batch", numbered(`{"characterId":9,"scriptId":%d,"data":{}}`, 250))
	tests := []struct {
		path, id string
		sizes    []int
	}{
		{"/sessions", "sessionId", []int{100, 100, 50}},
		{"/sessions?userId=7&limit=125", "sessionId", []int{125, 125}},
		{"/sessions?limit=249", "sessionId", []int{249, 1}},
		{"/sessions?limit=1000", "sessionId", []int{250}},
		{"/sessions?ids=" + some(250) + "&limit=200", "sessionId", []int{200, 50}},
		{"/contexts", "contextId", []int{100, 100, 50}},
		{"/contexts?characterId=9", "contextId", []int{100, 100, 50}},
		{"/contexts?characterId=9&scriptId=1", "contextId", []int{1}},
	}
	for _, test := range tests {
		checkPages(t, pages(s, test.path), test.path, test.id, test.sizes)
	}
}

// checkPages requires pages of the sizes that hold the identifiers from 1 on.
func checkPages(t *testing.T, pages [][]map[string]any, path, id string, sizes []int) {
	t.Helper()
	var got []int
	var all []map[string]any
	for _, page := range pages {
		got = append(got, len(page))
		all = append(all, page...)
	}
	if !slices.Equal(got, sizes) {
		t.Errorf("%s: got pages of %v, want %v", path, got, sizes)
	}
	for i, found := range pick(all, id) {
		if found != int64(i)+1 {
			t.Fatalf("%s: item %d has %s %d", path, i+1, id, found)
		}
	}
}

// some returns the identifiers to count, separated by commas.
func some(count int) string {
	ids := make([]string, count)
	for i := range ids {
		ids[i] = fmt.Sprint(i + 1)
	}
	return strings.Join(ids, ",")
}

// What is created and deleted between two pages neither doubles nor hides
// another item.
func TestPagesWhileTheListChanges(t *testing.T) {
	s := apitest.Start(t, Definition())
	for range 6 {
		s.Want(201, "POST", "/sessions", `{"userId":7}`)
	}
	first := s.Want(200, "GET", "/sessions?limit=3", nil)
	s.Want(204, "DELETE", "/sessions/2", nil)
	s.Want(204, "DELETE", "/sessions/3", nil)
	s.Want(204, "DELETE", "/sessions/5", nil)
	s.Want(201, "POST", "/sessions", `{"userId":8}`)
	if got, want := collect(s, next(first), "sessionId"), []int64{4, 6, 7}; !slices.Equal(got, want) {
		t.Errorf("second page: got %v, want %v", got, want)
	}
}

// A cursor is good for the list and the filters it was made for, and only as
// it was made.
func TestForeignCursors(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/contexts/batch", numbered(`{"characterId":8,"scriptId":%d,"data":{}}`, 4))
	cursor := cursorOf(t, s.Want(200, "GET", "/contexts?characterId=8&limit=2", nil))
	for _, path := range []string{
		"/contexts?cursor=" + cursor, "/contexts?characterId=9&cursor=" + cursor, "/contexts?characterId=8&scriptId=1&cursor=" + cursor,
		"/contexts?characterId=8&ids=1&cursor=" + cursor, "/contexts?scriptId=8&cursor=" + cursor,
		"/sessions?cursor=" + cursor, "/sessions?userId=8&cursor=" + cursor,
	} {
		refused(t, s.Do("GET", path, nil), 400, "invalid_request", "query/cursor")
	}
	if got, want := collect(s, "/contexts?limit=1&characterId=8&cursor="+cursor, "contextId"), []int64{4}; !slices.Equal(got, want) {
		t.Errorf("with another limit: got %v, want %v", got, want)
	}
}

func TestTamperedCursors(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/sessions", newSession)
	cursor := cursorOf(t, s.Want(200, "GET", "/sessions?limit=1", nil))
	tampered := []string{"", "x", cursor[1:], cursor[:len(cursor)-1], cursor + "A", cursor + "=", strings.Repeat("A", 201)}
	for i := range cursor {
		other := byte('A')
		if cursor[i] == other {
			other = 'B'
		}
		tampered = append(tampered, cursor[:i]+string(other)+cursor[i+1:])
	}
	for _, bad := range tampered {
		refused(t, s.Do("GET", "/sessions?cursor="+bad, nil), 400, "invalid_request", "query/cursor")
	}
	s.Want(200, "GET", "/sessions?cursor="+cursor, nil)
}

func cursorOf(t *testing.T, a *apitest.Answer) string {
	t.Helper()
	link, err := url.Parse(next(a))
	if err != nil || link.Query().Get("cursor") == "" {
		t.Fatalf("no cursor in Link %q", a.Header.Get("Link"))
	}
	return link.Query().Get("cursor")
}
