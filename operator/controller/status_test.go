package controller

import (
	"fmt"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

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

func TestContains(t *testing.T) {
	type fields = map[string]any
	for _, test := range []struct {
		name          string
		live, desired any
		want          bool
	}{
		{"the same", fields{"a": "b"}, fields{"a": "b"}, true},
		{"more than is wanted", fields{"a": "b", "c": "d"}, fields{"a": "b"}, true},
		{"another value", fields{"a": "x"}, fields{"a": "b"}, false},
		{"missing", fields{}, fields{"a": "b"}, false},
		{"nothing wanted, nothing there", fields{}, fields{"a": fields{}}, true},
		{"numbers of other types", fields{"a": int64(2)}, fields{"a": float64(2)}, true},
		{"another number", fields{"a": int64(2)}, fields{"a": int64(3)}, false},
		{"the same quantity", fields{"cpu": "1"}, fields{"cpu": "1000m"}, true},
		{"another quantity", fields{"cpu": "1"}, fields{"cpu": "1500m"}, false},
		{"false is the default", fields{}, fields{"a": false}, true},
		{"true is not", fields{}, fields{"a": true}, false},
		{"named items of others", []any{fields{"name": "a", "v": "1"}, fields{"name": "b"}}, []any{fields{"name": "a", "v": "1"}}, true},
		{"a named item changed", []any{fields{"name": "a", "v": "2"}}, []any{fields{"name": "a", "v": "1"}}, false},
		{"named items in another order", []any{fields{"name": "b"}, fields{"name": "a"}}, []any{fields{"name": "a"}, fields{"name": "b"}}, true},
		{"a plain list is whole", []any{"a", "b"}, []any{"a"}, false},
		{"a plain list in order", []any{"b", "a"}, []any{"a", "b"}, false},
	} {
		t.Run(test.name, func(t *testing.T) {
			if got := contains(test.live, test.desired); got != test.want {
				t.Errorf("contains(%v, %v) is %v, want %v", fmt.Sprint(test.live), fmt.Sprint(test.desired), got, test.want)
			}
		})
	}
}
