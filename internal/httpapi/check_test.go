package httpapi

import (
	"errors"
	"runtime"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// checkSchemas are schemas with every keyword the checker takes upon itself, and
// with those it must leave to the library.
const checkSchemas = `{
	"plain": {"type": "object", "additionalProperties": false, "required": ["a"], "minProperties": 1, "maxProperties": 4, "properties": {
		"a": {"type": "integer", "minimum": -1, "maximum": 9223372036854775807},
		"b": {"type": ["string", "null"], "minLength": 1, "maxLength": 3},
		"c": {"type": "array", "minItems": 1, "maxItems": 3, "items": {"$ref": "#/$defs/plain"}},
		"d": {"additionalProperties": {"$ref": "#/$defs/bound"}},
		"e": true, "f": false, "g": {"$ref": "#/$defs/loose"}}},
	"bound": {"type": ["integer", "null"], "minimum": 0.5, "maximum": 1e30},
	"loose": {"$ref": "#/$defs/bound", "maximum": 7},
	"odd": {"exclusiveMinimum": 1, "multipleOf": 2, "type": "integer"},
	"number": {"type": "number", "minimum": 0},
	"text": {"type": "string", "pattern": "^a", "maxLength": 3},
	"any": {"anyOf": [{"$ref": "#/$defs/plain"}, {"$ref": "#/$defs/text"}, {"type": "array", "uniqueItems": true}]},
	"enum": {"enum": [1, "a", {"a": 1}]},
	"names": {"type": "object", "propertyNames": {"maxLength": 1}, "patternProperties": {"^a": {"type": "integer"}}, "unevaluatedProperties": false},
	"list": {"type": "array", "prefixItems": [{"type": "string"}], "items": {"type": "integer"}, "contains": {"const": 3}},
	"format": {"type": "string", "format": "date-time"},
	"anything": {}
}`

func compileSchemas(t testing.TB) map[string]*jsonschema.Schema {
	t.Helper()
	root, err := jsonschema.UnmarshalJSON(strings.NewReader(`{"$defs":` + checkSchemas + `}`))
	if err != nil {
		t.Fatal(err)
	}
	compiler := newCompiler()
	if err := compiler.AddResource("test:schemas", root); err != nil {
		t.Fatal(err)
	}
	compiled := map[string]*jsonschema.Schema{}
	for name := range root.(map[string]any)["$defs"].(map[string]any) {
		if compiled[name], err = compiler.Compile("test:schemas#/$defs/" + name); err != nil {
			t.Fatal(err)
		}
	}
	return compiled
}

var checkSeeds = []string{
	`{"a":1}`, `{"a":-1,"b":null,"c":[{"a":1}]}`, `{"a":-2}`, `{"a":1.0}`, `{"a":1e0}`, `{"a":9223372036854775808}`, `{"b":""}`, `{}`,
	`{"a":1,"b":"éééé","c":[],"d":{"x":0,"y":1,"z":null}}`, `{"a":1,"c":[1,{},{"a":1},4]}`, `{"a":1,"c":[{"a":1,"c":[{"b":1}]}]}`,
	`{"a":1,"e":[1],"f":1}`, `{"a":1,"g":8}`, `{"a":1,"g":7}`, `{"x/y~":1}`, `{"a":1,"b":"x","c":[{"a":0}],"d":{},"e":1}`,
	`1`, `0`, `-0`, `4`, `3`, `1.5`, `1e30`, `"a"`, `"abcd"`, `"b"`, `null`, `true`, `[]`, `["x",1,3]`, `["x","y"]`, `[3,3]`, `{"ab":1}`,
	`{"b":1}`, `"2026-01-31T12:00:00Z"`, `[[[]]]`,
}

// FuzzCheck compares the checker with the library it stands before: the same
// values are good, and each fault it names the library names too.
func FuzzCheck(f *testing.F) {
	for _, seed := range checkSeeds {
		f.Add(seed)
	}
	schemas := compileSchemas(f)
	f.Fuzz(func(t *testing.T, source string) {
		value, fault := decodeJSON([]byte(source))
		if fault != nil {
			return
		}
		for name, schema := range schemas {
			faults, want := schemaFaults(schema, value), libraryFaults(schema, value)
			if (len(faults) == 0) != (len(want) == 0) {
				t.Errorf("%s: got %v, the library %v", name, faults, want)
			}
			for _, fault := range faults {
				if !want[fault.Pointer+" "+fault.Reason] {
					t.Errorf("%s: %v is not among the faults of the library, %v", name, fault, want)
				}
			}
		}
	})
}

func TestCheckAsLibrary(t *testing.T) {
	for name, schema := range compileSchemas(t) {
		for _, seed := range checkSeeds {
			value, fault := decodeJSON([]byte(seed))
			if fault != nil {
				t.Fatal(seed, fault)
			}
			if got, want := schemaFaults(schema, value), libraryFaults(schema, value); (len(got) == 0) != (len(want) == 0) {
				t.Errorf("%s: %s: got %v, the library %v", name, seed, got, want)
			}
		}
	}
}

func libraryFaults(schema *jsonschema.Schema, value any) map[string]bool {
	var failure *jsonschema.ValidationError
	faults := map[string]bool{}
	if !errors.As(schema.Validate(value), &failure) {
		return faults
	}
	var walk func(failure *jsonschema.ValidationError)
	walk = func(failure *jsonschema.ValidationError) {
		for _, cause := range failure.Causes {
			walk(cause)
		}
		if len(failure.Causes) == 0 {
			var c checker
			c.collect(failure, "")
			for _, fault := range c.faults {
				faults[fault.Pointer+" "+fault.Reason] = true
			}
		}
	}
	walk(failure)
	return faults
}

// TestHostileBodies: what a request costs stays in proportion to its size.
func TestHostileBodies(t *testing.T) {
	const size = 1 << 20
	s := newTestAPI(t, Options{})
	repeat := func(text string) string { return strings.Repeat(text+",", size/(len(text)+1)-20) + text }
	for name, body := range map[string]string{
		"numbers":        `{"items":[` + repeat(`1`) + `]}`,
		"empty objects":  `{"items":[` + repeat(`{}`) + `]}`,
		"nested arrays":  `{"items":[` + repeat(strings.Repeat("[", 50)+strings.Repeat("]", 50)) + `]}`,
		"large numbers":  `{"items":[` + repeat(`{"name":"x","weight":1e308}`) + `]}`,
		"long tag lists": `{"items":[{"name":"x","tags":[` + repeat(`"a"`) + `]}]}`,
	} {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			w := s.do("POST", "/items/batch", body)
			runtime.ReadMemStats(&after)
			if allocated := after.TotalAlloc - before.TotalAlloc; allocated > 100*size {
				t.Errorf("%d: %d MiB allocated for a body of 1 MiB", w.Code, allocated>>20)
			}
		})
	}
}
