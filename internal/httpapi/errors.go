// Errors as handlers return them, and the one place where they become answers.
package httpapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"strings"

	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/storage"
)

// NotFound says that the thing a path or parameter names does not exist (404).
func NotFound(what string, id int64) error {
	return problem.New(http.StatusNotFound, "not_found",
		fmt.Sprintf("There is no %s %d.", what, id))
}

// Conflict says that the request contradicts what is stored (409). code names
// the contradiction for programs.
func Conflict(code, detail string) error {
	return problem.New(http.StatusConflict, code, detail)
}

// Invalid says that one member of the request is wrong (400). pointer is a JSON
// pointer into the body ("/elements/3/newSequence") or names a parameter
// ("query/limit").
func Invalid(pointer, reason string) error {
	return invalid([]problem.FieldError{{Pointer: pointer, Reason: reason}})
}

func invalid(faults []problem.FieldError) error {
	where := faults[0].Pointer
	if where == "" {
		where = "the request body"
	}
	detail := fmt.Sprintf("%s: %s.", where, faults[0].Reason)
	if more := len(faults) - 1; more > 0 {
		detail += fmt.Sprintf(" (%d more in errors.)", more)
	}
	p := problem.New(http.StatusBadRequest, "invalid_request", detail)
	p.Errors = faults
	return p
}

func tooLarge(limit int64) error {
	return problem.New(http.StatusRequestEntityTooLarge, "body_too_large",
		fmt.Sprintf("The request body is larger than the %d bytes this operation takes; send it in parts.", limit))
}

// handleError answers r with err. Errors that are not problems already are
// logged in full and shown in general terms: their text may hold SQL or paths.
func (a *API) handleError(w http.ResponseWriter, r *http.Request, err error) {
	o := observed(w)
	if o.status != 0 {
		// The answer had begun, so the client went away while it was sent:
		// there is nobody left to tell and nothing to mend.
		o.gone = true
		return
	}
	if refused := o.operation.refused(err); refused != nil {
		err = refused
	}
	p := asProblem(err)
	if p.Status >= http.StatusInternalServerError {
		o.failure = err
	}
	if p.Status == http.StatusServiceUnavailable {
		w.Header().Set("Retry-After", "1")
	}
	problem.Write(w, r, p)
}

func asProblem(err error) *problem.Problem {
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, storage.ErrFull):
		return problem.New(http.StatusServiceUnavailable, "storage_full",
			"The disk that holds the database is full; nothing was changed. Free some space, then repeat the request.")
	case errors.Is(err, storage.ErrClosed):
		return problem.New(http.StatusServiceUnavailable, "shutting_down",
			"The service is shutting down; nothing was changed. Repeat the request in a moment.")
	case errors.Is(err, storage.ErrUncertain):
		return problem.New(http.StatusServiceUnavailable, "outcome_unknown",
			"The connection to the database broke while the change was being kept, so it may have been made or not. "+
				"With an Idempotency-Key the request can be repeated as it is; else look first whether the change is there.")
	case errors.Is(err, storage.ErrNoFile):
		return problem.New(http.StatusNotImplemented, "no_snapshot",
			"This service's database is on a PostgreSQL server; back it up there, as with pg_dump, or copy it with fountain migrate.")
	case errors.Is(err, storage.ErrUnavailable):
		return problem.New(http.StatusServiceUnavailable, "storage_unavailable",
			"The database cannot be used at the moment; nothing was changed. Repeat the request later.")
	case isCancelled(err):
		return problem.New(http.StatusServiceUnavailable, "cancelled",
			"The request was cancelled before it was carried out; nothing was changed.")
	}
	return problem.New(http.StatusInternalServerError, "internal_error",
		"Something went wrong in the service; nothing was changed. Report the requestId to whoever runs it.")
}

func isCancelled(err error) bool {
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded)
}

// refused returns a 400 problem if err is the generated code's refusal of a
// parameter or body, else nil. Validation catches all of those first as long as
// document and code agree; this is for the day they do not. The generated error
// types differ from service to service and have only their field in common.
func (o *Operation) refused(err error) error {
	if text := err.Error(); strings.HasPrefix(text, "can't decode JSON body") {
		return Invalid("", "the request body does not have the form this operation takes")
	}
	value := reflect.Indirect(reflect.ValueOf(err))
	if value.Kind() != reflect.Struct {
		return nil
	}
	name := value.FieldByName("ParamName")
	if !name.IsValid() || name.Kind() != reflect.String {
		return nil
	}
	return Invalid(o.place(name.String()), "does not have the form this operation takes")
}

// place names a parameter in errors, as query/limit.
func (o *Operation) place(name string) string {
	if o != nil {
		for _, p := range o.parameters {
			if p.name == name {
				return p.place()
			}
		}
	}
	return name
}
