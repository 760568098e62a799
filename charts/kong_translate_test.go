// What a comparison of configurations could overlook: fields and annotations
// that it does not read, objects that nothing names, and the path that the Kong
// Ingress Controller gives to every route.
package charts_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"fountain.coach/fountainai"
	"fountain.coach/fountainai/charts"
	"fountain.coach/fountainai/internal/gateway"
)

// understood lists, by kind, the fields and the controller's annotations that
// fromObjects reads. Any other could change what Kong does unseen: a plugin may
// be disabled, a route have more hosts.
var understood = map[string]struct{ fields, annotations []string }{
	"Ingress": {
		fields: []string{"spec.ingressClassName", "spec.rules", "spec.tls"},
		annotations: []string{"konghq.com/plugins", "konghq.com/methods", "konghq.com/protocols", "konghq.com/strip-path",
			"konghq.com/preserve-host", "konghq.com/response-buffering", "konghq.com/https-redirect-status-code"},
	},
	"Service": {
		fields: []string{"spec.type", "spec.selector", "spec.ports"},
		annotations: []string{"konghq.com/plugins", "konghq.com/upstream-policy", "konghq.com/protocol", "konghq.com/retries",
			"konghq.com/connect-timeout", "konghq.com/write-timeout", "konghq.com/read-timeout"},
	},
	"KongPlugin":         {[]string{"plugin", "config"}, []string{"kubernetes.io/ingress.class"}},
	"KongConsumer":       {[]string{"username", "credentials"}, []string{"konghq.com/plugins", "kubernetes.io/ingress.class"}},
	"KongUpstreamPolicy": {[]string{"spec.algorithm", "spec.healthchecks"}, []string{"kubernetes.io/ingress.class"}},
}

// translated is fromObjects for the objects of the demo release, of which
// nothing is overlooked.
func translated(t testing.TB, objects []*unstructured.Unstructured, prefix string) (kong, error) {
	t.Helper()
	if err := overlooked(t, objects, prefix); err != nil {
		return kong{}, err
	}
	return fromObjects(t, objects, demo.Name, prefix)
}

// overlooked names everything in the objects that fromObjects does not judge.
func overlooked(t testing.TB, objects []*unstructured.Unstructured, prefix string) error {
	t.Helper()
	var faults []error
	wanted := map[string]int{}
	for _, object := range objects {
		var found []string
		found = append(found, unread(object)...)
		for _, reference := range references(object) {
			wanted[reference]++
		}
		switch object.GetKind() {
		case "Ingress":
			found = append(found, ingressFaults(objects, object)...)
		case "KongConsumer":
			found = append(found, consumerFaults(t, objects, object, prefix)...)
		}
		if object.GetNamespace() != demo.Namespace {
			found = append(found, "stands in another namespace")
		}
		found = append(found, repeatedPlugins(objects, object)...)
		for _, fault := range found {
			faults = append(faults, fmt.Errorf("%s %s: %s", object.GetKind(), object.GetName(), fault))
		}
	}
	for _, object := range objects {
		credential := object.GetLabels()["konghq.com/credential"] != ""
		key := object.GetKind() + " " + object.GetName()
		if (credential || object.GetKind() == "KongPlugin" || object.GetKind() == "KongUpstreamPolicy") && wanted[key] == 0 {
			faults = append(faults, fmt.Errorf("%s is named by nothing", key))
		}
		if credential && wanted[key] > 1 {
			faults = append(faults, fmt.Errorf("%s is named %d times: a credential is one consumer's", key, wanted[key]))
		}
	}
	return errors.Join(faults...)
}

// unread lists the fields and annotations of an object that are not understood.
func unread(object *unstructured.Unstructured) []string {
	known, ok := understood[object.GetKind()]
	if !ok {
		if strings.HasSuffix(object.GroupVersionKind().Group, "konghq.com") {
			return []string{"is of a kind that is not translated"}
		}
		return nil
	}
	fields := slices.Collect(maps.Keys(object.Object))
	if spec, ok := object.Object["spec"].(map[string]any); ok {
		for field := range spec {
			fields = append(fields, "spec."+field)
		}
	}
	var found []string
	for _, field := range fields {
		if !slices.Contains([]string{"apiVersion", "kind", "metadata", "spec"}, field) && !slices.Contains(known.fields, field) {
			found = append(found, "field "+field+" is not read")
		}
	}
	for name := range object.GetAnnotations() {
		domain, _, _ := strings.Cut(name, "/")
		forKong := domain == "konghq.com" || domain == "ingress.kubernetes.io" || name == "kubernetes.io/ingress.class"
		if forKong && !slices.Contains(known.annotations, name) {
			found = append(found, "annotation "+name+" is not read")
		}
	}
	return found
}

// references lists what an object names for the controller, as kind and name.
func references(object *unstructured.Unstructured) []string {
	var found []string
	for _, name := range listed(object.GetAnnotations()["konghq.com/plugins"]) {
		found = append(found, "KongPlugin "+name)
	}
	if name := object.GetAnnotations()["konghq.com/upstream-policy"]; name != "" {
		found = append(found, "KongUpstreamPolicy "+name)
	}
	if object.GetKind() == "KongConsumer" {
		for _, name := range texts(object.Object["credentials"]) {
			found = append(found, "Secret "+name)
		}
	}
	return found
}

// objectNamed returns the object of that kind and name, or nil.
func objectNamed(objects []*unstructured.Unstructured, kind, name string) *unstructured.Unstructured {
	at := slices.IndexFunc(objects, func(o *unstructured.Unstructured) bool { return o.GetKind() == kind && o.GetName() == name })
	if at < 0 {
		return nil
	}
	return objects[at]
}

// repeatedPlugins: Kong takes one plugin of a kind on a route, a service or a
// consumer.
func repeatedPlugins(objects []*unstructured.Unstructured, object *unstructured.Unstructured) []string {
	var found []string
	seen := map[any]bool{}
	for _, name := range listed(object.GetAnnotations()["konghq.com/plugins"]) {
		plugin := objectNamed(objects, "KongPlugin", name)
		if plugin == nil {
			continue // fromObjects says so
		}
		if kind := plugin.Object["plugin"]; seen[kind] {
			found = append(found, fmt.Sprintf("has the plugin %v twice", kind))
		} else {
			seen[kind] = true
		}
	}
	return found
}

// ingressFaults: an Ingress must lead to a port that its Service has, and have a
// certificate for its hosts exactly where it takes nothing but HTTPS.
func ingressFaults(objects []*unstructured.Unstructured, ingress *unstructured.Unstructured) []string {
	var found, hosts, certified []string
	spec := ingress.Object["spec"].(map[string]any)
	for _, rule := range entries(spec["rules"]) {
		hosts = append(hosts, rule["host"].(string))
		for _, path := range entries(rule["http"].(map[string]any)["paths"]) {
			backend := path["backend"].(map[string]any)["service"].(map[string]any)
			port := backend["port"].(map[string]any)["name"]
			service := objectNamed(objects, "Service", backend["name"].(string))
			if service == nil || !slices.ContainsFunc(entries(service.Object["spec"].(map[string]any)["ports"]),
				func(p map[string]any) bool { return p["name"] == port }) {
				found = append(found, fmt.Sprintf("there is no port %v of %v", port, backend["name"]))
			}
		}
	}
	for _, tls := range entries(spec["tls"]) {
		if tls["secretName"] != "" {
			certified = append(certified, texts(tls["hosts"])...)
		}
	}
	var want []string
	if ingress.GetAnnotations()["konghq.com/protocols"] == "https" {
		want = hosts
	}
	if !slices.Equal(certified, want) {
		found = append(found, fmt.Sprintf("has certificates for %v, want them for %v", certified, want))
	}
	return found
}

// consumerFaults: a consumer has keys of its own and one group, and nothing by
// which it could be taken for a consumer of another release.
func consumerFaults(t testing.TB, objects []*unstructured.Unstructured, consumer *unstructured.Unstructured, prefix string) []string {
	var found []string
	kinds := map[string]int{}
	for _, name := range texts(consumer.Object["credentials"]) {
		secret := objectNamed(objects, "Secret", name)
		if secret == nil {
			continue // fromObjects says so
		}
		kinds[secret.GetLabels()["konghq.com/credential"]]++
		data, _, _ := unstructured.NestedStringMap(secret.Object, "data")
		if group := base64Text(t, data["group"]); group != "" && !strings.HasPrefix(group, prefix) {
			found = append(found, "the group "+group+" is not this release's")
		}
		for _, other := range objects {
			same, _, _ := unstructured.NestedString(other.Object, "data", "key")
			if other.GetKind() == "Secret" && other.GetName() != name && data["key"] != "" && same == data["key"] {
				found = append(found, "shares its key with "+other.GetName())
			}
		}
	}
	if kinds["key-auth"] == 0 || kinds["acl"] != 1 || len(kinds) != 2 {
		found = append(found, fmt.Sprintf("has the credentials %v, want keys and one group", kinds))
	}
	return found
}

// TestNothingIsOverlooked makes changes that leave all that fromObjects compares
// as it was, or nearly so.
func TestNothingIsOverlooked(t *testing.T) {
	set := func(kind, name string, value any, field ...string) func(testing.TB, []*unstructured.Unstructured) {
		return func(t testing.TB, objects []*unstructured.Unstructured) {
			if err := unstructured.SetNestedField(find(t, objects, kind, name).Object, value, field...); err != nil {
				t.Fatal(err)
			}
		}
	}
	annotate := func(kind, name, key, value string) func(testing.TB, []*unstructured.Unstructured) {
		return set(kind, name, value, "metadata", "annotations", key)
	}
	const writer, route, upstream = "fountainai-writer", "fountainai-character", "fountainai-character"
	for name, test := range map[string]struct {
		change func(testing.TB, []*unstructured.Unstructured)
		want   string
	}{
		"a plugin switched off":     {set("KongPlugin", "fountainai-key-auth", true, "disabled"), "field disabled"},
		"a plugin for HTTP alone":   {set("KongPlugin", "fountainai-acl-write", []any{"http"}, "protocols"), "field protocols"},
		"more hosts":                {annotate("Ingress", route, "konghq.com/host-aliases", "example.net"), "host-aliases"},
		"a path rewritten":          {annotate("Ingress", route, "konghq.com/rewrite", "/other"), "rewrite"},
		"another path prefix":       {annotate("Service", route, "konghq.com/path", "/v2"), "konghq.com/path"},
		"no balancing":              {annotate("Service", route, "ingress.kubernetes.io/service-upstream", "true"), "service-upstream"},
		"a redirect by annotation":  {annotate("Ingress", route, "ingress.kubernetes.io/force-ssl-redirect", "true"), "force-ssl-redirect"},
		"another identity":          {set("KongConsumer", writer, "writer", "custom_id"), "custom_id"},
		"balancing by header":       {set("KongUpstreamPolicy", upstream, map[string]any{"header": "X"}, "spec", "hashOn"), "hashOn"},
		"whatever has no rule":      {set("Ingress", route, map[string]any{}, "spec", "defaultBackend"), "defaultBackend"},
		"a consumer without a key":  {set("KongConsumer", writer, []any{"fountainai-group-writer"}, "credentials"), "credentials"},
		"a group of all of Kong":    {set("Secret", "fountainai-group-writer", "d3JpdGVycw==", "data", "group"), "not this release's"},
		"a plugin twice":            {annotate("Ingress", route+"-docs", "konghq.com/plugins", "fountainai-docs-rate-limiting,fountainai-rate-limiting"), "twice"},
		"another namespace":         {set("KongPlugin", "fountainai-cors", "other", "metadata", "namespace"), "namespace"},
		"a port that is not there":  {set("Service", route, []any{map[string]any{"name": "web"}}, "spec", "ports"), "no port http"},
		"HTTPS and no certificate":  {annotate("Ingress", route, "konghq.com/protocols", "https"), "certificates"},
		"a policy nobody asks for":  {set("KongUpstreamPolicy", upstream, "other", "metadata", "name"), "named by nothing"},
		"a credential nobody has":   {set("KongConsumer", writer, []any{"fountainai-key-reader", "fountainai-group-writer"}, "credentials"), "fountainai-key-writer is named by nothing"},
		"a credential of two":       {set("KongConsumer", writer, []any{"fountainai-key-writer", "fountainai-key-reader", "fountainai-group-writer"}, "credentials"), "fountainai-key-reader is named 2 times"},
		"a credential twice":        {set("KongConsumer", writer, []any{"fountainai-key-writer", "fountainai-key-writer", "fountainai-group-writer"}, "credentials"), "fountainai-key-writer is named 2 times"},
		"two groups":                {set("KongConsumer", writer, []any{"fountainai-key-writer", "fountainai-group-writer", "fountainai-group-reader"}, "credentials"), "one group"},
		"a kind nobody understands": {set("KongPlugin", "fountainai-cors", "KongClusterPlugin", "kind"), "not translated"},
		"the same key for two": {func(t testing.TB, objects []*unstructured.Unstructured) {
			key, _, _ := unstructured.NestedString(find(t, objects, "Secret", "fountainai-key-reader").Object, "data", "key")
			set("Secret", "fountainai-key-writer", key, "data", "key")(t, objects)
		}, "shares its key"},
	} {
		t.Run(name, func(t *testing.T) {
			objects := render(t, charts.Umbrella, nil)
			test.change(t, objects)
			if err := overlooked(t, objects, demoPrefix); err == nil || !strings.Contains(err.Error(), test.want) {
				t.Errorf("got %v, want a word about %q", err, test.want)
			}
		})
	}
}

// TestThePathTheControllerAddsChangesNothing: an Ingress always has a path, so
// that behind the controller the routes have "/" where kong.yml names none. Kong
// prefers the route that names the most attributes, and now each names one more:
// the same routes must still win.
func TestThePathTheControllerAddsChangesNothing(t *testing.T) {
	const reader, writer = "a-reader-key-of-enough-characters", "a-writer-key-of-enough-characters"
	asInFile, asTranslated := keyed(t, nil, reader, writer), keyed(t, []string{"/"}, reader, writer)
	for _, test := range []struct {
		method, path, key string
		want              int
	}{
		{"GET", "/characters", "", http.StatusUnauthorized},
		{"GET", "/characters", reader, http.StatusOK},
		{"GET", "/characters", writer, http.StatusOK},
		{"POST", "/characters", reader, http.StatusForbidden},
		{"POST", "/characters", writer, http.StatusOK},
		{"DELETE", "/characters/1", reader, http.StatusForbidden},
		{"PROPFIND", "/characters", reader, http.StatusOK},
		{"PROPFIND", "/characters", "", http.StatusUnauthorized},
		{"GET", "/", "", http.StatusUnauthorized},
		{"GET", "/openapi.json", "", http.StatusOK},
		{"HEAD", "/openapi.yaml", "", http.StatusOK},
		{"GET", "/docs/index.html", "", http.StatusOK},
		{"POST", "/openapi.json", "", http.StatusUnauthorized},
		{"POST", "/openapi.json", reader, http.StatusForbidden},
		{"GET", "/openapi.json.bak", "", http.StatusUnauthorized},
		{"GET", "/docs/../characters", "", http.StatusUnauthorized},
	} {
		for form, handler := range map[string]http.Handler{"as in kong.yml": asInFile, "as translated": asTranslated} {
			request := httptest.NewRequest(test.method, "http://character.fountain.coach"+test.path, nil)
			if test.key != "" {
				request.Header.Set("X-API-Key", test.key)
			}
			answer := httptest.NewRecorder()
			handler.ServeHTTP(answer, request)
			if answer.Code != test.want {
				t.Errorf("%s %s with key %q, routes %s: %d, want %d", test.method, test.path, test.key, form, answer.Code, test.want)
			}
		}
	}
}

// keyed is the embedded gateway with kong.yml, a key for each consumer, and
// services that answer 200. Routes that name no path get paths.
func keyed(t *testing.T, paths []string, reader, writer string) http.Handler {
	t.Helper()
	config, err := gateway.ParseConfig(strings.NewReader(string(fountainai.KongConfig)))
	if err != nil {
		t.Fatal(err)
	}
	for _, service := range config.Services {
		for i := range service.Routes {
			if len(service.Routes[i].Paths) == 0 {
				service.Routes[i].Paths = paths
			}
		}
	}
	if err := errors.Join(config.AddKey("reader", reader), config.AddKey("writer", writer)); err != nil {
		t.Fatal(err)
	}
	backend := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) {}))
	t.Cleanup(backend.Close)
	handler := gateway.New(config, gateway.Options{
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return (&net.Dialer{}).DialContext(ctx, network, backend.Listener.Addr().String())
		},
		Logger: slog.New(slog.DiscardHandler), AccessLog: io.Discard,
	})
	t.Cleanup(func() { _ = handler.Close() })
	return handler
}
