//go:build e2e

// The umbrella chart, installed with Helm, and what happens to a stack in its life.

package e2e

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
)

// install installs the umbrella chart, or upgrades it.
func install(t *testing.T, namespace, release string, set ...string) {
	t.Helper()
	args := []string{"upgrade", "--install", release, charts + "fountainai", "-n", namespace, "--wait", "--timeout", "4m", "-f", "testdata/values.yaml",
		"--set", "global.imageTag=" + settings.tag, "--set", "global.gateway.dbless.engine=" + settings.gateway}
	for _, value := range set {
		args = append(args, "--set", value)
	}
	run(t, "helm", args...)
}

// upgrade upgrades a stack to the values it has had last and those given.
func (s *stack) upgrade(t *testing.T, set ...string) {
	t.Helper()
	install(t, s.namespace, s.name, append(slices.Clone(s.values), set...)...)
}

// TestHelm lives through what happens to a stack, one thing after the other, on the same volumes.
func TestHelm(t *testing.T) {
	namespace := namespace(t, "helm")
	install(t, namespace, "play")
	s := open(t, namespace, "play")

	play := longPlay(t)
	t.Run("helm test", func(t *testing.T) { run(t, "helm", "test", "play", "-n", namespace, "--timeout", "2m") })
	t.Run("the gateway conforms", s.conforms)
	t.Run("a play goes in and comes out", func(t *testing.T) {
		if err := s.importPlay(t.Context(), play); err != nil {
			t.Fatal(err)
		}
		s.holds(t, 1, play)
	})
	for _, step := range []struct {
		name string
		test func(*testing.T, *stack)
	}{
		{"every pod is killed during imports", func(t *testing.T, s *stack) { killedDuringImports(t, s, 7) }},
		{"a service is upgraded under load", upgradedUnderLoad},
		{"a key gives way to another", anotherKey},
		{"network policies hold", policiesHold},
		{"backups are made and restored elsewhere", backedUp},
		{"the node restarts", nodeRestarts},
		{"volumes stay and are found again", volumesStay},
		{"volumes go if they are to", volumesGo},
	} {
		if !t.Run(step.name, func(t *testing.T) { step.test(t, s) }) {
			return // what comes after it would only repeat the failure
		}
	}
}

// killedDuringImports kills every pod of the stack by force, one after the other, while plays are written. An import that was
// interrupted is run again, as its error says; in the end every play is there, once and whole.
func killedDuringImports(t *testing.T, s *stack, pods int) {
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var plays []string
	again := 0
	var importing sync.WaitGroup
	importing.Go(func() {
		for ctx.Err() == nil {
			play := sample(t, fmt.Sprintf("TAKE %d", len(plays)+1))
			plays = append(plays, play)
			for s.importPlay(t.Context(), play) != nil && t.Context().Err() == nil {
				again++
				time.Sleep(time.Second)
			}
		}
	})
	for _, pod := range podsOf(t, s.namespace) {
		run(t, "kubectl", "-n", s.namespace, "delete", "pod", pod, "--force", "--grace-period=0")
		allReady(t, s.namespace, pods)
	}
	stop()
	importing.Wait()
	t.Logf("%d plays were written while %d pods were killed; %d imports had to be run again", len(plays), pods, again)
	if len(plays) < 3 {
		t.Errorf("only %d plays were written: the pods were not killed during imports", len(plays))
	}
	found := s.scripts(t)
	for i, play := range plays {
		numbers := found[fmt.Sprintf("TAKE %d", i+1)]
		if len(numbers) != 1 {
			t.Errorf("play %d is there %d times", i+1, len(numbers))
			continue
		}
		s.holds(t, numbers[0], play)
	}
}

func podsOf(t *testing.T, namespace string) []string {
	t.Helper()
	list := run(t, "kubectl", "-n", namespace, "get", "pods", "-l", ofStack, "-o", "jsonpath={.items[*].metadata.name}")
	return strings.Fields(list)
}

// upgradedUnderLoad gives one service another image while all are used.
func upgradedUnderLoad(t *testing.T, s *stack) {
	load := start(t, s)
	time.Sleep(2 * time.Second)
	s.values = append(s.values, "character.image.tag="+settings.nextTag)
	s.upgrade(t)
	time.Sleep(2 * time.Second)
	report := load.stop()
	t.Log(report)
	for service, failures := range report.failures {
		if service != "character" && len(failures) > 0 {
			t.Errorf("%s failed although it was not upgraded: %v", service, failures)
		}
	}
	for status := range report.failures["character"] {
		// Kong, and the gateway in its place, says 502 or, if nobody refuses the connection, 504 until its health check has
		// noticed that nobody listens.
		if status < 502 || status > 504 {
			t.Errorf("the service that restarted answered %d, want nothing but 502, 503 and 504", status)
		}
	}
	if report.answered["character"] == 0 {
		t.Error("there was no load")
	}
	report.allThere(t, s)
	if version := s.version(t, "character"); version != settings.nextTag {
		t.Errorf("after the upgrade the service says that it is %q, want %q", version, settings.nextTag)
	}
	if version := s.version(t, "storyfactory"); version != settings.tag {
		t.Errorf("the upgrade of one service made another %q", version)
	}
}

// anotherKey has a second key accepted, moves to it and drops the first, under load with whichever key is good at the time.
func anotherKey(t *testing.T, s *stack) {
	const second = "the-second-key-of-this-stack-0123456789"
	old, moved := *s, *s
	moved.writer = second
	run(t, "kubectl", "-n", s.namespace, "create", "secret", "generic", "second", "--from-literal=key="+second)
	run(t, "kubectl", "-n", s.namespace, "label", "secret", "second", "konghq.com/credential=key-auth")
	load := start(t, s)
	s.upgrade(t, "global.gateway.keys.writer.additionalSecrets={second}")
	settled(t, s.namespace)
	eventually(t, time.Minute, func() error { return moved.answers(t.Context()) })
	load.use(second)
	s.values = append(s.values, "global.gateway.keys.writer.existingSecret=second")
	s.upgrade(t)
	settled(t, s.namespace)
	report := load.stop()
	t.Log(report)
	for service, failures := range report.failures {
		t.Errorf("%s failed while the key was changed: %v", service, failures)
	}
	report.allThere(t, &moved)
	eventually(t, time.Minute, func() error {
		if old.answers(t.Context()) == nil {
			return errors.New("the old key is still accepted")
		}
		return nil
	})
	s.writer = second
	if err := s.answers(t.Context()); err != nil {
		t.Error(err)
	}
}

// settled waits until no pod of a stack is on its way out: until then one that knows an older configuration may answer.
func settled(t *testing.T, namespace string) {
	t.Helper()
	eventually(t, time.Minute, func() error {
		pods, err := api.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: ofStack})
		if err != nil {
			return err
		}
		for _, pod := range pods.Items {
			if pod.DeletionTimestamp != nil {
				return fmt.Errorf("%s is going", pod.Name)
			}
		}
		return nil
	})
}

// nodeRestarts restarts the node's container: the machine under the stack goes away and comes back.
func nodeRestarts(t *testing.T, s *stack) {
	before := s.rows(t)
	run(t, "docker", "restart", node())
	eventually(t, 3*time.Minute, func() error {
		_, err := api.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		return err
	})
	eventually(t, 4*time.Minute, func() error { return s.answers(t.Context()) })
	if after := s.rows(t); after != before {
		t.Errorf("before the restart:\n%s\nafter it:\n%s", before, after)
	}
	s.holds(t, 1, longPlay(t))
}

// volumesStay uninstalls and installs again: the claims are the same, and so is what is in them.
func volumesStay(t *testing.T, s *stack) {
	before, claims := s.rows(t), claimsOf(t, s.namespace)
	run(t, "helm", "uninstall", s.name, "-n", s.namespace, "--wait", "--timeout", "2m")
	gone(t, s.namespace)
	s.upgrade(t)
	for name, uid := range claimsOf(t, s.namespace) {
		if claims[name] != uid {
			t.Errorf("the claim %s is another one", name)
		}
	}
	// The writer's key is in a Secret of the user's own; the chart made another for the reader.
	s.address, s.reader = way(t, s.namespace, s.name+"-gateway"), key(t, s.namespace, s.name+"-key-reader")
	eventually(t, time.Minute, func() error { return s.answers(t.Context()) })
	if after := s.rows(t); after != before {
		t.Errorf("before the release was uninstalled:\n%s\nafter it came back:\n%s", before, after)
	}
	s.holds(t, 1, longPlay(t))
}

// gone waits until no pod of a stack is left: Helm does not wait for pods that end.
func gone(t *testing.T, namespace string) {
	t.Helper()
	eventually(t, time.Minute, func() error {
		if left := podsOf(t, namespace); len(left) > 0 {
			return fmt.Errorf("pods are left: %v", left)
		}
		return nil
	})
}

// claimsOf returns the claims of the services by name.
func claimsOf(t *testing.T, namespace string) map[string]types.UID {
	t.Helper()
	list, err := api.CoreV1().PersistentVolumeClaims(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: "app.kubernetes.io/component=service"})
	if err != nil {
		t.Fatal(err)
	}
	claims := map[string]types.UID{}
	for _, claim := range list.Items {
		claims[claim.Name] = claim.UID
	}
	if len(claims) != 5 {
		t.Fatalf("%d claims, want 5", len(claims))
	}
	return claims
}

// volumesGo uninstalls after retention was set to Delete: neither claims nor volumes nor the folders on the node stay.
func volumesGo(t *testing.T, s *stack) {
	var folders []string
	for _, volume := range volumesOf(t, s.namespace) {
		if volume.Spec.HostPath == nil {
			t.Fatalf("%s is not a folder of the node", volume.Name)
		}
		folders = append(folders, volume.Spec.HostPath.Path)
	}
	if len(folders) < 5 {
		t.Fatalf("%d volumes, want five or more", len(folders))
	}
	var set []string
	for service := range reads {
		set = append(set, service+".storage.retention=Delete")
	}
	s.upgrade(t, set...)
	run(t, "helm", "uninstall", s.name, "-n", s.namespace, "--wait", "--timeout", "2m")
	eventually(t, time.Minute, func() error {
		left := slices.DeleteFunc(volumesOf(t, s.namespace), func(v corev1.PersistentVolume) bool { return strings.HasSuffix(v.Spec.ClaimRef.Name, "-backup") })
		if len(left) > 0 {
			return fmt.Errorf("%d volumes are left", len(left))
		}
		return nil
	})
	for _, folder := range folders {
		if _, err := try(t.Context(), "docker", "exec", node(), "test", "-e", folder); err == nil {
			t.Errorf("%s is left on the node", folder)
		}
	}
}

// volumesOf returns the volumes bound to claims of a namespace.
func volumesOf(t *testing.T, namespace string) []corev1.PersistentVolume {
	t.Helper()
	list, err := api.CoreV1().PersistentVolumes().List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(list.Items, func(v corev1.PersistentVolume) bool {
		return v.Spec.ClaimRef == nil || v.Spec.ClaimRef.Namespace != namespace
	})
}
