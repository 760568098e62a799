// kong.yml is read strictly: whatever would not take effect is refused.

package gateway

import (
	"os"
	"slices"
	"strings"
	"testing"
)

// small is a kong.yml with one of everything; the cases below spoil it.
const small = `_format_version: "3.0"
services:
  - name: character
    host: character.upstream
    retries: 1
    routes:
      - name: character
        hosts: [character.localhost]
        strip_path: false
        plugins:
          - name: key-auth
            config:
              key_names: [X-API-Key]
              key_in_query: false
          - name: acl
            config:
              allow: [readers]
upstreams:
  - name: character.upstream
    targets:
      - target: character:8000
    healthchecks:
      active:
        http_path: /readyz
        healthy:
          interval: 5
plugins:
  - name: rate-limiting
    config:
      minute: 60
consumers:
  - username: reader
    acls:
      - group: readers
`

func TestParseRefuses(t *testing.T) {
	cases := map[string]struct{ old, new, fault string }{
		"field at the top":        {"\nplugins:\n", "\nplugin:\n", "line 27: plugin: unknown field"},
		"field of a service":      {"retries: 1", "retry: 1", "line 5: services[0].retry: unknown field"},
		"url shorthand":           {"retries: 1", "url: http://character:8000", "line 5: services[0].url: unknown field"},
		"field of a route":        {"strip_path: false", "strip_pth: false", "line 9: services[0].routes[0].strip_pth: unknown field"},
		"field of a plugin":       {"plugins:\n          - name: key-auth", "plugins:\n          - run_on: first\n            name: key-auth", "line 11: services[0].routes[0].plugins[0].run_on: unknown field"},
		"field of a config":       {"key_in_query: false", "key_in_cookie: false", "line 14: services[0].routes[0].plugins[0].config.key_in_cookie: unknown field"},
		"field of an upstream":    {"    targets:", "    slots: 10\n    targets:", "line 20: upstreams[0].slots: unknown field"},
		"field of a target":       {"- target: character:8000", "- target: character:8000\n        weight: 5", "line 22: upstreams[0].targets[0].weight: unknown field"},
		"field of healthchecks":   {"      active:\n", "      passive: {}\n      active:\n", "line 23: upstreams[0].healthchecks.passive: unknown field"},
		"field of active":         {"http_path: /readyz", "https_sni: example.org", "line 24: upstreams[0].healthchecks.active.https_sni: unknown field"},
		"field of healthy":        {"interval: 5", "failures: 5", "line 26: upstreams[0].healthchecks.active.healthy.failures: unknown field"},
		"field of a consumer":     {"    acls:", "    custom_id: x\n    acls:", "line 33: consumers[0].custom_id: unknown field"},
		"field of an acl":         {"- group: readers", "- grupe: readers", "line 34: consumers[0].acls[0].grupe: unknown field"},
		"plugin":                  {"- name: rate-limiting", "- name: rate-limitting", `line 28: plugins[0].name: unknown plugin "rate-limitting"`},
		"plugin of an enterprise": {"- name: rate-limiting", "- name: rate-limiting-advanced", "unknown plugin"},
		"plugin twice":            {"plugins:\n  - name", "plugins:\n  - name: rate-limiting\n    config: {minute: 1}\n  - name", "line 30: plugins[1].name: plugin \"rate-limiting\" stands here twice"},
		"plugin without a name":   {"- name: rate-limiting\n", "- enabled: true\n", "plugins[0].name: is required"},
		"field twice":             {"retries: 1", "retries: 1\n    retries: 2", "line 6: services[0].retries: appears twice, first on line 5"},
		"anchors":                 {"allow: [readers]", "allow: &a [readers]\n              deny: *a", "config.deny: aliases are refused"},
		"merge keys":              {"retries: 1", "<<: {retries: 1}", "services[0].<<: unknown field"},
		"second document":         {"\nplugins:", "\n---\nplugins:", "a second YAML document"},
		"format version":          {`"3.0"`, `"2.1"`, `line 1: _format_version: must be "3.0", not "2.1"`},
		"no YAML":                 {"services:", "services: [", "yaml:"},

		"number as a string":   {"retries: 1", `retries: "1"`, "line 5: services[0].retries: must be a whole number"},
		"string as a number":   {"username: reader", "username: 7", "line 32: consumers[0].username: must be a string"},
		"bool as a string":     {"strip_path: false", "strip_path: never", "line 9: services[0].routes[0].strip_path: must be true or false"},
		"list as a string":     {"hosts: [character.localhost]", "hosts: character.localhost", "services[0].routes[0].hosts: must be a list"},
		"mapping as a string":  {"      active:\n        http_path: /readyz\n        healthy:\n          interval: 5\n", "      active: on\n", "healthchecks.active: must be a mapping of fields"},
		"empty item of a list": {"allow: [readers]", "allow: [~]", "allow[0]: must not be empty"},

		"service without a name":  {"- name: character\n    host", "- tags: [a]\n    host", "services[0].name: is required"},
		"service without a host":  {"host: character.upstream", "host: ~", `services[0].host: "" is not a host name`},
		"service host with port":  {"host: character.upstream", "host: character:8000", "line 4: services[0].host:"},
		"service protocol":        {"retries: 1", "protocol: grpc", `line 5: services[0].protocol: the embedded gateway speaks http to services, not "grpc"`},
		"negative retries":        {"retries: 1", "retries: -1", "services[0].retries: must be between 0 and 32767, not -1"},
		"timeout of zero":         {"retries: 1", "read_timeout: 0", "services[0].read_timeout: must be between 1 and"},
		"port":                    {"retries: 1", "port: 70000", "services[0].port: must be between 1 and 65535"},
		"two services of a name":  {"services:\n", "services:\n  - name: character\n    host: a\n", `services[1].name: "character" is already the name of the one on line 3`},
		"odd name":                {"- name: character\n    host", "- name: a b\n    host", `services[0].name: "a b" may have`},
		"route that matches all":  {"hosts: [character.localhost]", "tags: []", "services[0].routes[0]: needs hosts, methods or paths"},
		"wildcard":                {"[character.localhost]", "['*.localhost']", "services[0].routes[0].hosts[0]:"},
		"host with port":          {"[character.localhost]", "['character.localhost:80']", "services[0].routes[0].hosts[0]:"},
		"capitals in a host":      {"[character.localhost]", "[Character.localhost]", "services[0].routes[0].hosts[0]:"},
		"method":                  {"strip_path: false", "methods: [get]", `services[0].routes[0].methods[0]: "get" is not a method`},
		"unknown protocol":        {"strip_path: false", "protocols: [http, htps]", `services[0].routes[0].protocols[1]: unknown protocol "htps"`},
		"http alone":              {"strip_path: false", "protocols: [http]", "services[0].routes[0].protocols: the embedded gateway serves no route over http alone"},
		"no protocol":             {"strip_path: false", "protocols: []", "services[0].routes[0].protocols: the embedded gateway serves no route over http alone"},
		"redirect status":         {"strip_path: false", "https_redirect_status_code: 303", "services[0].routes[0].https_redirect_status_code: must be one of [426 301 302 307 308], not 303"},
		"no certificate":          {"\nplugins:", "\ncertificates:\n  - cert: a\n    key: b\nplugins:", "certificates[0]: cert and key do not make a certificate"},
		"field of a certificate":  {"\nplugins:", "\ncertificates:\n  - cert_alt: a\nplugins:", "certificates[0].cert_alt: unknown field"},
		"names as plain texts":    {"\nplugins:", "\ncertificates:\n  - snis: [localhost]\nplugins:", "certificates[0].snis[0]: must be a mapping of fields"},
		"wildcard inside":         {"\nplugins:", "\ncertificates:\n  - snis: [{name: a.*.org}]\nplugins:", `certificates[0].snis[0].name: "a.*.org" may have one wildcard`},
		"two wildcards":           {"\nplugins:", "\ncertificates:\n  - snis: [{name: '*.a.*'}]\nplugins:", "certificates[0].snis[0].name: \"*.a.*\" may have one wildcard"},
		"address as a name":       {"\nplugins:", "\ncertificates:\n  - snis: [{name: 127.0.0.1}]\nplugins:", "certificates[0].snis[0].name: \"127.0.0.1\" must be a host name"},
		"name with a port":        {"\nplugins:", "\ncertificates:\n  - snis: [{name: 'localhost:443'}]\nplugins:", "certificates[0].snis[0].name: \"localhost:443\" must be a host name"},
		"name twice":              {"\nplugins:", "\ncertificates:\n  - snis: [{name: a}, {name: a}]\nplugins:", "certificates[0].snis[1].name: \"a\" appears twice"},
		"relative path":           {"strip_path: false", "strip_path: false\n        paths: [docs]", "services[0].routes[0].paths[0]: \"docs\" must begin with /"},
		"path not normal":         {"strip_path: false", "strip_path: false\n        paths: [/a//b]", `would never match; write it as "/a/b"`},
		"expression":              {"strip_path: false", "strip_path: false\n        paths: ['~/(']", "is not a regular expression"},
		"path to be shortened":    {"strip_path: false", "strip_path: true\n        paths: [/docs]", "services[0].routes[0].strip_path: the embedded gateway never shortens a path"},
		"two routes of a name":    {"    routes:\n", "    routes:\n      - name: character\n        hosts: [a.localhost]\n", "services[0].routes[1].name: \"character\" is already"},
		"upstream that is an IP":  {"- name: character.upstream", "- name: 10.0.0.1", "upstreams[0].name:"},
		"upstream twice":          {"upstreams:\n", "upstreams:\n  - name: character.upstream\n    targets: [{target: a}]\n", "upstreams[1].name:"},
		"algorithm":               {"    targets:", "    algorithm: least-connections\n    targets:", "upstreams[0].algorithm: the embedded gateway does round-robin"},
		"no targets":              {"- target: character:8000", "", "upstreams[0].targets: needs at least one target"},
		"target":                  {"- target: character:8000", "- target: http://character:8000", "upstreams[0].targets[0].target:"},
		"port of a target":        {"- target: character:8000", "- target: character:0", "upstreams[0].targets[0].target:"},
		"target twice":            {"- target: character:8000", "- target: character:8000\n      - target: character", "upstreams[0].targets[1].target:"},
		"path of a probe":         {"http_path: /readyz", "http_path: readyz", `active.http_path: "readyz" must begin with /`},
		"type of a probe":         {"http_path: /readyz", "type: tcp", "active.type: the embedded gateway probes with http"},
		"negative interval":       {"interval: 5", "interval: -5", "active.healthy.interval: must be between 0 and 65535"},
		"interval not a number":   {"interval: 5", "interval: .nan", "active.healthy.interval: must be between 0 and 65535"},
		"timeout of a probe":      {"http_path: /readyz", "timeout: 0", "active.timeout: must be greater than 0"},
		"concurrency":             {"http_path: /readyz", "concurrency: 0", "active.concurrency: must be between 1"},
		"status":                  {"interval: 5", "http_statuses: [20]", "active.healthy.http_statuses[0]: must be between 100 and 999"},
		"failures":                {"interval: 5", "interval: 5\n        unhealthy: {tcp_failures: 256}", "active.unhealthy.tcp_failures: must be between 0 and 255"},
		"consumer without a name": {"- username: reader", "- tags: []", "consumers[0].username: is required"},
		"consumer twice":          {"consumers:\n", "consumers:\n  - username: reader\n", "consumers[1].username:"},
		"group twice":             {"- group: readers", "- group: readers\n      - group: readers", "consumers[0].acls[1].group:"},
		"empty key":               {"    acls:", "    keyauth_credentials: [{key: ''}]\n    acls:", "keyauth_credentials[0].key: is empty"},
		"key with a line break":   {"    acls:", "    keyauth_credentials: [{key: \"a\\nb\"}]\n    acls:", "keyauth_credentials[0].key: has characters"},
		"key twice":               {"    acls:", "    keyauth_credentials: [{key: a}, {key: a}]\n    acls:", "keyauth_credentials[1].key: the same key appears twice"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			spoilt := strings.Replace(small, c.old, c.new, 1)
			if spoilt == small {
				t.Fatalf("%q is not in the file", c.old)
			}
			_, err := ParseConfig(strings.NewReader(spoilt))
			if err == nil || !strings.Contains(err.Error(), c.fault) {
				t.Errorf("got %v, want %q", err, c.fault)
			}
		})
	}
}

func TestParseRefusesPluginValues(t *testing.T) {
	cases := map[string]struct{ plugin, config, fault string }{
		"no key names":          {"key-auth", "{key_names: [], key_in_query: false}", "config.key_names: must name"},
		"name of a key":         {"key-auth", "{key_names: ['a b'], key_in_query: false}", "config.key_names[0]"},
		"key in query":          {"key-auth", "{}", "config.key_in_query: the embedded gateway reads keys from headers only"},
		"key in body":           {"key-auth", "{key_in_query: false, key_in_body: true}", "config.key_in_body"},
		"no key in header":      {"key-auth", "{key_in_query: false, key_in_header: false}", "config.key_in_header"},
		"realm":                 {"key-auth", `{key_in_query: false, realm: 'a"b'}`, "config.realm"},
		"anonymous":             {"key-auth", "{key_in_query: false, anonymous: reader}", "config.anonymous: unknown field"},
		"acl without groups":    {"acl", "{}", "exactly one of allow and deny"},
		"acl with both":         {"acl", "{allow: [a], deny: [b]}", "exactly one of allow and deny"},
		"no limit":              {"rate-limiting", "{}", "needs at least one limit"},
		"negative limit":        {"rate-limiting", "{minute: -5}", "config.minute: must be greater than 0"},
		"limit of zero":         {"rate-limiting", "{second: 0}", "config.second: must be greater than 0"},
		"hour below minute":     {"rate-limiting", "{minute: 10, hour: 5}", "config.hour: must not be lower"},
		"limit by":              {"rate-limiting", "{minute: 1, limit_by: header}", "config.limit_by: the embedded gateway counts by consumer or ip"},
		"policy":                {"rate-limiting", "{minute: 1, policy: redis}", "config.policy: the embedded gateway counts in its own memory"},
		"redis":                 {"rate-limiting", "{minute: 1, redis: {host: a}}", "config.redis: unknown field"},
		"error code":            {"rate-limiting", "{minute: 1, error_code: 200}", "config.error_code"},
		"size":                  {"request-size-limiting", "{allowed_payload_size: 0}", "config.allowed_payload_size"},
		"unit":                  {"request-size-limiting", "{size_unit: mebibytes}", "config.size_unit"},
		"generator":             {"correlation-id", "{generator: tracker}", "config.generator"},
		"header":                {"correlation-id", "{header_name: 'a:b'}", "config.header_name"},
		"origin":                {"cors", "{origins: ['(']}", "config.origins[0]"},
		"method":                {"cors", "{methods: [LINK]}", "config.methods[0]"},
		"headers":               {"cors", "{headers: ['a b']}", "config.headers[0]"},
		"exposed":               {"cors", "{exposed_headers: ['a b']}", "config.exposed_headers[0]"},
		"age":                   {"cors", "{max_age: -1}", "config.max_age"},
		"field of Kong 3.10":    {"cors", "{allow_origin_absent: false}", "config.allow_origin_absent: unknown field"},
		"prometheus":            {"prometheus", "{ai_metrics: true}", "config.ai_metrics: unknown field"},
		"log file":              {"file-log", "{path: /tmp/access.log}", "config.path"},
		"log without a path":    {"file-log", "{}", "config.path"},
		"Lua":                   {"file-log", "{path: /dev/stdout, custom_fields_by_lua: {request.headers: return 1}}", "runs no Lua"},
		"log field":             {"file-log", "{path: /dev/stdout, custom_fields_by_lua: {request.method: return nil}}", "cannot leave this field out"},
		"config that is a list": {"acl", "[]", "config: must be a mapping of fields"},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			text := "_format_version: \"3.0\"\nplugins:\n  - name: " + c.plugin + "\n    config: " + c.config + "\n"
			_, err := ParseConfig(strings.NewReader(text))
			if err == nil || !strings.Contains(err.Error(), c.fault) || !strings.Contains(err.Error(), "line 4: ") {
				t.Errorf("got %v, want %q on line 4", err, c.fault)
			}
		})
	}
}

func TestParseTellsAllFaults(t *testing.T) {
	spoilt := strings.NewReplacer("retries: 1", "retries: -1", "minute: 60", "minute: 0").Replace(small)
	_, err := ParseConfig(strings.NewReader(spoilt))
	if err == nil || strings.Count(err.Error(), "line ") != 2 {
		t.Errorf("got %v, want two faults", err)
	}
	if _, err := ParseConfig(strings.NewReader("")); err == nil {
		t.Error("an empty file was accepted")
	}
}

func TestParseDefaults(t *testing.T) {
	config := parse(t, small)
	service := config.Services[0]
	if service.Port != 80 || service.ConnectTimeout != 60000 || service.Retries != 1 {
		t.Errorf("service: %+v", service)
	}
	route := service.Routes[0]
	if !slices.Equal(route.Protocols, []string{"http", "https"}) || route.PreserveHost || route.HTTPSRedirectStatusCode != 426 {
		t.Errorf("route: %+v", route)
	}
	active := config.Upstreams[0].Healthchecks.Active
	if active.Timeout != 1 || active.HTTPPath != "/readyz" || active.Healthy.Interval != 5 || active.Healthy.Successes != 0 {
		t.Errorf("active: %+v", active)
	}
	limits := config.Plugins[0].settings.(*rateLimitingSettings)
	if limits.LimitBy != "consumer" || limits.ErrorCode != 429 || limits.ErrorMessage != "API rate limit exceeded" {
		t.Errorf("rate-limiting: %+v", limits)
	}
}

func TestLoadConfig(t *testing.T) {
	if _, err := LoadConfig(t.TempDir() + "/kong.yml"); !os.IsNotExist(err) {
		t.Errorf("got %v for a file that is not there", err)
	}
	path := t.TempDir() + "/kong.yml"
	if err := os.WriteFile(path, []byte("nonsense: 1\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := LoadConfig(path); err == nil || !strings.HasPrefix(err.Error(), path+": line 1: nonsense: ") {
		t.Errorf("got %v", err)
	}
}

func TestAddKey(t *testing.T) {
	config := parse(t, small)
	for key, fault := range map[string]string{"": "is empty", "a b": "has characters", "ключ": "has characters"} {
		if err := config.AddKey("reader", key); err == nil || !strings.Contains(err.Error(), fault) {
			t.Errorf("key %q: got %v", key, err)
		}
	}
	if err := config.AddKey("nobody", "a"); err == nil || !strings.Contains(err.Error(), "nobody") {
		t.Errorf("got %v for an unknown consumer", err)
	}
	if err := config.AddKey("reader", "a"); err != nil {
		t.Error(err)
	}
	if err := config.AddKey("reader", "a"); err == nil {
		t.Error("the same key was added twice")
	}
}

func TestReplaceDomain(t *testing.T) {
	config := load(t)
	if changed := config.ReplaceDomain("fountain.coach", "example.org"); changed != 16 {
		t.Errorf("%d hosts changed, want 16", changed)
	}
	if got := config.Services[1].Hosts(); !slices.Equal(got, []string{"character.example.org", "character.localhost"}) {
		t.Errorf("got %v", got)
	}
}

// The value is what a version 5 UUID in the namespace of Kong's generator is;
// it must not change, or services would see their consumers under new ids.
func TestEntityIDIsStable(t *testing.T) {
	if got := entityID("consumers", "writer"); got != "47289054-617b-5cdd-aea5-ed3a6a24d071" {
		t.Error(got)
	}
}

func FuzzParseConfig(f *testing.F) {
	f.Add(small)
	f.Add("_format_version: \"3.0\"\nplugins:\n  - name: cors\n    config: ~\n")
	f.Add("a: &a [*a]\n")
	f.Add("? [a]\n: b\n")
	f.Add("services:\n  - {name: a, host: '[::1]', routes: [{name: b, paths: ['~/a|b', /c]}]}\n")
	f.Fuzz(func(t *testing.T, text string) {
		config, err := ParseConfig(strings.NewReader(text))
		if err != nil {
			return
		}
		// What is accepted can be served.
		g := New(config, Options{})
		if err := g.Close(); err != nil {
			t.Error(err)
		}
	})
}
