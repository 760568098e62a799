package localstack

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
)

// mostKept is how much of an answer is kept until its service is done with it.
// The rest of a longer one is read from the service as it writes, so that an
// answer of any length takes bounded memory here.
const mostKept = 256 << 10

// answer is what a service writes to and its caller gets a response from. Only
// the service's goroutine writes; the caller reads response and failure once
// begun is closed.
type answer struct {
	request *http.Request
	header  http.Header
	status  int
	kept    bytes.Buffer
	// written is how much the service wrote, also of what HEAD does not get.
	written int64
	// rest takes what comes after kept; nil while all of the answer is kept.
	rest *io.PipeWriter

	begun    chan struct{}
	response *http.Response
	failure  error
}

// errBroken is what a caller gets whose service gave up, where a connection
// would have been cut.
var errBroken = errors.New("the service broke off its answer")

func newAnswer(request *http.Request) *answer {
	return &answer{request: request, header: http.Header{}, begun: make(chan struct{})}
}

// wait returns the response once it has begun, or an error when the caller's
// time is over before that; the service may work on for a while then.
func (a *answer) wait() (*http.Response, error) {
	ctx := a.request.Context()
	select {
	case <-a.begun:
		return a.response, a.failure
	case <-ctx.Done():
		closeBody(a.request)
		return nil, context.Cause(ctx)
	}
}

// give has handler answer and ends the answer, also if handler panics, which
// the services do only to break off an answer that has begun.
func (a *answer) give(handler http.Handler) {
	r, leave := arrived(a.request)
	defer func() {
		a.end(recover())
		closeBody(a.request)
		leave()
	}()
	handler.ServeHTTP(a, r)
}

// end ends the answer; cause is what the service panicked with, nil if it did not.
func (a *answer) end(cause any) {
	failure := context.Cause(a.request.Context()) // half an answer then, maybe
	if cause != nil {
		failure = fmt.Errorf("%w (%v)", errBroken, cause)
	}
	switch {
	case a.rest != nil:
		_ = a.rest.CloseWithError(cmp.Or(failure, a.untrue())) // io.EOF for nil
	case cause != nil:
		a.failure = failure
		close(a.begun)
	default:
		a.whole()
	}
}

// whole hands over an answer of which all is kept, with its length.
func (a *answer) whole() {
	a.WriteHeader(http.StatusOK)
	isHead := a.request.Method == http.MethodHead
	if a.declared() < 0 && !a.isBodyless() && (!isHead || a.written > 0) {
		a.header["Content-Length"] = []string{strconv.FormatInt(a.written, 10)}
	}
	length := int64(0)
	if isHead || !a.isBodyless() {
		length = a.declared()
	}
	if a.failure = a.untrue(); a.failure != nil {
		close(a.begun)
		return
	}
	a.begin(a.header, io.NopCloser(bytes.NewReader(a.kept.Bytes())), length)
}

// untrue returns an error if the service wrote another length than its header tells.
func (a *answer) untrue() error {
	declared := a.declared()
	if declared < 0 || declared == a.written || a.request.Method == http.MethodHead || a.isBodyless() {
		return nil
	}
	return fmt.Errorf("%w: %d bytes of %d", errBroken, a.written, declared)
}

// isBodyless reports whether the status allows no content (RFC 9110, 6.4.1).
func (a *answer) isBodyless() bool {
	return a.status == http.StatusNoContent || a.status == http.StatusNotModified
}

// declared returns the length that the header tells, -1 if it tells none.
func (a *answer) declared() int64 {
	length, err := strconv.ParseInt(a.header.Get("Content-Length"), 10, 64)
	if err != nil {
		return -1
	}
	return length
}

// Header is the header of the answer.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader sets the status; that an answer is to come (1xx) is not passed on.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 && status >= http.StatusOK {
		a.status = status
	}
}

// Write keeps content, or passes it on if it is too much to keep. It fails where
// net/http's does: for answers that have no body, and once the caller has gone.
func (a *answer) Write(content []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	switch {
	case a.isBodyless():
		return 0, http.ErrBodyNotAllowed
	case a.request.Method == http.MethodHead:
		a.written += int64(len(content))
		return len(content), nil
	case a.rest == nil && a.kept.Len()+len(content) <= mostKept:
		a.written += int64(len(content))
		return a.kept.Write(content)
	case a.rest == nil:
		a.Flush()
	}
	n, err := a.rest.Write(content)
	a.written += int64(n)
	return n, err
}

// Flush lets the caller have the answer while the service writes it.
func (a *answer) Flush() {
	if a.rest != nil {
		return
	}
	a.WriteHeader(http.StatusOK)
	reader, writer := io.Pipe()
	a.rest = writer
	// A caller who has given up may never have seen that there is something to read.
	ctx := a.request.Context()
	context.AfterFunc(ctx, func() { _ = writer.CloseWithError(context.Cause(ctx)) })
	// The service may go on to change its header, to no effect, as over HTTP. While
	// the answer is kept a change has one; the services make none.
	a.begin(a.header.Clone(), readCloser{io.MultiReader(&a.kept, reader), reader}, a.declared())
}

// begin hands the response to the caller.
func (a *answer) begin(header http.Header, body io.ReadCloser, length int64) {
	a.response = &http.Response{
		Status:     strconv.Itoa(a.status) + " " + http.StatusText(a.status),
		StatusCode: a.status, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1,
		Header: header, Body: body, ContentLength: length, Request: a.request,
	}
	close(a.begun)
}

type readCloser struct {
	io.Reader
	io.Closer
}
