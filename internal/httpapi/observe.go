// Around every request: an id, a log line, metrics, and a net under panics.
package httpapi

import (
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"log/slog"
	"net/http"
	"runtime/debug"
	"strconv"
	"time"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

const requestIDHeader = "X-Request-Id"

// maxLogged bounds what a client can make a log line hold of one value.
const maxLogged = 1024

// observation is a response writer that remembers what was answered.
type observation struct {
	http.ResponseWriter
	// operation is nil for requests that match none.
	operation *Operation
	status    int
	// held says that the header waits for the body.
	held    bool
	written int64
	// failure is why the service could not do its work, stack where it came from if it was a panic.
	failure error
	stack   []byte
	// gone says that the client left before the answer was sent whole.
	gone bool
}

// observed finds the observation of a request from the writer of its answer.
func observed(w http.ResponseWriter) *observation {
	switch w := w.(type) {
	case *observation:
		return w
	case *answer:
		return w.observation
	}
	return &observation{ResponseWriter: w} // a test's writer: nobody reads it
}

// WriteHeader holds the header of an operation's answer until its body comes.
func (o *observation) WriteHeader(status int) {
	switch {
	case o.held:
		return
	case o.status == 0 && status >= http.StatusOK: // 1xx announce another
		o.status = status
		if o.held = o.operation != nil; o.held {
			return
		}
	}
	o.ResponseWriter.WriteHeader(status)
}

// Write sends the header first. Operations write the whole of their body at once,
// so the header can tell its length: without that net/http sends a long body in
// chunks, with a system call for each part, and a gateway passes each part on by
// itself.
func (o *observation) Write(content []byte) (int, error) {
	if o.status == 0 {
		o.WriteHeader(http.StatusOK)
	}
	if o.held {
		o.Header()["Content-Length"] = []string{strconv.Itoa(len(content))}
		o.release()
	}
	n, err := o.ResponseWriter.Write(content)
	o.written += int64(n)
	return n, err
}

// release sends the header if it still waits.
func (o *observation) release() {
	if o.held {
		o.held = false
		o.ResponseWriter.WriteHeader(o.status)
	}
}

// Unwrap lets http.ResponseController reach the connection.
func (o *observation) Unwrap() http.ResponseWriter { return o.ResponseWriter }

func (a *API) observe(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		start := time.Now()
		id := requestID(r)
		w.Header()[requestIDHeader] = []string{id}
		o := &observation{ResponseWriter: w}
		defer a.finish(o, r, id, start)
		next.ServeHTTP(o, r)
	})
}

// finish notes what was answered. If the handler panicked it answers for it, or,
// when that is too late, has net/http cut the connection, so that the client
// does not take half an answer for a whole one.
func (a *API) finish(o *observation, r *http.Request, id string, start time.Time) {
	cause := recover()
	if cause != nil {
		if cause != http.ErrAbortHandler {
			o.failure, o.stack = fmt.Errorf("panic: %v", cause), debug.Stack()
		}
		if o.status == 0 && cause != http.ErrAbortHandler {
			problem.Write(o, r, asProblem(o.failure))
			cause = nil
		}
	}
	if cause == nil {
		o.release()
	}
	if o.status == 0 {
		o.status = http.StatusOK // what net/http sends for a handler that wrote nothing
	}
	took := time.Since(start)
	a.metrics.observe(o, took)
	a.logRequest(o, r, id, took)
	if cause != nil {
		panic(http.ErrAbortHandler)
	}
}

// requestID returns the id the gateway gave the request, or a new one. An id
// that is not short plain text is not taken over into logs and headers.
func requestID(r *http.Request) string {
	id := r.Header.Get(requestIDHeader)
	if id != "" && len(id) <= 128 && isPlain(id) {
		return id
	}
	var raw [16]byte
	rand.Read(raw[:])
	return hex.EncodeToString(raw[:])
}

func isPlain(text string) bool {
	for _, c := range []byte(text) {
		if c <= ' ' || c > '~' {
			return false
		}
	}
	return true
}

// logRequest writes the one line of a request. It holds no query, header or
// body: those are where keys and private text are.
func (a *API) logRequest(o *observation, r *http.Request, id string, took time.Duration) {
	level := o.level()
	if !a.logger.Enabled(r.Context(), level) {
		return
	}
	record := slog.NewRecord(time.Now(), level, "request", 0)
	record.AddAttrs(
		slog.String("method", cut(r.Method)), slog.String("path", cut(r.URL.EscapedPath())),
		slog.String("operation", o.operation.name()), slog.Int("status", o.status),
		slog.Int64("bytes", o.written), slog.Duration("duration", took),
		slog.String("request_id", id), slog.String("consumer", cut(r.Header.Get(consumerHeader))))
	if o.failure != nil {
		record.AddAttrs(slog.String("error", o.failure.Error()))
	}
	if o.gone {
		record.AddAttrs(slog.Bool("client_gone", true))
	}
	if o.stack != nil {
		record.AddAttrs(slog.String("stack", string(o.stack)))
	}
	// A logger that cannot write has nowhere to say so.
	_ = a.logger.Handler().Handle(r.Context(), record)
}

// level keeps errors for what an operator should look at.
func (o *observation) level() slog.Level {
	switch {
	case o.failure != nil && !isCancelled(o.failure):
		return slog.LevelError
	case o.operation == nil && o.status < http.StatusBadRequest:
		return slog.LevelDebug // probes and scrapes would drown the rest
	}
	return slog.LevelInfo
}

func cut(text string) string {
	if len(text) > maxLogged {
		return text[:maxLogged] + "…"
	}
	return text
}

// name is the operation's name in logs and metrics. Requests that match no
// operation share one, so that a scanner cannot make up new ones.
func (o *Operation) name() string {
	if o == nil {
		return "none"
	}
	return o.ID
}
