// Package webui is the web page of FountainAI for people who write: it lists
// scripts, shows a story as a screenplay, moves its scenes, and asks a model.
//
// Pages are made on the server and work without JavaScript, asking excepted;
// what little script there is is served from here, as is everything else, so
// that the page works offline and under a strict content security policy.
package webui

import (
	"cmp"
	"context"
	"errors"
	"log/slog"
	"net/http"
	"time"

	"fountain.coach/fountainai/internal/client"
)

// pageTime bounds how long a page may take to put together.
const pageTime = 20 * time.Second

// Options say what the page stands on.
type Options struct {
	// API is the gateway. Its key is not used: each person's is.
	API *client.Client
	// Key is used for everybody. It is only for a server on this machine, and
	// with one only requests to localhost are answered. Empty: people log in
	// with a key of their own.
	Key string
	// Ask answers POST /v1/ask with a stream of events. Nil: no model is
	// configured, and the page says how to configure one.
	Ask http.Handler
	// DocsURL returns the address of a service's documentation for the browser.
	// Nil: the pages do not link to it.
	DocsURL func(service string) string
	// Logger is told of what fails. Nil: nothing is logged.
	Logger *slog.Logger
}

// server answers the requests.
type server struct {
	Options
	assets *assets
	pages  *pages
}

// New returns the web page. It wants to stand at the root of its host.
func New(options Options) (http.Handler, error) {
	if options.API == nil {
		return nil, errors.New("webui: Options.API is missing: give the client of the gateway")
	}
	options.Logger = cmp.Or(options.Logger, slog.New(slog.DiscardHandler))
	files, err := loadAssets()
	if err != nil {
		return nil, err
	}
	templates, err := loadPages(files)
	if err != nil {
		return nil, err
	}
	s := &server{Options: options, assets: files, pages: templates}
	return s.protect(s.routes()), nil
}

func (s *server) routes() http.Handler {
	mux := http.NewServeMux()
	mux.Handle("GET /assets/{file}", s.assets)
	mux.HandleFunc("GET /{$}", s.page((*visit).scripts))
	mux.HandleFunc("GET /scripts/{script}", s.page((*visit).story))
	mux.HandleFunc("GET /scripts/{script}/characters", s.page((*visit).characters))
	mux.HandleFunc("GET /scripts/{script}/scenes", s.page((*visit).scenes))
	mux.HandleFunc("POST /scripts/{script}/scenes", s.page((*visit).moveScene))
	mux.HandleFunc("GET /scripts/{script}/story.fountain", s.page((*visit).fountain))
	mux.HandleFunc("GET /scripts/{script}/story.pdf", s.page((*visit).pdf))
	mux.HandleFunc("GET /ask", s.page((*visit).askPage))
	mux.HandleFunc("POST /v1/ask", s.ask)
	mux.HandleFunc("GET /login", s.loginPage)
	mux.HandleFunc("POST /login", s.login)
	mux.HandleFunc("POST /logout", s.logout)
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) { s.notFound(w, r) })
	return mux
}

// visit is one request of a person who has a key.
type visit struct {
	*server
	w   http.ResponseWriter
	r   *http.Request
	ctx context.Context
	api *client.Client
}

// page gives handler who asks and limited time. An error that it returns becomes
// a page; until then it must have written nothing.
func (s *server) page(handler func(*visit) error) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		key := s.keyOf(r)
		if key == "" {
			s.sendToLogin(w, r)
			return
		}
		ctx, cancel := context.WithTimeout(r.Context(), pageTime)
		defer cancel()
		v := &visit{server: s, w: w, r: r, ctx: ctx, api: s.API.WithKey(key)}
		if err := handler(v); err != nil {
			s.fail(w, r, err)
		}
	}
}

// get reads from a service into target, and returns the path of the next page.
func (v *visit) get(service, path string, target any) (next string, err error) {
	return v.api.Do(v.ctx, client.Request{Service: service, Method: http.MethodGet, Path: path}, target)
}
