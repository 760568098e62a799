// The definition of FountainStack is upgraded as docs/operator.md says.
package main

import (
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// TestTheDefinitionIsUpgradedAsTheDocsSay although Helm, which made it, counts
// as the owner of its fields. A copy under another name: other tests need the one.
func TestTheDefinitionIsUpgradedAsTheDocsSay(t *testing.T) {
	server := cluster.Start(t)
	docs, err := os.ReadFile("../docs/operator.md")
	if err != nil {
		t.Fatal(err)
	}
	command := regexp.MustCompile(`(?m)^kubectl (apply .*)-f charts/fountain-operator/crds/$`).FindSubmatch(docs)
	if command == nil {
		t.Fatal("the docs do not say how the definition is upgraded")
	}
	content, err := os.ReadFile("../charts/fountain-operator/crds/fountain.coach_fountainstacks.yaml")
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(t.TempDir(), "definition.yaml")
	before := strings.ReplaceAll(string(content), "fountain.coach", "upgrade.example.org")
	after := strings.Replace(before, "Domain of the stack", "Domain of the upgraded stack", 1)
	if before == after {
		t.Fatal("nothing is upgraded")
	}
	for _, step := range []struct {
		content string
		args    []string
	}{
		{before, []string{"create", "--field-manager=helm"}},
		{after, strings.Fields(string(command[1]))},
	} {
		if err := os.WriteFile(path, []byte(step.content), 0o600); err != nil {
			t.Fatal(err)
		}
		server.Run(t, "kubectl", append(step.args, "-f", path)...)
	}
	defer server.Run(t, "kubectl", "delete", "-f", path)
	if said := server.Run(t, "kubectl", "get", "-f", path, "-o", "yaml"); !strings.Contains(said, "upgraded stack") {
		t.Error("the definition is not upgraded")
	}
}
