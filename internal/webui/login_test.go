package webui_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/webui"
)

func TestLoggingInAndOut(t *testing.T) {
	s := newStage(t, webui.Options{})
	p := s.visitor(t)
	status, _, header := p.get("/scripts/3?x=1&y=2")
	if status != http.StatusSeeOther || header.Get("Location") != "/login?next=%2Fscripts%2F3%3Fx%3D1%26y%3D2" {
		t.Errorf("without a key: got %d to %q, want 303 to the login page", status, header.Get("Location"))
	}
	requireContains(t, p.read("/login?next=%2Fscripts%2F3"), `name="next" value="/scripts/3"`)

	for key, want := range map[string]struct {
		status int
		says   string
	}{
		"":                      {http.StatusBadRequest, "Enter your API key."},
		"two words":             {http.StatusBadRequest, "This is no API key"},
		"clé":                   {http.StatusBadRequest, "This is no API key"},
		"a\r\nX-Evil: 1":        {http.StatusBadRequest, "This is no API key"},
		"wrong-key-of-somebody": {http.StatusUnauthorized, "The gateway does not know this key"},
	} {
		status, body, header := p.post("/login", url.Values{"key": {key}})
		if status != want.status || header.Get("Set-Cookie") != "" {
			t.Errorf("key %q: got %d and the cookie %q, want %d and none", key, status, header.Get("Set-Cookie"), want.status)
		}
		requireContains(t, body, want.says)
		requireLacks(t, body, "wrong-key-of-somebody")
	}

	status, body, header := p.post("/login", url.Values{"key": {" " + s.stack.Writer + "\n"}, "next": {"/ask?session=4"}})
	cookie := header.Get("Set-Cookie")
	if status != http.StatusSeeOther || header.Get("Location") != "/ask?session=4" {
		t.Errorf("got %d to %q, want 303 to the page that was wanted", status, header.Get("Location"))
	}
	requireContains(t, cookie, "HttpOnly", "SameSite=Strict", "Path=/")
	requireLacks(t, cookie, "Secure")
	for _, page := range []string{body, p.read("/"), p.read("/ask"), s.log.String()} {
		requireLacks(t, page, s.stack.Writer)
	}
	requireContains(t, p.read("/"), "Log out")
	if status, _, header := p.get("/login"); status != http.StatusSeeOther || header.Get("Location") != "/" {
		t.Errorf("the login page with a key: got %d, want 303 to /", status)
	}

	if status, _, _ := p.get("/logout"); status != http.StatusNotFound {
		t.Errorf("GET /logout: got %d; a link must not log anybody out", status)
	}
	if status, _, header := p.post("/logout", nil); status != http.StatusSeeOther || header.Get("Location") != "/login" {
		t.Errorf("POST /logout: got %d, want 303 to /login", status)
	}
	if status, _, _ := p.get("/"); status != http.StatusSeeOther {
		t.Errorf("after logging out: got %d, want 303", status)
	}
}

func TestOverHTTPSTheCookieIsSecure(t *testing.T) {
	s := newStage(t, webui.Options{})
	p := s.visitor(t)
	request := p.request(http.MethodPost, "/login", strings.NewReader(url.Values{"key": {s.stack.Writer}}.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("X-Forwarded-Proto", "https")
	_, _, header := p.do(request)
	requireContains(t, header.Get("Set-Cookie"), "__Host-fountain-key=", "; Secure", "HttpOnly", "SameSite=Strict")
}

// A key that was withdrawn leads to the login page, and is forgotten.
func TestAKeyThatIsNoLongerKnown(t *testing.T) {
	s := newStage(t, webui.Options{})
	p := s.visitor(t)
	request := p.request(http.MethodGet, "/", nil)
	request.AddCookie(&http.Cookie{Name: "fountain-key", Value: "d2l0aGRyYXdu"})
	status, _, header := p.do(request)
	if status != http.StatusSeeOther || header.Get("Location") != "/login" || !strings.Contains(header.Get("Set-Cookie"), "Max-Age=0") {
		t.Errorf("got %d to %q with the cookie %q", status, header.Get("Location"), header.Get("Set-Cookie"))
	}
	for _, value := range []string{"%%%", "a b", "YSBi", ""} {
		request := p.request(http.MethodGet, "/", nil)
		request.Header.Set("Cookie", "fountain-key="+value)
		if status, _, _ := p.do(request); status != http.StatusSeeOther {
			t.Errorf("cookie %q: got %d, want 303", value, status)
		}
	}
}

// Who logs in stays on this server.
func TestLoginLeadsNowhereElse(t *testing.T) {
	s := newStage(t, webui.Options{})
	for _, next := range []string{"https://evil.example", "//evil.example", `/\evil.example`, `\\evil.example`, "javascript:alert(1)", "/\t/evil.example", "evil", "/\r\nX: y"} {
		p := s.visitor(t)
		if _, _, header := p.post("/login", url.Values{"key": {s.stack.Writer}, "next": {next}}); header.Get("Location") != "/" {
			t.Errorf("next %q leads to %q, want /", next, header.Get("Location"))
		}
		requireContains(t, s.visitor(t).read("/login?"+url.Values{"next": {next}}.Encode()), `name="next" value="/"`)
	}
}

func TestOneKeyForEverybody(t *testing.T) {
	s := newStage(t, webui.Options{})
	s.open(t, webui.Options{API: s.api.WithKey(""), Key: s.stack.Writer})
	p := s.visitor(t)
	page := p.read("/")
	requireContains(t, page, "<h1>Scripts</h1>")
	requireLacks(t, page, "Log out", s.stack.Writer)
	if status, _, header := p.get("/login"); status != http.StatusSeeOther || header.Get("Location") != "/" {
		t.Errorf("the login page: got %d to %q, want 303 to /", status, header.Get("Location"))
	}
	s.open(t, webui.Options{API: s.api.WithKey(""), Key: "withdrawn"})
	status, body, _ := s.visitor(t).get("/")
	if status != http.StatusBadGateway {
		t.Errorf("with a key that the gateway does not know: got %d, want 502", status)
	}
	requireContains(t, body, "Start “fountain up” again.")
	requireLacks(t, body, "withdrawn")
}
