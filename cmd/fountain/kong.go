// fountain kong: the configuration that Kong runs with, made of kong.yml, the
// keys and the certificate.
package main

import (
	"cmp"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai"
)

type kongOptions struct {
	out    string
	config string
	keys   string
	certs  string
	domain string
}

func newKongCommand() *cobra.Command {
	var options kongOptions
	command := &cobra.Command{
		Use:   "kong --out FILE",
		Short: "Render the gateway's configuration: kong.yml with keys and certificate",
		Long: `Write the declarative configuration for Kong (or fountain gateway): kong.yml with
the API keys of the consumers writer and reader, which are made on first use, and,
when --certs holds tls.crt and tls.key, with that certificate and with every route
on HTTPS alone; plain HTTP is then answered with 308.

The keys are in the files api-key and api-key-reader; further ones, accepted as well,
may stand beside them as api-key.NAME and api-key-reader.NAME (see fountain key --help).

The same input gives the same file, byte for byte. The file holds keys: it is
readable by its owner and group only.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return kong(command.OutOrStdout(), options, time.Now())
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.out, "out", "", "file to write")
	flags.StringVar(&options.config, "config", "", "kong.yml to start from (the built-in one if empty)")
	flags.StringVar(&options.keys, "keys", "data", "folder of the API keys")
	flags.StringVar(&options.certs, "certs", "certs", "folder of tls.crt and tls.key; without them, no HTTPS")
	flags.StringVar(&options.domain, "domain", defaultDomain, "domain of the services, beside localhost or itself localhost")
	cobra.CheckErr(command.MarkFlagRequired("out"))
	return command
}

func kong(stdout io.Writer, options kongOptions, now time.Time) error {
	if err := checkDomain(options.domain); err != nil {
		return err
	}
	source := fountainai.KongConfig
	if options.config != "" {
		var err error
		if source, err = os.ReadFile(options.config); err != nil {
			return err
		}
	}
	certificate, err := loadCertificate(options.certs)
	if err != nil {
		return err
	}
	keys, err := ensureKeys(options.keys)
	if err != nil {
		return err
	}
	content, err := renderKong(source, options.domain, keys, certificate)
	if err != nil {
		return fmt.Errorf("%s: %w", cmp.Or(options.config, "built-in kong.yml"), err)
	}
	if err := os.MkdirAll(filepath.Dir(options.out), 0o755); err != nil {
		return err
	}
	if err := replaceFile(options.out, content, 0o640); err != nil {
		return err
	}
	fmt.Fprint(stdout, kongReport(options, certificate, now), furtherFiles(keys))
	return nil
}

// kongReport tells a person what was written and where the keys are, without
// the keys.
func kongReport(options kongOptions, certificate *serverCertificate, now time.Time) string {
	text := fmt.Sprintf("Wrote %s for *.%s, ", options.out, strings.Join(domains(options.domain), " and *."))
	if certificate == nil {
		text += fmt.Sprintf("without HTTPS (no tls.crt and tls.key in %s; fountain certs makes them).\n", options.certs)
	} else {
		text += fmt.Sprintf("with HTTPS until %s.\n", certificate.leaf.NotAfter.Format(time.DateOnly))
		for _, warning := range certificate.warnings(options.domain, now) {
			text += "Warning: " + warning + ".\n"
		}
	}
	return text + fmt.Sprintf(`The API keys are in %s (reads and writes) and %s (reads only). To read one:
  docker-compose run --rm init key            # or: fountain key --keys %s
  docker-compose run --rm init key --reader
`, keyPath(options.keys, "writer"), keyPath(options.keys, "reader"), shellQuote(options.keys))
}
