// Admission webhooks change what the operator applies, and forbid what it does.
package main

import (
	"encoding/json"
	"encoding/pem"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	admissionv1 "k8s.io/api/admission/v1"
	admissionregistrationv1 "k8s.io/api/admissionregistration/v1"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"fountain.coach/fountainai/operator/api/v1alpha1"
)

// webhook lets answer have a say in operations on a resource of the bench's
// namespace, until the function that it returns is called.
func (b *bench) webhook(operation admissionregistrationv1.OperationType, group, resource string, answer func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse) (remove func()) {
	b.Helper()
	server := httptest.NewTLSServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		var review admissionv1.AdmissionReview
		if err := json.NewDecoder(r.Body).Decode(&review); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		review.Response = answer(review.Request)
		review.Response.UID = review.Request.UID
		_ = json.NewEncoder(w).Encode(review)
	}))
	authority := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	none, wait := admissionregistrationv1.SideEffectClassNone, int32(10)
	hook := &admissionregistrationv1.MutatingWebhookConfiguration{ObjectMeta: metav1.ObjectMeta{Name: b.namespace}, Webhooks: []admissionregistrationv1.MutatingWebhook{{
		Name: "test.example.org", SideEffects: &none, TimeoutSeconds: &wait, AdmissionReviewVersions: []string{"v1"},
		ClientConfig:      admissionregistrationv1.WebhookClientConfig{URL: &server.URL, CABundle: authority},
		NamespaceSelector: &metav1.LabelSelector{MatchLabels: map[string]string{"kubernetes.io/metadata.name": b.namespace}},
		Rules: []admissionregistrationv1.RuleWithOperations{{Operations: []admissionregistrationv1.OperationType{operation},
			Rule: admissionregistrationv1.Rule{APIGroups: []string{group}, APIVersions: []string{"*"}, Resources: []string{resource}}}},
	}}}
	if err := b.Create(b.Context(), hook); err != nil {
		b.Fatal(err)
	}
	return func() {
		_ = b.Client.Delete(b.TB.Context(), hook)
		server.Close()
	}
}

// TestAWebhookHasTheLastWord: it takes the images from a mirror. The upgrade
// goes through all services nevertheless, and then nobody writes.
func TestAWebhookHasTheLastWord(t *testing.T) {
	b := newBench(t)
	mirror := func(request *admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		var set appsv1.StatefulSet
		if err := json.Unmarshal(request.Object.Raw, &set); err != nil {
			return &admissionv1.AdmissionResponse{Result: &metav1.Status{Message: err.Error()}}
		}
		image := set.Spec.Template.Spec.Containers[0].Image
		patch := fmt.Sprintf(`[{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"mirror.example/%s"}]`, strings.TrimPrefix(image, "mirror.example/"))
		kind := admissionv1.PatchTypeJSONPatch
		return &admissionv1.AdmissionResponse{Allowed: true, Patch: []byte(patch), PatchType: &kind}
	}
	defer b.webhook("*", "apps", "statefulsets", mirror)()
	stack := b.settled("story", v1alpha1.FountainStackSpec{})
	b.change(stack, func(spec *v1alpha1.FountainStackSpec) { spec.Version = "2.0.0" })
	b.eventually(func() string {
		b.run("story")
		if n := b.images("story", "2.0.0"); n != 5 {
			return fmt.Sprintf("%d services have the new version, want all", n)
		}
		return b.condition("story", "Ready", "True", "Ready")()
	})
	set := &appsv1.StatefulSet{}
	if err := b.read(set, "story-character"); err != nil || !strings.HasPrefix(set.Spec.Template.Spec.Containers[0].Image, "mirror.example/") {
		t.Errorf("the webhook had no say: %v, %v", set.Spec.Template.Spec.Containers[0].Image, err)
	}
	if writes := b.rounds("story"); len(writes) != 0 {
		t.Errorf("writes at rest: %v", writes)
	}
}

// TestADeletionThatIsStuckIsTold: in the status, with the reason; what may go
// goes, and all does when nothing forbids it any more.
func TestADeletionThatIsStuckIsTold(t *testing.T) {
	b := newBench(t)
	stack := b.settled("story", v1alpha1.FountainStackSpec{})
	allow := b.webhook("DELETE", "", "serviceaccounts", func(*admissionv1.AdmissionRequest) *admissionv1.AdmissionResponse {
		return &admissionv1.AdmissionResponse{Result: &metav1.Status{Message: "not on a Friday"}}
	})
	b.eventually(func() string { // a webhook is not asked at once
		err := b.Delete(t.Context(), &corev1.ServiceAccount{ObjectMeta: b.meta("story-character")})
		if err == nil || !strings.Contains(err.Error(), "Friday") {
			return fmt.Sprintf("the webhook is not asked: %v", err)
		}
		return ""
	})
	if err := b.Delete(t.Context(), stack); err != nil {
		t.Fatal(err)
	}
	b.eventually(func() string {
		if err := b.read(stack, "story"); err != nil {
			t.Fatal(err)
		}
		told := meta.FindStatusCondition(stack.Status.Conditions, "Degraded")
		if told == nil || told.Reason != v1alpha1.ReasonDeleting || !strings.Contains(told.Message, "not on a Friday") {
			return fmt.Sprintf("the status says %+v", told)
		}
		if left := b.labelled("apps/v1", "StatefulSet", "story"); len(left) > 0 {
			return fmt.Sprintf("%v are left", left)
		}
		return ""
	})
	allow()
	b.eventually(func() string {
		if err := b.read(stack, "story"); !apierrors.IsNotFound(err) {
			return fmt.Sprintf("the stack is still there: %v", err)
		}
		return b.left("story")
	})
}
