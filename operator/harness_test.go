// An operator that runs against a real API server, and the hands of the kubelet
// and of Kubernetes' controllers: nothing here runs pods.
package main

import (
	"context"
	"errors"
	"fmt"
	"log"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/go-logr/logr"
	appsv1 "k8s.io/api/apps/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/internal/controlplane"
	"fountain.coach/fountainai/internal/controlplane/command"
	"fountain.coach/fountainai/operator/api/v1alpha1"
	"fountain.coach/fountainai/operator/manager"
)

var cluster = controlplane.NewShared(controlplane.Kong(), controlplane.CertManager(), controlplane.PrometheusOperator())

func TestMain(m *testing.M) {
	ctrl.SetLogger(logr.Discard()) // the tests look at what it does
	var err error
	if programs, err = os.MkdirTemp("", "fountain-operator-"); err != nil {
		log.Fatal(err)
	}
	status := cluster.Run(m)
	if err := os.RemoveAll(programs); err != nil {
		log.Fatal(err)
	}
	os.Exit(status)
}

// programs is the folder of what built builds.
var programs string

// built returns a function that builds a program once for all tests and returns its file.
func built(source string) func() (string, error) {
	return sync.OnceValues(func() (string, error) {
		folder, err := os.MkdirTemp(programs, "")
		if err != nil {
			return "", err
		}
		if _, err := command.Output(command.Go(context.Background(), "", "build", "-o", folder, source)); err != nil {
			return "", err
		}
		files, err := filepath.Glob(filepath.Join(folder, "*"))
		if err != nil || len(files) != 1 {
			return "", fmt.Errorf("go build %s made %v: %v", source, files, err)
		}
		return files[0], nil
	})
}

// bench is a namespace with an operator that looks after it.
type bench struct {
	testing.TB
	client.Client
	config    *rest.Config
	namespace string
	writes    atomic.Int64
	failAfter atomic.Int64 // writes that go through; the next ones fail. Negative: all do
	stop      func()
	mu        sync.Mutex
	asked     map[string]bool // what the operator asked for: "verb group/resource"
	wrote     []string        // its writes, in order
}

func newBench(t testing.TB) *bench {
	t.Helper()
	server := cluster.Start(t)
	scheme, err := manager.Scheme()
	if err != nil {
		t.Fatal(err)
	}
	plain, err := client.New(server.Config, client.Options{Scheme: scheme})
	if err != nil {
		t.Fatal(err)
	}
	// It runs with the rights that the manifest gives it.
	server.Run(t, "kubectl", "apply", "--server-side", "-f", "../manifests/operator.yaml")
	rights := server.ConfigForServiceAccount(t, "fountain-system", "fountain-operator")
	b := &bench{TB: t, Client: plain, config: rights, namespace: server.Namespace(t, ""), asked: map[string]bool{}}
	b.failAfter.Store(-1)
	b.eventually(func() string { // a new kind is not known at once
		if err := b.List(t.Context(), &v1alpha1.FountainStackList{}, client.InNamespace(b.namespace)); err != nil {
			return err.Error()
		}
		return ""
	})
	b.start()
	t.Cleanup(func() { b.stop() })
	return b
}

// start runs an operator for the namespace, through a transport that counts its writes.
func (b *bench) start() {
	b.Helper()
	config := rest.CopyConfig(b.config)
	config.WrapTransport = func(next http.RoundTripper) http.RoundTripper { return counting{b, next} }
	m, err := manager.New(config, manager.Options{Version: "1.0.0", Namespaces: []string{b.namespace},
		MetricsAddress: "0", ProbeAddress: "0", Concurrent: 2, QPS: 500})
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	var ended sync.WaitGroup
	ended.Go(func() {
		if err := m.Start(ctx); err != nil {
			b.Errorf("the operator ended: %v", err)
		}
	})
	b.stop = func() { cancel(); ended.Wait() }
}

type counting struct {
	b    *bench
	next http.RoundTripper
}

var errCut = errors.New("the connection is cut")

// RoundTrip counts writes and, when told to, lets no more of them through.
func (c counting) RoundTrip(r *http.Request) (*http.Response, error) {
	c.b.note(r)
	if r.Method != http.MethodGet && !strings.HasSuffix(r.URL.Path, "/events") {
		n := c.b.writes.Add(1)
		c.b.mu.Lock()
		c.b.wrote = append(c.b.wrote, r.Method+" "+r.URL.Path)
		c.b.mu.Unlock()
		if limit := c.b.failAfter.Load(); limit >= 0 && n > limit {
			return nil, errCut
		}
	}
	return c.next.RoundTrip(r)
}

func (b *bench) stack(name string, spec v1alpha1.FountainStackSpec) *v1alpha1.FountainStack {
	b.Helper()
	if spec.Domain == "" {
		spec.Domain = "example.org"
	}
	stack := &v1alpha1.FountainStack{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: name}, Spec: spec}
	if err := b.Create(b.Context(), stack); err != nil {
		b.Fatal(err)
	}
	return stack
}

// eventually waits until check returns "", and fails with what it says last. A
// busy machine may take long; one where all is well does not wait.
func (b *bench) eventually(check func() string) {
	b.Helper()
	var last string
	for deadline := time.Now().Add(time.Minute); time.Now().Before(deadline); time.Sleep(20 * time.Millisecond) {
		if last = check(); last == "" {
			return
		}
	}
	b.Fatal(last)
}

func quantity(text string) *resource.Quantity {
	parsed := resource.MustParse(text)
	return &parsed
}

func (b *bench) meta(name string) metav1.ObjectMeta {
	return metav1.ObjectMeta{Namespace: b.namespace, Name: name}
}

func (b *bench) read(object client.Object, name string) error {
	return b.Get(b.Context(), client.ObjectKey{Namespace: b.namespace, Name: name}, object)
}

// condition returns why a condition of a stack is not as wanted, or "".
func (b *bench) condition(name, kind string, status metav1.ConditionStatus, reason string) func() string {
	return func() string {
		stack := &v1alpha1.FountainStack{}
		if err := b.read(stack, name); err != nil {
			return err.Error()
		}
		got := meta.FindStatusCondition(stack.Status.Conditions, kind)
		if got == nil || got.Status != status || got.Reason != reason || got.ObservedGeneration != stack.Generation {
			return fmt.Sprintf("condition %s is %+v, want %s because of %s at generation %d", kind, got, status, reason, stack.Generation)
		}
		return ""
	}
}

// run makes the StatefulSets, Deployments and Ingresses of a stack what the
// controllers of Kubernetes would, but those whose names are given.
func (b *bench) run(name string, except ...string) {
	b.Helper()
	b.eventually(func() string {
		sets, _ := b.partsOf(name)
		if len(sets) != 5 {
			return fmt.Sprintf("%d StatefulSets, want five", len(sets))
		}
		for i := range sets {
			if slices.Contains(except, sets[i].Name) {
				continue
			}
			if err := b.runSet(&sets[i]); err != nil {
				return err.Error()
			}
		}
		return ""
	})
	_, ingresses := b.partsOf(name)
	for i := range ingresses {
		_ = b.address(&ingresses[i])
	}
	var deployments appsv1.DeploymentList
	_ = b.List(b.Context(), &deployments, client.InNamespace(b.namespace), client.MatchingLabels{"app.kubernetes.io/instance": name})
	for _, each := range deployments.Items {
		each.Status.Replicas, each.Status.ReadyReplicas, each.Status.AvailableReplicas = *each.Spec.Replicas, *each.Spec.Replicas, *each.Spec.Replicas
		_ = b.Status().Update(b.Context(), &each)
	}
}

// partsOf returns the StatefulSets and Ingresses of a stack.
func (b *bench) partsOf(name string) ([]appsv1.StatefulSet, []networkingv1.Ingress) {
	b.Helper()
	var sets appsv1.StatefulSetList
	var ingresses networkingv1.IngressList
	mine := []client.ListOption{client.InNamespace(b.namespace), client.MatchingLabels{"app.kubernetes.io/instance": name}}
	if err := errors.Join(b.List(b.Context(), &sets, mine...), b.List(b.Context(), &ingresses, mine...)); err != nil {
		b.Fatal(err)
	}
	return sets.Items, ingresses.Items
}

// address gives an Ingress the address that a load balancer would.
func (b *bench) address(ingress *networkingv1.Ingress) error {
	if len(ingress.Status.LoadBalancer.Ingress) > 0 {
		return nil
	}
	ingress.Status.LoadBalancer.Ingress = []networkingv1.IngressLoadBalancerIngress{{IP: "198.51.100.7"}}
	return b.Status().Update(b.Context(), ingress)
}

func (b *bench) runSet(set *appsv1.StatefulSet) error {
	revision := fmt.Sprintf("%s-%d", set.Name, set.Generation)
	if set.Status.ObservedGeneration == set.Generation && set.Status.ReadyReplicas == 1 && set.Status.CurrentRevision == revision {
		return nil
	}
	set.Status = appsv1.StatefulSetStatus{ObservedGeneration: set.Generation, Replicas: 1, ReadyReplicas: 1, AvailableReplicas: 1,
		UpdatedReplicas: 1, CurrentReplicas: 1, CurrentRevision: revision, UpdateRevision: revision}
	return b.Status().Update(b.Context(), set)
}

// settled makes a stack and waits until it is ready.
func (b *bench) settled(name string, spec v1alpha1.FountainStackSpec) *v1alpha1.FountainStack {
	b.Helper()
	stack := b.stack(name, spec)
	b.run(name)
	b.eventually(func() string { b.run(name); return b.condition(name, "Ready", "True", "Ready")() })
	return stack
}

// objects returns what the stack's inventory names, by kind and name.
func (b *bench) objects(name string) map[string]*unstructured.Unstructured {
	b.Helper()
	stack := &v1alpha1.FountainStack{}
	if err := b.read(stack, name); err != nil {
		b.Fatal(err)
	}
	found := map[string]*unstructured.Unstructured{}
	for _, item := range stack.Status.Inventory {
		object := &unstructured.Unstructured{}
		object.SetAPIVersion(strings.TrimPrefix(item.Group+"/"+item.Version, "/"))
		object.SetKind(item.Kind)
		if err := b.read(object, item.Name); err != nil {
			b.Fatal(err)
		}
		found[item.Kind+" "+item.Name] = object
	}
	return found
}

// rest waits until the operator has written nothing for a second.
func (b *bench) rest() {
	b.Helper()
	b.eventually(func() string {
		before := b.writes.Load()
		time.Sleep(time.Second)
		if n := b.writes.Load() - before; n != 0 {
			return fmt.Sprintf("no rest: %d writes in a second", n)
		}
		return ""
	})
}

// rounds lets the operator look at a stack five times, and returns its writes.
func (b *bench) rounds(name string) []string {
	b.Helper()
	b.rest()
	b.mu.Lock()
	before := len(b.wrote)
	b.mu.Unlock()
	for i := range 5 {
		stack := &v1alpha1.FountainStack{}
		if err := b.read(stack, name); err != nil {
			b.Fatal(err)
		}
		patch := client.MergeFrom(stack.DeepCopy())
		stack.SetAnnotations(map[string]string{"look": fmt.Sprint(i)})
		if err := b.Patch(b.Context(), stack, patch); err != nil {
			b.Fatal(err)
		}
		time.Sleep(200 * time.Millisecond)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.wrote[before:])
}
