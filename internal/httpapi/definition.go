// Package httpapi is what the five services share of HTTP: it serves an OpenAPI
// document's operations, validates every request against the document, and adds
// what each service offers beside them (problem details, paging, idempotency,
// health, metrics, documentation).
package httpapi

import (
	"io/fs"
	"log/slog"
	"net/http"
	"runtime/debug"

	"github.com/gorilla/mux"

	"fountain.coach/fountainai/internal/storage"
)

// Definition is what makes one service different from the others.
type Definition struct {
	// Name is the service's name in addresses and metrics, as "character".
	Name string
	// OpenAPI is its openapi.yaml.
	OpenAPI []byte
	// Migrations holds its numbered .sql files.
	Migrations fs.FS
	// Register mounts the operations of the document on router. Of its routes
	// only path, method and handler are taken over: middleware of the router
	// and other matchers have no effect.
	//
	// The handler of a POST may run inside a database write (see Idempotency-Key),
	// which all other writes wait for: it must wait for nothing but the database.
	Register func(router *mux.Router, deps Dependencies)
}

// Dependencies is what a service's handlers work with.
type Dependencies struct {
	DB     *storage.DB
	Logger *slog.Logger
	// HandleError answers a request with an error; the generated code's error
	// hooks all point to it.
	HandleError func(w http.ResponseWriter, r *http.Request, err error)
}

// version is set by the linker: -X fountain.coach/fountainai/internal/httpapi.version=…
var version string

// Version returns the version of this binary: the release it was built as, else
// what the Go toolchain recorded.
func Version() string {
	if version != "" {
		return version
	}
	if info, ok := debug.ReadBuildInfo(); ok && info.Main.Version != "" {
		return info.Main.Version
	}
	return "(devel)"
}
