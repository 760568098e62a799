// What protects the page: headers, where requests may come from, how much they
// may bring.
package webui

import (
	"net"
	"net/http"
	"strings"
)

const (
	// contentPolicy lets a page load and call only its own server.
	contentPolicy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
		"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
	// largestForm is more than any form here takes, largestQuestion more than a
	// question does.
	largestForm     = 64 << 10
	largestQuestion = 256 << 10
)

// protect stands before all handlers.
func (s *server) protect(next http.Handler) http.Handler {
	guard := http.NewCrossOriginProtection()
	guard.SetDenyHandler(http.HandlerFunc(s.refuseOrigin))
	next = guard.Handler(next)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		header := w.Header()
		header.Set("Content-Security-Policy", contentPolicy)
		header.Set("X-Content-Type-Options", "nosniff")
		// Not no-referrer: with it forms are sent with the origin null, which
		// cannot be told from that of a stranger.
		header.Set("Referrer-Policy", "same-origin")
		header.Set("Cache-Control", "no-store")
		header.Set("Cross-Origin-Resource-Policy", "same-origin")
		if s.Key != "" && !isThisMachine(r.Host) {
			s.refuseHost(w)
			return
		}
		r.Body = http.MaxBytesReader(w, r.Body, limitOf(r))
		next.ServeHTTP(w, r)
	})
}

func limitOf(r *http.Request) int64 {
	if r.URL.Path == askPath {
		return largestQuestion
	}
	return largestForm
}

// refuseHost answers a request that came under a foreign name. It shows nothing
// of the page: whoever owns the name could read it.
func (s *server) refuseHost(w http.ResponseWriter) {
	http.Error(w, "This server answers only on this machine. Open it as http://localhost, with its port.", http.StatusMisdirectedRequest)
}

func (s *server) refuseOrigin(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusForbidden, "error", trouble{
		Title: "This came from another site",
		Text:  "The request did not come from a page of this server, so nothing was changed.",
		Next:  []string{"If you wanted this, open the page here and do it again."},
	})
}

// isThisMachine reports whether host, as a request names it, is a name that only
// this machine can have.
func isThisMachine(host string) bool {
	name := host
	if withoutPort, _, err := net.SplitHostPort(host); err == nil {
		name = withoutPort
	}
	name = strings.ToLower(strings.TrimSuffix(strings.Trim(name, "[]"), "."))
	return name == "localhost" || strings.HasSuffix(name, ".localhost") || name == "127.0.0.1" || name == "::1"
}

// isSecure reports whether the person's connection is encrypted, here or at the
// proxy before.
func isSecure(r *http.Request) bool {
	forwarded, _, _ := strings.Cut(r.Header.Get("X-Forwarded-Proto"), ",")
	return r.TLS != nil || strings.EqualFold(strings.TrimSpace(forwarded), "https")
}
