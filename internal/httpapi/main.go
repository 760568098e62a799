// Main: the command line that the five services have in common.
package httpapi

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"os/signal"
	"strings"
	"syscall"
	"time"
)

// Setting is a setting that only one service has.
type Setting struct {
	Flag  string
	Env   string
	Usage string
	Value *string
}

type settings struct {
	addr      string
	database  string
	logFormat string
	logLevel  string
	publicURL string
	version   bool
}

// Main runs a service as a command until it is told to stop (SIGTERM, SIGINT)
// and returns the process's exit code: 0 after a clean stop, 1 after a failure,
// 2 for a wrong command line. "healthcheck" as the only argument asks a running
// instance whether it is healthy instead.
func Main(definition Definition, extra ...Setting) int {
	values, arguments, err := parse(definition.Name, os.Args[1:], os.Getenv, extra)
	switch {
	case errors.Is(err, flag.ErrHelp):
		return 0
	case err != nil:
		fmt.Fprintln(os.Stderr, err)
		return 2
	case values.version:
		fmt.Printf("%s %s\n", definition.Name, Version())
		return 0
	case len(arguments) == 1 && arguments[0] == "healthcheck":
		return healthcheck(values.addr, os.Stderr)
	case len(arguments) > 0:
		fmt.Fprintf(os.Stderr, "unknown argument %q; see --help\n", arguments[0])
		return 2
	}
	logger, err := NewLogger(os.Stderr, values.logFormat, values.logLevel)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		return 2
	}
	logger = logger.With("service", definition.Name)
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, definition, values, logger); err != nil {
		logger.Error("stopped", "error", err)
		return 1
	}
	return 0
}

func run(ctx context.Context, definition Definition, values settings, logger *slog.Logger) error {
	started := time.Now()
	instance, err := Open(ctx, definition, values.database, Options{Logger: logger, PublicURL: values.publicURL})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", values.addr)
	if err != nil {
		return errors.Join(fmt.Errorf("listen on %s (choose another with --addr): %w", values.addr, err), instance.DB.Close())
	}
	logger.Info("ready", "address", listener.Addr().String(), "database", instance.DB.File(),
		"version", Version(), "took", time.Since(started))
	err = instance.Serve(ctx, listener)
	logger.Info("stopped")
	return err
}

func parse(name string, arguments []string, getenv func(string) string, extra []Setting) (settings, []string, error) {
	var values settings
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	text := func(target *string, flagName, env, fallback, usage string) {
		if set := getenv(env); set != "" {
			fallback = set
		}
		flags.StringVar(target, flagName, fallback, usage+" (environment: "+env+")")
	}
	text(&values.addr, "addr", "FOUNTAIN_ADDR", ":8000", "address to listen on")
	text(&values.database, "database", "FOUNTAIN_DATABASE_URL", "file:data/"+name+".db", "database")
	text(&values.logFormat, "log-format", "FOUNTAIN_LOG_FORMAT", "json", "log format: json or text")
	text(&values.logLevel, "log-level", "FOUNTAIN_LOG_LEVEL", "info", "lowest level to log: debug, info, warn or error")
	text(&values.publicURL, "public-url", "FOUNTAIN_PUBLIC_URL", "",
		"address clients use, for the served OpenAPI document; taken from each request if empty")
	for _, setting := range extra {
		text(setting.Value, setting.Flag, setting.Env, *setting.Value, setting.Usage)
	}
	flags.BoolVar(&values.version, "version", false, "print the version and exit")
	err := flags.Parse(arguments)
	return values, flags.Args(), err
}

// NewLogger returns a logger that writes format ("json" or "text") from level
// ("debug", "info", "warn", "error") up.
func NewLogger(w io.Writer, format, level string) (*slog.Logger, error) {
	var lowest slog.Level
	if err := lowest.UnmarshalText([]byte(level)); err != nil {
		return nil, fmt.Errorf("log level %q: want debug, info, warn or error", level)
	}
	options := &slog.HandlerOptions{Level: lowest}
	switch format {
	case "json":
		return slog.New(slog.NewJSONHandler(w, options)), nil
	case "text":
		return slog.New(slog.NewTextHandler(w, options)), nil
	}
	return nil, fmt.Errorf("log format %q: want json or text", format)
}

// healthcheck lets a container without a shell or curl check itself.
func healthcheck(addr string, stderr io.Writer) int {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		fmt.Fprintf(stderr, "address %q: %v\n", addr, err)
		return 2
	}
	if host == "" || strings.Trim(host, "0.:") == "" {
		host = "localhost"
	}
	client := &http.Client{Timeout: 3 * time.Second}
	response, err := client.Get("http://" + net.JoinHostPort(host, port) + "/healthz")
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 1
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		fmt.Fprintln(stderr, response.Status)
		return 1
	}
	return 0
}
