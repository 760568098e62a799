// The configuration of each plugin the embedded gateway has, and the checks of
// its values.

package gateway

import (
	"regexp"
	"slices"
	"strings"

	"go.yaml.in/yaml/v3"
)

// pluginSettings is the configuration of one kind of plugin.
type pluginSettings interface {
	defaulted
	// check reports what is wrong with the values.
	check(f *faults, path string)
	// install puts the plugin to work for the requests that a chain serves.
	install(chain *chain, g *Gateway)
}

// newSettings makes the settings of each plugin that kong.yml may name.
var newSettings = map[string]func() pluginSettings{
	"acl":                   func() pluginSettings { return new(aclSettings) },
	"correlation-id":        func() pluginSettings { return new(correlationIDSettings) },
	"cors":                  func() pluginSettings { return new(corsSettings) },
	"file-log":              func() pluginSettings { return new(fileLogSettings) },
	"key-auth":              func() pluginSettings { return new(keyAuthSettings) },
	"prometheus":            func() pluginSettings { return new(prometheusSettings) },
	"rate-limiting":         func() pluginSettings { return new(rateLimitingSettings) },
	"request-size-limiting": func() pluginSettings { return new(requestSizeLimitingSettings) },
}

// checkPlugins decodes and checks the plugins that stand in one place.
func (f *faults) checkPlugins(plugins []Plugin, path string) {
	seen := make(map[string]bool)
	for i := range plugins {
		plugin := &plugins[i]
		at := item(path, i)
		make, known := newSettings[plugin.Name]
		switch {
		case plugin.Name == "":
			f.add(at+".name", "is required")
			continue
		case !known:
			f.add(at+".name", "unknown plugin %q; the embedded gateway would ignore it", plugin.Name)
			continue
		case seen[plugin.Name]:
			f.add(at+".name", "plugin %q stands here twice", plugin.Name)
		}
		seen[plugin.Name] = true
		plugin.settings = make()
		f.decodeSettings(plugin, at+".config")
	}
}

func (f *faults) decodeSettings(plugin *Plugin, path string) {
	before := len(f.list)
	node := &plugin.Config
	if node.Kind == 0 {
		node = &yaml.Node{Kind: yaml.MappingNode}
	}
	f.decode(node, path, plugin.settings)
	if len(f.list) == before {
		plugin.settings.check(f, path)
	}
}

// headerName matches what may be the name of a header (RFC 9110, token).
var headerName = regexp.MustCompile("^[A-Za-z0-9!#$%&'*+.^_`|~-]+$")

type keyAuthSettings struct {
	KeyNames        []string `yaml:"key_names"`
	KeyInHeader     bool     `yaml:"key_in_header"`
	KeyInQuery      bool     `yaml:"key_in_query"`
	KeyInBody       bool     `yaml:"key_in_body"`
	HideCredentials bool     `yaml:"hide_credentials"`
	RunOnPreflight  bool     `yaml:"run_on_preflight"`
	Realm           string   `yaml:"realm"`
}

func (s *keyAuthSettings) check(f *faults, path string) {
	if len(s.KeyNames) == 0 {
		f.add(path+".key_names", "must name at least one header")
	}
	for i, name := range s.KeyNames {
		if !headerName.MatchString(name) {
			f.add(item(path+".key_names", i), "%q is not the name of a header", name)
		}
	}
	if !s.KeyInHeader {
		f.add(path+".key_in_header", "the embedded gateway reads keys from headers only; set true")
	}
	// Both are dangerous places for a key: URLs stand in logs and histories, and
	// a body would have to be held in memory.
	if s.KeyInQuery {
		f.add(path+".key_in_query", "the embedded gateway reads keys from headers only; set false")
	}
	if s.KeyInBody {
		f.add(path+".key_in_body", "the embedded gateway reads keys from headers only; set false")
	}
	if strings.ContainsFunc(s.Realm, func(r rune) bool { return r < ' ' || r > '~' || r == '"' || r == '\\' }) {
		f.add(path+".realm", "must be printable ASCII without quotes and backslashes")
	}
}

type aclSettings struct {
	Allow            []string `yaml:"allow"`
	Deny             []string `yaml:"deny"`
	HideGroupsHeader bool     `yaml:"hide_groups_header"`
}

func (s *aclSettings) check(f *faults, path string) {
	if (len(s.Allow) == 0) == (len(s.Deny) == 0) {
		f.add(path, "exactly one of allow and deny must name groups")
	}
}

type rateLimitingSettings struct {
	Second            *int   `yaml:"second"`
	Minute            *int   `yaml:"minute"`
	Hour              *int   `yaml:"hour"`
	Day               *int   `yaml:"day"`
	Month             *int   `yaml:"month"`
	Year              *int   `yaml:"year"`
	LimitBy           string `yaml:"limit_by"`
	Policy            string `yaml:"policy"`
	FaultTolerant     bool   `yaml:"fault_tolerant"`
	HideClientHeaders bool   `yaml:"hide_client_headers"`
	ErrorCode         int    `yaml:"error_code"`
	ErrorMessage      string `yaml:"error_message"`
}

// limits lists the limits of s, shortest period first.
func (s *rateLimitingSettings) limits() []limit {
	var limits []limit
	for i, count := range []*int{s.Second, s.Minute, s.Hour, s.Day, s.Month, s.Year} {
		if count != nil {
			limits = append(limits, newLimit(periods[i], *count))
		}
	}
	return limits
}

func (s *rateLimitingSettings) check(f *faults, path string) {
	limits := s.limits()
	if len(limits) == 0 {
		f.add(path, "needs at least one limit: second, minute, hour, day, month or year")
	}
	for i, limit := range limits {
		at := path + "." + strings.ToLower(limit.name)
		if limit.count <= 0 {
			f.add(at, "must be greater than 0")
		}
		if i > 0 && limit.count < limits[i-1].count {
			f.add(at, "must not be lower than the limit of the shorter period")
		}
	}
	if s.LimitBy != "consumer" && s.LimitBy != "ip" {
		f.add(path+".limit_by", "the embedded gateway counts by consumer or ip, not by %q", s.LimitBy)
	}
	if s.Policy != "local" {
		f.add(path+".policy", "the embedded gateway counts in its own memory: use local, not %q", s.Policy)
	}
	if s.ErrorCode < 400 || s.ErrorCode > 599 {
		f.add(path+".error_code", "must be an error status, 400 to 599")
	}
}

// sizeUnits are the multipliers of request-size-limiting.
var sizeUnits = map[string]int64{"bytes": 1, "kilobytes": 1 << 10, "megabytes": 1 << 20}

type requestSizeLimitingSettings struct {
	AllowedPayloadSize   int    `yaml:"allowed_payload_size"`
	SizeUnit             string `yaml:"size_unit"`
	RequireContentLength bool   `yaml:"require_content_length"`
}

func (s *requestSizeLimitingSettings) check(f *faults, path string) {
	if s.AllowedPayloadSize <= 0 || s.AllowedPayloadSize > 1<<32 {
		f.add(path+".allowed_payload_size", "must be greater than 0 and at most 4294967296")
	}
	if _, known := sizeUnits[s.SizeUnit]; !known {
		f.add(path+".size_unit", "must be bytes, kilobytes or megabytes, not %q", s.SizeUnit)
	}
}

type correlationIDSettings struct {
	HeaderName     string `yaml:"header_name"`
	Generator      string `yaml:"generator"`
	EchoDownstream bool   `yaml:"echo_downstream"`
}

func (s *correlationIDSettings) check(f *faults, path string) {
	if !headerName.MatchString(s.HeaderName) {
		f.add(path+".header_name", "%q is not the name of a header", s.HeaderName)
	}
	if s.Generator != "uuid" && s.Generator != "uuid#counter" {
		f.add(path+".generator", "must be uuid or uuid#counter, not %q", s.Generator)
	}
}

type corsSettings struct {
	Origins           []string `yaml:"origins"`
	Methods           []string `yaml:"methods"`
	Headers           []string `yaml:"headers"`
	ExposedHeaders    []string `yaml:"exposed_headers"`
	Credentials       bool     `yaml:"credentials"`
	MaxAge            *int     `yaml:"max_age"`
	PreflightContinue bool     `yaml:"preflight_continue"`
	PrivateNetwork    bool     `yaml:"private_network"`
}

func (s *corsSettings) check(f *faults, path string) {
	for i, origin := range s.Origins {
		if _, err := newOriginPattern(origin); err != nil {
			f.add(item(path+".origins", i), "%v", err)
		}
	}
	var defaults corsSettings
	defaults.setDefaults()
	for i, method := range s.Methods {
		if !slices.Contains(defaults.Methods, method) {
			f.add(item(path+".methods", i), "%q is not a method Kong takes here", method)
		}
	}
	lists := map[string][]string{".headers": s.Headers, ".exposed_headers": s.ExposedHeaders}
	for field, names := range lists {
		for i, name := range names {
			if !headerName.MatchString(name) {
				f.add(item(path+field, i), "%q is not the name of a header", name)
			}
		}
	}
	if s.MaxAge != nil && *s.MaxAge < 0 {
		f.add(path+".max_age", "must not be negative")
	}
}

type prometheusSettings struct {
	PerConsumer           bool `yaml:"per_consumer"`
	StatusCodeMetrics     bool `yaml:"status_code_metrics"`
	LatencyMetrics        bool `yaml:"latency_metrics"`
	BandwidthMetrics      bool `yaml:"bandwidth_metrics"`
	UpstreamHealthMetrics bool `yaml:"upstream_health_metrics"`
}

func (s *prometheusSettings) check(*faults, string) {}

type fileLogSettings struct {
	Path              string            `yaml:"path"`
	Reopen            bool              `yaml:"reopen"`
	CustomFieldsByLua map[string]string `yaml:"custom_fields_by_lua"`
}

// unloggedFields are the fields of Kong's log that the embedded gateway never
// writes, so that leaving them out is honoured.
var unloggedFields = []string{
	"request.headers", "request.querystring", "request.tls",
	"response.headers", "workspace", "workspace_name",
}

func (s *fileLogSettings) check(f *faults, path string) {
	if s.Path != "/dev/stdout" {
		f.add(path+".path", "the embedded gateway logs to /dev/stdout only, not to %q", s.Path)
	}
	for field, code := range s.CustomFieldsByLua {
		at := path + ".custom_fields_by_lua." + field
		if code != "return nil" {
			f.add(at, "the embedded gateway runs no Lua; only \"return nil\" is understood")
		}
		if !slices.Contains(unloggedFields, field) {
			f.add(at, "the embedded gateway cannot leave this field out of its log")
		}
	}
}
