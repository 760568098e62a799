// Making keys and certificates.

package localca

import (
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"slices"
	"time"
)

// authority signs server certificates.
type authority struct {
	cert *x509.Certificate
	key  crypto.Signer
}

// An hour's difference between clocks must not make a new certificate invalid.
const clockSkew = time.Hour

func makeAuthority(dir string, now time.Time) (*authority, error) {
	host, err := os.Hostname()
	if err != nil {
		host = "this machine"
	}
	template := &x509.Certificate{
		SerialNumber:          serial(),
		Subject:               pkix.Name{Organization: []string{"FountainAI"}, CommonName: "FountainAI local CA, " + host},
		NotBefore:             now.Add(-clockSkew),
		NotAfter:              now.Add(caLife),
		KeyUsage:              x509.KeyUsageCertSign | x509.KeyUsageCRLSign,
		BasicConstraintsValid: true,
		IsCA:                  true,
		MaxPathLenZero:        true,
	}
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, key.Public(), key)
	if err != nil {
		return nil, err
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		return nil, err
	}
	// The certificate comes last: it is of use only with its key.
	if err := write(filepath.Join(dir, CAKey), keyPEM, 0o600); err != nil {
		return nil, err
	}
	return &authority{cert: cert, key: key}, write(filepath.Join(dir, CACert), certPEM(der), 0o644)
}

// issue makes a server certificate for names and writes it with its chain.
func (a *authority) issue(dir string, names []string, now time.Time) (*x509.Certificate, error) {
	hosts, addresses := split(names)
	template := &x509.Certificate{
		SerialNumber: serial(),
		Subject:      pkix.Name{Organization: []string{"FountainAI"}, CommonName: names[0][:min(64, len(names[0]))]},
		NotBefore:    now.Add(-clockSkew),
		NotAfter:     now.Add(leafLife),
		KeyUsage:     x509.KeyUsageDigitalSignature,
		ExtKeyUsage:  []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth},
		DNSNames:     hosts,
		IPAddresses:  addresses,
	}
	if template.NotAfter.After(a.cert.NotAfter) {
		template.NotAfter = a.cert.NotAfter
	}
	key, keyPEM, err := newKey()
	if err != nil {
		return nil, err
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.cert, key.Public(), a.key)
	if err != nil {
		return nil, err
	}
	// The certificate comes first: it shows that the key is ours to replace.
	err = write(filepath.Join(dir, Cert), slices.Concat(certPEM(der), certPEM(a.cert.Raw)), 0o644)
	if err == nil {
		err = write(filepath.Join(dir, Key), keyPEM, 0o600)
	}
	if err != nil {
		return nil, err
	}
	return x509.ParseCertificate(der)
}

func newKey() (crypto.Signer, []byte, error) {
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		return nil, nil, err
	}
	der, err := x509.MarshalPKCS8PrivateKey(key)
	return key, pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}), err
}

func serial() *big.Int {
	raw := make([]byte, 16)
	rand.Read(raw)
	raw[0] = raw[0]&0x7f | 0x40 // positive, and always as long
	return new(big.Int).SetBytes(raw)
}

func certPEM(der []byte) []byte {
	return pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der})
}

// derOf returns the first certificate in PEM text, or nil.
func derOf(text []byte) []byte {
	block, _ := pem.Decode(text)
	if block == nil {
		return nil
	}
	return block.Bytes
}

func parse(text []byte) (*x509.Certificate, error) {
	der := derOf(text)
	if der == nil {
		return nil, errors.New("no certificate in PEM")
	}
	return x509.ParseCertificate(der)
}

func split(names []string) (hosts []string, addresses []net.IP) {
	for _, name := range names {
		if address := net.ParseIP(name); address != nil {
			addresses = append(addresses, address)
		} else {
			hosts = append(hosts, name)
		}
	}
	return hosts, addresses
}

// write puts a whole file in place of the old one, never readable by more than
// it should be.
func write(path string, content []byte, mode os.FileMode) error {
	partial, err := os.CreateTemp(filepath.Dir(path), "."+filepath.Base(path)+".*")
	if err != nil {
		return err
	}
	_, err = partial.Write(content)
	err = errors.Join(err, partial.Chmod(mode), partial.Sync(), partial.Close())
	if err == nil {
		err = os.Rename(partial.Name(), path)
	}
	if err != nil {
		return errors.Join(err, os.Remove(partial.Name()))
	}
	return nil
}
