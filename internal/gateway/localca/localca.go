// Package localca makes the certificates with which a gateway serves HTTPS where
// no public authority can vouch for it: a certificate authority of one's own and
// a server certificate under it.
package localca

import (
	"bytes"
	"crypto"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// The files in the folder of an authority.
const (
	CACert = "ca.crt"
	CAKey  = "ca.key"
	Cert   = "tls.crt" // the server's certificate and the authority's
	Key    = "tls.key"
)

const (
	caLife = 10 * 365 * 24 * time.Hour
	// leafLife is the longest that clients take from public authorities.
	leafLife = 397 * 24 * time.Hour
	// renewal is how long before its end a certificate is replaced.
	renewal = 30 * 24 * time.Hour
)

// Result is what the folder holds.
type Result struct {
	CA, Leaf *x509.Certificate
	// MadeCA and MadeLeaf say what is new.
	MadeCA, MadeLeaf bool
}

// Ensure sees to it that dir has an authority and a server certificate for names,
// host names and addresses, that is good for a month or more. What is there and
// good stays as it is, byte for byte; what is not the authority's own is never
// touched.
func Ensure(dir string, names []string, now time.Time) (Result, error) {
	if err := os.MkdirAll(dir, 0o755); err != nil {
		return Result{}, err
	}
	authority, err := loadAuthority(dir, now)
	made := errors.Is(err, fs.ErrNotExist)
	if made {
		// Before there is an authority, any certificate is someone else's.
		if err := refuseForeign(dir, nil); err != nil {
			return Result{}, err
		}
		authority, err = makeAuthority(dir, now)
	}
	if err != nil {
		return Result{}, err
	}
	if err := refuseForeign(dir, authority.cert); err != nil {
		return Result{}, err
	}
	result := Result{CA: authority.cert, MadeCA: made}
	if result.Leaf = loadLeaf(dir, names, now); result.Leaf != nil {
		return result, nil
	}
	result.Leaf, err = authority.issue(dir, names, now)
	result.MadeLeaf = true
	return result, err
}

// loadAuthority reads the authority. The error is fs.ErrNotExist when there is
// none at all.
func loadAuthority(dir string, now time.Time) (*authority, error) {
	cert, certErr := os.ReadFile(filepath.Join(dir, CACert))
	key, keyErr := os.ReadFile(filepath.Join(dir, CAKey))
	if errors.Is(certErr, fs.ErrNotExist) && errors.Is(keyErr, fs.ErrNotExist) {
		return nil, fs.ErrNotExist
	}
	// Errors are not wrapped: one of two missing is not the same as none there.
	const again = "; put it right, or remove " + CACert + " and " + CAKey + " to make a new authority (clients must then trust that one)"
	if err := errors.Join(certErr, keyErr); err != nil {
		return nil, fmt.Errorf("the local authority is not whole: %v%s", err, again)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return nil, fmt.Errorf("the local authority in %s: %v%s", dir, err, again)
	}
	signer, ok := pair.PrivateKey.(crypto.Signer)
	if !ok || !pair.Leaf.IsCA {
		return nil, fmt.Errorf("%s is no certificate authority%s", filepath.Join(dir, CACert), again)
	}
	if pair.Leaf.NotAfter.Before(now.Add(renewal)) {
		return nil, fmt.Errorf("the local authority ends on %s%s", pair.Leaf.NotAfter.Format(time.DateOnly), again)
	}
	return &authority{cert: pair.Leaf, key: signer}, nil
}

// refuseForeign returns an error when a certificate or key stands in the way
// that ca has not signed.
func refuseForeign(dir string, ca *x509.Certificate) error {
	path := filepath.Join(dir, Cert)
	const next = "; it is left alone. Move it away, or name another folder with --dir"
	content, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		if _, err := os.Stat(filepath.Join(dir, Key)); err == nil {
			return fmt.Errorf("%s is there without its certificate%s", filepath.Join(dir, Key), next)
		}
		return nil
	}
	if err != nil {
		return err
	}
	leaf, err := parse(content)
	if err != nil {
		return fmt.Errorf("%s: %w%s", path, err, next)
	}
	if ca == nil || leaf.CheckSignatureFrom(ca) != nil {
		return fmt.Errorf("%s was not made by the local authority in %s%s", path, dir, next)
	}
	return nil
}

// loadLeaf returns the server certificate, or nil if it has to be replaced.
func loadLeaf(dir string, names []string, now time.Time) *x509.Certificate {
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, Cert), filepath.Join(dir, Key))
	if err != nil || pair.Leaf.NotAfter.Before(now.Add(renewal)) || pair.Leaf.NotBefore.After(now) {
		return nil
	}
	ca, err := os.ReadFile(filepath.Join(dir, CACert))
	if err != nil || len(pair.Certificate) != 2 || !bytes.Equal(pair.Certificate[1], derOf(ca)) {
		return nil // what clients would be shown is not the chain to the authority
	}
	hosts, addresses := split(names)
	for _, host := range hosts {
		if !slices.Contains(pair.Leaf.DNSNames, host) {
			return nil
		}
	}
	for _, address := range addresses {
		if !slices.ContainsFunc(pair.Leaf.IPAddresses, address.Equal) {
			return nil
		}
	}
	return pair.Leaf
}
