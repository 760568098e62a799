// What the schemas of the charts' values refuse, and what they take. No cluster
// is needed.
package charts_test

import (
	"strings"
	"testing"

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
