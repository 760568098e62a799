// Package stackctl looks at FountainStacks from outside the cluster, with the
// rights of the person who asks: how a stack is, and what a change would do.
package stackctl

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"

	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/yaml"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/discovery/cached/memory"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/restmapper"
	"k8s.io/client-go/tools/clientcmd"

	"fountain.coach/fountainai/operator/api/v1alpha1"
)

var stacks = v1alpha1.GroupVersion.WithResource("fountainstacks")

// Cluster is a Kubernetes cluster and the namespace in question.
type Cluster struct {
	// Namespace that stacks are looked for in; empty: all.
	Namespace string
	// Pinned: a stack whose manifest names another namespace is a mistake.
	Pinned bool

	client dynamic.Interface
	mapper meta.RESTMapper
}

// Connect finds a cluster as kubectl does: by the file kubeconfig or, where it
// is empty, $KUBECONFIG or ~/.kube/config, and the context in it (empty: the
// current one). An empty namespace is that of the context.
func Connect(kubeconfig, context, namespace string) (*Cluster, error) {
	rules := clientcmd.NewDefaultClientConfigLoadingRules()
	rules.ExplicitPath = kubeconfig
	loaded := clientcmd.NewNonInteractiveDeferredLoadingClientConfig(rules, &clientcmd.ConfigOverrides{CurrentContext: context})
	config, err := loaded.ClientConfig()
	if clientcmd.IsEmptyConfig(err) {
		return nil, errors.New("no cluster is known: give --kubeconfig, or set KUBECONFIG")
	}
	if err != nil {
		return nil, err
	}
	pinned := namespace != ""
	if !pinned {
		if namespace, _, err = loaded.Namespace(); err != nil {
			return nil, err
		}
	}
	cluster, err := NewCluster(config, namespace)
	if err == nil {
		cluster.Pinned = pinned
	}
	return cluster, err
}

// NewCluster uses a cluster whose address is known.
func NewCluster(config *rest.Config, namespace string) (*Cluster, error) {
	config = rest.CopyConfig(config)
	config.QPS, config.Burst = 100, 200 // a diff asks for some hundred objects
	config.UserAgent = "fountain-stack"
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		return nil, err
	}
	asked, err := discovery.NewDiscoveryClientForConfig(config)
	if err != nil {
		return nil, err
	}
	mapper := restmapper.NewDeferredDiscoveryRESTMapper(memory.NewMemCacheClient(asked))
	return &Cluster{Namespace: namespace, client: client, mapper: mapper}, nil
}

// Get returns a stack. The error says what to do where there is none.
func (c *Cluster) Get(ctx context.Context, name string) (*v1alpha1.FountainStack, error) {
	found, err := c.client.Resource(stacks).Namespace(c.Namespace).Get(ctx, name, metav1.GetOptions{})
	if err != nil {
		return nil, c.explain(err, name)
	}
	return decode(found)
}

// List returns all stacks of the namespace, in the order of their names.
func (c *Cluster) List(ctx context.Context) ([]v1alpha1.FountainStack, error) {
	found, err := c.client.Resource(stacks).Namespace(c.Namespace).List(ctx, metav1.ListOptions{})
	if err != nil {
		return nil, c.explain(err, "")
	}
	var all []v1alpha1.FountainStack
	for i := range found.Items {
		stack, err := decode(&found.Items[i])
		if err != nil {
			return nil, err
		}
		all = append(all, *stack)
	}
	slices.SortFunc(all, func(a, b v1alpha1.FountainStack) int {
		return strings.Compare(a.Namespace+"/"+a.Name, b.Namespace+"/"+b.Name)
	})
	return all, nil
}

// explain tells a missing stack and a missing namespace from a cluster without
// the operator.
func (c *Cluster) explain(err error, name string) error {
	if !apierrors.IsNotFound(err) {
		return err
	}
	var status apierrors.APIStatus
	if errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Name == name && name != "" {
		return fmt.Errorf("there is no FountainStack %s in the namespace %s; `fountain stack status --all-namespaces` lists all", name, c.Namespace)
	}
	if errors.As(err, &status) && status.Status().Details != nil && status.Status().Details.Kind == "namespaces" {
		return fmt.Errorf("there is no namespace %s; create it first", status.Status().Details.Name)
	}
	return errors.New("the cluster does not know FountainStacks: install the operator (charts/fountain-operator or manifests/operator.yaml)")
}

func decode(found *unstructured.Unstructured) (*v1alpha1.FountainStack, error) {
	stack := &v1alpha1.FountainStack{}
	return stack, runtime.DefaultUnstructuredConverter.FromUnstructured(found.Object, stack)
}

// resource returns the door to the objects of a kind in the stack's namespace.
func (c *Cluster) resource(kind schema.GroupVersionKind, namespace string) (dynamic.ResourceInterface, error) {
	mapping, err := c.mapper.RESTMapping(kind.GroupKind(), kind.Version)
	if err != nil {
		return nil, err
	}
	return c.client.Resource(mapping.Resource).Namespace(namespace), nil
}

// Read returns the FountainStacks of a file of YAML or JSON documents, also from
// the lists that kubectl prints. Objects of other kinds are passed over; a file
// without any stack is an error.
func Read(r io.Reader) ([]*unstructured.Unstructured, error) {
	decoder := yaml.NewYAMLOrJSONDecoder(r, 4096)
	var found []*unstructured.Unstructured
	for {
		var content json.RawMessage
		err := decoder.Decode(&content)
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, err
		}
		if len(content) == 0 {
			continue // nothing between two ---
		}
		object := &unstructured.Unstructured{}
		if err := json.Unmarshal(content, &object.Object); err != nil {
			return nil, fmt.Errorf("a document is no object: %w", err)
		}
		found = append(found, stacksOf(object)...)
	}
	if len(found) == 0 {
		return nil, fmt.Errorf("no FountainStack of %s in the file", v1alpha1.GroupVersion)
	}
	return found, nil
}

// stacksOf returns a stack, or those of a list.
func stacksOf(object *unstructured.Unstructured) []*unstructured.Unstructured {
	if object.GroupVersionKind() == v1alpha1.GroupVersion.WithKind("FountainStack") {
		return []*unstructured.Unstructured{object}
	}
	items, _ := object.Object["items"].([]any)
	var found []*unstructured.Unstructured
	for _, item := range items {
		if fields, isObject := item.(map[string]any); isObject && strings.HasSuffix(object.GetKind(), "List") {
			found = append(found, stacksOf(&unstructured.Unstructured{Object: fields})...)
		}
	}
	return found
}
