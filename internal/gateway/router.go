// Which route a request takes, by the rules of Kong's router (flavour
// traditional_compatible, the default of Kong 3).

package gateway

import (
	"cmp"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// route is a Route ready to match requests and serve them.
type route struct {
	name         string
	service      *service
	preserveHost bool
	needsTLS     bool
	// redirectStatus answers plain HTTP when TLS is needed.
	redirectStatus int
	chain          chain
}

// matcher is one way to match a route. A route whose paths are of several
// lengths has several: Kong weighs each length by itself.
type matcher struct {
	route   *route
	methods []string
	// prefixes or expressions, or neither when every path matches.
	prefixes    []string
	expressions []*regexp.Regexp
	priority    priority
}

// priority orders matchers: field by field, the greater comes first.
type priority struct {
	attributes int  // how many of methods, hosts and paths the route names
	plainHosts bool // hosts without wildcards, the only ones here
	regex      bool // an expression before a prefix
	length     int  // a longer prefix before a shorter one
}

func (p priority) compare(other priority) int {
	return cmp.Or(
		cmp.Compare(p.attributes, other.attributes),
		compareBools(p.plainHosts, other.plainHosts),
		compareBools(p.regex, other.regex),
		cmp.Compare(p.length, other.length),
	)
}

func compareBools(a, b bool) int {
	switch {
	case a == b:
		return 0
	case a:
		return 1
	}
	return -1
}

// newMatchers makes the matchers of a route.
func newMatchers(config *Route, target *route) []*matcher {
	base := priority{plainHosts: len(config.Hosts) > 0}
	for _, list := range [][]string{config.Methods, config.Hosts, config.Paths} {
		if len(list) > 0 {
			base.attributes++
		}
	}
	if len(config.Paths) == 0 {
		return []*matcher{{route: target, methods: config.Methods, priority: base}}
	}
	byWeight := make(map[priority]*matcher)
	var matchers []*matcher
	for _, path := range config.Paths {
		weight := base
		expression, isRegex := strings.CutPrefix(path, "~")
		if isRegex {
			weight.regex = true
		} else {
			weight.length = len(path)
		}
		m := byWeight[weight]
		if m == nil {
			m = &matcher{route: target, methods: config.Methods, priority: weight}
			byWeight[weight], matchers = m, append(matchers, m)
		}
		if isRegex {
			m.expressions = append(m.expressions, regexp.MustCompile("^"+expression))
		} else {
			m.prefixes = append(m.prefixes, path)
		}
	}
	return matchers
}

func (m *matcher) matches(method, path string) bool {
	if len(m.methods) > 0 && !slices.Contains(m.methods, method) {
		return false
	}
	if len(m.prefixes) == 0 && len(m.expressions) == 0 {
		return true
	}
	return slices.ContainsFunc(m.prefixes, func(prefix string) bool { return strings.HasPrefix(path, prefix) }) ||
		slices.ContainsFunc(m.expressions, func(e *regexp.Regexp) bool { return e.MatchString(path) })
}

// router finds the route of a request.
type router struct {
	byHost  map[string][]*matcher
	anyHost []*matcher
}

// add enters a route. All routes are in before sort.
func (r *router) add(config *Route, target *route) {
	for _, m := range newMatchers(config, target) {
		if len(config.Hosts) == 0 {
			r.anyHost = append(r.anyHost, m)
		}
		for _, host := range config.Hosts {
			r.byHost[host] = append(r.byHost[host], m)
		}
	}
}

// sort brings the matchers of each host into the order in which they are tried.
func (r *router) sort() {
	first := func(a, b *matcher) int { return b.priority.compare(a.priority) }
	for host, matchers := range r.byHost {
		matchers = append(matchers, r.anyHost...)
		slices.SortStableFunc(matchers, first)
		r.byHost[host] = matchers
	}
	slices.SortStableFunc(r.anyHost, first)
}

// match returns the route of a request with that normal path, or nil.
func (r *router) match(request *http.Request, path string) *route {
	matchers, known := r.byHost[hostname(request)]
	if !known {
		matchers = r.anyHost
	}
	for _, m := range matchers {
		if m.matches(request.Method, path) {
			return m.route
		}
	}
	return nil
}
