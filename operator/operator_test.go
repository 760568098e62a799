// What the operator does with stacks, on a real API server.
package main

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/charts"
	"fountain.coach/fountainai/operator/api/v1alpha1"
)

func TestAStackIsWhatHelmInstallMakes(t *testing.T) {
	b := newBench(t)
	b.settled("story", v1alpha1.FountainStackSpec{})
	values := map[string]any{"global": map[string]any{"domain": "example.org", "imageTag": "1.0.0"}}
	rendered, err := charts.Render(charts.Umbrella, charts.Release{Name: "story", Namespace: b.namespace}, values)
	if err != nil {
		t.Fatal(err)
	}
	want := map[string]bool{}
	for _, object := range rendered {
		if _, hook := object.GetAnnotations()["helm.sh/hook"]; !hook {
			want[object.GetKind()+" "+object.GetName()] = true
		}
	}
	objects := b.objects("story")
	if got := slices.Sorted(maps.Keys(objects)); !slices.Equal(got, slices.Sorted(maps.Keys(want))) {
		t.Errorf("the stack is made of\n%v\nhelm install would make\n%v", got, slices.Sorted(maps.Keys(want)))
	}
	for name, object := range objects {
		owner := metav1.GetControllerOf(object)
		if isClaim := object.GetKind() == "PersistentVolumeClaim"; isClaim == (owner != nil) {
			t.Errorf("%s has the owner %v", name, owner)
		}
	}
	stack := &v1alpha1.FountainStack{}
	if err := b.read(stack, "story"); err != nil {
		t.Fatal(err)
	}
	if stack.Status.Ready != "5/5" || stack.Status.Version != "1.0.0" || stack.Status.Services[1].URL != "http://character.example.org" {
		t.Errorf("status %+v", stack.Status)
	}
}

// TestAStackAtRestIsNotWrittenTo: no write at all, however often it is looked at.
func TestAStackAtRestIsNotWrittenTo(t *testing.T) {
	b := newBench(t)
	b.settled("story", v1alpha1.FountainStackSpec{Backup: &v1alpha1.Backup{}, Monitoring: v1alpha1.Monitoring{ServiceMonitors: true, Rules: true, Dashboards: true}})
	b.settled("other", v1alpha1.FountainStackSpec{Gateway: v1alpha1.Gateway{Mode: "dbless"},
		Services: v1alpha1.Services{Character: &v1alpha1.Service{Resources: &corev1.ResourceRequirements{
			Limits: corev1.ResourceList{"memory": resource.MustParse("1024Mi"), "cpu": resource.MustParse("1000m")}}}}})
	b.rest()
	before := b.writes.Load()
	for i := range 5 {
		for _, name := range []string{"story", "other"} {
			stack := &v1alpha1.FountainStack{}
			if err := b.read(stack, name); err != nil {
				t.Fatal(err)
			}
			patch := client.MergeFrom(stack.DeepCopy())
			stack.SetAnnotations(map[string]string{"look": fmt.Sprint(i)})
			if err := b.Patch(t.Context(), stack, patch); err != nil {
				t.Fatal(err)
			}
		}
		time.Sleep(100 * time.Millisecond)
	}
	b.stop()
	b.start() // a new operator finds everything as it should be
	time.Sleep(time.Second)
	if writes := b.writes.Load() - before; writes != 0 {
		t.Errorf("%d writes at rest, want none", writes)
	}
}

func TestDriftIsCorrectedAndForeignFieldsStay(t *testing.T) {
	b := newBench(t)
	b.settled("story", v1alpha1.FountainStackSpec{})
	service, set := &corev1.Service{}, &appsv1.StatefulSet{}
	if err := errors.Join(b.read(service, "story-character"), b.read(set, "story-character")); err != nil {
		t.Fatal(err)
	}
	service.Annotations["konghq.com/plugins"] = "none"
	service.Annotations["somebody.else/note"] = "mine"
	set.Spec.Template.Spec.Containers[0].Image = "evil:1"
	set.Spec.Template.Spec.Containers[0].Env = append(set.Spec.Template.Spec.Containers[0].Env, corev1.EnvVar{Name: "THEIRS", Value: "stays"})
	if err := errors.Join(b.Update(t.Context(), service), b.Update(t.Context(), set)); err != nil {
		t.Fatal(err)
	}
	if err := b.DeleteAllOf(t.Context(), &networkingv1.NetworkPolicy{}, client.InNamespace(b.namespace)); err != nil {
		t.Fatal(err)
	}
	b.eventually(func() string {
		policy := &networkingv1.NetworkPolicy{}
		if err := errors.Join(b.read(service, "story-character"), b.read(set, "story-character"), b.read(policy, "story-character")); err != nil {
			return err.Error()
		}
		container := set.Spec.Template.Spec.Containers[0]
		if service.Annotations["konghq.com/plugins"] == "none" || container.Image == "evil:1" {
			return "drift is not corrected"
		}
		return ""
	})
	if service.Annotations["somebody.else/note"] != "mine" {
		t.Error("an annotation of somebody else is gone")
	}
	if !slices.ContainsFunc(set.Spec.Template.Spec.Containers[0].Env, func(v corev1.EnvVar) bool { return v.Name == "THEIRS" }) {
		t.Error("a variable of somebody else is gone")
	}
}

func TestWhatIsNoLongerWantedIsPruned(t *testing.T) {
	b := newBench(t)
	stack := b.settled("story", v1alpha1.FountainStackSpec{Backup: &v1alpha1.Backup{}})
	keys := b.objects("story")["Secret story-key-writer"].Object["data"]
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Gateway.Mode = "dbless"; spec.Backup = nil })
	b.eventually(func() string {
		var ingresses networkingv1.IngressList
		if err := b.List(t.Context(), &ingresses, client.InNamespace(b.namespace)); err != nil || len(ingresses.Items) > 0 {
			return fmt.Sprintf("%d Ingresses are left: %v", len(ingresses.Items), err)
		}
		return ""
	})
	b.eventually(func() string { b.run("story"); return b.condition("story", "Ready", "True", "Ready")() })
	objects := b.objects("story")
	if fmt.Sprint(objects["Secret story-key-writer"].Object["data"]) != fmt.Sprint(keys) {
		t.Error("the key has changed")
	}
	if err := b.read(&corev1.PersistentVolumeClaim{}, "story-backup"); err != nil {
		t.Errorf("the backups are not retained: %v", err)
	}
	if objects["Deployment story-gateway"] == nil || objects["CronJob story-backup"] != nil {
		t.Errorf("the stack is made of %v", slices.Sorted(maps.Keys(objects)))
	}
}

func (b *bench) change(stack *v1alpha1.FountainStack, change func(*v1alpha1.FountainStackSpec)) {
	b.Helper()
	b.eventually(func() string {
		if err := b.read(stack, stack.Name); err != nil {
			return err.Error()
		}
		change(&stack.Spec)
		if err := b.Update(b.Context(), stack); err != nil {
			return err.Error()
		}
		return ""
	})
}

// images returns how many services have the tag.
func (b *bench) images(name, tag string) int {
	var sets appsv1.StatefulSetList
	if err := b.List(b.Context(), &sets, client.InNamespace(b.namespace), client.MatchingLabels{"app.kubernetes.io/instance": name}); err != nil {
		b.Fatal(err)
	}
	n := 0
	for _, set := range sets.Items {
		if strings.HasSuffix(set.Spec.Template.Spec.Containers[0].Image, ":"+tag) {
			n++
		}
	}
	return n
}

func TestAnUpgradeTakesOneServiceAfterTheOther(t *testing.T) {
	b := newBench(t)
	stack := b.settled("story", v1alpha1.FountainStackSpec{})
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Version = "2.0.0" })
	for done := 1; done <= 5; done++ {
		b.eventually(func() string {
			if n := b.images("story", "2.0.0"); n != done {
				return fmt.Sprintf("%d services have the new version, want %d", n, done)
			}
			return ""
		})
		time.Sleep(200 * time.Millisecond)
		if n := b.images("story", "2.0.0"); n != done {
			t.Fatalf("%d services have the new version while the one before is not ready, want %d", n, done)
		}
		// Only the one whose turn it is becomes ready.
		var others []string
		for i, service := range charts.Services {
			if i != done-1 {
				others = append(others, "story-"+service)
			}
		}
		b.run("story", others...)
	}
	b.eventually(b.condition("story", "Ready", "True", "Ready"))
	if err := b.read(stack, "story"); err != nil || stack.Status.Version != "2.0.0" {
		t.Errorf("version %q: %v", stack.Status.Version, err)
	}
}

func TestAnUpgradeThatFailsGoesNoFurther(t *testing.T) {
	b := newBench(t)
	stack := b.settled("story", v1alpha1.FountainStackSpec{})
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Version = "broken" })
	b.eventually(func() string {
		if n := b.images("story", "broken"); n != 1 {
			return fmt.Sprintf("%d services have the new version, want one", n)
		}
		return ""
	})
	b.pod("story", "centralsequence", corev1.ContainerStatus{Image: "fountainai/centralsequence:broken",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: "ImagePullBackOff", Message: "not found"}}})
	b.eventually(b.condition("story", "Degraded", "True", v1alpha1.ReasonImage))
	if err := b.read(stack, "story"); err != nil {
		t.Fatal(err)
	}
	degraded := meta.FindStatusCondition(stack.Status.Conditions, "Degraded").Message
	for _, want := range []string{"fountainai/centralsequence:broken", "spec.version", "story-character"} {
		if !strings.Contains(degraded, want) {
			t.Errorf("the message %q does not say %q", degraded, want)
		}
	}
	if n := b.images("story", "broken"); n != 1 {
		t.Errorf("%d services have the broken version, want one", n)
	}
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Version = "1.0.0" })
	b.eventually(func() string { b.run("story"); return b.condition("story", "Ready", "True", "Ready")() })
}

// pod makes the pod of a service, with the state that a kubelet would give it.
func (b *bench) pod(stack, service string, state corev1.ContainerStatus) {
	b.Helper()
	set := &appsv1.StatefulSet{}
	if err := b.read(set, stack+"-"+service); err != nil {
		b.Fatal(err)
	}
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: set.Name + "-0", Labels: set.Spec.Template.Labels}, Spec: set.Spec.Template.Spec}
	if err := b.Create(b.Context(), pod); err != nil {
		b.Fatal(err)
	}
	state.Name = service
	pod.Status.Phase = corev1.PodPending
	pod.Status.ContainerStatuses = []corev1.ContainerStatus{state}
	if err := b.Status().Update(b.Context(), pod); err != nil {
		b.Fatal(err)
	}
}

func TestDeletionHonoursRetention(t *testing.T) {
	b := newBench(t)
	b.settled("kept", v1alpha1.FountainStackSpec{})
	b.settled("gone", v1alpha1.FountainStackSpec{Storage: v1alpha1.Storage{Retain: "Delete"}})
	for _, name := range []string{"kept", "gone"} {
		if err := b.Delete(t.Context(), &v1alpha1.FountainStack{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: name}}); err != nil {
			t.Fatal(err)
		}
	}
	b.eventually(func() string {
		var sets appsv1.StatefulSetList
		var stacks v1alpha1.FountainStackList
		if err := errors.Join(b.List(t.Context(), &sets, client.InNamespace(b.namespace)), b.List(t.Context(), &stacks, client.InNamespace(b.namespace))); err != nil {
			return err.Error()
		}
		if len(sets.Items)+len(stacks.Items) > 0 {
			return fmt.Sprintf("%d StatefulSets and %d stacks are left", len(sets.Items), len(stacks.Items))
		}
		return ""
	})
	var claims corev1.PersistentVolumeClaimList
	if err := b.List(t.Context(), &claims, client.InNamespace(b.namespace)); err != nil {
		t.Fatal(err)
	}
	for _, claim := range claims.Items {
		deleted := claim.DeletionTimestamp != nil
		if want := strings.HasPrefix(claim.Name, "gone-"); deleted != want {
			t.Errorf("%s is deleted: %v, want %v", claim.Name, deleted, want)
		}
	}
	uid := ""
	for _, claim := range claims.Items {
		if claim.Name == "kept-character-data" {
			uid = string(claim.UID)
		}
	}
	b.settled("kept", v1alpha1.FountainStackSpec{})
	if got := b.objects("kept")["PersistentVolumeClaim kept-character-data"]; string(got.GetUID()) != uid {
		t.Error("a new stack of the same name has not taken up the volume")
	}
}

func TestSuspendedStacksAreLeftAlone(t *testing.T) {
	b := newBench(t)
	stack := b.settled("story", v1alpha1.FountainStackSpec{})
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Suspend = true; spec.Version = "3.0.0" })
	b.eventually(b.condition("story", "Progressing", "False", v1alpha1.ReasonSuspended))
	if n := b.images("story", "3.0.0"); n != 0 {
		t.Errorf("%d services were upgraded", n)
	}
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Suspend = false })
	b.eventually(func() string { b.run("story"); return b.condition("story", "Ready", "True", "Ready")() })
}

// TestTheOperatorIsKilledAnywhere cuts it off after each number of writes,
// starts another, and looks for what should not be there.
func TestTheOperatorIsKilledAnywhere(t *testing.T) {
	b := newBench(t)
	for n := range 12 {
		name := fmt.Sprintf("s%d", n)
		b.failAfter.Store(b.writes.Load() + int64(n*6))
		b.stack(name, v1alpha1.FountainStackSpec{Backup: &v1alpha1.Backup{Retain: "Delete"}})
		time.Sleep(150 * time.Millisecond)
		b.stop()
		b.failAfter.Store(-1)
		b.start()
		b.eventually(func() string { b.run(name); return b.condition(name, "Ready", "True", "Ready")() })
		objects := len(b.objects(name))
		b.failAfter.Store(b.writes.Load() + int64(n*6))
		if err := b.Delete(t.Context(), &v1alpha1.FountainStack{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: name}}); err != nil {
			t.Fatal(err)
		}
		time.Sleep(150 * time.Millisecond)
		b.stop()
		b.failAfter.Store(-1)
		b.start()
		b.eventually(func() string { return b.left(name) })
		if objects < 60 {
			t.Errorf("the stack was made of %d objects, want 60 or more", objects)
		}
	}
}

// left names what is left of a deleted stack, but its retained volumes.
func (b *bench) left(name string) string {
	var left []string
	for _, kind := range []string{"ServiceAccount", "Secret", "Service", "ConfigMap"} {
		left = append(left, b.labelled("v1", kind, name)...)
	}
	left = append(left, b.labelled("apps/v1", "StatefulSet", name)...)
	left = append(left, b.labelled("networking.k8s.io/v1", "Ingress", name)...)
	left = append(left, b.labelled("networking.k8s.io/v1", "NetworkPolicy", name)...)
	left = append(left, b.labelled("configuration.konghq.com/v1", "KongPlugin", name)...)
	left = append(left, b.labelled("batch/v1", "CronJob", name)...)
	return strings.Join(left, ", ")
}

func (b *bench) labelled(apiVersion, kind, name string) []string {
	found := &unstructured.UnstructuredList{}
	found.SetAPIVersion(apiVersion)
	found.SetKind(kind + "List")
	if err := b.List(b.Context(), found, client.InNamespace(b.namespace), client.MatchingLabels{"app.kubernetes.io/instance": name}); err != nil {
		return []string{err.Error()}
	}
	var names []string
	for _, item := range found.Items {
		names = append(names, kind+" "+item.GetName())
	}
	return names
}

func TestOthersObjectsAreNotTaken(t *testing.T) {
	b := newBench(t)
	theirs := &corev1.Service{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: "story-character",
		Annotations: map[string]string{"meta.helm.sh/release-name": "story"}}, Spec: corev1.ServiceSpec{Ports: []corev1.ServicePort{{Port: 1}}}}
	if err := b.Create(t.Context(), theirs); err != nil {
		t.Fatal(err)
	}
	b.stack("story", v1alpha1.FountainStackSpec{})
	b.eventually(b.condition("story", "Degraded", "True", v1alpha1.ReasonRefused))
	if err := b.read(theirs, "story-character"); err != nil || theirs.Spec.Ports[0].Port != 1 {
		t.Errorf("the Service of the Helm release was changed: %v, %v", theirs.Spec.Ports, err)
	}
}

func TestMissingSecretsAreNamed(t *testing.T) {
	b := newBench(t)
	b.stack("story", v1alpha1.FountainStackSpec{Gateway: v1alpha1.Gateway{Keys: v1alpha1.Keys{Writer: &corev1.LocalObjectReference{Name: "mine"}}}})
	b.run("story")
	b.eventually(b.condition("story", "Degraded", "True", v1alpha1.ReasonSecretMissing))
}

// TestAKeyOfBothIsRefused: a Secret that is named for the writer and the reader.
func TestAKeyOfBothIsRefused(t *testing.T) {
	b := newBench(t)
	b.stack("story", v1alpha1.FountainStackSpec{Gateway: v1alpha1.Gateway{Keys: v1alpha1.Keys{AdditionalWriters: secretsNamed("ab"), AdditionalReaders: secretsNamed("b")}}})
	b.eventually(func() string {
		stack := &v1alpha1.FountainStack{}
		if err := b.read(stack, "story"); err != nil {
			return err.Error()
		}
		for _, condition := range stack.Status.Conditions {
			if strings.Contains(condition.Message, "the Secret b is named for the writer and for the reader") {
				return ""
			}
		}
		return fmt.Sprintf("nobody says so: %v", stack.Status.Conditions)
	})
}

// secretsNamed are references to Secrets with names of one letter.
func secretsNamed(letters string) []corev1.LocalObjectReference {
	var list []corev1.LocalObjectReference
	for _, letter := range letters {
		list = append(list, corev1.LocalObjectReference{Name: string(letter)})
	}
	return list
}

func TestTheAPIServerRefusesMistakes(t *testing.T) {
	b := newBench(t)
	stack := func(change func(*v1alpha1.FountainStack)) *v1alpha1.FountainStack {
		s := &v1alpha1.FountainStack{ObjectMeta: metav1.ObjectMeta{Namespace: b.namespace, Name: "story"}, Spec: v1alpha1.FountainStackSpec{Domain: "example.org"}}
		change(s)
		return s
	}
	replicas := int32(2)
	for _, test := range []struct {
		want   string
		change func(*v1alpha1.FountainStack)
	}{
		{"at most 35 characters", func(s *v1alpha1.FountainStack) { s.Name = strings.Repeat("a", 36) }},
		{"begins with a letter", func(s *v1alpha1.FountainStack) { s.Name = "1story" }},
		{"spec.domain", func(s *v1alpha1.FountainStack) { s.Spec.Domain = "Example_org" }},
		{"spec.gateway.mode", func(s *v1alpha1.FountainStack) { s.Spec.Gateway.Mode = "nginx" }},
		{"replicas are for the mode dbless", func(s *v1alpha1.FountainStack) { s.Spec.Gateway.Replicas = &replicas }},
		{"either a Secret", func(s *v1alpha1.FountainStack) { s.Spec.Gateway.TLS = &v1alpha1.TLS{} }},
		{"name a repository", func(s *v1alpha1.FountainStack) {
			s.Spec.Services.Character = &v1alpha1.Service{Image: &v1alpha1.Image{}}
		}},
		{"spec.storage.retain", func(s *v1alpha1.FountainStack) { s.Spec.Storage.Retain = "Keep" }},
		{"spec.backup.schedule", func(s *v1alpha1.FountainStack) { s.Spec.Backup = &v1alpha1.Backup{Schedule: "daily"} }},
		{"spec.images.registry", func(s *v1alpha1.FountainStack) { s.Spec.Images.Registry = "https://registry.example.org" }},
		{"name a Secret with the key of the model", func(s *v1alpha1.FountainStack) { s.Spec.Orchestrator = &v1alpha1.Orchestrator{} }},
		{"either a claim that holds backups", func(s *v1alpha1.FountainStack) { s.Spec.Restore = &v1alpha1.Restore{} }},
		{"leave replica out while you restore", func(s *v1alpha1.FountainStack) {
			s.Spec.Restore, s.Spec.Replica = &v1alpha1.Restore{ClaimName: "copies"}, &v1alpha1.Replica{URL: "s3://copies"}
		}},
		{"SFTP needs credentials", func(s *v1alpha1.FountainStack) { s.Spec.Replica = &v1alpha1.Replica{URL: "sftp://me@host/path"} }},
		{"spec.replica.url", func(s *v1alpha1.FountainStack) { s.Spec.Replica = &v1alpha1.Replica{URL: "s3://id:secret@copies"} }},
		{"spec.version", func(s *v1alpha1.FountainStack) { s.Spec.Version = "a b" }},
		{"at most 8 items", func(s *v1alpha1.FountainStack) { s.Spec.Gateway.Keys.AdditionalWriters = secretsNamed("abcdefghi") }},
		{"additionalReaders[1]: Duplicate", func(s *v1alpha1.FountainStack) { s.Spec.Gateway.Keys.AdditionalReaders = secretsNamed("aa") }},
		{"give each additional Secret a name", func(s *v1alpha1.FountainStack) {
			s.Spec.Gateway.Keys.AdditionalReaders = []corev1.LocalObjectReference{{}}
		}},
	} {
		err := b.Create(t.Context(), stack(test.change), client.DryRunAll)
		if err == nil || !strings.Contains(err.Error(), test.want) {
			t.Errorf("got %v, want %q", err, test.want)
		}
	}
	made := b.settled("story", v1alpha1.FountainStackSpec{Storage: v1alpha1.Storage{Size: quantity("3Gi")}})
	for want, change := range map[string]func(*v1alpha1.Storage){
		"cannot shrink":     func(s *v1alpha1.Storage) { s.Size = quantity("1Gi") },
		"cannot be changed": func(s *v1alpha1.Storage) { s.ClassName = "other" },
	} {
		b.eventually(func() string { // the operator writes its status at the same time
			if err := b.read(made, "story"); err != nil {
				return err.Error()
			}
			change(&made.Spec.Storage)
			if err := b.Update(t.Context(), made, client.DryRunAll); err == nil || !strings.Contains(err.Error(), want) {
				return fmt.Sprintf("got %v, want %q", err, want)
			}
			return ""
		})
	}
}
