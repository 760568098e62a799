// Package controller makes every FountainStack what its spec says, and keeps it so.
package controller

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/equality"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/types"
	"k8s.io/client-go/tools/events"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/controller/controllerutil"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/reconcile"

	"fountain.coach/fountainai/operator/api/v1alpha1"
	"fountain.coach/fountainai/operator/desired"
)

const (
	// Finalizer holds a stack until what it is made of has been deleted.
	Finalizer = "fountain.coach/stack"

	labelInstance = "app.kubernetes.io/instance"
	labelPartOf   = "app.kubernetes.io/part-of"
	labelName     = "app.kubernetes.io/name"
	partOf        = "fountainai"

	// retry is when what was refused is tried again, should the cluster have
	// changed: a kind installed, a quota raised.
	retry = time.Minute
)

// Reconciler makes stacks what their specs say.
type Reconciler struct {
	client   client.Client
	reader   client.Reader // past the cache, which holds only what is labelled for stacks
	recorder events.EventRecorder
	render   *renderer
	watches  *watches
}

// Setup adds the controller to a manager. version is the tag of the images of
// stacks that name none; concurrent is how many stacks are worked on at once.
func Setup(manager ctrl.Manager, version string, concurrent int) error {
	r := &Reconciler{
		client:   manager.GetClient(),
		reader:   manager.GetAPIReader(),
		recorder: manager.GetEventRecorder(desired.FieldManager),
		render:   &renderer{version: version, cache: map[string]*rendered{}},
	}
	if err := index(context.Background(), manager.GetFieldIndexer()); err != nil {
		return err
	}
	several := true // operators in one process, in tests
	build := ctrl.NewControllerManagedBy(manager).
		// Also changes of the status: they are our own, and the next look sees
		// whether the cache had fallen behind when we decided on them.
		For(&v1alpha1.FountainStack{}).
		WithOptions(controller.Options{MaxConcurrentReconciles: concurrent, SkipNameValidation: &several}).
		Watches(&corev1.Pod{}, handler.EnqueueRequestsFromMapFunc(stackOf))
	built, err := build.Build(r)
	if err != nil {
		return err
	}
	r.watches = &watches{manager: manager, controller: built}
	return r.watches.start()
}

// stackOf maps an object to the stack that it is labelled for.
func stackOf(_ context.Context, object client.Object) []reconcile.Request {
	if object.GetLabels()[labelPartOf] != partOf || object.GetLabels()[labelInstance] == "" {
		return nil
	}
	return []reconcile.Request{{NamespacedName: types.NamespacedName{Namespace: object.GetNamespace(), Name: object.GetLabels()[labelInstance]}}}
}

// Reconcile makes one stack what its spec says. Where somebody was faster it
// looks again in a moment.
func (r *Reconciler) Reconcile(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	result, err := r.round(ctx, request)
	if apierrors.IsConflict(err) {
		return ctrl.Result{RequeueAfter: 100 * time.Millisecond}, nil
	}
	return result, err
}

// round looks at one stack once.
func (r *Reconciler) round(ctx context.Context, request ctrl.Request) (ctrl.Result, error) {
	stack := &v1alpha1.FountainStack{}
	if err := r.client.Get(ctx, request.NamespacedName, stack); err != nil {
		r.render.forget(request.String())
		return ctrl.Result{}, client.IgnoreNotFound(err)
	}
	before := stack.DeepCopy()
	if !stack.DeletionTimestamp.IsZero() {
		err := r.finalize(ctx, stack)
		if err == nil || apierrors.IsConflict(err) {
			return ctrl.Result{}, err
		}
		deleting(stack, err)
		return ctrl.Result{}, errors.Join(err, r.saveStatus(ctx, before, stack))
	}
	if stack.Spec.Suspend {
		suspended(stack)
		return ctrl.Result{}, r.saveStatus(ctx, before, stack)
	}
	if controllerutil.AddFinalizer(stack, Finalizer) {
		if err := r.client.Patch(ctx, stack, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})); err != nil {
			return ctrl.Result{}, err
		}
		before = stack.DeepCopy()
	}
	work, err := r.bring(ctx, stack)
	if apierrors.IsConflict(err) {
		return ctrl.Result{}, err
	}
	if observed := r.observe(ctx, stack, work, err); observed != nil {
		return ctrl.Result{}, observed
	}
	if saved := r.saveStatus(ctx, before, stack); saved != nil {
		return ctrl.Result{}, saved
	}
	if err != nil && !permanent(err) {
		return ctrl.Result{}, err
	}
	if err != nil {
		return ctrl.Result{RequeueAfter: retry}, nil
	}
	return ctrl.Result{}, nil
}

// permanent reports whether another try at once would end the same.
func permanent(err error) bool {
	return lacksKind(err) || apierrors.IsInvalid(err) || apierrors.IsForbidden(err) || apierrors.IsBadRequest(err) || asRefusal(err) != nil
}

// lacksKind reports whether the cluster does not have a kind, or not any more:
// then it knows of no such address. (The namespace is there: the stack is in it.)
func lacksKind(err error) bool { return meta.IsNoMatchError(err) || apierrors.IsNotFound(err) }

// saveStatus writes the status if it has changed, and tells of new conditions.
func (r *Reconciler) saveStatus(ctx context.Context, before, stack *v1alpha1.FountainStack) error {
	if equality.Semantic.DeepEqual(before.Status, stack.Status) {
		return nil
	}
	// What was decided on an old state must not be written over a newer one.
	base := before.DeepCopy()
	base.SetResourceVersion(stack.GetResourceVersion())
	if err := r.client.Status().Patch(ctx, stack, client.MergeFromWithOptions(base, client.MergeFromWithOptimisticLock{})); err != nil {
		return client.IgnoreNotFound(err)
	}
	for _, condition := range stack.Status.Conditions {
		old := meta.FindStatusCondition(before.Status.Conditions, condition.Type)
		if old != nil && old.Status == condition.Status && old.Reason == condition.Reason {
			continue
		}
		switch {
		case condition.Type == v1alpha1.ConditionDegraded && condition.Status == "True":
			r.recorder.Eventf(stack, nil, corev1.EventTypeWarning, condition.Reason, "Reconcile", "%s", brief(condition.Message))
		case condition.Type == v1alpha1.ConditionReady && condition.Status == "True":
			r.recorder.Eventf(stack, nil, corev1.EventTypeNormal, condition.Reason, "Reconcile", "%s", brief(condition.Message))
		}
	}
	return nil
}

// brief cuts a message to what an event may hold.
func brief(message string) string {
	if len(message) > 1000 {
		return strings.ToValidUTF8(message[:1000], "") + "…"
	}
	return message
}

// finalize deletes what the stack is made of, but not what is to be retained,
// and nothing if its objects are to be orphans.
func (r *Reconciler) finalize(ctx context.Context, stack *v1alpha1.FountainStack) error {
	if !controllerutil.ContainsFinalizer(stack, Finalizer) {
		return nil
	}
	var failed error
	for _, item := range stack.Status.Inventory {
		if item.Retain || controllerutil.ContainsFinalizer(stack, metav1.FinalizerOrphanDependents) {
			continue
		}
		if err := r.remove(ctx, stack, item); err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s %s: %w", item.Kind, item.Name, err))
		}
	}
	if failed != nil {
		return failed
	}
	before := stack.DeepCopy()
	controllerutil.RemoveFinalizer(stack, Finalizer)
	r.render.forget(stack.Namespace + "/" + stack.Name)
	return client.IgnoreNotFound(r.client.Patch(ctx, stack, client.MergeFromWithOptions(before, client.MergeFromWithOptimisticLock{})))
}

// ready reports whether all pods of a StatefulSet are the latest and ready.
func ready(set *appsv1.StatefulSet) bool {
	return set.Status.ObservedGeneration >= set.Generation && set.Status.ReadyReplicas >= 1 && set.Status.UpdatedReplicas >= 1 &&
		set.Status.CurrentRevision == set.Status.UpdateRevision
}
