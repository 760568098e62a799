package controller

import (
	"errors"
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"fountain.coach/fountainai/charts"
	"fountain.coach/fountainai/operator/api/v1alpha1"
)

// waiting is a container that a kubelet cannot start.
func waiting(reason, message string) corev1.ContainerStatus {
	return corev1.ContainerStatus{Name: "character", Image: "fountainai/character:9",
		State: corev1.ContainerState{Waiting: &corev1.ContainerStateWaiting{Reason: reason, Message: message}}}
}

// TestPodsTellWhatIsWrong: what kubelet and scheduler say, and what a person reads.
func TestPodsTellWhatIsWrong(t *testing.T) {
	crashed := waiting("CrashLoopBackOff", "back-off")
	crashed.LastTerminationState.Terminated = &corev1.ContainerStateTerminated{ExitCode: 2, Reason: "Error"}
	unscheduled := []corev1.PodCondition{{Type: corev1.PodScheduled, Status: corev1.ConditionFalse, Message: "0/3 nodes are available"}}
	for _, test := range []struct {
		name       string
		status     corev1.PodStatus
		claim      corev1.PersistentVolumeClaimPhase
		reason     string
		says, asks string // what is wrong, and what to do
	}{
		{"the image is not there", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("ImagePullBackOff", "not found")}}, corev1.ClaimBound,
			v1alpha1.ReasonImage, "fountainai/character:9", "spec.images.pullSecrets"},
		{"the first try to pull", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("ErrImagePull", "")}}, corev1.ClaimBound,
			v1alpha1.ReasonImage, "ErrImagePull", "spec.version"},
		{"it crashes", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{crashed}}, corev1.ClaimBound,
			v1alpha1.ReasonCrashing, "exit code 2", "--previous"},
		{"restoring fails", corev1.PodStatus{InitContainerStatuses: []corev1.ContainerStatus{crashed}}, corev1.ClaimBound,
			v1alpha1.ReasonCrashing, "ends again and again", "logs"},
		{"a Secret is missing", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("CreateContainerConfigError", `secret "s" not found`)}}, corev1.ClaimBound,
			v1alpha1.ReasonSecretMissing, `secret "s" not found`, ""},
		{"no volume", corev1.PodStatus{Conditions: unscheduled}, corev1.ClaimPending,
			v1alpha1.ReasonVolume, "story-character-data", "StorageClass"},
		{"no room", corev1.PodStatus{Conditions: unscheduled}, corev1.ClaimBound,
			v1alpha1.ReasonUnschedulable, "0/3 nodes", ""},
		{"it starts", corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("ContainerCreating", "")}}, corev1.ClaimBound, "", "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			pod := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "story-character-0", Labels: map[string]string{labelName: "character"}}, Status: test.status}
			pod.Spec.Volumes = []corev1.Volume{{VolumeSource: corev1.VolumeSource{PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "story-character-data"}}}}
			seen := &scene{pods: []corev1.Pod{pod}, claims: []corev1.PersistentVolumeClaim{{
				ObjectMeta: metav1.ObjectMeta{Name: "story-character-data"}, Status: corev1.PersistentVolumeClaimStatus{Phase: test.claim}}}}
			got := seen.pod("character")
			if test.reason == "" {
				if got != nil {
					t.Errorf("got %+v, want nothing", *got)
				}
				return
			}
			if got == nil || got.reason != test.reason || !got.grave || !strings.Contains(got.message, test.says) || !strings.Contains(got.message, test.asks) {
				t.Errorf("got %+v, want %s with %q and %q", got, test.reason, test.says, test.asks)
			}
			if other := seen.pod("storyfactory"); other != nil {
				t.Errorf("another service is blamed: %+v", *other)
			}
		})
	}
}

// TestAStackTellsWhatIsWrong: what a person reads of a stack, by what is there.
func TestAStackTellsWhatIsWrong(t *testing.T) {
	whole := func() *scene {
		seen := &scene{front: map[string]*appsv1.Deployment{}, ingresses: []networkingv1.Ingress{{ObjectMeta: metav1.ObjectMeta{Name: "story-character"},
			Status: networkingv1.IngressStatus{LoadBalancer: networkingv1.IngressLoadBalancerStatus{Ingress: []networkingv1.IngressLoadBalancerIngress{{IP: "198.51.100.7"}}}}}}}
		for _, name := range charts.Services {
			seen.sets = append(seen.sets, appsv1.StatefulSet{ObjectMeta: metav1.ObjectMeta{Name: "story-" + name},
				Status: appsv1.StatefulSetStatus{ReadyReplicas: 1, UpdatedReplicas: 1}})
		}
		return seen
	}
	crashing := corev1.Pod{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "story-gateway-1", Labels: map[string]string{labelName: "gateway"}},
		Status: corev1.PodStatus{ContainerStatuses: []corev1.ContainerStatus{waiting("CrashLoopBackOff", "")}}}
	for _, test := range []struct {
		name        string
		change      func(*scene)
		work        work
		err         error
		ready       metav1.ConditionStatus
		progressing metav1.ConditionStatus
		degraded    metav1.ConditionStatus
		reason      string // of Ready
		says        string
	}{
		{"all is well", func(*scene) {}, work{}, nil, "True", "False", "False", v1alpha1.ReasonReady, "all services are ready"},
		{"no address", func(s *scene) { s.ingresses[0].Status = networkingv1.IngressStatus{} }, work{}, nil, "False", "True", "False", v1alpha1.ReasonNoAddress, "Kong Ingress Controller runs (namespace kong)"},
		{"a Secret is missing", func(s *scene) { s.missing = []string{"mine"} }, work{}, nil, "False", "False", "True", v1alpha1.ReasonSecretMissing, "no Secret mine"},
		{"a service is not there", func(s *scene) { s.sets = s.sets[1:] }, work{}, nil, "False", "True", "False", v1alpha1.ReasonApplying, "centralsequence: is not there yet"},
		{"a service starts", func(s *scene) { s.sets[2].Status.ReadyReplicas = 0 }, work{}, nil, "False", "True", "False", v1alpha1.ReasonWaiting, "scriptmanagement: its pod is not ready yet"},
		{"an old pod runs", func(s *scene) { s.sets[2].Status.UpdateRevision = "new" }, work{}, nil, "False", "True", "False", v1alpha1.ReasonWaiting, "scriptmanagement"},
		{"the gateway starts", func(s *scene) { s.front["gateway"] = &appsv1.Deployment{} }, work{}, nil, "False", "True", "False", v1alpha1.ReasonWaiting, "no pod of the gateway"},
		{"the gateway crashes", func(s *scene) { s.front["gateway"], s.pods = &appsv1.Deployment{}, []corev1.Pod{crashing} }, work{}, nil, "False", "False", "True", v1alpha1.ReasonCrashing, "kubectl -n n logs story-gateway-1"},
		{"the orchestrator does not reach the services", func(s *scene) { s.front["orchestrator"] = &appsv1.Deployment{} }, work{}, nil, "False", "True", "False", v1alpha1.ReasonWaiting, "orchestrator: no pod of the orchestrator is ready"},
		{"the orchestrator has no key", func(s *scene) {
			pod := crashing
			pod.Labels = map[string]string{labelName: "orchestrator"}
			pod.Status.ContainerStatuses = []corev1.ContainerStatus{waiting("CreateContainerConfigError", `couldn't find key OPENAI_API_KEY`)}
			s.front["orchestrator"], s.pods = &appsv1.Deployment{}, []corev1.Pod{pod}
		}, work{}, nil, "False", "False", "True", v1alpha1.ReasonSecretMissing, "orchestrator: its container cannot be made: couldn't find key OPENAI_API_KEY"},
		{"both are there", func(s *scene) {
			for _, name := range fronts {
				s.front[name] = &appsv1.Deployment{Status: appsv1.DeploymentStatus{AvailableReplicas: 1}}
			}
		}, work{}, nil, "True", "False", "False", v1alpha1.ReasonReady, "all services are ready"},
		{"an upgrade goes on", func(*scene) {}, work{rolling: "story-character", waiting: []string{"story-storyfactory"}}, nil, "False", "True", "False", v1alpha1.ReasonUpgrading, "story-character is being replaced; story-storyfactory wait"},
		{"an upgrade stops", func(s *scene) {
			s.sets[1].Status.ReadyReplicas = 0
			pod := crashing
			pod.Labels = map[string]string{labelName: "character"}
			s.pods = []corev1.Pod{pod}
		}, work{rolling: "story-character", waiting: []string{"story-storyfactory"}}, nil, "False", "False", "True", v1alpha1.ReasonCrashing, "story-storyfactory wait until story-character is ready; correct the spec, or go back"},
		{"a quota is used up", func(*scene) {}, work{}, apierrors.NewForbidden(schema.GroupResource{Resource: "services"}, "story-character", errors.New("exceeded quota")), "False", "False", "True", v1alpha1.ReasonRefused, "exceeded quota"},
		{"the API server is slow", func(*scene) {}, work{}, errors.New("timed out"), "False", "True", "False", v1alpha1.ReasonApplying, "not everything is applied yet"},
	} {
		t.Run(test.name, func(t *testing.T) {
			stack := &v1alpha1.FountainStack{ObjectMeta: metav1.ObjectMeta{Namespace: "n", Name: "story", Generation: 7}}
			stack.Spec.Gateway.ControllerNamespace = "kong"
			seen := whole()
			test.change(seen)
			describe(stack, seen, "1.0.0", slices.Concat(problemsOf(test.err), seen.problems(stack, test.work)), test.work)
			for kind, want := range map[string]metav1.ConditionStatus{v1alpha1.ConditionReady: test.ready, v1alpha1.ConditionProgressing: test.progressing, v1alpha1.ConditionDegraded: test.degraded} {
				got := meta.FindStatusCondition(stack.Status.Conditions, kind)
				if got.Status != want || got.ObservedGeneration != 7 {
					t.Errorf("%s is %+v, want %s", kind, *got, want)
				}
			}
			if got := meta.FindStatusCondition(stack.Status.Conditions, v1alpha1.ConditionReady); got.Reason != test.reason || !strings.Contains(got.Message, test.says) {
				t.Errorf("Ready because of %s: %q, want %s: %q", got.Reason, got.Message, test.reason, test.says)
			}
		})
	}
}

// TestNamedSecrets: what the user promised to bring is looked for, each once.
func TestNamedSecrets(t *testing.T) {
	of := func(name string) *corev1.LocalObjectReference { return &corev1.LocalObjectReference{Name: name} }
	spec := &v1alpha1.FountainStackSpec{Orchestrator: &v1alpha1.Orchestrator{BaseURL: "http://vllm.models:8000/v1"}}
	if got := named(spec); len(got) != 0 {
		t.Errorf("an endpoint without a key: %v", got)
	}
	spec.Orchestrator.KeySecret, spec.Orchestrator.CASecret = of("openai"), of("ca")
	spec.Gateway.Keys.Writer, spec.Gateway.Keys.Reader = of("keys"), of("keys")
	spec.Gateway.Keys.AdditionalWriters = []corev1.LocalObjectReference{{Name: "keys"}, {Name: "keys-2"}}
	spec.Gateway.Keys.AdditionalReaders = []corev1.LocalObjectReference{{Name: "reader-2"}}
	spec.Replica = &v1alpha1.Replica{Credentials: of("replica")}
	if got := named(spec); !slices.Equal(got, []string{"ca", "keys", "keys-2", "openai", "reader-2", "replica"}) {
		t.Errorf("got %v", got)
	}
}
