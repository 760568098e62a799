//go:build e2e

// Who may talk to whom: that the cluster enforces what the charts' NetworkPolicies say.

package e2e

import (
	"context"
	"errors"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// member are the labels by which a pod belongs to the stack "play" as one of its tests.
var member = map[string]string{"app.kubernetes.io/instance": "play", "app.kubernetes.io/part-of": "fountainai", "app.kubernetes.io/component": "test"}

// policiesHold asks from pods that may and pods that may not, and from inside a service.
func policiesHold(t *testing.T, s *stack) {
	elsewhere := namespace(t, "elsewhere")
	service := "http://play-character." + s.namespace + ".svc:8000/healthz"
	gateway := "http://play-gateway." + s.namespace + ".svc/healthz"
	// A request that may pass shows that one that does not pass is held back.
	for _, c := range []struct {
		name      string
		namespace string
		labels    map[string]string
		url       string
		passes    bool
	}{
		{"the chart's own test", s.namespace, member, service, true},
		{"a stranger in the namespace", s.namespace, nil, service, false},
		{"a namesake in another namespace", elsewhere, member, service, false},
		{"a stranger at the gateway", elsewhere, nil, gateway, true},
		{"a stranger at the gateway's status", elsewhere, nil, "http://" + podAddress(t, s.namespace, "gateway") + ":8100/metrics", false},
	} {
		t.Run(c.name, func(t *testing.T) {
			if err := probe(t, c.namespace, c.labels, c.url); (err == nil) != c.passes {
				t.Errorf("%s: got %v, want it to be reached: %v", c.url, err, c.passes)
			}
		})
	}
	t.Run("a service that talks to the world", func(t *testing.T) {
		world := outside(t, http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
		if err := probe(t, elsewhere, nil, world); err != nil {
			t.Fatal(err)
		}
		if err := probeFrom(t, s.namespace, "play-character-0", world); err == nil {
			t.Error("it reaches it")
		}
	})
}

func podAddress(t *testing.T, namespace, component string) string {
	t.Helper()
	return run(t, "kubectl", "-n", namespace, "get", "pods", "-l", "app.kubernetes.io/component="+component, "-o", "jsonpath={.items[0].status.podIP}")
}

// outside serves on the cluster's edge, where pods reach it as they would reach the internet, and returns the address.
func outside(t *testing.T, handler http.Handler) string {
	t.Helper()
	listener := edgeListener(t)
	server := &http.Server{Handler: handler}
	go func() { _ = server.Serve(listener) }()
	t.Cleanup(func() { _ = server.Close() })
	return "http://" + listener.Addr().String()
}

// edgeListener listens there.
func edgeListener(t *testing.T) net.Listener {
	t.Helper()
	edge := run(t, "docker", "inspect", "-f", "{{range .NetworkSettings.Networks}}{{.Gateway}}{{end}}", node())
	listener, err := net.Listen("tcp", net.JoinHostPort(edge, "0"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = listener.Close() })
	return listener
}

// probe asks a URL from a pod of its own, three times if it must: the network hears of a new pod a moment after it has started.
func probe(t *testing.T, namespace string, labels map[string]string, url string) error {
	t.Helper()
	no, yes := false, true
	pod, err := api.CoreV1().Pods(namespace).Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{GenerateName: "probe-", Labels: labels},
		Spec: corev1.PodSpec{
			RestartPolicy: corev1.RestartPolicyOnFailure, AutomountServiceAccountToken: &no,
			SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: &yes, SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
			Containers: []corev1.Container{{
				Name: "probe", Image: "fountainai/fountain:" + settings.tag, Args: []string{"healthcheck", url},
				TerminationMessagePolicy: corev1.TerminationMessageFallbackToLogsOnError,
				SecurityContext:          &corev1.SecurityContext{AllowPrivilegeEscalation: &no, Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}}},
			}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		_ = api.CoreV1().Pods(namespace).Delete(context.Background(), pod.Name, metav1.DeleteOptions{GracePeriodSeconds: new(int64)})
	}()
	return reached(t, func() (*corev1.ContainerStateTerminated, error) {
		found, err := api.CoreV1().Pods(namespace).Get(t.Context(), pod.Name, metav1.GetOptions{})
		if err != nil || len(found.Status.ContainerStatuses) == 0 {
			return nil, err
		}
		status := found.Status.ContainerStatuses[0]
		if status.RestartCount >= 2 && status.LastTerminationState.Terminated != nil {
			return status.LastTerminationState.Terminated, nil
		}
		if ended := status.State.Terminated; ended != nil && ended.ExitCode == 0 {
			return ended, nil
		}
		return nil, nil
	})
}

// probeFrom asks a URL from inside a pod that runs, with a container that is added to it.
func probeFrom(t *testing.T, namespace, pod, url string) error {
	t.Helper()
	run(t, "kubectl", "-n", namespace, "debug", pod, "--image=fountainai/fountain:"+settings.tag, "--container=probe", "--profile=restricted", "--quiet", "--", "/fountain", "healthcheck", url)
	return reached(t, func() (*corev1.ContainerStateTerminated, error) {
		found, err := api.CoreV1().Pods(namespace).Get(t.Context(), pod, metav1.GetOptions{})
		if err != nil || len(found.Status.EphemeralContainerStatuses) == 0 {
			return nil, err
		}
		return found.Status.EphemeralContainerStatuses[0].State.Terminated, nil
	})
}

// reached waits until a probe has ended and returns an error if it was not answered at all: any answer shows that the way is
// open.
func reached(t *testing.T, ended func() (*corev1.ContainerStateTerminated, error)) error {
	t.Helper()
	var outcome *corev1.ContainerStateTerminated
	eventually(t, time.Minute, func() (err error) {
		if outcome, err = ended(); err == nil && outcome == nil {
			err = errors.New("the probe has not ended")
		}
		return err
	})
	switch {
	case outcome.ExitCode == 0, outcome.ExitCode == 1 && strings.Contains(outcome.Message, " answers "):
		return nil
	case outcome.ExitCode == 1:
		return errors.New("the probe was not answered: " + outcome.Message)
	default:
		t.Fatalf("the probe did not run: %s, exit status %d: %s", outcome.Reason, outcome.ExitCode, outcome.Message)
		return nil
	}
}
