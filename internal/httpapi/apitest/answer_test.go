package apitest

import (
	"net/http"
	"strings"
	"testing"
)

// bodied is an answer with this body, reporting to t.
func bodied(t testing.TB, body string) *Answer {
	return &Answer{t: t, request: "GET /things", Status: 400, Header: http.Header{"X-Request-Id": {"r"}, "Etag": {`"1"`}}, Body: []byte(body)}
}

func TestAnswerGet(t *testing.T) {
	a := bodied(t, `{"a":[{"b":"c"},2],"n":9007199254740993}`)
	for path, want := range map[string]any{"a/0/b": "c", "a/1": 2.0, "a/2": nil, "a/x": nil, "b": nil, "a/0/b/c": nil} {
		if got := a.Get(strings.Split(path, "/")...); got != want {
			t.Errorf("%s: got %v, want %v", path, got, want)
		}
	}
	if got := a.Number("n"); got != 9007199254740993 {
		t.Errorf("got %d", got)
	}
	if a.Number("a") != 0 || a.Number("a", "1") != 2 || a.ETag() != `"1"` {
		t.Errorf("got %d, %d, %s", a.Number("a"), a.Number("a", "1"), a.ETag())
	}
}

func TestHas(t *testing.T) {
	const body = `{"n":2,"text":"2","null":null,"list":[{"id":7}],"object":{"b":1,"a":9007199254740993}}`
	for _, test := range []struct {
		member string
		value  any
		same   bool
	}{
		{"n", 2, true}, {"n", 2.0, true}, {"n", 3, false}, {"n", nil, false}, {"n", "2", true},
		{"text", "2", true}, {"text", 2, false}, {"text", "3", false},
		{"null", nil, true}, {"absent", nil, true}, {"absent", "", false}, {"null", "null", true},
		{"list.0.id", 7, true}, {"list.1", nil, true}, {"list", `[ {"id":7} ]`, true}, {"list", `[]`, false},
		{"object", `{"a":9007199254740993,"b":1}`, true}, {"object", `{"a":9007199254740992,"b":1}`, false},
		{"object", map[string]any{"a": 9007199254740993, "b": 1}, true}, {"object.a", int64(9007199254740993), true},
	} {
		want := ""
		if !test.same {
			want = test.member + ": got"
		}
		wantFailure(t, test.member, want, func(t testing.TB) { bodied(t, body).Has("n", 2, test.member, test.value) })
	}
	wantFailure(t, "Holds", "", func(t testing.TB) { bodied(t, body).Holds(`{"n":2,"object":{"b":1,"a":9007199254740993}}`) })
	wantFailure(t, "Holds at a path", "", func(t testing.TB) { bodied(t, body).Holds(`{"id":7}`, "list", "0") })
	wantFailure(t, "Holds not", "id: got 7, want 8", func(t testing.TB) { bodied(t, body).Holds(`{"id":8}`, "list", "0") })
}

func TestColumn(t *testing.T) {
	const body = `{"list":[{"a":1,"b":"x"},{"a":9007199254740993,"b":"y z"}]}`
	if a := bodied(t, body); a.Column("a", "list") != "1 9007199254740993" || a.Column("b", "list") != "x y z" {
		t.Errorf("got %q and %q", a.Column("a", "list"), a.Column("b", "list"))
	}
	if got := bodied(t, "[]").Column("a"); got != "" {
		t.Errorf("got %q", got)
	}
	wantFailure(t, "no list", "want a list", func(t testing.TB) { bodied(t, body).Column("a") })
}

func TestRefused(t *testing.T) {
	const body = `{"code":"invalid","detail":"It is bad.","message":"It is bad.","requestId":"r","errors":[{"pointer":"/a"}]}`
	for _, test := range []struct {
		name, body    string
		status        int
		code, pointer string
		want          string
	}{
		{"as it is", body, 400, "invalid", "/a", ""},
		{"any pointer", body, 400, "invalid", "", ""},
		{"status", body, 409, "invalid", "/a", "got 400, want 409"},
		{"code", body, 400, "conflict", "/a", "want code conflict"},
		{"pointer", body, 400, "invalid", "/b", "pointer: got /a"},
		{"message", strings.Replace(body, "It is bad", "It is worse", 1), 400, "invalid", "/a", "message or requestId"},
		{"request", strings.Replace(body, `"r"`, `"s"`, 1), 400, "invalid", "/a", "message or requestId"},
	} {
		wantFailure(t, test.name, test.want, func(t testing.TB) { bodied(t, test.body).Refused(test.status, test.code, test.pointer) })
	}
	wantFailure(t, "detail", `"good" in detail`, func(t testing.TB) { bodied(t, body).Problem("invalid", "good") })
}

func TestSame(t *testing.T) {
	wantFailure(t, "same", "", func(t testing.TB) { bodied(t, "{}").Same(bodied(t, "{}")) })
	wantFailure(t, "another body", "want {}", func(t testing.TB) { bodied(t, "[]").Same(bodied(t, "{}")) })
	other := bodied(t, "{}")
	other.Header.Set("ETag", `"2"`)
	wantFailure(t, "another tag", "ETag", func(t testing.TB) { bodied(t, "{}").Same(other) })
}

func TestNext(t *testing.T) {
	a := bodied(t, "[]")
	if got := a.Next(); got != "" {
		t.Errorf("got %q", got)
	}
	a.Header.Set("Link", `</things?cursor=abc&limit=1>; rel="next"`)
	if a.Next() != "/things?cursor=abc&limit=1" || a.Cursor() != "abc" {
		t.Errorf("got %q and %q", a.Next(), a.Cursor())
	}
	a.Header.Set("Link", `<https://elsewhere/things>; rel="next"`)
	wantFailure(t, "elsewhere", "Link: got", func(t testing.TB) { a.t = t; a.Next() })
}
