// kong.yml against what Kong Gateway 3.9 takes: the fields and values of its
// schemas (kong/db/schema/entities/*.lua and kong/plugins/*/schema.lua at the
// tag 3.9.0), written down here so that a slip shows without a Kong at hand.

package gateway

import (
	"fmt"
	"os"
	"reflect"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

var serviceNames = []string{"centralsequence", "character", "scriptmanagement", "sessioncontext", "storyfactory"}

// rule checks one value of the file.
type rule func(value any) string

func oneOf(allowed ...string) rule {
	return func(value any) string {
		if text, ok := value.(string); !ok || !slices.Contains(allowed, text) {
			return fmt.Sprintf("is %v, not one of %v", value, allowed)
		}
		return ""
	}
}

func integer(low, high int) rule {
	return func(value any) string {
		if number, ok := value.(int); !ok || number < low || number > high {
			return fmt.Sprintf("is %v, not a whole number from %d to %d", value, low, high)
		}
		return ""
	}
}

func boolean(value any) string {
	if _, ok := value.(bool); !ok {
		return fmt.Sprintf("is %v, not true or false", value)
	}
	return ""
}

func text(value any) string {
	if s, ok := value.(string); !ok || s == "" {
		return fmt.Sprintf("is %v, not a text", value)
	}
	return ""
}

func listOf(each rule) rule {
	return func(value any) string {
		list, ok := value.([]any)
		if !ok || len(list) == 0 {
			return fmt.Sprintf("is %v, not a list", value)
		}
		for _, item := range list {
			if fault := each(item); fault != "" {
				return fault
			}
		}
		return ""
	}
}

func record(fields map[string]rule) rule {
	return func(value any) string {
		entries, ok := value.(map[string]any)
		if !ok {
			return fmt.Sprintf("is %v, not a record", value)
		}
		for name, content := range entries {
			check, known := fields[name]
			if !known {
				return "has no field " + name
			}
			if fault := check(content); fault != "" {
				return name + ": " + fault
			}
		}
		return ""
	}
}

const timeoutLimit = 1<<31 - 2

var (
	corsMethod   = oneOf("HEAD", "GET", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "CONNECT")
	pluginFields = map[string]rule{
		"key-auth": record(map[string]rule{
			"key_names": listOf(text), "hide_credentials": boolean, "anonymous": text,
			"key_in_header": boolean, "key_in_query": boolean, "key_in_body": boolean,
			"run_on_preflight": boolean, "realm": text,
		}),
		"acl": record(map[string]rule{
			"allow": listOf(text), "deny": listOf(text), "hide_groups_header": boolean,
			"include_consumer_groups": boolean, "always_use_authenticated_groups": boolean,
		}),
		"rate-limiting": record(map[string]rule{
			"second": integer(1, 1<<53), "minute": integer(1, 1<<53), "hour": integer(1, 1<<53),
			"day": integer(1, 1<<53), "month": integer(1, 1<<53), "year": integer(1, 1<<53),
			"limit_by": oneOf("consumer", "credential", "ip", "service", "header", "path"),
			"policy":   oneOf("local", "cluster", "redis"), "fault_tolerant": boolean,
			"hide_client_headers": boolean, "error_code": integer(1, 999), "error_message": text,
			"header_name": text, "path": text, "sync_rate": integer(-1, 1<<31),
		}),
		"request-size-limiting": record(map[string]rule{
			"allowed_payload_size": integer(1, 1<<31), "size_unit": oneOf("megabytes", "kilobytes", "bytes"),
			"require_content_length": boolean,
		}),
		"correlation-id": record(map[string]rule{
			"header_name": text, "generator": oneOf("uuid", "uuid#counter", "tracker"), "echo_downstream": boolean,
		}),
		"cors": record(map[string]rule{
			"origins": listOf(text), "headers": listOf(text), "exposed_headers": listOf(text),
			"methods": listOf(corsMethod), "max_age": integer(0, 1<<31), "credentials": boolean,
			"preflight_continue": boolean, "private_network": boolean,
		}),
		"prometheus": record(map[string]rule{
			"per_consumer": boolean, "status_code_metrics": boolean, "ai_metrics": boolean,
			"latency_metrics": boolean, "bandwidth_metrics": boolean, "upstream_health_metrics": boolean,
		}),
		"file-log": record(map[string]rule{
			"path": text, "reopen": boolean, "custom_fields_by_lua": func(any) string { return "" },
		}),
	}
	pluginRule = func(value any) string {
		plugin, ok := value.(map[string]any)
		if !ok {
			return fmt.Sprintf("is %v, not a plugin", value)
		}
		name, _ := plugin["name"].(string)
		config, known := pluginFields[name]
		if !known {
			return fmt.Sprintf("plugin %q is not one of Kong's that we use", name)
		}
		fault := record(map[string]rule{"name": text, "config": config, "enabled": boolean, "tags": listOf(text)})(value)
		if fault != "" {
			return name + ": " + fault
		}
		return ""
	}
	statusRule = listOf(integer(100, 999))
	fileRule   = record(map[string]rule{
		"_format_version": oneOf("3.0"),
		"services": listOf(record(map[string]rule{
			"name": text, "host": text, "port": integer(0, 65535), "protocol": oneOf("http", "https"),
			"connect_timeout": integer(1, timeoutLimit), "write_timeout": integer(1, timeoutLimit),
			"read_timeout": integer(1, timeoutLimit), "retries": integer(0, 32767), "tags": listOf(text),
			"plugins": listOf(pluginRule),
			"routes": listOf(record(map[string]rule{
				"name": text, "hosts": listOf(text), "methods": listOf(text), "paths": listOf(text),
				"protocols": listOf(oneOf("http", "https")), "strip_path": boolean, "preserve_host": boolean,
				"response_buffering": boolean,
				"tags":               listOf(text), "plugins": listOf(pluginRule),
			})),
		})),
		"upstreams": listOf(record(map[string]rule{
			"name":      text,
			"algorithm": oneOf("consistent-hashing", "least-connections", "round-robin", "latency"),
			"targets":   listOf(record(map[string]rule{"target": text, "weight": integer(0, 65535), "tags": listOf(text)})),
			"tags":      listOf(text),
			"healthchecks": record(map[string]rule{"active": record(map[string]rule{
				"type": oneOf("tcp", "http", "https", "grpc", "grpcs"), "http_path": text,
				"timeout": integer(0, 65535), "concurrency": integer(1, 1<<31),
				"healthy": record(map[string]rule{
					"interval": integer(0, 65535), "successes": integer(0, 255), "http_statuses": statusRule,
				}),
				"unhealthy": record(map[string]rule{
					"interval": integer(0, 65535), "http_failures": integer(0, 255), "tcp_failures": integer(0, 255),
					"timeouts": integer(0, 255), "http_statuses": statusRule,
				}),
			})}),
		})),
		"plugins": listOf(pluginRule),
		"consumers": listOf(record(map[string]rule{
			"username": text, "tags": listOf(text),
			"acls": listOf(record(map[string]rule{"group": text, "tags": listOf(text)})),
		})),
	})
)

func readCommitted(t *testing.T) string {
	t.Helper()
	content, err := os.ReadFile(committed)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestCommittedFileSuitsKong(t *testing.T) {
	var file any
	if err := yaml.Unmarshal([]byte(readCommitted(t)), &file); err != nil {
		t.Fatal(err)
	}
	if fault := fileRule(file); fault != "" {
		t.Error(fault)
	}
}

// The services are alike but for their names: whoever changes one changes all.
func TestCommittedServicesAreAlike(t *testing.T) {
	var file struct {
		Services, Upstreams []map[string]any
	}
	if err := yaml.Unmarshal([]byte(readCommitted(t)), &file); err != nil {
		t.Fatal(err)
	}
	var first string
	for i, name := range serviceNames {
		pair, err := yaml.Marshal([]any{file.Services[i], file.Upstreams[i]})
		if err != nil {
			t.Fatal(err)
		}
		shape := strings.ReplaceAll(string(pair), name, "NAME")
		if first == "" {
			first = shape
		}
		if shape != first {
			t.Errorf("%s is not like %s:\n%s", name, serviceNames[0], shape)
		}
	}
	if len(file.Services) != 6 || file.Services[5]["name"] != "orchestrator" || len(file.Upstreams) != 5 {
		t.Errorf("%d services and %d upstreams", len(file.Services), len(file.Upstreams))
	}
}

func TestCommittedFileLetsNobodyIn(t *testing.T) {
	config, err := LoadConfig(committed)
	if err != nil {
		t.Fatal(err)
	}
	if known := newCredentials(config.Consumers); len(known) != 0 {
		t.Errorf("%d keys stand in the repository", len(known))
	}
	if strings.Contains(readCommitted(t), "keyauth_credentials:") {
		t.Error("the file has credentials")
	}
}

func TestCommittedPromises(t *testing.T) {
	config := load(t)
	for i, service := range config.Services[:len(serviceNames)] {
		name := serviceNames[i]
		if want := []string{name + ".fountain.coach", name + ".localhost"}; !reflect.DeepEqual(service.Hosts(), want) {
			t.Errorf("%s has hosts %v", name, service.Hosts())
		}
		if target := config.Upstreams[i].Targets[0].Target; target != name+":8000" || service.Host != config.Upstreams[i].Name {
			t.Errorf("%s goes to %s at %s", name, service.Host, target)
		}
		for _, route := range service.Routes {
			open := strings.HasSuffix(route.Name, "-docs")
			locked := slices.ContainsFunc(route.Plugins, func(p Plugin) bool { return p.Name == "key-auth" }) &&
				slices.ContainsFunc(route.Plugins, func(p Plugin) bool { return p.Name == "acl" })
			if open == locked || !route.PreserveHost || route.StripPath {
				t.Errorf("route %s: %+v", route.Name, route)
			}
		}
	}
}
