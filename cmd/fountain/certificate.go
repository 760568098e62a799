// The certificate in a folder, for whoever serves HTTPS with it.
package main

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"fountain.coach/fountainai/internal/gateway/localca"
)

// serverCertificate is a certificate chain and its key, in PEM.
type serverCertificate struct {
	cert, key string
	leaf      *x509.Certificate
}

// loadCertificate reads tls.crt and tls.key in dir. It returns nil when there is
// neither; one without the other is an error.
func loadCertificate(dir string) (*serverCertificate, error) {
	cert, certErr := os.ReadFile(filepath.Join(dir, localca.Cert))
	key, keyErr := os.ReadFile(filepath.Join(dir, localca.Key))
	if errors.Is(certErr, fs.ErrNotExist) && errors.Is(keyErr, fs.ErrNotExist) {
		return nil, nil
	}
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, fmt.Errorf("HTTPS needs both %s and %s in %s: %w", localca.Cert, localca.Key, dir, err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("%s and %s in %s do not belong together or are no PEM: %w", localca.Cert, localca.Key, dir, err)
	}
	return &serverCertificate{cert: string(cert), key: string(key), leaf: pair.Leaf}, nil
}

// warnings says what clients will not like about the certificate.
func (c *serverCertificate) warnings(domain string, now time.Time) []string {
	var list []string
	for _, host := range hostsUnder(domain) {
		if err := c.leaf.VerifyHostname(host); err != nil {
			list = append(list, fmt.Sprintf("the certificate is not for %s: %v", host, err))
			break
		}
	}
	if c.leaf.NotAfter.Before(now) {
		list = append(list, fmt.Sprintf("the certificate ended on %s; renew it and run this again", c.leaf.NotAfter.Format(time.DateOnly)))
	}
	return list
}
