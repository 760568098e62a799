// The rights of the operator are those that it needs, and no more.
package main

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/operator/api/v1alpha1"
)

// note records what a request asks for, in the words of RBAC.
func (b *bench) note(r *http.Request) {
	parts := strings.Split(strings.Trim(r.URL.Path, "/"), "/")
	group := ""
	switch {
	case len(parts) > 3 && parts[0] == "apis":
		group, parts = parts[1], parts[3:]
	case len(parts) > 2 && parts[0] == "api":
		parts = parts[2:]
	default:
		return // discovery
	}
	if parts[0] == "namespaces" && len(parts) > 2 {
		parts = parts[2:]
	}
	resource, verb := parts[0], strings.ToLower(r.Method)
	switch {
	case r.Method == http.MethodGet && r.URL.Query().Get("watch") != "":
		verb = "watch"
	case r.Method == http.MethodGet && len(parts) == 1:
		verb = "list"
	case r.Method == http.MethodPost:
		verb = "create"
	case r.Method == http.MethodPut:
		verb = "update"
	}
	if len(parts) > 2 {
		resource += "/" + parts[2]
	}
	b.mu.Lock()
	b.asked[verb+" "+group+"/"+resource] = true
	b.mu.Unlock()
}

func TestTheRightsAreThoseThatAreNeeded(t *testing.T) {
	b := newBench(t)
	everything := v1alpha1.FountainStackSpec{
		Storage: v1alpha1.Storage{Retain: v1alpha1.Delete}, Backup: &v1alpha1.Backup{Retain: v1alpha1.Delete},
		Monitoring:   v1alpha1.Monitoring{ServiceMonitors: true, Rules: true, Dashboards: true},
		Gateway:      v1alpha1.Gateway{TLS: &v1alpha1.TLS{IssuerRef: &v1alpha1.IssuerRef{Name: "x"}}},
		Orchestrator: &v1alpha1.Orchestrator{BaseURL: "http://vllm.models:8000/v1"},
	}
	b.settled("story", everything)
	everything.Gateway.Mode = v1alpha1.GatewayMode("dbless")
	b.settled("other", everything)
	b.databaseSecret()
	scaled := onServer()
	scaled.Scaling = &v1alpha1.Scaling{MaxReplicas: 3}
	b.settled("scaled", scaled)
	if err := b.DeleteAllOf(t.Context(), &networkingv1.NetworkPolicy{}, client.InNamespace(b.namespace)); err != nil {
		t.Fatal(err) // so that something is put right, and told of
	}
	b.eventually(func() string {
		var list corev1.ServiceList
		stacks := &v1alpha1.FountainStackList{}
		if err := errors.Join(b.DeleteAllOf(t.Context(), &v1alpha1.FountainStack{}, client.InNamespace(b.namespace)),
			b.List(t.Context(), stacks, client.InNamespace(b.namespace)), b.List(t.Context(), &list, client.InNamespace(b.namespace))); err != nil {
			return err.Error()
		}
		if len(stacks.Items)+len(list.Items) > 0 {
			return "stacks are left"
		}
		return ""
	})
	role := &rbacv1.ClusterRole{}
	if err := b.Get(t.Context(), client.ObjectKey{Name: "fountain-operator"}, role); err != nil {
		t.Fatal(err)
	}
	given := map[string]bool{}
	for _, rule := range role.Rules {
		for _, resource := range rule.Resources {
			for _, verb := range rule.Verbs {
				given[verb+" "+rule.APIGroups[0]+"/"+resource] = true
			}
		}
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	// Asked for by the API server on the operator's behalf (the owner's
	// finalizers), or only when events repeat themselves or are many.
	for _, implied := range []string{"update fountain.coach/fountainstacks/finalizers", "patch events.k8s.io/events"} {
		delete(given, implied)
		delete(b.asked, implied)
	}
	for right := range given {
		// The API server wants the right to create of who applies what is not
		// there, and watches begin with a list where it cannot stream it.
		for verb, stand := range map[string]string{"create ": "patch ", "list ": "watch "} {
			if rest, is := strings.CutPrefix(right, verb); is && b.asked[stand+rest] {
				b.asked[right] = true
			}
		}
	}
	if want, got := slices.Sorted(maps.Keys(given)), slices.Sorted(maps.Keys(b.asked)); !slices.Equal(got, want) {
		t.Errorf("given and not needed: %v\nneeded and not given: %v", without(want, b.asked), without(got, given))
	}
}

func without(list []string, not map[string]bool) []string {
	return slices.DeleteFunc(slices.Clone(list), func(s string) bool { return not[s] })
}
