// An answer that is kept before it is sent.
package httpapi

import (
	"bytes"
	"net/http"
)

// answer is a buffered HTTP answer.
type answer struct {
	// observation is that of the request that is answered.
	observation *observation
	status      int
	header      http.Header
	body        bytes.Buffer
}

func newAnswer(w http.ResponseWriter) *answer {
	// Problem documents repeat the request id, so the handler must find it.
	return &answer{
		observation: observed(w),
		header:      http.Header{requestIDHeader: w.Header()[requestIDHeader]},
	}
}

func (a *answer) Header() http.Header { return a.header }

func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

func (a *answer) Write(content []byte) (int, error) {
	a.WriteHeader(http.StatusOK)
	return a.body.Write(content)
}

func (a *answer) send(w http.ResponseWriter) {
	for name, values := range a.header {
		w.Header()[name] = values
	}
	w.WriteHeader(a.status)
	// A failure means the client has gone; it will ask again with its key.
	_, _ = w.Write(a.body.Bytes())
}
