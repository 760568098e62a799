package desired

import (
	"time"

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
	databaseValues(global, spec)
	if err := gatewayValues(global, &spec.Gateway); err != nil {
		return nil, err
	}
	global.set(spec.DNS.Enabled, "gateway", "dns", "enabled")
	global.set(spec.DNS.TTL, "gateway", "dns", "ttl")
	global.set(spec.DNS.Target, "gateway", "dns", "target")
	if spec.Backup != nil {
		backupValues(global, spec.Backup)
	}
	if spec.Restore != nil {
		restoreValues(global, spec.Restore)
	}
	if spec.Replica != nil {
		replicaValues(global, spec.Replica)
	}
	global.set(spec.Monitoring.ServiceMonitors, "monitoring", "serviceMonitor", "enabled")
	global.set(stringMap(spec.Monitoring.Labels), "monitoring", "labels")
	global.set(spec.Monitoring.Namespace, "monitoring", "namespace")

	all := tree{"global": map[string]any(global)}
	if spec.Orchestrator != nil {
		if err := orchestratorValues(all, spec.Orchestrator); err != nil {
			return nil, err
		}
	}
	all.set(spec.Monitoring.Rules, "prometheusRule", "enabled")
	all.set(spec.Monitoring.Dashboards, "dashboards", "enabled")
	for name, override := range services(spec) {
		service := tree{}
		service.set(string(spec.Storage.Retain), "storage", "retention")
		if size := spec.Storage.Size; size != nil && !size.IsZero() {
			service.set(size.String(), "storage", "size")
		}
		scalingValues(service, spec.Scaling)
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

func gatewayValues(global tree, gateway *v1alpha1.Gateway) error {
	global.set(string(gateway.Mode), "gateway", "mode")
	global.set(gateway.IngressClassName, "gateway", "ingressClassName")
	global.set(gateway.ControllerNamespace, "gateway", "controller", "namespace")
	global.set(gateway.Engine, "gateway", "dbless", "engine")
	if gateway.Replicas != nil {
		global.set(*gateway.Replicas, "gateway", "dbless", "replicas")
	}
	global.set(string(gateway.ServiceType), "gateway", "dbless", "service", "type")
	if gateway.Mode == "dbless" {
		global.set(stringMap(gateway.Annotations), "gateway", "dbless", "service", "annotations")
	} else {
		global.set(stringMap(gateway.Annotations), "gateway", "ingressAnnotations")
	}
	var origins []any
	for _, origin := range gateway.CORSOrigins {
		origins = append(origins, origin)
	}
	global.set(origins, "gateway", "cors", "origins")
	for consumer, key := range map[string]*corev1.LocalObjectReference{"writer": gateway.Keys.Writer, "reader": gateway.Keys.Reader} {
		if key != nil {
			global.set(key.Name, "gateway", "keys", consumer, "existingSecret")
		}
	}
	global.set(secretNames(gateway.Keys.AdditionalWriters), "gateway", "keys", "writer", "additionalSecrets")
	global.set(secretNames(gateway.Keys.AdditionalReaders), "gateway", "keys", "reader", "additionalSecrets")
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
	return global.setResources(gateway.Resources, "gateway", "dbless", "resources")
}

func backupValues(global tree, backup *v1alpha1.Backup) {
	global.set(true, "backup", "enabled")
	global.set(backup.Schedule, "backup", "schedule")
	global.set(backup.Keep, "backup", "keep")
	global.set(string(backup.Retain), "backup", "claim", "retention")
	if backup.Size != nil {
		global.set(backup.Size.String(), "backup", "claim", "size")
	}
	global.set(backup.ClassName, "backup", "claim", "className")
	global.set(backup.TimeZone, "backup", "timeZone")
	global.set(backup.Suspend, "backup", "suspend")
	if backup.ObjectStore != nil {
		global.set("objectStore", "backup", "target")
		objectStoreValues(global, backup.ObjectStore, "backup")
	}
}

func restoreValues(global tree, restore *v1alpha1.Restore) {
	global.set(true, "restore", "enabled")
	global.set(restore.Backup, "restore", "backup")
	if restore.ClaimName != "" {
		global.set("claim", "restore", "source")
		global.set(restore.ClaimName, "restore", "claim")
	}
	if restore.ObjectStore != nil {
		global.set("objectStore", "restore", "source")
		objectStoreValues(global, restore.ObjectStore, "restore")
	}
}

func replicaValues(global tree, replica *v1alpha1.Replica) {
	global.set(replica.URL, "replica", "url")
	if replica.Credentials != nil {
		global.set(replica.Credentials.Name, "replica", "existingSecret")
	}
	if replica.RestoreAt != nil {
		global.set(replica.RestoreAt.UTC().Format(time.RFC3339), "replica", "restoreAt")
	}
	global.set(replica.StartEmpty, "replica", "startEmpty")
}

func objectStoreValues(global tree, store *v1alpha1.ObjectStore, section string) {
	global.set(store.Bucket, section, "objectStore", "bucket")
	global.set(store.Prefix, section, "objectStore", "prefix")
	global.set(store.Endpoint, section, "objectStore", "endpoint")
	global.set(store.Region, section, "objectStore", "region")
	global.set(store.PathStyle, section, "objectStore", "pathStyle")
	if store.Credentials != nil {
		global.set(store.Credentials.Name, section, "objectStore", "existingSecret")
	}
}

func orchestratorValues(all tree, orchestrator *v1alpha1.Orchestrator) error {
	all.set(true, "orchestrator", "enabled")
	all.set(orchestrator.Model, "orchestrator", "model")
	all.set(orchestrator.BaseURL, "orchestrator", "baseURL")
	all.set(orchestrator.Loose, "orchestrator", "loose")
	all.set(orchestrator.GatewayAddress, "orchestrator", "gatewayAddress")
	if secret := orchestrator.KeySecret; secret != nil {
		all.set(secret.Name, "orchestrator", "existingSecret")
	} else {
		all.set(true, "orchestrator", "noKey")
	}
	if secret := orchestrator.CASecret; secret != nil {
		all.set(secret.Name, "orchestrator", "caSecret")
	}
	if orchestrator.Replicas != nil {
		all.set(*orchestrator.Replicas, "orchestrator", "replicas")
	}
	return all.setResources(orchestrator.Resources, "orchestrator", "resources")
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
	service.set(override.PriorityClassName, "priorityClassName")
	service.set(stringMap(override.PodAnnotations), "podAnnotations")
	tolerations, err := objects(override.Tolerations)
	if err != nil {
		return err
	}
	service.set(tolerations, "tolerations")
	variables, err := objects(override.Env)
	if err != nil {
		return err
	}
	service.set(variables, "extraEnv")
	return service.setResources(override.Resources, "resources")
}

// objects turns Kubernetes' types into plain data.
func objects[T any](list []T) ([]any, error) {
	var plain []any
	for i := range list {
		each, err := runtime.DefaultUnstructuredConverter.ToUnstructured(&list[i])
		if err != nil {
			return nil, err
		}
		plain = append(plain, each)
	}
	return plain, nil
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

// setResources puts resources at a path, unless there are none.
func (t tree) setResources(resources *corev1.ResourceRequirements, path ...string) error {
	if resources == nil {
		return nil
	}
	plain, err := runtime.DefaultUnstructuredConverter.ToUnstructured(resources)
	if err != nil {
		return err
	}
	t.set(plain, path...)
	return nil
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

func secretNames(list []corev1.LocalObjectReference) []any {
	var names []any
	for _, reference := range list {
		names = append(names, reference.Name)
	}
	return names
}

func stringMap(m map[string]string) map[string]any {
	result := map[string]any{}
	for key, value := range m {
		result[key] = value
	}
	return result
}
