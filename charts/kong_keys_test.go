// Whose keys are accepted, in both gateway modes: the first one and, while
// clients move to another, the additional ones.
package charts_test

import (
	"encoding/base64"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fountain.coach/fountainai/charts"
	"fountain.coach/fountainai/internal/gateway"
)

// owned are the names of Secrets by the consumer whose keys they hold.
type owned = map[string][]string

// ownKeySets are settings of the keys, and the Secrets that are then accepted.
var ownKeySets = map[string]struct {
	keys string
	want owned
}{
	"none":          {`{}`, owned{"writer": {"fountainai-key-writer"}, "reader": {"fountainai-key-reader"}}},
	"the user's":    {`{writer: {existingSecret: w}}`, owned{"writer": {"w"}, "reader": {"fountainai-key-reader"}}},
	"a writer":      {`{writer: {additionalSecrets: [w2]}}`, owned{"writer": {"fountainai-key-writer", "w2"}, "reader": {"fountainai-key-reader"}}},
	"a reader":      {`{reader: {additionalSecrets: [r2]}}`, owned{"writer": {"fountainai-key-writer"}, "reader": {"fountainai-key-reader", "r2"}}},
	"of both":       {`{writer: {existingSecret: w, additionalSecrets: [z, a]}, reader: {existingSecret: r, additionalSecrets: [v, b, u]}}`, owned{"writer": {"w", "z", "a"}, "reader": {"r", "v", "b", "u"}}},
	"the first two": {`{writer: {existingSecret: w, additionalSecrets: [w, w2]}}`, owned{"writer": {"w", "w2"}, "reader": {"fountainai-key-reader"}}},
	"the chart's as an additional one": {`{reader: {existingSecret: r, additionalSecrets: [fountainai-key-reader]}}`,
		owned{"writer": {"fountainai-key-writer"}, "reader": {"r", "fountainai-key-reader"}}},
	"values of an older release": {`{writer: {additionalSecrets: null}}`, owned{"writer": {"fountainai-key-writer"}, "reader": {"fountainai-key-reader"}}},
}

func TestBothModesAcceptTheSameKeys(t *testing.T) {
	for name, set := range ownKeySets {
		t.Run(name, func(t *testing.T) {
			for mode, accepted := range map[string]func(testing.TB, []*unstructured.Unstructured) (owned, error){"ingress": keysOfConsumers, "dbless": keysOfPods} {
				objects := render(t, charts.Umbrella, parse(t, fmt.Sprintf(`{global: {gateway: {mode: %s, keys: %s}}}`, mode, set.keys)))
				got, err := accepted(t, objects)
				if err != nil || !maps.EqualFunc(got, set.want, slices.Equal) {
					t.Errorf("%s: %v, %v, want %v", mode, got, err, set.want)
				}
				// The chart's own Secrets are there exactly as long as they are named.
				for consumer, names := range set.want {
					own := "fountainai-key-" + consumer
					if made, named := objectNamed(objects, "Secret", own) != nil, slices.Contains(names, own); made != named {
						t.Errorf("%s: the Secret %s is there: %v, and named: %v", mode, own, made, named)
					}
				}
			}
		})
	}
}

// keysOfConsumers tells whose keys are whose by the KongConsumers. The Secrets
// that they name and the chart does not make are the user's.
func keysOfConsumers(t testing.TB, objects []*unstructured.Unstructured) (owned, error) {
	return keysBehind(t, objects, demoPrefix)
}

func keysBehind(t testing.TB, objects []*unstructured.Unstructured, prefix string) (owned, error) {
	t.Helper()
	var theirs []*unstructured.Unstructured
	for _, object := range objects {
		for _, reference := range references(object) {
			name, isSecret := strings.CutPrefix(reference, "Secret ")
			if isSecret && objectNamed(slices.Concat(objects, theirs), "Secret", name) == nil {
				theirs = append(theirs, keySecret(t, name))
			}
		}
	}
	config, err := translated(t, slices.Concat(objects, theirs), prefix)
	got := owned{}
	for name, consumer := range config.Consumers {
		got[name] = consumer.Keys
	}
	return got, err
}

// keySecret is a Secret of the user's own with a key that no other has.
func keySecret(t testing.TB, name string) *unstructured.Unstructured {
	t.Helper()
	object := &unstructured.Unstructured{Object: map[string]any{"data": map[string]any{"key": base64.StdEncoding.EncodeToString([]byte("key of " + name))}}}
	object.SetAPIVersion("v1")
	object.SetKind("Secret")
	object.SetName(name)
	object.SetNamespace(demo.Namespace)
	object.SetLabels(map[string]string{"konghq.com/credential": "key-auth"})
	return object
}

// keysOfPods tells whose keys are whose as fountain kong does in the pods of the
// gateway: by the names of the files in the volume of the keys.
func keysOfPods(t testing.TB, objects []*unstructured.Unstructured) (owned, error) {
	t.Helper()
	files := map[string]string{"writer": "api-key", "reader": "api-key-reader"}
	got, seen := owned{}, map[string]bool{}
	for _, source := range keyVolume(t, objects).Projected.Sources {
		if len(source.Secret.Items) != 1 || source.Secret.Items[0].Key != "key" {
			return nil, fmt.Errorf("the Secret %s has the items %v", source.Secret.Name, source.Secret.Items)
		}
		path := source.Secret.Items[0].Path
		if seen[path] {
			return nil, fmt.Errorf("two keys are in the file %s", path)
		}
		seen[path] = true
		for consumer, file := range files {
			if first := path == file; first || strings.HasPrefix(path, file+".") {
				if first != (len(got[consumer]) == 0) {
					return nil, fmt.Errorf("the first key of the %s is in %s", consumer, path)
				}
				got[consumer] = append(got[consumer], source.Secret.Name)
			}
		}
	}
	return got, nil
}

// keyVolume is the volume that the gateway's pods read the keys from.
func keyVolume(t testing.TB, objects []*unstructured.Unstructured) *corev1.Volume {
	t.Helper()
	pod := as[appsv1.Deployment](t, find(t, objects, "Deployment", "fountainai-gateway")).Spec.Template.Spec
	at := slices.IndexFunc(pod.Volumes, func(volume corev1.Volume) bool { return volume.Name == "keys" })
	if at < 0 {
		t.Fatal("the gateway's pods have no volume of keys")
	}
	return &pod.Volumes[at]
}

// TestTheComparisonOfKeysBites changes one thing at a time, which must be seen.
func TestTheComparisonOfKeysBites(t *testing.T) {
	credentials := func(consumer string, names ...any) func(testing.TB, []*unstructured.Unstructured) {
		return func(t testing.TB, objects []*unstructured.Unstructured) {
			_ = unstructured.SetNestedSlice(find(t, objects, "KongConsumer", "fountainai-"+consumer).Object, append(names, "fountainai-group-"+consumer), "credentials")
		}
	}
	sources := func(change func(sources []any) []any) func(testing.TB, []*unstructured.Unstructured) {
		return func(t testing.TB, objects []*unstructured.Unstructured) {
			deployment := find(t, objects, "Deployment", "fountainai-gateway").Object
			volumes, _, _ := unstructured.NestedSlice(deployment, "spec", "template", "spec", "volumes")
			for _, volume := range entries(volumes) {
				if volume["name"] == "keys" {
					projected := volume["projected"].(map[string]any)
					projected["sources"] = change(projected["sources"].([]any))
				}
			}
			_ = unstructured.SetNestedSlice(deployment, volumes, "spec", "template", "spec", "volumes")
		}
	}
	file := func(at int, path string) func(testing.TB, []*unstructured.Unstructured) {
		return sources(func(sources []any) []any {
			items := sources[at].(map[string]any)["secret"].(map[string]any)["items"].([]any)
			items[0].(map[string]any)["path"] = path
			return sources
		})
	}
	const keys = `{writer: {existingSecret: w, additionalSecrets: [w2]}, reader: {existingSecret: r, additionalSecrets: [r2]}}`
	want := owned{"writer": {"w", "w2"}, "reader": {"r", "r2"}}
	for name, test := range map[string]struct {
		mode   string
		read   func(testing.TB, []*unstructured.Unstructured) (owned, error)
		change func(testing.TB, []*unstructured.Unstructured)
	}{
		"a key is dropped":                 {"ingress", keysOfConsumers, credentials("writer", "w")},
		"a reader's key writes":            {"ingress", keysOfConsumers, credentials("writer", "w", "w2", "r2")},
		"another key for another":          {"ingress", keysOfConsumers, credentials("writer", "w", "r3")},
		"a key is dropped, dbless":         {"dbless", keysOfPods, sources(func(sources []any) []any { return sources[:3] })},
		"a reader's key writes, dbless":    {"dbless", keysOfPods, file(3, "api-key.1")},
		"a writer's key reads, dbless":     {"dbless", keysOfPods, file(1, "api-key-reader.1")},
		"one file for two keys, dbless":    {"dbless", keysOfPods, file(3, "api-key-reader")},
		"a file that nobody reads, dbless": {"dbless", keysOfPods, file(1, "api-key-0")},
	} {
		t.Run(name, func(t *testing.T) {
			objects := render(t, charts.Umbrella, parse(t, fmt.Sprintf(`{global: {gateway: {mode: %s, keys: %s}}}`, test.mode, keys)))
			if got, err := test.read(t, objects); err != nil || !maps.EqualFunc(got, want, slices.Equal) {
				t.Fatalf("before the change: %v, %v", got, err)
			}
			test.change(t, objects)
			if got, err := test.read(t, objects); err == nil && maps.EqualFunc(got, want, slices.Equal) {
				t.Error("nobody noticed")
			}
		})
	}
}

func TestOneServiceAloneAcceptsMoreKeys(t *testing.T) {
	objects := render(t, "character", parse(t, `{gateway: {mode: ingress, keys: {writer: {additionalSecrets: [w2]}, reader: {existingSecret: r, additionalSecrets: [r2]}}}}`))
	got, err := keysBehind(t, objects, "demo.fountainai-character.")
	if want := (owned{"writer": {"fountainai-character-key-writer", "w2"}, "reader": {"r", "r2"}}); err != nil || !maps.EqualFunc(got, want, slices.Equal) {
		t.Errorf("%v, %v, want %v", got, err, want)
	}
}

// TestAKeyIsOneConsumers: a Secret that is named for both is refused, whichever
// way it is named.
func TestAKeyIsOneConsumers(t *testing.T) {
	for keys, secret := range map[string]string{
		`{writer: {existingSecret: k}, reader: {existingSecret: k}}`:           "k",
		`{writer: {additionalSecrets: [k]}, reader: {existingSecret: k}}`:      "k",
		`{writer: {existingSecret: k}, reader: {additionalSecrets: [j, k]}}`:   "k",
		`{writer: {additionalSecrets: [k]}, reader: {additionalSecrets: [k]}}`: "k",
		`{reader: {additionalSecrets: [fountainai-key-writer]}}`:               "fountainai-key-writer",
	} {
		for _, mode := range []string{"ingress", "dbless"} {
			_, err := charts.Render(charts.Umbrella, demo, parse(t, fmt.Sprintf(`{global: {gateway: {mode: %s, keys: %s}}}`, mode, keys)))
			if want := "the Secret " + secret + " is named for the writer and for the reader"; err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s, %s: %v, want %q", mode, keys, err, want)
			}
		}
	}
}

// TestAnotherKeyReplacesThePodsOneByOne: Kong reads its keys when it starts.
func TestAnotherKeyReplacesThePodsOneByOne(t *testing.T) {
	deployment := func(keys string) *appsv1.Deployment {
		objects := render(t, charts.Umbrella, parse(t, `{global: {gateway: {mode: dbless, keys: `+keys+`}}}`))
		return as[appsv1.Deployment](t, find(t, objects, "Deployment", "fountainai-gateway"))
	}
	before, after := deployment(`{}`), deployment(`{reader: {additionalSecrets: [r2]}}`)
	if asJSON(t, before.Spec.Template) == asJSON(t, after.Spec.Template) {
		t.Error("the pods stay as they are, and Kong never reads the key")
	}
	if update := after.Spec.Strategy.RollingUpdate; update == nil || update.MaxUnavailable.String() != "0" {
		t.Errorf("pods go before others have come: %v", update)
	}
}

// TestKongYMLForThisMachineAlone: with the domain localhost each host is there once.
func TestKongYMLForThisMachineAlone(t *testing.T) {
	path := filepath.Join(t.TempDir(), "kong.yml")
	if err := os.WriteFile(path, []byte(kongYML(t, "global: {domain: localhost, gateway: {mode: dbless}}\n"+orchestrated)), 0o600); err != nil {
		t.Fatal(err)
	}
	config, err := gateway.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range config.Services {
		for _, route := range service.Routes {
			if want := []string{service.Name + ".localhost"}; !slices.Equal(route.Hosts, want) {
				t.Errorf("the route %s is for %v, want %v", route.Name, route.Hosts, want)
			}
		}
	}
}
