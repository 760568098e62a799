// fountain certs: HTTPS without a public authority.
package main

import (
	"fmt"
	"io"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/gateway/localca"
)

func newCertsCommand() *cobra.Command {
	var dir, domain string
	command := &cobra.Command{
		Use:   "certs",
		Short: "Make a local certificate authority and a server certificate",
		Long: `Make certificates for HTTPS on one machine or in a trial: an authority of your own
(ca.crt, ca.key) and a server certificate under it (tls.crt, tls.key) for the
services under --domain and under localhost. Run it again at any time: it renews
the server certificate when less than 30 days are left or names are missing, and
never replaces the authority. Keep ca.key to yourself: whoever has it can stand in
for any site before those who trust ca.crt.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return certs(command.OutOrStdout(), dir, domain, time.Now())
		},
	}
	command.Flags().StringVar(&dir, "dir", "certs", "folder of the certificates")
	command.Flags().StringVar(&domain, "domain", defaultDomain, "domain of the services, beside localhost")
	return command
}

func certs(stdout io.Writer, dir, domain string, now time.Time) error {
	if err := checkOtherDomain(domain); err != nil {
		return err
	}
	result, err := localca.Ensure(dir, append(tlsNames(domain), "127.0.0.1", "::1"), now)
	if err != nil {
		return err
	}
	authority := filepath.Join(dir, localca.CACert)
	switch {
	case result.MadeCA:
		fmt.Fprintf(stdout, "Made a local authority, %s, and a certificate under it.\n", authority)
	case result.MadeLeaf:
		fmt.Fprintf(stdout, "Made a new certificate under the local authority %s, which stays as it was.\n", authority)
	default:
		fmt.Fprintf(stdout, "The certificate in %s is good; nothing was changed.\n", dir)
	}
	fmt.Fprintf(stdout, "It is for *.%s, %s, *.localhost, localhost, 127.0.0.1 and ::1, until %s.\n\n",
		domain, domain, result.Leaf.NotAfter.Format(time.DateOnly))
	fmt.Fprint(stdout, trustAdvice(authority, dir))
	return nil
}

func trustAdvice(authority, dir string) string {
	quoted, name := shellQuote(authority), shellQuote(dir)
	return fmt.Sprintf(`Clients must trust the authority:
  curl:          curl --cacert %[1]s https://character.localhost/docs
  fountain, Go:  SSL_CERT_FILE=%[1]s fountain status --url https://localhost
  Debian/Ubuntu: sudo cp %[1]s /usr/local/share/ca-certificates/fountainai.crt && sudo update-ca-certificates
  macOS:         sudo security add-trusted-cert -d -r trustRoot -k /Library/Keychains/System.keychain %[1]s
  Firefox:       Settings, Privacy & Security, View Certificates, Authorities, Import

Next: fountain up --certs %[2]s, or render the gateway's configuration again
(fountain kong --out FILE --certs %[2]s) and restart the gateway.
`, quoted, name)
}
