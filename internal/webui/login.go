// Who asks: a key in a cookie, how it gets there and how it is removed.
package webui

import (
	"context"
	"encoding/base64"
	"net/http"
	"net/url"
	"strings"

	"fountain.coach/fountainai/internal/client"
)

// longestKey is more than any key has.
const longestKey = 512

// cookieName returns the name of the cookie with the key. Over an encrypted
// connection its prefix keeps other hosts from setting it.
func cookieName(r *http.Request) string {
	if isSecure(r) {
		return "__Host-fountain-key"
	}
	return "fountain-key"
}

// keyOf returns the key of the person who asks, "" if there is none.
func (s *server) keyOf(r *http.Request) string {
	if s.Key != "" {
		return s.Key
	}
	cookie, err := r.Cookie(cookieName(r))
	if err != nil {
		return ""
	}
	key, err := base64.RawURLEncoding.DecodeString(cookie.Value)
	if err != nil || !isKey(string(key)) {
		return ""
	}
	return string(key)
}

// isKey reports whether a key can be sent in a header.
func isKey(key string) bool {
	return key != "" && len(key) <= longestKey && !strings.ContainsFunc(key, func(r rune) bool { return r < '!' || r > '~' })
}

// setKey puts a key into the cookie; an empty one removes it.
func setKey(w http.ResponseWriter, r *http.Request, key string) {
	cookie := &http.Cookie{
		Name: cookieName(r), Value: base64.RawURLEncoding.EncodeToString([]byte(key)), Path: "/",
		HttpOnly: true, Secure: isSecure(r), SameSite: http.SameSiteStrictMode,
	}
	if key == "" {
		cookie.MaxAge = -1
	}
	http.SetCookie(w, cookie)
}

// sendToLogin asks for a key, and remembers where to go on.
func (s *server) sendToLogin(w http.ResponseWriter, r *http.Request) {
	target := "/login"
	if here := r.URL.RequestURI(); r.Method == http.MethodGet && here != "/" {
		target += "?" + url.Values{"next": {here}}.Encode()
	}
	http.Redirect(w, r, target, http.StatusSeeOther)
}

// loginView is what the login page shows.
type loginView struct {
	Next    string
	Mistake string
}

func (s *server) loginPage(w http.ResponseWriter, r *http.Request) {
	next := localPath(r.URL.Query().Get("next"))
	if s.keyOf(r) != "" {
		http.Redirect(w, r, next, http.StatusSeeOther)
		return
	}
	s.show(w, r, http.StatusOK, "login", loginView{Next: next})
}

func (s *server) login(w http.ResponseWriter, r *http.Request) {
	if s.Key != "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	if err := r.ParseForm(); err != nil {
		s.fail(w, r, formError(err))
		return
	}
	key, next := strings.TrimSpace(r.PostForm.Get("key")), localPath(r.PostForm.Get("next"))
	if status, mistake := s.try(r, key); mistake != "" {
		s.show(w, r, status, "login", loginView{Next: next, Mistake: mistake})
		return
	}
	setKey(w, r, key)
	http.Redirect(w, r, next, http.StatusSeeOther)
}

// try asks the gateway with a key, and returns what is wrong with it.
func (s *server) try(r *http.Request, key string) (status int, mistake string) {
	switch {
	case key == "":
		return http.StatusBadRequest, "Enter your API key."
	case !isKey(key):
		return http.StatusBadRequest, "This is no API key: a key has no spaces and only plain characters. Copy it again."
	}
	ctx, cancel := context.WithTimeout(r.Context(), pageTime)
	defer cancel()
	_, err := s.API.WithKey(key).Call(ctx, client.Request{
		Service: "scriptmanagement", Method: http.MethodGet, Path: "/scripts?limit=1",
	})
	switch client.Status(err) {
	case http.StatusUnauthorized:
		return http.StatusUnauthorized, "The gateway does not know this key. Check that you copied all of it."
	case http.StatusForbidden:
		return http.StatusForbidden, "This key may not read scripts. Ask for one that may."
	case http.StatusTooManyRequests:
		return http.StatusTooManyRequests, "There were too many requests. Wait a minute and try again."
	}
	if err != nil {
		s.Logger.Warn("a key could not be checked", "error", err)
		return http.StatusBadGateway, "The key could not be checked, because the services do not answer. Try again in a moment."
	}
	return 0, ""
}

func (s *server) logout(w http.ResponseWriter, r *http.Request) {
	if s.Key != "" {
		http.Redirect(w, r, "/", http.StatusSeeOther)
		return
	}
	setKey(w, r, "")
	http.Redirect(w, r, "/login", http.StatusSeeOther)
}

// localPath returns a path of this server, "/" for anything else: who follows a
// link to the login page must not end up elsewhere.
func localPath(path string) string {
	parsed, err := url.Parse(path)
	if err != nil || parsed.Host != "" || parsed.Scheme != "" || !strings.HasPrefix(path, "/") ||
		strings.HasPrefix(path, "//") || strings.ContainsAny(path, "\\\r\n\t") {
		return "/"
	}
	return path
}
