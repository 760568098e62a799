// Package client calls the services through the gateway: it finds each by host
// name, sends the key, repeats what is safe to repeat, and returns errors as
// the problem documents they are.
package client

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"mime"
	"net"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"time"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

const (
	// attempts is how often a request is sent before its error counts.
	attempts = 5
	// longestWait bounds the pause before the next attempt.
	longestWait = 60 * time.Second
)

// Client calls the services of one FountainAI. It may be used by many
// goroutines.
type Client struct {
	gateway *url.URL
	key     string
	http    *http.Client
}

// New returns a client for the gateway at address, as http://localhost:8000 or
// https://fountain.coach: the services are its sub-domains.
func New(address, key string) (*Client, error) { return NewVia(address, key, "") }

// NewVia is New for where the services' names do not lead to the gateway, as
// between containers: every connection is made to via, a host and port. Empty:
// the names are resolved.
func NewVia(address, key, via string) (*Client, error) {
	gateway, err := url.Parse(address)
	if err != nil || gateway.Host == "" || (gateway.Scheme != "http" && gateway.Scheme != "https") {
		return nil, fmt.Errorf("address %q: want http://HOST[:PORT] or https://HOST[:PORT] of the gateway", address)
	}
	if via != "" {
		if _, _, err := net.SplitHostPort(via); err != nil {
			return nil, fmt.Errorf("gateway %q: want HOST:PORT: %w", via, err)
		}
	}
	if net.ParseIP(gateway.Hostname()) != nil {
		return nil, fmt.Errorf("address %q: the services are sub-domains of the gateway's name, so it must be a name: for this machine use localhost", address)
	}
	transport := http.DefaultTransport.(*http.Transport).Clone()
	dial := (&net.Dialer{Timeout: 10 * time.Second}).DialContext
	transport.DialContext = dialLocalhost(dial)
	transport.MaxIdleConnsPerHost = 16
	if via != "" {
		transport.Proxy = nil
		transport.DialContext = func(ctx context.Context, network, _ string) (net.Conn, error) { return dial(ctx, network, via) }
	}
	return &Client{gateway: gateway, key: key, http: &http.Client{Transport: transport, Timeout: 2 * time.Minute}}, nil
}

// dialLocalhost takes every name under localhost to this machine (RFC 6761,
// section 6.3), which not every resolver does.
func dialLocalhost(dial func(context.Context, string, string) (net.Conn, error)) func(context.Context, string, string) (net.Conn, error) {
	return func(ctx context.Context, network, address string) (net.Conn, error) {
		host, port, err := net.SplitHostPort(address)
		if err == nil && strings.HasSuffix(strings.TrimSuffix(host, "."), ".localhost") {
			address = net.JoinHostPort("localhost", port)
		}
		return dial(ctx, network, address)
	}
}

// WithKey returns a client for the same gateway with another key. Both share
// their connections.
func (c *Client) WithKey(key string) *Client {
	return &Client{gateway: c.gateway, key: key, http: c.http}
}

// URL returns the address of a service.
func (c *Client) URL(service string) string {
	return c.gateway.Scheme + "://" + service + "." + c.gateway.Host
}

// Request is one call.
type Request struct {
	Service string
	Method  string
	// Path begins with a slash and may have a query.
	Path string
	// Body is sent as JSON unless nil.
	Body any
	// IdempotencyKey makes a POST safe to repeat.
	IdempotencyKey string
	// Header adds to the request's, such as If-Match.
	Header http.Header
}

// Answer is what a service says to a request that it has carried out.
type Answer struct {
	Status int
	Header http.Header
	Body   []byte
	// Next is the path of the next page of a list, "" if there is none.
	Next string
}

// Do sends a request and decodes the answer into target unless that is nil. It
// returns the path of the next page of a list, "" if there is none. Failures
// are those of Call.
func (c *Client) Do(ctx context.Context, r Request, target any) (next string, err error) {
	answer, err := c.Call(ctx, r)
	if err != nil {
		return "", err
	}
	if target != nil && len(answer.Body) > 0 {
		if err := json.Unmarshal(answer.Body, target); err != nil {
			return "", fmt.Errorf("%s %s: the answer is not what was expected: %w", r.Method, c.URL(r.Service)+r.Path, err)
		}
	}
	return answer.Next, nil
}

// Call sends a request and returns the answer.
//
// A failure the server names is a *problem.Problem. Where repeating is safe (no
// POST, or one with an IdempotencyKey), a lost connection, 429 and 503 are
// tried again after the pause the server asks for, unless ctx ends before that.
func (c *Client) Call(ctx context.Context, r Request) (*Answer, error) {
	var body []byte
	if r.Body != nil {
		var err error
		if body, err = json.Marshal(r.Body); err != nil {
			return nil, err
		}
	}
	repeatable := r.Method != http.MethodPost || r.IdempotencyKey != ""
	for attempt := 1; ; attempt++ {
		answer, wait, err := c.send(ctx, r, body)
		if err == nil || wait < 0 || !repeatable || attempt == attempts {
			return answer, err
		}
		if wait == 0 {
			wait = time.Duration(attempt*attempt) * 100 * time.Millisecond
		}
		wait = min(wait, longestWait)
		if deadline, limited := ctx.Deadline(); limited && time.Until(deadline) < wait {
			return nil, err
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return nil, ctx.Err()
		}
	}
}

// send makes one attempt. wait is negative if another would not help, zero if
// the server does not say when.
func (c *Client) send(ctx context.Context, r Request, body []byte) (_ *Answer, wait time.Duration, err error) {
	request, err := http.NewRequestWithContext(ctx, r.Method, c.URL(r.Service)+r.Path, bytes.NewReader(body))
	if err != nil {
		return nil, -1, err
	}
	for name, values := range r.Header {
		request.Header[name] = values
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if r.IdempotencyKey != "" {
		request.Header.Set("Idempotency-Key", r.IdempotencyKey)
	}
	if c.key != "" {
		request.Header.Set("X-API-Key", c.key)
	}
	response, err := c.http.Do(request)
	if err != nil {
		return nil, 0, fmt.Errorf("%s %s: %w", r.Method, request.URL, unwrapURL(err))
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return nil, 0, fmt.Errorf("%s %s: the answer broke off: %w", r.Method, request.URL, err)
	}
	if response.StatusCode >= http.StatusBadRequest {
		return nil, pause(response), failure(response, content)
	}
	answer := &Answer{Status: response.StatusCode, Header: response.Header, Body: content}
	if link := nextLink.FindStringSubmatch(response.Header.Get("Link")); link != nil {
		answer.Next = link[1]
	}
	return answer, -1, nil
}

var nextLink = regexp.MustCompile(`<([^>]*)>; rel="next"`)

// unwrapURL drops the method and address that net/http adds: the caller has them.
func unwrapURL(err error) error {
	var wrapped *url.Error
	if errors.As(err, &wrapped) {
		return wrapped.Err
	}
	return err
}

// pause returns how long to wait before another attempt, negative if a repeated
// request would get the same answer.
func pause(response *http.Response) time.Duration {
	switch response.StatusCode {
	case http.StatusTooManyRequests, http.StatusServiceUnavailable, http.StatusBadGateway, http.StatusGatewayTimeout:
		seconds, err := strconv.Atoi(response.Header.Get("Retry-After"))
		if err != nil || seconds < 0 {
			return 0
		}
		return time.Duration(seconds) * time.Second
	}
	return -1
}

// failure reads the problem document of an answer; a gateway that sends
// something else is quoted.
func failure(response *http.Response, content []byte) error {
	var p problem.Problem
	mediaType, _, _ := mime.ParseMediaType(response.Header.Get("Content-Type"))
	isJSON := mediaType == problem.ContentType || mediaType == "application/json"
	if isJSON && json.Unmarshal(content, &p) == nil && (p.Detail != "" || p.Message != "") {
		p.Status = response.StatusCode
		if p.Detail == "" {
			p.Detail = p.Message
		}
		if p.Title == "" {
			p.Title = http.StatusText(p.Status)
		}
		return &p
	}
	return problem.New(response.StatusCode, "unexpected_answer",
		fmt.Sprintf("%s answered: %.200q", response.Request.URL.Host, content))
}

// List collects all pages of a list.
func List[T any](ctx context.Context, c *Client, service, path string) ([]T, error) {
	var all []T
	for path != "" {
		var page []T
		next, err := c.Do(ctx, Request{Service: service, Method: http.MethodGet, Path: path}, &page)
		if err != nil {
			return nil, err
		}
		all, path = append(all, page...), next
	}
	return all, nil
}

// Status returns the HTTP status that err reports, or 0.
func Status(err error) int {
	var p *problem.Problem
	if errors.As(err, &p) {
		return p.Status
	}
	return 0
}
