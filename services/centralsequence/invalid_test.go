package centralsequence

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
	"fountain.coach/fountainai/internal/storage"
)

// posts are the operations that take a body, each with one that is valid.
var posts = map[string]string{
	"/sequence":         `{"elementType":"section","elementId":1}`,
	"/sequence/batch":   `{"items":[{"elementType":"section","elementId":1}]}`,
	"/sequence/reorder": `{"elementType":"section","elements":[{"elementId":1,"newSequence":1}]}`,
	"/sequence/version": `{"elementType":"section","elementId":1,"newVersionData":{}}`,
}

// Bodies that no operation takes.
func TestInvalidBodies(t *testing.T) {
	s := apitest.Start(t, Definition())
	for path, valid := range posts {
		for _, test := range []struct{ name, body string }{
			{"empty", ""},
			{"white space", " \n"},
			{"null", "null"},
			{"array", "[" + valid + "]"},
			{"text", `"section"`},
			{"empty object", "{}"},
			{"cut", valid[:len(valid)-1]},
			{"text after it", valid + "x"},
			{"twice", valid + valid},
			{"single quotes", strings.ReplaceAll(valid, `"`, "'")},
			{"comment", "/* */" + valid},
			{"comma at the end", valid[:len(valid)-1] + ",}"},
			{"unknown property", `{"comment":"x",` + valid[1:]},
			{"property in other case", strings.Replace(valid, `"element`, `"Element`, 1)},
			{"duplicate property", strings.Replace(valid, `"elementType":"section"`, `"elementType":"section","elementType":"section"`, 1)},
			{"escaped duplicate property", strings.Replace(valid, `"elementType":"section"`, `"elementType":"section","\u0065lementType":"section"`, 1)},
			{"invalid UTF-8", strings.Replace(valid, "section", "sec\xfftion", 1)},
			{"unpaired surrogate", strings.Replace(valid, "section", `\ud800`, 1)},
			{"NUL", strings.Replace(valid, "section", `sec\u0000tion`, 1)},
			{"byte order mark", "\ufeff" + valid},
			{"number for text", strings.Replace(valid, `"section"`, "1", 1)},
			{"null for text", strings.Replace(valid, `"section"`, "null", 1)},
			{"empty text", strings.Replace(valid, "section", "", 1)},
			{"text too long", strings.Replace(valid, "section", strings.Repeat("x", 256), 1)},
			{"slash", strings.Replace(valid, "section", "a/b", 1)},
			{"dots alone", strings.Replace(valid, "section", "..", 1)},
			{"tab", strings.Replace(valid, "section", `a\tb`, 1)},
			{"delete character", strings.Replace(valid, "section", `a\u007fb`, 1)},
			{"C1 control character", strings.Replace(valid, "section", `a\u0085b`, 1)},
			{"text for id", strings.Replace(valid, `"elementId":1`, `"elementId":"1"`, 1)},
			{"null for id", strings.Replace(valid, `"elementId":1`, `"elementId":null`, 1)},
			{"true for id", strings.Replace(valid, `"elementId":1`, `"elementId":true`, 1)},
			{"zero id", strings.Replace(valid, `"elementId":1`, `"elementId":0`, 1)},
			{"negative id", strings.Replace(valid, `"elementId":1`, `"elementId":-1`, 1)},
			{"fraction", strings.Replace(valid, `"elementId":1`, `"elementId":1.5`, 1)},
			{"id beyond int64", strings.Replace(valid, `"elementId":1`, `"elementId":9223372036854775808`, 1)},
			{"id far beyond", strings.Replace(valid, `"elementId":1`, `"elementId":1e30`, 1)},
			{"id of absurd size", strings.Replace(valid, `"elementId":1`, `"elementId":1e999999999`, 1)},
			{"leading zero", strings.Replace(valid, `"elementId":1`, `"elementId":01`, 1)},
			{"nested too deeply", strings.Replace(valid, `"section"`, strings.Repeat("[", 100000)+strings.Repeat("]", 100000), 1)},
		} {
			if test.body == valid {
				t.Fatalf("%s: %s leaves the body as it is", path, test.name)
			}
			run(t, s, []exchange{{test.name, "POST " + path, test.body, nil, 400, map[string]any{"code": "invalid_request", "status": 400.0}}})
		}
	}
	for _, path := range []string{"/sequence", "/sequence/section/1/versions"} {
		run(t, s, []exchange{{"nothing was kept", "GET " + path, nil, nil, 200, map[string]any{"0": nil}}})
	}
}

// Members that only one operation takes.
func TestInvalidMembers(t *testing.T) {
	s := apitest.Start(t, Definition())
	for _, test := range []struct{ name, path, body, pointer string }{
		{"scriptId 0", "/sequence", `{"elementType":"a","elementId":1,"scriptId":0}`, "/scriptId"},
		{"scriptId null", "/sequence", `{"elementType":"a","elementId":1,"scriptId":null}`, "/scriptId"},
		{"sequenceNumber 0", "/sequence", `{"elementType":"a","elementId":1,"sequenceNumber":0}`, "/sequenceNumber"},
		{"sequenceNumber as text", "/sequence", `{"elementType":"a","elementId":1,"sequenceNumber":"1"}`, "/sequenceNumber"},
		{"sequenceNumber beyond 2^53-1", "/sequence", `{"elementType":"a","elementId":1,"sequenceNumber":9007199254740992}`, "/sequenceNumber"},
		{"no type", "/sequence", `{"elementId":1}`, "/elementType"},
		{"no id", "/sequence", `{"elementType":"a"}`, "/elementId"},
		{"items as object", "/sequence/batch", `{"items":{"elementType":"a","elementId":1}}`, "/items"},
		{"item as text", "/sequence/batch", `{"items":["a"]}`, "/items/0"},
		{"unknown in an item", "/sequence/batch", `{"items":[{"elementType":"a","elementId":1},{"elementType":"a","elementId":1,"x":1}]}`, "/items/1/x"},
		{"elements missing", "/sequence/reorder", `{"elementType":"a"}`, "/elements"},
		{"newSequence missing", "/sequence/reorder", `{"elementType":"a","elements":[{"elementId":1}]}`, "/elements/0/newSequence"},
		{"newSequence beyond 2^53-1", "/sequence/reorder", `{"elementType":"a","elements":[{"elementId":1,"newSequence":9007199254740992}]}`, "/elements/0/newSequence"},
		{"unknown in an element", "/sequence/reorder", `{"elementType":"a","elements":[{"elementId":1,"newSequence":1,"x":1}]}`, "/elements/0/x"},
		{"data missing", "/sequence/version", `{"elementType":"a","elementId":1}`, "/newVersionData"},
		{"data as array", "/sequence/version", `{"elementType":"a","elementId":1,"newVersionData":[]}`, "/newVersionData"},
		{"data as text", "/sequence/version", `{"elementType":"a","elementId":1,"newVersionData":"{}"}`, "/newVersionData"},
		{"data null", "/sequence/version", `{"elementType":"a","elementId":1,"newVersionData":null}`, "/newVersionData"},
		{"duplicate in data", "/sequence/version", `{"elementType":"a","elementId":1,"newVersionData":{"x":{"y":1,"y":2}}}`, "/newVersionData/x/y"},
	} {
		run(t, s, []exchange{{test.name, "POST " + test.path, test.body, nil, 400, map[string]any{"errors.0.pointer": test.pointer}}})
	}
	for _, body := range []string{`{"sequenceNumber":null}`, `{"sequenceNumber":0}`, `{"sequenceNumber":"2"}`, `{"elementId":2}`, `[]`, `{`} {
		run(t, s, []exchange{{"patch " + body, "PATCH /sequence/section/1", body, nil, 400, map[string]any{"code": "invalid_request"}}})
	}
}

func TestInvalidParameters(t *testing.T) {
	s := apitest.Start(t, Definition())
	for request, pointer := range map[string]string{
		"GET /sequence?scriptId=0":                             "query/scriptId",
		"GET /sequence?scriptId=x":                             "query/scriptId",
		"GET /sequence?scriptId=":                              "query/scriptId",
		"GET /sequence?scriptId=9223372036854775808":           "query/scriptId",
		"GET /sequence?scriptId=1&scriptId=1":                  "query/scriptId",
		"GET /sequence?elementType=":                           "query/elementType",
		"GET /sequence?elementType=a%2Fb":                      "query/elementType",
		"GET /sequence?limit=0":                                "query/limit",
		"GET /sequence?limit=1001":                             "query/limit",
		"GET /sequence?limit=ten":                              "query/limit",
		"GET /sequence?sort=down":                              "query/sort",
		"GET /sequence?scriptId=%zz":                           "query",
		"GET /sequence/section/0":                              "path/elementId",
		"GET /sequence/section/-1":                             "path/elementId",
		"GET /sequence/section/one":                            "path/elementId",
		"GET /sequence/section/9223372036854775808":            "path/elementId",
		"GET /sequence/sec%09tion/1":                           "path/elementType",
		"GET /sequence/%2E%2E/1":                               "path/elementType",
		"GET /sequence/.../1":                                  "path/elementType",
		"GET /sequence/" + strings.Repeat("x", 256) + "/1":     "path/elementType",
		"GET /sequence/section/1?scriptId=-4":                  "query/scriptId",
		"DELETE /sequence/section/1?scriptId=1.0":              "query/scriptId",
		"GET /sequence/section/1/versions?limit=-1":            "query/limit",
		"GET /sequence/section/1/versions?scriptId=1":          "query/scriptId",
		"GET /sequence/section/1/versions/0":                   "path/versionNumber",
		"GET /sequence/section/1/versions/9223372036854775808": "path/versionNumber",
	} {
		run(t, s, []exchange{{"", request, nil, nil, 400, map[string]any{"errors.0.pointer": pointer}}})
	}
	run(t, s, []exchange{
		{"key too long", "POST /sequence", posts["/sequence"], []string{"Idempotency-Key", strings.Repeat("k", 256)}, 400, map[string]any{"errors.0.pointer": "header/Idempotency-Key"}},
		{"empty tag", "DELETE /sequence/section/1", nil, []string{"If-Match", ""}, 400, map[string]any{"errors.0.pointer": "header/If-Match"}},
		{"body of a GET", "GET /sequence", `{}`, nil, 400, nil},
		{"body of a DELETE", "DELETE /sequence/section/1", `{}`, nil, 400, nil},
	})
}

func TestTooLargeAndWrongMediaType(t *testing.T) {
	s := apitest.Start(t, Definition())
	for path, valid := range posts {
		limit := 1 << 20
		if path == "/sequence/batch" {
			limit = 8 << 20
		}
		run(t, s, []exchange{
			{"too large", "POST " + path, valid + strings.Repeat(" ", limit), nil, 413, map[string]any{"code": "body_too_large"}},
			{"form", "POST " + path, "elementType=section&elementId=1", []string{"Content-Type", "application/x-www-form-urlencoded"}, 415, map[string]any{"code": "unsupported_media_type"}},
			{"plain", "POST " + path, valid, []string{"Content-Type", "text/plain"}, 415, nil},
			{"none", "POST " + path, valid, []string{"Content-Type", ""}, 415, nil},
			{"merge patch", "POST " + path, valid, []string{"Content-Type", "application/merge-patch+json"}, 415, nil},
			{"other characters", "POST " + path, valid, []string{"Content-Type", "application/json; charset=latin1"}, 415, nil},
			{"UTF-8 said so", "POST " + path, `{}`, []string{"Content-Type", "application/json; charset=UTF-8"}, 400, nil},
		})
	}
	run(t, s, []exchange{
		{"patch too large", "PATCH /sequence/section/1", `{}` + strings.Repeat(" ", 1<<20), nil, 413, nil},
		{"patch as text", "PATCH /sequence/section/1", `{}`, []string{"Content-Type", "text/plain"}, 415, nil},
	})
}

func TestUnknownPathsAndMethods(t *testing.T) {
	s := apitest.Start(t, Definition())
	for _, path := range []string{"/", "/sequences", "/sequence/", "/sequence/section", "/sequence/section/1/", "/sequence/a%2Fb/1/x", "/sequence/section/1/versions/2/data"} {
		run(t, s, []exchange{{"unknown path", "GET " + path, nil, nil, 404, map[string]any{"code": "no_such_path", "instance": path}}})
	}
	for request, allow := range map[string]string{
		"DELETE /sequence":                        "GET, HEAD, POST",
		"GET /sequence/batch":                     "POST",
		"PUT /sequence/reorder":                   "POST",
		"DELETE /sequence/version":                "POST",
		"POST /sequence/section/1":                "DELETE, GET, HEAD, PATCH",
		"POST /sequence/section/1/versions":       "GET, HEAD",
		"PATCH /sequence/section/1/versions/2":    "GET, HEAD",
		"DELETE /sequence/section/1/versions/2":   "GET, HEAD",
		"OPTIONS /sequence/section/1/versions/12": "GET, HEAD",
	} {
		method, path, _ := strings.Cut(request, " ")
		answer := s.Want(405, method, path, nil)
		methods := strings.Split(answer.Header.Get("Allow"), ", ")
		slices.Sort(methods) // their order means nothing
		if got := strings.Join(methods, ", "); got != allow || answer.Get("code") != "method_not_allowed" {
			t.Errorf("%s: got Allow %q and %s, want Allow %q", request, got, answer.Body, allow)
		}
	}
}

// operations are requests that reach the database, one for each operation.
var operations = []exchange{
	{"list", "GET /sequence", nil, nil, 0, nil},
	{"number", "POST /sequence", posts["/sequence"], nil, 0, nil},
	{"batch", "POST /sequence/batch", posts["/sequence/batch"], nil, 0, nil},
	{"reorder", "POST /sequence/reorder", posts["/sequence/reorder"], nil, 0, nil},
	{"version", "POST /sequence/version", posts["/sequence/version"], nil, 0, nil},
	{"get", "GET /sequence/section/1", nil, nil, 0, nil},
	{"patch", "PATCH /sequence/section/1", `{"sequenceNumber":2}`, nil, 0, nil},
	{"delete", "DELETE /sequence/section/1", nil, nil, 0, nil},
	{"versions", "GET /sequence/section/1/versions", nil, nil, 0, nil},
	{"one version", "GET /sequence/section/1/versions/2", nil, nil, 0, nil},
}

// A broken database shows as 500 without its reasons.
func TestInternalError(t *testing.T) {
	s := apitest.Start(t, Definition())
	_, err := storage.WriteValue(t.Context(), s.Instance.DB, func(tx *storage.Tx) (int64, error) {
		if _, err := tx.Exec("DROP TABLE element_versions"); err != nil {
			return 0, err
		}
		return tx.Exec("DROP TABLE elements")
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, e := range operations {
		e.status, e.want = 500, map[string]any{"code": "internal_error", "errors": nil}
		run(t, s, []exchange{e})
		method, path, _ := strings.Cut(e.request, " ")
		for _, secret := range []string{"SQL", "element_versions", "no such table", ".go"} {
			if answer := s.Do(method, path, e.body); strings.Contains(string(answer.Body), secret) {
				t.Errorf("%s: the answer shows %q: %s", e.name, secret, answer.Body)
			}
		}
	}
}

// A service that is stopping answers 503, and says when to return.
func TestUnavailable(t *testing.T) {
	s := apitest.Start(t, Definition())
	stop(t, s)
	for _, e := range operations {
		method, path, _ := strings.Cut(e.request, " ")
		answer := s.Want(503, method, path, e.body)
		if got := answer.Header.Get("Retry-After"); got == "" || answer.Get("code") != "shutting_down" {
			t.Errorf("%s: got Retry-After %q and %s", e.name, got, answer.Body)
		}
	}
}

func TestHead(t *testing.T) {
	s := apitest.Start(t, Definition())
	fill(t, s, "section", 2, 0)
	for path, header := range map[string]string{"/sequence?limit=1": "Link", "/sequence/section/1": "ETag"} {
		get, head := s.Want(200, "GET", path, nil), s.Want(200, "HEAD", path, nil)
		if len(head.Body) != 0 || head.Header.Get(header) == "" || head.Header.Get(header) != get.Header.Get(header) {
			t.Errorf("HEAD %s: got body %q and %s %s, want none and %s", path, head.Body, header, head.Header.Get(header), get.Header.Get(header))
		}
	}
	if got := fmt.Sprint(s.Want(404, "HEAD", "/sequence/section/9", nil).Body); got != "[]" {
		t.Errorf("HEAD of nothing: got body %s", got)
	}
}
