// Applying what a stack wants, and removing what it no longer wants.
package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/operator/api/v1alpha1"
	"fountain.coach/fountainai/operator/desired"
)

// refusal is why the operator does not go on, with the reason of the condition.
type refusal struct{ reason, message string }

func (r *refusal) Error() string { return r.message }

func asRefusal(err error) *refusal {
	var refused *refusal
	if errors.As(err, &refused) {
		return refused
	}
	return nil
}

// work is what a round of applying came to.
type work struct {
	rolling string   // the service that is being replaced, and that others wait for
	waiting []string // services whose turn has not come
}

// order is that in which kinds are applied: what pods need comes before pods.
var order = []string{"ServiceAccount", "Secret", "ConfigMap", "PersistentVolumeClaim", "NetworkPolicy", "Service"}

// last are the kinds that wait until everything else is there.
var last = []string{"StatefulSet", "Deployment", "CronJob"}

func rank(kind string) int {
	if i := slices.Index(order, kind); i >= 0 {
		return i
	}
	if i := slices.Index(last, kind); i >= 0 {
		return len(order) + 1 + i
	}
	return len(order)
}

// bring applies what differs from the spec. Objects of a stack are first noted
// in its inventory, so that an operator that is killed in between finds them again.
func (r *Reconciler) bring(ctx context.Context, stack *v1alpha1.FountainStack) (work, error) {
	var done work
	wanted, err := r.render.of(stack)
	if err != nil {
		return done, &refusal{v1alpha1.ReasonInvalid, err.Error()}
	}
	if err := r.note(ctx, stack, wanted.parts); err != nil {
		return done, err
	}
	hashes := map[string]string{}
	for _, item := range stack.Status.Inventory {
		hashes[desired.Key(item)] = item.Hash
	}
	sorted := slices.Clone(wanted.parts)
	slices.SortStableFunc(sorted, func(a, b part) int { return rank(a.item.Kind) - rank(b.item.Kind) })
	var failed error
	for _, each := range sorted {
		changed, err := r.one(ctx, stack, each, hashes[desired.Key(each.item)], wanted, &done)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s %s: %w", each.item.Kind, each.item.Name, err))
			if !permanent(err) {
				break
			}
			continue
		}
		if changed {
			hashes[desired.Key(each.item)] = each.item.Hash
		}
	}
	return done, errors.Join(failed, r.settle(ctx, stack, wanted.parts, hashes))
}

// note adds what is new to the inventory and saves it before anything is applied.
func (r *Reconciler) note(ctx context.Context, stack *v1alpha1.FountainStack, wanted []part) error {
	known := map[string]bool{}
	for _, item := range stack.Status.Inventory {
		known[desired.Key(item)] = true
	}
	before := stack.DeepCopy()
	for _, each := range wanted {
		if !known[desired.Key(each.item)] {
			item := each.item
			item.Hash = ""
			stack.Status.Inventory = append(stack.Status.Inventory, item)
		}
	}
	if len(stack.Status.Inventory) == len(before.Status.Inventory) {
		return nil
	}
	return r.client.Status().Patch(ctx, stack, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{}))
}

// settle removes what is no longer wanted and brings the inventory up to date.
func (r *Reconciler) settle(ctx context.Context, stack *v1alpha1.FountainStack, wanted []part, hashes map[string]string) error {
	isWanted := map[string]part{}
	for _, each := range wanted {
		isWanted[desired.Key(each.item)] = each
	}
	var inventory []v1alpha1.InventoryItem
	var failed error
	for _, item := range stack.Status.Inventory {
		each, stays := isWanted[desired.Key(item)]
		switch {
		case stays:
			item = each.item
			item.Hash = hashes[desired.Key(item)]
			inventory = append(inventory, item)
		case item.Retain:
			r.recorder.Eventf(stack, nil, corev1.EventTypeNormal, "Retained", "Prune", "%s %s is no longer part of the stack and is retained", item.Kind, item.Name)
		default:
			if err := r.remove(ctx, stack, item); err != nil {
				failed = errors.Join(failed, err)
				inventory = append(inventory, item)
				continue
			}
			prunedTotal.Inc()
		}
	}
	stack.Status.Inventory = inventory
	return failed
}

// one applies an object if it is not what is wanted, and reports whether it did.
func (r *Reconciler) one(ctx context.Context, stack *v1alpha1.FountainStack, each part, applied string, whole *rendered, done *work) (bool, error) {
	kind := schema.GroupVersionKind{Group: each.item.Group, Version: each.item.Version, Kind: each.item.Kind}
	if err := r.watches.watch(kind); err != nil {
		return false, err
	}
	key := desired.Key(each.item)
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(kind)
	name := client.ObjectKey{Namespace: stack.Namespace, Name: each.item.Name}
	err := r.client.Get(ctx, name, live)
	if err == nil && applied == each.item.Hash && whole.verified[key] == live.GetResourceVersion() {
		return false, rollout(live, true, done)
	}
	wanted, failed := each.unpack()
	if failed != nil {
		return false, failed
	}
	if apierrors.IsNotFound(err) {
		// The cache holds what bears our labels: ask for what does not, or not any more.
		if err = r.reader.Get(ctx, name, live); apierrors.IsNotFound(err) {
			return true, r.apply(ctx, wanted.Unstructured, whole, key, "")
		}
	}
	if err != nil {
		return false, err
	}
	if err := wanted.MayTake(stack, live); err != nil {
		return false, &refusal{v1alpha1.ReasonRefused, err.Error()}
	}
	target := wanted.For(live)
	if applied != each.item.Hash || !desired.Contains(live.Object, target.Object) {
		return r.correct(ctx, stack, each.item, live, target, applied, whole, done)
	}
	whole.verified[key] = live.GetResourceVersion()
	return false, rollout(live, true, done)
}

// correct applies an object that is there and is another, unless it is a
// service whose turn has not come.
func (r *Reconciler) correct(ctx context.Context, stack *v1alpha1.FountainStack, item v1alpha1.InventoryItem, live, target *unstructured.Unstructured, applied string, whole *rendered, done *work) (bool, error) {
	if item.Kind == "StatefulSet" && done.rolling != "" {
		done.waiting = append(done.waiting, item.Name)
		return false, nil
	}
	key, version := desired.Key(item), live.GetResourceVersion()
	drifted := applied == item.Hash && !desired.Contains(live.Object, target.Object)
	current := desired.Contains(live.Object["spec"], target.Object["spec"])
	err := r.apply(ctx, target, whole, key, version)
	if err == nil && target.GetResourceVersion() == version {
		// Nothing has changed: an admission webhook, say, has the last word on a
		// field. It is as near to what is wanted as this cluster lets it be.
		whole.verified[key], current, drifted = version, true, false
	}
	if rolled := rollout(live, current, done); err != nil || rolled != nil {
		return err == nil, errors.Join(err, rolled)
	}
	if drifted {
		driftTotal.WithLabelValues(item.Kind).Inc()
		r.recorder.Eventf(stack, nil, corev1.EventTypeNormal, "DriftCorrected", "Apply", "%s %s was changed by somebody and is as the stack says again", item.Kind, item.Name)
	}
	return true, nil
}

// rollout notes a service whose pod is to be replaced, because the spec there
// is not current, or is not ready: others wait for it. It does not go by what
// was applied last, which the cache may tell too late, but by what is there.
func rollout(live *unstructured.Unstructured, current bool, done *work) error {
	if live.GetKind() != "StatefulSet" || done.rolling != "" {
		return nil
	}
	var set appsv1.StatefulSet
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(live.Object, &set); err != nil {
		return err
	}
	if !current || !ready(&set) {
		done.rolling = set.Name
	}
	return nil
}

// apply applies an object of which version is there ("": nothing). What the API
// server has refused it is not asked again for a while, unless one of the two
// is another by then: others' events must not make a refused stack write.
func (r *Reconciler) apply(ctx context.Context, target *unstructured.Unstructured, whole *rendered, key, version string) error {
	if last, is := whole.refused[key]; is && last.version == version && time.Since(last.at) < retry-5*time.Second {
		return last.err
	}
	appliesTotal.Inc()
	err := r.client.Apply(ctx, client.ApplyConfigurationFromUnstructured(target), client.FieldOwner(desired.FieldManager), client.ForceOwnership)
	delete(whole.refused, key)
	if err != nil && permanent(err) {
		whole.refused[key] = refused{version, err, time.Now()}
	}
	return err
}

// remove deletes an object of the inventory, if it is still the stack's. One
// without an owner is not: kubectl delete --cascade=orphan takes it away.
func (r *Reconciler) remove(ctx context.Context, stack *v1alpha1.FountainStack, item v1alpha1.InventoryItem) error {
	live := &unstructured.Unstructured{}
	live.SetGroupVersionKind(schema.GroupVersionKind{Group: item.Group, Version: item.Version, Kind: item.Kind})
	err := r.client.Get(ctx, client.ObjectKey{Namespace: stack.Namespace, Name: item.Name}, live)
	if apierrors.IsNotFound(err) || meta.IsNoMatchError(err) {
		return nil
	}
	if err != nil {
		return err
	}
	if owner := metav1.GetControllerOf(live); owner == nil || owner.UID != stack.UID {
		return nil // somebody else's by now
	}
	uid := live.GetUID()
	err = r.client.Delete(ctx, live, client.Preconditions{UID: &uid}, client.PropagationPolicy(metav1.DeletePropagationBackground))
	return client.IgnoreNotFound(err)
}
