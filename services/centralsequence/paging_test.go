package centralsequence

import (
	"fmt"
	"regexp"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

var nextLink = regexp.MustCompile(`^<([^>]+)>; rel="next"$`)

// next returns the address of the page after answer, or "" after the last.
func next(t *testing.T, answer *apitest.Answer) string {
	t.Helper()
	link := answer.Header.Get("Link")
	if link == "" {
		return ""
	}
	match := nextLink.FindStringSubmatch(link)
	if match == nil {
		t.Fatalf("Link header: got %s", link)
	}
	return match[1]
}

// pages follows the list at path to its end and returns the lengths of its
// pages and the numbers of its items.
func pages(t *testing.T, s *apitest.Service, path string) (lengths []int, numbers []int64) {
	t.Helper()
	for path != "" {
		answer := s.Want(200, "GET", path, nil)
		var items []struct{ SequenceNumber, VersionNumber int64 }
		answer.JSON(&items)
		lengths = append(lengths, len(items))
		for _, item := range items {
			numbers = append(numbers, item.SequenceNumber+item.VersionNumber)
		}
		path = next(t, answer)
	}
	return lengths, numbers
}

func TestPages(t *testing.T) {
	s := apitest.Start(t, Definition())
	fill(t, s, "section", 150, 1)
	fill(t, s, "action", 100, 1)
	fill(t, s, "section", 3, 0)
	for range 5 {
		s.Want(201, "POST", "/sequence/version", `{"elementType":"section","elementId":1,"newVersionData":{}}`)
	}
	for _, test := range []struct {
		path        string
		lengths     string
		first, last int64
	}{
		{"/sequence?scriptId=1", "[100 100 50]", 1, 250},
		{"/sequence?scriptId=1&limit=250", "[250]", 1, 250},
		{"/sequence?scriptId=1&limit=125", "[125 125]", 1, 250},
		{"/sequence?scriptId=1&limit=1000", "[250]", 1, 250},
		{"/sequence?scriptId=1&elementType=action&limit=60", "[60 40]", 151, 250},
		{"/sequence?scriptId=1&elementType=section&limit=149", "[149 1]", 1, 150},
		{"/sequence?limit=2", "[2 1]", 1, 3},
		{"/sequence/section/1/versions?limit=2", "[2 2 1]", 2, 6},
	} {
		lengths, numbers := pages(t, s, test.path)
		if got := fmt.Sprint(lengths); got != test.lengths {
			t.Errorf("%s: pages of %s, want %s", test.path, got, test.lengths)
		}
		for i, number := range numbers {
			if want := test.first + int64(i); number != want {
				t.Fatalf("%s: item %d has number %d, want %d", test.path, i, number, want)
			}
		}
		if last := numbers[len(numbers)-1]; last != test.last {
			t.Errorf("%s: last number %d, want %d", test.path, last, test.last)
		}
	}
	for _, empty := range []string{"/sequence?scriptId=99", "/sequence?scriptId=1&elementType=nothing", "/sequence/section/2/versions"} {
		if got := string(s.Want(200, "GET", empty, nil).Body); strings.TrimSpace(got) != "[]" {
			t.Errorf("%s: got %s, want []", empty, got)
		}
	}
}

// A page goes on where the one before ended, whatever happens in between.
func TestPagesWhileChanging(t *testing.T) {
	s := apitest.Start(t, Definition())
	fill(t, s, "section", 6, 1)
	second := next(t, s.Want(200, "GET", "/sequence?scriptId=1&limit=3", nil))
	s.Want(204, "DELETE", "/sequence/section/3?scriptId=1", nil)
	s.Want(200, "PATCH", "/sequence/section/1?scriptId=1", `{"sequenceNumber":9}`)
	if got, want := sequenceOf(s, second), "section 4=4 section 5=5 section 6=6"; got != want {
		t.Errorf("second page: got %s, want %s", got, want)
	}
}

func TestCursors(t *testing.T) {
	s := apitest.Start(t, Definition())
	fill(t, s, "section", 250, 1)
	page := next(t, s.Want(200, "GET", "/sequence?scriptId=1&limit=100", nil))
	cursor := regexp.MustCompile(`cursor=([\w-]+)`).FindStringSubmatch(page)[1]
	flipped := "A"
	if strings.HasPrefix(cursor, flipped) {
		flipped = "B"
	}
	refused := func(name, request string) exchange {
		return exchange{name, "GET " + request, nil, nil, 400, map[string]any{"code": "invalid_request", "errors.0.pointer": "query/cursor"}}
	}
	run(t, s, []exchange{
		{"as given", "GET " + page, nil, nil, 200, map[string]any{"0.sequenceNumber": 101.0}},
		{"another limit", "GET /sequence?scriptId=1&limit=1&cursor=" + cursor, nil, nil, 200, map[string]any{"0.sequenceNumber": 101.0}},
		refused("tampered", "/sequence?scriptId=1&cursor="+flipped+cursor[1:]),
		refused("cut", "/sequence?scriptId=1&cursor="+cursor[1:]),
		refused("invented", "/sequence?scriptId=1&cursor=100"),
		refused("empty", "/sequence?scriptId=1&cursor="),
		refused("of another script", "/sequence?scriptId=2&cursor="+cursor),
		refused("of another filter", "/sequence?scriptId=1&elementType=section&cursor="+cursor),
		refused("of another list", "/sequence/section/1/versions?cursor="+cursor),
	})
}
