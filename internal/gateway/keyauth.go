// The plugin key-auth: who is it?

package gateway

import (
	"crypto/sha256"
	"net/http"
	"net/textproto"
	"net/url"
	"slices"
	"strings"
)

// consumer is a Consumer that a request was found to come from.
type consumer struct {
	id       string
	username string
	groups   []string
}

// credential is one key of a consumer.
type credential struct {
	id       string
	consumer *consumer
}

// credentials finds a credential by the SHA-256 of its key. How long the search
// takes says something about a hash at most, never about a key.
type credentials map[[sha256.Size]byte]*credential

func newCredentials(consumers []Consumer) credentials {
	known := make(credentials)
	for _, config := range consumers {
		owner := &consumer{id: entityID("consumers", config.Username), username: config.Username}
		for _, acl := range config.ACLs {
			owner.groups = append(owner.groups, acl.Group)
		}
		for _, c := range config.Credentials {
			known[sha256.Sum256([]byte(c.Key))] = &credential{id: entityID("keyauth_credentials", c.Key), consumer: owner}
		}
	}
	return known
}

// vouchedHeaders tell a service who the client is. Only the gateway may say so.
var vouchedHeaders = []string{
	"X-Anonymous-Consumer", "X-Authenticated-Groups", "X-Consumer-Custom-Id", "X-Consumer-Groups",
	"X-Consumer-Id", "X-Consumer-Username", "X-Credential-Identifier", "X-Credential-Username",
}

// withheldHeaders lists the headers that are taken off every request to a
// service. Where one of its routes hides keys, they are no business of the
// service on the routes without key-auth either. A service without key-auth
// asks for them itself.
func withheldHeaders(everywhere []Plugin, service *Service) []string {
	withheld := slices.Clone(vouchedHeaders)
	hide := func(plugins []Plugin) {
		for _, plugin := range plugins {
			settings, ok := plugin.settings.(*keyAuthSettings)
			if !ok || !settings.HideCredentials {
				continue
			}
			for _, name := range settings.KeyNames {
				if name = textproto.CanonicalMIMEHeaderKey(name); !slices.Contains(withheld, name) {
					withheld = append(withheld, name)
				}
			}
		}
	}
	hide(everywhere)
	hide(service.Plugins)
	for _, route := range service.Routes {
		hide(route.Plugins)
	}
	return withheld
}

type keyAuth struct {
	names          []string // canonical
	challenge      string
	runOnPreflight bool
	hide           bool
}

func (s *keyAuthSettings) install(chain *chain, _ *Gateway) {
	auth := &keyAuth{challenge: "Key", runOnPreflight: s.RunOnPreflight, hide: s.HideCredentials}
	if s.Realm != "" {
		auth.challenge = `Key realm="` + s.Realm + `"`
	}
	for _, name := range s.KeyNames {
		auth.names = append(auth.names, textproto.CanonicalMIMEHeaderKey(name))
	}
	chain.keyAuth = auth
}

// authenticate finds the consumer of the request or refuses it.
func (a *keyAuth) authenticate(x *exchange) bool {
	if !a.runOnPreflight && x.request.Method == http.MethodOptions {
		return true
	}
	key, fault := a.key(x.request.Header)
	if fault == nil {
		known := x.gateway.credentials[sha256.Sum256([]byte(key))]
		if known != nil {
			x.consumer, x.credentialID = known.consumer, known.id
			return true
		}
		fault = &errWrongKey
	}
	x.Header().Set("Www-Authenticate", a.challenge)
	return x.refuse(*fault)
}

// key reads the key from the first of the headers that is there.
func (a *keyAuth) key(header http.Header) (string, *refusal) {
	for _, name := range a.names {
		switch values := header[name]; {
		case len(values) > 1:
			return "", &errTwoKeys
		case len(values) == 1 && values[0] != "":
			return values[0], nil
		case len(values) == 1:
			return "", &errNoKey
		}
	}
	return "", &errNoKey
}

// withoutKeys takes parameters that are named like the key header off a query.
// They open no door, but some clients put their key there all the same.
func (a *keyAuth) withoutKeys(query string) string {
	if query == "" || !a.hide {
		return query
	}
	named := func(parameter string) bool {
		name, _, _ := strings.Cut(parameter, "=")
		name, err := url.QueryUnescape(name)
		return err == nil && slices.ContainsFunc(a.names, func(key string) bool { return strings.EqualFold(key, name) })
	}
	parameters := strings.Split(query, "&")
	if !slices.ContainsFunc(parameters, named) {
		return query
	}
	return strings.Join(slices.DeleteFunc(parameters, named), "&")
}
