package controller

import (
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
