// fountain gateway: the embedded gateway by itself, where Kong cannot be had.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strconv"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/gateway"
	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/problem"
)

type gatewayOptions struct {
	config    string
	http      string
	https     string
	status    string
	portMaps  string
	drain     time.Duration
	logFormat string
	logLevel  string
}

func newGatewayCommand() *cobra.Command {
	var options gatewayOptions
	command := &cobra.Command{
		Use:   "gateway --config FILE",
		Short: "Run the embedded gateway by itself, before services on the network",
		Long: `Run the gateway that fountain up has built in, with the configuration that fountain
kong rendered, before services that run elsewhere. It stands in for Kong where Kong
cannot be had, as in tests; production runs Kong.

The access log goes to standard output, everything else to standard error. The
status address has /healthz, /status/ready and /metrics, and asks for no key: do
not publish it.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return runGateway(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.config, "config", "", "configuration, as fountain kong renders it")
	flags.StringVar(&options.http, "http", ":8000", "address for plain HTTP (none if empty)")
	flags.StringVar(&options.https, "https", ":8443", "address for HTTPS, if the configuration has certificates (none if empty)")
	flags.StringVar(&options.status, "status", ":8100", "address for health and metrics (none if empty)")
	flags.StringVar(&options.portMaps, "port-maps", "", "ports as clients see them, where they differ, as Kong's port_maps: 80:8000,443:8443")
	flags.DurationVar(&options.drain, "drain", 0, "when told to stop, go on that long while /status/ready says no, so that load balancers look elsewhere")
	flags.StringVar(&options.logFormat, "log-format", "json", "log format: text or json")
	flags.StringVar(&options.logLevel, "log-level", "info", "lowest level to log: debug, info, warn or error")
	cobra.CheckErr(command.MarkFlagRequired("config"))
	return command
}

func runGateway(ctx context.Context, stdout, stderr io.Writer, options gatewayOptions) error {
	logger, err := httpapi.NewLogger(stderr, options.logFormat, options.logLevel)
	if err != nil {
		return err
	}
	ports, err := parsePortMaps(options.portMaps)
	if err != nil {
		return err
	}
	if options.drain < 0 {
		return fmt.Errorf("--drain %s: want 0s or more", options.drain)
	}
	config, err := gateway.LoadConfig(options.config)
	if err != nil {
		return err
	}
	g := gateway.New(config, gateway.Options{Logger: logger, AccessLog: stdout, PublicPorts: ports})
	var draining atomic.Bool
	all, err := openGateway(ctx, g, options, &draining, logger)
	if err == nil {
		serving, end := afterDrain(ctx, options.drain, &draining)
		err = all.serve(serving)
		end()
	}
	logger.Info("stopped")
	return errors.Join(err, g.Close())
}

// afterDrain returns a context that ends a while after ctx does; draining is true
// in between.
func afterDrain(ctx context.Context, while time.Duration, draining *atomic.Bool) (context.Context, context.CancelFunc) {
	serving, end := context.WithCancel(context.WithoutCancel(ctx))
	context.AfterFunc(ctx, func() {
		draining.Store(true)
		time.AfterFunc(while, end)
	})
	return serving, end
}

// openGateway takes the addresses.
func openGateway(ctx context.Context, g *gateway.Gateway, options gatewayOptions, draining *atomic.Bool, logger *slog.Logger) (all doors, err error) {
	defer func() {
		if err != nil {
			for _, door := range all {
				err = errors.Join(err, door.listener.Close())
			}
		}
	}()
	if options.https != "" && g.TLSConfig() == nil {
		logger.Info("no HTTPS: the configuration has no certificates")
		options.https = ""
	}
	for _, place := range []struct {
		flag, address string
		open          func(net.Listener)
	}{
		{"--http", options.http, func(l net.Listener) { all.open(l, g, logger) }},
		{"--https", options.https, func(l net.Listener) { all.openTLS(l, g, g, logger) }},
		{"--status", options.status, func(l net.Listener) { all.open(l, statusHandler(g, draining), logger) }},
	} {
		if place.address == "" {
			continue
		}
		listener, err := listen(ctx, place.address, place.flag)
		if err != nil {
			return all, err
		}
		place.open(listener)
		logger.Info("listening", "for", strings.TrimPrefix(place.flag, "--"), "address", listener.Addr().String())
	}
	return all, nil
}

// statusHandler answers those who watch the gateway. A gateway that runs is
// ready, for it has read its configuration, until it is told to stop.
func statusHandler(g *gateway.Gateway, draining *atomic.Bool) http.Handler {
	mux := http.NewServeMux()
	say := func(text string) http.HandlerFunc {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			_, _ = io.WriteString(w, text)
		}
	}
	mux.HandleFunc("GET /healthz", say(`{"status":"ok"}`))
	ready := say(`{"message":"ready"}`) // Kong's words
	mux.HandleFunc("GET /status/ready", func(w http.ResponseWriter, r *http.Request) {
		if draining.Load() {
			problem.Write(w, r, problem.New(http.StatusServiceUnavailable, "not_ready", "The gateway is shutting down."))
			return
		}
		ready(w, r)
	})
	mux.Handle("GET /metrics", g.Metrics())
	return mux
}

// parsePortMaps reads Kong's port_maps into a map from the port listened on to
// the public one.
func parsePortMaps(list string) (map[int]int, error) {
	ports := make(map[int]int)
	if list == "" {
		return ports, nil
	}
	for pair := range strings.SplitSeq(list, ",") {
		outside, inside, _ := strings.Cut(strings.TrimSpace(pair), ":")
		public, err := strconv.ParseUint(outside, 10, 16)
		own, err2 := strconv.ParseUint(inside, 10, 16)
		if err != nil || err2 != nil || public == 0 || own == 0 {
			return nil, fmt.Errorf("--port-maps %q: want PUBLIC:LISTENING ports, as 80:8000,443:8443", list)
		}
		ports[int(own)] = int(public)
	}
	return ports, nil
}
