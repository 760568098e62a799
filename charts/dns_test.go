// external-dns itself, with the arguments and rights of manifests/external-dns,
// makes the five records of a release and removes them again.
package charts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"fountain.coach/fountainai/charts"
	"fountain.coach/fountainai/internal/controlplane"
	"fountain.coach/fountainai/internal/route53test"
)

const (
	zone     = "Z0000000000000000000" // the placeholder of the manifests
	balancer = "abc-123.elb.eu-central-1.amazonaws.com"
	// The hosted zone in which AWS keeps the names of such load balancers.
	balancerZone = "Z3F0SRJ5LGBH90"
)

// manifests returns a copy of the manifests in which set.sh has put a domain;
// the other placeholders stay.
func manifests(t *testing.T, domain string) string {
	t.Helper()
	folder := t.TempDir()
	if output, err := exec.Command("cp", "-a", "../manifests/.", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if output, err := exec.Command(filepath.Join(folder, "set.sh"), domain, zone, "111122223333", "eu-central-1").CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	return folder
}

// deployed returns the arguments that the manifest in a folder of manifests
// gives to external-dns.
func deployed(t *testing.T, folder string) []string {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, "external-dns", "deployment.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	var deployment appsv1.Deployment
	if err := yaml.UnmarshalStrict(content, &deployment); err != nil {
		t.Fatal(err)
	}
	return deployment.Spec.Template.Spec.Containers[0].Args
}

// externalDNS runs external-dns once against the API server, with the rights
// that the manifest gives to its ServiceAccount, and returns its log.
func externalDNS(t *testing.T, server *controlplane.Server, environment []string, arguments ...string) string {
	t.Helper()
	kubeconfig := server.KubeconfigFor(t, server.ConfigForServiceAccount(t, "external-dns", "external-dns"))
	command := server.Command(t, "external-dns", append(arguments, "--once", "--kubeconfig="+kubeconfig, "--metrics-address=127.0.0.1:0")...)
	command.Env = append(command.Environ(), environment...)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("external-dns: %v\n%s", err, output)
	}
	return string(output)
}

// exposed gives the release's Ingresses and its LoadBalancer, if it has one,
// the address that a controller would.
func exposed(t *testing.T, r *release, ingress networkingv1.IngressLoadBalancerIngress, service corev1.LoadBalancerIngress) {
	t.Helper()
	ctx := context.Background()
	var ingresses networkingv1.IngressList
	var services corev1.ServiceList
	if err := r.client.List(ctx, &ingresses, client.InNamespace(r.namespace)); err != nil {
		t.Fatal(err)
	}
	if err := r.client.List(ctx, &services, client.InNamespace(r.namespace)); err != nil {
		t.Fatal(err)
	}
	for _, each := range ingresses.Items {
		each.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{ingress}
		if err := r.client.Status().Update(ctx, &each); err != nil {
			t.Fatal(err)
		}
	}
	for _, each := range services.Items {
		if each.Spec.Type != corev1.ServiceTypeLoadBalancer {
			continue
		}
		each.Status.LoadBalancer.Ingress = []corev1.LoadBalancerIngress{service}
		if err := r.client.Status().Update(ctx, &each); err != nil {
			t.Fatal(err)
		}
	}
}

// named lists "name type" of records.
func named(records []route53test.Record) []string {
	var names []string
	for _, record := range records {
		names = append(names, strings.TrimSuffix(record.Name, ".")+" "+record.Type)
	}
	return names
}

func TestExternalDNSKeepsTheRecordsInRoute53(t *testing.T) {
	r := newRelease(t)
	others := []route53test.Record{
		{Name: "example.org.", Type: "NS", TTL: 300, Values: route53test.Of("ns.example.net.")},
		{Name: "www.example.org.", Type: "A", TTL: 300, Values: route53test.Of("192.0.2.1")},
		{Name: "mail.example.org.", Type: "MX", TTL: 300, Values: route53test.Of("10 mx.example.net.")},
	}
	for _, mode := range []string{"ingress", "dbless"} {
		t.Run(mode, func(t *testing.T) { keepsRecords(t, r, mode, "example.org", others) })
		// The stack's domain is below the zone's, where another stack has its own.
		t.Run(mode+", below the zone", func(t *testing.T) {
			above := slices.Concat(others, recordsOf("ingress", "elsewhere", "example.org"))
			keepsRecords(t, r, mode, "story.example.org", above)
		})
	}
}

// keepsRecords installs a release with a domain in the zone example.org, lets
// external-dns see it come and go, and wants others' records left alone.
func keepsRecords(t *testing.T, r *release, mode, domain string, others []route53test.Record) {
	t.Helper()
	set := manifests(t, domain)
	r.server.Run(t, "kubectl", "apply", "-k", filepath.Join(set, "external-dns"))
	r53 := route53test.NewServer(t, zone, "example.org")
	r53.AddZone("Z1", domain)
	r53.AddZone("Z2", "example.com")
	r53.Put(others...)
	before := r53.Records()
	r.helm("install", "story", folder, "--set", "global.domain="+domain+",global.gateway.dns.enabled=true,global.gateway.mode="+mode)
	run := func() string { return externalDNS(t, r.server, r53.Environment(), deployed(t, set)...) }

	run()
	if got := r53.Records(); !reflect.DeepEqual(got, before) {
		t.Errorf("records without an address: %v", named(got))
	}
	exposed(t, r, networkingv1.IngressLoadBalancerIngress{Hostname: balancer}, corev1.LoadBalancerIngress{Hostname: balancer})
	log := run()
	all := append(recordsOf(mode, r.namespace, domain), before...)
	if got := r53.Records(); !same(got, all) {
		t.Errorf("records\n%s\nwant\n%s\n%s", shown(got), shown(all), log)
	}
	asked := r53.Calls()

	run()
	again := r53.Calls()
	if calls := changes(slices.Clone(again)); len(calls) > 0 {
		t.Errorf("changed again what was right: %+v", calls)
	}
	r.helm("uninstall", "story")
	run()
	if got := r53.Records(); !reflect.DeepEqual(got, before) {
		t.Errorf("records after uninstalling:\n%s\nwant\n%s", shown(got), shown(before))
	}
	permitted(t, iamPolicy(t, set), slices.Concat(asked, again, r53.Calls()))
}

// recordsOf returns what stands in Route 53 for a release called story: for each
// service an alias of the load balancer, and a text that says whose it is.
func recordsOf(mode, namespace, domain string) []route53test.Record {
	var records []route53test.Record
	for _, service := range charts.Services {
		source := "ingress/" + namespace + "/story-" + service
		if mode == "dbless" {
			source = "service/" + namespace + "/story-gateway"
		}
		owner := fmt.Sprintf("%q", "heritage=external-dns,external-dns/owner=fountainai,external-dns/resource="+source)
		records = append(records,
			route53test.Record{Name: "_fountainai.cname-" + service + "." + domain + ".", Type: "TXT", TTL: 300, Values: route53test.Of(owner)},
			route53test.Record{Name: service + "." + domain + ".", Type: "A",
				AliasTarget: &route53test.Alias{HostedZoneId: balancerZone, DNSName: balancer + ".", EvaluateTargetHealth: true}})
	}
	return records
}

// same compares records in any order.
func same(a, b []route53test.Record) bool {
	order := func(records []route53test.Record) []route53test.Record {
		return slices.SortedFunc(slices.Values(records), func(a, b route53test.Record) int {
			return strings.Compare(a.Name+" "+a.Type, b.Name+" "+b.Type)
		})
	}
	return reflect.DeepEqual(order(a), order(b))
}

// shown lists records, one a line.
func shown(records []route53test.Record) string {
	content, err := yaml.Marshal(records)
	if err != nil {
		return err.Error()
	}
	return string(content)
}

// TestExternalDNSLeavesOthersRecords: a name that is taken stays as it is, also
// when the release goes, and so does what belongs to another external-dns.
func TestExternalDNSLeavesOthersRecords(t *testing.T) {
	r := newRelease(t)
	r.server.Run(t, "kubectl", "apply", "-k", "../manifests/external-dns")
	r53 := route53test.NewServer(t, zone, "example.org")
	foreign := `"heritage=external-dns,external-dns/owner=another,external-dns/resource=ingress/elsewhere/storyfactory"`
	r53.Put(
		route53test.Record{Name: "character.example.org.", Type: "A", TTL: 60, Values: route53test.Of("192.0.2.9")},
		route53test.Record{Name: "storyfactory.example.org.", Type: "A",
			AliasTarget: &route53test.Alias{HostedZoneId: balancerZone, DNSName: "other.elb.eu-central-1.amazonaws.com", EvaluateTargetHealth: true}},
		route53test.Record{Name: "_fountainai.cname-storyfactory.example.org.", Type: "TXT", TTL: 300, Values: route53test.Of(foreign)},
	)
	taken := r53.Records()
	want := slices.DeleteFunc(recordsOf("ingress", r.namespace, "example.org"), func(record route53test.Record) bool {
		return strings.Contains(record.Name, "character.") || strings.Contains(record.Name, "storyfactory.")
	})
	r.helm("install", "story", folder, "--set", "global.domain=example.org,global.gateway.dns.enabled=true")
	exposed(t, r, networkingv1.IngressLoadBalancerIngress{Hostname: balancer}, corev1.LoadBalancerIngress{})
	externalDNS(t, r.server, r53.Environment(), deployed(t, "../manifests")...)
	if got, all := r53.Records(), append(want, taken...); !same(got, all) {
		t.Errorf("records\n%s\nwant\n%s", shown(got), shown(all))
	}
	r.helm("uninstall", "story")
	externalDNS(t, r.server, r53.Environment(), deployed(t, "../manifests")...)
	if got := r53.Records(); !reflect.DeepEqual(got, taken) {
		t.Errorf("records after uninstalling\n%s\nwant\n%s", shown(got), shown(taken))
	}
}

// TestExternalDNSLeavesOthersIngresses: what is not FountainAI's gets no record.
func TestExternalDNSLeavesOthersIngresses(t *testing.T) {
	r := newRelease(t)
	r.server.Run(t, "kubectl", "apply", "-k", "../manifests/external-dns")
	r53 := route53test.NewServer(t, zone, "example.org")
	if err := r.client.Create(context.Background(), &networkingv1.Ingress{
		ObjectMeta: metav1.ObjectMeta{Name: "shop", Namespace: r.namespace},
		Spec: networkingv1.IngressSpec{
			DefaultBackend: &networkingv1.IngressBackend{Service: &networkingv1.IngressServiceBackend{Name: "shop", Port: networkingv1.ServiceBackendPort{Number: 80}}},
			Rules:          []networkingv1.IngressRule{{Host: "shop.example.org"}},
		},
	}); err != nil {
		t.Fatal(err)
	}
	exposed(t, r, networkingv1.IngressLoadBalancerIngress{Hostname: balancer}, corev1.LoadBalancerIngress{})
	externalDNS(t, r.server, r53.Environment(), deployed(t, "../manifests")...)
	if records := r53.Records(); len(records) > 0 {
		t.Errorf("records\n%s", shown(records))
	}
}

// TestReleasesWithoutDNSHaveNoRecords: nothing is public that nobody asked for.
func TestReleasesWithoutDNSHaveNoRecords(t *testing.T) {
	r := newRelease(t)
	r.server.Run(t, "kubectl", "apply", "-k", "../manifests/external-dns")
	r53 := route53test.NewServer(t, zone, "example.org")
	for _, mode := range []string{"ingress", "dbless"} {
		r.helm("install", "story", folder, "--set", "global.domain=example.org,global.gateway.mode="+mode)
		exposed(t, r, networkingv1.IngressLoadBalancerIngress{Hostname: balancer}, corev1.LoadBalancerIngress{Hostname: balancer})
		externalDNS(t, r.server, r53.Environment(), deployed(t, "../manifests")...)
		if records := r53.Records(); len(records) > 0 {
			t.Errorf("%s: records %v", mode, named(records))
		}
		r.helm("uninstall", "story")
	}
}

func changes(calls []route53test.Call) []route53test.Call {
	return slices.DeleteFunc(calls, func(call route53test.Call) bool { return call.Action != "route53:ChangeResourceRecordSets" })
}

// permitted holds calls against a policy, which allows all of them and no action
// besides.
func permitted(t *testing.T, rights policy, calls []route53test.Call) {
	t.Helper()
	if len(changes(slices.Clone(calls))) == 0 {
		t.Error("no record was changed, so nothing was proven")
	}
	used := map[string]bool{}
	for _, call := range calls {
		used[call.Action] = true
		if err := rights.allows(call); err != nil {
			t.Errorf("%+v: %v", call, err)
		}
	}
	for _, statement := range rights.Statement {
		if !used[statement.Action] {
			t.Errorf("the policy allows %s, which external-dns never asks for", statement.Action)
		}
	}
}

func TestTheIAMPolicyAllowsNothingElse(t *testing.T) {
	change := route53test.Call{Action: "route53:ChangeResourceRecordSets", Zone: zone, Kinds: []string{"CREATE"}, Types: []string{"A"}, Names: []string{"character.example.org"}}
	if err := iamPolicy(t, "../manifests").allows(change); err != nil {
		t.Fatalf("the record of a service: %v", err)
	}
	for name, spoil := range map[string]func(*route53test.Call){
		"another zone":   func(c *route53test.Call) { c.Zone = "Z1" },
		"another name":   func(c *route53test.Call) { c.Names = []string{"www.example.org"} },
		"the apex":       func(c *route53test.Call) { c.Names = []string{"example.org"} },
		"mail":           func(c *route53test.Call) { c.Types = []string{"MX"} },
		"one of several": func(c *route53test.Call) { c.Names = append(c.Names, "www.example.org") },
		"another action": func(c *route53test.Call) { c.Kinds = []string{"REPLACE"} },
		"a new zone":     func(c *route53test.Call) { c.Action = "route53:CreateHostedZone" },
		"reading another zone": func(c *route53test.Call) {
			*c = route53test.Call{Action: "route53:ListResourceRecordSets", Zone: "Z1"}
		},
	} {
		spoilt := change
		spoil(&spoilt)
		if iamPolicy(t, "../manifests").allows(spoilt) == nil {
			t.Errorf("%s is allowed", name)
		}
	}
}

// policy is the part of an IAM policy that the manifest uses.
type policy struct {
	Version   string
	Statement []struct {
		Sid, Effect, Action, Resource string
		Condition                     map[string]map[string][]string
	}
}

// iamPolicy reads the policy of external-dns's role from a folder of manifests.
func iamPolicy(t *testing.T, folder string) policy {
	t.Helper()
	content, err := os.ReadFile(filepath.Join(folder, "external-dns", "iam-policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	var read policy
	decoder := json.NewDecoder(bytes.NewReader(content))
	decoder.DisallowUnknownFields()
	if err := decoder.Decode(&read); err != nil {
		t.Fatal(err)
	}
	for _, statement := range read.Statement {
		if statement.Effect != "Allow" {
			t.Fatalf("%s: this test reads no statement with the effect %s", statement.Sid, statement.Effect)
		}
	}
	return read
}

// allows returns why the policy does not allow a call, or nil.
func (p policy) allows(call route53test.Call) error {
	reason := fmt.Errorf("no statement for the action %s", call.Action)
	for _, statement := range p.Statement {
		if statement.Action != call.Action {
			continue
		}
		if statement.Resource != "*" && statement.Resource != "arn:aws:route53:::hostedzone/"+call.Zone {
			reason = fmt.Errorf("not the zone %s", call.Zone)
			continue
		}
		if reason = meets(statement.Condition, call); reason == nil {
			return nil
		}
	}
	return reason
}

// meets evaluates ForAllValues:StringEquals and ForAllValues:StringLike.
func meets(conditions map[string]map[string][]string, call route53test.Call) error {
	values := map[string][]string{
		"route53:ChangeResourceRecordSetsRecordTypes":           call.Types,
		"route53:ChangeResourceRecordSetsActions":               call.Kinds,
		"route53:ChangeResourceRecordSetsNormalizedRecordNames": call.Names,
	}
	for operator, keys := range conditions {
		if operator != "ForAllValues:StringEquals" && operator != "ForAllValues:StringLike" {
			return fmt.Errorf("this test does not know the operator %s", operator)
		}
		for key, patterns := range keys {
			if _, known := values[key]; !known {
				return fmt.Errorf("Route 53 has no condition key %s", key)
			}
			for _, value := range values[key] {
				if !slices.ContainsFunc(patterns, func(pattern string) bool {
					if operator == "ForAllValues:StringEquals" {
						return value == pattern
					}
					like, _ := path.Match(pattern, value)
					return like
				}) {
					return fmt.Errorf("%s: %s is not among %v", key, value, patterns)
				}
			}
		}
	}
	return nil
}
