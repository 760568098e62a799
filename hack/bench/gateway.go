// What the gateway costs: the same request straight to a service and through it.
package main

import (
	"context"
	"fmt"
	"os"
	"regexp"

	"go.yaml.in/yaml/v3"
)

const (
	// gatewayHost is where kong.yml has the characters.
	gatewayHost = "character.localhost"
	gatewayKey  = "the-key-of-the-benchmark-and-nothing-else"
)

// measureGateway asks a service directly, through the embedded gateway as a
// process before it, as part of fountain up, and through nginx.
func (b *bench) measureGateway(ctx context.Context) ([]section, error) {
	service, err := b.startService(ctx, "character", "file:"+b.file("behind.db"))
	if err != nil {
		return nil, err
	}
	defer service.stop()
	config, err := b.gatewayConfig("gateway.yml", service)
	if err != nil {
		return nil, err
	}
	gateway, err := b.startGateway(ctx, config)
	if err != nil {
		return nil, err
	}
	defer gateway.stop()
	inside, err := b.gatewayConfig("up.yml")
	if err != nil {
		return nil, err
	}
	up, err := startUp(ctx, b.file("up"), inside)
	if err != nil {
		return nil, err
	}
	defer up.stop()
	nginx, err := b.startNginx(ctx, service)
	if err != nil {
		return nil, err
	}
	defer nginx.stop()
	return b.compareGateways(ctx, service, nginx, gateway, up)
}

// startNginx starts an nginx, on which Kong is built, that passes requests on to
// service and does nothing else: the least that a process before it can cost.
func (b *bench) startNginx(ctx context.Context, service *server) (*server, error) {
	return startServer(ctx, "nginx", "/healthz", nil, func(address string) []string {
		content := fmt.Sprintf(`daemon off; worker_processes auto; pid %[1]s.pid; error_log %[1]s.log;
events {}
http {
	access_log off; keepalive_requests 1000000000;
	upstream service { server %[2]s; keepalive %[3]d; keepalive_requests 1000000000; }
	server {
		listen %[4]s;
		location / { proxy_pass http://service; proxy_http_version 1.1; proxy_set_header Connection ""; }
	}
}
`, b.file("nginx"), service.address, many, address)
		path := b.file("nginx.conf")
		// nginx tells if the file is not there.
		_ = os.WriteFile(path, []byte(content), 0o600)
		return []string{"nginx", "-c", path, "-e", b.file("nginx.log")}
	})
}

func (b *bench) compareGateways(ctx context.Context, service, nginx, gateway, up *server) ([]section, error) {
	waits := section{
		Name: "gateway", Title: "What the gateway costs", Axis: "p50 through the gateway, of that of the service alone",
		Text: "The same request straight to a service, through `fountain gateway` before it (one more process and one more hop), and to `fountain up`, which has both in one process. All of kong.yml's plugins are on; only the rate limit is raised. nginx passes requests on and does nothing else, neither keys nor limits nor a log: what a process between costs at least, on processors that it shares with service and load generator.",
	}
	for _, o := range []operation{
		{scenario: "characters", what: "POST /characters", empty: atMost(1.15)},
		{scenario: "one", what: "GET one"},
		{scenario: "page", what: "GET a page of 100", empty: atMost(1.15)},
	} {
		for _, connections := range []int{many, 1} {
			direct := requests{scenario: o.scenario, connections: connections}
			through := direct
			through.host, through.key = gatewayHost, gatewayKey
			what := o.what + ", " + clients(connections)
			taken, err := b.inTurns(ctx, "gateway: "+what, b.under(service, direct), b.under(gateway, through), b.under(up, through), b.under(nginx, direct))
			if err != nil {
				return nil, err
			}
			for i, s := range []*server{gateway, up, nginx} {
				goal := o.empty
				if s == nginx {
					goal = nil
				}
				waits.Comparisons = append(waits.Comparisons,
					compare(what+", "+s.name, "ms", each(taken[i+1], median), "service alone", each(taken[0], median), goal))
			}
		}
	}
	return []section{waits}, nil
}

var rateLimit = regexp.MustCompile(`minute: \d+`)

// gatewayConfig writes kong.yml with the benchmark's key and no limit that it
// would meet, and with services, if any, as the targets of the characters.
func (b *bench) gatewayConfig(name string, services ...*server) (string, error) {
	content, err := os.ReadFile("kong.yml")
	if err != nil {
		return "", err
	}
	content = rateLimit.ReplaceAll(content, []byte("minute: 1000000000"))
	var config yaml.Node
	if err := yaml.Unmarshal(content, &config); err != nil {
		return "", err
	}
	root := config.Content[0]
	for _, upstream := range member(root, "upstreams").Content {
		if len(services) == 0 || member(upstream, "name").Value != "character.upstream" {
			continue
		}
		targets := make([]map[string]string, len(services))
		for i, s := range services {
			targets[i] = map[string]string{"target": s.address}
		}
		if err := member(upstream, "targets").Encode(targets); err != nil {
			return "", err
		}
	}
	var key yaml.Node
	if err := key.Encode(map[string]any{"keyauth_credentials": []map[string]string{{"key": gatewayKey}}}); err != nil {
		return "", err
	}
	writer := member(root, "consumers").Content[0]
	writer.Content = append(writer.Content, key.Content...)
	changed, err := yaml.Marshal(&config)
	if err != nil {
		return "", fmt.Errorf("kong.yml: %w", err)
	}
	return b.file(name), os.WriteFile(b.file(name), changed, 0o600)
}

// member returns the value that a mapping has for name; an empty node if none.
func member(mapping *yaml.Node, name string) *yaml.Node {
	for i := 0; i+1 < len(mapping.Content); i += 2 {
		if mapping.Content[i].Value == name {
			return mapping.Content[i+1]
		}
	}
	return &yaml.Node{}
}
