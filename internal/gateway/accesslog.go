// The plugin file-log: the access log, one JSON object a line, with the names
// that Kong gives the fields.

package gateway

import (
	"encoding/json"
	"io"
	"net/http"
	"strconv"
	"sync"
)

func (s *fileLogSettings) install(chain *chain, _ *Gateway) { chain.fileLog = s }

// accessLog writes the lines of all requests, each whole.
type accessLog struct {
	mu     sync.Mutex
	writer io.Writer
}

// logLine has no header and no query string, so no key can get into it.
type logLine struct {
	StartedAt      int64        `json:"started_at"` // milliseconds since 1970
	ClientIP       string       `json:"client_ip"`
	Request        logRequest   `json:"request"`
	Response       logResponse  `json:"response"`
	Latencies      logLatencies `json:"latencies"`
	Service        *logName     `json:"service,omitempty"`
	Route          *logName     `json:"route,omitempty"`
	Consumer       *logConsumer `json:"consumer,omitempty"`
	Source         string       `json:"source"`
	UpstreamStatus string       `json:"upstream_status,omitempty"`
	Tries          int          `json:"tries"`
	CorrelationID  string       `json:"correlation_id,omitempty"`
}

type logRequest struct {
	Method string `json:"method"`
	Host   string `json:"host"`
	URI    string `json:"uri"`
	Size   int64  `json:"size"`
}

type logResponse struct {
	Status int   `json:"status"`
	Size   int64 `json:"size"`
}

// logLatencies are milliseconds; proxy is -1 when no service was asked.
type logLatencies struct {
	Request int64 `json:"request"`
	Kong    int64 `json:"kong"`
	Proxy   int64 `json:"proxy"`
}

type logName struct {
	Name string `json:"name"`
}

type logConsumer struct {
	Username string `json:"username"`
}

func (l *accessLog) write(x *exchange) error {
	if l.writer == io.Discard {
		return nil
	}
	text, err := json.Marshal(newLogLine(x))
	if err != nil {
		return err
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	_, err = l.writer.Write(append(text, '\n'))
	return err
}

func newLogLine(x *exchange) *logLine {
	line := &logLine{
		StartedAt:     x.started.UnixMilli(),
		ClientIP:      x.clientIP(),
		Request:       logRequest{x.request.Method, x.request.Host, x.path, x.requestSize()},
		Response:      logResponse{x.status, x.written},
		Latencies:     logLatencies{x.elapsed.Milliseconds(), x.ownLatency().Milliseconds(), -1},
		Source:        x.source,
		Tries:         x.tries,
		CorrelationID: x.correlationID,
	}
	if x.route != nil {
		line.Route = &logName{x.route.name}
		line.Service = &logName{x.route.service.name}
	}
	if x.consumer != nil {
		line.Consumer = &logConsumer{x.consumer.username}
	}
	if x.tries > 0 {
		line.Latencies.Proxy = x.upstreamLatency.Milliseconds()
	}
	if x.upstreamStatus != 0 {
		line.UpstreamStatus = strconv.Itoa(x.upstreamStatus)
	}
	return line
}

// requestSize is about what the request took on the wire.
func (x *exchange) requestSize() int64 {
	r := x.request
	size := int64(len(r.Method) + len(r.RequestURI) + len(" HTTP/1.1\r\n \r\n"))
	size += headerSize(r.Header) + int64(len("Host: \r\n")+len(r.Host))
	if x.body != nil {
		size += x.body.read.Load()
	}
	return size
}

func headerSize(header http.Header) int64 {
	size := 0
	for name, values := range header {
		for _, value := range values {
			size += len(name) + len(value) + len(": \r\n")
		}
	}
	return int64(size)
}
