package centralsequence

import (
	"path/filepath"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// stop closes the database as the end of the process would.
func stop(t *testing.T, s *apitest.Service) {
	t.Helper()
	if err := s.Instance.DB.Close(); err != nil {
		t.Fatal(err)
	}
}

func TestRestartKeepsEverything(t *testing.T) {
	path := filepath.Join(t.TempDir(), "centralsequence.db")
	before := apitest.StartAt(t, Definition(), path)
	fill(t, before, "section", 3, 1)
	before.Want(201, "POST", "/sequence/version", `{"elementType":"section","elementId":1,"newVersionData":{"title":"Act I"}}`)
	before.Want(204, "DELETE", "/sequence/section/3?scriptId=1", nil)
	page := next(t, before.Want(200, "GET", "/sequence?scriptId=1&limit=1", nil))
	tag := before.Want(200, "PATCH", "/sequence/section/1?scriptId=1", `{"sequenceNumber":3}`).Header.Get("ETag")
	stop(t, before)

	after := apitest.StartAt(t, Definition(), path)
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

// Every POST, repeated with its key, is carried out once and answered alike,
// before and after a restart; the key with another body is refused. A refused
// request leaves its key free.
func TestIdempotency(t *testing.T) {
	requests := []struct {
		name, path, body, other string
		status                  int
	}{
		{"number", "/sequence", `{"elementType":"a","elementId":10}`, `{"elementType":"a","elementId":11}`, 201},
		{"batch", "/sequence/batch", `{"items":[{"elementType":"a","elementId":20}]}`, `{"items":[{"elementType":"a","elementId":21}]}`, 201},
		{"reorder", "/sequence/reorder", `{"elementType":"s","elements":[{"elementId":1,"newSequence":2},{"elementId":2,"newSequence":1}]}`,
			`{"elementType":"s","elements":[{"elementId":1,"newSequence":1},{"elementId":2,"newSequence":2}]}`, 200},
		{"version", "/sequence/version", `{"elementType":"a","elementId":1,"newVersionData":{"v":1}}`, `{"elementType":"a","elementId":1,"newVersionData":{"v":2}}`, 201},
	}
	path := filepath.Join(t.TempDir(), "centralsequence.db")
	s := apitest.StartAt(t, Definition(), path)
	fill(t, s, "s", 3, 0)
	first := map[string]*apitest.Answer{}
	for _, r := range requests {
		first[r.name] = s.Want(r.status, "POST", r.path, r.body, "Idempotency-Key", r.name)
	}
	run(t, s, []exchange{
		{"refused", "POST /sequence", `{"elementType":"a","elementId":30,"sequenceNumber":3}`, []string{"Idempotency-Key", "r"}, 409, nil},
		{"repeated when it can be", "POST /sequence", `{"elementType":"a","elementId":30}`, []string{"Idempotency-Key", "r"}, 201, nil},
	})
	line := sequenceOf(s, "/sequence")
	check := func(when string) {
		t.Helper()
		for _, r := range requests {
			again := s.Want(r.status, "POST", r.path, r.body, "Idempotency-Key", r.name)
			if string(again.Body) != string(first[r.name].Body) || again.Header.Get("ETag") != first[r.name].Header.Get("ETag") {
				t.Errorf("%s, %s: got %s, want %s", r.name, when, again.Body, first[r.name].Body)
			}
			if got := again.Header.Get("Idempotency-Replayed"); got != "true" {
				t.Errorf("%s, %s: Idempotency-Replayed is %q, want true", r.name, when, got)
			}
			run(t, s, []exchange{{r.name + ", " + when, "POST " + r.path, r.other, []string{"Idempotency-Key", r.name}, 422, map[string]any{"code": "idempotency_key_reused"}}})
		}
		if got := sequenceOf(s, "/sequence"); got != line {
			t.Errorf("the line %s: got %s, want %s", when, got, line)
		}
		run(t, s, []exchange{{"one version", "GET /sequence/a/1/versions", nil, nil, 200, map[string]any{"0.data": nil, "1": nil}}})
	}
	check("repeated")
	stop(t, s)
	s = apitest.StartAt(t, Definition(), path)
	check("after a restart")
}

// Repeated at the same moment, a request is still carried out once.
func TestIdempotencyTogether(t *testing.T) {
	s := apitest.Start(t, Definition())
	bodies := together(func(int) string {
		return string(s.Do("POST", "/sequence/version", `{"elementType":"a","elementId":1,"newVersionData":{}}`, "Idempotency-Key", "k").Body)
	})
	for _, body := range bodies {
		if body != bodies[0] {
			t.Errorf("got %s and %s, want one answer", body, bodies[0])
		}
	}
	run(t, s, []exchange{{"versions", "GET /sequence/a/1/versions", nil, nil, 200, map[string]any{"0.versionNumber": 2.0, "1": nil}}})
}
