package apitest

import (
	"encoding/json"
	"strings"
	"testing"
)

// Each malformation differs from what it is made of, and from the others.
func TestMalformed(t *testing.T) {
	const valid = `{"actionId":1,"items":[{"text":"a"}]}`
	seen := map[string]string{valid: "the valid body"}
	for _, m := range malformed(valid) {
		if other, found := seen[m.body]; found {
			t.Errorf("%s is %s", m.name, other)
		}
		seen[m.body] = m.name
	}
	if len(seen) < 50 {
		t.Errorf("there are only %d", len(seen))
	}
	for _, m := range malformedIntegers(valid) {
		if !strings.HasSuffix(m.body, `,"items":[{"text":"a"}]}`) {
			t.Errorf("%s: got %s", m.name, m.body)
		}
	}
	for _, m := range malformedTexts(valid) {
		if !strings.HasPrefix(m.body, `{"actionId":1,"items":[{"text":"x`) || !strings.HasSuffix(m.body, `y"}]}`) {
			t.Errorf("%s: got %s", m.name, m.body)
		}
	}
	if got := len(malformedTexts(`{"a":1}`)) + len(malformedIntegers(`{"a":1}`)); got != 0 {
		t.Errorf("without texts and identifiers: got %d", got)
	}
}

func TestDiffers(t *testing.T) {
	const want = `{"a":{"b":"same","c":[1,2]},"open":"begins…"}`
	for have, difference := range map[string]string{
		`{"a":{"b":"same","c":[1,2]},"open":"begins and goes on"}`:        "",
		`{"a":{"b":"same","c":[1,2]},"open":"begins"}`:                    "",
		`{"a":{"b":"same","c":[1,2]},"open":"begins","examples":{"x":1}}`: "",
		`{"a":{"b":"same","c":[1,2]},"open":"ends"}`:                      "x/open: got ends",
		`{"a":{"b":"other","c":[1,2]},"open":"begins"}`:                   "x/a/b: got other",
		`{"a":{"b":"same","c":[2,1]},"open":"begins"}`:                    "x/a/c: got [2 1]",
		`{"a":{"b":"same"},"open":"begins"}`:                              "x/a/c: got <nil>",
		`{"a":{"b":"same","c":[1,2],"d":1},"open":"begins"}`:              "x/a/d: not in the components",
		`"text"`: "x/a/b: got <nil>",
	} {
		if got := differs("x", decoded(t, have), decoded(t, want)); !strings.HasPrefix(got, difference) || (got == "") != (difference == "") {
			t.Errorf("%s: got %q, want %q", have, got, difference)
		}
	}
}

func decoded(t *testing.T, text string) (value any) {
	t.Helper()
	if err := json.Unmarshal([]byte(text), &value); err != nil {
		t.Fatal(err)
	}
	return value
}

func TestCheckComponents(t *testing.T) {
	const inOrder = `openapi: 3.1.0
info: {}
servers: []
security: []
tags: []
paths: {}
components: {securitySchemes: {}, parameters: {Limit: LIMIT}, headers: {}, responses: {}, schemas: {Own: {type: string}}}
`
	limit := strings.Replace(inOrder, "LIMIT",
		"{name: limit, in: query, description: Items a page., schema: {type: integer, minimum: 1, maximum: 1000, default: 100}}", 1)
	for _, test := range []struct{ name, source, want string }{
		{"as it must be", limit, ""},
		{"another limit", strings.Replace(limit, "1000", "999", 1), "components/parameters/Limit/schema/maximum: got 999"},
		{"another order", strings.Replace(strings.Replace(limit, "tags: []\n", "", 1), "info", "tags: []\ninfo", 1), "in this order"},
		{"components in another order", strings.Replace(limit, "headers: {}, responses: {}", "responses: {}, headers: {}", 1), "in this order"},
		{"components missing", strings.Replace(limit, " headers: {},", "", 1), "in this order"},
	} {
		wantFailure(t, test.name, test.want, func(t testing.TB) { checkComponents(t, []byte(test.source)) })
	}
}

func TestGapless(t *testing.T) {
	wantFailure(t, "in any order", "", func(t testing.TB) { Gapless(t, []int64{4, 2, 3}, 2, 3) })
	wantFailure(t, "a gap", "place 2 has number 4", func(t testing.TB) { Gapless(t, []int64{4, 1}, 1, 2) })
	wantFailure(t, "twice", "place 2 has number 1", func(t testing.TB) { Gapless(t, []int64{1, 1}, 1, 2) })
	wantFailure(t, "too few", "got 1 numbers, want 2", func(t testing.TB) { Gapless(t, []int64{1}, 1, 2) })
}

func TestTogether(t *testing.T) {
	for i, got := range Together(50, func(i int) int { return i * i }) {
		if got != i*i {
			t.Errorf("%d: got %d", i, got)
		}
	}
}

func TestItems(t *testing.T) {
	if got, want := Items(`{"n":%d}`, 3), `{"items":[{"n":1},{"n":2},{"n":3}]}`; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := Identifiers(3); got != "1,2,3" {
		t.Errorf("got %s", got)
	}
}
