// What a stack is, in words for people and conditions for machines.
package controller

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/meta"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/charts"
	"fountain.coach/fountainai/operator/api/v1alpha1"
)

// problem is something that keeps a stack from being ready. What waiting will
// not mend is grave.
type problem struct {
	reason, message string
	grave           bool
}

// scene is what the operator sees of a stack in the cluster.
type scene struct {
	sets      []appsv1.StatefulSet
	front     map[string]*appsv1.Deployment // the gateway and the orchestrator, those that are there
	claims    []corev1.PersistentVolumeClaim
	ingresses []networkingv1.Ingress
	pods      []corev1.Pod
	missing   []string // Secrets that the spec names and that are not there
}

// fronts are the Deployments that stand before the services.
var fronts = []string{"gateway", "orchestrator"}

// observe fills in the status. err is what kept the operator from applying all.
func (r *Reconciler) observe(ctx context.Context, stack *v1alpha1.FountainStack, done work, err error) error {
	seen, failed := r.look(ctx, stack)
	if failed != nil {
		return failed
	}
	problems := slices.Concat(problemsOf(err), seen.problems(stack, done))
	describe(stack, seen, r.render.version, problems, done)
	return nil
}

// look reads what belongs to the stack from the cache.
func (r *Reconciler) look(ctx context.Context, stack *v1alpha1.FountainStack) (*scene, error) {
	seen := &scene{front: map[string]*appsv1.Deployment{}}
	var deployments []appsv1.Deployment
	err := errors.Join(
		list(ctx, r.client, stack, "apps/v1", "StatefulSet", &seen.sets),
		list(ctx, r.client, stack, "apps/v1", "Deployment", &deployments),
		list(ctx, r.client, stack, "v1", "PersistentVolumeClaim", &seen.claims),
		list(ctx, r.client, stack, "networking.k8s.io/v1", "Ingress", &seen.ingresses))
	if err != nil {
		return nil, err
	}
	for i := range deployments {
		for _, name := range fronts {
			if deployments[i].Name == stack.Name+"-"+name {
				seen.front[name] = &deployments[i]
			}
		}
	}
	var pods corev1.PodList
	if err := r.client.List(ctx, &pods, client.InNamespace(stack.Namespace), client.MatchingFields{stackIndex: stack.Name}); err != nil {
		return nil, err
	}
	seen.pods = pods.Items
	for _, name := range named(&stack.Spec) {
		secret := &metav1.PartialObjectMetadata{}
		secret.SetGroupVersionKind(corev1.SchemeGroupVersion.WithKind("Secret"))
		err := r.reader.Get(ctx, client.ObjectKey{Namespace: stack.Namespace, Name: name}, secret)
		if apierrors.IsNotFound(err) {
			seen.missing = append(seen.missing, name)
		} else if err != nil {
			return nil, err
		}
	}
	return seen, nil
}

// list reads the stack's objects of a kind into their Go type.
func list[T any](ctx context.Context, reader client.Reader, stack *v1alpha1.FountainStack, apiVersion, kind string, into *[]T) error {
	found := &unstructured.UnstructuredList{}
	found.SetAPIVersion(apiVersion)
	found.SetKind(kind + "List")
	if err := reader.List(ctx, found, client.InNamespace(stack.Namespace), client.MatchingFields{stackIndex: stack.Name}); err != nil {
		return err
	}
	for _, item := range found.Items {
		var typed T
		if err := runtime.DefaultUnstructuredConverter.FromUnstructured(item.Object, &typed); err != nil {
			return err
		}
		*into = append(*into, typed)
	}
	return nil
}

// named are the Secrets that the user promised to bring.
func named(spec *v1alpha1.FountainStackSpec) []string {
	var names []string
	for _, key := range []*corev1.LocalObjectReference{spec.Gateway.Keys.Writer, spec.Gateway.Keys.Reader} {
		if key != nil {
			names = append(names, key.Name)
		}
	}
	for _, key := range slices.Concat(spec.Gateway.Keys.AdditionalWriters, spec.Gateway.Keys.AdditionalReaders) {
		names = append(names, key.Name)
	}
	if tls := spec.Gateway.TLS; tls != nil && tls.SecretName != "" {
		names = append(names, tls.SecretName)
	}
	if spec.Database != nil {
		names = append(names, spec.Database.Secret.Name)
	}
	var stores []*v1alpha1.ObjectStore
	if spec.Backup != nil {
		stores = append(stores, spec.Backup.ObjectStore)
	}
	if spec.Restore != nil {
		stores = append(stores, spec.Restore.ObjectStore)
	}
	for _, store := range stores {
		if store != nil && store.Credentials != nil {
			names = append(names, store.Credentials.Name)
		}
	}
	if replica := spec.Replica; replica != nil && replica.Credentials != nil {
		names = append(names, replica.Credentials.Name)
	}
	if orchestrator := spec.Orchestrator; orchestrator != nil {
		for _, secret := range []*corev1.LocalObjectReference{orchestrator.KeySecret, orchestrator.CASecret} {
			if secret != nil {
				names = append(names, secret.Name)
			}
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// problemsOf tells what an error means and what to do about it.
func problemsOf(err error) []problem {
	switch {
	case err == nil:
		return nil
	case asRefusal(err) != nil:
		return []problem{{asRefusal(err).reason, err.Error(), true}}
	case lacksKind(err):
		return []problem{{v1alpha1.ReasonKindMissing, fmt.Sprintf("the cluster lacks a kind that the stack needs: %v. Install what brings it (the Kong Ingress Controller, cert-manager or the Prometheus operator), or choose spec.gateway.mode dbless, no issuer and no monitoring", err), true}}
	case permanent(err):
		return []problem{{v1alpha1.ReasonRefused, "the API server refuses: " + err.Error(), true}}
	}
	return []problem{{v1alpha1.ReasonApplying, "not everything is applied yet: " + err.Error(), false}}
}

// problems are what keeps the stack in the cluster from being ready.
func (s *scene) problems(stack *v1alpha1.FountainStack, done work) []problem {
	var all []problem
	for _, name := range s.missing {
		all = append(all, problem{v1alpha1.ReasonSecretMissing, fmt.Sprintf("there is no Secret %s, which the spec names; create it in the namespace %s", name, stack.Namespace), true})
	}
	for _, name := range charts.Services {
		if trouble := s.service(stack, name); trouble != nil {
			all = append(all, *trouble)
		}
	}
	for _, name := range fronts {
		if s.front[name] == nil || s.front[name].Status.AvailableReplicas > 0 {
			continue
		}
		trouble := s.pod(name)
		if trouble == nil {
			trouble = &problem{v1alpha1.ReasonWaiting, "no pod of the " + name + " is ready", false}
		}
		all = append(all, problem{trouble.reason, name + ": " + trouble.message, trouble.grave})
	}
	if len(done.waiting) > 0 && slices.ContainsFunc(all, func(p problem) bool { return p.grave }) {
		all = append(all, problem{v1alpha1.ReasonUpgradeStopped, fmt.Sprintf("%s wait until %s is ready; correct the spec, or go back to the version before", strings.Join(done.waiting, ", "), done.rolling), true})
	}
	for _, ingress := range s.ingresses {
		if len(ingress.Status.LoadBalancer.Ingress) == 0 {
			all = append(all, problem{v1alpha1.ReasonNoAddress, fmt.Sprintf("the Ingress %s has no address: see whether the Kong Ingress Controller runs (namespace %s) and its Service has one", ingress.Name, stack.Spec.Gateway.ControllerNamespace), false})
			break
		}
	}
	return all
}

// service is why a service is not ready, or nil.
func (s *scene) service(stack *v1alpha1.FountainStack, name string) *problem {
	i := slices.IndexFunc(s.sets, func(set appsv1.StatefulSet) bool { return set.Name == stack.Name+"-"+name })
	if i < 0 {
		return &problem{v1alpha1.ReasonApplying, name + ": is not there yet", false}
	}
	if ready(&s.sets[i]) {
		return nil
	}
	if trouble := s.pod(name); trouble != nil {
		return &problem{trouble.reason, name + ": " + trouble.message, trouble.grave}
	}
	return &problem{v1alpha1.ReasonWaiting, name + ": its pod is not ready yet", false}
}

// pod is what is wrong with the pods of a service, the gateway or the orchestrator, as the kubelet
// and the scheduler tell it, or nil.
func (s *scene) pod(name string) *problem {
	for _, pod := range s.pods {
		if pod.Labels[labelName] != name {
			continue
		}
		for _, condition := range pod.Status.Conditions {
			if condition.Type == corev1.PodScheduled && condition.Status == corev1.ConditionFalse {
				return s.unscheduled(pod, condition.Message)
			}
		}
		for _, container := range slices.Concat(pod.Status.InitContainerStatuses, pod.Status.ContainerStatuses) {
			waiting := container.State.Waiting
			if waiting == nil {
				continue
			}
			switch waiting.Reason {
			case "ErrImagePull", "ImagePullBackOff", "InvalidImageName", "ErrImageNeverPull":
				return &problem{v1alpha1.ReasonImage, fmt.Sprintf("the image %s cannot be pulled (%s): check spec.version, spec.images.registry and spec.images.pullSecrets", container.Image, cmp.Or(waiting.Message, waiting.Reason)), true}
			case "CrashLoopBackOff":
				return &problem{v1alpha1.ReasonCrashing, fmt.Sprintf("%s ends again and again%s; kubectl -n %s logs %s -c %s --previous", container.Name, lastWords(container), pod.Namespace, pod.Name, container.Name), true}
			case "CreateContainerConfigError":
				return &problem{v1alpha1.ReasonSecretMissing, "its container cannot be made: " + waiting.Message, true}
			}
		}
	}
	return nil
}

// lastWords tells how a container ended.
func lastWords(container corev1.ContainerStatus) string {
	ended := container.LastTerminationState.Terminated
	if ended == nil {
		return ""
	}
	return fmt.Sprintf(" (exit code %d, %s)", ended.ExitCode, cmp.Or(ended.Reason, "no reason given"))
}

// unscheduled tells a volume that does not come from a cluster without room.
func (s *scene) unscheduled(pod corev1.Pod, message string) *problem {
	for _, volume := range pod.Spec.Volumes {
		if volume.PersistentVolumeClaim == nil {
			continue
		}
		for _, claim := range s.claims {
			if claim.Name == volume.PersistentVolumeClaim.ClaimName && claim.Status.Phase == corev1.ClaimPending {
				return &problem{v1alpha1.ReasonVolume, fmt.Sprintf("its volume %s is pending (%s): kubectl -n %s describe pvc %s; a StorageClass may be missing", claim.Name, message, pod.Namespace, claim.Name), true}
			}
		}
	}
	return &problem{v1alpha1.ReasonUnschedulable, "no node takes its pod: " + message, true}
}

// describe writes the status from what was seen.
func describe(stack *v1alpha1.FountainStack, seen *scene, version string, problems []problem, done work) {
	status := &stack.Status
	status.ObservedGeneration = stack.Generation
	status.OperatorVersion = version
	status.Services = nil
	count := 0
	for _, name := range charts.Services {
		service := v1alpha1.ServiceStatus{Name: name, URL: address(stack, name)}
		trouble := seen.service(stack, name)
		if service.Ready = trouble == nil; service.Ready {
			count++
		} else {
			service.Message = trouble.message
		}
		for _, set := range seen.sets {
			if set.Name == stack.Name+"-"+name && len(set.Spec.Template.Spec.Containers) > 0 {
				service.Image = set.Spec.Template.Spec.Containers[0].Image
			}
		}
		status.Services = append(status.Services, service)
	}
	status.Ready = fmt.Sprintf("%d/%d", count, len(charts.Services))
	if count == len(charts.Services) && len(done.waiting) == 0 {
		status.Version = cmp.Or(stack.Spec.Version, version)
	}
	grave := slices.DeleteFunc(slices.Clone(problems), func(p problem) bool { return !p.grave })
	condition(stack, v1alpha1.ConditionDegraded, len(grave) > 0, v1alpha1.ReasonReady, "nothing is wrong", grave)
	switch {
	case len(problems) == 0 && len(done.waiting) == 0:
		condition(stack, v1alpha1.ConditionReady, true, v1alpha1.ReasonReady, "all services are ready", nil)
		condition(stack, v1alpha1.ConditionProgressing, false, v1alpha1.ReasonReady, "nothing is on its way", nil)
	case len(problems) == 0:
		upgrading := []problem{{v1alpha1.ReasonUpgrading, fmt.Sprintf("%s is being replaced; %s wait", done.rolling, strings.Join(done.waiting, ", ")), false}}
		condition(stack, v1alpha1.ConditionReady, false, "", "", upgrading)
		condition(stack, v1alpha1.ConditionProgressing, true, "", "", upgrading)
	default:
		foremost := problems
		if len(grave) > 0 {
			foremost = grave
		}
		condition(stack, v1alpha1.ConditionReady, false, "", "", foremost)
		condition(stack, v1alpha1.ConditionProgressing, len(grave) == 0, v1alpha1.ReasonWaiting, "it does not go on by itself", problems)
	}
}

// condition sets a condition from the first problem, with the messages of all.
func condition(stack *v1alpha1.FountainStack, kind string, is bool, reason, message string, problems []problem) {
	status := metav1.ConditionFalse
	if is {
		status = metav1.ConditionTrue
	}
	if len(problems) > 0 && (is || reason == "") {
		var messages []string
		for _, each := range problems {
			messages = append(messages, each.message)
		}
		reason, message = problems[0].reason, strings.Join(messages, "; ")
	}
	if len(message) > 30000 {
		message = strings.ToValidUTF8(message[:30000], "") + "…"
	}
	meta.SetStatusCondition(&stack.Status.Conditions, metav1.Condition{
		Type: kind, Status: status, Reason: reason, Message: message, ObservedGeneration: stack.Generation,
	})
}

// address is where the gateway finds a service, or "" without a gateway.
func address(stack *v1alpha1.FountainStack, name string) string {
	if stack.Spec.Gateway.Mode == "none" {
		return ""
	}
	scheme := "http"
	if stack.Spec.Gateway.TLS != nil {
		scheme = "https"
	}
	return scheme + "://" + name + "." + stack.Spec.Domain
}

// suspended writes the status of a stack that is left alone.
func suspended(stack *v1alpha1.FountainStack) {
	stack.Status.ObservedGeneration = stack.Generation
	condition(stack, v1alpha1.ConditionProgressing, false, v1alpha1.ReasonSuspended, "suspended: nothing is changed or corrected until spec.suspend is false", nil)
}

// deleting writes the status of a stack that cannot be deleted yet.
func deleting(stack *v1alpha1.FountainStack, err error) {
	stack.Status.ObservedGeneration = stack.Generation
	stuck := []problem{{v1alpha1.ReasonDeleting, "not everything of the stack can be deleted yet, it is tried again: " + err.Error(), true}}
	condition(stack, v1alpha1.ConditionDegraded, true, "", "", stuck)
	condition(stack, v1alpha1.ConditionReady, false, "", "", stuck)
}
