package sessioncontext

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/go-json-experiment/json/jsontext"
)

// members are values that must come back with every digit and character.
var members = []string{
	`null`, `true`, `false`, `0`, `-0`, `1`, `1.0`, `1.10`, `-0.0`, `1e2`, `1E+2`, `5e-324`, `1.7976931348623157e308`,
	`9007199254740993`, `-9223372036854775809`, `18446744073709551616`, `123456789012345678901234567890`, `0.1234567890123456789`,
	`""`, `"\""`, `"\\"`, `"\n\t\b\f\r"`, `"</script>&"`, `"ü"`, `"\u00fc"`, `"🎭"`, `"\ud83c\udfad"`, `"\u2028\u2029"`, `"\u007f\u0001"`,
	`[]`, `{}`, `[null,[],{}]`, `[1, 2,  3]`, `{"a":{"b":{"c":[{"d":null}]}}}`, `{"":{"":""}}`, `{"a/b":1,"m~n":2,"á":3}`,
}

// data returns the text of the member data of an answer.
func data(t *testing.T, body []byte) string {
	t.Helper()
	var context struct{ Data json.RawMessage }
	if err := json.Unmarshal(body, &context); err != nil {
		t.Fatal(err)
	}
	return string(context.Data)
}

// alike reports whether two JSON texts are the same but for spaces, escapes and
// the order of members; numbers must have the same digits.
func alike(t *testing.T, a, b string) bool {
	t.Helper()
	plain := func(text string) string {
		decoder := json.NewDecoder(strings.NewReader(text))
		decoder.UseNumber()
		var value any
		if err := decoder.Decode(&value); err != nil {
			t.Fatalf("%s: %v", text, err)
		}
		out, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		return string(out)
	}
	return plain(a) == plain(b)
}

func TestDataComesBack(t *testing.T) {
	s := start(t)
	for i, member := range members {
		sent := fmt.Sprintf(`{ "value" : %s }`, member)
		created := s.Want(201, "POST", "/contexts", fmt.Sprintf(`{"characterId":1,"scriptId":%d,"data":%s}`, i+1, sent))
		place := fmt.Sprint("/contexts/", created.Number("contextId"))
		touched := s.Want(200, "PATCH", place, `{"data":{"other":1}}`)
		restored := s.Want(200, "PATCH", place, `{"data":{"other":null}}`)
		for _, body := range [][]byte{created.Body, restored.Body, s.Want(200, "GET", place, nil).Body} {
			if got := data(t, body); !alike(t, got, sent) {
				t.Errorf("got %s, want %s", got, sent)
			}
		}
		if got, want := data(t, touched.Body), `{"other":1,"value":`+member+`}`; !alike(t, got, want) {
			t.Errorf("patched: got %s, want %s", got, want)
		}
	}
}

// The examples of RFC 7396, appendix A.
var mergePatches = []struct{ target, patch, want string }{
	{`{"a":"b"}`, `{"a":"c"}`, `{"a":"c"}`},
	{`{"a":"b"}`, `{"b":"c"}`, `{"a":"b","b":"c"}`},
	{`{"a":"b"}`, `{"a":null}`, `{}`},
	{`{"a":"b","b":"c"}`, `{"a":null}`, `{"b":"c"}`},
	{`{"a":["b"]}`, `{"a":"c"}`, `{"a":"c"}`},
	{`{"a":"c"}`, `{"a":["b"]}`, `{"a":["b"]}`},
	{`{"a":{"b":"c"}}`, `{"a":{"b":"d","c":null}}`, `{"a":{"b":"d"}}`},
	{`{"a":[{"b":"c"}]}`, `{"a":[1]}`, `{"a":[1]}`},
	{`["a","b"]`, `["c","d"]`, `["c","d"]`},
	{`{"a":"b"}`, `["c"]`, `["c"]`},
	{`{"a":"foo"}`, `null`, `null`},
	{`{"a":"foo"}`, `"bar"`, `"bar"`},
	{`{"e":null}`, `{"a":1}`, `{"e":null,"a":1}`},
	{`[1,2]`, `{"a":"b","c":null}`, `{"a":"b"}`},
	{`{}`, `{"a":{"bb":{"ccc":null}}}`, `{"a":{"bb":{}}}`},
}

func TestMergePatch(t *testing.T) {
	for _, test := range mergePatches {
		got, err := mergePatch(jsontext.Value(test.target), jsontext.Value(test.patch))
		if err != nil || !alike(t, string(got), test.want) {
			t.Errorf("%s with %s: got %s, %v, want %s", test.target, test.patch, got, err, test.want)
		}
	}
}

func TestPatchData(t *testing.T) {
	tests := []struct{ patch, want string }{ // one after the other
		{`{"mood":"resolved"}`, `{"mood":"resolved","place":{"house":"Capulet","spot":"orchard"}}`},
		{`{"place":{"spot":"balcony"}}`, `{"mood":"resolved","place":{"house":"Capulet","spot":"balcony"}}`},
		{`{"place":{"house":null,"unknown":null}}`, `{"mood":"resolved","place":{"spot":"balcony"}}`},
		{`{}`, `{"mood":"resolved","place":{"spot":"balcony"}}`},
		{`{"mood":{"at":{"dawn":12345678901234567890,"dusk":null}}}`, `{"mood":{"at":{"dawn":12345678901234567890}},"place":{"spot":"balcony"}}`},
		{`{"place":null,"letters":[1,null,{"from":null}]}`, `{"mood":{"at":{"dawn":12345678901234567890}},"letters":[1,null,{"from":null}]}`},
		{`{"mood":null,"letters":[]}`, `{"letters":[]}`},
		{`{"letters":null}`, `{}`},
	}
	for _, mediaType := range []string{"application/json", "application/merge-patch+json"} {
		s := start(t)
		for _, test := range tests {
			before := s.Want(200, "GET", "/contexts/1", nil)
			patched := s.Want(200, "PATCH", "/contexts/1", `{"data":`+test.patch+`}`, "Content-Type", mediaType, "If-Match", before.ETag())
			if got := data(t, patched.Body); !alike(t, got, test.want) {
				t.Errorf("%s: got %s, want %s", test.patch, got, test.want)
			}
			if patched.ETag() == before.ETag() || patched.Get("createdAt") != before.Get("createdAt") {
				t.Errorf("%s: the ETag must change and createdAt must not", test.patch)
			}
		}
	}
}

// The limit counts compact JSON, after a patch as well.
func TestDataLimit(t *testing.T) {
	const maxData = 65536
	s := start(t)
	fill := func(length int, character string) string {
		return `{ "x" :  "` + strings.Repeat(character, (length-len(`{"x":""}`))/len(character)) + `"}`
	}
	s.Do("POST", "/contexts", `{"characterId":1,"data":`+fill(maxData+1, "x")+`}`).Refused(400, "invalid_request", "/data")
	for i, character := range []string{"x", "<", "é", "🎭"} {
		a := s.Want(201, "POST", "/contexts", fmt.Sprintf(`{"characterId":1,"scriptId":%d,"data":%s}`, i+1, fill(maxData, character)))
		place := fmt.Sprint("/contexts/", a.Number("contextId"))
		s.Do("PATCH", place, `{"data":{"more":"of it"}}`).Refused(400, "invalid_request", "/data")
		s.Want(200, "PATCH", place, `{"data":{"x":"`+strings.Repeat(character, 1000)+`","more":"of it"}}`)
	}
}
