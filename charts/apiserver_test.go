// What an API server says to the chart of one release after that of another:
// upgrades between any two sets of values, the longest names, packages.
package charts_test

import (
	"fmt"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/charts"
	"fountain.coach/fountainai/internal/controlplane"
)

// TestAnySetOfValuesIsAnUpgradeFromAnyOther: no field that Kubernetes calls
// immutable depends on the values. Each object is made as each set has it, and
// then applied, as Helm does it, as every other set has it. The exceptions are
// what Kubernetes lets one choose once: where a claim is stored, and the class
// of a load balancer.
func TestAnySetOfValuesIsAnUpgradeFromAnyOther(t *testing.T) {
	t.Parallel()
	server := cluster.Start(t)
	sets := variants(t)
	pairs := 0
	for _, key := range slices.Sorted(maps.Keys(sets)) {
		if strings.HasPrefix(key, "PersistentVolumeClaim ") {
			continue
		}
		pairs += upgraded(t, server, key, sets[key])
	}
	if pairs < 500 {
		t.Errorf("%d upgrades of single objects were tried; the sets of values have lost their differences", pairs)
	}
	t.Logf("%d upgrades of single objects", pairs)
}

// variant is an object as one or more sets of values have it.
type variant struct {
	set    string
	object *unstructured.Unstructured
}

// balances says whether the object is a Service with a load balancer.
func (v variant) balances() bool {
	kind, _, _ := unstructured.NestedString(v.object.Object, "spec", "type")
	return v.object.GetKind() == "Service" && kind == "LoadBalancer"
}

// balancer is the class of its load balancer.
func (v variant) balancer() string {
	class, _, _ := unstructured.NestedString(v.object.Object, "spec", "loadBalancerClass")
	return class
}

// variants returns the different forms of each object by its kind and name.
func variants(t *testing.T) map[string][]variant {
	t.Helper()
	all := map[string][]variant{}
	known := map[string]bool{}
	for _, set := range slices.Sorted(maps.Keys(stackValues)) {
		for _, object := range render(t, charts.Umbrella, parse(t, stackValues[set])) {
			if object.GetKind() == "Secret" || object.GetAnnotations()["helm.sh/hook"] != "" {
				continue // Secrets differ by their new keys alone; Helm makes hooks anew.
			}
			key := object.GetKind() + " " + object.GetName()
			if text := key + asJSON(t, object.Object); !known[text] {
				known[text] = true
				all[key] = append(all[key], variant{set, object})
			}
		}
	}
	return all
}

// upgraded applies every form of an object over every other and returns how many pairs there were.
func upgraded(t *testing.T, server *controlplane.Server, key string, forms []variant) int {
	t.Helper()
	if len(forms) < 2 {
		return 0
	}
	config := rest.CopyConfig(server.Config)
	config.QPS = -1
	strict := strictClient(t, config)
	pairs := 0
	for _, from := range forms {
		namespace := server.Namespace(t, "")
		apply := func(v variant, more ...client.ApplyOption) error {
			object := v.object.DeepCopy()
			object.SetNamespace(namespace)
			options := append(more, client.FieldOwner("helm"), client.ForceOwnership)
			return strict.Apply(t.Context(), client.ApplyConfigurationFromUnstructured(object), options...)
		}
		if err := apply(from); err != nil {
			t.Fatalf("%s as %q: %v", key, from.set, err)
		}
		for _, to := range forms {
			if to.set == from.set {
				continue
			}
			pairs++
			err := apply(to, client.DryRunAll)
			if class := from.balancer() != to.balancer(); class && from.balances() && to.balances() {
				if err == nil || !strings.Contains(err.Error(), "loadBalancerClass") {
					t.Errorf("%s from %q to %q: %v, want the other class refused", key, from.set, to.set, err)
				}
			} else if err != nil {
				t.Errorf("%s from %q to %q: %v", key, from.set, to.set, err)
			}
		}
	}
	return pairs
}

// TestTheLongestNamesFit: what the charts let through is no surprise to the API server.
func TestTheLongestNamesFit(t *testing.T) {
	server := cluster.Start(t)
	fit := func(name, chart string, length int, values string) {
		t.Run(fmt.Sprintf("%s, %s", chart, name), func(t *testing.T) {
			namespace := server.Namespace(t, "")
			objects, err := charts.Render(chart, charts.Release{Name: "a" + strings.Repeat("1", length-1), Namespace: namespace}, parse(t, values))
			if err != nil {
				t.Fatal(err)
			}
			strict := strictClient(t, server.Config)
			for _, object := range objects {
				for _, each := range append(pods(t, object), object) {
					if err := strict.Create(t.Context(), each.DeepCopy(), client.DryRunAll); err != nil {
						t.Errorf("%s %s: %v", each.GetKind(), each.GetName(), err)
					}
				}
			}
		})
	}
	for _, set := range []string{"certificates", "certificates, dbless", "backup to a claim", "monitoring, dbless", "monitoring"} {
		fit(set, charts.Umbrella, 35, stackValues[set])
	}
	for _, service := range charts.Services {
		fit("ingress", service, 53, serviceValues["ingress"]) // Helm takes no more
	}
}

// TestNamesThatKubernetesRefuses: Helm takes release names that no Service can
// have. They are refused before anything is made.
func TestNamesThatKubernetesRefuses(t *testing.T) {
	for _, chart := range []string{charts.Umbrella, "character"} {
		for _, name := range []string{"my.story", "1story"} {
			_, err := charts.Render(chart, charts.Release{Name: name, Namespace: "demo"}, nil)
			if err == nil || !strings.Contains(err.Error(), "begin with a letter") {
				t.Errorf("%s as %s: %v, want it refused for its name", chart, name, err)
			}
		}
	}
}

// TestAStackKeepsItsPorts: storyfactory and the backups look for the others at port 8000.
func TestAStackKeepsItsPorts(t *testing.T) {
	_, err := charts.Render(charts.Umbrella, demo, parse(t, `{character: {service: {port: 9000}}}`))
	if err == nil || !strings.Contains(err.Error(), "installed alone") {
		t.Errorf("another port in a stack: %v, want it refused", err)
	}
	service := find(t, render(t, "character", parse(t, `{service: {port: 9000}}`)), "Service", "fountainai-character")
	ports, _, _ := unstructured.NestedSlice(service.Object, "spec", "ports")
	if port := fmt.Sprint(ports[0].(map[string]any)["port"]); port != "9000" {
		t.Errorf("a service alone has the port %s, want 9000", port)
	}
}

// TestEveryObjectSaysWhatItBelongsTo holds the labels that selectors, tools and
// people go by.
func TestEveryObjectSaysWhatItBelongsTo(t *testing.T) {
	components := []string{"service", "gateway", "orchestrator", "backup", "monitoring", "test"}
	check := func(chart, set, values string) {
		for _, object := range render(t, chart, parse(t, values)) {
			labels := object.GetLabels()
			where := fmt.Sprintf("%s, %s: %s %s", chart, set, object.GetKind(), object.GetName())
			for label, want := range map[string]string{"instance": "fountainai", "part-of": "fountainai", "managed-by": "Helm", "version": "0.1.0"} {
				if got := labels["app.kubernetes.io/"+label]; got != want {
					t.Errorf("%s: %s is %q, want %q", where, label, got, want)
				}
			}
			if labels["app.kubernetes.io/name"] == "" || !slices.Contains(components, labels["app.kubernetes.io/component"]) {
				t.Errorf("%s: name %q, component %q", where, labels["app.kubernetes.io/name"], labels["app.kubernetes.io/component"])
			}
			if !strings.HasSuffix(labels["helm.sh/chart"], "-0.1.0") {
				t.Errorf("%s: chart %q", where, labels["helm.sh/chart"])
			}
		}
	}
	for set, values := range stackValues {
		check(charts.Umbrella, set, values)
	}
	for _, service := range charts.Services {
		for set, values := range serviceValues {
			check(service, set, values)
		}
	}
}

// TestPackagesInstall: what `helm package` makes of the charts has the library
// and the services inside, and installs without this folder.
func TestPackagesInstall(t *testing.T) {
	r := newRelease(t)
	packages := t.TempDir()
	for _, chart := range append(slices.Clone(charts.Services), charts.Umbrella) {
		r.server.Run(t, "helm", "package", chart, "--destination", packages)
	}
	for release, chart := range map[string]string{"story": charts.Umbrella, "alone": "storyfactory", "cast": "character"} {
		r.helm("install", release, filepath.Join(packages, chart+"-0.1.0.tgz"))
		manifest := r.values(r.helm("get", "manifest", release))
		there := strings.Fields(r.server.Run(t, "kubectl", "get", "-n", r.namespace, "-f", manifest, "-o", "name"))
		if want := 5 + 40*strings.Count(chart, charts.Umbrella); len(there) < want {
			t.Errorf("%s: %d objects stand in the cluster, want %d or more: %v", chart, len(there), want, there)
		}
	}
}
