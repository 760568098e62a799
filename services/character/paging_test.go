// Lists a page at a time.
package character

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
	s.Want(201, "POST", "/characters/batch", numbered(`{"name":"Citizen","description":"Number %d."}`, 250))
	s.Want(201, "POST", "/actions/batch", numbered(`{"description":"Step %d.","scriptId":1,"characterId":1}`, 250))
	s.Want(201, "POST", "/spokenWords/batch", numbered(`{"text":"Word %d.","scriptId":1}`, 250))
	together(10, func(int) {
		for range 25 {
			s.Do("POST", "/actions/1/paraphrases", `{"originalId":1,"text":"Other words.","commentary":""}`)
		}
	})
	tests := []struct {
		path, id string
		sizes    []int
	}{
		{"/characters", "characterId", []int{100, 100, 50}},
		{"/characters?name=Citizen&limit=125", "characterId", []int{125, 125}},
		{"/characters?limit=249", "characterId", []int{249, 1}},
		{"/characters?limit=1000", "characterId", []int{250}},
		{"/characters?ids=" + some(250) + "&limit=200", "characterId", []int{200, 50}},
		{"/actions", "actionId", []int{100, 100, 50}},
		{"/actions?scriptId=1&characterId=1", "actionId", []int{100, 100, 50}},
		{"/actions?characterId=1", "actionId", []int{100, 100, 50}},
		{"/spokenWords?scriptId=1", "dialogueId", []int{100, 100, 50}},
		{"/actions/1/paraphrases", "paraphraseId", []int{100, 100, 50}},
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
	s.Want(201, "POST", "/characters/batch", numbered(`{"name":"Citizen %d","description":""}`, 6))
	first := s.Want(200, "GET", "/characters?limit=3", nil)
	s.Want(204, "DELETE", "/characters/2", nil)
	s.Want(204, "DELETE", "/characters/3", nil)
	s.Want(204, "DELETE", "/characters/5", nil)
	s.Want(201, "POST", "/characters", `{"name":"Citizen 7","description":""}`)
	if got, want := collect(s, next(first), "characterId"), []int64{4, 6, 7}; !slices.Equal(got, want) {
		t.Errorf("second page: got %v, want %v", got, want)
	}
}

// A cursor is good for the list and the filters it was made for, and only as
// it was made.
func TestForeignCursors(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/actions/batch", numbered(`{"description":"Step %d.","scriptId":1,"characterId":1}`, 4))
	s.Want(201, "POST", "/actions/1/paraphrases", `{"originalId":1,"text":"Other words.","commentary":""}`)
	s.Want(201, "POST", "/actions/1/paraphrases", `{"originalId":1,"text":"Yet others.","commentary":""}`)
	cursor := cursorOf(t, s.Want(200, "GET", "/actions?scriptId=1&limit=2", nil))
	paraphrases := cursorOf(t, s.Want(200, "GET", "/actions/1/paraphrases?limit=1", nil))
	for _, path := range []string{
		"/actions?cursor=" + cursor, "/actions?scriptId=2&cursor=" + cursor, "/actions?scriptId=1&characterId=1&cursor=" + cursor,
		"/actions?scriptId=1&ids=1&cursor=" + cursor, "/actions?characterId=1&cursor=" + cursor,
		"/spokenWords?scriptId=1&cursor=" + cursor, "/characters?cursor=" + cursor,
		"/actions/2/paraphrases?cursor=" + paraphrases, "/characters/1/paraphrases?cursor=" + paraphrases,
	} {
		refused(t, s.Do("GET", path, nil), 400, "invalid_request", "query/cursor")
	}
	if got, want := collect(s, "/actions?limit=1&scriptId=1&cursor="+cursor, "actionId"), []int64{4}; !slices.Equal(got, want) {
		t.Errorf("with another limit: got %v, want %v", got, want)
	}
}

func TestTamperedCursors(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/characters", `{"name":"Romeo","description":""}`)
	cursor := cursorOf(t, s.Want(200, "GET", "/characters?limit=1", nil))
	tampered := []string{"", "x", cursor[1:], cursor[:len(cursor)-1], cursor + "A", cursor + "=", strings.Repeat("A", 201)}
	for i := range cursor {
		other := byte('A')
		if cursor[i] == other {
			other = 'B'
		}
		tampered = append(tampered, cursor[:i]+string(other)+cursor[i+1:])
	}
	for _, bad := range tampered {
		refused(t, s.Do("GET", "/characters?cursor="+bad, nil), 400, "invalid_request", "query/cursor")
	}
	s.Want(200, "GET", "/characters?cursor="+cursor, nil)
}

func cursorOf(t *testing.T, a *apitest.Answer) string {
	t.Helper()
	link, err := url.Parse(next(a))
	if err != nil || link.Query().Get("cursor") == "" {
		t.Fatalf("no cursor in Link %q", a.Header.Get("Link"))
	}
	return link.Query().Get("cursor")
}
