// What a FountainStack says, in the values of the chart fountainai.
package controller

import (
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/runtime"

	"fountain.coach/fountainai/operator/api/v1alpha1"
)

// values returns the chart's values for a stack. What the stack leaves open is
// left to the chart's defaults, so that a stack and `helm install` with the
// same settings are the same objects. version is the tag of the images when
// the stack names none.
func values(spec *v1alpha1.FountainStackSpec, version string) (map[string]any, error) {
	if spec.Version != "" {
		version = spec.Version
	}
	global := tree{"domain": spec.Domain}
	global.set(version, "imageTag")
	global.set(spec.Images.Registry, "imageRegistry")
	global.set(references(spec.Images.PullSecrets), "imagePullSecrets")
	global.set(spec.Storage.ClassName, "storageClassName")
	gatewayValues(global, &spec.Gateway)
	global.set(spec.DNS.Enabled, "gateway", "dns", "enabled")
	global.set(spec.DNS.TTL, "gateway", "dns", "ttl")
	global.set(spec.DNS.Target, "gateway", "dns", "target")
	if spec.Backup != nil {
		backupValues(global, spec.Backup)
	}
	global.set(spec.Monitoring.ServiceMonitors, "monitoring", "serviceMonitor", "enabled")
	global.set(stringMap(spec.Monitoring.Labels), "monitoring", "labels")
	global.set(spec.Monitoring.Namespace, "monitoring", "namespace")

	all := tree{"global": map[string]any(global)}
	all.set(spec.Monitoring.Rules, "prometheusRule", "enabled")
	all.set(spec.Monitoring.Dashboards, "dashboards", "enabled")
	for name, override := range services(spec) {
		service := tree{}
		service.set(string(spec.Storage.Retain), "storage", "retention")
		if size := spec.Storage.Size; !size.IsZero() {
			service.set(size.String(), "storage", "size")
		}
		if override != nil {
			if err := serviceValues(service, override); err != nil {
				return nil, err
			}
		}
		all[name] = map[string]any(service)
	}
	return all, nil
}

// services returns the overrides by the names of the services.
func services(spec *v1alpha1.FountainStackSpec) map[string]*v1alpha1.Service {
	return map[string]*v1alpha1.Service{
		"centralsequence": spec.Services.CentralSequence, "character": spec.Services.Character,
		"scriptmanagement": spec.Services.ScriptManagement, "sessioncontext": spec.Services.SessionContext,
		"storyfactory": spec.Services.StoryFactory,
	}
}

func gatewayValues(global tree, gateway *v1alpha1.Gateway) {
	global.set(string(gateway.Mode), "gateway", "mode")
	global.set(gateway.IngressClassName, "gateway", "ingressClassName")
	global.set(gateway.ControllerNamespace, "gateway", "controller", "namespace")
	global.set(gateway.Engine, "gateway", "dbless", "engine")
	if gateway.Replicas != nil {
		global.set(*gateway.Replicas, "gateway", "dbless", "replicas")
	}
	global.set(string(gateway.ServiceType), "gateway", "dbless", "service", "type")
	for consumer, key := range map[string]*corev1.LocalObjectReference{"writer": gateway.Keys.Writer, "reader": gateway.Keys.Reader} {
		if key != nil {
			global.set(key.Name, "gateway", "keys", consumer, "existingSecret")
		}
	}
	global.set(gateway.RateLimit.PerMinute, "gateway", "rateLimit", "perMinute")
	global.set(gateway.RateLimit.DocsPerMinute, "gateway", "rateLimit", "docsPerMinute")
	if tls := gateway.TLS; tls != nil {
		global.set(true, "gateway", "tls", "enabled")
		global.set(tls.SecretName, "gateway", "tls", "existingSecret")
		if issuer := tls.IssuerRef; issuer != nil {
			global.set(true, "gateway", "tls", "certManager", "enabled")
			global.set(issuer.Name, "gateway", "tls", "certManager", "issuerRef", "name")
			global.set(issuer.Kind, "gateway", "tls", "certManager", "issuerRef", "kind")
		}
	}
}

func backupValues(global tree, backup *v1alpha1.Backup) {
	global.set(true, "backup", "enabled")
	global.set(backup.Schedule, "backup", "schedule")
	global.set(backup.Keep, "backup", "keep")
	global.set(string(backup.Retain), "backup", "claim", "retention")
	if backup.Size != nil {
		global.set(backup.Size.String(), "backup", "claim", "size")
	}
	store := backup.ObjectStore
	if store == nil {
		return
	}
	global.set("objectStore", "backup", "target")
	global.set(store.Bucket, "backup", "objectStore", "bucket")
	global.set(store.Prefix, "backup", "objectStore", "prefix")
	global.set(store.Endpoint, "backup", "objectStore", "endpoint")
	global.set(store.Region, "backup", "objectStore", "region")
	global.set(store.PathStyle, "backup", "objectStore", "pathStyle")
	if store.Credentials != nil {
		global.set(store.Credentials.Name, "backup", "objectStore", "existingSecret")
	}
}

func serviceValues(service tree, override *v1alpha1.Service) error {
	if image := override.Image; image != nil {
		service.set(image.Repository, "image", "repository")
		service.set(image.Tag, "image", "tag")
		service.set(image.Digest, "image", "digest")
	}
	if override.Size != nil {
		service.set(override.Size.String(), "storage", "size")
	}
	service.set(override.LogLevel, "log", "level")
	service.set(stringMap(override.NodeSelector), "nodeSelector")
	if override.Resources != nil {
		resources, err := runtime.DefaultUnstructuredConverter.ToUnstructured(override.Resources)
		if err != nil {
			return err
		}
		service.set(resources, "resources")
	}
	var tolerations []any
	for i := range override.Tolerations {
		toleration, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&override.Tolerations[i])
		if err != nil {
			return err
		}
		tolerations = append(tolerations, toleration)
	}
	service.set(tolerations, "tolerations")
	return nil
}

// tree is values on their way to the chart.
type tree map[string]any

// set puts a value at a path, unless it is empty: then the chart's default holds.
func (t tree) set(value any, path ...string) {
	switch value := value.(type) {
	case string:
		if value == "" {
			return
		}
	case bool:
		if !value {
			return
		}
	case int32:
		if value == 0 {
			return
		}
		t.put(int64(value), path)
		return
	case []any:
		if len(value) == 0 {
			return
		}
	case map[string]any:
		if len(value) == 0 {
			return
		}
	}
	t.put(value, path)
}

func (t tree) put(value any, path []string) {
	if len(path) == 1 {
		t[path[0]] = value
		return
	}
	below, ok := t[path[0]].(map[string]any)
	if !ok {
		below = map[string]any{}
		t[path[0]] = below
	}
	tree(below).put(value, path[1:])
}

func references(list []corev1.LocalObjectReference) []any {
	var result []any
	for _, reference := range list {
		result = append(result, map[string]any{"name": reference.Name})
	}
	return result
}

func stringMap(m map[string]string) map[string]any {
	result := map[string]any{}
	for key, value := range m {
		result[key] = value
	}
	return result
}
