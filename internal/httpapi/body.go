// Reading and checking request bodies.
package httpapi

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"mime"
	"net/http"
	"os"
	"slices"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

type requestBody struct {
	required   bool
	limit      int64
	mediaTypes []string
	// schemas has one schema a media type, nil where anything goes.
	schemas map[string]*jsonschema.Schema
}

// maxPromised bounds the memory set aside for a body before its bytes arrive.
const maxPromised = 64 << 10

// checkNoBody refuses a body, except an empty one in chunks.
func checkNoBody(r *http.Request) error {
	if r.ContentLength == 0 || r.Body == nil {
		return nil
	}
	if r.ContentLength < 0 {
		if n, err := io.ReadFull(r.Body, make([]byte, 1)); n == 0 && err == io.EOF {
			return nil
		}
	}
	return Invalid("", "this operation takes no request body")
}

// take reads the body, checks it and puts it back. What the headers tell is
// judged first, so that a client that waits for 100 Continue sends no body in
// vain.
func (b *requestBody) take(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if r.ContentLength == 0 {
		return nil, b.missing()
	}
	mediaType, err := b.checkHeaders(w, r)
	if err != nil {
		return nil, err
	}
	body, err := b.read(w, r)
	if err != nil {
		return nil, err
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	if len(body) == 0 {
		return nil, b.missing()
	}
	return body, b.check(mediaType, body)
}

func (b *requestBody) missing() error {
	if !b.required {
		return nil
	}
	return Invalid("", "a JSON request body is required")
}

func (b *requestBody) checkHeaders(w http.ResponseWriter, r *http.Request) (mediaType string, err error) {
	if mediaType, err = b.checkMediaType(r.Header.Get("Content-Type")); err != nil {
		return "", err
	}
	if coding := r.Header.Get("Content-Encoding"); coding != "" && !strings.EqualFold(coding, "identity") {
		// RFC 9110, 15.5.16: this tells the client what it should have sent.
		w.Header().Set("Accept-Encoding", "identity")
		return "", problem.New(http.StatusUnsupportedMediaType, "unsupported_content_encoding",
			"The request body is compressed; send it without Content-Encoding.")
	}
	if r.ContentLength > b.limit {
		return "", tooLarge(b.limit)
	}
	return mediaType, nil
}

func (b *requestBody) checkMediaType(header string) (string, error) {
	if _, plain := b.schemas[header]; plain {
		return header, nil
	}
	mediaType, parameters, err := mime.ParseMediaType(header)
	charset := parameters["charset"]
	if err == nil && slices.Contains(b.mediaTypes, mediaType) && (charset == "" || strings.EqualFold(charset, "utf-8")) {
		return mediaType, nil
	}
	found := fmt.Sprintf("The request has Content-Type %q", header)
	if header == "" {
		found = "The request has no Content-Type"
	}
	return "", problem.New(http.StatusUnsupportedMediaType, "unsupported_media_type",
		fmt.Sprintf("%s; send %s in UTF-8.", found, strings.Join(b.mediaTypes, " or ")))
}

// read takes the body off the wire, within its limit.
func (b *requestBody) read(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	var body bytes.Buffer
	if r.ContentLength > 0 {
		body.Grow(int(min(r.ContentLength, maxPromised)) + bytes.MinRead)
	}
	_, err := body.ReadFrom(http.MaxBytesReader(w, r.Body, b.limit))
	var exceeded *http.MaxBytesError
	switch {
	case err == nil:
		return body.Bytes(), nil
	case errors.As(err, &exceeded):
		return nil, tooLarge(b.limit)
	case errors.Is(err, os.ErrDeadlineExceeded):
		w.Header().Set("Connection", "close")
		return nil, problem.New(http.StatusRequestTimeout, "request_timeout",
			"The request body came too slowly; send it again.")
	}
	return nil, problem.New(http.StatusBadRequest, "body_unreadable",
		"The request body ended before its announced length; send it again.")
}

func (b *requestBody) check(mediaType string, body []byte) error {
	value, fault := decodeJSON(body)
	if fault != nil {
		return invalid([]problem.FieldError{*fault})
	}
	if faults := schemaFaults(b.schemas[mediaType], value); len(faults) > 0 {
		return invalid(faults)
	}
	return nil
}
