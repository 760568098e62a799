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

	"fountain.coach/fountainai/internal/replica"
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
	// snapshotToken is a secret, and so comes from the environment alone.
	snapshotToken string
	replica       replica.Settings

	version     bool
	healthcheck bool
}

// Main runs a service as a command until it is told to stop (SIGTERM, SIGINT)
// and returns the process's exit code: 0 after a clean stop, 1 after a failure,
// 2 for a wrong command line. "healthcheck" as an argument asks a running
// instance whether it is healthy instead.
func Main(definition Definition, extra ...Setting) int {
	// A second signal ends the process at once: its owner is out of patience.
	ctx, stop := signal.NotifyContext(context.Background(), syscall.SIGINT, syscall.SIGTERM)
	defer stop()
	context.AfterFunc(ctx, stop)
	return command(ctx, definition, extra, os.Args[1:], os.Getenv, os.Stdout, os.Stderr)
}

func command(ctx context.Context, definition Definition, extra []Setting,
	arguments []string, getenv func(string) string, stdout, stderr io.Writer) int {
	values, usage, err := parse(definition.Name, arguments, getenv, extra)
	switch {
	case errors.Is(err, flag.ErrHelp):
		fmt.Fprint(stdout, usage)
		return 0
	case err != nil:
		fmt.Fprintf(stderr, "%s: %v; see --help\n", definition.Name, err)
		return 2
	case values.version:
		fmt.Fprintf(stdout, "%s %s\n", definition.Name, Version())
		return 0
	case values.healthcheck:
		return healthcheck(ctx, values.addr, stderr)
	}
	logger, err := NewLogger(stderr, values.logFormat, values.logLevel)
	if err != nil {
		fmt.Fprintf(stderr, "%s: %v; see --help\n", definition.Name, err)
		return 2
	}
	logger = logger.With("service", definition.Name)
	if err := run(ctx, definition, values, logger); err != nil {
		logger.Error("stopped", "error", err)
		return 1
	}
	logger.Info("stopped")
	return 0
}

func run(ctx context.Context, definition Definition, values settings, logger *slog.Logger) error {
	started := time.Now()
	instance, err := Open(ctx, definition, values.database, Options{
		Logger: logger, PublicURL: values.publicURL, SnapshotToken: values.snapshotToken, Replica: values.replica,
	})
	if err != nil {
		return err
	}
	listener, err := (&net.ListenConfig{}).Listen(ctx, "tcp", values.addr)
	if err != nil {
		return errors.Join(fmt.Errorf("listen on %s (choose another with --addr): %w", values.addr, err), instance.Close())
	}
	logger.Info("ready", "address", listener.Addr().String(), "database", instance.DB.File(),
		"version", Version(), "took", time.Since(started))
	return instance.Serve(ctx, listener)
}

// parse reads the command line: a flag wins over its environment variable, that
// over the default. It returns the usage text beside the settings.
func parse(name string, arguments []string, getenv func(string) string, extra []Setting) (values settings, usage string, err error) {
	var help strings.Builder
	flags := flag.NewFlagSet(name, flag.ContinueOnError)
	flags.SetOutput(&help)
	flags.Usage = func() {
		fmt.Fprintf(&help, "Usage: %s [flags]              run the service\n       %s healthcheck [flags]  ask a running one whether it is healthy\n\n", name, name)
		flags.PrintDefaults()
		fmt.Fprintf(&help, "\n%s: a secret of %d characters or more; with it GET /snapshot gives a copy of the database\n",
			snapshotTokenEnv, minSnapshotToken)
	}
	values.snapshotToken = strings.TrimSpace(getenv(snapshotTokenEnv))
	text := func(target *string, flagName, env, fallback, usage string) {
		if set := getenv(env); set != "" {
			fallback = set
		}
		flags.StringVar(target, flagName, fallback, usage+" (environment: "+env+")")
	}
	text(&values.addr, "addr", "FOUNTAIN_ADDR", ":8000", "address to listen on")
	text(&values.database, "database", "FOUNTAIN_DATABASE_URL", "file:data/"+name+".db",
		"database: file:PATH for SQLite, postgres://USER@HOST/DATABASE for PostgreSQL")
	flags.StringVar(&values.database, "database-url", values.database, "the same as -database")
	text(&values.logFormat, "log-format", "FOUNTAIN_LOG_FORMAT", "json", "log format: json or text")
	text(&values.logLevel, "log-level", "FOUNTAIN_LOG_LEVEL", "info", "lowest level to log: debug, info, warn or error")
	text(&values.publicURL, "public-url", "FOUNTAIN_PUBLIC_URL", "",
		"address clients use, for the served OpenAPI document; taken from each request if empty")
	var address, when, empty string
	text(&address, replica.URLFlag, replica.URLEnv, "", replica.URLUsage)
	text(&when, replica.RestoreAtFlag, replica.RestoreAtEnv, "", replica.RestoreAtUsage)
	text(&empty, replica.StartEmptyFlag, replica.StartEmptyEnv, "", replica.StartEmptyUsage)
	for _, setting := range extra {
		text(setting.Value, setting.Flag, setting.Env, *setting.Value, setting.Usage)
	}
	flags.BoolVar(&values.version, "version", false, "print the version and exit")
	err = flags.Parse(arguments)
	if err == nil && flags.Arg(0) == "healthcheck" {
		values.healthcheck = true
		err = flags.Parse(flags.Args()[1:]) // flags may stand behind it too
	}
	if err == nil && flags.NArg() > 0 {
		err = fmt.Errorf("unknown argument %q", flags.Arg(0))
	}
	if err == nil {
		values.replica, err = replica.Parse(address, when, empty)
	}
	return values, help.String(), err
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
func healthcheck(ctx context.Context, addr string, stderr io.Writer) int {
	host, port, err := net.SplitHostPort(addr)
	if err != nil {
		fmt.Fprintf(stderr, "address %q: %v\n", addr, err)
		return 2
	}
	if ip := net.ParseIP(host); host == "" || ip.IsUnspecified() {
		host = "localhost"
	}
	ctx, cancel := context.WithTimeout(ctx, 3*time.Second)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+net.JoinHostPort(host, port)+"/healthz", nil)
	if err != nil {
		fmt.Fprintln(stderr, err)
		return 2
	}
	// A transport of its own, since the usual one may go through a proxy.
	response, err := (&http.Transport{DisableKeepAlives: true}).RoundTrip(request)
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
