// Installing, upgrading, rolling back and uninstalling with Helm itself, on a
// real API server: what must stay the same stays the same.
package charts_test

import (
	"context"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/charts"
	"fountain.coach/fountainai/internal/controlplane"
)

// release drives one release of the umbrella chart.
type release struct {
	t         *testing.T
	server    *controlplane.Server
	namespace string
	client    client.Client
}

func newRelease(t *testing.T) *release {
	t.Helper()
	server := cluster.Start(t)
	plain, err := client.New(server.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return &release{t: t, server: server, namespace: server.Namespace(t, ""), client: plain}
}

// helm runs helm in the release's namespace and returns what it printed.
func (r *release) helm(arguments ...string) string {
	r.t.Helper()
	return r.server.Run(r.t, "helm", append(arguments, "--namespace", r.namespace)...)
}

// refused runs helm, which must fail, and returns its complaint.
func (r *release) refused(arguments ...string) string {
	r.t.Helper()
	output, err := r.server.Command(r.t, "helm", append(arguments, "--namespace", r.namespace)...).CombinedOutput()
	if err == nil {
		r.t.Fatalf("helm %s went through", strings.Join(arguments, " "))
	}
	return string(output)
}

// values writes values to a file and returns its path.
func (r *release) values(text string) string {
	r.t.Helper()
	path := filepath.Join(r.t.TempDir(), "values.yaml")
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		r.t.Fatal(err)
	}
	return path
}

// claims returns the identity of every claim by its name.
func (r *release) claims() map[string]string {
	r.t.Helper()
	var list corev1.PersistentVolumeClaimList
	if err := r.client.List(context.Background(), &list, client.InNamespace(r.namespace)); err != nil {
		r.t.Fatal(err)
	}
	claims := map[string]string{}
	for _, claim := range list.Items {
		if claim.DeletionTimestamp == nil {
			claims[claim.Name] = string(claim.UID)
		}
	}
	return claims
}

// keys returns the generated values by the names of their Secrets.
func (r *release) keys() map[string]string {
	r.t.Helper()
	var list corev1.SecretList
	if err := r.client.List(context.Background(), &list, client.InNamespace(r.namespace)); err != nil {
		r.t.Fatal(err)
	}
	keys := map[string]string{}
	for _, secret := range list.Items {
		if key := secret.Data["key"]; len(key) > 0 {
			keys[secret.Name] = string(key)
		}
	}
	return keys
}

const folder = "fountainai"

func TestUpgradeAndRollbackLeaveDataAlone(t *testing.T) {
	t.Parallel()
	r := newRelease(t)
	r.helm("install", "story", folder)
	claims, keys := r.claims(), r.keys()
	if len(claims) != 5 || len(keys) != 2 {
		t.Fatalf("claims %v and %d keys, want five and two", claims, len(keys))
	}
	for name, key := range keys {
		if len(key) != 43 {
			t.Errorf("the key in %s has %d characters, want 43", name, len(key))
		}
	}
	if keys["story-key-writer"] == keys["story-key-reader"] {
		t.Error("reader and writer have the same key")
	}
	same := func(when string) {
		t.Helper()
		now := r.claims()
		for name, uid := range claims {
			if now[name] != uid {
				t.Errorf("%s: claim %s was %s and is %q", when, name, uid, now[name])
			}
		}
		if now := r.keys(); !maps.Equal(now, keys) {
			t.Errorf("%s: the keys changed", when)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(stackValues)) {
		// These bring claims or keys of the user's own, or need no keys.
		if name == "storage" || name == "own keys" || strings.HasSuffix(name, "none") {
			continue
		}
		r.helm("upgrade", "story", folder, "--history-max=0", "-f", r.values(stackValues[name]))
		same("after an upgrade to " + name)
	}
	r.helm("rollback", "story", "1")
	same("after the rollback")

	r.helm("uninstall", "story")
	now := r.claims()
	for name, uid := range claims {
		if now[name] != uid {
			t.Errorf("after uninstalling: claim %s was %s and is %q", name, uid, now[name])
		}
	}
	if left := r.keys(); len(left) > 0 {
		t.Errorf("keys are left: %d", len(left))
	}
	r.helm("install", "story", folder)
	now = r.claims()
	for name, uid := range claims {
		if now[name] != uid {
			t.Errorf("a new release did not take up the claim %s", name)
		}
	}
}

func TestAVolumeGrows(t *testing.T) {
	r := newRelease(t)
	r.helm("install", "story", folder, "--set", "global.gateway.mode=dbless", "--set", "global.storageClassName=grows")
	size := func() string {
		var claim corev1.PersistentVolumeClaim
		if err := r.client.Get(context.Background(), client.ObjectKey{Namespace: r.namespace, Name: "story-character-data"}, &claim); err != nil {
			t.Fatal(err)
		}
		return claim.Spec.Resources.Requests.Storage().String()
	}
	if size() != "2Gi" {
		t.Fatalf("size %s, want 2Gi", size())
	}
	r.bind("story-character-data", "grows")
	r.helm("upgrade", "story", folder, "--reuse-values", "--set", "character.storage.size=5Gi")
	if size() != "5Gi" {
		t.Errorf("size %s after the upgrade, want 5Gi", size())
	}
	if text := r.refused("upgrade", "story", folder, "--reuse-values", "--set", "character.storage.size=1Gi"); !strings.Contains(text, "less than") {
		t.Errorf("a smaller size was refused with %q", text)
	}
}

// bind does what a provisioner would: the claim of a class that can expand is bound.
func (r *release) bind(claim, class string) {
	r.t.Helper()
	storageClass := &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "storage.k8s.io/v1", "kind": "StorageClass", "metadata": map[string]any{"name": class},
		"provisioner": "example.org/none", "allowVolumeExpansion": true,
	}}
	if err := r.client.Create(context.Background(), storageClass); err != nil {
		r.t.Fatal(err)
	}
	r.t.Cleanup(func() { _ = r.client.Delete(context.Background(), storageClass) })
	var bound corev1.PersistentVolumeClaim
	if err := r.client.Get(context.Background(), client.ObjectKey{Namespace: r.namespace, Name: claim}, &bound); err != nil {
		r.t.Fatal(err)
	}
	bound.Spec.VolumeName = "pv-" + r.namespace
	if err := r.client.Update(context.Background(), &bound); err != nil {
		r.t.Fatal(err)
	}
	bound.Status.Phase = corev1.ClaimBound
	bound.Status.Capacity = bound.Spec.Resources.Requests
	if err := r.client.Status().Update(context.Background(), &bound); err != nil {
		r.t.Fatal(err)
	}
}

func TestRetentionDeleteDeletes(t *testing.T) {
	r := newRelease(t)
	r.helm("install", "story", folder, "--set", "character.storage.retention=Delete",
		"--set", "global.backup.enabled=true", "--set", "global.backup.claim.retention=Delete")
	r.helm("uninstall", "story")
	want := []string{"story-centralsequence-data", "story-scriptmanagement-data", "story-sessioncontext-data", "story-storyfactory-data"}
	if got := slices.Sorted(maps.Keys(r.claims())); !slices.Equal(got, want) {
		t.Errorf("left after uninstalling: %v, want %v", got, want)
	}
}

func TestYourOwnKeysAreTaken(t *testing.T) {
	r := newRelease(t)
	r.helm("install", "story", folder, "--set", "global.gateway.keys.writer.existingSecret=mine")
	if keys := slices.Sorted(maps.Keys(r.keys())); !slices.Equal(keys, []string{"story-key-reader"}) {
		t.Errorf("keys made: %v, want the reader's alone", keys)
	}
	consumer := &unstructured.Unstructured{}
	consumer.SetAPIVersion("configuration.konghq.com/v1")
	consumer.SetKind("KongConsumer")
	if err := r.client.Get(context.Background(), client.ObjectKey{Namespace: r.namespace, Name: "story-writer"}, consumer); err != nil {
		t.Fatal(err)
	}
	credentials, _, _ := unstructured.NestedStringSlice(consumer.Object, "credentials")
	if !slices.Equal(credentials, []string{"mine", "story-group-writer"}) {
		t.Errorf("credentials of the writer: %v", credentials)
	}
}

func TestBadValuesAreRefusedBeforeAnythingHappens(t *testing.T) {
	r := newRelease(t)
	for _, test := range []struct {
		name, want string
		arguments  []string
	}{
		{"a name too long", "longer than 35 characters", []string{strings.Repeat("a", 36), folder}},
		{"a name of its own in a stack", "installed alone", []string{"story", folder, "--set", "character.fullnameOverride=x"}},
		{"a bucket without a name", "objectStore", []string{"story", folder, "--set", "global.backup.enabled=true,global.backup.target=objectStore"}},
		{"a model without a key", "OPENAI_API_KEY", []string{"story", folder, "--set", "orchestrator.enabled=true"}},
		{"an endpoint that may want a key", "noKey", []string{"story", folder, "--set", "orchestrator.enabled=true,orchestrator.baseURL=http://vllm:8000/v1"}},
		{"a key and none", "set one of them", []string{"story", folder, "--set", "orchestrator.enabled=true,orchestrator.existingSecret=x,orchestrator.baseURL=http://vllm:8000/v1,orchestrator.noKey=true"}},
		{"a gateway without a port", "gatewayAddress", []string{"story", folder, "--set", "orchestrator.enabled=true,orchestrator.existingSecret=x,orchestrator.gatewayAddress=edge"}},
		{"an issuer without a name", "issuerRef", []string{"story", folder, "--set", "global.gateway.tls.enabled=true,global.gateway.tls.certManager.enabled=true"}},
	} {
		t.Run(test.name, func(t *testing.T) {
			if text := r.refused(append([]string{"install"}, test.arguments...)...); !strings.Contains(text, test.want) {
				t.Errorf("refused with %q, want %q in it", text, test.want)
			}
		})
	}
	if claims := r.claims(); len(claims) > 0 {
		t.Errorf("made all the same: %v", claims)
	}
}

// TestEmbeddedChartsAreThoseOfTheFolder holds what a program renders against
// what Helm renders from the folder, and from a package.
func TestEmbeddedChartsAreThoseOfTheFolder(t *testing.T) {
	r := newRelease(t)
	values := `{global: {gateway: {mode: dbless, keys: {writer: {existingSecret: w}, reader: {existingSecret: r}}}}, prometheusRule: {enabled: true}, dashboards: {enabled: true}}`
	objects, err := charts.Render(charts.Umbrella, charts.Release{Name: "story", Namespace: r.namespace}, parse(t, values))
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]string{}
	for _, object := range objects {
		want[object.GetKind()+" "+object.GetName()] = asJSON(t, object.Object)
	}
	packages := t.TempDir()
	r.server.Run(t, "helm", "package", folder, "--destination", packages)
	for _, chart := range []string{folder, filepath.Join(packages, "fountainai-0.1.0.tgz")} {
		got := map[string]string{}
		for document := range strings.SplitSeq(r.helm("template", "story", chart, "-f", r.values(values)), "\n---\n") {
			if object := parse(t, document); len(object) > 0 {
				one := unstructured.Unstructured{Object: object}
				got[one.GetKind()+" "+one.GetName()] = asJSON(t, object)
			}
		}
		if !maps.Equal(got, want) {
			t.Errorf("%s: helm renders %d objects, the program %d, or they differ", filepath.Base(chart), len(got), len(want))
		}
	}
}

func asJSON(t testing.TB, value any) string {
	t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

func TestHelmLintFindsNothing(t *testing.T) {
	t.Parallel()
	r := newRelease(t)
	lint := func(chart, values string) {
		t.Helper()
		if text := r.helm("lint", "--strict", chart, "-f", r.values(values)); !strings.Contains(text, "0 chart(s) failed") {
			t.Errorf("%s with %s: %s", chart, values, text)
		}
	}
	for _, values := range stackValues {
		lint(folder, values)
	}
	for _, service := range charts.Services {
		for _, values := range serviceValues {
			lint(service, values)
		}
	}
	lint(charts.Operator, "")
}
