// Others own objects of the same names, and take the operator's away from it.
package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	eventsv1 "k8s.io/api/events/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/operator/api/v1alpha1"
)

// TestWhatWasThereBeforeIsNotTaken: a Secret that somebody made by hand is
// neither changed nor deleted with the stack.
func TestWhatWasThereBeforeIsNotTaken(t *testing.T) {
	b := newBench(t)
	secret := &corev1.Secret{ObjectMeta: b.meta("story-key-writer"), Data: map[string][]byte{"key": []byte("mine")}}
	if err := b.Create(t.Context(), secret); err != nil {
		t.Fatal(err)
	}
	b.fountain(manifest+"  domain: example.org\n", "diff", "-f", "-").expect(t, 2, "refuse", "was there before")
	stack := b.stack("story", v1alpha1.FountainStackSpec{})
	b.eventually(func() string {
		b.run("story")
		return b.condition("story", "Degraded", "True", v1alpha1.ReasonRefused)()
	})
	if writes := b.rounds("story"); len(writes) != 0 {
		t.Errorf("writes at rest: %v", writes)
	}
	if err := b.Delete(t.Context(), stack); err != nil {
		t.Fatal(err)
	}
	b.eventually(func() string { return b.left("story") })
	if err := b.read(secret, "story-key-writer"); err != nil || len(secret.Labels)+len(secret.OwnerReferences) > 0 || string(secret.Data["key"]) != "mine" {
		t.Errorf("the Secret is another: %v, %v", secret, err)
	}
}

// TestWhatIsRefusedIsNotWrittenEachRound: a volume that somebody has grown
// cannot be set back. Events of others do not make the operator try again, and
// nobody is told that it was set back.
func TestWhatIsRefusedIsNotWrittenEachRound(t *testing.T) {
	b := newBench(t)
	b.class("grows-"+b.namespace, true)
	b.settled("story", v1alpha1.FountainStackSpec{Storage: v1alpha1.Storage{ClassName: "grows-" + b.namespace}})
	b.bind("story")
	claim := &corev1.PersistentVolumeClaim{}
	if err := b.read(claim, "story-character-data"); err != nil {
		t.Fatal(err)
	}
	claim.Spec.Resources.Requests[corev1.ResourceStorage] = *quantity("7Gi")
	if err := b.Update(t.Context(), claim); err != nil {
		t.Fatal(err)
	}
	b.bind("story")
	b.eventually(b.condition("story", "Degraded", "True", v1alpha1.ReasonRefused))
	if writes := b.rounds("story"); len(writes) != 0 {
		t.Errorf("writes at rest: %v", writes)
	}
	var told eventsv1.EventList
	if err := b.List(t.Context(), &told, client.InNamespace(b.namespace)); err != nil {
		t.Fatal(err)
	}
	for _, event := range told.Items {
		if event.Reason == "DriftCorrected" && strings.Contains(event.Note, claim.Name) {
			t.Errorf("it is told that %s", event.Note)
		}
	}
}

// TestAStackIsMadeAgainWhileItsVolumesAreInUse: those of the former stack are
// on their way out. The new one says what it waits for, and goes on by itself.
func TestAStackIsMadeAgainWhileItsVolumesAreInUse(t *testing.T) {
	b := newBench(t)
	spec := v1alpha1.FountainStackSpec{Storage: v1alpha1.Storage{Retain: v1alpha1.Delete}}
	former := b.settled("story", spec)
	if err := b.Delete(t.Context(), former); err != nil {
		t.Fatal(err)
	}
	b.eventually(func() string {
		if err := b.read(former, "story"); !apierrors.IsNotFound(err) {
			return fmt.Sprintf("the former stack is still there: %v", err)
		}
		return ""
	})
	b.stack("story", spec)
	b.eventually(func() string {
		b.run("story")
		return b.condition("story", "Degraded", "True", v1alpha1.ReasonRefused)()
	})
	stack := &v1alpha1.FountainStack{}
	if err := b.read(stack, "story"); err != nil || !strings.Contains(stack.Status.Conditions[0].Message, "wait until it is gone") {
		t.Errorf("the status says %v: %v", stack.Status.Conditions, err)
	}
	var claims corev1.PersistentVolumeClaimList
	if err := b.List(t.Context(), &claims, client.InNamespace(b.namespace)); err != nil {
		t.Fatal(err)
	}
	for _, claim := range claims.Items { // as when the last pod that uses it is gone
		claim.Finalizers = nil
		if err := b.Update(t.Context(), &claim); err != nil {
			t.Fatal(err)
		}
	}
	b.eventually(func() string { b.run("story"); return b.condition("story", "Ready", "True", "Ready")() })
}

// TestLabelsAndOwnersArePutBack although without them the operator's cache
// does not hold the object.
func TestLabelsAndOwnersArePutBack(t *testing.T) {
	b := newBench(t)
	b.settled("story", v1alpha1.FountainStackSpec{})
	for name, change := range map[string]func(*metav1.ObjectMeta){
		"hidden":        func(m *metav1.ObjectMeta) { delete(m.Labels, "app.kubernetes.io/part-of") },
		"another stack": func(m *metav1.ObjectMeta) { m.Labels["app.kubernetes.io/instance"] = "other" },
		"no owner":      func(m *metav1.ObjectMeta) { m.OwnerReferences = nil },
		"nothing":       func(m *metav1.ObjectMeta) { m.Labels, m.OwnerReferences = nil, nil },
	} {
		set, service := &appsv1.StatefulSet{}, &corev1.Service{}
		b.eventually(func() string {
			if err := errors.Join(b.read(set, "story-character"), b.read(service, "story-character")); err != nil {
				return err.Error()
			}
			change(&set.ObjectMeta)
			change(&service.ObjectMeta)
			if err := errors.Join(b.Update(t.Context(), set), b.Update(t.Context(), service)); err != nil {
				return err.Error()
			}
			return ""
		})
		b.eventually(func() string {
			if err := errors.Join(b.read(set, "story-character"), b.read(service, "story-character")); err != nil {
				return err.Error()
			}
			for _, object := range []client.Object{set, service} {
				if object.GetLabels()["app.kubernetes.io/part-of"] == "" || object.GetLabels()["app.kubernetes.io/instance"] != "story" || metav1.GetControllerOf(object) == nil {
					return fmt.Sprintf("%s: %T is not put right: %v %v", name, object, object.GetLabels(), object.GetOwnerReferences())
				}
			}
			return ""
		})
	}
	b.eventually(func() string { b.run("story"); return b.condition("story", "Ready", "True", "Ready")() })
}

// TestOrphansStay: kubectl delete --cascade=orphan keeps the objects, whether
// the operator or the garbage collector is faster, and a new stack takes them up.
func TestOrphansStay(t *testing.T) {
	for _, faster := range []string{"the operator", "the garbage collector"} {
		t.Run(faster, func(t *testing.T) {
			b := newBench(t)
			stack := b.settled("story", v1alpha1.FountainStackSpec{Storage: v1alpha1.Storage{Retain: v1alpha1.Delete}})
			before := b.objects("story")
			if faster != "the operator" {
				b.stop()
			}
			if err := b.Delete(t.Context(), stack, client.PropagationPolicy(metav1.DeletePropagationOrphan)); err != nil {
				t.Fatal(err)
			}
			if faster == "the operator" {
				b.eventually(func() string {
					if err := b.read(stack, "story"); err != nil || len(stack.Finalizers) != 1 {
						return fmt.Sprintf("the finalizers are %v: %v", stack.Finalizers, err)
					}
					return ""
				})
			}
			b.orphan("story")
			if faster != "the operator" {
				b.start()
			}
			b.eventually(func() string {
				if err := b.read(stack, "story"); !apierrors.IsNotFound(err) {
					return fmt.Sprintf("the stack is still there: %v", err)
				}
				return ""
			})
			b.settled("story", v1alpha1.FountainStackSpec{Storage: v1alpha1.Storage{Retain: v1alpha1.Delete}})
			for name, object := range b.objects("story") {
				if before[name] == nil || object.GetUID() != before[name].GetUID() {
					t.Errorf("%s is another one", name)
				}
			}
		})
	}
}

// orphan does what the garbage collector does with orphans.
func (b *bench) orphan(name string) {
	b.Helper()
	for _, object := range b.objects(name) {
		patch := client.MergeFrom(object.DeepCopy())
		object.SetOwnerReferences(nil)
		if err := b.Patch(b.Context(), object, patch); err != nil {
			b.Fatal(err)
		}
	}
	stack := &v1alpha1.FountainStack{}
	if err := b.read(stack, name); err != nil {
		b.Fatal(err)
	}
	patch := client.MergeFrom(stack.DeepCopy())
	stack.Finalizers = slices.DeleteFunc(stack.Finalizers, func(f string) bool { return f == metav1.FinalizerOrphanDependents })
	if err := b.Patch(b.Context(), stack, patch); err != nil {
		b.Fatal(err)
	}
}
