// The manifests are accepted by a real API server, the rights they give are
// those that are needed, and the guide's commands run as they are written.
package manifests_test

import (
	"context"
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	authorizationv1 "k8s.io/api/authorization/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/yaml"

	"fountain.coach/fountainai/internal/controlplane"
)

var cluster = controlplane.NewShared(controlplane.Kong(), controlplane.CertManager(), controlplane.PrometheusOperator())

func TestMain(m *testing.M) { os.Exit(cluster.Run(m)) }

// files returns the manifests of that extension.
func files(t *testing.T, extension string) []string {
	t.Helper()
	var found []string
	err := filepath.WalkDir(".", func(path string, entry fs.DirEntry, err error) error {
		if err == nil && filepath.Ext(path) == extension {
			found = append(found, path)
		}
		return err
	})
	if err != nil || len(found) == 0 {
		t.Fatalf("no %s files: %v", extension, err)
	}
	return found
}

func TestTheAPIServerAcceptsTheManifests(t *testing.T) {
	server := cluster.Start(t)
	for _, namespace := range []string{"kong", "external-dns", "fountain-system"} {
		server.Run(t, "kubectl", "create", "namespace", namespace)
	}
	applied := 0
	for _, path := range files(t, ".yaml") {
		if slices.Contains([]string{"values.yaml", "kustomization.yaml"}, filepath.Base(path)) {
			continue
		}
		arguments := []string{"apply", "--server-side", "--dry-run=server", "--validate=strict", "-f", path}
		if strings.HasPrefix(path, "external-dns/") {
			arguments = append(arguments, "--namespace=external-dns")
		}
		output, err := server.Command(t, "kubectl", arguments...).CombinedOutput()
		if err != nil || strings.Contains(string(output), "Warning") {
			t.Errorf("%s: %v\n%s", path, err, output)
		}
		applied++
	}
	if applied < 6 {
		t.Errorf("%d files were tried, want six or more", applied)
	}
}

// TestExternalDNSMayReadWhatItNeedsAndNoMore asks the API server itself.
func TestExternalDNSMayReadWhatItNeedsAndNoMore(t *testing.T) {
	server := cluster.Start(t)
	server.Run(t, "kubectl", "apply", "-k", "external-dns")
	admin, err := client.New(server.Config, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	allowed := func(verb, group, resource string) bool {
		review := &authorizationv1.SubjectAccessReview{Spec: authorizationv1.SubjectAccessReviewSpec{
			User:               "system:serviceaccount:external-dns:external-dns",
			ResourceAttributes: &authorizationv1.ResourceAttributes{Verb: verb, Group: group, Resource: resource, Namespace: "default"},
		}}
		if err := admin.Create(context.Background(), review); err != nil {
			t.Fatal(err)
		}
		return review.Status.Allowed
	}
	// The API server learns of new roles a moment after they are made.
	for deadline := time.Now().Add(10 * time.Second); !allowed("list", "", "services") && time.Now().Before(deadline); {
		time.Sleep(50 * time.Millisecond)
	}
	for _, test := range []struct {
		verb, group, resource string
		want                  bool
	}{
		{"list", "", "services", true}, {"watch", "", "services", true},
		{"list", "networking.k8s.io", "ingresses", true}, {"watch", "networking.k8s.io", "ingresses", true},
		{"list", "", "secrets", false}, {"get", "", "secrets", false}, {"list", "", "pods", false}, {"list", "", "nodes", false},
		{"update", "networking.k8s.io", "ingresses", false}, {"patch", "", "services", false}, {"create", "", "pods", false},
		{"list", "externaldns.k8s.io", "dnsendpoints", false},
	} {
		if got := allowed(test.verb, test.group, test.resource); got != test.want {
			t.Errorf("may %s %s %s: %v, want %v", test.verb, test.group, test.resource, got, test.want)
		}
	}
}

func TestIAMPoliciesChangeOneZoneAlone(t *testing.T) {
	for _, path := range files(t, ".json") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var policy struct {
			Version   string
			Statement []struct{ Effect, Action, Resource string }
		}
		if err := json.Unmarshal(content, &policy); err != nil {
			t.Errorf("%s: %v", path, err)
		}
		for _, statement := range policy.Statement {
			changes := !regexp.MustCompile(`:(List|Get|AssumeRoleWithWebIdentity)`).MatchString(statement.Action)
			if strings.Contains(statement.Action, "*") || changes && statement.Resource != "arn:aws:route53:::hostedzone/Z0000000000000000000" {
				t.Errorf("%s allows %s on %s", path, statement.Action, statement.Resource)
			}
		}
	}
}

// TestVersionsArePinned: what is installed today is what is installed next year.
func TestVersionsArePinned(t *testing.T) {
	image := regexp.MustCompile(`image: *(\S+)`)
	for _, path := range files(t, ".yaml") {
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		var anything any
		for document := range strings.SplitSeq(string(content), "\n---\n") {
			if err := yaml.Unmarshal([]byte(document), &anything); err != nil {
				t.Errorf("%s: %v", path, err)
			}
		}
		for _, found := range image.FindAllStringSubmatch(string(content), -1) {
			if !regexp.MustCompile(`:v?[0-9]+\.[0-9]+`).MatchString(found[1]) {
				t.Errorf("%s: the image %s has no version", path, found[1])
			}
		}
	}
	guide, err := os.ReadFile("../docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	for line := range strings.Lines(strings.ReplaceAll(string(guide), "\\\n", " ")) {
		remote := strings.Contains(line, "helm install") && !strings.Contains(line, "charts/fountainai")
		if remote && !strings.Contains(line, "--version") {
			t.Errorf("the guide installs without a version: %s", line)
		}
	}
}

// TestTheGuideRunsAsWritten runs every block of docs/kubernetes.md that needs
// neither nodes nor the internet, in their order, in a copy of the repository's
// charts and manifests.
func TestTheGuideRunsAsWritten(t *testing.T) {
	server := cluster.Start(t)
	guide, err := os.ReadFile("../docs/kubernetes.md")
	if err != nil {
		t.Fatal(err)
	}
	folder := t.TempDir()
	for _, part := range []string{"charts", "manifests"} {
		if output, err := exec.Command("cp", "-a", filepath.Join("..", part), folder).CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, output)
		}
	}
	path := filepath.Dir(controlplane.Binary(t, "kubectl"))
	blocks := regexp.MustCompile("(?ms)^```sh([^\n]*)\n(.*?)^```").FindAllStringSubmatch(string(guide), -1)
	ran := 0
	for _, block := range blocks {
		if strings.Contains(block[1], "needs=") {
			continue
		}
		ran++
		if strings.Contains(block[2], "uninstall") {
			issuer := server.Run(t, "kubectl", "-n", "fountainai", "get", "certificate", "fountainai-character-tls", "-o", "jsonpath={.spec.issuerRef.name}")
			if issuer != "letsencrypt-production" {
				t.Errorf("after the upgrades the certificates come from %q: what was chosen once must stay", issuer)
			}
			credentials := server.Run(t, "kubectl", "-n", "fountainai", "get", "kongconsumer", "fountainai-writer", "-o", "jsonpath={.credentials}")
			if credentials != `["writer-2","fountainai-group-writer"]` {
				t.Errorf("after the change of keys the writer has the credentials %s", credentials)
			}
		}
		command := exec.Command("bash", "-euo", "pipefail", "-c", block[2])
		command.Dir = folder
		command.Env = append(server.Command(t, "kubectl").Environ(), "PATH="+path+":"+os.Getenv("PATH"))
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s\n%v\n%s", block[2], err, output)
		}
	}
	if ran < 12 || len(blocks)-ran > 9 {
		t.Errorf("%d of %d blocks were run: too many ask for nodes or the internet", ran, len(blocks))
	}
}

// TestTheDatabaseGuideRunsAsWritten runs the blocks of docs/scaling.md on
// PostgreSQL that need a cluster.
func TestTheDatabaseGuideRunsAsWritten(t *testing.T) {
	server := cluster.Start(t)
	page, err := os.ReadFile("../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## File → PostgreSQL\n")
	section, _, _ = strings.Cut(section, "\n## ")
	blocks := regexp.MustCompile("(?ms)^```sh needs=cluster\n(.*?)^```").FindAllStringSubmatch(section, -1)
	if len(blocks) != 2 {
		t.Fatalf("the guide has %d blocks for a cluster, want two", len(blocks))
	}
	namespace := server.Namespace(t, "")
	path := filepath.Dir(controlplane.Binary(t, "kubectl"))
	for _, block := range blocks {
		// A namespace of its own: the other guide has one of that name.
		script := strings.NewReplacer("kubectl create namespace fountainai", "", "-n fountainai", "-n "+namespace, "--namespace fountainai", "--namespace "+namespace).Replace(block[1])
		command := exec.Command("bash", "-euo", "pipefail", "-c", script)
		command.Dir = ".."
		command.Env = append(server.Command(t, "kubectl").Environ(), "PATH="+path+":"+os.Getenv("PATH"))
		if output, err := command.CombinedOutput(); err != nil {
			t.Fatalf("%s\n%v\n%s", script, err, output)
		}
	}
	for what, want := range map[string]string{
		"statefulset/fountainai-character -o jsonpath={.spec.replicas}":                           "3",
		"horizontalpodautoscaler/fountainai-storyfactory -o jsonpath={.spec.scaleTargetRef.name}": "fountainai-storyfactory",
		"fountainstack/stories -o jsonpath={.spec.database.key}":                                  "url",
		"persistentvolumeclaims -o name":                                                          "",
	} {
		if got := server.Run(t, "kubectl", append([]string{"-n", namespace, "get"}, strings.Fields(what)...)...); got != want {
			t.Errorf("%s: got %q, want %q", what, got, want)
		}
	}
}

// TestThePlaceholdersAreReplaced: after set.sh none is left, and nonsense is refused.
func TestThePlaceholdersAreReplaced(t *testing.T) {
	folder := t.TempDir()
	if output, err := exec.Command("cp", "-a", ".", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	set := func(arguments ...string) (string, error) {
		output, err := exec.Command(filepath.Join(folder, "set.sh"), arguments...).CombinedOutput()
		return string(output), err
	}
	for _, bad := range [][]string{
		{"example.com"}, {"no domain", "Z1", "123456789012", "eu-west-1"}, {"a.example", "nozone", "123456789012", "eu-west-1"},
		{"a.example", "Z1", "12", "eu-west-1"}, {"a.example", "Z1", "123456789012", "Europe"},
	} {
		if output, err := set(bad...); err == nil || output == "" {
			t.Errorf("set.sh %v: %v, %q", bad, err, output)
		}
	}
	if output, err := set("stories.example", "Z0ABC", "123456789012", "eu-west-1"); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	placeholder := regexp.MustCompile(`example\.org|Z0000000000000000000|111122223333|eu-central-1`)
	err := filepath.WalkDir(folder, func(path string, entry fs.DirEntry, err error) error {
		if err != nil || !slices.Contains([]string{".yaml", ".json"}, filepath.Ext(path)) {
			return err
		}
		content, err := os.ReadFile(path)
		if left := placeholder.FindString(string(content)); left != "" {
			t.Errorf("%s still holds %s", filepath.Base(path), left)
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}
