// The rules that hold anywhere in a document: for references and for schemas.
package gptactions

import (
	"maps"
	"slices"
	"strconv"
	"strings"
)

// resolve follows value's $ref, and that of what it finds. It returns nil if a
// reference leads nowhere, out of the document, or round in a circle.
func (d *Document) resolve(value any) any {
	// No chain of references is as long as this unless it is a circle.
	for range 100 {
		members, _ := value.(map[string]any)
		reference, ok := members["$ref"].(string)
		if !ok {
			return value
		}
		value = d.at(reference)
	}
	return nil
}

var unescape = strings.NewReplacer("~1", "/", "~0", "~")

// at is what a reference within the document leads to, or nil.
func (d *Document) at(reference string) any {
	pointer, inside := strings.CutPrefix(reference, "#/")
	if !inside {
		return nil
	}
	var value any = d.root
	for step := range strings.SplitSeq(pointer, "/") {
		switch in := value.(type) {
		case map[string]any:
			value = in[unescape.Replace(step)]
		case []any:
			index, err := strconv.Atoi(step)
			if err != nil || index < 0 || index >= len(in) {
				return nil
			}
			value = in[index]
		default:
			return nil
		}
	}
	return value
}

// Members whose members have names that somebody chose, as "type" or "enum",
// and members that hold data.
var (
	named = []string{"properties", "patternProperties", "$defs", "schemas", "responses", "parameters", "headers", "content", "paths", "requestBodies", "securitySchemes"}
	data  = []string{"example", "examples", "default", "enum", "const"}
)

// tree checks every part of the document.
func (f *faults) tree() {
	f.part("#", f.document.root, false)
	f.circles()
}

// part checks value and what is in it; chosen says that its members have names
// that somebody chose.
func (f *faults) part(place string, value any, chosen bool) {
	switch in := value.(type) {
	case []any:
		for i, item := range in {
			f.part(place+"/"+strconv.Itoa(i), item, false)
		}
	case map[string]any:
		if !chosen {
			f.reference(place, in)
			f.schema(place, in)
		}
		for _, name := range slices.Sorted(maps.Keys(in)) {
			if chosen || !slices.Contains(data, name) {
				f.part(place+"/"+name, in[name], !chosen && slices.Contains(named, name))
			}
		}
	}
}

// reference checks that the document is whole by itself: it is pasted or
// fetched as one text.
func (f *faults) reference(place string, in map[string]any) {
	if reference, ok := in["$ref"].(string); ok && f.document.resolve(in) == nil {
		f.add("%s: %s leads nowhere in the document", place, reference)
	}
}

// schema checks that an object says what is in it, if only that anything may
// be. The editor, as observed: "object schema missing properties".
func (f *faults) schema(place string, in map[string]any) {
	isObject := in["type"] == "object"
	if types, ok := in["type"].([]any); ok {
		isObject = slices.Contains(types, any("object"))
	}
	if _, ok := in["properties"].(map[string]any); isObject && !ok {
		f.add("%s: an object without properties", place)
	}
}

// circles checks that no schema contains itself. The editor, as observed:
// "Components section contains a circular dependency".
func (f *faults) circles() {
	components, _ := f.document.root["components"].(map[string]any)
	schemas, _ := components["schemas"].(map[string]any)
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		reference := "#/components/schemas/" + name
		if f.leadsTo(reference, schemas[name], map[string]bool{}) {
			f.add("%s contains itself", reference)
		}
	}
}

// leadsTo reports whether value refers to target, at once or by way of others.
func (f *faults) leadsTo(target string, value any, seen map[string]bool) bool {
	switch in := value.(type) {
	case []any:
		return slices.ContainsFunc(in, func(item any) bool { return f.leadsTo(target, item, seen) })
	case map[string]any:
		if reference, ok := in["$ref"].(string); ok {
			if reference == target {
				return true
			}
			if !seen[reference] {
				seen[reference] = true
				return f.leadsTo(target, f.document.at(reference), seen)
			}
			return false
		}
		for _, member := range in {
			if f.leadsTo(target, member, seen) {
				return true
			}
		}
	}
	return false
}
