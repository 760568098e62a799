//go:build e2e

// The operator, and stacks that it makes.

package e2e

import (
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"
)

// installOperator installs the operator's chart, or upgrades it.
func installOperator(t *testing.T, namespace, tag string) {
	t.Helper()
	run(t, "helm", "upgrade", "--install", "fountain-operator", charts+"fountain-operator", "-n", namespace, "--wait", "--timeout", "3m",
		"--set", "image.tag="+tag, "--set", "stackVersion="+settings.tag)
}

// apply gives a namespace the FountainStack "stage".
func apply(t *testing.T, namespace, more string) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "stack.yaml")
	text := fmt.Sprintf(`apiVersion: fountain.coach/v1alpha1
kind: FountainStack
metadata:
  name: stage
  namespace: %s
spec:
  domain: localhost
  gateway: {mode: dbless, engine: %s, replicas: 1, serviceType: NodePort}
%s`, namespace, settings.gateway, more)
	if err := os.WriteFile(file, []byte(text), 0o644); err != nil {
		t.Fatal(err)
	}
	run(t, "kubectl", "apply", "-f", file)
}

// unapply deletes the stack and waits until the operator has done what it must before it is gone.
func unapply(t *testing.T, namespace string) {
	t.Helper()
	run(t, "kubectl", "-n", namespace, "delete", "fountainstack", "stage", "--wait", "--timeout=2m")
}

// awaitStack waits until the operator says that the stack is ready.
func awaitStack(t *testing.T, namespace string) {
	t.Helper()
	run(t, settings.command, "stack", "status", "stage", "-n", namespace, "--wait", "4m")
}

// TestOperator has two stacks made side by side, the operator upgraded and the stacks deleted.
func TestOperator(t *testing.T) {
	operators := namespace(t, "fountain-operator")
	installOperator(t, operators, settings.tag)
	namespaces := []string{namespace(t, "north"), namespace(t, "south")}
	stacks := map[string]*stack{}
	retain := map[string]string{"north": "  storage: {retain: Delete}\n", "south": ""}
	for _, namespace := range namespaces {
		apply(t, namespace, retain[namespace])
	}
	for _, namespace := range namespaces {
		awaitStack(t, namespace)
		stacks[namespace] = open(t, namespace, "stage")
	}
	north, south := stacks["north"], stacks["south"]
	t.Run("the gateway conforms", north.conforms)
	t.Run("two stacks side by side", func(t *testing.T) { sideBySide(t, north, south) })
	if t.Failed() {
		return
	}
	t.Run("the operator is upgraded", func(t *testing.T) { operatorUpgraded(t, operators, north, south) })
	t.Run("a deleted stack", func(t *testing.T) { stacksDeleted(t, north, south) })
}

// sideBySide writes to both stacks: neither sees the other's plays or takes its keys.
func sideBySide(t *testing.T, north, south *stack) {
	plays := map[*stack]string{north: "A PLAY OF THE NORTH", south: "A PLAY OF THE SOUTH"}
	for s, title := range plays {
		play := sample(t, title)
		if err := s.importPlay(t.Context(), play); err != nil {
			t.Fatal(err)
		}
		s.holds(t, 1, play)
		if found := s.scripts(t); len(found) != 1 || len(found[title]) != 1 {
			t.Errorf("%s has the scripts %v", s.namespace, found)
		}
	}
	intruder := *south
	intruder.writer = north.writer
	if err := intruder.answers(t.Context()); err == nil {
		t.Error("the key of the north opens the south")
	}
}

// operatorUpgraded replaces the operator by another version: no pod of a stack is touched, and the new one does its work.
func operatorUpgraded(t *testing.T, operators string, north, south *stack) {
	before := append(identities(t, north.namespace), identities(t, south.namespace)...)
	load := start(t, north)
	installOperator(t, operators, settings.nextTag)
	image := run(t, "kubectl", "-n", operators, "get", "pods", "-l", "app.kubernetes.io/name=fountain-operator", "-o", "jsonpath={.items[*].spec.containers[0].image}")
	if !strings.Contains(image, ":"+settings.nextTag) {
		t.Errorf("the operator's image is %s", image)
	}
	awaitStack(t, north.namespace)
	awaitStack(t, south.namespace)
	time.Sleep(5 * time.Second) // for a change that should not come
	if after := append(identities(t, north.namespace), identities(t, south.namespace)...); !slices.Equal(after, before) {
		t.Errorf("the upgrade of the operator replaced pods:\n%v\n%v", before, after)
	}
	report := load.stop()
	t.Log(report)
	if len(report.failures) > 0 {
		t.Error("requests failed while the operator was upgraded")
	}
	rows := north.rows(t)
	apply(t, north.namespace, "  storage: {retain: Delete}\n  services: {character: {logLevel: debug}}\n")
	eventually(t, 2*time.Minute, func() error {
		level, err := try(t.Context(), "kubectl", "-n", north.namespace, "get", "pod", "stage-character-0", "-o", "jsonpath={.spec.containers[0].env[?(@.name=='FOUNTAIN_LOG_LEVEL')].value}{.spec.containers[0].args}")
		if err == nil && !strings.Contains(level, "debug") {
			err = fmt.Errorf("the pod still has %s", level)
		}
		return err
	})
	awaitStack(t, north.namespace)
	if after := north.rows(t); after != rows {
		t.Errorf("before the change:\n%s\nafter it:\n%s", rows, after)
	}
}

// identities returns the pods of a stack by name and UID.
func identities(t *testing.T, namespace string) []string {
	t.Helper()
	list := run(t, "kubectl", "-n", namespace, "get", "pods", "-l", "app.kubernetes.io/part-of=fountainai", "-o", "jsonpath={range .items[*]}{.metadata.name}/{.metadata.uid} {end}")
	found := strings.Fields(list)
	slices.Sort(found)
	return found
}

// stacksDeleted deletes both: the volumes of one go with it, those of the other are found again.
func stacksDeleted(t *testing.T, north, south *stack) {
	rows, claims := south.rows(t), claimsOf(t, south.namespace)
	for _, s := range []*stack{north, south} {
		unapply(t, s.namespace)
	}
	eventually(t, time.Minute, func() error {
		if left := volumesOf(t, north.namespace); len(left) > 0 {
			return fmt.Errorf("%d volumes are left although they were to be deleted", len(left))
		}
		return nil
	})
	gone(t, south.namespace)
	apply(t, south.namespace, "")
	awaitStack(t, south.namespace)
	for name, uid := range claimsOf(t, south.namespace) {
		if claims[name] != uid {
			t.Errorf("the claim %s is another one", name)
		}
	}
	again := open(t, south.namespace, "stage")
	if after := again.rows(t); after != rows {
		t.Errorf("before the stack was deleted:\n%s\nafter it came back:\n%s", rows, after)
	}
	unapply(t, south.namespace) // while there is an operator
}
