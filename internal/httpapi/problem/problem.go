// Package problem is the one error format of FountainAI: problem details for
// HTTP APIs (RFC 9457), used by the services, the gateway and the clients.
package problem

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// ContentType is the media type of a problem document (RFC 9457, section 3).
const ContentType = "application/problem+json"

// Problem is one problem document. Type, Title, Status, Detail and Instance are
// the members RFC 9457 defines; the others are extension members.
type Problem struct {
	// Type is a URI reference naming the kind of problem; "about:blank" where
	// the status says it all.
	Type string `json:"type"`
	// Title is the short, unchanging name of the kind of problem.
	Title string `json:"title"`
	// Status repeats the HTTP status code.
	Status int `json:"status"`
	// Detail says what went wrong this time and what to do next.
	Detail string `json:"detail,omitempty"`
	// Instance is the path of the request that failed.
	Instance string `json:"instance,omitempty"`
	// Message repeats Detail under the name the v1 API gave it.
	Message string `json:"message"`
	// Code is stable and meant for programs, for example "not_found".
	Code string `json:"code"`
	// Errors lists each fault of an invalid request.
	Errors []FieldError `json:"errors,omitempty"`
	// RequestID is the value of the X-Request-Id header of the answer.
	RequestID string `json:"requestId,omitempty"`
}

// FieldError is one fault in a request.
type FieldError struct {
	// Pointer is a JSON pointer (RFC 6901) into the body, or the name of the
	// parameter or header at fault, as "query/limit".
	Pointer string `json:"pointer"`
	// Reason says what is wrong there.
	Reason string `json:"reason"`
}

// Error makes a problem usable as an ordinary error.
func (p *Problem) Error() string {
	if p.Detail == "" {
		return fmt.Sprintf("%d %s", p.Status, p.Title)
	}
	return fmt.Sprintf("%d %s: %s", p.Status, p.Title, p.Detail)
}

// New returns a problem with the given status, code and detail; its title is
// the status text.
func New(status int, code, detail string) *Problem {
	return &Problem{
		Type:    "about:blank",
		Title:   http.StatusText(status),
		Status:  status,
		Detail:  detail,
		Message: detail,
		Code:    code,
	}
}

// Write answers r with p. It fills Instance and RequestID (from the X-Request-Id
// header already set on w) unless p has them.
func Write(w http.ResponseWriter, r *http.Request, p *Problem) {
	answer := *p
	if answer.Instance == "" {
		answer.Instance = r.URL.EscapedPath()
	}
	if answer.RequestID == "" {
		answer.RequestID = w.Header().Get("X-Request-Id")
	}
	header := w.Header()
	header.Set("Content-Type", ContentType)
	header.Set("Cache-Control", "no-store")
	header.Set("X-Content-Type-Options", "nosniff")
	header.Del("ETag")
	header.Del("Content-Length")
	w.WriteHeader(answer.Status)
	if r.Method == http.MethodHead {
		return
	}
	// A failure here means the client has gone; there is nobody left to tell.
	_ = json.NewEncoder(w).Encode(&answer)
}
