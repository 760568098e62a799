// API puts the pieces together: routes, checks, handlers, and what surrounds them.
package httpapi

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"strings"
	"sync/atomic"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/storage"
)

// Options tune an API. The zero value is what the services use.
type Options struct {
	// Logger receives one line a request and every failure; slog.Default if nil.
	Logger *slog.Logger
	// PublicURL is the address clients know the service by, for the servers
	// entry of the served OpenAPI document. If empty it is taken from each
	// request, as the gateway forwards it.
	PublicURL string
}

// API is one service's HTTP face.
type API struct {
	definition Definition
	document   *Document
	db         *storage.DB
	logger     *slog.Logger
	publicURL  string
	router     *mux.Router
	operations map[*mux.Route]*Operation
	metrics    *metrics
	handler    http.Handler
	draining   atomic.Bool
	lastPurge  atomic.Int64
}

// New builds the API of a service on an open database. It returns an error if
// the routes that definition registers and its document do not agree.
func New(definition Definition, db *storage.DB, options Options) (*API, error) {
	document, err := ParseDocument(definition.OpenAPI)
	if err != nil {
		return nil, err
	}
	a := &API{
		definition: definition,
		document:   document,
		db:         db,
		logger:     options.Logger,
		publicURL:  strings.TrimSuffix(options.PublicURL, "/"),
		router:     mux.NewRouter(),
		operations: map[*mux.Route]*Operation{},
		metrics:    newMetrics(definition.Name, db),
	}
	if a.logger == nil {
		a.logger = slog.Default()
	}
	if err := a.routes(); err != nil {
		return nil, err
	}
	a.handler = a.observe(headAsGet(a.router))
	return a, nil
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Document returns the service's OpenAPI document.
func (a *API) Document() *Document { return a.document }

// Registry holds the service's metrics, for callers that add their own.
func (a *API) Registry() *prometheus.Registry { return a.metrics.registry }

func (a *API) routes() error {
	operations := a.router.NewRoute().Subrouter()
	operations.Use(a.operate)
	a.definition.Register(operations, Dependencies{
		DB: a.db, Logger: a.logger, HandleError: a.badParameter,
	})
	if err := a.matchRoutes(operations); err != nil {
		return err
	}
	a.serveDocuments()
	a.serveHealth()
	a.router.NotFoundHandler = http.HandlerFunc(a.notFound)
	a.router.MethodNotAllowedHandler = http.HandlerFunc(a.methodNotAllowed)
	return nil
}

// matchRoutes finds the operation of each registered route. Routes and document
// come from one source, so any difference is a mistake in the build.
func (a *API) matchRoutes(router *mux.Router) error {
	byRoute := map[string]*Operation{}
	for _, operation := range a.document.Operations {
		byRoute[operation.Method+" "+operation.Path] = operation
	}
	err := router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, err := route.GetPathTemplate()
		if err != nil {
			return err
		}
		methods, err := route.GetMethods()
		if err != nil {
			return err
		}
		name := methods[0] + " " + path
		operation, found := byRoute[name]
		if !found {
			return fmt.Errorf("route %s is not in openapi.yaml: run make generate", name)
		}
		delete(byRoute, name)
		a.operations[route] = operation
		return nil
	})
	if err != nil {
		return err
	}
	for name := range byRoute {
		return fmt.Errorf("operation %s of openapi.yaml has no route: run make generate", name)
	}
	return nil
}

// operate runs for every matched operation: check, then page or replay, then
// the handler.
func (a *API) operate(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		operation := a.operations[mux.CurrentRoute(r)]
		observed(w).operation = operation.ID
		body, err := operation.validate(w, r)
		if err != nil {
			a.handleError(w, r, err)
			return
		}
		if operation.isList() {
			page, err := a.page(operation, r)
			if err != nil {
				a.handleError(w, r, err)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), pageKey{}, page))
		}
		if r.Method == http.MethodPost && r.Header.Get(idempotencyHeader) != "" {
			a.once(w, r, body, next)
			return
		}
		next.ServeHTTP(w, r)
	})
}

// headAsGet routes HEAD like GET (RFC 9110, 9.3.2); net/http sends no body.
func headAsGet(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.Method == http.MethodHead {
			get := *r
			get.Method = http.MethodGet
			r = &get
		}
		next.ServeHTTP(w, r)
	})
}

func (a *API) notFound(w http.ResponseWriter, r *http.Request) {
	problem.Write(w, r, problem.New(http.StatusNotFound, "no_such_path",
		"This service has no such path; /docs lists what it has."))
}

func (a *API) methodNotAllowed(w http.ResponseWriter, r *http.Request) {
	allowed := a.allowedMethods(r)
	w.Header().Set("Allow", strings.Join(allowed, ", "))
	problem.Write(w, r, problem.New(http.StatusMethodNotAllowed, "method_not_allowed",
		fmt.Sprintf("This path does not take %s; it takes %s.", r.Method, strings.Join(allowed, ", "))))
}

// allowedMethods lists the methods of the path that r asks for.
func (a *API) allowedMethods(r *http.Request) []string {
	var allowed []string
	for _, method := range []string{
		http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete,
	} {
		other := *r
		other.Method = method
		var match mux.RouteMatch
		if !a.router.Match(&other, &match) || match.MatchErr != nil {
			continue
		}
		if allowed = append(allowed, method); method == http.MethodGet {
			allowed = append(allowed, http.MethodHead)
		}
	}
	return allowed
}
