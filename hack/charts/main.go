// Command charts makes values.schema.json of every chart from its values.yaml
// and hack/charts/schema.yaml, copies monitoring/ to where the chart of the
// stack needs it, and renders manifests/operator.yaml. Run it from the root of
// the repository (make generate).
package main

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"

	"fountain.coach/fountainai/charts"
)

const (
	folder   = "charts"
	umbrella = charts.Umbrella
	library  = charts.Library
)

// schema is a JSON Schema, as far as it is needed.
type schema = map[string]any

func main() {
	if err := run(); err != nil {
		fmt.Fprintln(os.Stderr, "hack/charts:", err)
		os.Exit(1)
	}
}

func run() error {
	rules, err := readRules()
	if err != nil {
		return err
	}
	for _, chart := range append(slices.Clone(charts.Services), umbrella, charts.Operator) {
		if err := rules.write(chart); err != nil {
			return fmt.Errorf("%s: %w", chart, err)
		}
	}
	if unused := rules.unused(); len(unused) > 0 {
		return fmt.Errorf("schema.yaml has keys that fit no value: %s", strings.Join(unused, ", "))
	}
	return errors.Join(
		copyFiles("monitoring/rules/*.yml", filepath.Join(folder, umbrella, "files", "rules")),
		copyFiles("monitoring/grafana/dashboards/*.json", filepath.Join(folder, umbrella, "files", "dashboards")),
		operatorManifest("manifests/operator.yaml"))
}

// rules is schema.yaml, and which of its keys were used.
type rules struct {
	byKey map[string]schema
	used  map[string]bool
}

func readRules() (*rules, error) {
	content, err := os.ReadFile("hack/charts/schema.yaml")
	if err != nil {
		return nil, err
	}
	read := &rules{used: map[string]bool{}}
	return read, yaml.Unmarshal(content, &read.byKey)
}

// of returns the rule for a path: that of the longest key which is its end.
func (r *rules) of(path string) schema {
	longest := ""
	for key := range r.byKey {
		if (path == key || strings.HasSuffix(path, "."+key)) && len(key) > len(longest) {
			longest = key
		}
	}
	r.used[longest] = true
	return r.byKey[longest]
}

func (r *rules) unused() []string {
	return slices.DeleteFunc(slices.Sorted(maps.Keys(r.byKey)), func(key string) bool { return r.used[key] })
}

func (r *rules) write(chart string) error {
	root, err := r.chart(chart)
	if err != nil {
		return err
	}
	if chart == charts.Operator {
		return save(chart, root)
	}
	properties := root["properties"].(schema)
	// Helm adds the values of the charts below to those of the chart.
	properties[library] = schema{"type": "object"}
	if chart != umbrella {
		stack, err := r.chart(umbrella)
		if err != nil {
			return err
		}
		shared := stack["properties"].(schema)["global"].(schema)
		withoutDescriptions(shared)
		shared["description"] = properties["global"].(schema)["description"]
		properties["global"] = shared
	}
	return save(chart, root)
}

// chart is the schema of what stands in a chart's values.yaml.
func (r *rules) chart(name string) (schema, error) {
	content, err := os.ReadFile(filepath.Join(folder, name, "values.yaml"))
	if err != nil {
		return nil, err
	}
	var document yaml.Node
	if err := yaml.Unmarshal(content, &document); err != nil {
		return nil, err
	}
	root, err := r.object("", document.Content[0])
	if err != nil {
		return nil, err
	}
	root["$schema"] = "http://json-schema.org/draft-07/schema#"
	root["title"] = "Values of the chart " + name
	return root, nil
}

// withoutDescriptions drops the descriptions of all values below. What global
// holds is described in the umbrella's schema; a service's only checks it.
func withoutDescriptions(object schema) {
	properties, _ := object["properties"].(schema)
	for _, property := range properties {
		if property, ok := property.(schema); ok {
			delete(property, "description")
			withoutDescriptions(property)
		}
	}
}

func save(chart string, root schema) error {
	text, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(filepath.Join(folder, chart, "values.schema.json"), append(text, '\n'), 0o644)
}

// object is the schema of a mapping whose keys are ours: no others are allowed.
func (r *rules) object(path string, node *yaml.Node) (schema, error) {
	properties := schema{}
	for i := 0; i < len(node.Content); i += 2 {
		key, value := node.Content[i], node.Content[i+1]
		name := key.Value
		if path != "" {
			name = path + "." + key.Value
		}
		property, err := r.value(name, key.HeadComment, value)
		if err != nil {
			return nil, err
		}
		properties[key.Value] = property
	}
	return schema{"type": "object", "properties": properties, "additionalProperties": false}, nil
}

// value is the schema of one value. A mapping with keys is ours unless the
// rules call it free; every other value needs a comment that describes it.
func (r *rules) value(path, comment string, node *yaml.Node) (schema, error) {
	rule := r.of(path)
	if node.Kind == yaml.MappingNode && len(node.Content) > 0 && rule == nil {
		return r.object(path, node)
	}
	_, description, found := strings.Cut(comment, "# -- ")
	if !found {
		return nil, fmt.Errorf("%s has no comment that begins with \"# -- \"", path)
	}
	property := schema{"description": description}
	switch {
	case node.Kind == yaml.MappingNode:
		property["type"] = "object"
	case node.Kind == yaml.SequenceNode:
		property["type"] = "array"
	default:
		kind, ok := map[string]string{"!!str": "string", "!!bool": "boolean", "!!int": "integer"}[node.Tag]
		if !ok {
			return nil, fmt.Errorf("%s is a %s, which has no type here", path, node.Tag)
		}
		property["type"] = kind
	}
	for key, value := range rule {
		if key != "free" {
			property[key] = value
		}
	}
	return property, nil
}

// copyFiles makes the files of folder the same as those that the pattern names.
func copyFiles(pattern, folder string) error {
	if err := os.RemoveAll(folder); err != nil {
		return err
	}
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	sources, err := filepath.Glob(pattern)
	if err == nil && len(sources) == 0 {
		err = fmt.Errorf("%s names no file", pattern)
	}
	if err != nil {
		return err
	}
	for _, source := range sources {
		content, err := os.ReadFile(source)
		if err != nil {
			return err
		}
		if err := os.WriteFile(filepath.Join(folder, filepath.Base(source)), content, 0o644); err != nil {
			return err
		}
	}
	return nil
}
