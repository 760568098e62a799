// Which route Kong would take.

package gateway

import (
	"net/http/httptest"
	"testing"
)

func TestNormalizePath(t *testing.T) {
	cases := map[string]string{
		"/":                          "/",
		"":                           "/",
		"/characters":                "/characters",
		"/characters/":               "/characters/",
		"/a/./b":                     "/a/b",
		"/a/../b":                    "/b",
		"/a/b/..":                    "/a/",
		"/a/b/.":                     "/a/b/",
		"/../../etc":                 "/etc",
		"//a///b//":                  "/a/b/",
		"/.":                         "/",
		"/..":                        "/",
		"/docs/%2e%2e/characters":    "/characters",
		"/docs/%2E%2e%2fcharacters":  "/docs/..%2Fcharacters",
		"/%64ocs":                    "/docs",
		"/a%2fb":                     "/a%2Fb",
		"/caf%c3%a9":                 "/caf%C3%A9",
		"/%7euser":                   "/~user",
		"/a..b/.well-known/c.":       "/a..b/.well-known/c.",
		"/docs/%252e%252e/character": "/docs/%252e%252e/character",
	}
	for path, want := range cases {
		got := normalizePath(path)
		if got != want {
			t.Errorf("%q becomes %q, want %q", path, got, want)
		}
		if again := normalizePath(got); again != got {
			t.Errorf("%q becomes %q when taken twice", got, again)
		}
	}
}

func TestHostname(t *testing.T) {
	cases := map[string]string{
		"character.localhost":      "character.localhost",
		"Character.LocalHost:8000": "character.localhost",
		"character.localhost.":     "character.localhost",
		"character.localhost.:443": "character.localhost",
		"[::1]":                    "[::1]",
		"[::1]:80":                 "[::1]",
	}
	for host, want := range cases {
		request := httptest.NewRequest("GET", "/", nil)
		request.Host = host
		if got := hostname(request); got != want {
			t.Errorf("%q is %q, want %q", host, got, want)
		}
	}
}

func routerOf(routes ...Route) router {
	r := router{byHost: make(map[string][]*matcher)}
	for i := range routes {
		r.add(&routes[i], &route{name: routes[i].Name})
	}
	r.sort()
	return r
}

func (r *router) nameOf(method, host, target string) string {
	request := httptest.NewRequest(method, target, nil)
	request.Host = host
	if found := r.match(request, normalizePath(request.URL.EscapedPath())); found != nil {
		return found.name
	}
	return ""
}

func TestRoutingPriority(t *testing.T) {
	host := []string{"a.test"}
	r := routerOf(
		Route{Name: "host", Hosts: host},
		Route{Name: "method", Methods: []string{"GET"}},
		Route{Name: "path", Paths: []string{"/everywhere"}},
		Route{Name: "host+method", Hosts: host, Methods: []string{"POST"}},
		Route{Name: "host+path", Hosts: host, Paths: []string{"/long", "/longer/still"}},
		Route{Name: "host+longer path", Hosts: host, Paths: []string{"/longer"}},
		Route{Name: "host+expression", Hosts: host, Paths: []string{`~/longer/\d+$`}},
		Route{Name: "host+method+path", Hosts: host, Methods: []string{"GET"}, Paths: []string{"/l"}},
	)
	cases := []struct{ method, host, path, want, why string }{
		{"PUT", "a.test", "/", "host", "the host is all there is to match"},
		{"GET", "a.test", "/", "host", "of two routes with one attribute the one with the host is first"},
		{"GET", "b.test", "/", "method", "no host to match"},
		{"PUT", "b.test", "/", "", "nothing matches"},
		{"PUT", "b.test", "/everywhere/x", "path", "a prefix"},
		{"POST", "a.test", "/", "host+method", "two attributes before one"},
		{"PUT", "a.test", "/long/x", "host+path", "a prefix"},
		{"PUT", "a.test", "/longer/x", "host+longer path", "the longer prefix"},
		{"PUT", "a.test", "/longer/still", "host+path", "each path of a route is weighed by itself"},
		{"PUT", "a.test", "/longer/7", "host+expression", "an expression before every prefix"},
		{"PUT", "a.test", "/x/longer/7", "host", "expressions begin where the path begins"},
		{"GET", "a.test", "/longer/7", "host+method+path", "three attributes before two"},
		{"PUT", "A.TEST:80", "/", "host", "hosts have no case, and the port is not part of them"},
		{"FOO", "a.test", "/", "host", "a method nobody names is not a reason to miss"},
		{"get", "a.test", "/l", "host", "methods do have a case"},
	}
	for _, c := range cases {
		if got := r.nameOf(c.method, c.host, "http://x"+c.path); got != c.want {
			t.Errorf("%s %s%s took %q, want %q: %s", c.method, c.host, c.path, got, c.want, c.why)
		}
	}
}

func TestCommittedRoutes(t *testing.T) {
	var routes []Route
	for _, service := range load(t).Services {
		routes = append(routes, service.Routes...)
	}
	r := routerOf(routes...)
	cases := []struct{ method, path, want string }{
		{"GET", "/characters", "character"},
		{"HEAD", "/characters", "character"},
		{"OPTIONS", "/characters", "character"},
		{"PROPFIND", "/characters", "character"},
		{"POST", "/characters", "character-write"},
		{"PUT", "/characters/1", "character-write"},
		{"PATCH", "/characters/1", "character-write"},
		{"DELETE", "/characters/1", "character-write"},
		{"GET", "/openapi.json", "character-docs"},
		{"HEAD", "/openapi.yaml", "character-docs"},
		{"GET", "/docs", "character-docs"},
		{"GET", "/docs/", "character-docs"},
		{"GET", "/docs/swagger-ui-bundle.js", "character-docs"},
		{"GET", "/docs/static/css/a_b-c.css", "character-docs"},
		{"POST", "/docs", "character-write"},
		{"POST", "/openapi.json", "character-write"},
		{"OPTIONS", "/docs", "character"},

		// Everything that only looks like the documentation.
		{"GET", "/openapi.json/", "character"},
		{"GET", "/openapi.jsonx", "character"},
		{"GET", "/openapixjson", "character"},
		{"GET", "/openapi", "character"},
		{"GET", "/v1/openapi.json", "character"},
		{"GET", "/docsx", "character"},
		{"GET", "/DOCS", "character"},
		{"GET", "/docs/../characters", "character"},
		{"GET", "/docs/%2e%2e/characters", "character"},
		{"GET", "/docs/..%2fcharacters", "character"},
		{"GET", "/docs/%252e%252e/characters", "character"},
		{"GET", "/docs%2f..%2fcharacters", "character"},
		{"GET", "/docs/..;/characters", "character"},
		{"GET", "/docs/%5c..%5ccharacters", "character"},
		{"GET", "/docs%00/characters", "character"},
		{"GET", "//docs/..//characters", "character"},
		{"GET", "/characters?x=/docs", "character"},
	}
	for _, c := range cases {
		if got := r.nameOf(c.method, "character.fountain.coach", "http://x"+c.path); got != c.want {
			t.Errorf("%s %s took %q, want %q", c.method, c.path, got, c.want)
		}
	}
	for _, host := range []string{"", "localhost", "fountain.coach", "xcharacter.localhost", "character.localhost.evil.test", "character.upstream", "127.0.0.1"} {
		if got := r.nameOf("GET", host, "http://x/"); got != "" {
			t.Errorf("host %q took %q", host, got)
		}
	}
}
