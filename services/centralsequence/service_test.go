package centralsequence

import (
	"fmt"
	"maps"
	"net/url"
	"slices"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestMain(m *testing.M) { apitest.Main(m, Definition()) }

func TestDocument(t *testing.T) { apitest.CheckDocument(t, Definition()) }

// exchange is a request and what its answer must be.
type exchange struct {
	name    string
	request string // method and path
	body    any
	headers []string
	status  int
	// want are members of the answer; nil as value says that the member is absent.
	want map[string]any
}

// run carries exchanges out one after the other on one service.
func run(t *testing.T, s *apitest.Service, exchanges []exchange) {
	t.Helper()
	for _, e := range exchanges {
		method, path, _ := strings.Cut(e.request, " ")
		answer := s.Do(method, path, e.body, e.headers...)
		if answer.Status != e.status {
			t.Errorf("%s: %s: got status %d, want %d: %s", e.name, e.request, answer.Status, e.status, answer.Body)
			continue
		}
		for _, member := range slices.Sorted(maps.Keys(e.want)) {
			if got := answer.Get(strings.Split(member, ".")...); got != e.want[member] {
				t.Errorf("%s: %s: %s is %v, want %v: %s", e.name, e.request, member, got, e.want[member], answer.Body)
			}
		}
	}
}

// fill asks for sequence numbers of elements of one type, in order of id.
func fill(t *testing.T, s *apitest.Service, elementType string, count int, scriptID int) {
	t.Helper()
	items := make([]map[string]any, count)
	for i := range items {
		items[i] = map[string]any{"elementType": elementType, "elementId": i + 1}
		if scriptID != 0 {
			items[i]["scriptId"] = scriptID
		}
	}
	s.Want(201, "POST", "/sequence/batch", map[string]any{"items": items})
}

// sequenceOf returns the line at path as "type id=number type id=number …".
func sequenceOf(s *apitest.Service, path string) string {
	var items []Element
	s.Want(200, "GET", path, nil).JSON(&items)
	line := make([]string, len(items))
	for i, e := range items {
		line[i] = fmt.Sprintf("%s %d=%d", e.ElementType, e.ElementID, e.SequenceNumber)
	}
	return strings.Join(line, " ")
}

// The requests and answers that the published v1 documents show.
func TestV1Examples(t *testing.T) {
	s := apitest.Start(t, Definition())
	run(t, s, []exchange{
		{"number", "POST /sequence", `{"elementType": "script", "elementId": 1}`, nil, 201, map[string]any{"sequenceNumber": 1.0}},
		{"section 1", "POST /sequence", `{"elementType": "section", "elementId": 1}`, nil, 201, map[string]any{"sequenceNumber": 2.0}},
		{"section 2", "POST /sequence", `{"elementType": "section", "elementId": 2}`, nil, 201, map[string]any{"sequenceNumber": 3.0}},
		{"make room", "DELETE /sequence/script/1", nil, nil, 204, nil},
		{"first order", "POST /sequence/reorder",
			`{"elementType": "section", "elements": [{"elementId": 1, "newSequence": 1}, {"elementId": 2, "newSequence": 2}]}`,
			nil, 200, map[string]any{"message": "Reorder successful."}},
		{"reorder", "POST /sequence/reorder",
			`{"elementType": "section", "elements": [{"elementId": 1, "newSequence": 2}, {"elementId": 2, "newSequence": 1}]}`,
			nil, 200, map[string]any{"message": "Reorder successful."}},
		{"version", "POST /sequence/version",
			`{"elementType": "dialogue", "elementId": 1, "newVersionData": {"text": "O Romeo, Romeo! wherefore art thou Romeo?"}}`,
			nil, 201, map[string]any{"versionNumber": 2.0}},
	})
	if got, want := sequenceOf(s, "/sequence"), "section 2=1 section 1=2"; got != want {
		t.Errorf("after the reorder: got %s, want %s", got, want)
	}
}

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
			map[string]any{"code": "sequence_taken", "message": "Sequence number 2 of the service is taken by another element."}},
		{"in a script", post, `{"elementType":"section","elementId":7,"scriptId":5}`, nil, 201, map[string]any{"sequenceNumber": 1.0, "scriptId": 5.0}},
		{"in a script, second", post, `{"elementType":"section","elementId":8,"scriptId":5}`, nil, 201, map[string]any{"sequenceNumber": 2.0}},
		{"in another script", post, `{"elementType":"section","elementId":8,"scriptId":6}`, nil, 201, map[string]any{"sequenceNumber": 1.0}},
		{"taken in the script", post, `{"elementType":"action","elementId":1,"scriptId":5,"sequenceNumber":2}`, nil, 409,
			map[string]any{"message": "Sequence number 2 of script 5 is taken by another element."}},
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
	fill(t, s, "section", 3, 1)
	fill(t, s, "action", 1, 1) // number 4
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

func TestETags(t *testing.T) {
	s := apitest.Start(t, Definition())
	first := s.Want(201, "POST", "/sequence", `{"elementType":"section","elementId":1}`).Header.Get("ETag")
	if again := s.Want(201, "POST", "/sequence", `{"elementType":"section","elementId":1}`).Header.Get("ETag"); again != first {
		t.Errorf("ETag of the answer to a repeated POST: got %s, want %s", again, first)
	}
	patched := s.Want(200, "PATCH", "/sequence/section/1", `{"sequenceNumber":5}`, "If-Match", first)
	second := patched.Header.Get("ETag")
	if read := s.Want(200, "GET", "/sequence/section/1", nil).Header.Get("ETag"); second == first || read != second {
		t.Errorf("ETags: %s, after PATCH %s, after GET %s; want the last two equal and unlike the first", first, second, read)
	}
	run(t, s, []exchange{
		{"stale patch", "PATCH /sequence/section/1", `{"sequenceNumber":6}`, []string{"If-Match", first}, 412, map[string]any{"code": "precondition_failed"}},
		{"stale delete", "DELETE /sequence/section/1", nil, []string{"If-Match", first}, 412, nil},
		{"tag without quotes", "PATCH /sequence/section/1", `{"sequenceNumber":6}`, []string{"If-Match", "2"}, 400, map[string]any{"errors.0.pointer": "header/If-Match"}},
		{"unchanged by all", "GET /sequence/section/1", nil, nil, 200, map[string]any{"sequenceNumber": 5.0}},
		{"any", "PATCH /sequence/section/1", `{"sequenceNumber":6}`, []string{"If-Match", "*"}, 200, nil},
		{"one of several", "PATCH /sequence/section/1", `{"sequenceNumber":7}`, []string{"If-Match", `"77", "3"`}, 200, nil},
		{"the same number changes nothing", "PATCH /sequence/section/1", `{"sequenceNumber":7}`, []string{"If-Match", `"4"`}, 200, nil},
		{"fresh delete", "DELETE /sequence/section/1", nil, []string{"If-Match", `"4"`}, 204, nil},
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
		{"empty", post, `{"items":[]}`, nil, 400, nil},
		{"more than a small body", post, `{"items":[{"elementType":"f","elementId":1}` + strings.Repeat(" ", 2<<20) + `]}`, nil, 201, nil},
	})
	fill(t, s, "many", 1000, 3)
	items := strings.Repeat(`{"elementType":"many","elementId":1},`, 1001)
	s.Want(400, "POST", "/sequence/batch", `{"items":[`+items[:len(items)-1]+`]}`)
}
