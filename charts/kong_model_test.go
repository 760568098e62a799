// What Kong is told, in one form, whether kong.yml says it or the objects that
// the Kong Ingress Controller translates.
package charts_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// kong is a configuration of Kong, by names.
type kong struct {
	Services  map[string]kongService
	Consumers map[string]kongConsumer
}

type kongService struct {
	ConnectTimeout, WriteTimeout, ReadTimeout, Retries int
	Protocol                                           string
	Algorithm                                          string
	Healthchecks                                       map[string]any
	Plugins                                            map[string]any
	Routes                                             map[string]kongRoute
}

type kongRoute struct {
	Hosts, Methods, Paths, Protocols []string
	StripPath, PreserveHost          bool
	ResponseBuffering                bool
	RedirectStatus                   int
	Plugins                          map[string]any
}

type kongConsumer struct {
	Groups  []string
	Plugins map[string]any
	Keys    []string `json:"-"` // names of the Secrets of its keys: kong.yml has none to compare
}

// text is the configuration as JSON with sorted keys, to compare and to read.
func (k kong) text(t testing.TB) string {
	t.Helper()
	content, err := json.MarshalIndent(k, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

// fromFile reads a kong.yml. What it has for every request is told as the
// charts tell it: on every service, and the budget on every consumer. Hosts
// under localhost are for one machine.
func fromFile(t testing.TB, content string) kong {
	t.Helper()
	file := parse(t, content)
	upstreams := map[string]map[string]any{}
	for _, each := range entries(file["upstreams"]) {
		upstreams[each["name"].(string)] = each
	}
	everywhere := plugins(file["plugins"])
	budget := map[string]any{"rate-limiting": everywhere["rate-limiting"]}
	delete(everywhere, "rate-limiting")
	result := kong{Services: map[string]kongService{}, Consumers: map[string]kongConsumer{}}
	for _, each := range entries(file["services"]) {
		upstream := upstreams[each["host"].(string)] // the orchestrator has none
		service := kongService{
			ConnectTimeout: number(each["connect_timeout"]), WriteTimeout: number(each["write_timeout"]),
			ReadTimeout: number(each["read_timeout"]), Retries: number(each["retries"]),
			Protocol: each["protocol"].(string), Plugins: everywhere, Routes: map[string]kongRoute{},
		}
		if upstream != nil {
			service.Algorithm, service.Healthchecks = upstream["algorithm"].(string), upstream["healthchecks"].(map[string]any)
		}
		for _, route := range entries(each["routes"]) {
			service.Routes[route["name"].(string)] = kongRoute{
				Hosts:   slices.DeleteFunc(texts(route["hosts"]), func(host string) bool { return strings.HasSuffix(host, ".localhost") }),
				Methods: texts(route["methods"]), Paths: texts(route["paths"]), Protocols: texts(route["protocols"]),
				StripPath: route["strip_path"].(bool), PreserveHost: route["preserve_host"].(bool),
				ResponseBuffering: route["response_buffering"] != false,
				RedirectStatus:    number(route["https_redirect_status_code"]), Plugins: plugins(route["plugins"]),
			}
		}
		result.Services[each["name"].(string)] = service
	}
	for _, each := range entries(file["consumers"]) {
		consumer := kongConsumer{Plugins: budget}
		for _, group := range entries(each["acls"]) {
			consumer.Groups = append(consumer.Groups, group["group"].(string))
		}
		result.Consumers[each["username"].(string)] = consumer
	}
	return result
}

// translator does what the Ingress Controller does with a release's objects.
type translator struct {
	testing.TB
	objects []*unstructured.Unstructured
	used    map[string]bool
}

// fromObjects translates the objects of release into a configuration of Kong.
// It fails the test when something is named that is not there, or is there and
// is not named. prefix is what usernames and groups begin with.
func fromObjects(t testing.TB, objects []*unstructured.Unstructured, release, prefix string) (kong, error) {
	t.Helper()
	tr := &translator{TB: t, objects: objects, used: map[string]bool{}}
	result := kong{Services: map[string]kongService{}, Consumers: map[string]kongConsumer{}}
	for _, object := range objects {
		var err error
		switch object.GetKind() {
		case "Ingress":
			err = tr.ingress(result, object, release+"-", prefix)
		case "KongConsumer":
			err = tr.consumer(result, object, prefix)
		}
		if err != nil {
			return kong{}, fmt.Errorf("%s %s: %w", object.GetKind(), object.GetName(), err)
		}
	}
	for _, object := range objects {
		key := object.GetKind() + " " + object.GetName()
		if strings.HasPrefix(object.GetKind(), "KongPlugin") && !tr.used[key] {
			return kong{}, fmt.Errorf("%s is used by nothing", key)
		}
	}
	return result, nil
}

func (tr *translator) object(kind, name string) (*unstructured.Unstructured, error) {
	for _, object := range tr.objects {
		if object.GetKind() == kind && object.GetName() == name {
			tr.used[kind+" "+name] = true
			return object, nil
		}
	}
	return nil, fmt.Errorf("there is no %s %s", kind, name)
}

// plugins returns the plugins that an object's annotation names, with the
// prefix taken off the groups they admit.
func (tr *translator) plugins(object *unstructured.Unstructured, prefix string) (map[string]any, error) {
	result := map[string]any{}
	for name := range strings.SplitSeq(object.GetAnnotations()["konghq.com/plugins"], ",") {
		plugin, err := tr.object("KongPlugin", name)
		if err != nil {
			return nil, err
		}
		config := plugin.DeepCopy().Object["config"].(map[string]any)
		if allow, ok := config["allow"]; ok {
			groups := []any{}
			for _, group := range texts(allow) {
				bare, found := strings.CutPrefix(group, prefix)
				if !found {
					return nil, fmt.Errorf("%s admits the group %s, which is not this release's", name, group)
				}
				groups = append(groups, bare)
			}
			config["allow"] = groups
		}
		result[plugin.Object["plugin"].(string)] = config
	}
	return result, nil
}

func (tr *translator) ingress(result kong, object *unstructured.Unstructured, cut, prefix string) error {
	name := strings.TrimPrefix(object.GetName(), cut)
	notes := object.GetAnnotations()
	spec := object.Object["spec"].(map[string]any)
	if spec["ingressClassName"] != "kong" {
		return fmt.Errorf("its class is %v", spec["ingressClassName"])
	}
	for _, rule := range entries(spec["rules"]) {
		route := kongRoute{
			Hosts: []string{rule["host"].(string)}, Methods: listed(notes["konghq.com/methods"]), Protocols: listed(notes["konghq.com/protocols"]),
			// What is not said counts as wrong: the chart says both, whatever the controller's defaults.
			StripPath: notes["konghq.com/strip-path"] != "false", PreserveHost: notes["konghq.com/preserve-host"] != "false",
			ResponseBuffering: notes["konghq.com/response-buffering"] != "false",
			RedirectStatus:    number(notes["konghq.com/https-redirect-status-code"]),
		}
		var err error
		if route.Plugins, err = tr.plugins(object, prefix); err != nil {
			return err
		}
		for _, path := range entries(rule["http"].(map[string]any)["paths"]) {
			switch expression, isOne := strings.CutPrefix(path["path"].(string), "/~"); {
			case isOne && path["pathType"] == "ImplementationSpecific":
				route.Paths = append(route.Paths, "~"+expression)
			case path["path"] == "/" && path["pathType"] == "Prefix": // every path: kong.yml names none
			default:
				return fmt.Errorf("path %v of type %v", path["path"], path["pathType"])
			}
			backend := path["backend"].(map[string]any)["service"].(map[string]any)["name"].(string)
			if err := tr.service(result, backend, cut, prefix); err != nil {
				return err
			}
			result.Services[strings.TrimPrefix(backend, cut)].Routes[name] = route
		}
	}
	return nil
}

func (tr *translator) service(result kong, name, cut, prefix string) error {
	short := strings.TrimPrefix(name, cut)
	if _, done := result.Services[short]; done {
		return nil
	}
	object, err := tr.object("Service", name)
	if err != nil {
		return err
	}
	notes := object.GetAnnotations()
	service := kongService{
		ConnectTimeout: number(notes["konghq.com/connect-timeout"]), WriteTimeout: number(notes["konghq.com/write-timeout"]),
		ReadTimeout: number(notes["konghq.com/read-timeout"]), Retries: number(notes["konghq.com/retries"]),
		Protocol: notes["konghq.com/protocol"], Routes: map[string]kongRoute{},
	}
	if name, found := notes["konghq.com/upstream-policy"]; found {
		policy, err := tr.object("KongUpstreamPolicy", name)
		if err != nil {
			return err
		}
		spec := policy.Object["spec"].(map[string]any)
		service.Algorithm, service.Healthchecks = spec["algorithm"].(string), snakeCase(spec["healthchecks"]).(map[string]any)
	}
	service.Plugins, err = tr.plugins(object, prefix)
	result.Services[short] = service
	return err
}

func (tr *translator) consumer(result kong, object *unstructured.Unstructured, prefix string) error {
	username, found := strings.CutPrefix(object.Object["username"].(string), prefix)
	if !found {
		return fmt.Errorf("the username %v is not this release's", object.Object["username"])
	}
	if object.GetAnnotations()["kubernetes.io/ingress.class"] != "kong" {
		return fmt.Errorf("the controller would pass it by: no class")
	}
	consumer := kongConsumer{}
	for _, name := range texts(object.Object["credentials"]) {
		secret, err := tr.object("Secret", name)
		if err != nil {
			return err
		}
		data, _, _ := unstructured.NestedStringMap(secret.Object, "data")
		switch kind := secret.GetLabels()["konghq.com/credential"]; {
		case kind == "key-auth" && data["key"] != "":
			consumer.Keys = append(consumer.Keys, name)
		case kind == "acl" && data["group"] != "":
			consumer.Groups = append(consumer.Groups, strings.TrimPrefix(base64Text(tr, data["group"]), prefix))
		default:
			return fmt.Errorf("the Secret %s is no credential: label %q", name, kind)
		}
	}
	var err error
	consumer.Plugins, err = tr.plugins(object, prefix)
	result.Consumers[username] = consumer
	return err
}

// snakeCase turns the keys of the upstream policy into those of kong.yml.
func snakeCase(value any) any {
	fields, ok := value.(map[string]any)
	if !ok {
		return value
	}
	result := map[string]any{}
	for key, field := range fields {
		var name strings.Builder
		for _, letter := range key {
			if letter >= 'A' && letter <= 'Z' {
				name.WriteByte('_')
				letter += 'a' - 'A'
			}
			name.WriteRune(letter)
		}
		result[name.String()] = snakeCase(field)
	}
	return result
}

func plugins(list any) map[string]any {
	result := map[string]any{}
	for _, plugin := range entries(list) {
		result[plugin["name"].(string)] = plugin["config"]
	}
	return result
}

func entries(list any) []map[string]any {
	var result []map[string]any
	items, _ := list.([]any)
	for _, item := range items {
		result = append(result, item.(map[string]any))
	}
	return result
}

func texts(list any) []string {
	var result []string
	items, _ := list.([]any)
	for _, item := range items {
		result = append(result, item.(string))
	}
	return result
}

func listed(text string) []string {
	if text == "" {
		return nil
	}
	return strings.Split(text, ",")
}

func number(value any) int {
	switch value := value.(type) {
	case float64:
		return int(value)
	case int64:
		return int(value)
	case string:
		n, _ := strconv.Atoi(value)
		return n
	}
	return 0
}
