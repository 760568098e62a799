// Stacks whose data are on a PostgreSQL server.
package main

import (
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/charts"
	"fountain.coach/fountainai/operator/api/v1alpha1"
)

// onServer is a stack on a server that a Secret named db leads to.
func onServer() v1alpha1.FountainStackSpec {
	return v1alpha1.FountainStackSpec{
		Storage:  v1alpha1.Storage{Engine: "postgres"},
		Database: &v1alpha1.Database{Secret: corev1.LocalObjectReference{Name: "db"}},
	}
}

// databaseSecret makes the Secret that onServer names.
func (b *bench) databaseSecret() {
	b.Helper()
	secret := &corev1.Secret{ObjectMeta: b.meta("db"), StringData: map[string]string{"url": "postgres://fountain@db/fountainai"}}
	if err := b.Create(b.Context(), secret); err != nil {
		b.Fatal(err)
	}
}

func TestStackOnServer(t *testing.T) {
	b := newBench(t)
	stack := b.stack("story", onServer())
	b.run("story")
	b.eventually(b.condition("story", "Ready", "False", v1alpha1.ReasonSecretMissing))
	b.databaseSecret()
	b.change(stack, func(s *v1alpha1.FountainStackSpec) { s.Database.Port = 6432 }) // it looks again
	b.eventually(func() string { b.run("story"); return b.condition("story", "Ready", "True", "Ready")() })
	objects := b.objects("story")
	for name := range objects {
		if strings.HasPrefix(name, "PersistentVolumeClaim ") {
			t.Errorf("there is a %s", name)
		}
	}
	for _, service := range charts.Services {
		if objects["StatefulSet story-"+service] == nil {
			t.Errorf("there is no %s", service)
		}
	}
}

// The autoscaler's number stays, and goes with the autoscaler.
func TestScalingIsTheAutoscalers(t *testing.T) {
	b := newBench(t)
	b.databaseSecret()
	spec := onServer()
	spec.Scaling = &v1alpha1.Scaling{MaxReplicas: 5}
	stack := b.settled("story", spec)
	if b.objects("story")["HorizontalPodAutoscaler story-character"] == nil {
		t.Fatal("there is no autoscaler")
	}
	sets, _ := b.partsOf("story")
	four := int32(4)
	for i := range sets {
		sets[i].Spec.Replicas = &four
		if err := b.Update(t.Context(), &sets[i]); err != nil {
			t.Fatal(err)
		}
	}
	b.eventually(func() string { b.run("story"); return b.condition("story", "Ready", "True", "Ready")() })
	b.rest()
	if sets, _ = b.partsOf("story"); *sets[0].Spec.Replicas != 4 {
		t.Errorf("the operator made it %d again", *sets[0].Spec.Replicas)
	}
	b.change(stack, func(s *v1alpha1.FountainStackSpec) { s.Scaling = nil })
	b.eventually(func() string {
		b.run("story")
		if sets, _ := b.partsOf("story"); *sets[0].Spec.Replicas != 1 {
			return "the number of pods is still the autoscaler's"
		}
		if b.objects("story")["HorizontalPodAutoscaler story-character"] != nil {
			return "the autoscaler is still there"
		}
		return ""
	})
}

func TestServerIsRefused(t *testing.T) {
	b := newBench(t)
	b.databaseSecret()
	refused := func(what, want string, err error) {
		t.Helper()
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want that it is refused with %q", what, err, want)
		}
	}
	for want, change := range map[string]func(*v1alpha1.FountainStackSpec){
		"storage.engine postgres needs database":      func(s *v1alpha1.FountainStackSpec) { s.Database = nil },
		"database is for storage.engine postgres":     func(s *v1alpha1.FountainStackSpec) { s.Storage.Engine = "sqlite" },
		"restore and replica are for storage.engine":  func(s *v1alpha1.FountainStackSpec) { s.Replica = &v1alpha1.Replica{URL: "s3://copies"} },
		"backup, restore and replica are for":         func(s *v1alpha1.FountainStackSpec) { s.Backup = &v1alpha1.Backup{} },
		"maxReplicas must be at least replicas":       func(s *v1alpha1.FountainStackSpec) { s.Scaling = &v1alpha1.Scaling{MaxReplicas: 1} },
		"more than one replica needs storage.engine ": func(s *v1alpha1.FountainStackSpec) { *s = v1alpha1.FountainStackSpec{Scaling: &v1alpha1.Scaling{}} },
	} {
		spec := onServer()
		change(&spec)
		spec.Domain = "example.org"
		refused(want, want, b.Create(t.Context(), &v1alpha1.FountainStack{ObjectMeta: b.meta("refused"), Spec: spec}))
	}
	stack := b.stack("story", v1alpha1.FountainStackSpec{})
	if err := b.read(stack, "story"); err != nil {
		t.Fatal(err)
	}
	spec, patch := onServer(), client.MergeFrom(stack.DeepCopy())
	stack.Spec.Storage.Engine, stack.Spec.Database = spec.Storage.Engine, spec.Database
	refused("another engine", "the engine cannot be changed", b.Patch(t.Context(), stack, patch))
}
