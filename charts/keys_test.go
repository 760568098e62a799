// Keys and tokens that the chart makes once, and connections that the network
// policies of both ends let through.
package charts_test

import (
	"encoding/base64"
	"fmt"
	"slices"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/charts"
)

// secret returns what a Secret holds under a key.
func (r *release) secret(name, key string) string {
	r.t.Helper()
	var secret corev1.Secret
	if err := r.client.Get(r.t.Context(), client.ObjectKey{Namespace: r.namespace, Name: name}, &secret); err != nil {
		r.t.Fatal(err)
	}
	return string(secret.Data[key])
}

func TestTheSnapshotTokenStays(t *testing.T) {
	r := newRelease(t)
	r.helm("install", "story", folder, "--set", "global.backup.enabled=true")
	token := r.secret("story-snapshot", "token")
	if len(token) != 43 {
		t.Fatalf("the token has %d characters, want 43", len(token))
	}
	for _, arguments := range [][]string{
		{"upgrade", "story", folder, "--set", "global.backup.enabled=true,global.backup.target=objectStore,global.backup.objectStore.bucket=b"},
		{"rollback", "story", "1"},
	} {
		r.helm(arguments...)
		if now := r.secret("story-snapshot", "token"); now != token {
			t.Errorf("after helm %s the token is another", arguments[0])
		}
	}
}

// TestAKeyChangedByHandStays: a key is changed by writing another into its Secret.
func TestAKeyChangedByHandStays(t *testing.T) {
	r := newRelease(t)
	r.helm("install", "cast", "character", "--set", "gateway.mode=ingress")
	const key = "another-key-of-the-users-own"
	patch := fmt.Sprintf(`{"data":{"key":%q}}`, base64.StdEncoding.EncodeToString([]byte(key)))
	r.server.Run(t, "kubectl", "patch", "secret", "cast-character-key-writer", "-n", r.namespace, "--type=merge", "-p", patch)
	r.helm("upgrade", "cast", "character", "--set", "gateway.mode=ingress,log.level=debug")
	if now := r.secret("cast-character-key-writer", "key"); now != key {
		t.Errorf("after an upgrade the key is %q", now)
	}
}

// lets says whether the policies of the stack's namespace let a pod with those
// labels out to the pod with the others, or, without any, to an address outside.
func lets(t testing.TB, objects []*unstructured.Unstructured, from, to map[string]string, name string, number int) bool {
	t.Helper()
	selected := false
	for _, object := range objects {
		if object.GetKind() != "NetworkPolicy" {
			continue
		}
		policy := as[networkingv1.NetworkPolicy](t, object)
		if !matches(t, &policy.Spec.PodSelector, from) || !slices.Contains(policy.Spec.PolicyTypes, networkingv1.PolicyTypeEgress) {
			continue
		}
		selected = true
		for _, rule := range policy.Spec.Egress {
			open := len(rule.Ports) == 0 || slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool {
				return p.Port.String() == fmt.Sprint(number) || to != nil && p.Port.String() == name
			})
			reached := len(rule.To) == 0 || to != nil && slices.ContainsFunc(rule.To, func(p networkingv1.NetworkPolicyPeer) bool {
				return is(t, p, peer{"demo", to})
			})
			if open && reached {
				return true
			}
		}
	}
	return !selected
}

// TestConnectionsPassBothEnds: a connection needs the policy of the pod that
// opens it and of the pod that it reaches.
func TestConnectionsPassBothEnds(t *testing.T) {
	objects := render(t, charts.Umbrella, parse(t, `{global: {gateway: {mode: dbless}, backup: {enabled: true}}}`))
	pods := templates(t, objects)
	allowed := func(from, to string) bool {
		switch {
		case from == "gateway" || from == "backup":
			return slices.Contains(charts.Services, to)
		case from == "storyfactory":
			return slices.Contains([]string{"character", "scriptmanagement", "sessioncontext"}, to)
		}
		return false
	}
	names := append(slices.Clone(charts.Services), "gateway", "backup")
	for _, from := range names {
		for _, to := range names {
			if from == to {
				continue
			}
			source, target := pods["fountainai-"+from].Labels, pods["fountainai-"+to].Labels
			out := lets(t, objects, source, target, "http", 8000)
			got := out && admits(t, objects, target, "http", peer{"demo", source})
			if got != allowed(from, to) {
				t.Errorf("from %s to %s: %v, want %v (let out: %v)", from, to, got, allowed(from, to), out)
			}
		}
	}
	for _, service := range charts.Services {
		test := component(service+"-test", "test").labels
		if target := pods["fountainai-"+service].Labels; !lets(t, objects, test, target, "http", 8000) || !admits(t, objects, target, "http", peer{"demo", test}) {
			t.Errorf("the test of %s does not reach it", service)
		}
	}
}

// TestOnlyWhoMustGoesOut looks at addresses outside the cluster.
func TestOnlyWhoMustGoesOut(t *testing.T) {
	for _, test := range []struct {
		values, pod string
		port        int
		want        bool
	}{
		{``, "character", 443, false},
		{``, "character", 8000, false},
		{``, "storyfactory", 443, false},
		{``, "character", 53, true},
		{`{global: {gateway: {mode: dbless}}}`, "gateway", 443, false},
		{`{global: {backup: {enabled: true}}}`, "backup", 443, false},
		{stackValues["backup to AWS"], "backup", 443, true},
		{stackValues["backup to AWS"], "backup", 9000, false},
		{stackValues["backup to AWS"], "character", 443, false},
		{stackValues["backup to a store"], "backup", 9000, true},
		{stackValues["restore from a bucket"], "character", 443, true},
		{stackValues["restore from a claim"], "character", 443, false},
	} {
		objects := render(t, charts.Umbrella, parse(t, test.values))
		if got := lets(t, objects, templates(t, objects)["fountainai-"+test.pod].Labels, nil, "", test.port); got != test.want {
			t.Errorf("%s, %s to port %d outside: %v, want %v", test.values, test.pod, test.port, got, test.want)
		}
	}
}
