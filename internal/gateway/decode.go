// Reading YAML so strictly that every field either takes effect or is refused,
// with the line and the path of the field in the message.

package gateway

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"

	"go.yaml.in/yaml/v3"
)

// fault is one thing wrong with a kong.yml.
type fault struct {
	line   int
	field  string
	reason string
}

func (f *fault) Error() string {
	if f.field == "" {
		return fmt.Sprintf("line %d: %s", f.line, f.reason)
	}
	return fmt.Sprintf("line %d: %s: %s", f.line, f.field, f.reason)
}

// faults collects what is wrong, so that one run tells all of it.
type faults struct {
	list []error
	// lines says where each field stands, by its path.
	lines map[string]int
}

// add reports what is wrong with the field at path.
func (f *faults) add(path, format string, arguments ...any) {
	f.list = append(f.list, &fault{line: f.line(path), field: path, reason: fmt.Sprintf(format, arguments...)})
}

// line finds the line of a field or, when it is not in the file, of what it
// would be in.
func (f *faults) line(path string) int {
	for {
		if line, known := f.lines[path]; known {
			return line
		}
		path = path[:max(0, strings.LastIndexAny(path, ".["))]
	}
}

func (f *faults) err() error { return errors.Join(f.list...) }

// parseDocument reads the one YAML document of r.
func parseDocument(r io.Reader) (*yaml.Node, error) {
	decoder := yaml.NewDecoder(r)
	var document, more yaml.Node
	if err := decoder.Decode(&document); err != nil {
		if errors.Is(err, io.EOF) {
			return nil, &fault{line: 1, reason: "the file is empty"}
		}
		return nil, err
	}
	switch err := decoder.Decode(&more); {
	case err == nil:
		return nil, &fault{line: more.Line, reason: "a second YAML document; Kong reads only one"}
	case !errors.Is(err, io.EOF):
		return nil, err
	}
	return document.Content[0], nil
}

// defaulted is what has default values.
type defaulted interface{ setDefaults() }

// decode fills the struct that target points to from node.
func (f *faults) decode(node *yaml.Node, path string, target any) {
	f.decodeValue(node, path, reflect.ValueOf(target).Elem())
}

func (f *faults) decodeValue(node *yaml.Node, path string, value reflect.Value) {
	if node.Kind == yaml.AliasNode {
		f.add(path, "aliases are refused; write out what it stands for")
		return
	}
	if isNull(node) {
		return // as in Kong, null is the same as leaving the field out
	}
	if _, raw := value.Interface().(yaml.Node); raw {
		value.Set(reflect.ValueOf(*node))
		return
	}
	switch value.Kind() {
	case reflect.Struct:
		f.decodeStruct(node, path, value)
	case reflect.Slice:
		f.decodeSlice(node, path, value)
	case reflect.Map:
		f.decodeMap(node, path, value)
	case reflect.Pointer: // a field whose absence means something
		value.Set(reflect.New(value.Type().Elem()))
		f.decodeValue(node, path, value.Elem())
	default:
		f.decodeScalar(node, path, value)
	}
}

func isNull(node *yaml.Node) bool {
	return node.Kind == yaml.ScalarNode && node.ShortTag() == "!!null"
}

func (f *faults) decodeStruct(node *yaml.Node, path string, value reflect.Value) {
	if node.Kind != yaml.MappingNode {
		f.add(path, "must be a mapping of fields")
		return
	}
	if entity, ok := value.Addr().Interface().(defaulted); ok {
		entity.setDefaults()
	}
	fields := fieldsOf(value.Type())
	f.eachPair(node, path, func(key, content *yaml.Node, at string) {
		index, known := fields[key.Value]
		if !known {
			f.add(at, "unknown field; the embedded gateway would ignore it")
			return
		}
		f.decodeValue(content, at, value.Field(index))
	})
}

// eachPair calls visit for each key of a mapping and its content.
func (f *faults) eachPair(node *yaml.Node, path string, visit func(key, content *yaml.Node, at string)) {
	seen := make(map[string]int)
	for i := 0; i+1 < len(node.Content); i += 2 {
		key, content := node.Content[i], node.Content[i+1]
		at := strings.TrimPrefix(path+"."+key.Value, ".")
		if key.Kind != yaml.ScalarNode {
			f.add(path, "the name of a field must be a plain word")
			continue
		}
		if first, twice := seen[key.Value]; twice {
			f.lines[at] = key.Line
			f.add(at, "appears twice, first on line %d", first)
			continue
		}
		seen[key.Value], f.lines[at] = key.Line, key.Line
		visit(key, content, at)
	}
}

// fieldsOf maps the YAML names of a struct's fields to their indices.
func fieldsOf(structure reflect.Type) map[string]int {
	fields := make(map[string]int)
	for i := range structure.NumField() {
		if name := structure.Field(i).Tag.Get("yaml"); name != "" && name != "-" {
			fields[name] = i
		}
	}
	return fields
}

func (f *faults) decodeSlice(node *yaml.Node, path string, value reflect.Value) {
	if node.Kind != yaml.SequenceNode {
		f.add(path, "must be a list")
		return
	}
	list := reflect.MakeSlice(value.Type(), len(node.Content), len(node.Content))
	for i, item := range node.Content {
		at := fmt.Sprintf("%s[%d]", path, i)
		f.lines[at] = item.Line
		if isNull(item) {
			f.add(at, "must not be empty")
			continue
		}
		f.decodeValue(item, at, list.Index(i))
	}
	value.Set(list)
}

func (f *faults) decodeMap(node *yaml.Node, path string, value reflect.Value) {
	if node.Kind != yaml.MappingNode {
		f.add(path, "must be a mapping")
		return
	}
	entries := reflect.MakeMap(value.Type())
	f.eachPair(node, path, func(key, content *yaml.Node, at string) {
		entry := reflect.New(value.Type().Elem()).Elem()
		f.decodeValue(content, at, entry)
		entries.SetMapIndex(reflect.ValueOf(key.Value), entry)
	})
	value.Set(entries)
}

// scalarTags are the YAML types that may fill a field of each kind. YAML itself
// would turn 123 into "123"; Kong does not.
var scalarTags = map[reflect.Kind][]string{
	reflect.String:  {"!!str"},
	reflect.Bool:    {"!!bool"},
	reflect.Int:     {"!!int"},
	reflect.Float64: {"!!int", "!!float"},
}

var kindNames = map[reflect.Kind]string{
	reflect.String:  "a string",
	reflect.Bool:    "true or false",
	reflect.Int:     "a whole number",
	reflect.Float64: "a number",
}

func (f *faults) decodeScalar(node *yaml.Node, path string, value reflect.Value) {
	kind := value.Kind()
	for _, tag := range scalarTags[kind] {
		if node.Kind != yaml.ScalarNode || node.ShortTag() != tag {
			continue
		}
		if err := node.Decode(value.Addr().Interface()); err == nil {
			return
		}
	}
	f.add(path, "must be %s", kindNames[kind])
}
