// What the schemas of the charts' values refuse, and what they take. No cluster
// is needed.
package charts_test

import (
	"maps"
	"os"
	"slices"
	"strings"
	"testing"

	"sigs.k8s.io/yaml"

	"fountain.coach/fountainai/charts"
)

func TestTheSchemaRefusesMistakes(t *testing.T) {
	for _, test := range []struct{ chart, values, want string }{
		{charts.Umbrella, `{globl: {}}`, "globl"},
		{charts.Umbrella, `{global: {domian: x}}`, "domian"},
		{charts.Umbrella, `{global: {gateway: {mode: ingres}}}`, "/global/gateway/mode"},
		{charts.Umbrella, `{global: {gateway: {tls: {enable: true}}}}`, "enable"},
		{charts.Umbrella, `{global: {gateway: {rateLimit: {perMinute: 0}}}}`, "perMinute"},
		{charts.Umbrella, `{global: {gateway: {cors: {origins: "*"}}}}`, "origins"},
		{charts.Umbrella, `{global: {gateway: {dbless: {engine: nginx}}}}`, "engine"},
		{charts.Umbrella, `{global: {gateway: {dbless: {replicas: "2"}}}}`, "replicas"},
		{charts.Umbrella, `{global: {domain: "Example_org"}}`, "domain"},
		{charts.Umbrella, `{global: {backup: {schedule: "every day"}}}`, "schedule"},
		{charts.Umbrella, `{global: {backup: {objectStore: {endpoint: "minio:9000"}}}}`, "endpoint"},
		{charts.Umbrella, `{global: {imagePullSecrets: [pull]}}`, "imagePullSecrets"},
		{charts.Umbrella, `{global: {replica: {url: "gs://bucket"}}}`, "/global/replica/url"},
		{charts.Umbrella, `{global: {replica: {url: "sftp://me:secret@host/path"}}}`, "/global/replica/url"},
		{charts.Umbrella, `{global: {replica: {url: "s3://id:secret@bucket"}}}`, "/global/replica/url"},
		{"character", `{replica: {restoreAt: yesterday}}`, "restoreAt"},
		{"character", `{replica: {startEmpty: "yes"}}`, "startEmpty"},
		{charts.Umbrella, `{global: {imageTag: 1.2}}`, "imageTag"},
		{charts.Umbrella, `{character: {storage: {size: 3}}}`, "/storage/size"},
		{charts.Umbrella, `{character: {sotrage: {}}}`, "sotrage"},
		{"character", `{storage: {sise: 3Gi}}`, "sise"},
		{"character", `{storage: {size: 3}}`, "size"},
		{"character", `{storage: {size: big}}`, "size"},
		{"character", `{storage: {engine: mysql}}`, "engine"},
		{charts.Umbrella, `{global: {storageEngine: files}}`, "storageEngine"},
		{"character", `{database: {port: 0}}`, "/database/port"},
		{"character", `{database: {key: "a/b"}}`, "/database/key"},
		{"character", `{database: {peers: [server]}}`, "/database/peers/0"},
		{"character", `{database: {existingSecret: My_Secret}}`, "existingSecret"},
		{"character", `{autoscaling: {maxReplicas: 0}}`, "maxReplicas"},
		{"character", `{autoscaling: {cpuPercent: 0}}`, "cpuPercent"},
		{"character", `{storage: {retention: keep}}`, "retention"},
		{"character", `{storage: {accessModes: [ReadOnlyMany]}}`, "accessModes"},
		{"character", `{image: {digest: "sha256:abc"}}`, "digest"},
		{"character", `{log: {level: verbose}}`, "level"},
		{"character", `{gateway: {mode: dbless}}`, "mode"},
		{"character", `{replicas: 0}`, "replicas"},
		{"character", `{global: {domian: x}}`, "domian"},
		{"character", `{global: {gateway: {tls: {enable: true}}}}`, "'enable' not allowed"},
		{"character", `{global: {gateway: {dbless: {service: {tipe: NodePort}}}}}`, "'tipe' not allowed"},
		{"character", `{global: {gateway: {mode: ingres}}}`, "/global/gateway/mode"},
		{"character", `{service: {port: 70000}}`, "port"},
		{"character", `{nodeSelector: {a: 1}}`, "nodeSelector"},
		{"character", `{image: {registry: "https://registry.example.org"}}`, "/image/registry"},
		{"character", `{image: {registry: "registry.example.org team"}}`, "/image/registry"},
		{"character", `{global: {imageRegistry: "http://registry.example.org"}}`, "/global/imageRegistry"},
		{charts.Umbrella, `{global: {imageRegistry: "https://registry.example.org/team"}}`, "/global/imageRegistry"},
		{charts.Umbrella, `{global: {fountainImage: {registry: "oci://registry.example.org"}}}`, "/global/fountainImage/registry"},
		{charts.Umbrella, `{global: {gateway: {dbless: {image: {registry: "https://docker.io"}}}}}`, "/dbless/image/registry"},
		{charts.Operator, `{image: {registry: "https://registry.example.org"}}`, "/image/registry"},
		{"character", `{monitoring: {serviceMonitor: {interval: "30"}}}`, "interval"},
		{"character", `{monitoring: {serviceMonitor: {interval: 30s1m}}}`, "interval"},
		{"character", `{monitoring: {serviceMonitor: {interval: 1.5m}}}`, "interval"},
		{"character", `{monitoring: {serviceMonitor: {scrapeTimeout: 0s}}}`, "scrapeTimeout"},
		{charts.Operator, `{monitoring: {serviceMonitor: {interval: ""}}}`, "interval"},
		{"character", `{extraEnv: [A=1]}`, "/extraEnv/0"},
		{"character", `{extraEnv: [{value: "1"}]}`, "/extraEnv/0"},
		{"character", `{extraEnvFrom: [settings]}`, "/extraEnvFrom/0"},
		{"character", `{extraVolumes: [scratch]}`, "/extraVolumes/0"},
		{"character", `{extraVolumeMounts: [{name: scratch}]}`, "/extraVolumeMounts/0"},
		{"character", `{extraContainers: [beside]}`, "/extraContainers/0"},
		{"character", `{extraInitContainers: [before]}`, "/extraInitContainers/0"},
		{"character", `{tolerations: [gpu]}`, "/tolerations/0"},
		{charts.Operator, `{tolerations: ["gpu=true:NoSchedule"]}`, "/tolerations/0"},
		{charts.Umbrella, `{global: {gateway: {dbless: {tolerations: [gpu]}}}}`, "/tolerations/0"},
		{"character", `{topologySpreadConstraints: [zone]}`, "/topologySpreadConstraints/0"},
		{"character", `{topologySpreadConstraints: [{topologyKey: zone}]}`, "/topologySpreadConstraints/0"},
		{"character", `{networkPolicy: {extraIngress: [all]}}`, "/extraIngress/0"},
		{"character", `{networkPolicy: {extraEgress: [all]}}`, "/extraEgress/0"},
		{"character", `{podDisruptionBudget: {maxUnavailable: "900%"}}`, "maxUnavailable"},
		{"character", `{podDisruptionBudget: {maxUnavailable: "101%"}}`, "maxUnavailable"},
		{"character", `{podDisruptionBudget: {maxUnavailable: "1"}}`, "maxUnavailable"},
		{"character", `{storage: {existingClaim: My_Claim}}`, "existingClaim"},
		{"character", `{storage: {className: "Fast Disk"}}`, "className"},
		{"character", `{restore: {enabled: true, source: claim, claim: ../backups}}`, "/restore/claim"},
		{"character", `{snapshot: {existingSecret: TOKEN}}`, "existingSecret"},
		{"character", `{priorityClassName: "very high"}`, "priorityClassName"},
		{"character", `{gateway: {ingressClassName: ""}}`, "ingressClassName"},
		{"character", `{monitoring: {namespace: ""}}`, "/monitoring/namespace"},
		{charts.Umbrella, `{global: {gateway: {keys: {writer: {existingSecret: "-writer"}}}}}`, "existingSecret"},
		{charts.Umbrella, `{global: {gateway: {keys: {writer: {additionalSecrets: w2}}}}}`, "/writer/additionalSecrets"},
		{charts.Umbrella, `{global: {gateway: {keys: {writer: {additionalSecrets: [""]}}}}}`, "/writer/additionalSecrets/0"},
		{charts.Umbrella, `{global: {gateway: {keys: {writer: {additionalSecrets: [w2, w3, w2]}}}}}`, "/writer/additionalSecrets"},
		{charts.Umbrella, `{global: {gateway: {keys: {reader: {additionalSecrets: [{name: r2}]}}}}}`, "/reader/additionalSecrets/0"},
		{charts.Umbrella, `{global: {gateway: {keys: {reader: {additionalSecrets: [a, b, c, d, e, f, g, h, i]}}}}}`, "/reader/additionalSecrets"},
		{"character", `{gateway: {keys: {reader: {additionalSecrets: ["Reader 2"]}}}}`, "/reader/additionalSecrets/0"},
		{charts.Umbrella, `{global: {gateway: {ingressClassName: ""}}}`, "ingressClassName"},
		{charts.Umbrella, `{global: {gateway: {controller: {namespace: kong.system}}}}`, "/controller/namespace"},
		{charts.Umbrella, `{global: {imagePullSecrets: [{name: Pull}]}}`, "imagePullSecrets"},
		{charts.Umbrella, `{global: {backup: {claim: {existingClaim: a/b}}}}`, "existingClaim"},
		{charts.Umbrella, `{global: {backup: {timeZone: ""}}}`, "timeZone"},
		{charts.Umbrella, `{global: {backup: {timeZone: Local}}}`, "timeZone"},
		{charts.Umbrella, `{global: {backup: {timeZone: "Europe Berlin"}}}`, "timeZone"},
		{charts.Operator, `{monitoring: {serviceAccount: {name: ""}}}`, "/monitoring/serviceAccount/name"},
		{"storyfactory", `{peers: {caracter: "http://x"}}`, "caracter"},
	} {
		_, err := charts.Render(test.chart, demo, parse(t, test.values))
		if err == nil {
			t.Errorf("%s takes %s", test.chart, test.values)
		} else if !strings.Contains(err.Error(), test.want) {
			t.Errorf("%s refuses %s with %q, want %q in it", test.chart, test.values, err, test.want)
		}
	}
}

// TestTheSameMistakesAreTheSameMessage each time: the operator writes it to the
// status of a stack, which must come to rest.
func TestTheSameMistakesAreTheSameMessage(t *testing.T) {
	values := parse(t, `character: {image: {repository: "../x y", tag: "a:b", digest: z}, log: {level: loud}, storage: {size: "0", retention: Never}}`)
	said := map[string]bool{}
	for range 20 {
		_, err := charts.Render(charts.Umbrella, demo, values)
		if err == nil || !strings.Contains(err.Error(), "/image/tag") {
			t.Fatalf("got %v, want that the tag is refused", err)
		}
		said[err.Error()] = true
	}
	if len(said) != 1 {
		t.Errorf("%d messages, want one: %v", len(said), slices.Collect(maps.Keys(said)))
	}
}

// TestTheTemplatesRefuseContradictions: what the schema cannot see, because each
// setting is right by itself. The message says what to do.
func TestTheTemplatesRefuseContradictions(t *testing.T) {
	const noTLS, both = `{tls: {certManager: {enabled: true, issuerRef: {name: x}}}}`, ": set both to true, or neither"
	for _, test := range []struct{ chart, values, want, advice string }{
		{charts.Umbrella, `{global: {restore: {enabled: true, objectStore: {bucket: copies}}, replica: {url: "s3://copies"}}}`, "global.restore.enabled would fill", "leave global.replica.url out"},
		{"character", `{restore: {enabled: true, objectStore: {bucket: copies}}, replica: {url: "s3://copies"}}`, " restore.enabled would fill", "leave replica.url out"},
		{charts.Umbrella, `{global: {replica: {restoreAt: "2026-11-25T20:30:00Z"}}}`, "global.replica.url is missing", "without it there is no replica"},
		{charts.Umbrella, `{global: {replica: {url: "sftp://me@host/path"}}}`, "global.replica.existingSecret", "FOUNTAIN_SFTP_KNOWN_HOSTS"},
		{charts.Umbrella, `{global: {gateway: ` + noTLS + `}}`, "global.gateway.tls.certManager.enabled needs global.gateway.tls.enabled", both},
		{charts.Umbrella, `{global: {gateway: {mode: dbless, ` + noTLS[1:] + `}}`, "global.gateway.tls.certManager.enabled needs global.gateway.tls.enabled", both},
		{"character", `{gateway: {mode: ingress, ` + noTLS[1:] + `}`, " gateway.tls.certManager.enabled needs gateway.tls.enabled", both},
	} {
		_, err := charts.Render(test.chart, demo, parse(t, test.values))
		if err == nil {
			t.Errorf("%s takes %s", test.chart, test.values)
		} else if !strings.Contains(err.Error(), test.want) || !strings.Contains(err.Error(), test.advice) {
			t.Errorf("%s refuses %s with %q, want %q and %q in it", test.chart, test.values, err, test.want, test.advice)
		}
	}
}

func TestTheSchemaTakesWhatIsRight(t *testing.T) {
	for _, test := range []struct{ chart, values string }{
		{"character", `{image: {registry: registry.example.org}}`},
		{"character", `{image: {registry: "registry.example.org:5000/team/stories/"}}`},
		{"character", `{image: {registry: "localhost:5000"}}`},
		{"character", `{image: {registry: my_team}}`},
		{"character", `{monitoring: {serviceMonitor: {interval: 1m30s, scrapeTimeout: 1s500ms}}}`},
		{"character", `{monitoring: {serviceMonitor: {interval: 1d}}}`},
		{"character", `{podDisruptionBudget: {maxUnavailable: "100%"}}`},
		{"character", `{podDisruptionBudget: {maxUnavailable: "5%"}}`},
		{"character", `{podDisruptionBudget: {maxUnavailable: 2}}`},
		{"character", `{storage: {existingClaim: data.of-2025}, snapshot: {existingSecret: 4tokens}}`},
		{"character", `{networkPolicy: {extraIngress: [{}]}}`},
		{charts.Umbrella, `{global: {backup: {enabled: true, timeZone: America/Argentina/Buenos_Aires}}}`},
		{charts.Umbrella, `{global: {backup: {enabled: true, timeZone: Etc/GMT+5}}}`},
		{charts.Umbrella, `{global: {imageRegistry: 111122223333.dkr.ecr.eu-central-1.amazonaws.com}}`},
	} {
		if _, err := charts.Render(test.chart, demo, parse(t, test.values)); err != nil {
			t.Errorf("%s refuses %s: %v", test.chart, test.values, err)
		}
	}
}

// TestAStackAndTheChartAskTheSameOfARegistry: what one of them refuses, the
// other does not let through.
func TestAStackAndTheChartAskTheSameOfARegistry(t *testing.T) {
	inStack := patternOf(t, "fountain-operator/crds/fountain.coach_fountainstacks.yaml", "spec.versions.0.schema.openAPIV3Schema.properties.spec.properties.images.properties.registry")
	inChart := patternOf(t, "fountainai/values.schema.json", "properties.global.properties.imageRegistry")
	if inStack == "" || inStack != inChart {
		t.Errorf("a stack asks for %q, the chart for %q", inStack, inChart)
	}
}

// patternOf returns the pattern of the schema at a path in a file.
func patternOf(t *testing.T, file, path string) string {
	t.Helper()
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var at any
	if err := yaml.Unmarshal(content, &at); err != nil {
		t.Fatal(err)
	}
	for step := range strings.SplitSeq(path, ".") {
		if list, ok := at.([]any); ok && len(list) > 0 {
			at = list[0]
			continue
		}
		at = at.(map[string]any)[step]
	}
	pattern, _ := at.(map[string]any)["pattern"].(string)
	return pattern
}
