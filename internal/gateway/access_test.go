// The plugins that say who may do what: key-auth, acl and cors.

package gateway

import (
	"net/http"
	"strings"
	"testing"
)

func TestKeyAuth(t *testing.T) {
	g := start(t, load(t), upstreams{"character:8000": echo})
	missing := "No API key found in request"
	cases := []struct {
		name, path, code, message string
		headers                   []string
	}{
		{"no key", "/characters", "missing_api_key", missing, nil},
		{"empty key", "/characters", "missing_api_key", missing, []string{"X-API-Key", ""}},
		{"wrong key", "/characters", "invalid_api_key", "Unauthorized", []string{"X-API-Key", "wrong"}},
		{"key and more", "/characters", "invalid_api_key", "Unauthorized", []string{"X-API-Key", readerKey + "x"}},
		{"key in capitals", "/characters", "invalid_api_key", "Unauthorized", []string{"X-API-Key", strings.ToUpper(readerKey)}},
		{"two keys", "/characters", "duplicate_api_key", "Duplicate API key found", []string{"X-API-Key", readerKey, "X-API-Key", "x"}},
		{"key in the query", "/characters?X-API-Key=" + readerKey, "missing_api_key", missing, nil},
		{"key in another header", "/characters", "missing_api_key", missing, []string{"apikey", readerKey}},
		{"key as a bearer", "/characters", "missing_api_key", missing, []string{"Authorization", "Bearer " + readerKey}},
		{"OPTIONS without a key", "/characters", "missing_api_key", missing, []string{"Origin", "https://a.test"}},
	}
	for _, c := range cases {
		t.Run(c.name, func(t *testing.T) {
			response, body := g.call(t, http.MethodGet, c.path, "", c.headers...)
			refused(t, response, body, 401, c.code, c.message)
			if got := response.Header.Get("WWW-Authenticate"); got != "Key" {
				t.Errorf("WWW-Authenticate is %q", got)
			}
		})
	}
	if strings.Contains(g.access.String()+g.log.String(), readerKey) {
		t.Error("a key stands in a log")
	}
}

func TestKeyAuthTellsTheServiceWhoItIs(t *testing.T) {
	g := start(t, load(t), upstreams{"character:8000": echo})
	response, body := g.call(t, "GET", "/characters?a=1&x-api-key=k&b=%20&X-API-Key="+readerKey, "",
		"X-API-Key", readerKey,
		"X-Consumer-Username", "root", "X-Consumer-Id", "0", "X-Consumer-Custom-Id", "0", "X-Consumer-Groups", "writers",
		"X-Credential-Identifier", "0", "X-Credential-Username", "root", "X-Anonymous-Consumer", "true",
		"X-Authenticated-Groups", "writers", "X-Consumer-Username", "twice", "Connection", "X-Consumer-Username")
	if response.StatusCode != 200 {
		t.Fatal(body)
	}
	sent := decodeEcho(t, body)
	for name, want := range map[string]string{
		"X-Consumer-Username":     "reader",
		"X-Consumer-Id":           entityID("consumers", "reader"),
		"X-Credential-Identifier": entityID("keyauth_credentials", readerKey),
	} {
		if values := sent.Header[name]; len(values) != 1 || values[0] != want {
			t.Errorf("%s is %v, want %s", name, values, want)
		}
	}
	for _, name := range []string{"X-Api-Key", "X-Consumer-Custom-Id", "X-Consumer-Groups", "X-Credential-Username", "X-Anonymous-Consumer", "X-Authenticated-Groups"} {
		if values, there := sent.Header[name]; there {
			t.Errorf("the service got %s: %v", name, values)
		}
	}
	if sent.URI != "/characters?a=1&b=%20" {
		t.Errorf("the service got %s", sent.URI)
	}
	// Where no key is asked for, the gateway vouches for nobody either.
	_, body = g.call(t, "GET", "/docs", "", "X-API-Key", readerKey, "X-Consumer-Username", "root")
	sent = decodeEcho(t, body)
	if len(sent.Header["X-Api-Key"])+len(sent.Header["X-Consumer-Username"]) > 0 {
		t.Errorf("the service got %v", sent.Header)
	}
}

func TestKeyAuthOptions(t *testing.T) {
	text := strings.Replace(small, "key_in_query: false", "key_in_query: false\n              realm: fountain\n              run_on_preflight: false", 1)
	config := parse(t, text)
	if err := config.AddKey("reader", readerKey); err != nil {
		t.Fatal(err)
	}
	g := start(t, config, upstreams{"character:8000": echo})
	response, _ := g.call(t, "GET", "/", "")
	if got := response.Header.Get("WWW-Authenticate"); got != `Key realm="fountain"` {
		t.Error(got)
	}
	// key-auth lets OPTIONS pass; acl then finds nobody.
	response, body := g.call(t, "OPTIONS", "/", "", "X-API-Key", readerKey)
	refused(t, response, body, 401, "unauthorized", "Unauthorized")
	// Without hide_credentials the key goes on to the service.
	response, body = g.call(t, "GET", "/?X-API-Key=k", "", "X-API-Key", readerKey)
	if sent := decodeEcho(t, body); response.StatusCode != 200 || sent.Header.Get("X-API-Key") != readerKey || sent.URI != "/?X-API-Key=k" {
		t.Errorf("%d %+v", response.StatusCode, sent)
	}
	if sent := decodeEcho(t, body); sent.Header.Get("X-Consumer-Groups") != "readers" {
		t.Errorf("groups %q", sent.Header.Get("X-Consumer-Groups"))
	}
}

func TestACL(t *testing.T) {
	g := start(t, load(t), upstreams{"character:8000": echo})
	for _, method := range []string{"GET", "HEAD", "OPTIONS", "PROPFIND", "POST", "PUT", "PATCH", "DELETE"} {
		writes := strings.Contains("POST PUT PATCH DELETE", method)
		response, body := g.call(t, method, "/characters", "", "X-API-Key", readerKey)
		if writes {
			refused(t, response, body, 403, "forbidden", "You cannot consume this service")
		} else if response.StatusCode != 200 {
			t.Errorf("a reader's %s: %s", method, response.Status)
		}
		if response, _ := g.call(t, method, "/characters", "", "X-API-Key", writerKey); response.StatusCode != 200 {
			t.Errorf("a writer's %s: %s", method, response.Status)
		}
	}
	response, body := g.call(t, "POST", "/docs", "", "X-API-Key", readerKey, "X-HTTP-Method-Override", "GET")
	refused(t, response, body, 403, "forbidden", "You cannot consume this service")
}

func TestACLDeny(t *testing.T) {
	config := parse(t, strings.Replace(small, "allow: [readers]", "deny: [readers]", 1)+"  - username: other\n")
	for consumer, key := range map[string]string{"reader": readerKey, "other": writerKey} {
		if err := config.AddKey(consumer, key); err != nil {
			t.Fatal(err)
		}
	}
	g := start(t, config, upstreams{"character:8000": echo})
	response, body := g.call(t, "GET", "/", "", "X-API-Key", readerKey)
	refused(t, response, body, 403, "forbidden", "You cannot consume this service")
	if response, _ := g.call(t, "GET", "/", "", "X-API-Key", writerKey); response.StatusCode != 200 {
		t.Error(response.Status)
	}
}

func TestNoRoute(t *testing.T) {
	g := start(t, load(t), nil)
	for _, host := range []string{"localhost", "nobody.localhost", "character.example.org"} {
		response, body := g.call(t, "GET", "/characters", "", "Host", host, "X-API-Key", writerKey)
		refused(t, response, body, 404, "no_route", "no Route matched with those values")
		if response.Header.Get("X-Request-Id") == "" || response.Header.Get("Access-Control-Allow-Origin") != "*" {
			t.Errorf("plugins for all requests did not run: %v", response.Header)
		}
	}
	response, body := g.call(t, "TRACE", "/", "")
	refused(t, response, body, 405, "method_not_allowed", "Method not allowed")
	if response.Header.Get("Allow") == "" {
		t.Error("405 without Allow")
	}
}

func TestCORSPreflight(t *testing.T) {
	g := start(t, load(t), nil) // no service is asked
	response, body := g.call(t, "OPTIONS", "/characters", "",
		"Origin", "https://a.test", "Access-Control-Request-Method", "POST", "Access-Control-Request-Headers", "x-api-key")
	if response.StatusCode != 200 || body != "" {
		t.Errorf("%s %q", response.Status, body)
	}
	for name, want := range map[string]string{
		"Access-Control-Allow-Origin":      "*",
		"Access-Control-Allow-Methods":     "GET,HEAD,POST,PUT,PATCH,DELETE,OPTIONS",
		"Access-Control-Allow-Headers":     "Accept,Content-Type,Idempotency-Key,If-Match,If-None-Match,X-API-Key,X-Request-Id",
		"Access-Control-Max-Age":           "3600",
		"Access-Control-Allow-Credentials": "",
		"Access-Control-Expose-Headers":    "",
		"Vary":                             "",
	} {
		if got := response.Header.Get(name); got != want {
			t.Errorf("%s is %q, want %q", name, got, want)
		}
	}
	// An OPTIONS that asks for nothing is a request like any other.
	response, body = g.call(t, "OPTIONS", "/characters", "", "Origin", "https://a.test")
	refused(t, response, body, 401, "missing_api_key", "No API key found in request")
}

func corsGateway(t *testing.T, config string) *testGateway {
	text := "_format_version: \"3.0\"\nservices:\n  - name: a\n    host: a\n    routes:\n      - name: a\n        hosts: [character.localhost]\n" +
		"plugins:\n  - name: cors\n    config: " + config + "\n"
	return start(t, parse(t, text), upstreams{"a:80": echo})
}

func TestCORSOrigins(t *testing.T) {
	cases := []struct{ config, origin, allowed, credentials, vary string }{
		{"{}", "https://a.test", "*", "", ""},
		{"{}", "", "*", "", ""},
		{"{origins: ['*']}", "https://a.test", "*", "", ""},
		{"{origins: ['*'], credentials: true}", "https://a.test", "https://a.test", "true", "Origin"},
		{"{origins: ['*'], credentials: true}", "", "*", "", "Origin"},
		{"{origins: ['https://a.test']}", "https://b.test", "https://a.test", "", "Origin"},
		{"{origins: ['https://a.test', 'https://b.test'], credentials: true}", "https://b.test", "https://b.test", "true", "Origin"},
		{"{origins: ['https://a.test', 'https://b.test']}", "https://b.test:443", "https://b.test", "", "Origin"},
		{"{origins: ['http://a.test:80', 'https://b.test']}", "http://a.test", "http://a.test", "", "Origin"},
		{"{origins: ['https://a.test', 'https://b.test']}", "https://c.test", "", "", "Origin"},
		{"{origins: ['https://a.test', 'https://b.test']}", "", "", "", "Origin"},
		{`{origins: ['^https://\w+\.test$']}`, "https://x.test", "https://x.test", "", "Origin"},
		{`{origins: ['https://\w+\.test']}`, "https://x.test.evil.org", "", "", "Origin"},
		{`{origins: ['.*\.test']}`, "http://x.test:8080", "http://x.test:8080", "", "Origin"},
	}
	for _, c := range cases {
		t.Run(c.config+" "+c.origin, func(t *testing.T) {
			g := corsGateway(t, c.config)
			headers := []string{}
			if c.origin != "" {
				headers = []string{"Origin", c.origin}
			}
			response, _ := g.call(t, "GET", "/", "", headers...)
			for name, want := range map[string]string{
				"Access-Control-Allow-Origin": c.allowed, "Access-Control-Allow-Credentials": c.credentials, "Vary": c.vary,
			} {
				if got := response.Header.Get(name); got != want {
					t.Errorf("%s is %q, want %q", name, got, want)
				}
			}
		})
	}
}

func TestCORSPreflightOptions(t *testing.T) {
	ask := []string{"Origin", "https://a.test", "Access-Control-Request-Method", "PUT",
		"Access-Control-Request-Headers", "x-one,x-two", "Access-Control-Request-Private-Network", "true"}
	response, _ := corsGateway(t, "{private_network: true}").call(t, "OPTIONS", "/", "", ask...)
	if response.Header.Get("Access-Control-Allow-Headers") != "x-one,x-two" ||
		response.Header.Get("Access-Control-Allow-Private-Network") != "true" || response.Header.Get("Access-Control-Max-Age") != "" {
		t.Errorf("%v", response.Header)
	}
	response, body := corsGateway(t, "{preflight_continue: true}").call(t, "OPTIONS", "/", "", ask...)
	if decodeEcho(t, body).Method != "OPTIONS" || response.Header.Get("Access-Control-Allow-Origin") != "" {
		t.Errorf("%v", response.Header)
	}
}
