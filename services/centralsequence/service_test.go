package centralsequence

import (
	"net/url"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestGenerateSequenceNumber(t *testing.T) {
	s := apitest.Start(t, Definition())
	const post = "POST /sequence"
	run(t, s, []exchange{
		{"first", post, `{"elementType":"section","elementId":7}`, nil, 201,
			map[string]any{"sequenceNumber": 1.0, "elementType": "section", "elementId": 7.0, "scriptId": nil}},
		{"another type, same id and line", post, `{"elementType":"action","elementId":7}`, nil, 201, map[string]any{"sequenceNumber": 2.0}},
		{"again", post, `{"elementType":"section","elementId":7}`, nil, 201, map[string]any{"sequenceNumber": 1.0}},
		{"again with its number", post, `{"elementType":"section","elementId":7,"sequenceNumber":1}`, nil, 201, map[string]any{"sequenceNumber": 1.0}},
		{"again with another number", post, `{"elementType":"section","elementId":7,"sequenceNumber":9}`, nil, 409, map[string]any{"code": "element_numbered"}},
		{"again with the number of another", post, `{"elementType":"section","elementId":7,"sequenceNumber":2}`, nil, 409, map[string]any{"code": "element_numbered"}},
		{"the number of another type", post, `{"elementType":"character","elementId":1,"sequenceNumber":2}`, nil, 409,
			map[string]any{"code": "sequence_taken"}},
		{"in a script", post, `{"elementType":"section","elementId":7,"scriptId":5}`, nil, 201, map[string]any{"sequenceNumber": 1.0, "scriptId": 5.0}},
		{"in a script, second", post, `{"elementType":"section","elementId":8,"scriptId":5}`, nil, 201, map[string]any{"sequenceNumber": 2.0}},
		{"in another script", post, `{"elementType":"section","elementId":8,"scriptId":6}`, nil, 201, map[string]any{"sequenceNumber": 1.0}},
		{"taken in the script", post, `{"elementType":"action","elementId":1,"scriptId":5,"sequenceNumber":2}`, nil, 409,
			map[string]any{}},
		{"a chosen number", post, `{"elementType":"action","elementId":1,"scriptId":5,"sequenceNumber":40}`, nil, 201, map[string]any{"sequenceNumber": 40.0}},
		{"goes on above it", post, `{"elementType":"action","elementId":2,"scriptId":5}`, nil, 201, map[string]any{"sequenceNumber": 41.0}},
		{"a chosen number below", post, `{"elementType":"action","elementId":3,"scriptId":5,"sequenceNumber":20}`, nil, 201, map[string]any{"sequenceNumber": 20.0}},
		{"does not go back", post, `{"elementType":"action","elementId":4,"scriptId":5}`, nil, 201, map[string]any{"sequenceNumber": 42.0}},
		{"refusals leave no gap", post, `{"elementType":"character","elementId":1}`, nil, 201, map[string]any{"sequenceNumber": 3.0}},
		{"the largest to choose", post, `{"elementType":"action","elementId":5,"scriptId":5,"sequenceNumber":9007199254740991}`, nil, 201, nil},
		{"and on", post, `{"elementType":"action","elementId":6,"scriptId":5}`, nil, 201, map[string]any{"sequenceNumber": 9007199254740992.0}},
	})
	answer := s.Want(201, "POST", "/sequence", `{"elementType":"section","elementId":9223372036854775807,"scriptId":9223372036854775807}`)
	if want := `"elementId":9223372036854775807`; !strings.Contains(string(answer.Body), want) {
		t.Errorf("the largest identifier: got %s, want %s in it", answer.Body, want)
	}
}

// Whatever an element type may be, the paths and filters must reach it.
func TestElementTypes(t *testing.T) {
	s := apitest.Start(t, Definition())
	for i, elementType := range []string{
		"spokenWord", "spoken word", "100%", "a%2Fb", "%41", "дія", "a.b", "...b", "?x=1#y", "a+b&c", "~:;,@", "'; DROP TABLE elements",
		"\U0001F3AD", strings.Repeat("\U0001F3AD", 255), "batch", "reorder", "version", "versions",
	} {
		s.Want(201, "POST", "/sequence", map[string]any{"elementType": elementType, "elementId": 1})
		path := "/sequence/" + url.PathEscape(elementType) + "/1"
		run(t, s, []exchange{
			{"get", "GET " + path, nil, nil, 200, map[string]any{"elementType": elementType, "sequenceNumber": float64(i + 1)}},
			{"list", "GET /sequence?elementType=" + url.QueryEscape(elementType), nil, nil, 200, map[string]any{"0.elementType": elementType, "1": nil}},
			{"version", "POST /sequence/version", map[string]any{"elementType": elementType, "elementId": 1, "newVersionData": map[string]any{}}, nil, 201, nil},
			{"versions", "GET " + path + "/versions", nil, nil, 200, map[string]any{"0.elementType": elementType}},
			{"get version", "GET " + path + "/versions/2", nil, nil, 200, map[string]any{"elementType": elementType}},
		})
	}
}

func TestGetPatchDelete(t *testing.T) {
	s := apitest.Start(t, Definition())
	fill(s, "section", 3, 1)
	fill(s, "action", 1, 1) // number 4
	const merge = "application/merge-patch+json"
	run(t, s, []exchange{
		{"get", "GET /sequence/section/2?scriptId=1", nil, nil, 200, map[string]any{"elementType": "section", "elementId": 2.0, "scriptId": 1.0, "sequenceNumber": 2.0}},
		{"get without its script", "GET /sequence/section/2", nil, nil, 404, map[string]any{"code": "not_found", "message": "section 2 has no sequence number in the service."}},
		{"get in another script", "GET /sequence/section/2?scriptId=2", nil, nil, 404, map[string]any{"message": "section 2 has no sequence number in script 2."}},
		{"patch", "PATCH /sequence/section/2?scriptId=1", `{"sequenceNumber":9}`, nil, 200, map[string]any{"sequenceNumber": 9.0}},
		{"patch as merge patch", "PATCH /sequence/section/2?scriptId=1", `{"sequenceNumber":10}`, []string{"Content-Type", merge}, 200, map[string]any{"sequenceNumber": 10.0}},
		{"patch to a taken number", "PATCH /sequence/section/2?scriptId=1", `{"sequenceNumber":4}`, nil, 409, map[string]any{"code": "sequence_taken"}},
		{"patch of nothing", "PATCH /sequence/section/7?scriptId=1", `{"sequenceNumber":12}`, nil, 404, nil},
		{"empty patch", "PATCH /sequence/section/2?scriptId=1", `{}`, nil, 200, map[string]any{"sequenceNumber": 10.0}},
		{"the counter follows", "POST /sequence", `{"elementType":"section","elementId":4,"scriptId":1}`, nil, 201, map[string]any{"sequenceNumber": 11.0}},
		{"delete", "DELETE /sequence/section/4?scriptId=1", nil, nil, 204, nil},
		{"delete again", "DELETE /sequence/section/4?scriptId=1", nil, nil, 404, map[string]any{"code": "not_found"}},
		{"get deleted", "GET /sequence/section/4?scriptId=1", nil, nil, 404, nil},
		{"not handed out again", "POST /sequence", `{"elementType":"section","elementId":4,"scriptId":1}`, nil, 201, map[string]any{"sequenceNumber": 12.0}},
		{"taken when asked for", "POST /sequence", `{"elementType":"section","elementId":5,"scriptId":1,"sequenceNumber":11}`, nil, 201, map[string]any{"sequenceNumber": 11.0}},
	})
}

// The tag is the element's, however the answer came about.
func TestETags(t *testing.T) {
	s := apitest.Start(t, Definition())
	const patch = "PATCH /sequence/section/1"
	first := s.Want(201, "POST", "/sequence", `{"elementType":"section","elementId":1}`)
	s.Want(201, "POST", "/sequence", `{"elementType":"section","elementId":1}`).Same(first)
	run(t, s, []exchange{
		{"the same number changes nothing", patch, `{"sequenceNumber":1}`, []string{"If-Match", first.ETag()}, 200, nil},
		{"nothing changes nothing", patch, `{}`, []string{"If-Match", first.ETag()}, 200, nil},
		{"another number", patch, `{"sequenceNumber":7}`, []string{"If-Match", first.ETag()}, 200, nil},
		{"stale", patch, `{"sequenceNumber":8}`, []string{"If-Match", first.ETag()}, 412, map[string]any{"code": "precondition_failed"}},
		{"still refused", patch, `{"sequenceNumber":7}`, []string{"If-Match", first.ETag()}, 412, nil},
	})
}

// A refusal is not kept: once its cause is gone the same key succeeds.
func TestRefusalsAreNotReplayed(t *testing.T) {
	s := apitest.Start(t, Definition())
	fill(s, "s", 3, 0)
	const post, body = "POST /sequence", `{"elementType":"a","elementId":30,"sequenceNumber":3}`
	key := []string{"Idempotency-Key", "r"}
	run(t, s, []exchange{
		{"refused", post, body, key, 409, map[string]any{"code": "sequence_taken"}},
		{"again", post, body, key, 409, nil},
		{"make room", "DELETE /sequence/s/3", nil, nil, 204, nil},
		{"repeated when it can be", post, body, key, 201, map[string]any{"sequenceNumber": 3}},
		{"replayed", post, body, key, 201, map[string]any{"sequenceNumber": 3}},
	})
}

func TestBatch(t *testing.T) {
	s := apitest.Start(t, Definition())
	const post = "POST /sequence/batch"
	run(t, s, []exchange{
		{"in order, duplicates once", post, `{"items":[{"elementType":"a","elementId":1},{"elementType":"b","elementId":1},{"elementType":"a","elementId":1},
			{"elementType":"c","elementId":1,"scriptId":9}]}`, nil, 201,
			map[string]any{"0.sequenceNumber": 1.0, "1.sequenceNumber": 2.0, "2.sequenceNumber": 1.0, "3.sequenceNumber": 1.0, "3.scriptId": 9.0}},
		{"taken", post, `{"items":[{"elementType":"d","elementId":1},{"elementType":"d","elementId":2,"sequenceNumber":2}]}`, nil, 409,
			map[string]any{"code": "sequence_taken", "errors.0.pointer": "/items/1"}},
		{"taken within the batch", post, `{"items":[{"elementType":"d","elementId":1,"sequenceNumber":8},{"elementType":"d","elementId":2,"sequenceNumber":8}]}`, nil, 409,
			map[string]any{"code": "sequence_taken", "errors.0.pointer": "/items/1"}},
		{"another number than before", post, `{"items":[{"elementType":"d","elementId":1},{"elementType":"a","elementId":1,"sequenceNumber":5}]}`, nil, 409,
			map[string]any{"code": "element_numbered", "errors.0.pointer": "/items/1"}},
		{"an invalid item", post, `{"items":[{"elementType":"d","elementId":1},{"elementType":"d"}]}`, nil, 400, map[string]any{"errors.0.pointer": "/items/1/elementId"}},
		{"nothing of those was kept", "GET /sequence?elementType=d", nil, nil, 200, map[string]any{"0": nil}},
		{"nor a number used", post, `{"items":[{"elementType":"e","elementId":1}]}`, nil, 201, map[string]any{"0.sequenceNumber": 3.0}},
		{"more than a small body", post, `{"items":[{"elementType":"f","elementId":1}` + strings.Repeat(" ", 2<<20) + `]}`, nil, 201, nil},
	})
	fill(s, "many", 1000, 3)
}

// Behind the highest number there is comes no other.
func TestExhausted(t *testing.T) {
	s := stage.Start(t)
	s.Exec("UPDATE sequence_scopes SET last_number = 9223372036854775807")
	run(t, s, []exchange{
		{"no next", "POST /sequence", `{"elementType":"x","elementId":1}`, nil, 409, map[string]any{"code": "sequence_exhausted"}},
		{"chosen", "POST /sequence", `{"elementType":"x","elementId":1,"sequenceNumber":7}`, nil, 201, map[string]any{"sequenceNumber": 7}},
		{"numbered already", "POST /sequence", `{"elementType":"x","elementId":1}`, nil, 201, map[string]any{"sequenceNumber": 7}},
		{"another script", "POST /sequence", `{"elementType":"x","elementId":1,"scriptId":1}`, nil, 201, map[string]any{"sequenceNumber": 1}},
	})
}
