package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/gateway/conformance"
	"fountain.coach/fountainai/internal/localstack"
	"fountain.coach/fountainai/internal/replica"
)

// serveServices runs the five services on the network and returns their
// addresses by name.
func serveServices(t *testing.T) map[string]string {
	t.Helper()
	s, err := localstack.Open(t.Context(), t.TempDir(), slog.New(slog.DiscardHandler), replica.Settings{})
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(context.Background())
	done := make(chan error, len(s.Instances))
	addresses := make(map[string]string)
	for name, instance := range s.Instances {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		addresses[name] = listener.Addr().String()
		go func() { done <- instance.Serve(ctx, listener) }()
	}
	t.Cleanup(func() {
		stop()
		for range s.Instances {
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	})
	return addresses
}

// freePorts returns addresses that were free a moment ago.
func freePorts(t *testing.T, count int) []string {
	t.Helper()
	var addresses []string
	for range count {
		listener, err := net.Listen("tcp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		defer listener.Close()
		addresses = append(addresses, listener.Addr().String())
	}
	return addresses
}

// startGateway runs fountain gateway until the test ends or stop is called.
func startGateway(t *testing.T, options gatewayOptions) (accessLog *bytes.Buffer, stop func()) {
	t.Helper()
	accessLog = new(bytes.Buffer)
	options.logFormat, options.logLevel = "text", "info"
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- runGateway(ctx, accessLog, io.Discard, options) }()
	stopped := false
	stop = func() {
		if cancel(); !stopped {
			stopped = true
			if err := <-done; err != nil {
				t.Error(err)
			}
		}
	}
	t.Cleanup(stop)
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		err := healthcheck(t.Context(), io.Discard, "http://"+options.status+"/status/ready")
		if err == nil {
			return accessLog, stop
		}
		if time.Now().After(deadline) {
			t.Fatal(err)
		}
	}
}

func TestGatewayConforms(t *testing.T) {
	files, _ := rendered(t, true, defaultDomain)
	text := readFile(t, files.out)
	for name, address := range serveServices(t) {
		text = strings.Replace(text, "target: "+name+":8000", "target: "+address, 1)
	}
	if err := os.WriteFile(files.out, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 3)
	accessLog, stop := startGateway(t, gatewayOptions{config: files.out, http: ports[0], https: ports[1], status: ports[2]})
	target := conformance.Target{URL: "https://" + ports[1], PlainURL: "http://" + ports[0], CAs: trusting(t, files.certs), RateLimit: 6000}
	for consumer, key := range map[string]*string{"writer": &target.WriterKey, "reader": &target.ReaderKey} {
		var err error
		if *key, err = readKey(files.keys, consumer); err != nil {
			t.Fatal(err)
		}
	}
	for _, domain := range []string{defaultDomain, "localhost"} {
		t.Run(domain, func(t *testing.T) {
			target.Domain = domain
			conformance.Run(t, target)
		})
	}
	checkStatus(t, "http://"+ports[2])
	stop()
	checkAccessLog(t, accessLog.String(), target.WriterKey, target.ReaderKey)
}

func checkStatus(t *testing.T, address string) {
	t.Helper()
	for path, want := range map[string]string{"/healthz": "ok", "/status/ready": "ready", "/metrics": `kong_http_requests_total{code="308"`} {
		response, err := http.Get(address + path)
		if err != nil {
			t.Fatal(err)
		}
		body, err := io.ReadAll(response.Body)
		response.Body.Close()
		if err != nil || response.StatusCode != http.StatusOK || !strings.Contains(string(body), want) {
			t.Errorf("%s: %s, %v, without %q", path, response.Status, err, want)
		}
	}
}

func checkAccessLog(t *testing.T, log string, keys ...string) {
	t.Helper()
	for _, key := range keys {
		if strings.Contains(log, key) {
			t.Error("a key is in the access log")
		}
	}
	lines := strings.Split(strings.TrimSpace(log), "\n")
	for _, line := range lines {
		if !json.Valid([]byte(line)) {
			t.Errorf("not JSON: %s", line)
		}
	}
	if len(lines) < 100 {
		t.Errorf("%d lines", len(lines))
	}
}

func TestGatewayWithoutCertificates(t *testing.T) {
	files, _ := rendered(t, false, defaultDomain)
	ports := freePorts(t, 3)
	startGateway(t, gatewayOptions{config: files.out, http: ports[0], https: ports[1], status: ports[2]})
	if connection, err := net.Dial("tcp", ports[1]); err == nil {
		connection.Close()
		t.Error("something listens for HTTPS")
	}
	taken := gatewayOptions{config: files.out, http: ports[0], status: ports[2], logFormat: "text", logLevel: "info"}
	requireError(t, "--http", runGateway(t.Context(), io.Discard, io.Discard, taken))
}

func TestGatewayRefuses(t *testing.T) {
	files, _ := rendered(t, false, defaultDomain)
	for name, c := range map[string]struct {
		options gatewayOptions
		want    string
	}{
		"no configuration": {gatewayOptions{config: "nowhere.yml"}, "nowhere.yml"},
		"ports":            {gatewayOptions{config: files.out, portMaps: "443"}, "--port-maps"},
		"log level":        {gatewayOptions{config: files.out, logLevel: "loud"}, "log level"},
		"address":          {gatewayOptions{config: files.out, http: "nowhere"}, "--http"},
	} {
		t.Run(name, func(t *testing.T) {
			c.options.logFormat = "text"
			if c.options.logLevel == "" {
				c.options.logLevel = "error"
			}
			requireError(t, c.want, runGateway(t.Context(), io.Discard, io.Discard, c.options))
		})
	}
}

func TestPortMaps(t *testing.T) {
	ports, err := parsePortMaps("80:8000, 443:8443")
	if err != nil || len(ports) != 2 || ports[8000] != 80 || ports[8443] != 443 {
		t.Errorf("got %v, %v", ports, err)
	}
	for _, wrong := range []string{"80", "80:", ":80", "0:1", "1:0", "80:99999", "a:b", "80:8000,"} {
		if _, err := parsePortMaps(wrong); err == nil {
			t.Errorf("%q was taken", wrong)
		}
	}
}

func TestUpOverHTTPS(t *testing.T) {
	dir, data := t.TempDir(), t.TempDir()
	options := upOptions{addr: "127.0.0.1:0", data: data, logFormat: "text", logLevel: "warn", certs: dir, httpsAddr: "127.0.0.1:0"}
	requireError(t, "fountain certs --dir", up(t.Context(), io.Discard, io.Discard, options))
	if err := certs(io.Discard, dir, defaultDomain, time.Now()); err != nil {
		t.Fatal(err)
	}
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer taken.Close()
	options.httpsAddr = taken.Addr().String()
	requireError(t, "--https-addr", up(t.Context(), io.Discard, io.Discard, options))

	options.httpsAddr = freePorts(t, 1)[0]
	s := startStackWith(t, options)
	target := conformance.Target{Page: true, URL: "https://" + options.httpsAddr, Domain: "localhost", CAs: trusting(t, dir)}
	for consumer, key := range map[string]*string{"writer": &target.WriterKey, "reader": &target.ReaderKey} {
		if *key, err = readKey(data, consumer); err != nil {
			t.Fatal(err)
		}
	}
	conformance.Run(t, target)
	s.rows(t) // plain HTTP goes on beside it
}
