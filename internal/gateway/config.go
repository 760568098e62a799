// The entities of kong.yml that the embedded gateway knows, with Kong's names
// and Kong's defaults.

package gateway

import (
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"os"
	"slices"
	"strings"

	"github.com/google/uuid"
	"go.yaml.in/yaml/v3"
)

// Config is a parsed and checked kong.yml. Add keys to it before it is given
// to New; it must not change afterwards.
type Config struct {
	FormatVersion string        `yaml:"_format_version"`
	Services      []Service     `yaml:"services"`
	Upstreams     []Upstream    `yaml:"upstreams"`
	Plugins       []Plugin      `yaml:"plugins"`
	Consumers     []Consumer    `yaml:"consumers"`
	Certificates  []Certificate `yaml:"certificates"`
}

// Service is one upstream service and the routes that lead to it.
type Service struct {
	Name           string   `yaml:"name"`
	Host           string   `yaml:"host"`
	Port           int      `yaml:"port"`
	Protocol       string   `yaml:"protocol"`
	ConnectTimeout int      `yaml:"connect_timeout"`
	WriteTimeout   int      `yaml:"write_timeout"`
	ReadTimeout    int      `yaml:"read_timeout"`
	Retries        int      `yaml:"retries"`
	Tags           []string `yaml:"tags"`
	Routes         []Route  `yaml:"routes"`
	Plugins        []Plugin `yaml:"plugins"`
}

// Route says which requests go to the service it stands in.
type Route struct {
	Name         string   `yaml:"name"`
	Hosts        []string `yaml:"hosts"`
	Methods      []string `yaml:"methods"`
	Paths        []string `yaml:"paths"`
	Protocols    []string `yaml:"protocols"`
	StripPath    bool     `yaml:"strip_path"`
	PreserveHost bool     `yaml:"preserve_host"`
	Tags         []string `yaml:"tags"`
	Plugins      []Plugin `yaml:"plugins"`
	// ResponseBuffering lets Kong collect an answer before it passes it on. The
	// embedded gateway never does, so either value is honoured.
	ResponseBuffering bool `yaml:"response_buffering"`
	// HTTPSRedirectStatusCode answers plain HTTP where Protocols is https alone.
	HTTPSRedirectStatusCode int `yaml:"https_redirect_status_code"`
}

// Upstream is a pool of targets behind a service whose host is its name.
type Upstream struct {
	Name         string       `yaml:"name"`
	Algorithm    string       `yaml:"algorithm"`
	Targets      []Target     `yaml:"targets"`
	Healthchecks Healthchecks `yaml:"healthchecks"`
	Tags         []string     `yaml:"tags"`
}

// Target is the address of one instance of a service.
type Target struct {
	Target string   `yaml:"target"`
	Tags   []string `yaml:"tags"`
}

// Healthchecks says how the targets of an upstream are watched.
type Healthchecks struct {
	Active ActiveHealthcheck `yaml:"active"`
}

// ActiveHealthcheck is a request sent to every target again and again. An
// interval of 0 switches it off.
type ActiveHealthcheck struct {
	Type        string          `yaml:"type"`
	HTTPPath    string          `yaml:"http_path"`
	Timeout     float64         `yaml:"timeout"`
	Concurrency int             `yaml:"concurrency"`
	Healthy     HealthyProbes   `yaml:"healthy"`
	Unhealthy   UnhealthyProbes `yaml:"unhealthy"`
}

// HealthyProbes says how often a healthy target is probed and when an unhealthy
// one is healthy again.
type HealthyProbes struct {
	Interval     float64 `yaml:"interval"`
	Successes    int     `yaml:"successes"`
	HTTPStatuses []int   `yaml:"http_statuses"`
}

// UnhealthyProbes says how often an unhealthy target is probed and when a
// healthy one is unhealthy. A count of 0 never makes it so.
type UnhealthyProbes struct {
	Interval     float64 `yaml:"interval"`
	HTTPFailures int     `yaml:"http_failures"`
	TCPFailures  int     `yaml:"tcp_failures"`
	Timeouts     int     `yaml:"timeouts"`
	HTTPStatuses []int   `yaml:"http_statuses"`
}

// Consumer is someone who may come in, known by a key.
type Consumer struct {
	Username    string              `yaml:"username"`
	ACLs        []ACLGroup          `yaml:"acls"`
	Credentials []KeyAuthCredential `yaml:"keyauth_credentials"`
	Tags        []string            `yaml:"tags"`
}

// ACLGroup is the membership of a consumer in a group.
type ACLGroup struct {
	Group string   `yaml:"group"`
	Tags  []string `yaml:"tags"`
}

// KeyAuthCredential is an API key.
type KeyAuthCredential struct {
	Key  string   `yaml:"key"`
	Tags []string `yaml:"tags"`
}

// Certificate is a certificate chain with its key, both PEM, and the hosts that
// it is shown to clients for.
type Certificate struct {
	Cert string   `yaml:"cert"`
	Key  string   `yaml:"key"`
	SNIs []SNI    `yaml:"snis"`
	Tags []string `yaml:"tags"`

	pair *tls.Certificate
}

// SNI is a host name or, with a star in front or at the end, many.
type SNI struct {
	Name string   `yaml:"name"`
	Tags []string `yaml:"tags"`
}

// Plugin is one plugin with its configuration, in force where it stands: on a
// route, on a service, or, at the top level, on every request.
type Plugin struct {
	Name    string    `yaml:"name"`
	Enabled bool      `yaml:"enabled"`
	Tags    []string  `yaml:"tags"`
	Config  yaml.Node `yaml:"config"`

	// settings is the decoded Config: a pointer to one of the types in
	// plugin_config.go.
	settings pluginSettings
}

// ParseConfig reads and checks a kong.yml. A field, a plugin or a value that
// the embedded gateway would not honour is an error that names its line: a door
// must not stand open because a lock was misspelt.
func ParseConfig(r io.Reader) (*Config, error) {
	document, err := parseDocument(r)
	if err != nil {
		return nil, err
	}
	config := new(Config)
	found := faults{lines: map[string]int{"": document.Line}}
	found.decode(document, "", config)
	if len(found.list) == 0 {
		found.checkConfig(config)
	}
	if err := found.err(); err != nil {
		return nil, err
	}
	return config, nil
}

// LoadConfig reads and checks the kong.yml at path.
func LoadConfig(path string) (*Config, error) {
	file, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	config, err := ParseConfig(file)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return config, nil
}

// AddKey gives consumer a further key.
func (c *Config) AddKey(consumer, key string) error {
	if err := CheckKey(key); err != nil {
		return fmt.Errorf("key for consumer %q %w", consumer, err)
	}
	index := slices.IndexFunc(c.Consumers, func(known Consumer) bool { return known.Username == consumer })
	if index < 0 {
		return fmt.Errorf("kong.yml has no consumer %q", consumer)
	}
	for _, known := range c.Consumers {
		for _, credential := range known.Credentials {
			if credential.Key == key {
				return fmt.Errorf("key for consumer %q is already a key of %q", consumer, known.Username)
			}
		}
	}
	c.Consumers[index].Credentials = append(c.Consumers[index].Credentials, KeyAuthCredential{Key: key})
	return nil
}

// CheckKey returns what is wrong with an API key, as in "is empty", or nil. The
// error leaves the key itself out.
func CheckKey(key string) error {
	switch {
	case key == "":
		return errors.New("is empty")
	case strings.ContainsFunc(key, func(r rune) bool { return r <= ' ' || r > '~' }):
		return errors.New("has characters other than printable ASCII, so no header could carry it")
	}
	return nil
}

// ReplaceDomain puts the services under domain instead of the domain old, as
// "character.fountain.coach" to "character.example.org". It reports how many
// hosts changed.
func (c *Config) ReplaceDomain(old, domain string) int {
	changed := 0
	for s := range c.Services {
		for r := range c.Services[s].Routes {
			hosts := c.Services[s].Routes[r].Hosts
			for h, host := range hosts {
				if name, found := strings.CutSuffix(host, "."+old); found {
					hosts[h] = name + "." + domain
					changed++
				}
			}
		}
	}
	return changed
}

// Hosts lists the names under which the service is reached, each once, in the
// order of the routes.
func (s *Service) Hosts() []string {
	var hosts []string
	for _, route := range s.Routes {
		for _, host := range route.Hosts {
			if !slices.Contains(hosts, host) {
				hosts = append(hosts, host)
			}
		}
	}
	return hosts
}

// kongNamespace is the UUID from which Kong derives the ids of entities that a
// declarative file gives none.
var kongNamespace = uuid.MustParse("fd02801f-0957-4a15-a55a-c8d9606f30b5")

// entityID returns the id that Kong gives the entity of that kind and key, so
// that services see one X-Consumer-Id whichever gateway stands before them.
func entityID(kind, key string) string {
	namespace := uuid.NewSHA1(kongNamespace, []byte(kind))
	return uuid.NewSHA1(namespace, []byte(key)).String()
}
