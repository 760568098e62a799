// TLS: which certificate a client gets to see, and what becomes of a client
// that comes without TLS where it is needed.

package gateway

import (
	"crypto/tls"
	"fmt"
	"net/http"
	"regexp"
	"slices"
	"strings"
)

// TLSConfig returns the TLS settings that the certificates of kong.yml make, or
// nil when it has none. As in Kong, clients need at least TLS 1.2 and get the
// certificate whose SNI fits best. Kong shows others, and clients that name no
// host, a certificate it signs itself; here they see the first one.
func (g *Gateway) TLSConfig() *tls.Config {
	if len(g.certificates.all) == 0 {
		return nil
	}
	return &tls.Config{
		MinVersion: tls.VersionTLS12,
		NextProtos: []string{"h2", "http/1.1"},
		GetCertificate: func(hello *tls.ClientHelloInfo) (*tls.Certificate, error) {
			return g.certificates.find(hello.ServerName), nil
		},
	}
}

// certificateStore finds certificates by the names that stand in their snis.
type certificateStore struct {
	all   []*tls.Certificate
	bySNI map[string]*tls.Certificate
}

func newCertificateStore(config []Certificate) certificateStore {
	store := certificateStore{bySNI: make(map[string]*tls.Certificate)}
	for i := range config {
		pair := config[i].pair
		store.all = append(store.all, pair)
		for _, sni := range config[i].SNIs {
			store.bySNI[sni.Name] = pair
		}
	}
	return store
}

// find returns the certificate for a host. The order is Kong's: the name itself,
// a wildcard before it, a wildcard behind it, the wildcard for all.
func (s certificateStore) find(host string) *tls.Certificate {
	host = strings.ToLower(host)
	for _, name := range []string{host, wildPrefix(host), wildSuffix(host), "*"} {
		if pair := s.bySNI[name]; name != "" && pair != nil {
			return pair
		}
	}
	return s.all[0]
}

// wildPrefix returns the wildcard that Kong looks up for a host. A host of two
// labels has none: *.localhost never fits character.localhost, in Kong as in
// curl and in browsers.
func wildPrefix(host string) string {
	_, parent, _ := strings.Cut(host, ".")
	if !strings.Contains(parent, ".") {
		return ""
	}
	return "*." + parent
}

func wildSuffix(host string) string {
	if dot := strings.LastIndexByte(host, '.'); dot > 0 {
		return host[:dot] + ".*"
	}
	return ""
}

// AddCertificate lets the gateway show a certificate, given in PEM, to clients
// that ask for one of the names.
func (c *Config) AddCertificate(cert, key string, names ...string) error {
	pair, err := tls.X509KeyPair([]byte(cert), []byte(key))
	if err != nil {
		return err
	}
	added := Certificate{Cert: cert, Key: key, pair: &pair}
	for _, name := range names {
		if reason := checkSNI(name); reason != "" {
			return fmt.Errorf("%q %s", name, reason)
		}
		added.SNIs = append(added.SNIs, SNI{Name: name})
	}
	c.Certificates = append(c.Certificates, added)
	return nil
}

func (f *faults) checkCertificates(certificates []Certificate) {
	names := make(map[string]bool)
	for i := range certificates {
		certificate, at := &certificates[i], item("certificates", i)
		// The message of the standard library says what is wrong and has
		// nothing of the key in it.
		pair, err := tls.X509KeyPair([]byte(certificate.Cert), []byte(certificate.Key))
		if err != nil {
			f.add(at, "cert and key do not make a certificate: %v", err)
		}
		certificate.pair = &pair
		for j, sni := range certificate.SNIs {
			at := item(at+".snis", j) + ".name"
			if reason := checkSNI(sni.Name); reason != "" {
				f.add(at, "%q %s", sni.Name, reason)
			} else if names[sni.Name] {
				f.add(at, "%q appears twice", sni.Name)
			}
			names[sni.Name] = true
		}
	}
}

var addressName = regexp.MustCompile(`^[0-9.]+$|:`)

// checkSNI says what is wrong with a name, or nothing.
func checkSNI(name string) string {
	if name == "*" {
		return ""
	}
	plain := name
	if rest, wild := strings.CutPrefix(name, "*."); wild {
		plain = rest
	} else if rest, wild := strings.CutSuffix(name, ".*"); wild {
		plain = rest
	}
	switch {
	case strings.Contains(plain, "*"):
		return "may have one wildcard, in front or at the end"
	case addressName.MatchString(plain):
		return "must be a host name without a port, not an address"
	case !isHost(plain):
		return "is not a lower-case host name"
	}
	return ""
}

// redirectStatuses are the answers that Kong knows for plain HTTP on a route
// that wants HTTPS.
var redirectStatuses = []int{
	http.StatusUpgradeRequired, http.StatusMovedPermanently, http.StatusFound,
	http.StatusTemporaryRedirect, http.StatusPermanentRedirect,
}

func (f *faults) checkProtocols(route *Route, at string) {
	var plain, secure bool
	for i, protocol := range route.Protocols {
		switch protocol {
		case "http":
			plain = true
		case "https":
			secure = true
		default:
			f.add(item(at+".protocols", i), "unknown protocol %q; use http and https", protocol)
		}
	}
	if plain && !secure || len(route.Protocols) == 0 {
		f.add(at+".protocols", "the embedded gateway serves no route over http alone; name https, or both")
	}
	if !slices.Contains(redirectStatuses, route.HTTPSRedirectStatusCode) {
		f.add(at+".https_redirect_status_code", "must be one of %v, not %d", redirectStatuses, route.HTTPSRedirectStatusCode)
	}
}

// needsTLS reports whether a route takes HTTPS alone.
func (r *Route) needsTLS() bool { return !slices.Contains(r.Protocols, "http") }

// demandTLS answers a request that came over plain HTTP to a route for HTTPS.
// As in Kong, only the plugins for all requests see it, and it is sent to the
// port that goes without saying, whatever port the gateway itself listens on.
func (x *exchange) demandTLS() bool {
	x.chain = &x.gateway.unrouted
	header := x.Header()
	if x.route.redirectStatus == http.StatusUpgradeRequired {
		header.Set("Connection", "Upgrade")
		header.Set("Upgrade", "TLS/1.2, HTTP/1.1")
		return x.refuse(errPlainHTTP)
	}
	x.source = sourceExit
	header.Set("Location", fmt.Sprintf("https://%s%s", hostname(x.request), x.request.URL.RequestURI()))
	header.Set("Content-Length", "0")
	x.WriteHeader(x.route.redirectStatus)
	if x.request.ContentLength != 0 {
		x.linger() // whoever is still sending shall learn where to send it
	}
	return false
}
