// fountain up: the five services and the gateway in one process.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai"
	"fountain.coach/fountainai/internal/gateway"
	"fountain.coach/fountainai/internal/gateway/localca"
	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/localstack"
	"fountain.coach/fountainai/internal/replica"
	"fountain.coach/fountainai/internal/storage"
)

type upOptions struct {
	addr      string
	data      string
	database  string
	config    string
	certs     string
	httpsAddr string
	logFormat string
	logLevel  string
	replica   replicaFlags
}

func newUpCommand() *cobra.Command {
	var options upOptions
	command := &cobra.Command{
		Use:   "up",
		Short: "Run the five services and the gateway on this machine",
		Long: `Run the five services and the gateway in one process, until Ctrl-C.

The first start makes the databases and an API key in the data folder (fountain key
--help tells how to change it). What the services have acknowledged is on disk:
Ctrl-C, a crash or a power cut lose nothing.
For one machine and trials; production runs Kong (see the README).

With --replica-url the databases are also copied elsewhere, all the time, and an
empty data folder begins with what is there. With --database-url they are on a
PostgreSQL server instead, each service's in a schema of its own, which any number
of processes may share (docs/scaling.md).`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return up(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.addr, "addr", "127.0.0.1:8000", "address the gateway listens on")
	flags.StringVar(&options.data, "data", "data", "folder of the databases and the API key")
	environmentFlag(command, &options.database, "database-url", databaseEnv, "PostgreSQL server of the databases, as postgres://USER@HOST/DATABASE; SQLite in --data if empty")
	flags.StringVar(&options.config, "config", "", "gateway configuration (the built-in kong.yml if empty)")
	flags.StringVar(&options.certs, "certs", "", "folder of tls.crt and tls.key (fountain certs makes them); serves HTTPS as well")
	flags.StringVar(&options.httpsAddr, "https-addr", "127.0.0.1:8443", "address for HTTPS, with --certs")
	options.replica.add(command)
	flags.StringVar(&options.logFormat, "log-format", "text", "log format: text or json")
	flags.StringVar(&options.logLevel, "log-level", "warn", "lowest level to log: debug, info, warn or error; info shows every request")
	return command
}

// databaseEnv is where the services find their databases.
const databaseEnv = "FOUNTAIN_DATABASE_URL"

// environmentFlag adds a flag that is set by a variable of the environment, too. The
// help does not show what that holds, which may be a password.
func environmentFlag(command *cobra.Command, target *string, name, variable, usage string) {
	command.Flags().StringVar(target, name, "", usage+" (environment: "+variable+")")
	*target = os.Getenv(variable)
}

func up(ctx context.Context, stdout, stderr io.Writer, options upOptions) error {
	started := time.Now()
	logger, err := httpapi.NewLogger(stderr, options.logFormat, options.logLevel)
	if err != nil {
		return err
	}
	kept, err := options.replica.settings()
	if err != nil {
		return err
	}
	config, err := loadGateway(options.config)
	if err != nil {
		return err
	}
	keys, err := ensureKeys(options.data)
	if err != nil {
		return err
	}
	if err := addKeys(config, keys); err != nil {
		return err
	}
	if err := options.addCertificate(config); err != nil {
		return err
	}
	// The addresses are taken first: two stacks must not both open the databases.
	plain, secure, err := options.listen(ctx)
	if err != nil {
		return err
	}
	page, err := options.page(ctx, plain.Addr(), logger)
	if err != nil {
		return errors.Join(err, plain.Close(), closeListener(secure))
	}
	stack, err := options.openStack(ctx, logger, kept)
	if err != nil {
		return errors.Join(err, plain.Close(), closeListener(secure))
	}
	g := gateway.New(config, gateway.Options{
		Transport: stack.Transport(), Logger: logger, AccessLog: accessLog(stderr, options.logLevel),
	})
	front := byHost(page, g)
	var all doors
	all.open(plain, front, logger)
	if secure != nil {
		all.openTLS(secure, front, g, logger)
	}
	fmt.Fprint(stdout, welcome(plain.Addr(), options.data, time.Since(started), page != nil), furtherFiles(keys), options.welcomeTLS(secure), "\nCtrl-C stops it.\n")
	err = stack.Serve(ctx, all.serve)
	fmt.Fprintln(stdout, "Stopped; everything acknowledged is on disk.")
	return errors.Join(err, g.Close())
}

// openStack opens the services on the server, if there is one, or in the folder.
func (o upOptions) openStack(ctx context.Context, logger *slog.Logger, kept replica.Settings) (*localstack.Stack, error) {
	if o.database == "" {
		return localstack.Open(ctx, o.data, logger, kept)
	}
	if err := checkServer(o.database); err != nil {
		return nil, err
	}
	return localstack.OpenDatabases(ctx, func(string) string { return o.database }, logger, kept)
}

// checkServer refuses what cannot hold the databases of five services.
func checkServer(databaseURL string) error {
	if !storage.IsServer(databaseURL) {
		return errors.New("--database-url takes a PostgreSQL server, as postgres://USER@HOST/DATABASE; the folder of SQLite databases is --data")
	}
	return refuseSchema("--database-url", databaseURL)
}

// refuseSchema refuses a URL that names one schema where there are to be five.
func refuseSchema(flag, databaseURL string) error {
	if strings.Contains(databaseURL, "search_path=") {
		return fmt.Errorf("%s: leave search_path out; each of the five services has a schema of its own, named as the service", flag)
	}
	return nil
}

// addCertificate gives the gateway the certificate of --certs.
func (o upOptions) addCertificate(config *gateway.Config) error {
	if o.certs == "" {
		return nil
	}
	certificate, err := loadCertificate(o.certs)
	if err == nil && certificate == nil {
		err = fmt.Errorf("no %s and %s in %s; fountain certs --dir %[3]s makes them", localca.Cert, localca.Key, o.certs)
	}
	if err != nil {
		return err
	}
	return config.AddCertificate(certificate.cert, certificate.key, tlsNames(defaultDomain)...)
}

// listen takes the addresses; secure is nil without --certs.
func (o upOptions) listen(ctx context.Context) (plain, secure net.Listener, err error) {
	if plain, err = listen(ctx, o.addr, "--addr"); err != nil || o.certs == "" {
		return plain, nil, err
	}
	if secure, err = listen(ctx, o.httpsAddr, "--https-addr"); err != nil {
		return nil, nil, errors.Join(err, plain.Close())
	}
	return plain, secure, nil
}

func closeListener(listener net.Listener) error {
	if listener == nil {
		return nil
	}
	return listener.Close()
}

// accessLog shows the gateway's access log only to those who ask for it: in a
// terminal it would bury the addresses.
func accessLog(stderr io.Writer, level string) io.Writer {
	if level == "info" || level == "debug" {
		return stderr
	}
	return io.Discard
}

func loadGateway(path string) (*gateway.Config, error) {
	if path != "" {
		return gateway.LoadConfig(path)
	}
	return gateway.ParseConfig(bytes.NewReader(fountainai.KongConfig))
}

// welcome tells a person what there is and what to do with it.
func welcome(addr net.Addr, data string, took time.Duration, page bool) string {
	_, port, _ := net.SplitHostPort(addr.String())
	var text bytes.Buffer
	fmt.Fprintf(&text, "FountainAI %s is ready (%d ms).\n\n", httpapi.Version(), took.Milliseconds())
	if page {
		fmt.Fprintf(&text, "  %-17s http://localhost:%s/\n\n", "Read and ask", port)
	}
	examples := map[string]string{
		"centralsequence": "/sequence", "character": "/characters", "scriptmanagement": "/scripts",
		"sessioncontext": "/sessions", "storyfactory": "/stories?scriptId=1",
	}
	for _, name := range serviceNames {
		fmt.Fprintf(&text, "  %-17s http://%s.localhost:%s%s\n", name, name, port, examples[name])
	}
	fmt.Fprint(&text, "\nDocumentation (no key needed):\n")
	for _, name := range serviceNames {
		fmt.Fprintf(&text, "  http://%s.localhost:%s/docs\n", name, port)
	}
	keyFile := keyPath(data, "writer")
	fmt.Fprintf(&text, "\nThe API key is in %s (one that may only read: %s). Try:\n", keyFile, keyPath(data, "reader"))
	fmt.Fprintf(&text, "  curl -H \"X-API-Key: $(cat %s)\" http://character.localhost:%s/characters\n", shellQuote(keyFile), port)
	return text.String()
}

// welcomeTLS tells of the HTTPS address, if there is one.
func (o upOptions) welcomeTLS(secure net.Listener) string {
	if secure == nil {
		return ""
	}
	_, port, _ := net.SplitHostPort(secure.Addr().String())
	return fmt.Sprintf("\nThe same over HTTPS, for clients that trust %[1]s:\n  curl --cacert %[2]s https://character.localhost:%[3]s/openapi.json\n",
		filepath.Join(o.certs, localca.CACert), shellQuote(filepath.Join(o.certs, localca.CACert)), port)
}

// shellQuote keeps the curl line whole for paths with spaces.
func shellQuote(path string) string {
	for _, c := range path {
		if !(c == '/' || c == '.' || c == '-' || c == '_' || c >= '0' && c <= '9' || c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z') {
			return "'" + string(bytes.ReplaceAll([]byte(path), []byte("'"), []byte(`'\''`))) + "'"
		}
	}
	return path
}
