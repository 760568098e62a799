// The streamable HTTP transport
// (https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#streamable-http).
package mcpserver

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/modelcontextprotocol/go-sdk/auth"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/problem"
)

const (
	// Path is where the server is found.
	Path = "/mcp"
	// mostSessions bounds how many sessions there are at a time.
	mostSessions = 256
)

// Serve serves clients over HTTP until ctx ends or the listener fails, and lets
// the calls under way come to their end.
//
// Whoever connects must send a key that the gateway knows, and it is that key
// which is used for the gateway. Only on a loopback address may it be left out:
// the configured key is used then.
func (s *Server) Serve(ctx context.Context, listener net.Listener) error {
	server := httpapi.NewServer(s.handler(IsLoopback(listener.Addr())), s.options.Logger)
	server.RegisterOnShutdown(s.closeSessions)
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(listener) }()
	var err error
	select {
	case err = <-failed:
		err = fmt.Errorf("serve %s: %w", listener.Addr(), err)
	case <-ctx.Done():
	}
	return errors.Join(err, httpapi.Drain(server))
}

// IsLoopback reports whether an address is of this machine alone.
func IsLoopback(address net.Addr) bool {
	tcp, is := address.(*net.TCPAddr)
	return is && tcp.IP.IsLoopback()
}

// closeSessions ends all sessions, and with them the streams that stand open.
// It waits for the messages that are being answered: the SDK would break off.
func (s *Server) closeSessions() {
	for s.answering.Load() > 0 {
		time.Sleep(10 * time.Millisecond)
	}
	for session := range s.sdk.Sessions() {
		go func() { _ = session.Close() }()
	}
}

// handler returns the endpoint. The checks come in the order of what they cost.
func (s *Server) handler(loopback bool) http.Handler {
	sdk := mcp.NewStreamableHTTPHandler(func(*http.Request) *mcp.Server { return s.sdk }, &mcp.StreamableHTTPOptions{
		Logger:              s.options.Logger,
		SessionTimeout:      s.options.SessionTimeout,
		MaxRequestBodyBytes: largestMessage,
		// The SDK refuses foreign names in Host on loopback addresses itself
		// (DisableLocalhostProtection is false).
	})
	keys := &keyring{server: s, optional: loopback, next: sdk, known: map[string]time.Time{}}
	keys.bearer = auth.RequireBearerToken(tokenOfKey, &auth.RequireBearerTokenOptions{AllowMissingExpiration: true})(sdk)
	mux := http.NewServeMux()
	mux.Handle(Path, sameOrigin(s.bounded(keys)))
	mux.HandleFunc("/", func(w http.ResponseWriter, r *http.Request) {
		problem.Write(w, r, problem.New(http.StatusNotFound, "not_found", "The MCP server is at "+Path+"."))
	})
	return mux
}

// sameOrigin refuses requests that pages of other sites make a browser send.
// The protocol wants every Origin checked, where http.CrossOriginProtection
// lets GET pass.
func sameOrigin(next http.Handler) http.Handler {
	protection := http.NewCrossOriginProtection()
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		err := protection.Check(r)
		if origin := r.Header.Get("Origin"); err == nil && origin != "" {
			if from, parsed := url.Parse(origin); parsed != nil || from.Host != r.Host {
				err = fmt.Errorf("%.80q is not %.80q", origin, r.Host)
			}
		}
		if err != nil {
			problem.Write(w, r, problem.New(http.StatusForbidden, "foreign_origin",
				fmt.Sprintf("Pages of other origins may not use this server (%v).", err)))
			return
		}
		next.ServeHTTP(w, r)
	})
}

// bounded bounds sessions, messages and times.
func (s *Server) bounded(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, largestMessage))
		var tooLong *http.MaxBytesError
		switch {
		case errors.As(err, &tooLong):
			problem.Write(w, r, problem.New(http.StatusRequestEntityTooLarge, "too_large", fmt.Sprintf("A message may have at most %d bytes.", largestMessage)))
			return
		case err != nil:
			problem.Write(w, r, problem.New(http.StatusBadRequest, "invalid_body", "The message broke off."))
			return
		case r.Method == http.MethodPost && r.Header.Get("Mcp-Session-Id") == "" && s.full():
			w.Header().Set("Retry-After", "60")
			problem.Write(w, r, problem.New(http.StatusServiceUnavailable, "too_many_sessions", fmt.Sprintf("There are %d sessions, and no more are taken; try again later.", mostSessions)))
			return
		}
		r.Body = io.NopCloser(bytes.NewReader(body))
		// The message is there. The answer takes as long as the calls do, and
		// the stream of a session stands open as long as the session.
		deadlines := http.NewResponseController(w)
		_ = deadlines.SetReadDeadline(time.Time{})
		end := time.Time{}
		if r.Method != http.MethodGet {
			s.answering.Add(1)
			defer s.answering.Add(-1)
			end = time.Now().Add(s.options.Timeout + time.Minute)
		}
		_ = deadlines.SetWriteDeadline(end)
		next.ServeHTTP(w, r)
	})
}

func (s *Server) full() bool {
	n := 0
	for range s.sdk.Sessions() {
		n++
	}
	return n >= mostSessions
}
