//go:build !nomodel

// fountain orchestrate: the orchestrator as a service.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/orchestrator"
	"fountain.coach/fountainai/internal/webui"
)

type orchestrateOptions struct {
	modelOptions
	addr, url, via, publicURL string
	logFormat, logLevel       string
}

func newOrchestrateCommand() *cobra.Command {
	var options orchestrateOptions
	command := &cobra.Command{
		Use:   "orchestrate",
		Short: "Run the orchestrator as a service: the web page and POST /v1/ask",
		Long: `Serve the web page and POST /v1/ask, which answers questions as fountain ask does.
Everybody brings a key of the gateway (X-API-Key, or the login of the page): what a
model does for them is what their key allows. The service has no key of its own but
the model's, in OPENAI_API_KEY.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return orchestrate(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), options)
		},
	}
	options.modelOptions.addFlags(command)
	flags := command.Flags()
	flags.StringVar(&options.addr, "addr", envOr("FOUNTAIN_ADDR", ":8000"), "address to listen on (environment: FOUNTAIN_ADDR)")
	flags.StringVar(&options.url, "url", envOr("FOUNTAIN_URL", "http://localhost:8000"), "address of the gateway; the services are its sub-domains (environment: FOUNTAIN_URL)")
	flags.StringVar(&options.via, "gateway", envOr("FOUNTAIN_GATEWAY", ""), "host and port to connect to for all of them, where their names do not lead to the gateway (environment: FOUNTAIN_GATEWAY)")
	flags.StringVar(&options.publicURL, "public-url", envOr("FOUNTAIN_PUBLIC_URL", ""), "address in the OpenAPI document; that of each request if empty (environment: FOUNTAIN_PUBLIC_URL)")
	flags.StringVar(&options.logFormat, "log-format", envOr("FOUNTAIN_LOG_FORMAT", "json"), "log format: json or text (environment: FOUNTAIN_LOG_FORMAT)")
	flags.StringVar(&options.logLevel, "log-level", envOr("FOUNTAIN_LOG_LEVEL", "info"), "lowest level to log (environment: FOUNTAIN_LOG_LEVEL)")
	return command
}

func orchestrate(ctx context.Context, stdout, stderr io.Writer, options orchestrateOptions) error {
	logger, err := httpapi.NewLogger(stderr, options.logFormat, options.logLevel)
	if err != nil {
		return err
	}
	logger = logger.With("service", "orchestrator")
	api, err := client.NewVia(options.url, "", options.via)
	if err != nil {
		return err
	}
	server := &orchestrator.Server{API: api, Limits: options.limits(), Logger: logger, PublicURL: options.publicURL, Stop: ctx}
	if server.Model, err = options.model(); err != nil {
		// The page is of use without a model, and says what is missing.
		logger.Warn("questions are refused", "reason", err.Error())
	}
	handler, err := orchestratorHandler(server, "", func(service string) string { return api.URL(service) + "/docs" })
	if err != nil {
		return err
	}
	listener, err := listen(ctx, options.addr, "--addr")
	if err != nil {
		return err
	}
	var all doors
	all.open(listener, handler, logger)
	fmt.Fprintf(stdout, "The orchestrator listens on %s and calls the services at %s.\n", listener.Addr(), options.url)
	if err := all.serve(ctx); err != nil && !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}

// orchestratorHandler serves the web page and the API of the orchestrator. key
// is used for everybody, "" for none; docs returns where a service's
// documentation is.
func orchestratorHandler(server *orchestrator.Server, key string, docs func(string) string) (http.Handler, error) {
	api := server.Handler()
	options := webui.Options{API: server.API, Key: key, DocsURL: docs, Logger: server.Logger}
	if server.Model != nil {
		options.Ask = api
	}
	page, err := webui.New(options)
	if err != nil {
		return nil, err
	}
	mux := http.NewServeMux()
	mux.Handle("/", page)
	for _, path := range []string{"/v1/undo", "/v1/tools", "/openapi.json", "/openapi.yaml", "/livez", "/readyz", "/metrics"} {
		mux.Handle(path, api)
	}
	if server.Model == nil {
		mux.Handle("/v1/ask", api) // which says what to configure
	}
	return mux, nil
}
