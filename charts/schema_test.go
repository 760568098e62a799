// What the schemas of the charts' values refuse, and what they take. No cluster
// is needed.
package charts_test

import (
	"os"
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
		{charts.Umbrella, `{global: {imageTag: 1.2}}`, "imageTag"},
		{charts.Umbrella, `{character: {storage: {size: 3}}}`, "/storage/size"},
		{charts.Umbrella, `{character: {sotrage: {}}}`, "sotrage"},
		{"character", `{storage: {sise: 3Gi}}`, "sise"},
		{"character", `{storage: {size: 3}}`, "size"},
		{"character", `{storage: {size: big}}`, "size"},
		{"character", `{storage: {engine: postgres}}`, "engine"},
		{"character", `{storage: {retention: keep}}`, "retention"},
		{"character", `{storage: {accessModes: [ReadOnlyMany]}}`, "accessModes"},
		{"character", `{image: {digest: "sha256:abc"}}`, "digest"},
		{"character", `{log: {level: verbose}}`, "level"},
		{"character", `{gateway: {mode: dbless}}`, "mode"},
		{"character", `{replicas: 2}`, "replicas"},
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

func TestTheSchemaTakesWhatIsRight(t *testing.T) {
	for _, test := range []struct{ chart, values string }{
		{"character", `{image: {registry: registry.example.org}}`},
		{"character", `{image: {registry: "registry.example.org:5000/team/stories/"}}`},
		{"character", `{image: {registry: "localhost:5000"}}`},
		{"character", `{image: {registry: my_team}}`},
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
