package storage

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"math/big"
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// selfSigned returns a certificate for the loopback address and its key, in PEM.
func selfSigned(t *testing.T) (certificate, key []byte) {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "server"}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, IsCA: true, BasicConstraintsValid: true,
	}
	signed, err := x509.CreateCertificate(rand.Reader, template, template, &private.PublicKey, private)
	must(t, err)
	plain, err := x509.MarshalPKCS8PrivateKey(private)
	must(t, err)
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: signed}), pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: plain})
}

// Over TCP the server is told by its certificate and the service by its password,
// which stands in the URL, in PGPASSWORD or in PGPASSFILE, and in no error.
func TestServerSecure(t *testing.T) {
	server := postgrestest.Start(t)
	certificate, key := selfSigned(t)
	port := server.Secure(t, certificate, key)
	server.Exec(t, "CREATE ROLE will LOGIN PASSWORD 'to-be-or-not'")
	server.Exec(t, "GRANT CREATE ON DATABASE postgres TO will")
	authority := filepath.Join(t.TempDir(), "ca.crt")
	must(t, os.WriteFile(authority, certificate, 0o600))
	passwords := filepath.Join(t.TempDir(), "passwords")
	must(t, os.WriteFile(passwords, []byte("*:*:*:will:to-be-or-not\n"), 0o600))
	address := func(user, host string, query url.Values) string {
		query.Set("sslmode", "verify-full")
		query.Set("search_path", "stage")
		return fmt.Sprintf("postgres://%s@%s:%s/postgres?%s", user, host, port, query.Encode())
	}
	trusting := url.Values{"sslrootcert": {authority}}
	for _, test := range []struct{ name, url, variable, value, want string }{
		{"in the URL", address("will:to-be-or-not", "127.0.0.1", trusting), "", "", ""},
		{"PGPASSWORD", address("will", "127.0.0.1", trusting), "PGPASSWORD", "to-be-or-not", ""},
		{"PGPASSFILE", address("will", "127.0.0.1", trusting), "PGPASSFILE", passwords, ""},
		{"wrong", address("will:or-not-to-be", "127.0.0.1", trusting), "", "", "password authentication failed"},
		{"unknown authority", address("will:to-be-or-not", "127.0.0.1", url.Values{}), "", "", "certificate"},
		{"another host", address("will:to-be-or-not", "localhost", trusting), "", "", "certificate"},
		{"without TLS", strings.Replace(address("will:to-be-or-not", "127.0.0.1", url.Values{}), "verify-full", "disable", 1), "", "", "no pg_hba.conf entry"},
	} {
		t.Run(test.name, func(t *testing.T) {
			if test.variable != "" {
				t.Setenv(test.variable, test.value)
			}
			db, err := openAt(test.url)
			if test.want == "" {
				must(t, err)
				must(t, db.Probe(t.Context()))
				if strings.Contains(db.File(), "will") || strings.Contains(db.File(), "to-be") {
					t.Errorf("its name tells %s", db.File())
				}
				must(t, db.Close())
				return
			}
			if err == nil || !strings.Contains(err.Error(), test.want) || strings.Contains(err.Error(), "to-be") {
				t.Errorf("got %v, want one that says %q and no password", err, test.want)
			}
		})
	}
}
