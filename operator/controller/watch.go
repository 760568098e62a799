package controller

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/meta"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	ctrl "sigs.k8s.io/controller-runtime"
	"sigs.k8s.io/controller-runtime/pkg/client"
	"sigs.k8s.io/controller-runtime/pkg/controller"
	"sigs.k8s.io/controller-runtime/pkg/handler"
	"sigs.k8s.io/controller-runtime/pkg/source"
)

// kinds are what a stack may be made of. Those of other projects may be absent
// from the cluster.
var kinds = []schema.GroupVersionKind{
	{Version: "v1", Kind: "ServiceAccount"}, {Version: "v1", Kind: "Secret"}, {Version: "v1", Kind: "ConfigMap"},
	{Version: "v1", Kind: "PersistentVolumeClaim"}, {Version: "v1", Kind: "Service"},
	{Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"}, {Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"},
	{Group: "policy", Version: "v1", Kind: "PodDisruptionBudget"}, {Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"}, {Group: "batch", Version: "v1", Kind: "CronJob"},
	{Group: "apps", Version: "v1", Kind: "StatefulSet"}, {Group: "apps", Version: "v1", Kind: "Deployment"},
	{Group: "configuration.konghq.com", Version: "v1", Kind: "KongPlugin"}, {Group: "configuration.konghq.com", Version: "v1", Kind: "KongConsumer"},
	{Group: "configuration.konghq.com", Version: "v1beta1", Kind: "KongUpstreamPolicy"},
	{Group: "cert-manager.io", Version: "v1", Kind: "Certificate"},
	{Group: "monitoring.coreos.com", Version: "v1", Kind: "ServiceMonitor"}, {Group: "monitoring.coreos.com", Version: "v1", Kind: "PodMonitor"},
	{Group: "monitoring.coreos.com", Version: "v1", Kind: "PrometheusRule"},
}

// stackIndex finds what belongs to a stack without a look at what belongs to others.
const stackIndex = "stack"

// index lets the cache find the parts of a stack whose state makes its status.
func index(ctx context.Context, indexer client.FieldIndexer) error {
	parts := []client.Object{&corev1.Pod{}}
	for _, kind := range kinds {
		if slices.Contains([]string{"StatefulSet", "Deployment", "PersistentVolumeClaim", "Ingress"}, kind.Kind) {
			part := &unstructured.Unstructured{}
			part.SetGroupVersionKind(kind)
			parts = append(parts, part)
		}
	}
	var failed error
	for _, part := range parts {
		failed = errors.Join(failed, indexer.IndexField(ctx, part, stackIndex, func(object client.Object) []string {
			if labels := object.GetLabels(); labels[labelPartOf] == partOf && labels[labelInstance] != "" {
				return []string{labels[labelInstance]}
			}
			return nil
		}))
	}
	return failed
}

// watches are the kinds that the controller hears of. A kind that the cluster
// learns of later is watched from the first stack on that has an object of it.
type watches struct {
	manager    ctrl.Manager
	controller controller.Controller
	mu         sync.Mutex
	absent     map[schema.GroupVersionKind]bool
}

// start watches all kinds that the cluster has.
func (w *watches) start() error {
	w.absent = map[schema.GroupVersionKind]bool{}
	for _, kind := range kinds {
		w.absent[kind] = true
		err := w.watch(kind)
		if meta.IsNoMatchError(err) {
			w.manager.GetLogger().Info("not watched yet, because the cluster does not have the kind", "kind", kind.String())
		} else if err != nil {
			return fmt.Errorf("asking the API server for %s: %w", kind, err)
		}
	}
	return nil
}

// watch begins to watch a kind, unless it is watched.
func (w *watches) watch(kind schema.GroupVersionKind) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if !w.absent[kind] {
		return nil
	}
	if _, err := w.manager.GetRESTMapper().RESTMapping(kind.GroupKind(), kind.Version); err != nil {
		return err
	}
	watched := &unstructured.Unstructured{}
	watched.SetGroupVersionKind(kind)
	if err := w.controller.Watch(source.Kind[client.Object](w.manager.GetCache(), watched, handler.EnqueueRequestsFromMapFunc(stackOf))); err != nil {
		return err
	}
	delete(w.absent, kind)
	return nil
}
