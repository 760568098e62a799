// What the tests of the charts share: rendering and finding objects.
package charts_test

import (
	"sync"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"fountain.coach/fountainai/charts"
)

// demo is the release of the tests that need no cluster.
var demo = charts.Release{Name: "fountainai", Namespace: "demo"}

// renderings keeps what was rendered, by chart and values: many tests look at the
// same sets of values.
var renderings sync.Map

// render returns the objects of a chart, which are the caller's to change, and
// fails the test if there are none.
func render(t testing.TB, name string, values map[string]any) []*unstructured.Unstructured {
	t.Helper()
	text, err := yaml.Marshal(values)
	if err != nil {
		t.Fatal(err)
	}
	known, found := renderings.Load(name + "\n" + string(text))
	if !found {
		objects, err := charts.Render(name, demo, values)
		if err != nil {
			t.Fatal(err)
		}
		if len(objects) == 0 {
			t.Fatalf("chart %s renders nothing", name)
		}
		known, _ = renderings.LoadOrStore(name+"\n"+string(text), objects)
	}
	var objects []*unstructured.Unstructured
	for _, object := range known.([]*unstructured.Unstructured) {
		objects = append(objects, object.DeepCopy())
	}
	return objects
}

// find returns the object of that kind and name.
func find(t testing.TB, objects []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	t.Helper()
	for _, object := range objects {
		if object.GetKind() == kind && object.GetName() == name {
			return object
		}
	}
	t.Fatalf("no %s %s", kind, name)
	return nil
}

// parse reads values from YAML, as a person writes them.
func parse(t testing.TB, text string) map[string]any {
	t.Helper()
	values := map[string]any{}
	if err := yaml.Unmarshal([]byte(text), &values); err != nil {
		t.Fatal(err)
	}
	return values
}
