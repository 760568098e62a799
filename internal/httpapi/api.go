// API puts the pieces together: routes, checks, handlers, and what surrounds them.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/gorilla/mux"
	"github.com/prometheus/client_golang/prometheus"

	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/replica"
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
	// SnapshotToken opens GET /snapshot, which is absent without one.
	SnapshotToken string
	// Replica is where a copy of the database is kept; nowhere if zero.
	Replica replica.Settings
}

// API is one service's HTTP face.
type API struct {
	definition Definition
	document   *Document
	db         *storage.DB
	logger     *slog.Logger
	publicURL  string
	paths      *pathTree
	metrics    *metrics
	handler    http.Handler
	clock      func() time.Time
	draining   atomic.Bool
	lastPurge  atomic.Int64
	// replica tells how the replica is; nil if there is none.
	replica func() replica.Status
}

// New builds the API of a service on an open database. It returns an error if
// the routes that definition registers and its document do not agree.
func New(definition Definition, db *storage.DB, options Options) (*API, error) {
	document, err := parseOnce(definition.OpenAPI)
	if err != nil {
		return nil, err
	}
	publicURL, err := checkPublicURL(options.PublicURL)
	if err != nil {
		return nil, err
	}
	if err := checkSnapshotToken(options.SnapshotToken); err != nil {
		return nil, err
	}
	a := &API{
		definition: definition,
		document:   document,
		db:         db,
		logger:     loggerOf(options),
		publicURL:  publicURL,
		paths:      newPathTree(),
		metrics:    newMetrics(definition.Name, db),
		clock:      time.Now,
	}
	if err := a.serveOperations(); err != nil {
		return nil, err
	}
	a.serveDocuments()
	a.serveHealth()
	a.serveSnapshot(options.SnapshotToken)
	a.handler = a.observe(http.HandlerFunc(a.route))
	return a, nil
}

// ServeHTTP answers one request.
func (a *API) ServeHTTP(w http.ResponseWriter, r *http.Request) { a.handler.ServeHTTP(w, r) }

// Document returns the service's OpenAPI document.
func (a *API) Document() *Document { return a.document }

// Registry holds the service's metrics, for callers that add their own.
func (a *API) Registry() *prometheus.Registry { return a.metrics.registry }

// serveOperations takes over the routes that the service registers. Routes and
// document come from one source, so any difference is a mistake in the build.
func (a *API) serveOperations() error {
	router := mux.NewRouter()
	a.definition.Register(router, Dependencies{DB: a.db, Logger: a.logger, HandleError: a.handleError})
	missing := map[string]*Operation{}
	for _, operation := range a.document.Operations {
		missing[operation.Method+" "+operation.Path] = operation
	}
	err := router.Walk(func(route *mux.Route, _ *mux.Router, _ []*mux.Route) error {
		path, pathErr := route.GetPathTemplate()
		methods, methodErr := route.GetMethods()
		for _, method := range methods {
			name := method + " " + path
			operation := missing[name]
			if operation == nil {
				return fmt.Errorf("route %s is not in openapi.yaml, or registered twice: run make generate", name)
			}
			delete(missing, name)
			a.paths.add(method, path, a.operate(operation, route.GetHandler()))
		}
		return errors.Join(pathErr, methodErr)
	})
	for name := range missing {
		err = errors.Join(err, fmt.Errorf("operation %s of openapi.yaml has no route: run make generate", name))
	}
	return err
}

// operate runs for every request of an operation: check, then page or replay,
// then the handler.
func (a *API) operate(operation *Operation, next http.Handler) http.Handler {
	isList := operation.isList()
	isIdempotent := operation.Method == http.MethodPost
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		observed(w).operation = operation
		given, err := operation.validate(w, r)
		if err != nil {
			a.handleError(w, r, err)
			return
		}
		if isList {
			page, err := a.page(operation, r, given.query)
			if err != nil {
				a.handleError(w, r, err)
				return
			}
			r = r.WithContext(context.WithValue(r.Context(), pageKey{}, page))
		}
		if isIdempotent && len(r.Header[idempotencyHeader]) > 0 {
			a.once(w, r, given.body, next)
			return
		}
		next.ServeHTTP(w, r)
	})
}

func notFound(w http.ResponseWriter, r *http.Request) {
	problem.Write(w, r, problem.New(http.StatusNotFound, "no_such_path",
		"This service has no such path; /docs lists what it has."))
}

func methodNotAllowed(w http.ResponseWriter, r *http.Request, allow string) {
	w.Header().Set("Allow", allow)
	problem.Write(w, r, problem.New(http.StatusMethodNotAllowed, "method_not_allowed",
		fmt.Sprintf("This path takes only %s.", allow)))
}
