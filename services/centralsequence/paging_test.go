package centralsequence

import (
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestPages(t *testing.T) {
	s := apitest.Start(t, Definition())
	fill(s, "section", 150, 1)
	fill(s, "action", 100, 1)
	fill(s, "section", 3, 0)
	for range 5 {
		s.Want(201, "POST", "/sequence/version", `{"elementType":"section","elementId":1,"newVersionData":{}}`)
	}
	for _, test := range []struct {
		path, member        string
		first, count, limit int
	}{
		{"/sequence?scriptId=1", "sequenceNumber", 1, 250, 100},
		{"/sequence?scriptId=1&limit=250", "sequenceNumber", 1, 250, 250},
		{"/sequence?scriptId=1&limit=125", "sequenceNumber", 1, 250, 125},
		{"/sequence?scriptId=1&limit=1000", "sequenceNumber", 1, 250, 1000},
		{"/sequence?scriptId=1&elementType=action&limit=60", "sequenceNumber", 151, 100, 60},
		{"/sequence?scriptId=1&elementType=section&limit=149", "sequenceNumber", 1, 150, 149},
		{"/sequence?limit=2", "sequenceNumber", 1, 3, 2},
		{"/sequence/section/1/versions?limit=2", "versionNumber", 2, 5, 2},
	} {
		s.WantPages(test.path, test.member, test.first, 1, test.count, test.limit)
	}
	for _, empty := range []string{"/sequence?scriptId=99", "/sequence?scriptId=1&elementType=nothing", "/sequence/section/2/versions"} {
		if got := s.Bodies(empty); strings.TrimSpace(got) != "[]" {
			t.Errorf("%s: got %s, want []", empty, got)
		}
	}
}

// A page goes on where the one before ended, whatever happens in between.
func TestPagesWhileChanging(t *testing.T) {
	s := apitest.Start(t, Definition())
	fill(s, "section", 6, 1)
	second := s.Want(200, "GET", "/sequence?scriptId=1&limit=3", nil).Next()
	s.Want(204, "DELETE", "/sequence/section/3?scriptId=1", nil)
	s.Want(200, "PATCH", "/sequence/section/1?scriptId=1", `{"sequenceNumber":9}`)
	if got, want := sequenceOf(s, second), "section 4=4 section 5=5 section 6=6"; got != want {
		t.Errorf("second page: got %s, want %s", got, want)
	}
}

// A cursor is not good for other filters than it was made for.
func TestForeignCursors(t *testing.T) {
	s := apitest.Start(t, Definition())
	fill(s, "section", 250, 1)
	cursor := s.Want(200, "GET", "/sequence?scriptId=1&limit=100", nil).Cursor()
	for _, filters := range []string{"", "scriptId=2&", "scriptId=1&elementType=section&", "elementType=section&"} {
		s.Do("GET", "/sequence?"+filters+"cursor="+cursor, nil).Refused(400, "invalid_request", "query/cursor")
	}
	s.Want(200, "GET", "/sequence?scriptId=1&limit=1&cursor="+cursor, nil).Has("0.sequenceNumber", 101)
}

func TestRestart(t *testing.T) {
	before := apitest.Start(t, Definition())
	fill(before, "section", 3, 1)
	before.Want(201, "POST", "/sequence/version", `{"elementType":"section","elementId":1,"newVersionData":{"title":"Act I"}}`)
	before.Want(204, "DELETE", "/sequence/section/3?scriptId=1", nil)
	page := before.Want(200, "GET", "/sequence?scriptId=1&limit=1", nil).Next()
	tag := before.Want(200, "PATCH", "/sequence/section/1?scriptId=1", `{"sequenceNumber":3}`).ETag()

	after := before.Restart()
	if got, want := sequenceOf(after, "/sequence?scriptId=1"), "section 2=2 section 1=3"; got != want {
		t.Errorf("the line: got %s, want %s", got, want)
	}
	run(t, after, []exchange{
		{"a cursor", "GET " + page, nil, nil, 200, map[string]any{"0.sequenceNumber": 2.0}},
		{"the counter", "POST /sequence", `{"elementType":"section","elementId":4,"scriptId":1}`, nil, 201, map[string]any{"sequenceNumber": 4.0}},
		{"an element's number", "POST /sequence", `{"elementType":"section","elementId":2,"scriptId":1}`, nil, 201, map[string]any{"sequenceNumber": 2.0}},
		{"a version", "GET /sequence/section/1/versions/2", nil, nil, 200, map[string]any{"data.title": "Act I"}},
		{"the next version", "POST /sequence/version", `{"elementType":"section","elementId":1,"newVersionData":{}}`, nil, 201, map[string]any{"versionNumber": 3.0}},
		{"an ETag", "DELETE /sequence/section/1?scriptId=1", nil, []string{"If-Match", tag}, 204, nil},
	})
}
