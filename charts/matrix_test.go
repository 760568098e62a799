// Every set of values that a user may choose, on a real API server with the
// real schemas, in a namespace of the restricted Pod Security level.
package charts_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/controller-runtime/pkg/client"

	"fountain.coach/fountainai/charts"
)

// stackValues are value sets of the umbrella chart: each setting alone, and the
// combinations in which people install it.
var stackValues = map[string]string{
	"defaults":             ``,
	"dbless":               `{global: {gateway: {mode: dbless}}}`,
	"none":                 `{global: {gateway: {mode: none}}}`,
	"certificates":         `{global: {domain: example.org, gateway: {tls: {enabled: true, certManager: {enabled: true, issuerRef: {name: letsencrypt}}}}}}`,
	"certificates, dbless": `{global: {gateway: {mode: dbless, tls: {enabled: true, certManager: {enabled: true, issuerRef: {kind: Issuer, name: own}}}}}}`,
	"own certificate":      `{global: {gateway: {tls: {enabled: true, existingSecret: wildcard}}}}`,
	"names in DNS":         `{global: {gateway: {dns: {enabled: true, ttl: 60, target: 198.51.100.7}}}}`,
	"names in DNS, dbless": `{global: {gateway: {mode: dbless, dns: {enabled: true}}}}`,
	"own keys":             `{global: {gateway: {keys: {writer: {existingSecret: w, additionalSecrets: [w2]}, reader: {existingSecret: r}}}}}`,
	"more keys":            `{global: {gateway: {keys: {writer: {additionalSecrets: [w2, w3]}, reader: {additionalSecrets: [r2]}}}}}`,
	"more keys, dbless":    `{global: {gateway: {mode: dbless, keys: {writer: {additionalSecrets: [w2]}, reader: {additionalSecrets: [r1, r2, r3, r4, r5, r6, r7, r8]}}}}}`,
	"this machine":         `{global: {domain: localhost, gateway: {mode: dbless, dbless: {engine: embedded}}}, orchestrator: {enabled: true, existingSecret: model}}`,
	"embedded gateway":     `{global: {gateway: {mode: dbless, dbless: {engine: embedded, replicas: 1, service: {type: NodePort}}}}}`,
	"gateway inside": `{global: {gateway: {mode: dbless, dbless: {service: {type: ClusterIP}, nodeSelector: {a: b}, priorityClassName: high,
		tolerations: [{key: a, operator: Exists}], podAnnotations: {a: b}}}}}`,
	"balancer": `{global: {gateway: {mode: dbless, dbless: {service: {loadBalancerClass: service.k8s.aws/nlb,
		loadBalancerSourceRanges: [192.0.2.0/24], annotations: {a: b}}}}}}`,
	"no access log":     `{global: {gateway: {accessLog: false, cors: {origins: ["https://app.example.org"]}, rateLimit: {perMinute: 10, docsPerMinute: 5}}}}`,
	"backup to a claim": `{global: {backup: {enabled: true, keep: 30, schedule: "@daily", timeZone: Europe/Berlin}}}`,
	"backup to AWS": `{global: {backup: {enabled: true, target: objectStore, objectStore: {bucket: b, prefix: p/q, region: eu-central-1},
		serviceAccount: {annotations: {"eks.amazonaws.com/role-arn": "arn:aws:iam::111122223333:role/x"}}}}}`,
	"backup to a store": `{global: {backup: {enabled: true, target: objectStore, snapshot: {existingSecret: s},
		objectStore: {bucket: b, endpoint: "http://minio.store:9000", pathStyle: true, existingSecret: keys}}}}`,
	"restore from a claim":  `{global: {restore: {enabled: true, source: claim, claim: backups, backup: 20261125T031700Z}}}`,
	"restore from a bucket": `{global: {restore: {enabled: true, objectStore: {bucket: b, existingSecret: keys}}}}`,
	"replica at AWS":        `{global: {replica: {url: "s3://b/p?region=eu-central-1"}}}`,
	"replica in a store":    `{global: {replica: {url: "s3://b/p?endpoint=http%3A%2F%2Fminio.store:9000&path-style=true", existingSecret: keys, restoreAt: "2026-11-25T20:30:00Z"}}}`,
	"replica over SFTP":     `{global: {replica: {url: "sftp://fountain@backup.example.org:2222/copies", existingSecret: keys, startEmpty: true}}}`,
	"replica on a volume": `{global: {replica: {url: "file:///copies"}}, character: {extraVolumes: [{name: copies, emptyDir: {}}],
		extraVolumeMounts: [{name: copies, mountPath: /copies}]}}`,
	"monitoring": `{global: {monitoring: {labels: {release: prometheus}, serviceMonitor: {enabled: true}}},
		prometheusRule: {enabled: true}, dashboards: {enabled: true, annotations: {grafana_folder: FountainAI}}}`,
	"monitoring, dbless": `{global: {gateway: {mode: dbless}, monitoring: {serviceMonitor: {enabled: true}}}}`,
	"orchestrator":       `{orchestrator: {enabled: true, existingSecret: model, replicas: 2, model: gpt-5, log: {level: debug, format: text}}}`,
	"orchestrator, TLS": `{global: {gateway: {tls: {enabled: true, certManager: {enabled: true, issuerRef: {name: x}}}, dns: {enabled: true}},
		monitoring: {serviceMonitor: {enabled: true}}, imagePullSecrets: [{name: pull}]}, orchestrator: {enabled: true, existingSecret: model, caSecret: ca,
		podAnnotations: {a: b}, nodeSelector: {disk: ssd}, tolerations: [{key: a, operator: Exists}], priorityClassName: high, affinity: {nodeAffinity: {}}}}`,
	"orchestrator, dbless": `{global: {gateway: {mode: dbless, tls: {enabled: true, certManager: {enabled: true, issuerRef: {name: x}}}, dns: {enabled: true}}},
		orchestrator: {enabled: true, baseURL: "http://vllm.models:8000/v1", noKey: true, loose: true, preStopSleepSeconds: 0,
		networkPolicy: {modelPeers: [{namespaceSelector: {matchLabels: {a: b}}}], extraIngress: [{from: [{namespaceSelector: {}}]}], extraEgress: [{ports: [{port: 9}]}]}}}`,
	"orchestrator, none": `{global: {gateway: {mode: none}}, orchestrator: {enabled: true, existingSecret: model, gatewayAddress: "edge.example.org:8443",
		image: {registry: registry.example.org, digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}}}`,
	"storage": `{global: {storageClassName: fast}, character: {storage: {size: 10Gi, className: faster, accessModes: [ReadWriteOncePod], retention: Delete}},
		storyfactory: {storage: {existingClaim: mine}}, sessioncontext: {storage: {volumeName: pv-1, annotations: {a: b}}}}`,
	"PostgreSQL": `{global: {storageEngine: postgres, database: {existingSecret: db}}}`,
	"PostgreSQL, replicas": `{global: {gateway: {mode: dbless}, storageEngine: postgres, database: {existingSecret: db, key: "{service}", port: 26257,
		peers: [{podSelector: {matchLabels: {a: b}}}, {ipBlock: {cidr: 192.0.2.0/24}}]}}, character: {replicas: 3},
		storyfactory: {autoscaling: {enabled: true, minReplicas: 3, maxReplicas: 9, cpuPercent: 50}}}`,
	"registry": `{global: {imageRegistry: registry.example.org/team, imageTag: 1.2.3, imagePullSecrets: [{name: pull}]},
		character: {image: {digest: "sha256:0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"}}}`,
	"extras": `{commonLabels: {team: story}, commonAnnotations: {note: x}, character: {extraEnv: [{name: A, value: b}], extraEnvFrom: [{configMapRef: {name: c}}],
		extraArgs: ["--log-level=debug"], extraVolumes: [{name: v, emptyDir: {}}], extraVolumeMounts: [{name: v, mountPath: /v}], podLabels: {a: b},
		podAnnotations: {c: d}, commonLabels: {team: cast}, nodeSelector: {disk: ssd}, tolerations: [{key: a, operator: Exists}], priorityClassName: high,
		affinity: {nodeAffinity: {}}, topologySpreadConstraints: [{maxSkew: 1, topologyKey: zone, whenUnsatisfiable: ScheduleAnyway, labelSelector: {matchLabels: {a: b}}}], preStopSleepSeconds: 0,
		serviceAccount: {annotations: {a: b}}, service: {annotations: {a: b}}, publicURL: "https://api.example.org", log: {level: debug, format: text}}}`,
	"more containers": `{global: {restore: {enabled: true, source: claim, claim: backups}},
		character: {extraContainers: [{name: beside, image: "example.org/beside:1", resources: {requests: {cpu: 10m}, limits: {memory: 16Mi}}, securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}}],
		extraInitContainers: [{name: before, image: "example.org/before:1", resources: {requests: {cpu: 10m}, limits: {memory: 16Mi}}, securityContext: {allowPrivilegeEscalation: false, readOnlyRootFilesystem: true, capabilities: {drop: [ALL]}}}]}}`,
	"without extras": `{character: {networkPolicy: {enabled: false}, podDisruptionBudget: {enabled: false}, serviceAccount: {create: false}}}`,
	"rules":          `{character: {networkPolicy: {extraIngress: [{from: [{namespaceSelector: {}}]}], extraEgress: [{ports: [{port: 443}]}]}, podDisruptionBudget: {maxUnavailable: 0}}}`,
}

// serviceValues are value sets of a service's chart that is installed alone.
var serviceValues = map[string]string{
	"defaults":   ``,
	"ingress":    `{domain: example.org, gateway: {mode: ingress, tls: {enabled: true, certManager: {enabled: true, issuerRef: {name: x}}}, dns: {enabled: true}}}`,
	"keys":       `{gateway: {mode: ingress, keys: {writer: {existingSecret: w, additionalSecrets: [w2]}, reader: {additionalSecrets: [r2, r3]}}}}`,
	"replica":    `{replica: {url: "sftp://fountain@backup.example.org/copies", existingSecret: keys}}`,
	"PostgreSQL": `{storage: {engine: postgres}, database: {existingSecret: db}, replicas: 2, snapshot: {existingSecret: s}}`,
	"names":      `{nameOverride: cast, fullnameOverride: my-cast, snapshot: {existingSecret: s}, restore: {enabled: true, source: claim, claim: c}}`,
}

func TestAPIServerAcceptsEveryValueSet(t *testing.T) {
	t.Parallel()
	server := cluster.Start(t)
	for _, name := range slices.Sorted(maps.Keys(stackValues)) {
		t.Run(name, func(t *testing.T) {
			accepted(t, server.Config, server.Namespace(t, ""), charts.Umbrella, parse(t, stackValues[name]))
		})
	}
	for _, service := range charts.Services {
		for _, name := range slices.Sorted(maps.Keys(serviceValues)) {
			t.Run(service+" alone, "+name, func(t *testing.T) {
				accepted(t, server.Config, server.Namespace(t, ""), service, parse(t, serviceValues[name]))
			})
		}
	}
}

// accepted applies every object as a dry run, with unknown fields and warnings
// as errors. Of what makes pods it applies a pod too: the Pod Security level
// only warns about templates, and refuses pods.
func accepted(t *testing.T, config *rest.Config, namespace, chart string, values map[string]any) {
	t.Helper()
	objects, err := charts.Render(chart, charts.Release{Name: "fountainai", Namespace: namespace}, values)
	if err != nil {
		t.Fatal(err)
	}
	cluster := strictClient(t, config)
	seen := map[string]bool{}
	for _, object := range objects {
		key := object.GetKind() + " " + object.GetName()
		if seen[key] {
			t.Errorf("%s is rendered twice", key)
		}
		seen[key] = true
		if object.GetNamespace() != namespace {
			t.Errorf("%s is in namespace %q", key, object.GetNamespace())
		}
		for _, each := range append([]*unstructured.Unstructured{object}, pods(t, object)...) {
			if err := cluster.Create(context.Background(), each.DeepCopy(), client.DryRunAll); err != nil {
				t.Errorf("%s: %v", key, err)
			}
		}
	}
}

// pods returns the pod that an object would make, if it makes any, with the
// ServiceAccount that the test's namespace has.
func pods(t *testing.T, object *unstructured.Unstructured) []*unstructured.Unstructured {
	t.Helper()
	path := map[string][]string{
		"StatefulSet": {"spec", "template"}, "Deployment": {"spec", "template"},
		"CronJob": {"spec", "jobTemplate", "spec", "template"},
	}[object.GetKind()]
	if path == nil {
		return nil
	}
	template, found, err := unstructured.NestedMap(object.Object, path...)
	if err != nil || !found {
		t.Fatalf("%s %s has no pod template: %v", object.GetKind(), object.GetName(), err)
	}
	pod := &unstructured.Unstructured{Object: template}
	pod.SetAPIVersion("v1")
	pod.SetKind("Pod")
	pod.SetName("of-" + strings.ToLower(object.GetKind()))
	pod.SetNamespace(object.GetNamespace())
	for field, value := range map[string]string{"serviceAccountName": "default", "priorityClassName": ""} {
		if err := unstructured.SetNestedField(pod.Object, value, "spec", field); err != nil {
			t.Fatal(err)
		}
	}
	return []*unstructured.Unstructured{pod}
}

// strictClient makes a client that refuses unknown fields and fails the test
// for every warning of the API server.
func strictClient(t *testing.T, config *rest.Config) client.Client {
	t.Helper()
	strict := rest.CopyConfig(config)
	strict.WarningHandler = warnings{t}
	plain, err := client.New(strict, client.Options{})
	if err != nil {
		t.Fatal(err)
	}
	return client.WithFieldValidation(plain, "Strict")
}

type warnings struct{ t *testing.T }

// HandleWarningHeader fails the test.
func (w warnings) HandleWarningHeader(code int, agent, text string) {
	w.t.Errorf("the API server warns: %s", text)
}

// TestAPIServerRefuses shows that the test above would see what it looks for.
func TestAPIServerRefuses(t *testing.T) {
	server := cluster.Start(t)
	namespace := server.Namespace(t, "")
	objects, err := charts.Render("character", charts.Release{Name: "x", Namespace: namespace}, nil)
	if err != nil {
		t.Fatal(err)
	}
	set := find(t, objects, "StatefulSet", "x-character")
	container := func(object *unstructured.Unstructured) map[string]any {
		list, _, _ := unstructured.NestedSlice(object.Object, "spec", "containers")
		return list[0].(map[string]any)
	}
	for name, change := range map[string]func(*unstructured.Unstructured){
		"root": func(p *unstructured.Unstructured) {
			unstructured.RemoveNestedField(p.Object, "spec", "securityContext", "runAsNonRoot")
		},
		"host's disk": func(p *unstructured.Unstructured) {
			volumes := []any{map[string]any{"name": "h", "hostPath": map[string]any{"path": "/"}}, map[string]any{"name": "data", "emptyDir": map[string]any{}}, map[string]any{"name": "tmp", "emptyDir": map[string]any{}}}
			_ = unstructured.SetNestedSlice(p.Object, volumes, "spec", "volumes")
		},
		"a capability": func(p *unstructured.Unstructured) {
			changed := container(p)
			changed["securityContext"] = map[string]any{"allowPrivilegeEscalation": true}
			_ = unstructured.SetNestedSlice(p.Object, []any{changed}, "spec", "containers")
		},
		"an unknown field": func(p *unstructured.Unstructured) {
			_ = unstructured.SetNestedField(p.Object, "x", "spec", "nodeSelektor")
		},
	} {
		t.Run(name, func(t *testing.T) {
			pod := pods(t, set)[0]
			change(pod)
			plain, err := client.New(server.Config, client.Options{})
			if err != nil {
				t.Fatal(err)
			}
			err = client.WithFieldValidation(plain, "Strict").Create(context.Background(), pod, client.DryRunAll)
			if err == nil {
				t.Error("was accepted")
			} else if text := fmt.Sprint(err); !strings.Contains(text, "restricted") && !strings.Contains(text, "unknown field") {
				t.Errorf("was refused for another reason: %v", err)
			}
		})
	}
}
