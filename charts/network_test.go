// Who may talk to whom: the network policies of both ends of a connection.
package charts_test

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"

	"fountain.coach/fountainai/charts"
)

// peer is somebody who would talk to a pod of the stack.
type peer struct {
	namespace string
	labels    map[string]string
}

func component(name, component string) peer {
	return peer{"demo", map[string]string{"app.kubernetes.io/instance": "fountainai", "app.kubernetes.io/part-of": "fountainai",
		"app.kubernetes.io/name": name, "app.kubernetes.io/component": component}}
}

// admits evaluates the policies of the stack's namespace for a connection to
// the named port of a pod with those labels.
func admits(t testing.TB, objects []*unstructured.Unstructured, pod map[string]string, port string, from peer) bool {
	t.Helper()
	policies := selecting(t, objects, pod, networkingv1.PolicyTypeIngress)
	for _, policy := range policies {
		for _, rule := range policy.Spec.Ingress {
			open := len(rule.Ports) == 0 || slices.ContainsFunc(rule.Ports, func(p networkingv1.NetworkPolicyPort) bool { return p.Port.String() == port })
			if open && (len(rule.From) == 0 || slices.ContainsFunc(rule.From, func(p networkingv1.NetworkPolicyPeer) bool { return is(t, p, from) })) {
				return true
			}
		}
	}
	return len(policies) == 0
}

// selecting returns the policies that rule over what comes into, or goes out
// of, a pod with those labels. Where there are none, everything may.
func selecting(t testing.TB, objects []*unstructured.Unstructured, pod map[string]string, direction networkingv1.PolicyType) []*networkingv1.NetworkPolicy {
	t.Helper()
	var policies []*networkingv1.NetworkPolicy
	for _, object := range objects {
		if object.GetKind() != "NetworkPolicy" {
			continue
		}
		policy := as[networkingv1.NetworkPolicy](t, object)
		if matches(t, &policy.Spec.PodSelector, pod) && slices.Contains(policy.Spec.PolicyTypes, direction) {
			policies = append(policies, policy)
		}
	}
	return policies
}

func is(t testing.TB, rule networkingv1.NetworkPolicyPeer, from peer) bool {
	t.Helper()
	if rule.NamespaceSelector == nil {
		return from.namespace == "demo" && matches(t, rule.PodSelector, from.labels)
	}
	return matches(t, rule.NamespaceSelector, map[string]string{"kubernetes.io/metadata.name": from.namespace}) &&
		(rule.PodSelector == nil || matches(t, rule.PodSelector, from.labels))
}

func matches(t testing.TB, selector *metav1.LabelSelector, on map[string]string) bool {
	t.Helper()
	parsed, err := metav1.LabelSelectorAsSelector(selector)
	if err != nil {
		t.Fatal(err)
	}
	return parsed.Matches(labels.Set(on))
}

func TestNetworkPoliciesAdmitWhoHasBusiness(t *testing.T) {
	const values = `{global: {gateway: {mode: MODE}, backup: {enabled: true}, monitoring: {serviceMonitor: {enabled: true}}}, orchestrator: {enabled: true, existingSecret: model}}`
	controller, stranger := peer{namespace: "kong"}, peer{namespace: "elsewhere"}
	own := component("gateway", "gateway")
	other := component("storyfactory", "service")
	other.labels["app.kubernetes.io/instance"] = "other"
	for _, test := range []struct {
		mode, to, port string
		from           peer
		want           bool
	}{
		{"ingress", "character", "http", controller, true},
		{"dbless", "character", "http", controller, false},
		{"dbless", "character", "http", own, true},
		{"none", "character", "http", controller, false},
		{"ingress", "character", "http", component("storyfactory", "service"), true},
		{"ingress", "scriptmanagement", "http", component("storyfactory", "service"), true},
		{"ingress", "sessioncontext", "http", component("storyfactory", "service"), true},
		{"ingress", "centralsequence", "http", component("storyfactory", "service"), false},
		{"ingress", "storyfactory", "http", component("character", "service"), false},
		{"ingress", "character", "http", other, false},
		{"ingress", "character", "http", component("backup", "backup"), true},
		{"ingress", "character", "http", component("character-test", "test"), true},
		{"ingress", "character", "http", peer{namespace: "monitoring"}, true},
		{"ingress", "character", "http", peer{namespace: "demo"}, false},
		{"ingress", "character", "http", stranger, false},
		{"ingress", "character", "other", controller, false},
		{"dbless", "gateway", "http", stranger, true},
		{"dbless", "gateway", "https", stranger, true},
		{"dbless", "gateway", "status", stranger, false},
		{"dbless", "gateway", "status", peer{namespace: "monitoring"}, true},
		{"ingress", "orchestrator", "http", controller, true},
		{"dbless", "orchestrator", "http", controller, false},
		{"dbless", "orchestrator", "http", own, true},
		{"none", "orchestrator", "http", controller, false},
		{"ingress", "orchestrator", "http", component("orchestrator-test", "test"), true},
		{"ingress", "orchestrator", "http", peer{namespace: "monitoring"}, true},
		{"ingress", "orchestrator", "http", component("character", "service"), false},
		{"ingress", "orchestrator", "http", stranger, false},
		{"ingress", "character", "http", component("orchestrator", "orchestrator"), false},
		{"ingress", "backup", "http", stranger, false},
		{"ingress", "backup", "http", component("character", "service"), false},
	} {
		objects := render(t, charts.Umbrella, parse(t, strings.Replace(values, "MODE", test.mode, 1)))
		pod := templates(t, objects)["fountainai-"+test.to].Labels
		if got := admits(t, objects, pod, test.port, test.from); got != test.want {
			t.Errorf("%s: %v to port %s of %s: admitted %v, want %v", test.mode, test.from, test.port, test.to, got, test.want)
		}
	}
}

// lets says whether the policies of the stack's namespace let a pod with those
// labels out to the pod with the others, or, without any, to an address outside.
func lets(t testing.TB, objects []*unstructured.Unstructured, from, to map[string]string, name string, number int) bool {
	t.Helper()
	policies := selecting(t, objects, from, networkingv1.PolicyTypeEgress)
	for _, policy := range policies {
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
	return len(policies) == 0
}

// TestConnectionsPassBothEnds: a connection needs the policy of the pod that
// opens it and of the pod that it reaches.
func TestConnectionsPassBothEnds(t *testing.T) {
	objects := render(t, charts.Umbrella, parse(t, `{global: {gateway: {mode: dbless}, backup: {enabled: true}}, orchestrator: {enabled: true, existingSecret: model}}`))
	pods := templates(t, objects)
	allowed := func(from, to string) bool {
		switch {
		case from == "gateway" && to == "orchestrator" || from == "orchestrator":
			return from == "gateway" || to == "gateway"
		case from == "gateway" || from == "backup":
			return slices.Contains(charts.Services, to)
		case from == "storyfactory":
			return slices.Contains([]string{"character", "scriptmanagement", "sessioncontext"}, to)
		}
		return false
	}
	names := append(slices.Clone(charts.Services), "gateway", "backup", "orchestrator")
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
		{stackValues["replica at AWS"], "character", 443, true},
		{stackValues["replica at AWS"], "character", 9000, false},
		{stackValues["replica in a store"], "storyfactory", 9000, true},
		{stackValues["replica in a store"], "storyfactory", 22, false},
		{stackValues["replica over SFTP"], "character", 2222, true},
		{stackValues["replica over SFTP"], "character", 443, false},
		{stackValues["replica on a volume"], "character", 443, false},
		{orchestrated, "orchestrator", 443, true},
		{orchestrated, "orchestrator", 80, false},
		{orchestrated, "character", 443, false},
		{`{orchestrator: {enabled: true, noKey: true, baseURL: "http://vllm.models:8000/v1"}}`, "orchestrator", 8000, true},
		{`{orchestrator: {enabled: true, noKey: true, baseURL: "http://vllm.models:8000/v1"}}`, "orchestrator", 443, false},
		{`{orchestrator: {enabled: true, noKey: true, baseURL: "http://vllm.models/v1"}}`, "orchestrator", 80, true},
		{stackValues["orchestrator, dbless"], "orchestrator", 8000, false},
		{stackValues["orchestrator, none"], "orchestrator", 8443, true},
		{`{global: {gateway: {mode: none}}, ` + orchestrated + `}`, "orchestrator", 80, true},
	} {
		objects := render(t, charts.Umbrella, parse(t, test.values))
		if got := lets(t, objects, templates(t, objects)["fountainai-"+test.pod].Labels, nil, "", test.port); got != test.want {
			t.Errorf("%s, %s to port %d outside: %v, want %v", test.values, test.pod, test.port, got, test.want)
		}
	}
}
