// The plugin cors: which pages of which sites may call us from a browser?

package gateway

import (
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
)

// cors follows Kong's plugin header by header. A general CORS library would
// answer preflights in its own way, which browsers accept and the conformance
// suite does not.
type cors struct {
	any             bool // every origin may call
	origins         []*originPattern
	methods         string
	headers         string // "": whatever the client asks for
	exposed         string
	maxAge          string
	credentials     bool
	continues       bool // preflights go on to the service
	privateNetworks bool
}

func (s *corsSettings) install(chain *chain, _ *Gateway) {
	plugin := &cors{
		any:             len(s.Origins) == 0,
		methods:         strings.Join(s.Methods, ","),
		headers:         strings.Join(s.Headers, ","),
		exposed:         strings.Join(s.ExposedHeaders, ","),
		credentials:     s.Credentials,
		continues:       s.PreflightContinue,
		privateNetworks: s.PrivateNetwork,
	}
	if s.MaxAge != nil {
		plugin.maxAge = strconv.Itoa(*s.MaxAge)
	}
	for _, origin := range s.Origins {
		if origin == "*" {
			plugin.any = true
			continue
		}
		pattern, err := newOriginPattern(origin)
		if err == nil { // checked when kong.yml was read
			plugin.origins = append(plugin.origins, pattern)
		}
	}
	chain.cors = plugin
}

// originPattern is an origin as kong.yml names it: as it is, or as an
// expression when it has characters that no origin has.
type originPattern struct {
	exact      string
	expression *regexp.Regexp
	hostOnly   bool // without a colon only the host is compared
}

var plainOrigin = regexp.MustCompile(`^[A-Za-z0-9.:/-]+$`)

func newOriginPattern(origin string) (*originPattern, error) {
	if origin == "*" || plainOrigin.MatchString(origin) {
		return &originPattern{exact: normalizeOrigin(origin)}, nil
	}
	expression, err := regexp.Compile("^(?:" + strings.TrimSuffix(strings.TrimPrefix(origin, "^"), "$") + ")$")
	if err != nil {
		return nil, err
	}
	return &originPattern{expression: expression, hostOnly: !strings.Contains(origin, ":")}, nil
}

func (p *originPattern) matches(origin string) bool {
	if p.expression == nil {
		return origin == p.exact
	}
	if parsed, err := url.Parse(origin); p.hostOnly && err == nil {
		return p.expression.MatchString(parsed.Hostname())
	}
	return p.expression.MatchString(origin)
}

// normalizeOrigin leaves out a port that goes without saying.
func normalizeOrigin(origin string) string {
	if strings.HasPrefix(origin, "http://") {
		return strings.TrimSuffix(origin, ":80")
	}
	if strings.HasPrefix(origin, "https://") {
		return strings.TrimSuffix(origin, ":443")
	}
	return origin
}

// answersPreflight answers the question that a browser asks before a request.
func (c *cors) answersPreflight(x *exchange) bool {
	ask := x.request.Header
	if x.request.Method != http.MethodOptions || ask.Get("Origin") == "" || ask.Get("Access-Control-Request-Method") == "" {
		return false
	}
	x.preflight = true
	if c.continues {
		return false
	}
	header := x.Header()
	c.allowOrigin(x, header)
	allowed := c.headers
	if allowed == "" {
		allowed = strings.Join(ask.Values("Access-Control-Request-Headers"), ",")
	}
	if allowed != "" {
		header.Set("Access-Control-Allow-Headers", allowed)
	}
	header.Set("Access-Control-Allow-Methods", c.methods)
	if c.maxAge != "" {
		header.Set("Access-Control-Max-Age", c.maxAge)
	}
	if c.privateNetworks && ask.Get("Access-Control-Request-Private-Network") == "true" {
		header.Set("Access-Control-Allow-Private-Network", "true")
	}
	header.Set("Content-Length", "0")
	x.source = sourceExit
	x.WriteHeader(http.StatusOK)
	return true
}

// allow says on the answer to a request which pages may read it.
func (c *cors) allow(x *exchange, header http.Header) {
	c.allowOrigin(x, header)
	if c.exposed != "" {
		header["Access-Control-Expose-Headers"] = []string{c.exposed}
	}
}

func (c *cors) allowOrigin(x *exchange, header http.Header) {
	allowed := c.allowedOrigin(x.request.Header.Get("Origin"))
	if !c.any || c.credentials {
		header.Add("Vary", "Origin")
	}
	if allowed == "" {
		delete(header, "Access-Control-Allow-Origin")
		return
	}
	header["Access-Control-Allow-Origin"] = []string{allowed}
	if c.credentials && allowed != "*" {
		header.Set("Access-Control-Allow-Credentials", "true")
	}
}

func (c *cors) allowedOrigin(origin string) string {
	switch {
	case c.any && c.credentials && origin != "":
		return origin // browsers take no cookies from "*"
	case c.any:
		return "*"
	case len(c.origins) == 1 && c.origins[0].expression == nil:
		return c.origins[0].exact
	}
	normal := normalizeOrigin(origin)
	for _, pattern := range c.origins {
		if origin != "" && pattern.matches(normal) {
			return normal
		}
	}
	return ""
}
