//go:build !nomodel

// The web page and the orchestrator within fountain up.
package main

import (
	"context"
	"fmt"
	"log/slog"
	"net"
	"net/http"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/orchestrator"
)

// page returns the web page with the orchestrator behind it. On a loopback
// address it acts with the writer's key for whoever is on this machine; on any
// other everybody logs in with a key.
func (o upOptions) page(ctx context.Context, addr net.Addr, logger *slog.Logger) (http.Handler, error) {
	host, port, err := net.SplitHostPort(addr.String())
	if err != nil {
		return nil, err
	}
	ip, key := net.ParseIP(host), ""
	if ip != nil && ip.IsLoopback() {
		if key, err = readKey(o.data, "writer"); err != nil {
			return nil, err
		}
	}
	if ip == nil || ip.IsUnspecified() {
		host = "localhost"
	}
	api, err := client.NewVia("http://localhost:"+port, "", net.JoinHostPort(host, port))
	if err != nil {
		return nil, err
	}
	model := modelOptions{name: envOr("FOUNTAIN_MODEL", orchestrator.DefaultModel), url: envOr("OPENAI_BASE_URL", ""), loose: envOr("FOUNTAIN_MODEL_LOOSE", "") == "true"}
	server := &orchestrator.Server{API: api, Logger: logger.With("service", "orchestrator"), Stop: ctx}
	if server.Model, err = model.model(); err != nil {
		logger.Debug("questions are refused", "reason", err.Error())
	}
	return orchestratorHandler(server, key, func(service string) string {
		return fmt.Sprintf("http://%s.localhost:%s/docs", service, port)
	})
}
