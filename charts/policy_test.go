// What holds for every pod and Secret of the charts, whatever the values. No
// cluster is needed.
package charts_test

import (
	"slices"
	"strings"
	"testing"

	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/labels"
	"k8s.io/apimachinery/pkg/runtime"

	"fountain.coach/fountainai/charts"
)

// as converts an object to its Go type.
func as[T any](t testing.TB, object *unstructured.Unstructured) *T {
	t.Helper()
	var typed T
	if err := runtime.DefaultUnstructuredConverter.FromUnstructured(object.Object, &typed); err != nil {
		t.Fatal(err)
	}
	return &typed
}

// templates returns the pods of the objects by the name of what makes them.
func templates(t testing.TB, objects []*unstructured.Unstructured) map[string]corev1.PodTemplateSpec {
	t.Helper()
	result := map[string]corev1.PodTemplateSpec{}
	for _, object := range objects {
		switch name := object.GetName(); object.GetKind() {
		case "StatefulSet":
			result[name] = as[appsv1.StatefulSet](t, object).Spec.Template
		case "Deployment":
			result[name] = as[appsv1.Deployment](t, object).Spec.Template
		case "CronJob":
			result[name] = as[batchv1.CronJob](t, object).Spec.JobTemplate.Spec.Template
		case "Pod":
			pod := as[corev1.Pod](t, object)
			result[name] = corev1.PodTemplateSpec{ObjectMeta: pod.ObjectMeta, Spec: pod.Spec}
		}
	}
	return result
}

func TestEveryPodIsConfined(t *testing.T) {
	for set, values := range stackValues {
		for name, pod := range templates(t, render(t, charts.Umbrella, parse(t, values))) {
			where := set + ", " + name
			if automount := pod.Spec.AutomountServiceAccountToken; automount == nil || *automount {
				t.Errorf("%s: the ServiceAccount's token is mounted", where)
			}
			for _, container := range append(pod.Spec.InitContainers, pod.Spec.Containers...) {
				security := container.SecurityContext
				if security == nil || security.ReadOnlyRootFilesystem == nil || !*security.ReadOnlyRootFilesystem {
					t.Errorf("%s: %s may write to its root file system", where, container.Name)
				}
				if container.Resources.Limits.Memory().IsZero() || container.Resources.Requests.Cpu().IsZero() {
					t.Errorf("%s: %s has no memory limit or asks for no CPU", where, container.Name)
				}
				if _, tag, found := strings.Cut(container.Image[strings.LastIndexByte(container.Image, '/')+1:], ":"); !found || tag == "latest" {
					t.Errorf("%s: the image %s has no fixed version", where, container.Image)
				}
				for _, variable := range container.Env {
					if strings.Contains(variable.Name, "TOKEN") || strings.Contains(variable.Name, "SECRET") || strings.Contains(variable.Name, "KEY") {
						if variable.Value != "" {
							t.Errorf("%s: %s holds %s in clear", where, container.Name, variable.Name)
						}
					}
				}
			}
		}
	}
}

func TestNoKeyStandsOutsideASecret(t *testing.T) {
	for set, values := range stackValues {
		objects := render(t, charts.Umbrella, parse(t, values))
		var keys []string
		for _, object := range objects {
			data, _, _ := unstructured.NestedStringMap(object.Object, "data")
			for _, field := range []string{"key", "token"} {
				if object.GetKind() == "Secret" && data[field] != "" {
					keys = append(keys, base64Text(t, data[field]))
				}
			}
		}
		for _, object := range objects {
			text := asJSON(t, object.Object)
			if object.GetKind() != "Secret" && slices.ContainsFunc(keys, func(key string) bool { return strings.Contains(text, key) }) {
				t.Errorf("%s: %s %s holds a key", set, object.GetKind(), object.GetName())
			}
		}
	}
}

// TestTheAdminAPIIsOff: it could change every lock of the gateway.
func TestTheAdminAPIIsOff(t *testing.T) {
	objects := render(t, charts.Umbrella, parse(t, `{global: {gateway: {mode: dbless}}}`))
	container := templates(t, objects)["fountainai-gateway"].Spec.Containers[0]
	settings := map[string]string{}
	for _, variable := range container.Env {
		settings[variable.Name] = variable.Value
	}
	for _, name := range []string{"KONG_ADMIN_LISTEN", "KONG_ADMIN_GUI_LISTEN"} {
		if settings[name] != "off" {
			t.Errorf("%s is %q", name, settings[name])
		}
	}
	for _, port := range as[corev1.Service](t, find(t, objects, "Service", "fountainai-gateway")).Spec.Ports {
		if port.Name != "http" && port.Name != "https" {
			t.Errorf("the Service has the port %s", port.Name)
		}
	}
}

// TestSelectorsFindTheirPods: a Service, a budget and a policy find one pod
// each, and not the backup's or the test's.
func TestSelectorsFindTheirPods(t *testing.T) {
	objects := render(t, charts.Umbrella, parse(t, `{global: {gateway: {mode: dbless}, backup: {enabled: true}}, orchestrator: {enabled: true, existingSecret: model, replicas: 2}}`))
	pods := templates(t, objects)
	checked := 0
	for _, object := range objects {
		path := map[string][]string{"Service": {"spec", "selector"}, "PodDisruptionBudget": {"spec", "selector", "matchLabels"},
			"NetworkPolicy": {"spec", "podSelector", "matchLabels"}}[object.GetKind()]
		if path == nil {
			continue
		}
		selector, _, _ := unstructured.NestedStringMap(object.Object, path...)
		var found []string
		for name, pod := range pods {
			if labels.SelectorFromSet(selector).Matches(labels.Set(pod.Labels)) {
				found = append(found, name)
			}
		}
		if !slices.Equal(found, []string{object.GetName()}) {
			t.Errorf("%s %s finds the pods of %v", object.GetKind(), object.GetName(), found)
		}
		checked++
	}
	if checked != 7+7+8 {
		t.Errorf("%d selectors were looked at, want 7 of Services, 7 of budgets and 8 of policies", checked)
	}
}
