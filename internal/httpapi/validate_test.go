package httpapi

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// wantFault fails the test unless the answer is 400 and names pointer first,
// with part of the reason.
func wantFault(t *testing.T, w *httptest.ResponseRecorder, pointer, reason string) {
	t.Helper()
	if w.Code != http.StatusBadRequest {
		t.Fatalf("got %d, want 400: %s", w.Code, w.Body)
	}
	p := problemOf(t, w)
	if p.Code != "invalid_request" || len(p.Errors) == 0 || p.Errors[0].Pointer != pointer || !strings.Contains(p.Errors[0].Reason, reason) {
		t.Errorf("got %+v, want %q: …%s…", p.Errors, pointer, reason)
	}
}

func TestBody(t *testing.T) {
	s := newTestAPI(t, Options{})
	tests := []struct {
		body, pointer, reason string // reason "" where the body is good
	}{
		{body: `{"name":"Juliet","owner":9223372036854775807,"weight":1.5,"kind":"act","born":"2026-01-31T12:00:00Z","tags":["a","b"]}`},
		{body: ` {"name":"é𝄞","parent":null,"weight":1e2} `},
		{body: `{"name":"x","parent":-0,"weight":-0}`},
		{body: `{}`, pointer: "/name", reason: "is required"},
		{body: `[]`, reason: "must be object, not array"},
		{body: `null`, reason: "must be object, not null"},
		{body: `"name"`, reason: "must be object, not string"},
		{body: `{"name":null}`, pointer: "/name", reason: "must be string, not null"},
		{body: `{"name":1}`, pointer: "/name", reason: "must be string, not number"},
		{body: `{"name":""}`, pointer: "/name", reason: "at least 1 characters, not 0"},
		{body: `{"name":"` + strings.Repeat("é", 101) + `"}`, pointer: "/name", reason: "at most 100 characters, not 101"},
		{body: `{"name":"x","Name":"y"}`, pointer: "/Name", reason: "not a known property"},
		{body: `{"name":"x","a/b~c":1}`, pointer: "/a~1b~0c", reason: "not a known property"},
		{body: `{"name":"x","owner":1.0}`, pointer: "/owner", reason: "without fraction or exponent"},
		{body: `{"name":"x","owner":1e0}`, pointer: "/owner", reason: "without fraction or exponent"},
		{body: `{"name":"x","owner":10E-1}`, pointer: "/owner", reason: "without fraction or exponent"},
		{body: `{"name":"x","parent":1.0}`, pointer: "/parent", reason: "without fraction or exponent"},
		{body: `{"name":"x","owner":1.5}`, pointer: "/owner", reason: "must be integer"},
		{body: `{"name":"x","owner":"1"}`, pointer: "/owner", reason: "must be integer, not string"},
		{body: `{"name":"x","owner":9223372036854775808}`, pointer: "/owner", reason: "must be"},
		{body: `{"name":"x","parent":9223372036854775808}`, pointer: "/parent", reason: "at most 64 bits"},
		{body: `{"name":"x","parent":-9223372036854775809}`, pointer: "/parent", reason: "at most 64 bits"},
		{body: `{"name":"x","owner":0}`, pointer: "/owner", reason: "must be at least 1"},
		{body: `{"name":"x","owner":-0}`, pointer: "/owner", reason: "must be at least 1"},
		{body: `{"name":"x","owner":1e999999}`, pointer: "/owner", reason: "too large"},
		{body: `{"name":"x","weight":1e9999999}`, pointer: "/weight", reason: "too large"},
		{body: `{"name":"x","weight":-1}`, pointer: "/weight", reason: "must be at least 0"},
		{body: `{"name":"x","kind":"song"}`, pointer: "/kind", reason: "must be one of scene, act"},
		{body: `{"name":"x","born":"yesterday"}`, pointer: "/born", reason: "must be a date-time"},
		{body: `{"name":"x","code":"A1"}`, pointer: "/code", reason: "must match the pattern ^[a-z]+$"},
		{body: `{"name":"x","tags":["a","a"]}`, pointer: "/tags", reason: "same item twice, at 0 and 1"},
		{body: `{"name":"x","tags":["a",2]}`, pointer: "/tags/1", reason: "must be string"},
		{body: `{"name":"x","data":{"a":1,"b":2,"c":3}}`, pointer: "/data", reason: "at most 2 members"},
		{body: `{"name":"x","name":"y"}`, pointer: "/name", reason: "appears twice"},
		{body: `{"name":"x"`, reason: "ends too early"},
		{body: `{"name":"x"}}`, reason: "text after"},
		{body: ``, reason: "body is required"},
		{body: `  `, reason: "body is required"},
	}
	for _, test := range tests {
		t.Run(test.body, func(t *testing.T) {
			w := s.do("POST", "/items", test.body)
			if test.reason != "" {
				wantFault(t, w, test.pointer, test.reason)
			} else if w.Code != http.StatusCreated {
				t.Errorf("got %d: %s", w.Code, w.Body)
			}
		})
	}
}

func TestManyFaults(t *testing.T) {
	s := newTestAPI(t, Options{})
	items := strings.Repeat(`{"name":"","owner":"x","nonsense":1},`, 500) + `{"name":"good"}`
	p := problemOf(t, s.do("POST", "/items/batch", `{"items":[`+items+`]}`))
	if len(p.Errors) != maxFaults || p.Errors[0].Pointer != "/items/0/name" || !strings.Contains(p.Detail, "19 more") {
		t.Errorf("got %d faults, first %+v: %s", len(p.Errors), p.Errors[0], p.Detail)
	}
	var unknown strings.Builder
	for i := range 1000 {
		fmt.Fprintf(&unknown, "&q%d=1", i)
	}
	if p = problemOf(t, s.do("GET", "/items?"+unknown.String()[1:], "")); len(p.Errors) != maxFaults {
		t.Errorf("got %d faults", len(p.Errors))
	}
}

func TestParameters(t *testing.T) {
	s := newTestAPI(t, Options{})
	tests := []struct {
		target, pointer, reason string // reason "" where the request is good
	}{
		{target: "/items"},
		{target: "/items?"},
		{target: "/items?&&"},
		{target: "/items?name=a+b%2Bc&ids=1,2,3&done=true&weight=-0.5e1&limit=1000&offset=-0"},
		{target: "/items?ids=1%2C2"},
		{target: "/items?offset=-9223372036854775808"},
		{target: "/items?limit", pointer: "query/limit", reason: "must be integer"},
		{target: "/items?limit=", pointer: "query/limit", reason: "must be integer"},
		{target: "/items?limit=0", pointer: "query/limit", reason: "must be at least 1"},
		{target: "/items?limit=-0", pointer: "query/limit", reason: "must be at least 1"},
		{target: "/items?limit=1001", pointer: "query/limit", reason: "must be at most 1000"},
		{target: "/items?limit=1.0", pointer: "query/limit", reason: "without fraction or exponent"},
		{target: "/items?limit=1e0", pointer: "query/limit", reason: "without fraction or exponent"},
		{target: "/items?limit=%2B1", pointer: "query/limit", reason: "must be integer"},
		{target: "/items?limit=+1", pointer: "query/limit", reason: "must be integer"},
		{target: "/items?limit=01", pointer: "query/limit", reason: "must be integer"},
		{target: "/items?limit=0x1", pointer: "query/limit", reason: "must be integer"},
		{target: "/items?limit=%D9%A1", pointer: "query/limit", reason: "must be integer"},
		{target: "/items?limit=1&limit=1", pointer: "query/limit", reason: "more than once"},
		{target: "/items?offset=9223372036854775808", pointer: "query/offset", reason: "at most 64 bits"},
		{target: "/items?offset=" + strings.Repeat("9", 500), pointer: "query/offset", reason: "must be integer"},
		{target: "/items?weight=11", pointer: "query/weight", reason: "must be at most 10"},
		{target: "/items?weight=1e999999", pointer: "query/weight", reason: "must be number"},
		{target: "/items?done=TRUE", pointer: "query/done", reason: "must be boolean"},
		{target: "/items?ids=", pointer: "query/ids", reason: "item 1 must be integer"},
		{target: "/items?ids=1,,3", pointer: "query/ids", reason: "item 2 must be integer"},
		{target: "/items?ids=1,2,0", pointer: "query/ids", reason: "item 3 must be at least 1"},
		{target: "/items?ids=1,2,3,4,5,6", pointer: "query/ids", reason: "at most 5 items"},
		{target: "/items?ids=1&ids=2", pointer: "query/ids", reason: "more than once"},
		{target: "/items?name=", pointer: "query/name", reason: "at least 1 characters"},
		{target: "/items?name=%00", pointer: "query/name", reason: "U+0000"},
		{target: "/items?name=%ff", pointer: "query/name", reason: "UTF-8"},
		{target: "/items?Name=x", pointer: "query/Name", reason: "takes name, ids, done"},
		{target: "/items?=x", pointer: "query/", reason: "not known"},
		{target: "/items?name=a;limit=1", pointer: "query", reason: "well formed"},
		{target: "/items?name=%zz", pointer: "query", reason: "well formed"},
		{target: "/items?cursor=", pointer: "query/cursor", reason: "at least 1 characters"},
		{target: "/items/1?fields=name", pointer: "query/fields", reason: "takes no query parameters"},
		{target: "/items/1/parts/a%20b"},
		{target: "/items/0/parts/x", pointer: "path/itemId", reason: "must be at least 1"},
		{target: "/items/1.0/parts/x", pointer: "path/itemId", reason: "without fraction or exponent"},
		{target: "/items/%2B1/parts/x", pointer: "path/itemId", reason: "must be integer"},
		{target: "/items/9223372036854775808/parts/x", pointer: "path/itemId", reason: "must be"},
		{target: "/items/me", pointer: "path/itemId", reason: "must be integer, not string"},
		{target: "/items/../parts/x", pointer: "path/itemId", reason: "must be integer, not string"},
		{target: "/items/1/parts/%00", pointer: "path/part", reason: "U+0000"},
	}
	for _, test := range tests {
		t.Run(test.target[:min(len(test.target), 40)], func(t *testing.T) {
			w := s.do("GET", test.target, "")
			if test.reason != "" {
				wantFault(t, w, test.pointer, test.reason)
			} else if w.Code != http.StatusOK {
				t.Errorf("got %d: %s", w.Code, w.Body)
			}
		})
	}
}

func TestHeaderParameters(t *testing.T) {
	s := newTestAPI(t, Options{})
	s.do("POST", "/items", `{"name":"x"}`)
	tests := []struct {
		method, target, body string
		headers              []string
		pointer, reason      string
		status               int // where the header is good
	}{
		{"POST", "/items", `{"name":"x"}`, []string{"X-Note", "ok"}, "", "", 201},
		{"POST", "/items", `{"name":"x"}`, []string{"X-Note", "01234567890"}, "header/X-Note", "at most 10", 0},
		{"POST", "/items", `{"name":"x"}`, []string{"X-Note", "a", "X-Note", "a"}, "header/X-Note", "more than once", 0},
		{"POST", "/items", `{"name":"x"}`, []string{"X-Note", "\xff"}, "header/X-Note", "UTF-8", 0},
		{"POST", "/items", `{"name":"x"}`, []string{"Idempotency-Key", ""}, "header/Idempotency-Key", "at least 1", 0},
		{"POST", "/items", `{"name":"x"}`, []string{"Idempotency-Key", "a b"}, "header/Idempotency-Key", "pattern", 0},
		{"POST", "/items", `{"name":"x"}`, []string{"Idempotency-Key", "a", "Idempotency-Key", "b"}, "header/Idempotency-Key", "more than once", 0},
		{"POST", "/items", `{"name":"bad parameter"}`, nil, "header/X-Note", "does not have the form", 0},
		{"PATCH", "/items/1", `{}`, []string{"If-Match", `"9"`, "If-Match", `"1"`}, "", "", 200},
		{"PATCH", "/items/1", `{}`, []string{"If-Match", `"9"`, "If-Match", `"8"`}, "", "", 412},
		{"PATCH", "/items/1", `{}`, []string{"If-Match", ``}, "header/If-Match", "at least 1", 0},
		{"PATCH", "/items/1", `{}`, []string{"If-Match", `1`}, "header/If-Match", "in quotes", 0},
	}
	for _, test := range tests {
		t.Run(test.method+" "+strings.Join(test.headers, " "), func(t *testing.T) {
			w := s.do(test.method, test.target, test.body, test.headers...)
			if test.status == 0 {
				wantFault(t, w, test.pointer, test.reason)
			} else if w.Code != test.status {
				t.Errorf("got %d, want %d: %s", w.Code, test.status, w.Body)
			}
		})
	}
}

func TestContentHeaders(t *testing.T) {
	s := newTestAPI(t, Options{})
	s.do("POST", "/items", `{"name":"x"}`)
	tests := []struct {
		method, target string
		headers        []string // Content-Type first
		status         int
		detail         string
	}{
		{"POST", "/items", []string{"Content-Type", "application/json"}, 201, ""},
		{"POST", "/items", []string{"Content-Type", "Application/JSON; Charset=UTF-8"}, 201, ""},
		{"POST", "/items", []string{"Content-Type", "application/json;"}, 201, ""},
		{"POST", "/items", []string{"Content-Type", "application/json", "Content-Encoding", "identity"}, 201, ""},
		{"POST", "/items", []string{"Content-Type", "application/json; charset=latin1"}, 415, "application/json in UTF-8"},
		{"POST", "/items", []string{"Content-Type", "text/plain"}, 415, `has Content-Type "text/plain"; send application/json`},
		{"POST", "/items", []string{"Content-Type", "application/merge-patch+json"}, 415, "send application/json in"},
		{"POST", "/items", []string{"Content-Type", "application/json, text/plain"}, 415, ""},
		{"POST", "/items", []string{"Content-Type", ""}, 415, "has no Content-Type"},
		{"POST", "/items", nil, 415, "has no Content-Type"},
		{"POST", "/items", []string{"Content-Type", "application/json", "Content-Encoding", "gzip"}, 415, "without Content-Encoding"},
		{"PATCH", "/items/1", []string{"Content-Type", "application/merge-patch+json"}, 200, ""},
		{"PATCH", "/items/1", []string{"Content-Type", "application/json"}, 200, ""},
		{"PATCH", "/items/1", []string{"Content-Type", "text/json"}, 415, "application/json or application/merge-patch+json"},
	}
	for _, test := range tests {
		t.Run(strings.Join(test.headers, " "), func(t *testing.T) {
			r := httptest.NewRequest(test.method, test.target, strings.NewReader(`{"name":"x"}`))
			for i := 0; i+1 < len(test.headers); i += 2 {
				r.Header.Add(test.headers[i], test.headers[i+1])
			}
			w := s.serve(r)
			if w.Code != test.status {
				t.Fatalf("got %d, want %d: %s", w.Code, test.status, w.Body)
			}
			if test.status == http.StatusUnsupportedMediaType && !strings.Contains(problemOf(t, w).Detail, test.detail) {
				t.Errorf("got %s", w.Body)
			}
			if gzip := slices.Contains(test.headers, "gzip"); gzip != (w.Header().Get("Accept-Encoding") == "identity") {
				t.Errorf("Accept-Encoding: got %q", w.Header().Get("Accept-Encoding"))
			}
		})
	}
}

// TestOptionalBody: PATCH of the test document does not require one.
func TestOptionalBody(t *testing.T) {
	s := newTestAPI(t, Options{})
	s.do("POST", "/items", `{"name":"x"}`)
	if w := s.do("PATCH", "/items/1", ""); w.Code != http.StatusOK {
		t.Errorf("got %d: %s", w.Code, w.Body)
	}
}

// raw sends text over a connection of its own and returns the answers.
func raw(t *testing.T, address string, parts ...string) []*http.Response {
	t.Helper()
	connection, err := net.Dial("tcp", address)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { connection.Close() })
	var answers []*http.Response
	reader := bufio.NewReader(connection)
	for _, part := range parts {
		if _, err := io.WriteString(connection, part); err != nil {
			t.Fatal(err)
		}
		answer, err := http.ReadResponse(reader, nil)
		if err != nil {
			t.Fatalf("after %q: %v", part, err)
		}
		content, err := io.ReadAll(answer.Body)
		if err != nil {
			t.Fatal(err)
		}
		answer.Body = io.NopCloser(bytes.NewReader(content))
		answers = append(answers, answer)
	}
	return answers
}

func TestBodiesOnTheWire(t *testing.T) {
	s := newTestAPI(t, Options{})
	address := s.newServer(nil).Listener.Addr().String()
	const post = "POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
	const good = `{"name":"x"}`
	large := `{"name":"` + strings.Repeat("x", 5000) + `"}`
	length := func(body string) string { return fmt.Sprintf("Content-Length: %d\r\n\r\n%s", len(body), body) }
	chunked := func(body string) string {
		return fmt.Sprintf("Transfer-Encoding: chunked\r\n\r\n%x\r\n%s\r\n0\r\n\r\n", len(body), body)
	}
	tests := []struct {
		name   string
		parts  []string
		status []int
	}{
		{"length", []string{post + length(good)}, []int{201}},
		{"chunked", []string{post + chunked(good)}, []int{201}},
		{"chunked, empty", []string{post + "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}, []int{400}},
		{"too large", []string{post + length(large)}, []int{413}},
		{"too large, chunked", []string{post + chunked(large)}, []int{413}},
		{"exactly the limit", []string{post + length(`{"name":"x"}`+strings.Repeat(" ", 4096-12))}, []int{201}},
		{"continue", []string{post + "Expect: 100-continue\r\nContent-Length: 12\r\n\r\n", good}, []int{100, 201}},
		{"no continue for a wrong type", []string{"POST /items HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n"}, []int{415}},
		{"no continue for too much", []string{post + "Expect: 100-continue\r\nContent-Length: 5000\r\n\r\n"}, []int{413}},
		{"no continue for a wrong parameter", []string{post + "X-Note: 01234567890\r\nExpect: 100-continue\r\nContent-Length: 12\r\n\r\n"}, []int{400}},
		{"body on GET", []string{"GET /items HTTP/1.1\r\nHost: x\r\n" + length("{}")}, []int{400}},
		{"chunked body on GET", []string{"GET /items HTTP/1.1\r\nHost: x\r\n" + chunked("{}")}, []int{400}},
		{"empty chunked body on GET", []string{"GET /items HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n"}, []int{200}},
		{"length 0 on GET", []string{"GET /items HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"}, []int{200}},
		{"body on DELETE", []string{"DELETE /items/1 HTTP/1.1\r\nHost: x\r\n" + length("x")}, []int{400}},
		{"absolute form", []string{"GET http://elsewhere.example/items HTTP/1.1\r\nHost: elsewhere.example\r\n\r\n"}, []int{200}},
		{"HTTP/1.0", []string{"GET /items HTTP/1.0\r\n\r\n"}, []int{200}},
		{"two requests", []string{post + length(good), "GET /items HTTP/1.1\r\nHost: x\r\n\r\n"}, []int{201, 200}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for i, answer := range raw(t, address, test.parts...) {
				if answer.StatusCode != test.status[i] {
					t.Errorf("answer %d: got %d, want %d", i, answer.StatusCode, test.status[i])
				}
			}
		})
	}
}
