// The checks of kong.yml's entities: what Kong would refuse, and what Kong
// would do but the embedded gateway cannot.

package gateway

import (
	"fmt"
	"net"
	"regexp"
	"strconv"
	"strings"
)

// item names the element of a list in a message.
func item(path string, index int) string { return fmt.Sprintf("%s[%d]", path, index) }

const longestTimeout = 1<<31 - 2 // milliseconds, Kong's own bound

var (
	entityName = regexp.MustCompile(`^[A-Za-z0-9._~-]+$`)
	hostLabel  = regexp.MustCompile(`^[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?$`)
	methodName = regexp.MustCompile(`^[A-Z]+$`)
)

func (f *faults) checkConfig(config *Config) {
	if config.FormatVersion != "3.0" {
		f.add("_format_version", `must be "3.0", not %q`, config.FormatVersion)
	}
	f.checkPlugins(config.Plugins, "plugins")
	f.checkUpstreams(config.Upstreams)
	f.checkServices(config.Services)
	f.checkConsumers(config.Consumers)
	f.checkCertificates(config.Certificates)
}

// unique reports a name that is missing, odd or taken.
func (f *faults) unique(seen map[string]int, name, path string) {
	switch first, taken := seen[name]; {
	case name == "":
		f.add(path, "is required")
	case !entityName.MatchString(name):
		f.add(path, "%q may have letters, digits, and . _ ~ - only", name)
	case taken:
		f.add(path, "%q is already the name of the one on line %d", name, first)
	default:
		seen[name] = f.line(path)
	}
}

// between reports a number out of bounds.
func (f *faults) between(value, low, high int, path string) {
	if value < low || value > high {
		f.add(path, "must be between %d and %d, not %d", low, high, value)
	}
}

func (f *faults) checkServices(services []Service) {
	names, routeNames := make(map[string]int), make(map[string]int)
	for i := range services {
		service, at := &services[i], item("services", i)
		f.unique(names, service.Name, at+".name")
		if !isHost(service.Host) {
			f.add(at+".host", "%q is not a host name or an address", service.Host)
		}
		if service.Protocol != "http" {
			f.add(at+".protocol", "the embedded gateway speaks http to services, not %q", service.Protocol)
		}
		f.between(service.Port, 1, 65535, at+".port")
		f.between(service.Retries, 0, 32767, at+".retries")
		f.between(service.ConnectTimeout, 1, longestTimeout, at+".connect_timeout")
		f.between(service.WriteTimeout, 1, longestTimeout, at+".write_timeout")
		f.between(service.ReadTimeout, 1, longestTimeout, at+".read_timeout")
		f.checkPlugins(service.Plugins, at+".plugins")
		for j := range service.Routes {
			route, at := &service.Routes[j], item(at+".routes", j)
			f.unique(routeNames, route.Name, at+".name")
			f.checkRoute(route, at)
		}
	}
}

func (f *faults) checkRoute(route *Route, at string) {
	if len(route.Hosts)+len(route.Methods)+len(route.Paths) == 0 {
		f.add(at, "needs hosts, methods or paths to match by")
	}
	for i, host := range route.Hosts {
		if !isHost(host) || strings.Contains(host, ":") {
			f.add(item(at+".hosts", i), "%q is not a lower-case host name without a port or wildcard", host)
		}
	}
	for i, method := range route.Methods {
		if !methodName.MatchString(method) {
			f.add(item(at+".methods", i), "%q is not a method in capital letters", method)
		}
	}
	for i, path := range route.Paths {
		if reason := checkRoutePath(path); reason != "" {
			f.add(item(at+".paths", i), "%q %s", path, reason)
		}
	}
	if route.StripPath && len(route.Paths) > 0 {
		f.add(at+".strip_path", "the embedded gateway never shortens a path; set false")
	}
	f.checkProtocols(route, at)
	f.checkPlugins(route.Plugins, at+".plugins")
}

// checkRoutePath says what is wrong with a path to match by, or nothing.
func checkRoutePath(path string) string {
	expression, isRegex := strings.CutPrefix(path, "~")
	switch {
	case !strings.HasPrefix(expression, "/"):
		return "must begin with / or, for a regular expression, ~/"
	case isRegex:
		if _, err := regexp.Compile("^" + expression); err != nil {
			return "is not a regular expression: " + err.Error()
		}
	case normalizePath(path) != path:
		return fmt.Sprintf("would never match; write it as %q", normalizePath(path))
	}
	return ""
}

func (f *faults) checkUpstreams(upstreams []Upstream) {
	names := make(map[string]int)
	for i := range upstreams {
		upstream, at := &upstreams[i], item("upstreams", i)
		f.unique(names, upstream.Name, at+".name")
		if upstream.Name != "" && (!isHost(upstream.Name) || net.ParseIP(upstream.Name) != nil) {
			f.add(at+".name", "%q is not a host name, so no service could name it", upstream.Name)
		}
		if upstream.Algorithm != "round-robin" {
			f.add(at+".algorithm", "the embedded gateway does round-robin, not %q", upstream.Algorithm)
		}
		f.checkTargets(upstream, at+".targets")
		f.checkActive(&upstream.Healthchecks.Active, at+".healthchecks.active")
	}
}

func (f *faults) checkTargets(upstream *Upstream, at string) {
	if len(upstream.Targets) == 0 {
		f.add(at, "needs at least one target")
	}
	seen := make(map[string]bool)
	for i := range upstream.Targets {
		target := &upstream.Targets[i]
		address, err := targetAddress(target.Target)
		if err != nil {
			f.add(item(at, i)+".target", "%q is not host:port", target.Target)
		}
		if seen[address] {
			f.add(item(at, i)+".target", "%q appears twice", target.Target)
		}
		seen[address] = true
		target.Target = address
	}
}

// targetAddress completes a target with the port that Kong takes by default.
func targetAddress(target string) (string, error) {
	if isHost(target) {
		return net.JoinHostPort(strings.Trim(target, "[]"), "8000"), nil
	}
	host, port, err := net.SplitHostPort(target)
	if err != nil {
		return target, err
	}
	if number, err := strconv.Atoi(port); err != nil || number < 1 || number > 65535 || !isHost(host) {
		return target, fmt.Errorf("%q is not host:port", target)
	}
	return target, nil
}

func (f *faults) checkActive(active *ActiveHealthcheck, at string) {
	if active.Type != "http" {
		f.add(at+".type", "the embedded gateway probes with http, not %q", active.Type)
	}
	if !strings.HasPrefix(active.HTTPPath, "/") {
		f.add(at+".http_path", "%q must begin with /", active.HTTPPath)
	}
	f.between(active.Concurrency, 1, 1<<31, at+".concurrency")
	if active.Timeout <= 0 {
		f.add(at+".timeout", "must be greater than 0")
	}
	seconds := map[string]float64{
		".timeout":            active.Timeout,
		".healthy.interval":   active.Healthy.Interval,
		".unhealthy.interval": active.Unhealthy.Interval,
	}
	for field, value := range seconds {
		if !(value >= 0 && value <= 65535) { // catches NaN as well
			f.add(at+field, "must be between 0 and 65535 seconds, not %v", value)
		}
	}
	f.between(active.Healthy.Successes, 0, 255, at+".healthy.successes")
	f.between(active.Unhealthy.HTTPFailures, 0, 255, at+".unhealthy.http_failures")
	f.between(active.Unhealthy.TCPFailures, 0, 255, at+".unhealthy.tcp_failures")
	f.between(active.Unhealthy.Timeouts, 0, 255, at+".unhealthy.timeouts")
	for i, status := range active.Healthy.HTTPStatuses {
		f.between(status, 100, 999, item(at+".healthy.http_statuses", i))
	}
	for i, status := range active.Unhealthy.HTTPStatuses {
		f.between(status, 100, 999, item(at+".unhealthy.http_statuses", i))
	}
}

func (f *faults) checkConsumers(consumers []Consumer) {
	names, keys := make(map[string]int), make(map[string]bool)
	for i := range consumers {
		consumer, at := &consumers[i], item("consumers", i)
		f.unique(names, consumer.Username, at+".username")
		groups := make(map[string]int)
		for j, group := range consumer.ACLs {
			f.unique(groups, group.Group, item(at+".acls", j)+".group")
		}
		// The messages leave the key itself out: they end up in logs.
		for j, credential := range consumer.Credentials {
			at := item(at+".keyauth_credentials", j) + ".key"
			if err := CheckKey(credential.Key); err != nil {
				f.add(at, "%v", err)
			} else if keys[credential.Key] {
				f.add(at, "the same key appears twice")
			}
			keys[credential.Key] = true
		}
	}
}

// isHost reports whether name is a lower-case host name or an IP address.
func isHost(name string) bool {
	if net.ParseIP(strings.Trim(name, "[]")) != nil {
		return true
	}
	if name == "" || len(name) > 253 {
		return false
	}
	for label := range strings.SplitSeq(name, ".") {
		if len(label) > 63 || !hostLabel.MatchString(label) {
			return false
		}
	}
	return true
}
