// The host names under which a FountainAI is known.
package main

import (
	"fmt"
	"net"
	"regexp"
)

// defaultDomain is the domain of the hosts in kong.yml.
const defaultDomain = "fountain.coach"

var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkDomain refuses what cannot be the domain of the services.
func checkDomain(domain string) error {
	switch {
	case domain == "localhost":
		return fmt.Errorf("--domain localhost: the services are under localhost in any case; name the domain for other machines")
	case len(domain) > 200 || !domainName.MatchString(domain) || net.ParseIP(domain) != nil:
		return fmt.Errorf("--domain %q: want a domain in lower case, as %s", domain, defaultDomain)
	}
	return nil
}

// orchestratorName is the service that not every FountainAI runs.
const orchestratorName = "orchestrator"

// hostsUnder returns the hosts of the five services.
func hostsUnder(domain string) []string {
	var hosts []string
	for _, name := range serviceNames {
		hosts = append(hosts, name+"."+domain)
	}
	return hosts
}

// tlsNames returns the names that a certificate is for, that of the orchestrator
// among them: it may be added later. The hosts stand beside
// the wildcards for the sake of localhost: neither Kong nor curl nor a browser
// takes *.localhost for character.localhost.
func tlsNames(domain string) []string {
	var names []string
	for _, domain := range []string{domain, "localhost"} {
		names = append(append(names, hostsUnder(domain)...), orchestratorName+"."+domain, "*."+domain, domain)
	}
	return names
}
