// The host names under which a FountainAI is known.
package main

import (
	"fmt"
	"net"
	"regexp"
	"slices"
)

// defaultDomain is the domain of the hosts in kong.yml.
const defaultDomain = "fountain.coach"

// localDomain is the domain under which the services are found on their own
// machine, whatever other they have.
const localDomain = "localhost"

// domains are the domains of the services that are installed for one: it may be
// the local one.
func domains(domain string) []string {
	return slices.Compact([]string{domain, localDomain})
}

var domainName = regexp.MustCompile(`^([a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?\.)*[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?$`)

// checkDomain refuses what cannot be the domain of the services.
func checkDomain(domain string) error {
	if len(domain) > 200 || !domainName.MatchString(domain) || net.ParseIP(domain) != nil {
		return fmt.Errorf("--domain %q: want a domain in lower case, as %s", domain, defaultDomain)
	}
	return nil
}

// checkOtherDomain refuses localhost too, where a domain for other machines is
// asked for.
func checkOtherDomain(domain string) error {
	if domain == localDomain {
		return fmt.Errorf("--domain %s: the services are under %[1]s in any case; name the domain for other machines", localDomain)
	}
	return checkDomain(domain)
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
	for _, domain := range domains(domain) {
		names = append(append(names, hostsUnder(domain)...), orchestratorName+"."+domain, "*."+domain, domain)
	}
	return names
}
