// What the documents of all services have in common, word for word.
package apitest

import (
	_ "embed"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

//go:embed components.yaml
var commonComponents []byte

// components are the components of a document: group, name, component.
type components map[string]map[string]any

// The order in which a document is written.
var (
	documentOrder  = []string{"openapi", "info", "servers", "security", "tags", "paths", "components"}
	componentOrder = []string{"securitySchemes", "parameters", "headers", "responses", "schemas"}
)

// checkComponents checks that a document is written in the common order, and
// that what it has in common with the others is the same.
func checkComponents(t testing.TB, source []byte) {
	t.Helper()
	var root yaml.Node
	var document struct{ Components components }
	var common components
	if err := yaml.Unmarshal(source, &root); err != nil {
		t.Fatal(err)
	}
	if err := root.Decode(&document); err != nil {
		t.Fatal(err)
	}
	if err := yaml.Unmarshal(commonComponents, &common); err != nil {
		t.Fatal(err)
	}
	top := root.Content[0]
	if got := keys(top); !slices.Equal(got, documentOrder) {
		t.Errorf("the document has %q, want %q in this order", got, documentOrder)
	}
	if got := keys(top.Content[len(top.Content)-1]); !slices.Equal(got, componentOrder) {
		t.Errorf("components has %q, want %q in this order", got, componentOrder)
	}
	for group, members := range common {
		for name, want := range members {
			if have, found := document.Components[group][name]; found {
				if difference := differs("components/"+group+"/"+name, have, want); difference != "" {
					t.Error(difference)
				}
			}
		}
	}
}

// keys returns the names of a mapping in the order in which they are written.
func keys(mapping *yaml.Node) []string {
	var names []string
	for i := 0; i < len(mapping.Content); i += 2 {
		names = append(names, mapping.Content[i].Value)
	}
	return names
}

// differs says where have is not as want wants it, "" if it is.
func differs(place string, have, want any) string {
	switch want := want.(type) {
	case map[string]any:
		members, _ := have.(map[string]any)
		for _, name := range slices.Sorted(maps.Keys(want)) {
			if difference := differs(place+"/"+name, members[name], want[name]); difference != "" {
				return difference
			}
		}
		for _, name := range slices.Sorted(maps.Keys(members)) {
			if _, wanted := want[name]; !wanted && name != "examples" {
				return fmt.Sprintf("%s/%s: not in the components that all services share", place, name)
			}
		}
		return ""
	case string:
		text, _ := have.(string)
		if beginning, open := strings.CutSuffix(want, "…"); open && strings.HasPrefix(text, beginning) {
			return ""
		}
	}
	if fmt.Sprint(have) != fmt.Sprint(want) {
		return fmt.Sprintf("%s: got %v, want %v as in all services", place, have, want)
	}
	return ""
}
