package httpapi

import (
	"crypto/tls"
	"encoding/json"
	"maps"
	"net/http/httptest"
	"net/url"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"go.yaml.in/yaml/v3"
)

// served decodes both forms of the served document and checks that they agree.
func (s *testAPI) served(host string, headers ...string) map[string]any {
	s.t.Helper()
	read := func(path string) []byte {
		r := httptest.NewRequest("GET", path, nil)
		r.Host = host
		for i := 0; i+1 < len(headers); i += 2 {
			if headers[i] == "TLS" {
				r.TLS = &tls.ConnectionState{}
				continue
			}
			r.Header.Add(headers[i], headers[i+1])
		}
		w := s.serve(r)
		if w.Code != 200 || !strings.HasPrefix(w.Header().Get("Content-Type"), "application/"+path[len("/openapi."):]) {
			s.t.Fatalf("%s: got %d %s", path, w.Code, w.Header())
		}
		return w.Body.Bytes()
	}
	var asYAML, asJSON map[string]any
	if err := yaml.Unmarshal(read("/openapi.yaml"), &asYAML); err != nil {
		s.t.Fatal(err)
	}
	again, err := json.Marshal(asYAML)
	if err != nil {
		s.t.Fatal(err)
	}
	var fromYAML map[string]any
	if err := json.Unmarshal(again, &fromYAML); err != nil {
		s.t.Fatal(err)
	}
	if err := json.Unmarshal(read("/openapi.json"), &asJSON); err != nil {
		s.t.Fatal(err)
	}
	if !reflect.DeepEqual(fromYAML, asJSON) {
		s.t.Errorf("Host %q: YAML and JSON differ", host)
	}
	return asJSON
}

func serverOf(document map[string]any) any {
	return document["servers"].([]any)[0].(map[string]any)["url"]
}

func TestServedDocument(t *testing.T) {
	s := newTestAPI(t, Options{})
	const written = "https://items.fountain.coach"
	tests := []struct {
		host    string
		headers []string
		want    string
	}{
		{"items.example.org", nil, "http://items.example.org"},
		{"items.example.org", []string{"TLS", ""}, "https://items.example.org"},
		{"localhost:8000", nil, "http://localhost:8000"},
		{"[::1]:8000", nil, "http://[::1]:8000"},
		{"[::1]", nil, "http://[::1]"},
		{"127.0.0.1", nil, "http://127.0.0.1"},
		{"example.org:80", nil, "http://example.org"},
		{"example.org:443", []string{"TLS", ""}, "https://example.org"},
		{"example.org:443", nil, "http://example.org:443"},
		{"10.0.0.1:8000", []string{"X-Forwarded-Host", "items.fountain.coach", "X-Forwarded-Proto", "https", "X-Forwarded-Port", "443"}, "https://items.fountain.coach"},
		{"10.0.0.1:8000", []string{"X-Forwarded-Host", "items.fountain.coach", "X-Forwarded-Proto", "https", "X-Forwarded-Port", "8443"}, "https://items.fountain.coach:8443"},
		{"10.0.0.1:8000", []string{"X-Forwarded-Host", "items.fountain.coach:8443", "X-Forwarded-Proto", "https", "X-Forwarded-Port", "443"}, "https://items.fountain.coach:8443"},
		{"10.0.0.1", []string{"X-Forwarded-Host", "a.example, b.example", "X-Forwarded-Proto", "https, http"}, "https://a.example"},
		{"a.example", []string{"X-Forwarded-Proto", "javascript"}, "http://a.example"},
		{"a.example", []string{"X-Forwarded-Port", "no"}, "http://a.example"},
		{"a.example", []string{"X-Forwarded-Port", "99999"}, "http://a.example"},
		{"", nil, written},
		{"a b", nil, written},
		{`a"b`, nil, written},
		{"a\nb: c", nil, written},
		{"a/b", nil, written},
		{"user@host", nil, written},
		{"a.example:http", nil, written},
		{"a.example:", nil, written},
		{"a:b:c", nil, written},
		{"[a]:80", nil, "http://a"},
		{"[::1", nil, written},
		{"[::zz]", nil, written},
		{strings.Repeat("a", 254), nil, written},
		{"a.example", []string{"X-Forwarded-Host", `"}],"x":[{"`}, written},
	}
	for _, test := range tests {
		t.Run(test.host+strings.Join(test.headers, " "), func(t *testing.T) {
			if got := serverOf(s.served(test.host, test.headers...)); got != test.want {
				t.Errorf("got %v, want %s", got, test.want)
			}
		})
	}
}

// TestServedDocumentIsWhole: nothing but the address of the server differs from
// the document as written, also where it holds that address elsewhere.
func TestServedDocumentIsWhole(t *testing.T) {
	s := newTestAPI(t, Options{PublicURL: "https://public.example/base/"})
	w := s.do("GET", "/openapi.yaml", "")
	want := strings.Replace(testDocument, "url: https://items.fountain.coach}", `url: "https://public.example/base"}`, 1)
	if got := w.Body.String(); got != want {
		t.Errorf("got %s", got)
	}
	if got := serverOf(s.served("evil.example", "X-Forwarded-Host", "evil.example")); got != "https://public.example/base" {
		t.Errorf("got %v: the public URL does not win", got)
	}
}

func TestServerIsQuoted(t *testing.T) {
	for _, written := range []string{"https://x.example", `"https://x.example"`, `'https://x.example'`, `  https://x.example   # comment`} {
		document, err := ParseDocument([]byte("servers:\n- url: " + written + "\npaths: {}\n"))
		if err != nil {
			t.Errorf("%s: %v", written, err)
			continue
		}
		var got struct{ Servers []struct{ URL string } }
		if err := yaml.Unmarshal(document.yaml.at("http://[::1]:8000"), &got); err != nil || got.Servers[0].URL != "http://[::1]:8000" {
			t.Errorf("%s: got %+v (%v)", written, got, err)
		}
	}
}

func TestParseDocumentRefuses(t *testing.T) {
	operation := func(parameters, body string) string {
		return "paths: {/a: {post: {parameters: [" + parameters + "], requestBody: {" + body + "}}}}"
	}
	for source, want := range map[string]string{
		"\tx":                                    "yaml",
		"1: 2":                                   "unsupported type",
		"servers: [{description: x}]\npaths: {}": "no url",
		"servers: [{url: &x \"a\\u0062\"}]\npaths: {}":                                                          "as plain text",
		operation("{name: a, in: cookie, schema: {}}", ""):                                                      `parameters in "cookie"`,
		operation("{name: a, in: query}", ""):                                                                   "needs a schema",
		operation("{name: a, in: query, schema: {type: array}}", ""):                                            "explode: false",
		operation("{name: a, in: query, schema: {type: nonsense}}", ""):                                         "not valid against metaschema",
		operation("", "content: {application/json: {schema: {$ref: '#/nowhere'}}}, x-body-limit: much"):         "x-body-limit",
		operation("", "content: {application/json: {schema: {type: object, properties: {a: {minLength: x}}}}}"): "minLength",
	} {
		if _, err := ParseDocument([]byte(source)); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%s: got %v, want …%s…", source, err, want)
		}
	}
	if document, err := ParseDocument([]byte("openapi: 3.1.0\npaths: {}\n")); err != nil || string(document.yaml.at("x")) != "openapi: 3.1.0\npaths: {}\n" {
		t.Errorf("without servers: %v", err)
	}
}

// TestDocsWorkOffline: the page and all it loads come from the service alone,
// and its policy holds it to that.
func TestDocsWorkOffline(t *testing.T) {
	s := newTestAPI(t, Options{})
	reference := regexp.MustCompile(`(?:src|href)\s*=\s*["']?([^"'\s>]*)`)
	for _, path := range []string{"/docs", "/docs/"} {
		page := s.do("GET", path, "")
		if page.Code != 200 || !strings.HasPrefix(page.Header().Get("Content-Type"), "text/html") {
			t.Fatalf("%s: got %d %s", path, page.Code, page.Header())
		}
		text := page.Body.String()
		if strings.Contains(text, "://") || strings.Contains(text, "//cdn") || strings.Contains(text, "<style") ||
			strings.Contains(text, "onload") || regexp.MustCompile(`<script[^>]*>[^<]`).MatchString(text) {
			t.Errorf("the page refers elsewhere or holds code: %s", text)
		}
		references := reference.FindAllStringSubmatch(text, -1)
		if len(references) != 5 {
			t.Errorf("got %d references: %v", len(references), references)
		}
		for _, match := range references {
			target, err := url.Parse(match[1])
			if err != nil || target.IsAbs() || target.Host != "" || !strings.HasPrefix(match[1], "/") {
				t.Errorf("%s is not on this service", match[1])
			}
			if w := s.do("GET", match[1], "", "Accept-Encoding", "gzip"); w.Code != 200 || w.Body.Len() == 0 {
				t.Errorf("%s: got %d", match[1], w.Code)
			}
		}
		checkPolicy(t, page.Header().Get("Content-Security-Policy"), "'self'")
	}
	if script := s.do("GET", "/docs/start.js", "").Body.String(); strings.Contains(script, "://") {
		t.Errorf("the script refers elsewhere: %s", script)
	}
	style := s.do("GET", "/docs/swagger-ui.css", "").Body.String()
	for _, match := range regexp.MustCompile(`url\(["']?([^)]{0,20})`).FindAllStringSubmatch(style, -1) {
		if !strings.HasPrefix(match[1], "data:") {
			t.Errorf("the style sheet refers elsewhere: %s", match[0])
		}
	}
}

func checkPolicy(t *testing.T, policy, connect string) {
	t.Helper()
	want := map[string]string{
		"default-src": "'none'", "script-src": "'self'", "style-src": "'self' 'unsafe-inline'", "img-src": "'self' data:",
		"connect-src": connect, "base-uri": "'none'", "form-action": "'none'", "frame-ancestors": "'none'",
	}
	got := map[string]string{}
	for directive := range strings.SplitSeq(policy, ";") {
		name, sources, _ := strings.Cut(strings.TrimSpace(directive), " ")
		got[name] = sources
	}
	if !maps.Equal(got, want) {
		t.Errorf("policy: got %v, want %v", got, want)
	}
}

// TestDocsOfPublicURL: where the service has a public address the document
// names it, so the page must be able to call it.
func TestDocsOfPublicURL(t *testing.T) {
	s := newTestAPI(t, Options{PublicURL: "https://public.example/base"})
	checkPolicy(t, s.do("GET", "/docs", "").Header().Get("Content-Security-Policy"), "'self' https://public.example")
}

func TestPublicURL(t *testing.T) {
	good := []string{"", "https://a.example", "http://a.example:8000/", "https://a.example/base", "http://[::1]:8000"}
	bad := []string{"a.example", "ftp://a", "https://", "https://u:p@a", "https://a?x", "https://a#x", "https://a;b", "https://a b", "https://a'", "/a", "%"}
	for _, configured := range slices.Concat(good, bad) {
		_, err := checkPublicURL(configured)
		if isGood := slices.Contains(good, configured); isGood != (err == nil) {
			t.Errorf("%q: got %v", configured, err)
		}
	}
}
