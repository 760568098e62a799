// Rendering a chart in memory, without a cluster.
package charts

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"

	"helm.sh/helm/v4/pkg/chart/common"
	"helm.sh/helm/v4/pkg/chart/common/util"
	chartutil "helm.sh/helm/v4/pkg/chart/v2/util"
	"helm.sh/helm/v4/pkg/engine"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/util/yaml"
)

// Release names an installation of a chart.
type Release struct {
	Name      string
	Namespace string
}

// Render returns the objects of the chart of the given name with values in
// place of its defaults, in the order of kind, namespace and name, test hooks
// included. Values that the chart's schema refuses are an error that names
// them. Nothing is asked of a cluster: what the templates look up there is not
// found, so Secrets whose keys are made once have new ones in each rendering.
func Render(name string, release Release, values map[string]any) ([]*unstructured.Unstructured, error) {
	loaded, err := Load(name)
	if err != nil {
		return nil, err
	}
	if err := chartutil.ProcessDependencies(loaded, common.Values(values)); err != nil {
		return nil, fmt.Errorf("chart %s: %w", name, err)
	}
	options := common.ReleaseOptions{Name: release.Name, Namespace: release.Namespace, Revision: 1, IsInstall: true}
	full, err := util.ToRenderValues(loaded, values, options, common.DefaultCapabilities)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %s", name, strings.Join(inOrder(strings.Split(err.Error(), "\n"), ""), "\n"))
	}
	files, err := engine.Render(loaded, full)
	if err != nil {
		return nil, fmt.Errorf("chart %s: %w", name, err)
	}
	var objects []*unstructured.Unstructured
	for _, path := range slices.Sorted(maps.Keys(files)) {
		if strings.HasSuffix(path, "NOTES.txt") {
			continue
		}
		decoded, err := decode(files[path])
		if err != nil {
			return nil, fmt.Errorf("%s: %w", path, err)
		}
		objects = append(objects, decoded...)
	}
	slices.SortFunc(objects, func(a, b *unstructured.Unstructured) int {
		return cmp.Or(cmp.Compare(a.GetKind(), b.GetKind()), cmp.Compare(a.GetNamespace(), b.GetNamespace()), cmp.Compare(a.GetName(), b.GetName()))
	})
	return objects, nil
}

// inOrder sorts the list items among the lines of a message about values, and
// those below each item: the schema's validator goes through fields in any
// order, and the same mistake must be the same message for who compares them.
func inOrder(lines []string, indent string) []string {
	var ordered, items []string
	for i := 0; i < len(lines); {
		next := i + 1
		if strings.HasPrefix(lines[i], indent+"- ") {
			for next < len(lines) && strings.HasPrefix(lines[next], indent+"  ") {
				next++
			}
			below := inOrder(lines[i+1:next], indent+"  ")
			items = append(items, strings.Join(append([]string{lines[i]}, below...), "\n"))
		} else {
			slices.Sort(items)
			ordered, items = append(append(ordered, items...), lines[i]), nil
		}
		i = next
	}
	slices.Sort(items)
	return append(ordered, items...)
}

// decode returns the objects of a file of YAML documents.
func decode(content string) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(bytes.NewReader([]byte(content)), 4096)
	var objects []*unstructured.Unstructured
	for {
		var object map[string]any
		err := decoder.Decode(&object)
		if errors.Is(err, io.EOF) {
			return objects, nil
		}
		if err != nil {
			return nil, err
		}
		if len(object) > 0 {
			objects = append(objects, &unstructured.Unstructured{Object: object})
		}
	}
}
