// The service's own documentation: its OpenAPI document and a page to read it.
package httpapi

import (
	"bytes"
	"net/http"
	"strings"

	"github.com/swaggest/swgui"
	"github.com/swaggest/swgui/v5emb"
)

func (a *API) serveDocuments() {
	get := func(path string, handler http.Handler) {
		a.router.Handle(path, handler).Methods(http.MethodGet)
	}
	get("/openapi.yaml", a.serveDocument("application/yaml", a.document.yaml))
	get("/openapi.json", a.serveDocument("application/json", a.document.json))
	page := v5emb.NewHandlerWithConfig(swgui.Config{
		Title:       "FountainAI: " + a.definition.Name,
		SwaggerJSON: "/openapi.json",
		BasePath:    "/docs",
		SettingsUI:  map[string]string{"tryItOutEnabled": "true", "persistAuthorization": "false"},
	})
	get("/docs", page)
	a.router.PathPrefix("/docs/").Handler(page).Methods(http.MethodGet)
}

// serveDocument serves the document with the address that this client uses in
// place of the one it was written with, so that tools can call what they read.
func (a *API) serveDocument(mediaType string, content []byte) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		w.Header().Set("Content-Type", mediaType)
		w.Header().Set("Cache-Control", "no-cache")
		w.Header().Set("Vary", "Host, X-Forwarded-Host, X-Forwarded-Proto, X-Forwarded-Port")
		served := bytes.Replace(content, []byte(a.document.serverURL), []byte(a.serverURL(r)), 1)
		_, _ = w.Write(served)
	})
}

func (a *API) serverURL(r *http.Request) string {
	if a.publicURL != "" {
		return a.publicURL
	}
	scheme, host := r.Header.Get("X-Forwarded-Proto"), r.Header.Get("X-Forwarded-Host")
	if host == "" {
		host = r.Host
	}
	if scheme != "http" && scheme != "https" {
		scheme = "http"
		if r.TLS != nil {
			scheme = "https"
		}
	}
	port := r.Header.Get("X-Forwarded-Port")
	if isDefaultPort(scheme, port) || strings.Contains(host, ":") || !isPlain(port) || len(port) > 5 {
		port = ""
	}
	if !isHost(host) {
		return a.document.serverURL
	}
	if port != "" {
		host += ":" + port
	}
	return scheme + "://" + host
}

func isDefaultPort(scheme, port string) bool {
	return scheme == "http" && port == "80" || scheme == "https" && port == "443"
}

// isHost keeps what a client claims as its host from breaking the document.
func isHost(host string) bool {
	return host != "" && len(host) <= 260 && strings.Trim(host,
		"abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789.-_:[]") == ""
}
