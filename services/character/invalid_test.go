// Requests that must be refused, and the largest that must not.
package character

import (
	"strings"
	"testing"
)

// faultyCharacters are bodies for POST /characters with the pointer to what is
// wrong with them; "" where the place is not worth promising.
var faultyCharacters = []struct{ name, body, pointer string }{
	{"no body", ``, ""},
	{"spaces", `  `, ""},
	{"null", `null`, ""},
	{"array", `[]`, ""},
	{"text", `"Juliet"`, ""},
	{"number", `1`, ""},
	{"nothing in it", `{}`, "/description"},
	{"name missing", `{"description":""}`, "/name"},
	{"description missing", `{"name":"Juliet"}`, "/description"},
	{"name null", `{"name":null,"description":""}`, "/name"},
	{"name number", `{"name":1,"description":""}`, "/name"},
	{"name array", `{"name":["Juliet"],"description":""}`, "/name"},
	{"name object", `{"name":{},"description":""}`, "/name"},
	{"name empty", `{"name":"","description":""}`, "/name"},
	{"description boolean", `{"name":"Juliet","description":true}`, "/description"},
	{"unknown property", `{"name":"Juliet","description":"","age":13}`, "/age"},
	{"property in other case", `{"Name":"Juliet","description":""}`, "/Name"},
	{"identifier chosen", `{"characterId":5,"name":"Juliet","description":""}`, "/characterId"},
	{"name too long", `{"name":"` + strings.Repeat("x", 1025) + `","description":""}`, "/name"},
	{"description too long", `{"name":"Juliet","description":"` + strings.Repeat("x", 65537) + `"}`, "/description"},
	{"cut off", `{"name":"Juliet","description":`, ""},
	{"cut off in text", `{"name":"Jul`, ""},
	{"trailing comma", `{"name":"Juliet","description":"",}`, ""},
	{"trailing text", `{"name":"Juliet","description":""} {}`, ""},
	{"names without quotes", `{name:"Juliet",description:""}`, ""},
	{"single quotes", `{'name':'Juliet','description':''}`, ""},
	{"comment", `{"name":"Juliet",/* ! */"description":""}`, ""},
	{"byte order mark", "\ufeff" + `{"name":"Juliet","description":""}`, ""},
	{"line break in text", "{\"name\":\"Juliet\n\",\"description\":\"\"}", ""},
	{"unknown escape", `{"name":"\x41","description":""}`, ""},
	{"duplicate name", `{"name":"Juliet","name":"Romeo","description":""}`, "/name"},
	{"duplicate name, escaped", `{"name":"Juliet","n\u0061me":"Romeo","description":""}`, "/name"},
	{"invalid UTF-8", "{\"name\":\"Jul\xffiet\",\"description\":\"\"}", ""},
	{"overlong UTF-8", "{\"name\":\"Jul\xc0\xafiet\",\"description\":\"\"}", ""},
	{"UTF-8 of a surrogate", "{\"name\":\"Jul\xed\xa0\x80iet\",\"description\":\"\"}", ""},
	{"lone high surrogate", `{"name":"Jul\ud83diet","description":""}`, ""},
	{"lone low surrogate", `{"name":"Jul\ude00iet","description":""}`, ""},
	{"surrogates swapped", `{"name":"Jul\ude00\ud83diet","description":""}`, ""},
	{"U+0000 escaped", `{"name":"Jul\u0000iet","description":""}`, "/name"},
	{"U+0000 in a name", `{"na\u0000me":"Juliet"}`, ""},
	{"U+0000 raw", "{\"name\":\"Jul\x00iet\",\"description\":\"\"}", ""},
	{"nested too deeply", strings.Repeat(`[`, 100) + strings.Repeat(`]`, 100), ""},
	{"nested far too deeply", strings.Repeat(`{"name":`, 50000), ""},
	{"not a number", `{"name":NaN,"description":""}`, ""},
}

func TestFaultyCharacters(t *testing.T) {
	s := start(t)
	for _, test := range faultyCharacters {
		t.Run(test.name, func(t *testing.T) {
			refused(t, s.Do("POST", "/characters", test.body), 400, "invalid_request", test.pointer)
			refused(t, s.Do("POST", "/characters/batch", `{"items":[`+test.body+`]}`), 400, "invalid_request", "")
		})
	}
	if got := collect(s, "/characters", "characterId"); len(got) != 1 {
		t.Errorf("something was created: %v", got)
	}
}

func TestFaultyBodies(t *testing.T) {
	long, longTitle := strings.Repeat("x", 65537), strings.Repeat("x", 1025)
	tests := []struct{ method, path, body, pointer string }{
		{"POST", "/actions", `{"description":""}`, "/description"},
		{"POST", "/actions", `{"description":"` + long + `"}`, "/description"},
		{"POST", "/actions", `{"description":"x","characterId":-1}`, "/characterId"},
		{"POST", "/actions", `{"description":"x","characterId":0}`, "/characterId"},
		{"POST", "/actions", `{"description":"x","characterId":"1"}`, "/characterId"},
		{"POST", "/actions", `{"description":"x","characterId":1.5}`, "/characterId"},
		{"POST", "/actions", `{"description":"x","characterId":null}`, "/characterId"},
		{"POST", "/actions", `{"description":"x","characterId":9223372036854775808}`, "/characterId"},
		{"POST", "/actions", `{"description":"x","scriptId":-9223372036854775809}`, "/scriptId"},
		{"POST", "/actions", `{"description":"x","scriptId":1e30}`, "/scriptId"},
		{"POST", "/actions", `{"description":"x","scriptId":01}`, ""},
		{"POST", "/actions", `{"description":"x","sequenceNumber":0}`, "/sequenceNumber"},
		{"POST", "/actions", `{"description":"x","sequenceNumber":true}`, "/sequenceNumber"},
		{"POST", "/spokenWords", `{"text":"` + long + `"}`, "/text"},
		{"POST", "/spokenWords", `{"text":"x","parenthetical":""}`, "/parenthetical"},
		{"POST", "/spokenWords", `{"text":"x","parenthetical":"` + longTitle + `"}`, "/parenthetical"},
		{"POST", "/spokenWords", `{"parenthetical":"beat"}`, "/text"},
		{"POST", "/spokenWords", `{"text":"x","dialogueId":1}`, "/dialogueId"},
		{"POST", "/characters/1/paraphrases", `{"text":"x","commentary":""}`, "/originalId"},
		{"POST", "/characters/1/paraphrases", `{"originalId":1,"text":"","commentary":""}`, "/text"},
		{"POST", "/characters/1/paraphrases", `{"originalId":1,"text":"x"}`, "/commentary"},
		{"POST", "/characters/1/paraphrases", `{"originalId":0,"text":"x","commentary":""}`, "/originalId"},
		{"PATCH", "/characters/1", `{"name":null}`, "/name"},
		{"PATCH", "/characters/1", `{"name":""}`, "/name"},
		{"PATCH", "/characters/1", `{"characterId":2}`, "/characterId"},
		{"PATCH", "/characters/1", `[]`, ""},
		{"PATCH", "/actions/1", `{"description":""}`, "/description"},
		{"PATCH", "/actions/1", `{"scriptId":0}`, "/scriptId"},
		{"PATCH", "/actions/1", `{"characterId":"1"}`, "/characterId"},
		{"PATCH", "/actions/1", `{"sequenceNumber":null}`, "/sequenceNumber"},
		{"PATCH", "/spokenWords/1", `{"text":null}`, "/text"},
		{"PATCH", "/spokenWords/1", `{"parenthetical":""}`, "/parenthetical"},
		{"PATCH", "/paraphrases/1", `{"text":""}`, "/text"},
		{"PATCH", "/paraphrases/1", `{"commentary":"` + long + `"}`, "/commentary"},
		{"POST", "/characters/batch", `[]`, ""},
		{"POST", "/characters/batch", `{"items":{}}`, "/items"},
		{"POST", "/characters/batch", `{"items":[]}`, "/items"},
		{"POST", "/characters/batch", `{"items":[],"more":1}`, "/items"},
		{"POST", "/characters/batch", numbered(`{"name":"Citizen %d","description":""}`, 1001), "/items"},
	}
	s := start(t)
	for _, test := range tests {
		refused(t, s.Do(test.method, test.path, test.body), 400, "invalid_request", test.pointer)
	}
}

func TestFaultyParameters(t *testing.T) {
	tests := []struct{ path, pointer string }{
		{"/characters/0", "path/characterId"},
		{"/characters/-1", "path/characterId"},
		{"/characters/01", "path/characterId"},
		{"/characters/+1", "path/characterId"},
		{"/characters/1.0", "path/characterId"},
		{"/characters/1e0", "path/characterId"},
		{"/characters/%201", "path/characterId"},
		{"/characters/juliet", "path/characterId"},
		{"/characters/9223372036854775808", "path/characterId"},
		{"/characters/" + strings.Repeat("9", 400), "path/characterId"},
		{"/actions/x", "path/actionId"},
		{"/spokenWords/x/paraphrases", "path/spokenWordId"},
		{"/paraphrases/-9", "path/paraphraseId"},
		{"/characters?limit=0", "query/limit"},
		{"/characters?limit=1001", "query/limit"},
		{"/characters?limit=-1", "query/limit"},
		{"/characters?limit=ten", "query/limit"},
		{"/characters?limit=", "query/limit"},
		{"/characters?limit=1&limit=2", "query/limit"},
		{"/characters?name=", "query/name"},
		{"/characters?name=" + strings.Repeat("x", 1025), "query/name"},
		{"/characters?ids=", "query/ids"},
		{"/characters?ids=1,,2", "query/ids"},
		{"/characters?ids=1,x", "query/ids"},
		{"/characters?ids=1, 2", "query/ids"},
		{"/characters?ids=0", "query/ids"},
		{"/characters?ids=1,9223372036854775808", "query/ids"},
		{"/characters?ids=" + some(1001), "query/ids"},
		{"/characters?scriptId=1", "query/scriptId"},
		{"/actions?scriptId=0", "query/scriptId"},
		{"/actions?scriptId=1.5", "query/scriptId"},
		{"/actions?characterId=9223372036854775808", "query/characterId"},
		{"/actions?name=x", "query/name"},
		{"/spokenWords?characterId=", "query/characterId"},
		{"/actions/1?fields=description", "query/fields"},
		{"/characters?ids=1;2", "query"},
		{"/characters?name=%zz", "query"},
	}
	s := start(t)
	for _, test := range tests {
		refused(t, s.Do("GET", strings.ReplaceAll(test.path, " ", "%20"), nil), 400, "invalid_request", test.pointer)
	}
}

func TestFaultyHeaders(t *testing.T) {
	s := start(t)
	for _, key := range []string{"", "two words", "schlüssel", strings.Repeat("k", 256)} {
		refused(t, s.Do("POST", "/characters", romeo, "Idempotency-Key", key), 400, "invalid_request", "header/Idempotency-Key")
	}
	s.Want(201, "POST", "/characters", romeo, "Idempotency-Key", strings.Repeat("k", 255))
	refused(t, s.Do("PATCH", "/characters/1", `{}`, "If-Match", ""), 400, "invalid_request", "header/If-Match")
}

// The limits are limits: what just keeps them is taken and comes back whole.
func TestLargestBodies(t *testing.T) {
	const scream = "\U0001F631" // counts as one character, though four bytes
	s := start(t)
	name, text := strings.Repeat(scream, 1024), strings.Repeat(scream, 65536)
	created := s.Want(201, "POST", "/characters", map[string]string{"name": name, "description": text})
	if created.Get("name") != name || created.Get("description") != text {
		t.Error("the longest texts did not come back as they were")
	}
	s.Want(201, "POST", "/characters", padded(romeo, 1<<20))
	refused(t, s.Do("POST", "/characters", padded(romeo, 1<<20+1)), 413, "body_too_large", "")
	thousand := numbered(`{"text":"Word %d."}`, 1000)
	s.Want(201, "POST", "/spokenWords/batch", padded(thousand, 8<<20))
	refused(t, s.Do("POST", "/spokenWords/batch", padded(thousand, 8<<20+1)), 413, "body_too_large", "")
}

func padded(body string, length int) string { return body + strings.Repeat(" ", length-len(body)) }
