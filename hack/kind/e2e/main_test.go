//go:build e2e

// Package e2e tests FountainAI on a cluster with nodes, volumes and a network: what no API server alone can show. It is run
// by `make e2e`, which makes the cluster.
package e2e

import (
	"bytes"
	"cmp"
	"context"
	"flag"
	"fmt"
	"log"
	"os"
	"os/exec"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/tools/clientcmd"
)

const charts = "../../../charts/"

// settings are what `make e2e` says of the cluster.
var settings = struct {
	cluster string // name of the kind cluster
	command string // the program fountain
	tag     string // of the images
	nextTag string // of those to upgrade to: character and operator
	gateway string // engine of the gateway in mode dbless: kong or embedded
}{
	os.Getenv("FOUNTAIN_E2E_CLUSTER"), os.Getenv("FOUNTAIN_E2E_COMMAND"), os.Getenv("FOUNTAIN_E2E_TAG"), os.Getenv("FOUNTAIN_E2E_NEXT_TAG"),
	cmp.Or(os.Getenv("FOUNTAIN_E2E_GATEWAY"), "embedded"),
}

// api is the cluster.
var api kubernetes.Interface

func TestMain(m *testing.M) {
	flag.Parse()
	if settings.cluster == "" {
		log.Fatal("these tests need a cluster of their own: run `make e2e`")
	}
	config, err := clientcmd.BuildConfigFromFlags("", os.Getenv("KUBECONFIG"))
	if err != nil {
		log.Fatal(err)
	}
	config.QPS, config.Burst = 100, 200
	if api, err = kubernetes.NewForConfig(config); err != nil {
		log.Fatal(err)
	}
	os.Exit(m.Run())
}

// run runs a program and returns what it prints. A failure ends the test.
func run(t *testing.T, program string, args ...string) string {
	t.Helper()
	output, err := try(t.Context(), program, args...)
	if err != nil {
		t.Fatal(err)
	}
	return output
}

// try runs a program; its error says what it complained about.
func try(ctx context.Context, program string, args ...string) (string, error) {
	return tryWith(ctx, nil, program, args...)
}

// tryWith runs a program with more in its environment, which is told to nobody.
func tryWith(ctx context.Context, environment []string, program string, args ...string) (string, error) {
	var output, complaint bytes.Buffer
	cmd := exec.CommandContext(ctx, program, args...)
	cmd.Env = append(os.Environ(), environment...)
	cmd.Stdout, cmd.Stderr = &output, &complaint
	if err := cmd.Run(); err != nil {
		return output.String(), fmt.Errorf("%s %s: %w\n%s%s", program, strings.Join(args, " "), err, output.String(), withoutNotes(complaint.String()))
	}
	return strings.TrimSpace(output.String()), nil
}

// withoutNotes leaves out what Helm says of the symbolic links between the charts.
func withoutNotes(text string) string {
	var kept strings.Builder
	for line := range strings.Lines(text) {
		if !strings.Contains(line, "found symbolic link") {
			kept.WriteString(line)
		}
	}
	return kept.String()
}

// eventually waits until check has no error, and ends the test with the last one after the time limit.
func eventually(t *testing.T, limit time.Duration, check func() error) {
	t.Helper()
	deadline := time.Now().Add(limit)
	for {
		err := check()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %v", limit, err)
		}
		select {
		case <-t.Context().Done():
			t.Fatal(err)
		case <-time.After(time.Second / 4):
		}
	}
}

// namespace makes a namespace in which only pods of the standard "restricted" may run (Pod Security Standards), and removes
// it at the end of the test.
func namespace(t *testing.T, name string) string {
	t.Helper()
	labels := map[string]string{"pod-security.kubernetes.io/enforce": "restricted", "pod-security.kubernetes.io/enforce-version": "latest"}
	_, err := api.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{Name: name, Labels: labels}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if t.Failed() {
			return // it is looked at
		}
		if err := api.CoreV1().Namespaces().Delete(context.Background(), name, metav1.DeleteOptions{}); err != nil {
			t.Error(err)
		}
	})
	return name
}

// ofStack selects the pods of a stack that answer requests.
const ofStack = "app.kubernetes.io/part-of=fountainai,app.kubernetes.io/component in (service, gateway)"

// allReady waits until all pods of the stack in a namespace are ready, and there are as many as wanted.
func allReady(t *testing.T, namespace string, want int) {
	t.Helper()
	eventually(t, 4*time.Minute, func() error {
		pods, err := api.CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{LabelSelector: ofStack})
		if err != nil {
			return err
		}
		ready := 0
		for _, pod := range pods.Items {
			if pod.DeletionTimestamp != nil {
				return fmt.Errorf("%s is going", pod.Name)
			}
			if !isReady(pod) {
				return fmt.Errorf("%s is not ready", pod.Name)
			}
			ready++
		}
		if ready != want {
			return fmt.Errorf("%d pods are ready, want %d", ready, want)
		}
		return nil
	})
}

func isReady(pod corev1.Pod) bool {
	for _, condition := range pod.Status.Conditions {
		if condition.Type == corev1.PodReady {
			return condition.Status == corev1.ConditionTrue
		}
	}
	return false
}
