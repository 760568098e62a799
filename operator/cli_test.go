// The command fountain stack, run as a person runs it.
package main

import (
	"bytes"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/internal/stackctl"
	"fountain.coach/fountainai/operator/api/v1alpha1"
)

var fountain = built("../cmd/fountain")

// ran is what a command printed and how it ended.
type ran struct {
	stdout, stderr string
	status         int
}

// fountain runs the command against the bench's namespace as an administrator.
func (b *bench) fountain(stdin string, args ...string) ran {
	b.Helper()
	return b.fountainWith(cluster.Start(b.TB).Kubeconfig, stdin, args...)
}

func (b *bench) fountainWith(kubeconfig, stdin string, args ...string) ran {
	b.Helper()
	binary, err := fountain()
	if err != nil {
		b.Fatal(err)
	}
	command := exec.CommandContext(b.Context(), binary, append([]string{"stack", "--kubeconfig", kubeconfig, "-n", b.namespace}, args...)...)
	var stdout, stderr bytes.Buffer
	command.Stdin, command.Stdout, command.Stderr = strings.NewReader(stdin), &stdout, &stderr
	var exit *exec.ExitError
	if err := command.Run(); err != nil && !errors.As(err, &exit) {
		b.Fatal(err)
	}
	return ran{stdout.String(), stderr.String(), command.ProcessState.ExitCode()}
}

func (r ran) expect(t testing.TB, status int, texts ...string) {
	t.Helper()
	if r.status != status {
		t.Errorf("status %d, want %d\n%s%s", r.status, status, r.stdout, r.stderr)
	}
	for _, text := range texts {
		if !strings.Contains(r.stdout+r.stderr, text) {
			t.Errorf("%q is not said:\n%s%s", text, r.stdout, r.stderr)
		}
	}
}

func TestStatusTellsHowAStackIs(t *testing.T) {
	b := newBench(t)
	b.fountain("", "status").expect(t, 0, "There are no stacks here")
	b.fountain("", "status", "story").expect(t, 1, "there is no FountainStack story in the namespace "+b.namespace)
	stack := b.settled("story", v1alpha1.FountainStackSpec{})
	b.fountain("", "status", "story").expect(t, 0, b.namespace+"/story", "5/5", "version 1.0.0", "http://character.example.org", "fountainai/character:1.0.0", "Degraded")
	b.fountain("", "status").expect(t, 0, "story", "5/5", "yes")
	b.fountain("", "status", "story", "--all-namespaces").expect(t, 1, "do not go together")
	b.fountain("", "status", "-A").expect(t, 0, b.namespace)

	var read v1alpha1.FountainStack
	if err := json.Unmarshal([]byte(b.fountain("", "status", "story", "--json").stdout), &read); err != nil || read.Status.Ready != "5/5" {
		t.Errorf("as JSON it is %+v: %v", read.Status, err)
	}

	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Version = "broken" })
	b.eventually(func() string {
		if b.images("story", "broken") == 0 {
			return "the upgrade has not begun"
		}
		return ""
	})
	b.pod("story", "centralsequence", corev1.ContainerStatus{Image: "fountainai/centralsequence:broken",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "not found"}}})
	b.eventually(b.condition("story", "Degraded", "True", v1alpha1.ReasonImage))
	b.fountain("", "status", "story", "--wait", "2s").expect(t, 1, "cannot be pulled", "spec.version", "4/5", "version 1.0.0, on its way to broken")
	b.fountain("", "status").expect(t, 1, "no: "+v1alpha1.ReasonImage)
}

const manifest = `apiVersion: v1
kind: ConfigMap
metadata: {name: not-a-stack}
---
apiVersion: fountain.coach/v1alpha1
kind: FountainStack
metadata: {name: story}
spec:
`

// TestDiffForetellsWhatTheOperatorDoes: what it says of each object comes true.
func TestDiffForetellsWhatTheOperatorDoes(t *testing.T) {
	b := newBench(t)
	spec := manifest + "  domain: example.org\n"
	b.fountain(spec, "diff", "-f", "-").expect(t, 1, "create", "FountainStack", "Ingress", " 0 to update, 0 to delete", "0 refused")
	stack := b.settled("story", v1alpha1.FountainStackSpec{Backup: &v1alpha1.Backup{}})
	same := spec + "  backup: {schedule: '17 3 * * *'}\n"
	b.fountain(same, "diff", "-f", "-").expect(t, 0, "Nothing would change.")

	next := spec + "  gateway: {rateLimit: {perMinute: 9}}\n  services: {character: {logLevel: debug}}\n"
	said := b.fountain(next, "diff", "-f", "-")
	said.expect(t, 1, "perMinute: 9", "retain", "CronJob", "+          value: debug")
	foretold := b.foretold(next)
	before := b.objects("story")
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) {
		spec.Backup, spec.Gateway.RateLimit.PerMinute, spec.Services.Character = nil, 9, &v1alpha1.Service{LogLevel: "debug"}
	})
	b.eventually(func() string {
		b.run("story")
		if fresh := b.foretold(next); len(fresh) > 0 {
			return fmt.Sprintf("still to come: %v", fresh)
		}
		return b.condition("story", "Ready", "True", "Ready")()
	})
	after := b.objects("story")
	happened := map[string]string{"FountainStack story": "update"}
	for name := range maps.Keys(before) {
		if after[name] == nil {
			happened[name] = "delete"
			if before[name].GetKind() == "PersistentVolumeClaim" {
				happened[name] = "retain"
			}
		}
	}
	for name, object := range after {
		switch {
		case before[name] == nil:
			happened[name] = "create"
		case object.GetGeneration() != before[name].GetGeneration() || object.GetKind() == "KongPlugin" && object.GetResourceVersion() != before[name].GetResourceVersion():
			happened[name] = "update"
		}
	}
	if fmt.Sprint(happened) != fmt.Sprint(foretold) {
		t.Errorf("foretold\n%v\nhappened\n%v", foretold, happened)
	}
}

// foretold returns what diff says, by kind and name.
func (b *bench) foretold(manifest string) map[string]string {
	b.Helper()
	var changes []stackctl.Change
	if err := json.Unmarshal([]byte(b.fountain(manifest, "diff", "-f", "-", "--json").stdout), &changes); err != nil {
		b.Fatal(err)
	}
	all := map[string]string{}
	for _, change := range changes {
		all[change.Kind+" "+change.Name] = string(change.Action)
	}
	return all
}

func TestDiffTellsWhatWouldBeRefused(t *testing.T) {
	b := newBench(t)
	for _, test := range []struct {
		name, manifest, says string
	}{
		{"no stack", "kind: ConfigMap\napiVersion: v1\n", "no FountainStack of fountain.coach/v1alpha1 in the file"},
		{"no YAML", "a: [", "yaml"},
		{"a wrong value", manifest + "  domain: Not_A_Domain\n", "spec.domain"},
		{"an unknown field", manifest + "  domain: example.org\n  domian: x\n", `unknown field "spec.domian"`},
		{"a rule", manifest + "  domain: example.org\n  gateway: {replicas: 2}\n", "replicas are for the mode dbless"},
	} {
		t.Run(test.name, func(t *testing.T) {
			b.fountain(test.manifest, "diff", "-f", "-").expect(t, 2, test.says)
		})
	}
	b.fountain("", "diff", "-f", "no-such-file.yaml").expect(t, 2, "no-such-file.yaml")
	b.fountainWith("no-such-kubeconfig", manifest, "diff", "-f", "-").expect(t, 2, "no-such-kubeconfig")

	service := &corev1.Service{ObjectMeta: b.meta("story-character"), Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}}}
	service.Annotations = map[string]string{"meta.helm.sh/release-name": "story"}
	if err := b.Create(t.Context(), service); err != nil {
		t.Fatal(err)
	}
	b.fountain(manifest+"  domain: example.org\n", "diff", "-f", "-").expect(t, 2, "refuse", "belongs to the Helm release story")
}

// TestSecretsAreNotShown: neither the keys in the cluster nor new ones, nor the
// copy of a key that somebody has set with kubectl.
func TestSecretsAreNotShown(t *testing.T) {
	b := newBench(t)
	b.settled("story", v1alpha1.FountainStackSpec{})
	rotated := fmt.Sprintf("apiVersion: v1\nkind: Secret\nmetadata: {name: story-key-writer, namespace: %s, labels: {app.kubernetes.io/component: other}}\ndata: {key: %s}\n",
		b.namespace, base64.StdEncoding.EncodeToString([]byte("a-key-that-somebody-has-chosen")))
	path := filepath.Join(t.TempDir(), "secret.yaml")
	if err := os.WriteFile(path, []byte(rotated), 0o600); err != nil {
		t.Fatal(err)
	}
	b.stop() // it would put the label right
	defer b.start()
	cluster.Start(t).Run(t, "kubectl", "apply", "-f", path)
	var secrets corev1.SecretList
	if err := b.List(t.Context(), &secrets, client.InNamespace(b.namespace)); err != nil {
		t.Fatal(err)
	}
	for _, format := range [][]string{nil, {"--json"}} {
		said := b.fountain(manifest+"  domain: moved.example\n  images: {registry: r.example}\n", append([]string{"diff", "-f", "-"}, format...)...)
		said.expect(t, 1, "moved.example")
		for _, secret := range secrets.Items {
			object, err := json.Marshal(secret.Data)
			if err != nil {
				t.Fatal(err)
			}
			var encoded map[string]string
			if err := json.Unmarshal(object, &encoded); err != nil {
				t.Fatal(err)
			}
			for key, value := range encoded {
				if len(value) > 16 && strings.Contains(said.stdout, value) {
					t.Errorf("%s of %s is shown", key, secret.Name)
				}
			}
		}
	}
}

// TestOthersMayOnlyLookAtStatus: a person who may read stacks sees their
// status; a diff says which right is missing.
func TestOthersMayOnlyLookAtStatus(t *testing.T) {
	b := newBench(t)
	b.settled("story", v1alpha1.FountainStackSpec{})
	role := &rbacv1.Role{ObjectMeta: b.meta("look"), Rules: []rbacv1.PolicyRule{{APIGroups: []string{"fountain.coach"}, Resources: []string{"fountainstacks"}, Verbs: []string{"get", "list"}}}}
	binding := &rbacv1.RoleBinding{ObjectMeta: b.meta("look"), RoleRef: rbacv1.RoleRef{APIGroup: "rbac.authorization.k8s.io", Kind: "Role", Name: "look"},
		Subjects: []rbacv1.Subject{{Kind: "User", APIGroup: "rbac.authorization.k8s.io", Name: "reader"}}}
	if err := errors.Join(b.Create(t.Context(), role), b.Create(t.Context(), binding)); err != nil {
		t.Fatal(err)
	}
	server := cluster.Start(t)
	kubeconfig := server.KubeconfigFor(t, server.ConfigFor(t, "reader"))
	b.fountainWith(kubeconfig, "", "status", "story").expect(t, 0, "5/5")
	b.fountainWith(kubeconfig, manifest+"  domain: example.org\n", "diff", "-f", "-").expect(t, 2, `cannot update resource "fountainstacks"`)
	if left := slices.Sorted(maps.Keys(b.objects("story"))); len(left) < 60 {
		t.Errorf("a look has changed the stack: %v", left)
	}
}

// TestDiffOfOddInputs: lists, several stacks and namespaces, stacks that are
// suspended, and namespaces that are another or not there.
func TestDiffOfOddInputs(t *testing.T) {
	b := newBench(t)
	stack := func(namespace, name, spec string) string {
		return fmt.Sprintf("{apiVersion: fountain.coach/v1alpha1, kind: FountainStack, metadata: {namespace: %q, name: %s}, spec: {domain: example.org%s}}", namespace, name, spec)
	}
	list := "---\n---\napiVersion: v1\nkind: List\nitems:\n- " + stack("", "a", "") + "\n- {apiVersion: v1, kind: ConfigMap}\n- " + stack("", "b", ", suspend: true") + "\n"
	said := b.fountain(list, "diff", "-f", "-", "--json")
	said.expect(t, 1, `"namespace":"`+b.namespace+`","name":"a-character"`)
	if strings.Contains(said.stdout, `"name":"b-`) || !strings.Contains(said.stdout, `"name":"b"`) {
		t.Errorf("a stack that is suspended: %s", said.stdout)
	}
	b.fountain(stack("elsewhere", "a", ""), "diff", "-f", "-").expect(t, 2, "in the namespace elsewhere and not in "+b.namespace)
	huge := "apiVersion: v1\nkind: ConfigMap\ndata: {a: " + strings.Repeat("x", 8<<20) + "}\n---\n" + stack("", "a", "")
	b.fountain(huge, "diff", "-f", "-", "--summary").expect(t, 1, "a-character")

	b.namespace = ""
	b.fountain(stack("not-there", "a", ""), "diff", "-f", "-").expect(t, 2, "there is no namespace not-there")
}
