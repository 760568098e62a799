// The doors of a gateway: its listeners and the servers behind them.
package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"strings"

	"golang.org/x/sync/errgroup"

	"fountain.coach/fountainai/internal/gateway"
	"fountain.coach/fountainai/internal/httpapi"
)

// door is a listener with its handler, over TLS if the handler's server has a
// configuration for it.
type door struct {
	listener net.Listener
	server   *http.Server
}

// doors open and close together.
type doors []door

// listen takes an address; flag names the flag with which to choose another.
func listen(ctx context.Context, address, flag string) (net.Listener, error) {
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", address)
	if err != nil {
		return nil, fmt.Errorf("listen on %s (choose another with %s): %w", address, flag, err)
	}
	return listener, nil
}

func (d *doors) open(listener net.Listener, handler http.Handler, logger *slog.Logger) {
	*d = append(*d, door{listener: listener, server: httpapi.NewServer(handler, logger)})
}

// openTLS serves handler with the certificates of the gateway.
func (d *doors) openTLS(listener net.Listener, handler http.Handler, g *gateway.Gateway, logger *slog.Logger) {
	server := httpapi.NewServer(handler, logger)
	server.TLSConfig = g.TLSConfig()
	*d = append(*d, door{listener: listener, server: server})
}

// serve runs until ctx ends or a door fails, and then lets every request under
// way come to its end.
func (d doors) serve(ctx context.Context) error {
	failed := make(chan error, len(d))
	for _, door := range d {
		go func() { failed <- door.serve() }()
	}
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
	}
	var draining errgroup.Group
	for _, door := range d {
		draining.Go(func() error { return httpapi.Drain(door.server) })
	}
	return errors.Join(err, draining.Wait())
}

func (d door) serve() error {
	if d.server.TLSConfig != nil {
		return d.server.ServeTLS(d.listener, "", "")
	}
	return d.server.Serve(d.listener)
}

// byHost gives requests for this machine itself, by name or address, to the
// page, and all others to the gateway. Without a page the gateway has them all.
func byHost(page, gateway http.Handler) http.Handler {
	if page == nil {
		return gateway
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		host := r.Host
		if name, _, err := net.SplitHostPort(host); err == nil {
			host = name
		}
		host = strings.ToLower(strings.Trim(host, "[]"))
		if host == "localhost" || host == "orchestrator.localhost" || net.ParseIP(host) != nil {
			page.ServeHTTP(w, r)
			return
		}
		gateway.ServeHTTP(w, r)
	})
}
