package stackctl

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/aymanbagabas/go-udiff"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/yaml"

	"fountain.coach/fountainai/operator/api/v1alpha1"
	"fountain.coach/fountainai/operator/desired"
)

// Action is what would become of an object.
type Action string

// What may become of an object.
const (
	Create  Action = "create"
	Update  Action = "update"
	Delete  Action = "delete"
	Release Action = "retain" // it leaves the stack and stays in the cluster
	Refuse  Action = "refuse" // the API server or the operator would not do it
)

// Change is what would become of one object.
type Change struct {
	Action    Action `json:"action"`
	Kind      string `json:"kind"`
	Namespace string `json:"namespace"`
	Name      string `json:"name"`
	// Reason says why something is refused, and what to do.
	Reason string `json:"reason,omitempty"`
	// Diff is a unified diff of the YAML; the values of Secrets are masked.
	Diff string `json:"diff,omitempty"`
}

// Diff tells what the operator would do if the stack were applied as it
// stands. Everything is a dry run in the API server, so defaults, validation
// and admission have their say; nothing is changed. Images
// of a stack that names no version have the tag that its operator gives them,
// or, if none has seen it yet, the chart's own. The error is that
// of the stack itself, as the API server refuses it. progress, if not nil, is
// told how many of how many objects have been compared.
func (c *Cluster) Diff(ctx context.Context, object *unstructured.Unstructured, progress func(done, all int)) ([]Change, error) {
	namespace := cmp.Or(object.GetNamespace(), c.Namespace, metav1.NamespaceDefault)
	if c.Pinned && namespace != c.Namespace {
		return nil, fmt.Errorf("it is in the namespace %s and not in %s: name one of them only", namespace, c.Namespace)
	}
	live, stack, err := c.rehearse(ctx, object, namespace)
	if err != nil {
		return nil, err
	}
	changes := own(live, stack)
	if stack.Spec.Suspend {
		return changes, nil // the operator lets everything be as it is
	}
	values, _, err := desired.Values(stack, stack.Status.OperatorVersion)
	if err != nil {
		return nil, err
	}
	wanted, err := desired.Objects(stack, values)
	if err != nil {
		return nil, err
	}
	isWanted := map[string]bool{}
	for i, each := range wanted {
		if progress != nil {
			progress(i, len(wanted))
		}
		isWanted[desired.Key(each.Item)] = true
		change, err := c.compare(ctx, stack, each)
		if err != nil {
			return nil, fmt.Errorf("%s %s: %w", each.GetKind(), each.GetName(), err)
		}
		if change != nil {
			changes = append(changes, *change)
		}
	}
	for _, item := range stack.Status.Inventory {
		if isWanted[desired.Key(item)] {
			continue
		}
		action := Delete
		if item.Retain {
			action = Release
		}
		changes = append(changes, Change{Action: action, Kind: item.Kind, Namespace: namespace, Name: item.Name})
	}
	return changes, nil
}

// rehearse creates or replaces the stack in a dry run, and returns what is
// there now (nil: nothing) and what would be.
func (c *Cluster) rehearse(ctx context.Context, object *unstructured.Unstructured, namespace string) (live, stack *v1alpha1.FountainStack, err error) {
	door := c.client.Resource(stacks).Namespace(namespace)
	object = object.DeepCopy()
	object.SetNamespace(namespace)
	now, err := door.Get(ctx, object.GetName(), metav1.GetOptions{})
	var then *unstructured.Unstructured
	switch {
	case apierrors.IsNotFound(err):
		then, err = door.Create(ctx, object, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
	case err == nil:
		if live, err = decode(now); err != nil {
			return nil, nil, err
		}
		object.SetResourceVersion(now.GetResourceVersion())
		then, err = door.Update(ctx, object, metav1.UpdateOptions{DryRun: []string{metav1.DryRunAll}, FieldValidation: metav1.FieldValidationStrict})
	}
	if err != nil {
		return nil, nil, c.explain(err, "")
	}
	stack, err = decode(then)
	return live, stack, err
}

// own is the change of the stack itself, if there is one.
func own(live, stack *v1alpha1.FountainStack) []Change {
	change := Change{Action: Create, Kind: "FountainStack", Namespace: stack.Namespace, Name: stack.Name}
	before := ""
	if live != nil {
		change.Action, before = Update, text(map[string]any{"spec": live.Spec})
	}
	after := text(map[string]any{"spec": stack.Spec})
	if before == after {
		return nil
	}
	change.Diff = unified(change, before, after)
	return []Change{change}
}

// compare applies one object in a dry run and tells what would be another.
func (c *Cluster) compare(ctx context.Context, stack *v1alpha1.FountainStack, each desired.Object) (*Change, error) {
	change := &Change{Action: Create, Kind: each.GetKind(), Namespace: stack.Namespace, Name: each.GetName()}
	door, err := c.resource(each.GroupVersionKind(), stack.Namespace)
	if meta.IsNoMatchError(err) {
		change.Action, change.Reason = Refuse, fmt.Sprintf("the cluster lacks the kind %s: install what brings it first", each.GroupVersionKind().GroupKind())
		return change, nil
	}
	if err != nil {
		return nil, err
	}
	live, err := door.Get(ctx, each.GetName(), metav1.GetOptions{})
	if apierrors.IsNotFound(err) {
		live, err = nil, nil
	}
	if err != nil {
		return nil, err
	}
	if live != nil {
		change.Action = Update
		if err := each.MayTake(stack, live); err != nil {
			change.Action, change.Reason = Refuse, err.Error()
			return change, nil
		}
	}
	then, err := door.Apply(ctx, each.GetName(), each.For(live), metav1.ApplyOptions{
		FieldManager: desired.FieldManager, Force: true, DryRun: []string{metav1.DryRunAll}})
	if apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) {
		change.Action, change.Reason = Refuse, err.Error()
		return change, nil
	}
	if err != nil {
		return nil, err
	}
	before, after := masked(live, then)
	if before == after {
		return nil, nil
	}
	change.Diff = unified(*change, before, after)
	return change, nil
}

// masked returns two states of an object as YAML, without what the API server
// keeps its books with. The values of Secrets are told apart, but not shown.
func masked(live, then *unstructured.Unstructured) (before, after string) {
	a, b := strip(live), strip(then)
	for _, field := range []string{"data", "stringData"} {
		if then.GroupVersionKind().GroupKind() != (schema.GroupKind{Kind: "Secret"}) {
			break
		}
		old, _, _ := unstructured.NestedMap(a, field)
		next, _, _ := unstructured.NestedMap(b, field)
		for key := range next {
			if old[key] == next[key] {
				old[key], next[key] = "***", "***"
				continue
			}
			next[key] = "*** (new)"
		}
		for key := range old {
			if old[key] != "***" {
				old[key] = "*** (old)"
			}
		}
		put(a, old, field)
		put(b, next, field)
	}
	if live == nil {
		return "", text(b)
	}
	return text(a), text(b)
}

func put(object, value map[string]any, field string) {
	if len(value) > 0 {
		object[field] = value
	}
}

func strip(object *unstructured.Unstructured) map[string]any {
	if object == nil {
		return map[string]any{}
	}
	content := object.DeepCopy().Object
	delete(content, "status")
	for _, field := range []string{"managedFields", "resourceVersion", "generation", "uid", "creationTimestamp", "ownerReferences"} {
		unstructured.RemoveNestedField(content, "metadata", field)
	}
	// kubectl keeps a copy of what it applied there: the values of Secrets, too.
	unstructured.RemoveNestedField(content, "metadata", "annotations", corev1.LastAppliedConfigAnnotation)
	return content
}

func text(value any) string {
	content, err := yaml.Marshal(value)
	if err != nil {
		panic("objects are plain data: " + err.Error())
	}
	return string(content)
}

func unified(change Change, before, after string) string {
	name := change.Kind + "/" + change.Name
	return udiff.Unified(name+" (now)", name+" (then)", before, after)
}

// Count returns how many changes there are of an action.
func Count(changes []Change, action Action) int {
	n := 0
	for _, change := range changes {
		if change.Action == action {
			n++
		}
	}
	return n
}

// Refused joins what would be refused into one error, or returns nil.
func Refused(changes []Change) error {
	refused := slices.DeleteFunc(slices.Clone(changes), func(c Change) bool { return c.Action != Refuse })
	if len(refused) == 0 {
		return nil
	}
	var said []string
	for _, change := range refused {
		said = append(said, fmt.Sprintf("%s %s: %s", change.Kind, change.Name, change.Reason))
	}
	return errors.New(strings.Join(said, "; "))
}
