package orchestrator

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// resolver follows references within a document.
type resolver struct{ document map[string]any }

// object returns what value is or refers to.
func (r resolver) object(value any) (map[string]any, error) {
	for range 32 {
		object, is := value.(map[string]any)
		if !is {
			return nil, fmt.Errorf("want an object, got %T", value)
		}
		reference, is := object["$ref"].(string)
		if !is {
			return object, nil
		}
		target, err := r.follow(reference)
		if err != nil {
			return nil, err
		}
		value = target
	}
	return nil, errors.New("references go in a circle")
}

func (r resolver) follow(reference string) (any, error) {
	path, local := strings.CutPrefix(reference, "#/")
	if !local {
		return nil, fmt.Errorf("%s is outside the document", reference)
	}
	var at any = r.document
	for part := range strings.SplitSeq(path, "/") {
		part = strings.NewReplacer("~1", "/", "~0", "~").Replace(part)
		object, _ := at.(map[string]any)
		if at = object[part]; at == nil {
			return nil, fmt.Errorf("%s is not in the document", reference)
		}
	}
	return at, nil
}

// annotations are keywords that say nothing about values.
var annotations = []string{"example", "examples", "deprecated", "title", "$comment", "externalDocs", "xml", "discriminator"}

// schema returns a schema with all references put in place, and without what
// is there for other readers only.
func (r resolver) schema(value any) (map[string]any, error) { return r.inline(value, 0) }

func (r resolver) inline(value any, depth int) (map[string]any, error) {
	if depth > 16 {
		return nil, errors.New("a schema refers to itself, which no tool can")
	}
	if value == nil {
		return map[string]any{}, nil
	}
	source, err := r.object(value)
	if err != nil {
		return nil, err
	}
	result := map[string]any{}
	for key, each := range source {
		if strings.HasPrefix(key, "x-") || slices.Contains(annotations, key) {
			continue
		}
		switch key {
		case "properties":
			inner, _ := each.(map[string]any)
			properties := map[string]any{}
			for name, property := range inner {
				if properties[name], err = r.inline(property, depth+1); err != nil {
					return nil, fmt.Errorf("%s: %w", name, err)
				}
			}
			result[key] = properties
		case "items", "additionalProperties", "not":
			if _, is := each.(map[string]any); !is {
				result[key] = each
				continue
			}
			if result[key], err = r.inline(each, depth+1); err != nil {
				return nil, err
			}
		case "anyOf", "oneOf", "allOf":
			list, _ := each.([]any)
			inlined := make([]any, len(list))
			for i := range list {
				if inlined[i], err = r.inline(list[i], depth+1); err != nil {
					return nil, err
				}
			}
			result[key] = inlined
		default:
			result[key] = each
		}
	}
	return result, nil
}

func compile(name string, schema map[string]any) (*jsonschema.Schema, error) {
	compiler := jsonschema.NewCompiler()
	compiler.DefaultDraft(jsonschema.Draft2020)
	url := "tool:" + name
	if err := compiler.AddResource(url, plain(schema)); err != nil {
		return nil, err
	}
	return compiler.Compile(url)
}

// plain makes a schema what a JSON decoder would: the compiler takes nothing else.
func plain(value any) any {
	switch value := value.(type) {
	case map[string]any:
		result := make(map[string]any, len(value))
		for key, each := range value {
			result[key] = plain(each)
		}
		return result
	case []any:
		result := make([]any, len(value))
		for i, each := range value {
			result[i] = plain(each)
		}
		return result
	}
	return value
}

// strictKeywords are those that OpenAI's strict mode knows, by its guide to
// structured outputs; the others are told in words.
var strictKeywords = []string{"type", "enum", "const", "description", "pattern", "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf", "minItems", "maxItems"}

// strictFormats are the formats that strict mode knows.
var strictFormats = []string{"date-time", "time", "date", "duration", "email", "hostname", "ipv4", "ipv6", "uuid"}

// largest is the bound of every identifier: to tell a model of it costs more
// than it helps.
const largest = "9223372036854775807"

// clearName is the argument that names what is to be set to null.
const clearName = "clear"

// strictRoot turns the flat schema of a tool into one that strict mode takes.
func strictRoot(flat map[string]any, patches bool) map[string]any {
	result := strict(flat)
	if !patches {
		return result
	}
	var names []any
	for _, name := range nullable(flat, "") {
		names = append(names, name)
	}
	if len(names) > 0 {
		properties := result["properties"].(map[string]any)
		properties[clearName] = map[string]any{"type": []any{"array", "null"}, "items": map[string]any{"type": "string", "enum": names},
			"description": "Properties to remove. Null elsewhere means: leave as it is."}
		result["required"] = append(result["required"].([]any), clearName)
	}
	return result
}

// strict returns the schema by the rules of strict mode.
func strict(schema map[string]any) map[string]any {
	if isFreeForm(schema) {
		text := "A JSON object, written as text."
		if told, _ := schema["description"].(string); told != "" {
			text = told + " " + text
		}
		return map[string]any{"type": "string", "description": text}
	}
	result := map[string]any{}
	for _, keyword := range strictKeywords {
		if value, is := schema[keyword]; is && !(keyword == "maximum" && fmt.Sprint(value) == largest) {
			result[keyword] = value
		}
	}
	if format, _ := schema["format"].(string); slices.Contains(strictFormats, format) {
		result["format"] = format
	}
	if told := inWords(schema); told != "" {
		text, _ := result["description"].(string)
		result["description"] = strings.TrimSpace(text + " " + told)
	}
	if items, is := schema["items"].(map[string]any); is {
		result["items"] = strict(items)
	}
	for _, keyword := range []string{"anyOf", "oneOf"} {
		if list, is := schema[keyword].([]any); is {
			var alternatives []any
			for _, each := range list {
				alternatives = append(alternatives, strict(each.(map[string]any)))
			}
			result["anyOf"] = alternatives
		}
	}
	if properties, is := schema["properties"].(map[string]any); is {
		strictObject(schema, properties, result)
	}
	return result
}

func strictObject(schema, properties, result map[string]any) {
	required, _ := schema["required"].([]any)
	all, names := map[string]any{}, []any{}
	for _, name := range sortedKeys(properties) {
		property := strict(properties[name].(map[string]any))
		if !slices.Contains(required, any(name)) {
			property = orNull(property)
		}
		all[name] = property
		names = append(names, name)
	}
	result["type"], result["properties"], result["required"], result["additionalProperties"] = "object", all, names, false
}

// orNull lets null stand for a value.
func orNull(schema map[string]any) map[string]any {
	if list, is := schema["anyOf"].([]any); is {
		if !slices.ContainsFunc(list, func(each any) bool { return each.(map[string]any)["type"] == "null" }) {
			schema["anyOf"] = append(slices.Clone(list), map[string]any{"type": "null"})
		}
		return schema
	}
	switch kind := schema["type"].(type) {
	case string:
		schema["type"] = []any{kind, "null"}
	case []any:
		if !slices.Contains(kind, any("null")) {
			schema["type"] = append(slices.Clone(kind), "null")
		}
	}
	if values, is := schema["enum"].([]any); is && !slices.Contains(values, nil) {
		schema["enum"] = append(slices.Clone(values), nil)
	}
	return schema
}

// isFreeForm reports whether any members may stand in an object, which strict
// mode does not have.
func isFreeForm(schema map[string]any) bool {
	properties, _ := schema["properties"].(map[string]any)
	return hasType(schema, "object") && len(properties) == 0 && schema["additionalProperties"] != false
}

func hasType(schema map[string]any, kind string) bool {
	if list, is := schema["type"].([]any); is {
		return slices.Contains(list, any(kind))
	}
	return schema["type"] == kind
}

// inWords tells the constraints that strict mode does not have.
func inWords(schema map[string]any) string {
	var told []string
	if value, is := schema["minLength"]; is {
		if fmt.Sprint(value) == "1" {
			told = append(told, "Not empty.")
		} else {
			told = append(told, fmt.Sprintf("At least %v characters.", value))
		}
	}
	if value, is := schema["maxLength"]; is {
		told = append(told, fmt.Sprintf("At most %v characters.", value))
	}
	if value, is := schema["default"]; is {
		told = append(told, fmt.Sprintf("Default: %v.", value))
	}
	if schema["uniqueItems"] == true {
		told = append(told, "No item twice.")
	}
	if value, is := schema["minProperties"]; is {
		told = append(told, fmt.Sprintf("At least %v properties.", value))
	}
	return strings.Join(told, " ")
}

// nullable names the optional properties that may be null, nested ones with dots.
func nullable(schema map[string]any, prefix string) []string {
	var names []string
	properties, _ := schema["properties"].(map[string]any)
	for _, name := range sortedKeys(properties) {
		property := properties[name].(map[string]any)
		if mayBeNull(property) {
			names = append(names, prefix+name)
		}
		names = append(names, nullable(objectOf(property), prefix+name+".")...)
	}
	return names
}

func mayBeNull(schema map[string]any) bool {
	list, _ := schema["anyOf"].([]any)
	return hasType(schema, "null") || slices.ContainsFunc(list, func(each any) bool {
		inner, _ := each.(map[string]any)
		return inner != nil && hasType(inner, "null")
	})
}

// objectOf returns the schema itself, or of its alternatives that of an object.
func objectOf(schema map[string]any) map[string]any {
	for _, keyword := range []string{"anyOf", "oneOf"} {
		list, _ := schema[keyword].([]any)
		for _, each := range list {
			if inner, _ := each.(map[string]any); hasType(inner, "object") {
				return inner
			}
		}
	}
	return schema
}

func sortedKeys(m map[string]any) []string { return slices.Sorted(maps.Keys(m)) }
