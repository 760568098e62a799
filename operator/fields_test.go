// Every field of the spec, changed on a stack that is there, and seen in the
// objects that it is made of.
package main

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/operator/api/v1alpha1"
)

// fieldCase changes one field; some object of the kind then has the text, and
// none had it before.
type fieldCase struct {
	path       string
	change     func(*v1alpha1.FountainStackSpec)
	kind, text string
}

var kindsByName = map[string]schema.GroupVersionKind{
	"Ingress": {Group: "networking.k8s.io", Version: "v1", Kind: "Ingress"}, "NetworkPolicy": {Group: "networking.k8s.io", Version: "v1", Kind: "NetworkPolicy"},
	"StatefulSet": {Group: "apps", Version: "v1", Kind: "StatefulSet"}, "Deployment": {Group: "apps", Version: "v1", Kind: "Deployment"},
	"PersistentVolumeClaim": {Version: "v1", Kind: "PersistentVolumeClaim"}, "Service": {Version: "v1", Kind: "Service"}, "ConfigMap": {Version: "v1", Kind: "ConfigMap"},
	"KongPlugin": {Group: "configuration.konghq.com", Version: "v1", Kind: "KongPlugin"}, "KongConsumer": {Group: "configuration.konghq.com", Version: "v1", Kind: "KongConsumer"},
	"Certificate": {Group: "cert-manager.io", Version: "v1", Kind: "Certificate"}, "CronJob": {Group: "batch", Version: "v1", Kind: "CronJob"},
	"HorizontalPodAutoscaler": {Group: "autoscaling", Version: "v2", Kind: "HorizontalPodAutoscaler"},
	"ServiceMonitor":          {Group: "monitoring.coreos.com", Version: "v1", Kind: "ServiceMonitor"}, "PrometheusRule": {Group: "monitoring.coreos.com", Version: "v1", Kind: "PrometheusRule"},
}

type spec = v1alpha1.FountainStackSpec

// character changes the override of one service.
func character(change func(*v1alpha1.Service)) func(*spec) {
	return func(s *spec) {
		if s.Services.Character == nil {
			s.Services.Character = &v1alpha1.Service{}
		}
		change(s.Services.Character)
	}
}

func debug() *v1alpha1.Service { return &v1alpha1.Service{LogLevel: "debug"} }

var serviceFields = []fieldCase{
	{"services.character.logLevel", character(func(s *v1alpha1.Service) { s.LogLevel = "warn" }), "StatefulSet", `"warn"`},
	{"services.character.image.repository", character(func(s *v1alpha1.Service) { s.Image = &v1alpha1.Image{Repository: "other/character"} }), "StatefulSet", `other/character:`},
	{"services.character.image.tag", character(func(s *v1alpha1.Service) { s.Image.Tag = "7" }), "StatefulSet", `other/character:7"`},
	{"services.character.image.digest", character(func(s *v1alpha1.Service) { s.Image.Digest = "sha256:" + strings.Repeat("a", 64) }), "StatefulSet", `other/character@sha256:aaaa`},
	{"services.character.resources", character(func(s *v1alpha1.Service) {
		s.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": resource.MustParse("333Mi")}}
	}), "StatefulSet", `"memory":"333Mi"`},
	{"services.character.nodeSelector", character(func(s *v1alpha1.Service) { s.NodeSelector = map[string]string{"disk": "fast"} }), "StatefulSet", `"nodeSelector":{"disk":"fast"}`},
	{"services.character.tolerations", character(func(s *v1alpha1.Service) {
		s.Tolerations = []corev1.Toleration{{Key: "stories", Operator: "Exists"}}
	}), "StatefulSet", `"key":"stories"`},
	{"services.character.priorityClassName", character(func(s *v1alpha1.Service) { s.PriorityClassName = "system-node-critical" }), "StatefulSet", `system-node-critical`},
	{"services.character.podAnnotations", character(func(s *v1alpha1.Service) { s.PodAnnotations = map[string]string{"team": "writers"} }), "StatefulSet", `"team":"writers"`},
	{"services.character.env", character(func(s *v1alpha1.Service) { s.Env = []corev1.EnvVar{{Name: "GOGC", Value: "200"}} }), "StatefulSet", `{"name":"GOGC","value":"200"}`},
	{"services.centralsequence", func(s *spec) { s.Services.CentralSequence = debug() }, "StatefulSet", `"debug"`},
	{"services.scriptmanagement", func(s *spec) { s.Services.ScriptManagement = &v1alpha1.Service{LogLevel: "error"} }, "StatefulSet", `"error"`},
	{"services.sessioncontext", func(s *spec) {
		s.Services.SessionContext = &v1alpha1.Service{PodAnnotations: map[string]string{"x": "sessions"}}
	}, "StatefulSet", `"x":"sessions"`},
	{"services.storyfactory", func(s *spec) {
		s.Services.StoryFactory = &v1alpha1.Service{PodAnnotations: map[string]string{"x": "stories"}}
	}, "StatefulSet", `"x":"stories"`},
	{"version", func(s *spec) { s.Version = "2.0.0" }, "StatefulSet", `:2.0.0"`},
	{"images.registry", func(s *spec) { s.Images.Registry = "registry.example.org/team" }, "StatefulSet", `registry.example.org/team/`},
	{"images.pullSecrets", func(s *spec) { s.Images.PullSecrets = []corev1.LocalObjectReference{{Name: "pull"}} }, "StatefulSet", `"imagePullSecrets":[{"name":"pull"}]`},
	{"storage.retain", func(s *spec) { s.Storage.Retain = v1alpha1.Delete }, "PersistentVolumeClaim", `"kind":"FountainStack"`},
}

var gatewayFields = []fieldCase{
	{"domain", func(s *spec) { s.Domain = "moved.example" }, "Ingress", `character.moved.example`},
	{"gateway.ingressClassName", func(s *spec) { s.Gateway.IngressClassName = "kong-two" }, "Ingress", `"ingressClassName":"kong-two"`},
	{"gateway.controllerNamespace", func(s *spec) { s.Gateway.ControllerNamespace = "gateways" }, "NetworkPolicy", `"gateways"`},
	{"gateway.annotations", func(s *spec) { s.Gateway.Annotations = map[string]string{"team": "edge"} }, "Ingress", `"team":"edge"`},
	{"gateway.corsOrigins", func(s *spec) { s.Gateway.CORSOrigins = []string{"https://write.example.org"} }, "KongPlugin", `https://write.example.org`},
	{"gateway.keys.writer", func(s *spec) { s.Gateway.Keys.Writer = &corev1.LocalObjectReference{Name: "w"} }, "KongConsumer", `"credentials":["w",`},
	{"gateway.keys.reader", func(s *spec) { s.Gateway.Keys.Reader = &corev1.LocalObjectReference{Name: "r"} }, "KongConsumer", `"credentials":["r",`},
	{"gateway.keys.additionalWriters", func(s *spec) {
		s.Gateway.Keys.AdditionalWriters = []corev1.LocalObjectReference{{Name: "w2"}, {Name: "w3"}}
	}, "KongConsumer", `"credentials":["w","w2","w3",`},
	{"gateway.keys.additionalReaders", func(s *spec) {
		s.Gateway.Keys.AdditionalReaders = []corev1.LocalObjectReference{{Name: "r2"}}
	}, "KongConsumer", `"credentials":["r","r2",`},
	{"gateway.rateLimit.perMinute", func(s *spec) { s.Gateway.RateLimit.PerMinute = 77 }, "KongPlugin", `"minute":77`},
	{"gateway.rateLimit.docsPerMinute", func(s *spec) { s.Gateway.RateLimit.DocsPerMinute = 78 }, "KongPlugin", `"minute":78`},
	{"gateway.tls.secretName", func(s *spec) { s.Gateway.TLS = &v1alpha1.TLS{SecretName: "tls"} }, "Ingress", `"secretName":"tls"`},
	{"gateway.tls.issuerRef.name", func(s *spec) { s.Gateway.TLS = &v1alpha1.TLS{IssuerRef: &v1alpha1.IssuerRef{Name: "ca"}} }, "Certificate", `"kind":"ClusterIssuer","name":"ca"`},
	{"gateway.tls.issuerRef.kind", func(s *spec) { s.Gateway.TLS.IssuerRef.Kind = "Issuer" }, "Certificate", `"kind":"Issuer","name":"ca"`},
	{"dns.enabled", func(s *spec) { s.DNS = v1alpha1.DNS{Enabled: true, Target: "first.example.org"} }, "Ingress", `/target":"first.example.org"`},
	{"dns.ttl", func(s *spec) { s.DNS.TTL = 61 }, "Ingress", `/ttl":"61"`},
	{"dns.target", func(s *spec) { s.DNS.Target = "edge.example.org" }, "Ingress", `/target":"edge.example.org"`},
	{"gateway.mode", func(s *spec) { s.Gateway = v1alpha1.Gateway{Mode: "dbless"} }, "Deployment", `"kong:3.9"`},
	{"gateway.replicas", func(s *spec) { n := int32(3); s.Gateway.Replicas = &n }, "Deployment", `"replicas":3`},
	{"gateway.serviceType", func(s *spec) { s.Gateway.ServiceType = "NodePort" }, "Service", `"type":"NodePort"`},
	{"gateway.resources", func(s *spec) {
		s.Gateway.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": resource.MustParse("999Mi")}}
	}, "Deployment", `"memory":"999Mi"`},
	{"gateway.engine", func(s *spec) { s.Gateway.Engine = "embedded" }, "Deployment", `"--config=/gateway/kong.yml"`},
}

var otherFields = []fieldCase{
	{"backup.schedule", func(s *spec) { s.Backup = &v1alpha1.Backup{Schedule: "5 4 * * *"} }, "CronJob", `"5 4 * * *"`},
	{"backup.timeZone", func(s *spec) { s.Backup.TimeZone = "Europe/Berlin" }, "CronJob", `Europe/Berlin`},
	{"backup.suspend", func(s *spec) { s.Backup.Suspend = true }, "CronJob", `"suspend":true`},
	{"backup.keep", func(s *spec) { s.Backup.Keep = 33 }, "CronJob", `=33"`},
	{"backup.retain", func(s *spec) { s.Backup.Retain = v1alpha1.Delete }, "PersistentVolumeClaim", `"kind":"FountainStack"`},
	{"backup.objectStore.bucket", func(s *spec) { s.Backup.ObjectStore = &v1alpha1.ObjectStore{Bucket: "stories"} }, "CronJob", `stories`},
	{"backup.objectStore.prefix", func(s *spec) { s.Backup.ObjectStore.Prefix = "main" }, "CronJob", `stories/main`},
	{"backup.objectStore.endpoint", func(s *spec) { s.Backup.ObjectStore.Endpoint = "https://s3.example.org" }, "CronJob", `https://s3.example.org`},
	{"backup.objectStore.region", func(s *spec) { s.Backup.ObjectStore.Region = "eu-central-1" }, "CronJob", `eu-central-1`},
	{"backup.objectStore.pathStyle", func(s *spec) { s.Backup.ObjectStore.PathStyle = true }, "CronJob", `"FOUNTAIN_S3_PATH_STYLE","value":"true"`},
	{"backup.objectStore.credentials", func(s *spec) { s.Backup.ObjectStore.Credentials = &corev1.LocalObjectReference{Name: "s3"} }, "CronJob", `"name":"s3"`},
	{"restore.claimName", func(s *spec) { s.Restore = &v1alpha1.Restore{ClaimName: "copies"} }, "StatefulSet", `"claimName":"copies"`},
	{"restore.backup", func(s *spec) { s.Restore.Backup = "20260102T030405Z" }, "StatefulSet", `20260102T030405Z`},
	{"restore.objectStore", func(s *spec) { s.Restore = &v1alpha1.Restore{ObjectStore: &v1alpha1.ObjectStore{Bucket: "copies"}} }, "StatefulSet", `s3://copies`},
	{"replica.url", func(s *spec) {
		s.Restore, s.Replica = nil, &v1alpha1.Replica{URL: "s3://copies/now?region=eu-central-1"}
	}, "StatefulSet", `s3://copies/now?region=eu-central-1`},
	{"replica.credentials", func(s *spec) { s.Replica.Credentials = &corev1.LocalObjectReference{Name: "replica-keys"} }, "StatefulSet", `{"key":"AWS_ACCESS_KEY_ID","name":"replica-keys"}`},
	{"replica.restoreAt", func(s *spec) {
		s.Replica.RestoreAt = &metav1.Time{Time: time.Date(2026, 11, 25, 20, 30, 0, 0, time.UTC)}
	}, "StatefulSet", `"value":"2026-11-25T20:30:00Z"`},
	{"replica.startEmpty", func(s *spec) { s.Replica.StartEmpty = true }, "StatefulSet", `FOUNTAIN_REPLICA_START_EMPTY`},
	{"monitoring.serviceMonitors", func(s *spec) { s.Monitoring.ServiceMonitors = true }, "ServiceMonitor", `"kind":"ServiceMonitor"`},
	{"monitoring.rules", func(s *spec) { s.Monitoring.Rules = true }, "PrometheusRule", `"alert"`},
	{"monitoring.dashboards", func(s *spec) { s.Monitoring.Dashboards = true }, "ConfigMap", `grafana_dashboard`},
	{"monitoring.labels", func(s *spec) { s.Monitoring.Labels = map[string]string{"release": "prom"} }, "ServiceMonitor", `"release":"prom"`},
	{"monitoring.namespace", func(s *spec) { s.Monitoring.Namespace = "observe" }, "NetworkPolicy", `"observe"`},
}

// orchestrator changes the orchestrator of a stack.
func orchestrator(change func(*v1alpha1.Orchestrator)) func(*spec) {
	return func(s *spec) {
		if s.Orchestrator == nil {
			s.Orchestrator = &v1alpha1.Orchestrator{}
		}
		change(s.Orchestrator)
	}
}

var orchestratorFields = []fieldCase{
	{"orchestrator.keySecret", orchestrator(func(o *v1alpha1.Orchestrator) { o.KeySecret = &corev1.LocalObjectReference{Name: "openai"} }), "Deployment", `"secretKeyRef":{"key":"OPENAI_API_KEY","name":"openai"}`},
	{"orchestrator.model", orchestrator(func(o *v1alpha1.Orchestrator) { o.Model = "gpt-9" }), "Deployment", `{"name":"FOUNTAIN_MODEL","value":"gpt-9"}`},
	{"orchestrator.baseURL", orchestrator(func(o *v1alpha1.Orchestrator) { o.BaseURL = "http://vllm.models:8000/v1" }), "Deployment", `{"name":"OPENAI_BASE_URL","value":"http://vllm.models:8000/v1"}`},
	{"orchestrator.loose", orchestrator(func(o *v1alpha1.Orchestrator) { o.Loose = true }), "Deployment", `{"name":"FOUNTAIN_MODEL_LOOSE","value":"true"}`},
	{"orchestrator.caSecret", orchestrator(func(o *v1alpha1.Orchestrator) { o.CASecret = &corev1.LocalObjectReference{Name: "own-ca"} }), "Deployment", `"secretName":"own-ca"`},
	{"orchestrator.replicas", orchestrator(func(o *v1alpha1.Orchestrator) { n := int32(3); o.Replicas = &n }), "Deployment", `"replicas":3`},
	{"orchestrator.resources", orchestrator(func(o *v1alpha1.Orchestrator) {
		o.Resources = &corev1.ResourceRequirements{Limits: corev1.ResourceList{"memory": resource.MustParse("444Mi")}}
	}), "Deployment", `"memory":"444Mi"`},
	{"orchestrator.gatewayAddress", orchestrator(func(o *v1alpha1.Orchestrator) { o.GatewayAddress = "proxy.edge:8080" }), "NetworkPolicy", `"port":8080`},
}

// databaseFields are of stacks that begin as onServer.
var databaseFields = []fieldCase{
	{"database.secret", func(s *spec) { s.Database.Secret.Name = "other-db" }, "StatefulSet", `"secretKeyRef":{"key":"url","name":"other-db"}`},
	{"database.key", func(s *spec) { s.Database.Key = "{service}" }, "StatefulSet", `"secretKeyRef":{"key":"character","name":"other-db"}`},
	{"database.port", func(s *spec) { s.Database.Port = 26257 }, "NetworkPolicy", `"port":26257`},
	{"scaling.replicas", func(s *spec) { n := int32(3); s.Scaling = &v1alpha1.Scaling{Replicas: &n} }, "StatefulSet", `"replicas":3`},
	{"scaling.maxReplicas", func(s *spec) { s.Scaling.MaxReplicas = 9 }, "HorizontalPodAutoscaler", `"maxReplicas":9`},
	{"scaling.cpuPercent", func(s *spec) { s.Scaling.CPUPercent = 55 }, "HorizontalPodAutoscaler", `"averageUtilization":55`},
}

// Fields that no change of a stack can show: engine and class cannot be changed;
// the others have tests of their own.
var elsewhere = []string{"storage.engine", "storage.className", "storage.size", "services.character.size", "backup.size", "backup.className", "suspend"}

func TestEveryFieldIsSeenInTheObjects(t *testing.T) {
	for name, cases := range map[string][]fieldCase{"services": serviceFields, "gateway": gatewayFields, "others": otherFields, "orchestrator": orchestratorFields, "database": databaseFields} {
		t.Run(name, func(t *testing.T) {
			b := newBench(t)
			first := v1alpha1.FountainStackSpec{}
			if name == "database" {
				b.databaseSecret()
				first = onServer()
			}
			stack := b.settled(name, first)
			for _, each := range cases {
				if had := b.having(name, each); len(had) > 0 {
					t.Errorf("%s: %v already has %q", each.path, had, each.text)
				}
				b.change(stack, each.change)
				b.eventually(func() string {
					b.run(name)
					if len(b.having(name, each)) == 0 {
						return fmt.Sprintf("%s: no %s has %q", each.path, each.kind, each.text)
					}
					return ""
				})
			}
		})
	}
}

// having names the stack's objects of the kind that have the text.
func (b *bench) having(name string, each fieldCase) []string {
	found := &unstructured.UnstructuredList{}
	kind := kindsByName[each.kind]
	kind.Kind += "List"
	found.SetGroupVersionKind(kind)
	if err := b.List(b.Context(), found, client.InNamespace(b.namespace), client.MatchingLabels{"app.kubernetes.io/instance": name}); err != nil {
		b.Fatal(err)
	}
	var names []string
	for _, item := range found.Items {
		item.SetManagedFields(nil)
		content, err := json.Marshal(item.Object)
		if err != nil {
			b.Fatal(err)
		}
		if strings.Contains(string(content), each.text) {
			names = append(names, item.GetName())
		}
	}
	return names
}

// TestNoFieldIsForgotten: a field that is added to the spec needs a case above.
func TestNoFieldIsForgotten(t *testing.T) {
	tried := map[string]bool{}
	for _, path := range elsewhere {
		tried[path] = true
	}
	for _, each := range slices.Concat(serviceFields, gatewayFields, otherFields, orchestratorFields, databaseFields) {
		tried[each.path] = true
	}
	known := map[string]bool{}
	leaves(reflect.TypeFor[v1alpha1.FountainStackSpec](), "", known)
	if got, want := slices.Sorted(maps.Keys(tried)), slices.Sorted(maps.Keys(known)); !slices.Equal(got, want) {
		t.Errorf("without a case: %v\nwithout a field: %v", without(want, tried), without(got, known))
	}
}

// leaves names the fields of the API's own types by their paths in JSON. The
// services have the same fields: one stands for all. So does the bucket of the
// backup for that of the restore.
func leaves(of reflect.Type, path string, into map[string]bool) {
	for of.Kind() == reflect.Pointer {
		of = of.Elem()
	}
	ours := of.Kind() == reflect.Struct && of.PkgPath() == reflect.TypeFor[v1alpha1.FountainStack]().PkgPath()
	same := strings.HasPrefix(path, "services.") && strings.Count(path, ".") == 1 && path != "services.character"
	if !ours || same || path == "restore.objectStore" {
		into[path] = true
		return
	}
	for i := range of.NumField() {
		name, _, _ := strings.Cut(of.Field(i).Tag.Get("json"), ",")
		leaves(of.Field(i).Type, strings.TrimPrefix(path+"."+name, "."), into)
	}
}
