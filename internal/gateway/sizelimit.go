// The plugin request-size-limiting: how much may a client send?

package gateway

import (
	"io"
	"net/http"
	"time"
)

type requestSizeLimiting struct {
	limit         int64 // bytes
	requireLength bool
}

func (s *requestSizeLimitingSettings) install(chain *chain, _ *Gateway) {
	chain.sizeLimit = &requestSizeLimiting{
		limit:         int64(s.AllowedPayloadSize) * sizeUnits[s.SizeUnit],
		requireLength: s.RequireContentLength,
	}
}

// admit refuses a body that says it is too large. One that does not say how
// large it is gets cut off on its way (requestBody).
func (l *requestSizeLimiting) admit(x *exchange) bool {
	r := x.request
	switch {
	case r.ContentLength > l.limit:
		// Kong answers 417 to a client that asked first (Expect). The contract
		// of the services knows one status for this, so there is one here.
		x.refuse(errTooLarge)
		x.linger()
		return false
	case l.requireLength && !declaresLength(r):
		return x.refuse(errNoLength)
	}
	return true
}

func declaresLength(r *http.Request) bool {
	return r.ContentLength > 0 || len(r.TransferEncoding) > 0 || r.Header.Get("Content-Length") != ""
}

// How long and how much a client may go on sending after it was refused.
const (
	lingerTime  = 2 * time.Second
	lingerBytes = 64 << 20
)

// linger takes in what the client still sends after its answer, and drops it,
// within bounds. Most clients send their whole body before they read; had we
// closed the connection by then, they would see it break and never learn why.
func (x *exchange) linger() {
	connection := http.NewResponseController(x.response)
	if connection.Flush() != nil || connection.SetReadDeadline(time.Now().Add(lingerTime)) != nil {
		return
	}
	_, _ = io.CopyN(io.Discard, x.request.Body, lingerBytes)
}
