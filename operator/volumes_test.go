// Volumes grow, and kinds that come later are used.
package main

import (
	"fmt"
	"testing"

	corev1 "k8s.io/api/core/v1"
	storagev1 "k8s.io/api/storage/v1"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/operator/api/v1alpha1"
)

// class makes a StorageClass for the test.
func (b *bench) class(name string, grows bool) {
	b.Helper()
	class := &storagev1.StorageClass{ObjectMeta: metav1.ObjectMeta{Name: name}, Provisioner: "example.org/none", AllowVolumeExpansion: &grows}
	if err := b.Create(b.Context(), class); err != nil {
		b.Fatal(err)
	}
	b.Cleanup(func() { _ = b.Client.Delete(b.TB.Context(), class) })
}

// bind makes the stack's claims what a provisioner would.
func (b *bench) bind(name string) {
	b.Helper()
	var claims corev1.PersistentVolumeClaimList
	if err := b.List(b.Context(), &claims, client.InNamespace(b.namespace), client.MatchingLabels{"app.kubernetes.io/instance": name}); err != nil {
		b.Fatal(err)
	}
	for _, claim := range claims.Items {
		claim.Status.Phase = corev1.ClaimBound
		claim.Status.Capacity = claim.Spec.Resources.Requests
		if err := b.Status().Update(b.Context(), &claim); err != nil {
			b.Fatal(err)
		}
	}
}

// sizes returns what the claims of a stack ask for.
func (b *bench) sizes(name string) map[string]string {
	b.Helper()
	var claims corev1.PersistentVolumeClaimList
	if err := b.List(b.Context(), &claims, client.InNamespace(b.namespace), client.MatchingLabels{"app.kubernetes.io/instance": name}); err != nil {
		b.Fatal(err)
	}
	all := map[string]string{}
	for _, claim := range claims.Items {
		all[claim.Name] = claim.Spec.Resources.Requests.Storage().String()
		if claim.Spec.StorageClassName != nil {
			all[claim.Name] += " of " + *claim.Spec.StorageClassName
		}
	}
	return all
}

func TestVolumesGrow(t *testing.T) {
	b := newBench(t)
	b.class("grows-"+b.namespace, true)
	size := resource.MustParse("1Gi")
	stack := b.settled("story", v1alpha1.FountainStackSpec{
		Storage: v1alpha1.Storage{ClassName: "grows-" + b.namespace, Size: quantity("3Gi")},
		Backup:  &v1alpha1.Backup{Size: &size, ClassName: "grows-" + b.namespace}})
	b.bind("story")
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) {
		spec.Storage.Size = quantity("4Gi")
		larger, grown := resource.MustParse("6Gi"), resource.MustParse("2Gi")
		spec.Services.Character, spec.Backup.Size = &v1alpha1.Service{Size: &larger}, &grown
	})
	of := " of grows-" + b.namespace
	want := map[string]string{"story-backup": "2Gi" + of, "story-character-data": "6Gi" + of, "story-centralsequence-data": "4Gi" + of,
		"story-scriptmanagement-data": "4Gi" + of, "story-sessioncontext-data": "4Gi" + of, "story-storyfactory-data": "4Gi" + of}
	b.eventually(func() string {
		b.run("story")
		if got := b.sizes("story"); fmt.Sprint(got) != fmt.Sprint(want) {
			return fmt.Sprintf("the volumes are %v, want %v", got, want)
		}
		return b.condition("story", "Ready", "True", "Ready")()
	})
}

// TestAVolumeThatCannotGrow: the stack says so, goes on with what it can do,
// and recovers when the spec is put right.
func TestAVolumeThatCannotGrow(t *testing.T) {
	b := newBench(t)
	b.class("fixed-"+b.namespace, false)
	stack := b.settled("story", v1alpha1.FountainStackSpec{Storage: v1alpha1.Storage{ClassName: "fixed-" + b.namespace}})
	b.bind("story")
	larger := resource.MustParse("9Gi")
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Services.Character = &v1alpha1.Service{Size: &larger} })
	b.eventually(func() string {
		b.run("story")
		return b.condition("story", "Degraded", "True", v1alpha1.ReasonRefused)()
	})
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Version = "2.0.0" })
	b.eventually(func() string {
		b.run("story")
		if n := b.images("story", "2.0.0"); n != 5 {
			return fmt.Sprintf("%d services have the new version, want all", n)
		}
		return ""
	})
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Services.Character = nil })
	b.eventually(func() string { b.run("story"); return b.condition("story", "Ready", "True", "Ready")() })
}

// withoutServiceMonitors takes the kind from the cluster, and returns what
// brings it back (and says "" once it has).
func (b *bench) withoutServiceMonitors() (install func() string) {
	b.Helper()
	definition := &apiextensionsv1.CustomResourceDefinition{}
	if err := apiextensionsv1.AddToScheme(b.Scheme()); err != nil {
		b.Fatal(err)
	}
	if err := b.Get(b.Context(), client.ObjectKey{Name: "servicemonitors.monitoring.coreos.com"}, definition); err != nil {
		b.Fatal(err)
	}
	if err := b.Delete(b.Context(), definition.DeepCopy()); err != nil {
		b.Fatal(err)
	}
	again := &apiextensionsv1.CustomResourceDefinition{ObjectMeta: metav1.ObjectMeta{Name: definition.Name, Annotations: definition.Annotations}, Spec: definition.Spec}
	b.eventually(func() string {
		if err := b.Get(b.Context(), client.ObjectKey{Name: definition.Name}, definition); !apierrors.IsNotFound(err) {
			return fmt.Sprintf("the definition is still there: %v", err)
		}
		return ""
	})
	return func() string {
		if err := b.Create(b.Context(), again.DeepCopy()); err != nil && !apierrors.IsAlreadyExists(err) {
			return err.Error()
		}
		if err := b.Get(b.Context(), client.ObjectKey{Name: again.Name}, definition); err != nil || definition.DeletionTimestamp != nil {
			return fmt.Sprintf("the definition is on its way out: %v", err)
		}
		return ""
	}
}

// TestAKindThatGoes: the Prometheus operator is uninstalled under the stack,
// with its kinds. The stack says so, and everything else is looked after.
func TestAKindThatGoes(t *testing.T) {
	b := newBench(t)
	stack := b.settled("story", v1alpha1.FountainStackSpec{Monitoring: v1alpha1.Monitoring{ServiceMonitors: true}})
	install := b.withoutServiceMonitors()
	defer b.eventually(install) // other tests need it
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Version = "2.0.0" })
	b.eventually(func() string {
		b.run("story")
		if n := b.images("story", "2.0.0"); n != 5 {
			return fmt.Sprintf("%d services have the new version, want all", n)
		}
		return b.condition("story", "Degraded", "True", v1alpha1.ReasonKindMissing)()
	})
	b.eventually(func() string { // it comes to rest
		if writes := b.rounds("story"); len(writes) != 0 {
			return fmt.Sprintf("%v writes at rest, want none", writes)
		}
		return ""
	})
}

// TestAKindThatComesLater: the operator runs before the Prometheus operator is
// installed; once it is, its objects are made, and watched.
func TestAKindThatComesLater(t *testing.T) {
	b := newBench(t)
	b.stop()
	install := b.withoutServiceMonitors()
	defer b.eventually(install) // other tests need it
	b.start()
	stack := b.stack("story", v1alpha1.FountainStackSpec{Monitoring: v1alpha1.Monitoring{ServiceMonitors: true}})
	b.eventually(func() string {
		b.run("story")
		return b.condition("story", "Degraded", "True", v1alpha1.ReasonKindMissing)()
	})
	b.eventually(install)
	monitor := &unstructured.Unstructured{}
	monitor.SetAPIVersion("monitoring.coreos.com/v1")
	monitor.SetKind("ServiceMonitor")
	n := 0
	b.eventually(func() string {
		n++ // it looks again each minute; somebody who changes something need not wait
		b.change(stack, func(spec *v1alpha1.FountainStackSpec) {
			spec.Monitoring.Labels = map[string]string{"try": fmt.Sprint(n)}
		})
		b.run("story")
		if err := b.read(monitor, "story-character"); err != nil {
			return err.Error()
		}
		return ""
	})
	b.eventually(func() string { b.run("story"); return b.condition("story", "Ready", "True", "Ready")() })
	if err := b.Delete(t.Context(), monitor); err != nil {
		t.Fatal(err)
	}
	b.eventually(func() string {
		if err := b.read(monitor, "story-character"); err != nil {
			return "it is not watched: " + err.Error()
		}
		return ""
	})
}
