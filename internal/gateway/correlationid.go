// The plugin correlation-id: one id for a request, wherever it is spoken of.

package gateway

import (
	"net/http"
	"net/textproto"
	"strconv"
	"strings"
	"sync/atomic"

	"github.com/google/uuid"
)

type correlationID struct {
	header   string // canonical
	echoes   bool
	generate func() string
}

func (s *correlationIDSettings) install(chain *chain, _ *Gateway) {
	plugin := &correlationID{
		header:   textproto.CanonicalMIMEHeaderKey(s.HeaderName),
		echoes:   s.EchoDownstream,
		generate: uuid.NewString,
	}
	if s.Generator == "uuid#counter" {
		prefix, counter := uuid.NewString()+"#", new(atomic.Int64)
		plugin.generate = func() string { return prefix + strconv.FormatInt(counter.Add(1), 10) }
	}
	chain.correlationID = plugin
}

// identify keeps the client's id or gives the request one. The answer carries
// it from here on, so that a refusal can name it.
func (c *correlationID) identify(x *exchange) {
	x.correlationID = x.request.Header.Get(c.header)
	if !isCorrelationID(x.correlationID) {
		x.correlationID = c.generate()
	}
	if c.echoes {
		x.Header()[c.header] = []string{x.correlationID}
	}
}

// echo makes the id of the answer ours when the service has set one too.
func (c *correlationID) echo(x *exchange, header http.Header) {
	if c.echoes {
		header[c.header] = []string{x.correlationID}
	}
}

// isCorrelationID reports whether a client's id can stand in logs as it is.
// Kong takes any; a line of a log should not be the client's to write.
func isCorrelationID(id string) bool {
	return id != "" && len(id) <= 128 && !strings.ContainsFunc(id, func(r rune) bool {
		letter := 'a' <= r && r <= 'z' || 'A' <= r && r <= 'Z' || '0' <= r && r <= '9'
		return !letter && !strings.ContainsRune("-._:/+=@#", r)
	})
}
