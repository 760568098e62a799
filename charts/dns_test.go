// external-dns itself, with the arguments and rights of manifests/external-dns,
// makes the five records of a release and removes them again.
package charts_test

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"os"
	"path"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"fountain.coach/fountainai/charts"
	"fountain.coach/fountainai/internal/controlplane"
	"fountain.coach/fountainai/internal/route53test"
)

const (
	zone     = "Z0000000000000000000" // the placeholder of the manifests
	balancer = "abc-123.elb.eu-central-1.amazonaws.com"
)

// deployed returns the arguments that the manifest gives to external-dns.
func deployed(t *testing.T) []string {
	t.Helper()
	content, err := os.ReadFile("../manifests/external-dns/deployment.yaml")
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
	r.server.Run(t, "kubectl", "apply", "-k", "../manifests/external-dns")
	others := []route53test.Record{
		{Name: "example.org.", Type: "NS", TTL: 300, Values: route53test.Of("ns.example.net.")},
		{Name: "www.example.org.", Type: "A", TTL: 300, Values: route53test.Of("192.0.2.1")},
		{Name: "mail.example.org.", Type: "MX", TTL: 300, Values: route53test.Of("10 mx.example.net.")},
	}
	for _, mode := range []string{"ingress", "dbless"} {
		t.Run(mode, func(t *testing.T) {
			r53 := route53test.NewServer(t, zone, "example.org")
			r53.Put(others...)
			before := named(r53.Records())
			r.helm("install", "story", folder, "--set", "global.domain=example.org,global.gateway.dns.enabled=true,global.gateway.mode="+mode)
			run := func() string { return externalDNS(t, r.server, r53.Environment(), deployed(t)...) }

			run()
			if got := named(r53.Records()); !slices.Equal(got, before) {
				t.Errorf("records without an address: %v", got)
			}
			exposed(t, r, networkingv1.IngressLoadBalancerIngress{Hostname: balancer}, corev1.LoadBalancerIngress{Hostname: balancer})
			log := run()
			var made []string
			for _, record := range r53.Records() {
				name := strings.TrimSuffix(record.Name, ".") + " " + record.Type
				if slices.Contains(before, name) {
					continue
				}
				made = append(made, name)
				if record.Type == "A" && (record.AliasTarget == nil || !strings.Contains(record.AliasTarget.DNSName, balancer)) {
					t.Errorf("%s leads to %+v, want an alias of the load balancer", name, record)
				}
			}
			var want []string
			for _, service := range charts.Services {
				want = append(want, service+".example.org A", "_fountainai.cname-"+service+".example.org TXT")
			}
			slices.Sort(want)
			slices.Sort(made)
			if !slices.Equal(made, want) {
				t.Errorf("records made:\n%s\nwant\n%s\n%s", strings.Join(made, "\n"), strings.Join(want, "\n"), log)
			}
			permitted(t, r53.Calls())

			run()
			if calls := changes(r53.Calls()); len(calls) > 0 {
				t.Errorf("changed again what was right: %+v", calls)
			}
			r.helm("uninstall", "story")
			run()
			if got := named(r53.Records()); !slices.Equal(got, before) {
				t.Errorf("records after uninstalling: %v, want %v", got, before)
			}
			permitted(t, r53.Calls())
		})
	}
}

// TestExternalDNSLeavesOthersRecords: a name that is taken stays as it is.
func TestExternalDNSLeavesOthersRecords(t *testing.T) {
	r := newRelease(t)
	r.server.Run(t, "kubectl", "apply", "-k", "../manifests/external-dns")
	r53 := route53test.NewServer(t, zone, "example.org")
	taken := route53test.Record{Name: "character.example.org.", Type: "A", TTL: 60, Values: route53test.Of("192.0.2.9")}
	r53.Put(taken)
	r.helm("install", "story", folder, "--set", "global.domain=example.org,global.gateway.dns.enabled=true")
	exposed(t, r, networkingv1.IngressLoadBalancerIngress{Hostname: balancer}, corev1.LoadBalancerIngress{})
	externalDNS(t, r.server, r53.Environment(), deployed(t)...)
	records := r53.Records()
	if len(records) != 1+2*4 {
		t.Errorf("records %v, want the one that was there and two for each of the four others", named(records))
	}
	for _, record := range records {
		if record.Name == taken.Name && record.Type == "A" && !reflect.DeepEqual(record.Values, taken.Values) {
			t.Errorf("a record of somebody else was changed to %+v", record)
		}
	}
	r.helm("uninstall", "story")
}

// TestReleasesWithoutDNSHaveNoRecords: nothing is public that nobody asked for.
func TestReleasesWithoutDNSHaveNoRecords(t *testing.T) {
	r := newRelease(t)
	r.server.Run(t, "kubectl", "apply", "-k", "../manifests/external-dns")
	r53 := route53test.NewServer(t, zone, "example.org")
	for _, mode := range []string{"ingress", "dbless"} {
		r.helm("install", "story", folder, "--set", "global.domain=example.org,global.gateway.mode="+mode)
		exposed(t, r, networkingv1.IngressLoadBalancerIngress{Hostname: balancer}, corev1.LoadBalancerIngress{Hostname: balancer})
		externalDNS(t, r.server, r53.Environment(), deployed(t)...)
		if records := r53.Records(); len(records) > 0 {
			t.Errorf("%s: records %v", mode, named(records))
		}
		r.helm("uninstall", "story")
	}
}

func changes(calls []route53test.Call) []route53test.Call {
	return slices.DeleteFunc(calls, func(call route53test.Call) bool { return call.Action != "route53:ChangeResourceRecordSets" })
}

// permitted holds calls against manifests/external-dns/iam-policy.json.
func permitted(t *testing.T, calls []route53test.Call) {
	t.Helper()
	if len(changes(slices.Clone(calls))) == 0 {
		t.Error("no record was changed, so nothing was proven")
	}
	for _, call := range calls {
		if err := iamPolicy(t).allows(call); err != nil {
			t.Errorf("%+v: %v", call, err)
		}
	}
}

func TestTheIAMPolicyAllowsNothingElse(t *testing.T) {
	change := route53test.Call{Action: "route53:ChangeResourceRecordSets", Zone: zone, Kinds: []string{"CREATE"}, Types: []string{"A"}, Names: []string{"character.example.org"}}
	if err := iamPolicy(t).allows(change); err != nil {
		t.Fatalf("the record of a service: %v", err)
	}
	for name, spoil := range map[string]func(*route53test.Call){
		"another zone":   func(c *route53test.Call) { c.Zone = "Z1" },
		"another name":   func(c *route53test.Call) { c.Names = []string{"www.example.org"} },
		"the apex":       func(c *route53test.Call) { c.Names = []string{"example.org"} },
		"mail":           func(c *route53test.Call) { c.Types = []string{"MX"} },
		"one of several": func(c *route53test.Call) { c.Names = append(c.Names, "www.example.org") },
		"a new zone":     func(c *route53test.Call) { c.Action = "route53:CreateHostedZone" },
	} {
		spoilt := change
		spoil(&spoilt)
		if iamPolicy(t).allows(spoilt) == nil {
			t.Errorf("%s is allowed", name)
		}
	}
}

// policy is the part of an IAM policy that the manifest uses.
type policy struct {
	Statement []struct {
		Effect, Action, Resource string
		Condition                map[string]map[string][]string
	}
}

func iamPolicy(t *testing.T) policy {
	t.Helper()
	content, err := os.ReadFile(filepath.Join("..", "manifests", "external-dns", "iam-policy.json"))
	if err != nil {
		t.Fatal(err)
	}
	var read policy
	decoder := json.NewDecoder(bytes.NewReader(content))
	if err := decoder.Decode(&read); err != nil {
		t.Fatal(err)
	}
	return read
}

// allows returns why the policy does not allow a call, or nil.
func (p policy) allows(call route53test.Call) error {
	reason := fmt.Errorf("no statement for the action %s", call.Action)
	for _, statement := range p.Statement {
		if statement.Effect != "Allow" || statement.Action != call.Action {
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
		for key, patterns := range keys {
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
