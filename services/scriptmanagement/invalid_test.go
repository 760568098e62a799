package scriptmanagement

import (
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// sections is where the bodies that name no path of their own are sent.
const sections = "POST /scripts/1/sections"

// invalidRequests must all get 400, with the pointer first among errors.
var invalidRequests = []struct{ name, request, body, pointer string }{
	{"no body", sections, "", ""},
	{"broken JSON", sections, `{"title":"x"`, ""},
	{"broken in the middle", sections, `{"title":,}`, ""},
	{"single quotes", sections, `{'title':'x'}`, ""},
	{"trailing comma", sections, `{"title":"x",}`, ""},
	{"comment", sections, `{"title":"x"} // done`, ""},
	{"two values", sections, `{"title":"x"}{"title":"y"}`, ""},
	{"duplicate key", sections, `{"title":"x","title":"y"}`, "/title"},
	{"duplicate key, escaped", sections, `{"title":"x","\u0074itle":"y"}`, "/title"},
	{"invalid UTF-8", sections, "{\"title\":\"\xff\"}", "/title"},
	{"overlong UTF-8", sections, "{\"title\":\"\xc0\xaf\"}", "/title"},
	{"unpaired surrogate", sections, `{"title":"\ud800"}`, "/title"},
	{"U+0000", sections, `{"title":"a\u0000b"}`, "/title"},
	{"raw control character", sections, "{\"title\":\"a\nb\"}", "/title"},
	{"byte order mark", sections, "\ufeff{\"title\":\"x\"}", ""},
	{"null", sections, `null`, ""},
	{"array", sections, `[]`, ""},
	{"text", sections, `"title"`, ""},
	{"number", sections, `7`, ""},
	{"no title", sections, `{}`, "/title"},
	{"title null", sections, `{"title":null}`, "/title"},
	{"title number", sections, `{"title":7}`, "/title"},
	{"title object", sections, `{"title":{"text":"x"}}`, "/title"},
	{"title array", sections, `{"title":["x"]}`, "/title"},
	{"title empty", sections, `{"title":""}`, "/title"},
	{"title too long", sections, `{"title":"` + strings.Repeat("夜", 1025) + `"}`, "/title"},
	{"unknown property", sections, `{"title":"x","colour":"red"}`, "/colour"},
	{"wrong case", sections, `{"Title":"x"}`, "/Title"},
	{"property of answers", sections, `{"title":"x","headingId":7}`, "/headingId"},
	{"number as text", sections, `{"title":"x","sequenceNumber":"7"}`, "/sequenceNumber"},
	{"number null", sections, `{"title":"x","sequenceNumber":null}`, "/sequenceNumber"},
	{"number 0", sections, `{"title":"x","sequenceNumber":0}`, "/sequenceNumber"},
	{"number negative", sections, `{"title":"x","sequenceNumber":-1}`, "/sequenceNumber"},
	{"number with fraction", sections, `{"title":"x","sequenceNumber":1.5}`, "/sequenceNumber"},
	{"number beyond 2^53", sections, `{"title":"x","sequenceNumber":9007199254740992}`, "/sequenceNumber"},
	{"number beyond int64", sections, `{"title":"x","sequenceNumber":9223372036854775808}`, "/sequenceNumber"},
	{"number written as a fraction", sections, `{"title":"x","sequenceNumber":7.0}`, "/sequenceNumber"},
	{"number written with an exponent", sections, `{"title":"x","sequenceNumber":1e2}`, "/sequenceNumber"},
	{"number of a million digits", sections, `{"title":"x","sequenceNumber":1e999999}`, "/sequenceNumber"},
	{"number huge", sections, `{"title":"x","sequenceNumber":1e400}`, "/sequenceNumber"},
	{"nested too deeply", sections, strings.Repeat(`{"title":`, 10000) + "1" + strings.Repeat("}", 10000), strings.Repeat("/title", 64)},

	{"script without title", "POST /scripts", `{"author":"x"}`, "/title"},
	{"author null on creation", "POST /scripts", `{"title":"x","author":null}`, "/author"},
	{"author too long", "POST /scripts", `{"title":"x","author":"` + strings.Repeat("a", 1025) + `"}`, "/author"},
	{"description too long", "POST /scripts", `{"title":"x","description":"` + strings.Repeat("a", 65537) + `"}`, "/description"},
	{"description number", "POST /scripts", `{"title":"x","description":7}`, "/description"},
	{"scriptId in PUT", "PUT /scripts/1", `{"scriptId":1}`, "/scriptId"},
	{"sequenceNumber in PUT", "PUT /scripts/1", `{"sequenceNumber":7}`, "/sequenceNumber"},
	{"null in PUT", "PUT /scripts/1", `{"author":null}`, "/author"},
	{"title null in PATCH", "PATCH /scripts/1", `{"title":null}`, "/title"},
	{"sequenceNumber null in PATCH", "PATCH /scripts/1", `{"sequenceNumber":null}`, "/sequenceNumber"},
	{"author too long in PATCH", "PATCH /scripts/1", `{"author":"` + strings.Repeat("a", 1025) + `"}`, "/author"},
	{"text null in PATCH", "PATCH /scripts/1/transitions/1", `{"text":null}`, "/text"},
	{"transition by title", "POST /scripts/1/transitions", `{"title":"CUT TO:"}`, "/text"},
	{"transition too long", "POST /scripts/1/transitions", `{"text":"` + strings.Repeat("a", 1025) + `"}`, "/text"},
	{"batch without items", "POST /scripts/1/sections/batch", `{}`, "/items"},
	{"batch of an object", "POST /scripts/1/sections/batch", `{"items":{"title":"x"}}`, "/items"},
	{"batch as bare array", "POST /scripts/1/sections/batch", `[{"title":"x"}]`, ""},
	{"batch with bad item", "POST /scripts/1/transitions/batch", `{"items":[{"text":"x"},{"text":"x","sequenceNumber":0}]}`, "/items/1/sequenceNumber"},
	{"reorder without elements", "POST /scripts/1/sections/reorder", `{}`, "/elements"},
	{"reorder with half an element", "POST /scripts/1/sections/reorder", `{"elements":[{"headingId":1}]}`, "/elements/0/newSequence"},
	{"reorder by the other identifier", "POST /scripts/1/transitions/reorder", `{"elements":[{"headingId":1,"newSequence":2}]}`, "/elements/0/headingId"},
	{"reorder of a negative identifier", "POST /scripts/1/sections/reorder", `{"elements":[{"headingId":-1,"newSequence":2}]}`, "/elements/0/headingId"},
	{"reorder of an identifier beyond int64", "POST /scripts/1/sections/reorder", `{"elements":[{"headingId":9223372036854775808,"newSequence":2}]}`, "/elements/0/headingId"},

	{"script id text", "GET /scripts/x", "", "path/scriptId"},
	{"script id 0", "GET /scripts/0", "", "path/scriptId"},
	{"script id negative", "DELETE /scripts/-1", "", "path/scriptId"},
	{"script id with plus", "GET /scripts/+1", "", "path/scriptId"},
	{"script id with leading zero", "GET /scripts/01", "", "path/scriptId"},
	{"script id with fraction", "GET /scripts/1.0", "", "path/scriptId"},
	{"script id beyond int64", "GET /scripts/9223372036854775808", "", "path/scriptId"},
	{"script id of a hundred digits", "GET /scripts/" + strings.Repeat("9", 100), "", "path/scriptId"},
	{"script id with SQL", "GET /scripts/1%20OR%201=1", "", "path/scriptId"},
	{"script id negative in sections", "GET /scripts/-1/sections", "", "path/scriptId"},
	{"heading id text", "GET /scripts/1/sections/x", "", "path/headingId"},
	{"heading id negative", "DELETE /scripts/1/sections/-7", "", "path/headingId"},
	{"heading id negative in query", "PUT /scripts/1/sections?headingId=-7", `{"title":"x"}`, "query/headingId"},
	{"heading id twice in query", "PUT /scripts/1/sections?headingId=1&headingId=2", `{"title":"x"}`, "query/headingId"},
	{"transition id beyond int64", "PATCH /scripts/1/transitions/99999999999999999999", `{}`, "path/transitionId"},

	{"limit 0", "GET /scripts?limit=0", "", "query/limit"},
	{"limit 1001", "GET /scripts/1/sections?limit=1001", "", "query/limit"},
	{"limit text", "GET /scripts?limit=all", "", "query/limit"},
	{"limit empty", "GET /scripts?limit=", "", "query/limit"},
	{"ids text", "GET /scripts?ids=1,x", "", "query/ids"},
	{"ids empty", "GET /scripts/1/transitions?ids=", "", "query/ids"},
	{"ids with a hole", "GET /scripts?ids=1,,2", "", "query/ids"},
	{"ids negative", "GET /scripts/1/sections?ids=-1", "", "query/ids"},
	{"ids beyond int64", "GET /scripts?ids=9223372036854775808", "", "query/ids"},
	{"ids, 1001 of them", "GET /scripts?ids=" + strings.TrimSuffix(strings.Repeat("1,", 1001), ","), "", "query/ids"},
	{"title empty in filter", "GET /scripts?title=", "", "query/title"},
	{"title too long in filter", "GET /scripts?title=" + strings.Repeat("a", 1025), "", "query/title"},
	{"unknown parameter", "GET /scripts?colour=red", "", "query/colour"},
	{"filter of another list", "GET /scripts/1/sections?title=x", "", "query/title"},
	{"query not well formed", "GET /scripts?title=%zz", "", "query"},
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
		"key empty":      {"POST", "/scripts", `{"title":"x"}`, []string{"Idempotency-Key", ""}, "header/Idempotency-Key"},
		"key too long":   {"POST", "/scripts", `{"title":"x"}`, []string{"Idempotency-Key", strings.Repeat("k", 256)}, "header/Idempotency-Key"},
		"key with space": {"POST", "/scripts", `{"title":"x"}`, []string{"Idempotency-Key", "a b"}, "header/Idempotency-Key"},
		"tag empty":      {"PATCH", "/scripts/1", `{}`, []string{"If-Match", ""}, "header/If-Match"},
	} {
		answer := s.Do(test.method, test.path, test.body, test.headers...)
		if answer.Status != 400 || answer.Get("errors", "0", "pointer") != test.pointer {
			t.Errorf("%s: got %d %s", name, answer.Status, answer.Body)
		}
	}
	for _, mediaType := range []string{"text/plain", "application/x-www-form-urlencoded", "application/xml", "application/json; charset=utf-16", "application/merge-patch+json", "", ";"} {
		answer := s.Want(415, "POST", "/scripts", `{"title":"x"}`, "Content-Type", mediaType)
		wantProblem(t, answer, "unsupported_media_type", "application/json")
	}
	s.Want(201, "POST", "/scripts", `{"title":"x"}`, "Content-Type", "Application/JSON; Charset=UTF-8")
}

// TestLimits: the longest that is allowed is taken, and answered as it came.
func TestLimits(t *testing.T) {
	s := startStage(t)
	title, description := strings.Repeat("夜", 1024), strings.Repeat("🎭", 65536)
	created := s.Want(201, "POST", "/scripts", map[string]any{"title": title, "author": title, "description": description})
	wantMembers(t, created, "title", title, "author", title, "description", description)
	wantMembers(t, s.Want(201, "POST", "/scripts/3/sections", map[string]any{"title": title}), "title", title)
	wantMembers(t, s.Want(201, "POST", "/scripts/3/transitions", map[string]any{"text": title}), "text", title)

	// More than 1 MiB is too much for one element but not for a batch.
	batch := texts(shapes[0], 1000)
	for _, item := range batch["items"].([]map[string]any) {
		item["title"] = title
	}
	s.Want(201, "POST", "/scripts/3/sections/batch", batch)
	wantProblem(t, s.Want(413, "POST", "/scripts/3/sections", `{"title":"x"`+strings.Repeat(" ", 1<<20)+`}`), "body_too_large", "1048576")
	wantProblem(t, s.Want(413, "POST", "/scripts/3/sections/batch", strings.Repeat(" ", 8<<20+1)), "body_too_large", "8388608")
}

func TestUnknownPaths(t *testing.T) {
	s := startStage(t)
	for _, path := range []string{
		"/", "/script", "/Scripts", "/scripts/", "/scripts/1/", "/scripts/1/scenes", "/scripts/1/sections/1/lines",
		"/scripts/batch/1", "/sections", "/sections/1", "/transitions", "/scripts//sections",
	} {
		request, err := http.NewRequest("GET", s.URL+path, nil)
		if err != nil {
			t.Fatal(err)
		}
		// Not through the client, which would hide a redirect.
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
	for path, allowed := range map[string][]string{
		"/scripts":                 {"GET", "HEAD", "POST"},
		"/scripts/1":               {"DELETE", "GET", "HEAD", "PATCH", "PUT"},
		"/scripts/1/sections":      {"GET", "HEAD", "POST", "PUT"},
		"/scripts/1/sections/1":    {"DELETE", "GET", "HEAD", "PATCH", "PUT"},
		"/scripts/1/transitions":   {"GET", "HEAD", "POST"},
		"/scripts/1/transitions/1": {"DELETE", "GET", "HEAD", "PATCH"},
	} {
		for _, method := range []string{"GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"} {
			if slices.Contains(allowed, method) {
				continue
			}
			answer := s.Want(405, method, path, nil)
			wantProblem(t, answer, "method_not_allowed", "")
			got := strings.Split(answer.Header.Get("Allow"), ", ")
			if slices.Sort(got); !slices.Equal(got, allowed) {
				t.Errorf("%s %s: Allow is %q, want %q", method, path, got, allowed)
			}
		}
	}
	// HEAD is GET without a body.
	request, _ := http.NewRequest("HEAD", s.URL+"/scripts/1", nil)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	response.Body.Close()
	if response.StatusCode != 200 || response.Header.Get("ETag") != `"1"` {
		t.Errorf("HEAD: got %s, ETag %s", response.Status, response.Header.Get("ETag"))
	}
}

// TestHostileTexts: what looks like SQL, markup or a format is only text.
func TestHostileTexts(t *testing.T) {
	s := apitest.Start(t, Definition())
	for _, text := range []string{
		`'; DROP TABLE scripts; --`, `<script>alert(1)</script>`, `%s%n%x`, `{{.}}`, `\u0041`, "\u202egnp.exe", "a\tb\r\nc",
		`"quoted"`, "\U0010ffff", "é vs é", " ", "../../etc/passwd", "${HOME}", "?1 $1 :a",
	} {
		created := s.Want(201, "POST", "/scripts", map[string]any{"title": text, "author": text, "description": text})
		wantMembers(t, created, "title", text, "author", text, "description", text)
		path := fmt.Sprintf("/scripts/%v", created.Get("scriptId"))
		wantMembers(t, s.Want(201, "POST", path+"/sections", map[string]any{"title": text}), "title", text)
		wantMembers(t, s.Want(201, "POST", path+"/transitions", map[string]any{"text": text}), "text", text)
		wantMembers(t, s.Want(200, "GET", path, nil), "title", text)
	}
}
