//go:build !nomodel

// fountain mcp: the services for programs that speak the Model Context Protocol.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/mcpserver"
	"fountain.coach/fountainai/internal/orchestrator"
)

type mcpOptions struct {
	remoteOptions
	orchestrator.Permission
	http      string
	logFormat string
	logLevel  string
}

func newMCPCommand() *cobra.Command {
	var options mcpOptions
	command := &cobra.Command{
		Use:   "mcp",
		Short: "Offer the services over the Model Context Protocol, to chat programs and agents",
		Long: `Offer every operation of the services as a tool, the stories as resources, and
prompts for writers, over the Model Context Protocol: on standard input and output
for a program that starts this command, or with --http for clients on the network.

Operations that delete are not offered unless --allow-destructive is given; with
--read-only only those that read are.

On a loopback address --http uses the configured key for clients without one. On
any other address each client must send its own, as X-API-Key or Authorization:
Bearer, and a server with TLS must stand before it. See docs/mcp.md.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return serveMCP(command.Context(), command.InOrStdin(), command.OutOrStdout(), command.ErrOrStderr(), options)
		},
	}
	options.addConnectionFlags(command)
	flags := command.Flags()
	flags.BoolVar(&options.ReadOnly, "read-only", false, "offer only operations that read")
	flags.BoolVar(&options.Destructive, "allow-destructive", false, "offer operations that delete, too")
	flags.StringVar(&options.http, "http", "", "serve streamable HTTP on this address, as 127.0.0.1:8200, at "+mcpserver.Path+" (standard input and output if empty)")
	flags.StringVar(&options.logFormat, "log-format", "text", "log format: text or json")
	flags.StringVar(&options.logLevel, "log-level", "warn", "lowest level to log: debug, info, warn or error; info shows every call")
	command.MarkFlagsMutuallyExclusive("read-only", "allow-destructive")
	return command
}

func serveMCP(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, options mcpOptions) error {
	logger, err := httpapi.NewLogger(stderr, options.logFormat, options.logLevel)
	if err != nil {
		return err
	}
	if options.http == "" {
		server, err := options.server(ctx, true, logger)
		if err != nil {
			return err
		}
		return server.ServeStdio(ctx, stdin, stdout)
	}
	listener, err := listen(ctx, options.http, "--http")
	if err != nil {
		return err
	}
	server, err := options.server(ctx, mcpserver.IsLoopback(listener.Addr()), logger)
	if err != nil {
		return errors.Join(err, listener.Close())
	}
	fmt.Fprintf(stderr, "fountain: MCP at http://%s%s; Ctrl-C stops it.\n", listener.Addr(), mcpserver.Path)
	return server.Serve(ctx, listener)
}

// server returns a server that uses the configured key, or none where every
// client must bring its own.
func (o *mcpOptions) server(ctx context.Context, withKey bool, logger *slog.Logger) (*mcpserver.Server, error) {
	connect := o.connect
	if !withKey {
		connect = func() (*client.Client, error) { return client.New(o.url, "") }
	}
	api, err := connect()
	if err != nil {
		return nil, err
	}
	toolbox, err := orchestrator.Discover(ctx, api)
	if err != nil {
		return nil, fmt.Errorf("%w (is a FountainAI running at %s?)", err, o.url)
	}
	return mcpserver.New(mcpserver.Options{Toolbox: toolbox, API: api, Permission: o.Permission, Version: httpapi.Version(), Logger: logger}), nil
}
