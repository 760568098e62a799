// Requests that must be refused, and the largest that must not.
package sessioncontext

import (
	"strings"
	"testing"
)

// faultySessions are bodies for POST /sessions with the pointer to what is wrong
// with them; "" where the place is not worth promising.
var faultySessions = []struct{ name, body, pointer string }{
	{"no body", ``, ""},
	{"spaces", `  `, ""},
	{"null", `null`, ""},
	{"array", `[]`, ""},
	{"text", `"7"`, ""},
	{"number", `7`, ""},
	{"nothing in it", `{}`, "/userId"},
	{"user missing", `{"context":""}`, "/userId"},
	{"user null", `{"userId":null}`, "/userId"},
	{"user text", `{"userId":"7"}`, "/userId"},
	{"user array", `{"userId":[7]}`, "/userId"},
	{"user zero", `{"userId":0}`, "/userId"},
	{"user negative", `{"userId":-7}`, "/userId"},
	{"user fraction", `{"userId":7.5}`, "/userId"},
	{"user beyond int64", `{"userId":9223372036854775808}`, "/userId"},
	{"user far below int64", `{"userId":-9223372036854775809}`, "/userId"},
	{"user beyond float64", `{"userId":1e999}`, "/userId"},
	{"user endless", `{"userId":1e999999999}`, "/userId"},
	{"user with a leading zero", `{"userId":07}`, ""},
	{"context null", `{"userId":7,"context":null}`, "/context"},
	{"context object", `{"userId":7,"context":{}}`, "/context"},
	{"context too long", `{"userId":7,"context":"` + strings.Repeat("x", 65537) + `"}`, "/context"},
	{"unknown property", `{"userId":7,"name":"Juliet"}`, "/name"},
	{"property in other case", `{"userid":7}`, "/userId"},
	{"identifier chosen", `{"sessionId":5,"userId":7}`, "/sessionId"},
	{"cut off", `{"userId":`, ""},
	{"cut off in text", `{"userId":7,"context":"Ac`, ""},
	{"trailing comma", `{"userId":7,}`, ""},
	{"trailing text", `{"userId":7} {}`, ""},
	{"names without quotes", `{userId:7}`, ""},
	{"single quotes", `{'userId':7}`, ""},
	{"comment", `{"userId":7/* ! */}`, ""},
	{"byte order mark", "\ufeff" + `{"userId":7}`, ""},
	{"line break in text", "{\"userId\":7,\"context\":\"\n\"}", ""},
	{"unknown escape", `{"userId":7,"context":"\x41"}`, ""},
	{"duplicate name", `{"userId":7,"userId":8}`, "/userId"},
	{"duplicate name, escaped", `{"userId":7,"user\u0049d":8}`, "/userId"},
	{"invalid UTF-8", "{\"userId\":7,\"context\":\"\xff\"}", ""},
	{"overlong UTF-8", "{\"userId\":7,\"context\":\"\xc0\xaf\"}", ""},
	{"UTF-8 of a surrogate", "{\"userId\":7,\"context\":\"\xed\xa0\x80\"}", ""},
	{"lone high surrogate", `{"userId":7,"context":"\ud83d"}`, ""},
	{"lone low surrogate", `{"userId":7,"context":"\ude00"}`, ""},
	{"surrogates swapped", `{"userId":7,"context":"\ude00\ud83d"}`, ""},
	{"U+0000 escaped", `{"userId":7,"context":"\u0000"}`, "/context"},
	{"U+0000 raw", "{\"userId\":7,\"context\":\"\x00\"}", ""},
	{"nested too deeply", strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100), ""},
	{"nested far too deeply", strings.Repeat(`{"context":`, 50000), ""},
	{"not a number", `{"userId":NaN}`, ""},
}

func TestFaultySessions(t *testing.T) {
	s := start(t)
	for _, test := range faultySessions {
		t.Run(test.name, func(t *testing.T) {
			refused(t, s.Do("POST", "/sessions", test.body), 400, "invalid_request", test.pointer)
		})
	}
	if got := collect(s, "/sessions", "sessionId"); len(got) != 1 {
		t.Errorf("something was created: %v", got)
	}
}

// faultyContexts are bodies for POST /contexts; those that are not JSON differ
// in nothing from faultySessions.
var faultyContexts = []struct{ name, body, pointer string }{
	{"nothing in it", `{}`, "/characterId"},
	{"data missing", `{"characterId":1}`, "/data"},
	{"character missing", `{"data":{}}`, "/characterId"},
	{"character zero", `{"characterId":0,"data":{}}`, "/characterId"},
	{"character text", `{"characterId":"1","data":{}}`, "/characterId"},
	{"script null", `{"characterId":1,"scriptId":null,"data":{}}`, "/scriptId"},
	{"script negative", `{"characterId":1,"scriptId":-1,"data":{}}`, "/scriptId"},
	{"data null", `{"characterId":1,"data":null}`, "/data"},
	{"data array", `{"characterId":1,"data":[]}`, "/data"},
	{"data text", `{"characterId":1,"data":"{}"}`, "/data"},
	{"data number", `{"characterId":1,"data":1}`, "/data"},
	{"unknown property", `{"characterId":1,"data":{},"mood":"longing"}`, "/mood"},
	{"identifier chosen", `{"contextId":1,"characterId":1,"data":{}}`, "/contextId"},
	{"data too large", `{"characterId":1,"data":{"x":"` + strings.Repeat("x", maxData) + `"}}`, "/data"},
	{"duplicate name in data", `{"characterId":1,"data":{"a":{"b":1,"b":2}}}`, "/data/a/b"},
	{"U+0000 in data", `{"characterId":1,"data":{"a":["\u0000"]}}`, "/data/a/0"},
	{"U+0000 in a name of data", `{"characterId":1,"data":{"a\u0000":1}}`, ""},
	{"lone surrogate in data", `{"characterId":1,"data":{"a":"\udead"}}`, ""},
	{"invalid UTF-8 in a name of data", "{\"characterId\":1,\"data\":{\"\xff\":1}}", ""},
	{"number beyond float64 in data", `{"characterId":1,"data":{"a":1e999}}`, "/data/a"},
	{"number too long in data", `{"characterId":1,"data":{"a":` + strings.Repeat("9", 65) + `}}`, "/data/a"},
	{"data nested too deeply", `{"characterId":1,"data":` + nested(64) + `}`, ""},
}

// nested returns objects within one another.
func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat(`}`, depth)
}

func TestFaultyContexts(t *testing.T) {
	s := start(t)
	for _, test := range faultyContexts {
		t.Run(test.name, func(t *testing.T) {
			refused(t, s.Do("POST", "/contexts", test.body), 400, "invalid_request", test.pointer)
			pointer := test.pointer
			if pointer != "" {
				pointer = "/items/0" + pointer
			}
			if test.name == "data nested too deeply" {
				return // the same, two levels earlier
			}
			refused(t, s.Do("POST", "/contexts/batch", `{"items":[`+test.body+`]}`), 400, "invalid_request", pointer)
		})
	}
	if got := collect(s, "/contexts", "contextId"); len(got) != 1 {
		t.Errorf("something was created: %v", got)
	}
	s.Want(201, "POST", "/contexts", `{"characterId":1,"data":`+nested(63)+`}`)
	s.Want(200, "PATCH", "/contexts/2", `{"data":`+nested(63)+`}`)
}

func TestFaultyBodies(t *testing.T) {
	long := strings.Repeat("x", 65537)
	tests := []struct{ method, path, body, pointer string }{
		{"PUT", "/sessions/1", ``, ""},
		{"PUT", "/sessions/1", `null`, ""},
		{"PUT", "/sessions/1", `{"context":null}`, "/context"},
		{"PUT", "/sessions/1", `{"context":1}`, "/context"},
		{"PUT", "/sessions/1", `{"context":"` + long + `"}`, "/context"},
		{"PUT", "/sessions/1", `{"userId":8}`, "/userId"},
		{"PATCH", "/sessions/1", `[]`, ""},
		{"PATCH", "/sessions/1", `{"context":{}}`, "/context"},
		{"PATCH", "/sessions/1", `{"context":"` + long + `"}`, "/context"},
		{"PATCH", "/sessions/1", `{"userId":null}`, "/userId"},
		{"PATCH", "/sessions/1", `{"userId":0}`, "/userId"},
		{"PATCH", "/sessions/1", `{"sessionId":2}`, "/sessionId"},
		{"PATCH", "/contexts/1", `{"data":null}`, "/data"},
		{"PATCH", "/contexts/1", `{"data":[]}`, "/data"},
		{"PATCH", "/contexts/1", `{"characterId":null}`, "/characterId"},
		{"PATCH", "/contexts/1", `{"scriptId":0}`, "/scriptId"},
		{"PATCH", "/contexts/1", `{"scriptId":"1"}`, "/scriptId"},
		{"PATCH", "/contexts/1", `{"mood":"longing"}`, "/mood"},
		{"PATCH", "/contexts/1", `{"data":{"a":1,"a":2}}`, "/data/a"},
		{"POST", "/contexts/batch", `[]`, ""},
		{"POST", "/contexts/batch", `{"items":{}}`, "/items"},
		{"POST", "/contexts/batch", `{"items":[]}`, "/items"},
		{"POST", "/contexts/batch", `{"items":[],"more":1}`, "/items"},
		{"POST", "/contexts/batch", numbered(`{"characterId":%d,"data":{}}`, 1001), "/items"},
	}
	s := start(t)
	before := s.Want(200, "GET", "/contexts/1", nil)
	for _, test := range tests {
		refused(t, s.Do(test.method, test.path, test.body), 400, "invalid_request", test.pointer)
	}
	same(t, before, s.Want(200, "GET", "/contexts/1", nil))
}

func TestFaultyParameters(t *testing.T) {
	tests := []struct{ path, pointer string }{
		{"/sessions/0", "path/sessionId"},
		{"/sessions/-1", "path/sessionId"},
		{"/sessions/01", "path/sessionId"},
		{"/sessions/+1", "path/sessionId"},
		{"/sessions/1.0", "path/sessionId"},
		{"/sessions/%201", "path/sessionId"},
		{"/sessions/mine/context", "path/sessionId"},
		{"/sessions/9223372036854775808", "path/sessionId"},
		{"/contexts/x", "path/contextId"},
		{"/contexts/" + strings.Repeat("9", 400), "path/contextId"},
		{"/sessions?limit=0", "query/limit"},
		{"/sessions?limit=1001", "query/limit"},
		{"/sessions?limit=ten", "query/limit"},
		{"/sessions?limit=1&limit=2", "query/limit"},
		{"/sessions?userId=", "query/userId"},
		{"/sessions?userId=0", "query/userId"},
		{"/sessions?userId=me", "query/userId"},
		{"/sessions?ids=", "query/ids"},
		{"/sessions?ids=1,,2", "query/ids"},
		{"/sessions?ids=1,x", "query/ids"},
		{"/sessions?ids=1,9223372036854775808", "query/ids"},
		{"/sessions?ids=" + some(1001), "query/ids"},
		{"/sessions?characterId=1", "query/characterId"},
		{"/contexts?userId=1", "query/userId"},
		{"/contexts?characterId=0", "query/characterId"},
		{"/contexts?scriptId=none", "query/scriptId"},
		{"/contexts?scriptId=9223372036854775808", "query/scriptId"},
		{"/sessions/1/context?limit=1", "query/limit"},
		{"/sessions?ids=1;2", "query"},
		{"/sessions?userId=%zz", "query"},
	}
	s := start(t)
	for _, test := range tests {
		refused(t, s.Do("GET", test.path, nil), 400, "invalid_request", test.pointer)
	}
}

func TestFaultyHeaders(t *testing.T) {
	s := start(t)
	for _, key := range []string{"", "two words", "schlüssel", strings.Repeat("k", 256)} {
		refused(t, s.Do("POST", "/sessions", newSession, "Idempotency-Key", key), 400, "invalid_request", "header/Idempotency-Key")
	}
	s.Want(201, "POST", "/sessions", newSession, "Idempotency-Key", strings.Repeat("k", 255))
	refused(t, s.Do("PATCH", "/sessions/1", `{}`, "If-Match", ""), 400, "invalid_request", "header/If-Match")
}

// The limits are limits: what just keeps them is taken and comes back whole.
func TestLargestBodies(t *testing.T) {
	s := start(t)
	text := strings.Repeat("\U0001F631", 65536) // counts as one character, though four bytes
	created := s.Want(201, "POST", "/sessions", map[string]any{"userId": 7, "context": text})
	if created.Get("context") != text {
		t.Error("the longest text did not come back as it was")
	}
	s.Want(201, "POST", "/sessions", padded(newSession, 1<<20))
	refused(t, s.Do("POST", "/sessions", padded(newSession, 1<<20+1)), 413, "body_too_large", "")
	refused(t, s.Do("PUT", "/sessions/1", padded(`{}`, 1<<20+1)), 413, "body_too_large", "")
	thousand := numbered(`{"characterId":%d,"data":{}}`, 1000)
	refused(t, s.Do("POST", "/contexts/batch", padded(thousand, 8<<20+1)), 413, "body_too_large", "")
	s.Want(201, "POST", "/contexts/batch", padded(thousand, 8<<20))
}

func padded(body string, length int) string { return body + strings.Repeat(" ", length-len(body)) }
