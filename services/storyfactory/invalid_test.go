package storyfactory

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// add is where the bodies that name no path of their own are sent.
const add = "POST /stories/1/elements"

// invalidRequests must all get 400, with the pointer first among errors.
var invalidRequests = []struct{ name, request, body, pointer string }{
	{"no body", add, "", ""},
	{"broken JSON", add, `{"text":"x"`, ""},
	{"broken in the middle", add, `{"text":,}`, ""},
	{"trailing comma", add, `{"text":"x",}`, ""},
	{"two values", add, `{"text":"x"}{"text":"y"}`, ""},
	{"duplicate key", add, `{"text":"x","text":"y"}`, "/text"},
	{"invalid UTF-8", add, "{\"text\":\"\xff\"}", "/text"},
	{"unpaired surrogate", add, `{"text":"\ud800"}`, "/text"},
	{"U+0000", add, `{"text":"a\u0000b"}`, "/text"},
	{"byte order mark", add, "\ufeff{\"text\":\"x\"}", ""},
	{"null", add, `null`, ""},
	{"array", add, `[]`, ""},
	{"text alone", add, `"text"`, ""},
	{"text null", add, `{"text":null}`, "/text"},
	{"text number", add, `{"text":7}`, "/text"},
	{"text too long", add, `{"text":"` + strings.Repeat("夜", 65537) + `"}`, "/text"},
	{"unknown property", add, `{"text":"x","colour":"red"}`, "/colour"},
	{"wrong case", add, `{"Text":"x"}`, "/Text"},
	{"property of answers", add, `{"text":"x","elementId":7}`, "/elementId"},
	{"sequence as text", add, `{"text":"x","sequence":"7"}`, "/sequence"},
	{"sequence null", add, `{"text":"x","sequence":null}`, "/sequence"},
	{"sequence 0", add, `{"text":"x","sequence":0}`, "/sequence"},
	{"sequence negative", add, `{"text":"x","sequence":-1}`, "/sequence"},
	{"sequence with fraction", add, `{"text":"x","sequence":1.5}`, "/sequence"},
	{"sequence beyond 2^53", add, `{"text":"x","sequence":9007199254740992}`, "/sequence"},
	{"sequence beyond int64", add, `{"text":"x","sequence":9223372036854775808}`, "/sequence"},
	{"unknown type", add, `{"text":"x","type":"scene"}`, "/type"},
	{"heading 0", add, `{"text":"x","headingId":0}`, "/headingId"},
	{"transition as text", add, `{"text":"x","transitionId":"1"}`, "/transitionId"},
	{"character without identifier", add, `{"character":{"name":"x"}}`, "/character/characterId"},
	{"character null", add, `{"text":"x","character":null}`, "/character"},
	{"character by number", add, `{"character":1}`, "/character"},
	{"character with more", add, `{"character":{"characterId":1,"age":13}}`, "/character/age"},
	{"name too long", add, `{"character":{"characterId":1,"name":"` + strings.Repeat("a", 1025) + `"}}`, "/character/name"},
	{"action without identifier", add, `{"action":{}}`, "/action/actionId"},
	{"action negative", add, `{"action":{"actionId":-1}}`, "/action/actionId"},
	{"spoken word by its other name", add, `{"spokenWord":{"spokenWordId":1}}`, "/spokenWord/dialogueId"},
	{"parenthetical empty", add, `{"spokenWord":{"dialogueId":1,"parenthetical":""}}`, "/spokenWord/parenthetical"},
	{"context without identifier", add, `{"context":{"characterId":1}}`, "/context/contextId"},
	{"context data array", add, `{"context":{"contextId":1,"data":[]}}`, "/context/data"},
	{"context data null", add, `{"context":{"contextId":1,"data":null}}`, "/context/data"},
	{"context data with duplicate key", add, `{"context":{"contextId":1,"data":{"a":1,"a":2}}}`, "/context/data/a"},
	{"layout text", add, `{"text":"x","layout":"dual"}`, "/layout"},
	{"layout null", add, `{"text":"x","layout":null}`, "/layout"},
	{"layout unknown", add, `{"text":"x","layout":{"bold":true}}`, "/layout/bold"},
	{"depth 0", add, `{"text":"x","layout":{"depth":0}}`, "/layout/depth"},
	{"dual as text", add, `{"text":"x","layout":{"dual":"yes"}}`, "/layout/dual"},
	{"nothing in it", add, `{}`, ""},
	{"new context without character", add, `{"context":{"contextId":9}}`, "/context/characterId"},

	{"batch without items", "POST /stories/1/elements/batch", `{}`, "/items"},
	{"batch empty", "POST /stories/1/elements/batch", `{"items":[]}`, "/items"},
	{"batch as bare array", "POST /stories/1/elements/batch", `[{"text":"x"}]`, ""},
	{"batch of 1001", "POST /stories/1/elements/batch", `{"items":[` + strings.Repeat(`{"text":"x"},`, 1000) + `{"text":"x"}]}`, "/items"},
	{"batch with bad item", "POST /stories/1/elements/batch", `{"items":[{"text":"x"},{"text":"x","sequence":0}]}`, "/items/1/sequence"},
	{"reorder without elements", "POST /stories/1/elements/reorder", `{}`, "/elements"},
	{"reorder of none", "POST /stories/1/elements/reorder", `{"elements":[]}`, "/elements"},
	{"reorder with half an element", "POST /stories/1/elements/reorder", `{"elements":[{"elementId":1}]}`, "/elements/0/newSequence"},
	{"reorder by the other name", "POST /stories/1/elements/reorder", `{"elements":[{"elementId":1,"sequence":2}]}`, "/elements/0/newSequence"},

	{"patch with a reference", "PATCH /stories/1/elements/1", `{"character":{"characterId":1}}`, "/character"},
	{"patch sequence null", "PATCH /stories/1/elements/1", `{"sequence":null}`, "/sequence"},
	{"patch type null", "PATCH /stories/1/elements/1", `{"type":null}`, "/type"},
	{"patch text number", "PATCH /stories/1/elements/1", `{"text":1}`, "/text"},
	{"patch layout array", "PATCH /stories/1/elements/1", `{"layout":[]}`, "/layout"},
	{"patch depth 0", "PATCH /stories/1/elements/1", `{"layout":{"depth":0}}`, "/layout/depth"},
	{"patch character 0", "PATCH /stories/1/elements/1", `{"characterId":0}`, "/characterId"},

	{"story without title", "PUT /stories/1", `{"author":"x"}`, "/title"},
	{"story with empty title", "PUT /stories/1", `{"title":""}`, "/title"},
	{"title too long", "PUT /stories/1", `{"title":"` + strings.Repeat("a", 1025) + `"}`, "/title"},
	{"author null in PUT", "PUT /stories/1", `{"title":"x","author":null}`, "/author"},
	{"author too long", "PUT /stories/1", `{"title":"x","author":"` + strings.Repeat("a", 1025) + `"}`, "/author"},
	{"description too long", "PUT /stories/1", `{"title":"x","description":"` + strings.Repeat("a", 65537) + `"}`, "/description"},
	{"complete as text", "PUT /stories/1", `{"title":"x","complete":"yes"}`, "/complete"},
	{"title page of texts", "PUT /stories/1", `{"title":"x","titlePage":["Title"]}`, "/titlePage/0"},
	{"title page without values", "PUT /stories/1", `{"title":"x","titlePage":[{"key":"Title"}]}`, "/titlePage/0/values"},
	{"score elsewhere", "PUT /stories/1", `{"title":"x","orchestration":{"mp3":"/x"}}`, "/orchestration/mp3"},
	{"path too long", "PUT /stories/1", `{"title":"x","orchestration":{"midiFilePath":"` + strings.Repeat("a", 4097) + `"}}`, "/orchestration/midiFilePath"},
	{"elements in PUT", "PUT /stories/1", `{"title":"x","story":[]}`, "/story"},
	{"title null in PATCH", "PATCH /stories/1", `{"title":null}`, "/title"},
	{"complete null in PATCH", "PATCH /stories/1", `{"complete":null}`, "/complete"},
	{"path number in PATCH", "PATCH /stories/1", `{"orchestration":{"midiFilePath":1}}`, "/orchestration/midiFilePath"},

	{"no script id", "GET /stories", "", "query/scriptId"},
	{"script id text", "GET /stories?scriptId=x", "", "query/scriptId"},
	{"script id 0", "GET /stories?scriptId=0", "", "query/scriptId"},
	{"script id empty", "GET /stories?scriptId=", "", "query/scriptId"},
	{"script id twice", "GET /stories?scriptId=1&scriptId=2", "", "query/scriptId"},
	{"script id with SQL", "GET /stories?scriptId=1%20OR%201=1", "", "query/scriptId"},
	{"no start", "GET /stories/sequences?scriptId=1&endSequence=2", "", "query/startSequence"},
	{"no end", "GET /stories/sequences?scriptId=1&startSequence=1", "", "query/endSequence"},
	{"start 0", "GET /stories/sequences?scriptId=1&startSequence=0&endSequence=2", "", "query/startSequence"},
	{"end beyond int64", "GET /stories/sequences?scriptId=1&startSequence=1&endSequence=9223372036854775808", "", "query/endSequence"},
	{"end before start", "GET /stories/sequences?scriptId=1&startSequence=2&endSequence=1", "", "query/endSequence"},
	{"script id in path text", "GET /stories/x", "", "path/scriptId"},
	{"script id in path negative", "DELETE /stories/-1", "", "path/scriptId"},
	{"script id in path with leading zero", "GET /stories/01", "", "path/scriptId"},
	{"script id in path beyond int64", "GET /stories/9223372036854775808/elements", "", "path/scriptId"},
	{"element id text", "GET /stories/1/elements/x", "", "path/elementId"},
	{"element id 0", "DELETE /stories/1/elements/0", "", "path/elementId"},
	{"limit 0", "GET /stories/1/elements?limit=0", "", "query/limit"},
	{"limit 1001", "GET /stories/1/elements?limit=1001", "", "query/limit"},
	{"limit text", "GET /stories/1/elements?limit=all", "", "query/limit"},
	{"unknown parameter", "GET /stories?scriptId=1&colour=red", "", "query/colour"},
	{"query not well formed", "GET /stories?scriptId=%zz", "", "query"},
}

func TestInvalidRequests(t *testing.T) {
	s := startStage(t)
	before := everything(s)
	for _, test := range invalidRequests {
		method, path, _ := strings.Cut(test.request, " ")
		var body any
		if test.body != "" {
			body = test.body
		}
		answer := s.Do(method, path, body)
		pointer, _ := answer.Get("errors", "0", "pointer").(string)
		// Where the JSON itself breaks off, the pointer says how far it was read.
		broken := strings.Contains(fmt.Sprint(answer.Get("errors", "0", "reason")), "JSON")
		if answer.Status != 400 || answer.Get("code") != "invalid_request" || (pointer != test.pointer && !(test.pointer == "" && broken)) {
			t.Errorf("%s: got %d %s, want pointer %q", test.name, answer.Status, answer.Body, test.pointer)
		}
	}
	if after := everything(s); after != before {
		t.Errorf("an invalid request changed something: before %s, after %s", before, after)
	}
}

func TestInvalidHeaders(t *testing.T) {
	s := startStage(t)
	for name, test := range map[string]struct {
		method, path, body string
		headers            []string
		pointer            string
	}{
		"key empty":      {"POST", "/stories/1/elements", `{"text":"x"}`, []string{"Idempotency-Key", ""}, "header/Idempotency-Key"},
		"key with space": {"POST", "/stories/1/elements", `{"text":"x"}`, []string{"Idempotency-Key", "a b"}, "header/Idempotency-Key"},
		"tag empty":      {"PATCH", "/stories/1", `{}`, []string{"If-Match", ""}, "header/If-Match"},
	} {
		answer := s.Do(test.method, test.path, test.body, test.headers...)
		if answer.Status != 400 || answer.Get("errors", "0", "pointer") != test.pointer {
			t.Errorf("%s: got %d %s", name, answer.Status, answer.Body)
		}
	}
	for _, mediaType := range []string{"text/plain", "application/xml", "application/json; charset=utf-16", "application/merge-patch+json", ""} {
		wantProblem(t, s.Want(415, "POST", "/stories/1/elements", `{"text":"x"}`, "Content-Type", mediaType), "unsupported_media_type", "application/json")
	}
}

// TestLimits: the longest that is allowed is taken, and answered as it came.
func TestLimits(t *testing.T) {
	s := startStage(t)
	title, text := strings.Repeat("夜", 1024), strings.Repeat("🎭", 65536)
	head := s.Want(201, "PUT", "/stories/3", map[string]any{"title": title, "author": title, "description": text})
	wantMembers(t, head, "title", title, "author", title, "description", text)
	for _, body := range []map[string]any{
		{"text": text}, {"character": map[string]any{"characterId": 1, "name": title, "description": text}},
		{"action": map[string]any{"actionId": 1, "description": text}},
		{"spokenWord": map[string]any{"dialogueId": 1, "text": text, "parenthetical": title}},
	} {
		answer := s.Want(201, "POST", "/stories/3/elements", body)
		for name, value := range body {
			if reference, ok := value.(map[string]any); ok {
				for member := range reference {
					wantMembers(t, answer, name+"."+member, reference[member])
				}
			} else {
				wantMembers(t, answer, name, value)
			}
		}
	}
	// More than 1 MiB is too much for one element but not for a batch.
	items := make([]map[string]any, 1000)
	for i := range items {
		items[i] = map[string]any{"text": title}
	}
	s.Want(201, "POST", "/stories/3/elements/batch", map[string]any{"items": items})
	wantProblem(t, s.Want(413, "POST", "/stories/3/elements", `{"text":"x"`+strings.Repeat(" ", 1<<20)+`}`), "body_too_large", "1048576")
}

func TestUnknownPaths(t *testing.T) {
	s := startStage(t)
	for _, path := range []string{"/", "/story", "/Stories", "/stories/", "/stories/1/", "/stories/1/scenes", "/stories/1/elements/1/text", "/elements"} {
		request, err := http.NewRequest("GET", s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		// Not through the client, which would follow a redirect.
		response, err := http.DefaultTransport.RoundTrip(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 404 || response.Header.Get("Content-Type") != "application/problem+json" {
			t.Errorf("%s: got %s, %s", path, response.Status, response.Header.Get("Content-Type"))
		}
	}
}

func TestWrongMethods(t *testing.T) {
	s := startStage(t)
	for path, allow := range map[string]string{
		"/stories": "GET, HEAD", "/stories/sequences": "GET, HEAD", "/stories/1": "GET, HEAD, PUT, PATCH, DELETE",
		"/stories/1/elements": "GET, HEAD, POST", "/stories/1/elements/1": "GET, HEAD, PATCH, DELETE",
		"/stories/1/elements/batch": "POST", "/stories/1/elements/reorder": "POST",
	} {
		method := "POST"
		if strings.Contains(allow, "POST") {
			method = "PUT"
		}
		request, err := http.NewRequest(method, s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		response.Body.Close()
		if response.StatusCode != 405 || response.Header.Get("Allow") != allow {
			t.Errorf("%s %s: got %s, Allow %s, want %s", method, path, response.Status, response.Header.Get("Allow"), allow)
		}
	}
}

// TestHostileTexts: what looks like SQL, markup or a format is only text.
func TestHostileTexts(t *testing.T) {
	s := apitest.Start(t, Definition(&Peers{}))
	s.Want(201, "PUT", "/stories/1", `{"title":"x"}`)
	for _, text := range []string{
		`'; DROP TABLE stories; --`, `<script>alert(1)</script>`, `%s%n%x`, `{{.}}`, "\u202egnp.exe", "a\tb\r\nc",
		`"quoted"`, "\U0010ffff", " ", "../../etc/passwd", "${HOME}", "?1 $1 :a", "null", "",
	} {
		body := map[string]any{"text": text, "character": map[string]any{"characterId": 1, "name": text, "description": text},
			"context": map[string]any{"contextId": 1, "data": map[string]any{"a" + text: text}}}
		answer := s.Want(201, "POST", "/stories/1/elements", body)
		wantMembers(t, answer, "text", text, "character.name", text, "character.description", text)
		if got := answer.Get("context", "data", "a"+text); got != text {
			t.Errorf("data: got %v, want %q", got, text)
		}
	}
}
