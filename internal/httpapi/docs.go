// The service's own documentation: its OpenAPI document and a page to read it.
package httpapi

import (
	"embed"
	"fmt"
	"html"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"sync"

	"github.com/swaggest/swgui/v5/static"
	"github.com/vearutop/statigz"
)

//go:embed docs
var docs embed.FS

// pagePolicy lets the documentation page load and call only its own service.
// Swagger UI sets styles on elements and draws its icons from data: URLs.
const pagePolicy = "default-src 'none'; script-src 'self'; style-src 'self' 'unsafe-inline'; img-src 'self' data:; " +
	"connect-src 'self'%s; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"

// swaggerFiles hands out Swagger UI, compressed as it is embedded.
var swaggerFiles = sync.OnceValue(func() http.Handler {
	return http.StripPrefix("/docs/", statigz.FileServer(static.FS))
})

func (a *API) serveDocuments() {
	get := func(path string, handler http.Handler) { a.paths.add(http.MethodGet, path, handler) }
	get("/openapi.yaml", a.serveDocument("application/yaml", a.document.yaml))
	get("/openapi.json", a.serveDocument("application/json", a.document.json))
	page := strings.Replace(embedded("page.html"), "SERVICE", html.EscapeString(a.definition.Name), 1)
	get("/docs", a.serveText("text/html; charset=utf-8", page))
	get("/docs/", a.serveText("text/html; charset=utf-8", page))
	get("/docs/start.js", a.serveText("text/javascript; charset=utf-8", embedded("start.js")))
	for _, name := range []string{"swagger-ui.css", "swagger-ui-bundle.js", "favicon-32x32.png"} {
		get("/docs/"+name, swaggerFiles())
	}
}

func embedded(name string) string {
	content, err := docs.ReadFile("docs/" + name)
	if err != nil {
		panic(err) // the file is part of the binary
	}
	return string(content)
}

// serveText serves a part of the documentation page.
func (a *API) serveText(mediaType, text string) http.Handler {
	policy := fmt.Sprintf(pagePolicy, a.elsewhere())
	return http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		header := w.Header()
		header.Set("Content-Type", mediaType)
		header.Set("Cache-Control", "no-cache")
		header.Set("Content-Security-Policy", policy)
		header.Set("Referrer-Policy", "no-referrer")
		header.Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write([]byte(text))
	})
}

// elsewhere is what the page may call beside its own address, as part of a
// policy: the public one, where the page is opened by another.
func (a *API) elsewhere() string {
	public, err := url.Parse(a.publicURL)
	if err != nil || public.Host == "" {
		return ""
	}
	return " " + public.Scheme + "://" + public.Host
}

// serveDocument serves the document with the address that this client uses in
// place of the one it was written with, so that tools can call what they read.
func (a *API) serveDocument(mediaType string, content servedText) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Vary", "Host, X-Forwarded-Host, X-Forwarded-Proto, X-Forwarded-Port")
		w.Header().Set("X-Content-Type-Options", "nosniff")
		_, _ = w.Write(content.at(a.serverURL(r)))
	})
}

// serverURL is the address by which the client of r knows the service: as
// configured, else as the request says, else as the document was written.
func (a *API) serverURL(r *http.Request) string {
	if a.publicURL != "" {
		return a.publicURL
	}
	host, port, ok := splitHost(firstOf(r.Header.Get("X-Forwarded-Host"), r.Host))
	if !ok {
		return a.document.serverURL
	}
	scheme := firstOf(r.Header.Get("X-Forwarded-Proto"), "")
	if scheme != "http" && scheme != "https" {
		scheme = "http"
		if r.TLS != nil {
			scheme = "https"
		}
	}
	if port == "" {
		port = firstOf(r.Header.Get("X-Forwarded-Port"), "")
	}
	if isDefaultPort(scheme, port) || !isPort(port) {
		return scheme + "://" + host
	}
	return scheme + "://" + host + ":" + port
}

// firstOf returns the first element of a list that proxies append to, or
// fallback if there is none.
func firstOf(list, fallback string) string {
	first, _, _ := strings.Cut(list, ",")
	if first = strings.TrimSpace(first); first != "" {
		return first
	}
	return fallback
}

func isDefaultPort(scheme, port string) bool {
	return scheme == "http" && port == "80" || scheme == "https" && port == "443"
}

func isPort(port string) bool {
	number, err := strconv.ParseUint(port, 10, 16)
	return err == nil && number > 0
}

// splitHost takes apart what a client claims as its host, and refuses what is
// no host: it must not be able to write into the document.
func splitHost(claimed string) (host, port string, ok bool) {
	const letters = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_"
	host = claimed
	if strings.Contains(claimed, ":") && !strings.HasSuffix(claimed, "]") {
		var err error
		if host, port, err = net.SplitHostPort(claimed); err != nil || !isPort(port) {
			return "", "", false
		}
	}
	host = strings.TrimSuffix(strings.TrimPrefix(host, "["), "]")
	if strings.Contains(host, ":") {
		return "[" + host + "]", port, net.ParseIP(host) != nil
	}
	return host, port, host != "" && len(host) <= 253 && strings.Trim(host, letters) == ""
}

// checkPublicURL returns the configured address without a slash at its end.
func checkPublicURL(configured string) (string, error) {
	configured = strings.TrimSuffix(configured, "/")
	if configured == "" {
		return "", nil
	}
	parsed, err := url.Parse(configured)
	if err != nil || (parsed.Scheme != "http" && parsed.Scheme != "https") || parsed.Host == "" ||
		parsed.User != nil || strings.ContainsAny(configured, "?#;, '\"") {
		return "", fmt.Errorf("public URL %q: want an address as https://character.fountain.coach", configured)
	}
	return configured, nil
}
