// kong.yml and the charts agree, in both gateway modes.
package charts_test

import (
	"encoding/base64"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fountain.coach/fountainai"
	"fountain.coach/fountainai/charts"
	"fountain.coach/fountainai/internal/gateway"
)

const demoPrefix = "demo.fountainai."

// committed is kong.yml for the domain.
func committed(domain string) string {
	return strings.ReplaceAll(string(fountainai.KongConfig), "fountain.coach", domain)
}

func base64Text(t testing.TB, text string) string {
	content, err := base64.StdEncoding.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// orchestrated are values of a stack with the one service that may be missing.
const orchestrated = `orchestrator: {enabled: true, existingSecret: model}`

func TestIngressesSayWhatKongYMLSays(t *testing.T) {
	for name, values := range map[string]string{"as it is": "{}", "with the orchestrator": orchestrated} {
		t.Run(name, func(t *testing.T) {
			chosen := parse(t, values)
			chosen["global"] = map[string]any{"domain": "example.org"}
			got, err := translated(t, render(t, charts.Umbrella, chosen), demoPrefix)
			if err != nil {
				t.Fatal(err)
			}
			want := fromFile(t, committed("example.org"))
			if values != orchestrated {
				delete(want.Services, "orchestrator")
			}
			if got.text(t) != want.text(t) {
				t.Errorf("the objects say\n%s\nand kong.yml says\n%s", got.text(t), want.text(t))
			}
		})
	}
}

func TestHTTPSAloneWithACertificate(t *testing.T) {
	objects := render(t, charts.Umbrella, parse(t, "global: {gateway: {tls: {enabled: true, existingSecret: c}}}\n"+orchestrated))
	got, err := translated(t, objects, demoPrefix)
	if err != nil {
		t.Fatal(err)
	}
	want := fromFile(t, string(fountainai.KongConfig))
	for _, service := range want.Services {
		for name, route := range service.Routes {
			route.Protocols, route.RedirectStatus = []string{"https"}, 308
			service.Routes[name] = route
		}
	}
	if got.text(t) != want.text(t) {
		t.Errorf("the objects say\n%s\nwant\n%s", got.text(t), want.text(t))
	}
}

func TestOneServiceAloneHasItsRoutes(t *testing.T) {
	objects := render(t, "character", parse(t, `{gateway: {mode: ingress}}`))
	got, err := translated(t, objects, "demo.fountainai-character.")
	if err != nil {
		t.Fatal(err)
	}
	want := fromFile(t, string(fountainai.KongConfig))
	want.Services = map[string]kongService{"character": want.Services["character"]}
	if got.text(t) != want.text(t) {
		t.Errorf("the objects say\n%s\nwant\n%s", got.text(t), want.text(t))
	}
}

// kongYML returns the kong.yml that a release in the mode dbless gives to Kong.
func kongYML(t testing.TB, values string) string {
	t.Helper()
	objects := render(t, charts.Umbrella, parse(t, values))
	data, _, _ := unstructured.NestedStringMap(find(t, objects, "ConfigMap", "fountainai-gateway").Object, "data")
	return data["kong.yml"]
}

func TestDBLessKongGetsKongYML(t *testing.T) {
	const plain = "global: {domain: example.org, gateway: {mode: dbless}}\n"
	rendered := kongYML(t, plain+orchestrated)
	want := strings.Replace(committed("example.org"), "host: orchestrator\n", "host: fountainai-orchestrator.demo.svc\n", 1)
	for _, service := range charts.Services {
		want = strings.ReplaceAll(want, "target: "+service+":8000", "target: fountainai-"+service+".demo.svc:8000")
	}
	if got, want := asJSONTree(t, rendered), asJSONTree(t, want); got != want {
		t.Errorf("the chart renders\n%s\nwant\n%s", got, want)
	}
	// Without the orchestrator it is the same but for the last of the services.
	without := parse(t, want)
	services := without["services"].([]any)
	without["services"] = services[:len(charts.Services)]
	if got := asJSONTree(t, kongYML(t, plain)); got != asJSON(t, without) || services[len(charts.Services)].(map[string]any)["name"] != "orchestrator" {
		t.Errorf("without the orchestrator the chart renders\n%s\nwant\n%s", got, asJSON(t, without))
	}
	path := filepath.Join(t.TempDir(), "kong.yml")
	if err := os.WriteFile(path, []byte(rendered), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := gateway.LoadConfig(path); err != nil {
		t.Errorf("the embedded gateway refuses it: %v", err)
	}
}

func TestBothModesTakeTheSameSettings(t *testing.T) {
	const settings = `domain: example.org
  gateway: {mode: MODE, accessLog: false, maxBodyKilobytes: 100, cors: {origins: ["https://a.example.org"]}, rateLimit: {perMinute: 7, docsPerMinute: 3}}`
	values := func(mode string) string {
		return "global:\n  " + strings.Replace(settings, "MODE", mode, 1) + "\n" + orchestrated
	}
	got, err := translated(t, render(t, charts.Umbrella, parse(t, values("ingress"))), demoPrefix)
	if err != nil {
		t.Fatal(err)
	}
	file := fromFile(t, kongYML(t, values("dbless")))
	if got.text(t) != file.text(t) {
		t.Errorf("ingress says\n%s\ndbless says\n%s", got.text(t), file.text(t))
	}
	for _, want := range []string{`"minute": 7`, `"minute": 3`, "https://a.example.org", `"allowed_payload_size": 100`} {
		if !strings.Contains(got.text(t), want) {
			t.Errorf("no %s in\n%s", want, got.text(t))
		}
	}
	if strings.Contains(got.text(t), "file-log") {
		t.Error("an access log nobody asked for")
	}
}

// TestStacksDoNotShareKeys: usernames and groups are common to a whole Kong, so
// two releases must not have any in common.
func TestStacksDoNotShareKeys(t *testing.T) {
	seen := map[string]string{}
	for _, release := range []charts.Release{{Name: "story", Namespace: "a"}, {Name: "story", Namespace: "b"}, {Name: "other", Namespace: "a"}} {
		objects, err := charts.Render(charts.Umbrella, release, nil)
		if err != nil {
			t.Fatal(err)
		}
		for _, object := range objects {
			var names []string
			if object.GetKind() == "KongConsumer" {
				names = append(names, "username "+object.Object["username"].(string))
			}
			if group, found, _ := unstructured.NestedString(object.Object, "data", "group"); found {
				names = append(names, "group "+base64Text(t, group))
			}
			for _, name := range names {
				if before, found := seen[name]; found {
					t.Errorf("%s is in %s and in %v", name, before, release)
				}
				seen[name] = release.Namespace + "/" + release.Name
			}
		}
	}
	if len(seen) != 12 {
		t.Errorf("%d names, want two users and two groups for each of three releases: %v", len(seen), seen)
	}
}

// TestTheComparisonBites changes one thing at a time, which must be seen.
func TestTheComparisonBites(t *testing.T) {
	want := fromFile(t, string(fountainai.KongConfig)).text(t)
	annotate := func(kind, name, key, value string) func([]*unstructured.Unstructured) {
		return func(objects []*unstructured.Unstructured) {
			object := find(t, objects, kind, name)
			notes := object.GetAnnotations()
			notes[key] = value
			object.SetAnnotations(notes)
		}
	}
	configure := func(name, field string, value any) func([]*unstructured.Unstructured) {
		return func(objects []*unstructured.Unstructured) {
			_ = unstructured.SetNestedField(find(t, objects, "KongPlugin", name).Object, value, "config", field)
		}
	}
	for name, change := range map[string]func([]*unstructured.Unstructured){
		"the orchestrator may ask half a minute": annotate("Service", "fountainai-orchestrator", "konghq.com/read-timeout", "30000"),
		"streams are held back":                  annotate("Ingress", "fountainai-orchestrator", "konghq.com/response-buffering", "true"),
		"keys can be guessed":                    annotate("Ingress", "fountainai-orchestrator", "konghq.com/plugins", "fountainai-orchestrator-size-limiting"),
		"a route without a key":                  annotate("Ingress", "fountainai-character", "konghq.com/plugins", "fountainai-acl-read"),
		"readers may write":                      annotate("Ingress", "fountainai-character-write", "konghq.com/plugins", "fountainai-key-auth,fountainai-acl-read"),
		"a plugin that is not":                   annotate("Ingress", "fountainai-character", "konghq.com/plugins", "fountainai-nothing"),
		"a method missing":                       annotate("Ingress", "fountainai-character-write", "konghq.com/methods", "POST,PUT,PATCH"),
		"paths are cut off":                      annotate("Ingress", "fountainai-storyfactory", "konghq.com/strip-path", "true"),
		"another time-out":                       annotate("Service", "fountainai-storyfactory", "konghq.com/read-timeout", "60000"),
		"a consumer without budget":              annotate("KongConsumer", "fountainai-reader", "konghq.com/plugins", "fountainai-cors"),
		"keys reach the services":                configure("fountainai-key-auth", "hide_credentials", false),
		"keys in addresses":                      configure("fountainai-key-auth", "key_in_query", true),
		"strangers admitted":                     configure("fountainai-acl-write", "allow", []any{"demo.other.writers"}),
		"a reader in the wrong group": func(objects []*unstructured.Unstructured) {
			group := base64.StdEncoding.EncodeToString([]byte(demoPrefix + "writers"))
			_ = unstructured.SetNestedField(find(t, objects, "Secret", "fountainai-group-reader").Object, group, "data", "group")
		},
		"a key without its label": func(objects []*unstructured.Unstructured) {
			find(t, objects, "Secret", "fountainai-key-writer").SetLabels(nil)
		},
		"another host": func(objects []*unstructured.Unstructured) {
			_ = unstructured.SetNestedSlice(find(t, objects, "Ingress", "fountainai-character-docs").Object, nil, "spec", "rules")
		},
	} {
		t.Run(name, func(t *testing.T) {
			objects := render(t, charts.Umbrella, parse(t, orchestrated))
			change(objects)
			got, err := translated(t, objects, demoPrefix)
			if err == nil && got.text(t) == want {
				t.Error("nobody noticed")
			}
		})
	}
}

// asJSONTree is YAML as JSON: the order of its keys does not count.
func asJSONTree(t *testing.T, text string) string {
	t.Helper()
	return asJSON(t, parse(t, text))
}
