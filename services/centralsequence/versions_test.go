package centralsequence

import (
	"strconv"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestVersions(t *testing.T) {
	s := apitest.Start(t, Definition())
	const post = "POST /sequence/version"
	run(t, s, []exchange{
		{"none yet", "GET /sequence/dialogue/1/versions", nil, nil, 200, map[string]any{"0": nil}},
		{"first", post, `{"elementType":"dialogue","elementId":1,"newVersionData":{"text":"Ay me!"}}`, nil, 201,
			map[string]any{"versionNumber": 2.0, "elementType": "dialogue", "elementId": 1.0, "scriptId": nil}},
		{"second, made in a script", post, `{"elementType":"dialogue","elementId":1,"newVersionData":{},"scriptId":4}`, nil, 201,
			map[string]any{"versionNumber": 3.0, "scriptId": 4.0}},
		{"another element", post, `{"elementType":"dialogue","elementId":2,"newVersionData":{"n":null}}`, nil, 201, map[string]any{"versionNumber": 2.0}},
		{"another type", post, `{"elementType":"action","elementId":1,"newVersionData":{"n":[1]}}`, nil, 201, map[string]any{"versionNumber": 2.0}},
		{"list", "GET /sequence/dialogue/1/versions", nil, nil, 200,
			map[string]any{"0.versionNumber": 2.0, "1.versionNumber": 3.0, "1.scriptId": 4.0, "2": nil, "0.data": nil}},
		{"get", "GET /sequence/dialogue/1/versions/2", nil, nil, 200,
			map[string]any{"versionNumber": 2.0, "data.text": "Ay me!", "elementType": "dialogue", "elementId": 1.0, "scriptId": nil}},
		{"get the second", "GET /sequence/dialogue/1/versions/3", nil, nil, 200, map[string]any{"scriptId": 4.0}},
		{"the original", "GET /sequence/dialogue/1/versions/1", nil, nil, 404, map[string]any{"code": "original_version",
			"message": "Version 1 of dialogue 1 is its original, which its own service keeps; the versions kept here begin with 2."}},
		{"not yet", "GET /sequence/dialogue/1/versions/4", nil, nil, 404, map[string]any{"code": "not_found", "message": "There is no version 4 of dialogue 1."}},
		{"no versions need no number", "GET /sequence/dialogue/1", nil, nil, 404, nil},
		{"number it", "POST /sequence", `{"elementType":"dialogue","elementId":1}`, nil, 201, nil},
		{"release it", "DELETE /sequence/dialogue/1", nil, nil, 204, nil},
		{"versions stay", "GET /sequence/dialogue/1/versions/3", nil, nil, 200, nil},
	})
	if got := s.Want(200, "GET", "/sequence/dialogue/1/versions/2", nil).ETag(); got != `"1"` {
		t.Errorf(`ETag of a version: got %s, want "1"`, got)
	}
}

// What a client stored comes back to the letter, but for white space and the
// escapes that keep JSON harmless inside HTML.
func TestVersionData(t *testing.T) {
	s := apitest.Start(t, Definition())
	for _, test := range []struct{ name, sent, kept string }{
		{"order and white space", "{ \"b\" : 1 ,\n\t\"a\": [ 2, {} ] }", `{"b":1,"a":[2,{}]}`},
		{"large integer", `{"n":9223372036854775807,"m":123456789012345678901234567890}`, ""},
		{"decimals and exponents", `{"n":1.10,"m":-0.0,"e":1e+3,"far":1e300}`, ""},
		{"texts", `{"t":"\u00e9 é \"\\\/ 𝄞","":" "}`, ""},
		{"markup", `{"t":"<b>&\u2028"}`, `{"t":"\u003cb\u003e\u0026\u2028"}`},
		{"nothing", `{}`, ""},
		{"deep", strings.Repeat(`{"a":`, 60) + `[]` + strings.Repeat(`}`, 60), ""},
	} {
		if test.kept == "" {
			test.kept = test.sent
		}
		created := s.Want(201, "POST", "/sequence/version", `{"elementType":"x","elementId":1,"newVersionData":`+test.sent+`}`)
		var version VersionSummary
		created.JSON(&version)
		var full Version
		s.Want(200, "GET", "/sequence/x/1/versions/"+strconv.FormatInt(version.VersionNumber, 10), nil).JSON(&full)
		if string(full.Data) != test.kept {
			t.Errorf("%s: got %s, want %s", test.name, full.Data, test.kept)
		}
	}
}

func TestVersionDataLimit(t *testing.T) {
	s := apitest.Start(t, Definition())
	// body has data of exactly size bytes without its white space.
	body := func(size int, space string) string {
		return `{"elementType":"x","elementId":1,"newVersionData":{` + space + `"a":"` + strings.Repeat("é", (size-8)/2) + `"}}`
	}
	run(t, s, []exchange{
		{"largest", "POST /sequence/version", body(65536, ""), nil, 201, map[string]any{"versionNumber": 2.0}},
		{"largest with white space", "POST /sequence/version", body(65536, strings.Repeat(" ", 65536)), nil, 201, map[string]any{"versionNumber": 3.0}},
		{"too large", "POST /sequence/version", body(65538, ""), nil, 400, map[string]any{"code": "invalid_request", "errors.0.pointer": "/newVersionData"}},
		{"nothing kept of it", "GET /sequence/x/1/versions", nil, nil, 200, map[string]any{"1.versionNumber": 3.0, "2": nil}},
	})
}
