package httpapi

import (
	"bytes"
	"encoding/json"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestDecodeJSON(t *testing.T) {
	deep := func(depth int) string { return strings.Repeat("[", depth) + strings.Repeat("]", depth) }
	tests := []struct {
		name, source string
		pointer      string
		reason       string // part of it; "" where the source is good
	}{
		{name: "object", source: `{"a":[1,-0,1.5e3,true,null,"é\ud83d\ude00"]}`},
		{name: "space around", source: " \r\n\t[ ] \n"},
		{name: "deepest", source: deep(64)},
		{name: "too deep", source: deep(65), pointer: strings.Repeat("/0", 64), reason: "nested too deeply"},
		{name: "deep in an object", source: strings.Repeat(`{"a":`, 65), pointer: strings.Repeat("/a", 64), reason: "nested too deeply"},
		{name: "only space", source: " \n ", reason: "body is required"},
		{name: "duplicate", source: `{"a":{"b":1,"b":2}}`, pointer: "/a/b", reason: "appears twice"},
		{name: "duplicate by escape", source: `{"a":1,"\u0061":2}`, pointer: "/a", reason: "appears twice"},
		{name: "invalid UTF-8", source: "{\"a\":\"\xff\"}", pointer: "/a", reason: "invalid UTF-8"},
		{name: "invalid UTF-8 in a name", source: "{\"\xff\":1}", reason: "invalid UTF-8"},
		{name: "lone surrogate", source: `["\ud800"]`, pointer: "/0", reason: "surrogate"},
		{name: "NUL", source: `{"a":["x\u0000"]}`, pointer: "/a/0", reason: "U+0000"},
		{name: "NUL in a name", source: `{"x\u0000":1}`, pointer: "/x\x00", reason: "U+0000"},
		{name: "text after", source: `{} x`, reason: "text after"},
		{name: "second value", source: `{}{}`, reason: "text after"},
		{name: "comma after", source: `{},`, reason: "text after"},
		{name: "cut off", source: `{"a":[1,`, pointer: "/a", reason: "ends too early"},
		{name: "cut off in text", source: `{"a":"x`, pointer: "/a", reason: "ends too early"},
		{name: "trailing comma", source: `[1,]`, reason: "not valid JSON"},
		{name: "byte order mark", source: "\ufeff{}", reason: "not valid JSON"},
		{name: "comment", source: `{/**/}`, reason: "not valid JSON"},
		{name: "NaN", source: `[NaN]`, pointer: "/0", reason: "not valid JSON"},
		{name: "leading zero", source: `[01]`, reason: "not valid JSON"},
		{name: "plus", source: `[+1]`, pointer: "/0", reason: "not valid JSON"},
		{name: "largest number", source: `1.7976931348623157e308`},
		{name: "too large", source: `{"a":1e309}`, pointer: "/a", reason: "too large"},
		{name: "very much too large", source: `1e999999999999`, reason: "too large"},
		{name: "very small", source: `1e-400`},
		{name: "too small", source: `[1e-401]`, pointer: "/0", reason: "too large or too long"},
		{name: "long", source: `0.` + strings.Repeat("1", 62)},
		{name: "too long", source: `0.` + strings.Repeat("1", 63), reason: "too long"},
		{name: "most values", source: "[" + strings.Repeat("1,", maxValues-2) + "1]"},
		{name: "too many values", source: "[" + strings.Repeat("1,", maxValues-1) + "1]", reason: "too many values"},
		{name: "control character", source: "\"a\nb\"", reason: "not valid JSON"},
		{name: "name with slash", source: `{"a/b~":{"c":nope}}`, pointer: "/a~1b~0/c", reason: "not valid JSON"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			value, fault := decodeJSON([]byte(test.source))
			if test.reason == "" {
				if fault != nil {
					t.Fatalf("got fault %+v", fault)
				}
				if want := decodeNumbers(t, []byte(test.source)); !reflect.DeepEqual(value, want) {
					t.Errorf("got %#v, want %#v", value, want)
				}
				return
			}
			if fault == nil {
				t.Fatalf("got %#v, want a fault", value)
			}
			if fault.Pointer != test.pointer || !strings.Contains(fault.Reason, test.reason) {
				t.Errorf("got %q: %q, want %q: …%s…", fault.Pointer, fault.Reason, test.pointer, test.reason)
			}
		})
	}
}

// TestDecodeJSONKeepsSource makes sure that the pooled decoder does not write
// into the bytes that the handler decodes again.
func TestDecodeJSONKeepsSource(t *testing.T) {
	source := []byte(`{"a":"text","b":[1,2,{"c":"` + strings.Repeat("x", 10000) + `"}]}`)
	before := bytes.Clone(source)
	for range 3 {
		if _, fault := decodeJSON(source); fault != nil {
			t.Fatal(fault)
		}
		_, _ = decodeJSON([]byte(`{"other":"` + strings.Repeat("y", 20000)))
	}
	if !bytes.Equal(source, before) {
		t.Error("the source has changed")
	}
}

func decodeNumbers(t *testing.T, source []byte) any {
	t.Helper()
	decoder := json.NewDecoder(bytes.NewReader(source))
	decoder.UseNumber()
	var value any
	if err := decoder.Decode(&value); err != nil {
		t.Fatal(err)
	}
	return value
}

// FuzzDecodeJSON compares with encoding/json: what decodeJSON takes is valid and
// means the same; what it refuses is invalid or one of the deliberate refusals.
func FuzzDecodeJSON(f *testing.F) {
	for _, seed := range []string{
		`{"a":[1,-0,1.5e3,true,false,null,"é😀"]}`, `{"a":1,"a":2}`, `"\ud800"`, `"\u0000"`, "\"\xff\"", `[1]x`,
		`1e309`, `1e-9999`, `0.1111111111111111111111111111111111111111111111111111111111111111111`, `[[[[]]]]`,
		strings.Repeat("[", 70) + strings.Repeat("]", 70), ``, ` `, `{"a":`, `{"a":{"b~/":[0,{"c":"\n"}]}}`, "\ufeff1", `-`, `01`, `[1,]`,
	} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, source []byte) {
		before := bytes.Clone(source)
		value, fault := decodeJSON(source)
		if !bytes.Equal(source, before) {
			t.Fatal("the source has changed")
		}
		valid := json.Valid(source)
		switch {
		case fault == nil && !valid:
			t.Errorf("took what is not valid")
		case fault == nil:
			if want := decodeNumbers(t, source); !reflect.DeepEqual(value, want) {
				t.Errorf("got %#v, want %#v", value, want)
			}
		case valid && !deliberate(source, fault.Reason):
			t.Errorf("refused what is valid: %+v", fault)
		}
	})
}

// deliberate reports whether valid JSON was refused for one of our own reasons,
// and the source gives cause for it.
func deliberate(source []byte, reason string) bool {
	switch {
	case strings.Contains(reason, "appears twice"):
		return bytes.Count(source, []byte(`"`)) >= 4
	case strings.Contains(reason, "nested too deeply"):
		return bytes.Count(source, []byte("["))+bytes.Count(source, []byte("{")) > maxDepth
	case strings.Contains(reason, "U+0000"):
		return bytes.Contains(source, []byte(`\u0000`))
	case strings.Contains(reason, "too large or too long"):
		return bytes.ContainsAny(source, "eE") || len(source) > maxNumber
	case strings.Contains(reason, "too many values"):
		return len(source) > maxValues
	case strings.Contains(reason, "invalid UTF-8"):
		return !utf8.Valid(source)
	case strings.Contains(reason, "surrogate"):
		return bytes.Contains(source, []byte(`\u`))
	}
	return false
}
