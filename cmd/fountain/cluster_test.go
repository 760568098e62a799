package main

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai"
	"fountain.coach/fountainai/internal/gateway"
)

// mountSecret writes files as the kubelet does: links to a folder that is
// exchanged as a whole.
func mountSecret(t *testing.T, files map[string]string) string {
	t.Helper()
	dir := t.TempDir()
	inside := filepath.Join(dir, "..2026_01_02_03_04_05.1")
	err := os.Mkdir(inside, 0o755)
	for name, content := range files {
		if err == nil {
			err = os.WriteFile(filepath.Join(inside, name), []byte(content), 0o400)
		}
		if err == nil {
			err = os.Symlink(filepath.Join("..data", name), filepath.Join(dir, name))
		}
	}
	if err == nil {
		err = os.Symlink(filepath.Base(inside), filepath.Join(dir, "..data"))
	}
	if err == nil {
		err = os.Chmod(dir, 0o555)
	}
	if err != nil {
		t.Fatal(err)
	}
	return dir
}

// TestKongFromSecrets: keys and certificate as mounted, and a configuration that
// has the domain in it already.
func TestKongFromSecrets(t *testing.T) {
	for _, domain := range []string{"example.org", "stage.fountain.coach", localDomain} {
		t.Run(domain, func(t *testing.T) {
			files, _ := rendered(t, true, domain)
			source := filepath.Join(t.TempDir(), "kong.yml")
			text := strings.ReplaceAll(string(fountainai.KongConfig), ".fountain.coach, ", "."+domain+", ")
			if err := os.WriteFile(source, []byte(text), 0o444); err != nil {
				t.Fatal(err)
			}
			options := kongOptions{
				out: filepath.Join(t.TempDir(), "kong.yml"), config: source, domain: domain,
				keys: mountSecret(t, map[string]string{"api-key": "key-of-the-writer", "api-key-reader": "key-of-the-reader\n"}),
				certs: mountSecret(t, map[string]string{
					"tls.crt": readFile(t, filepath.Join(files.certs, "tls.crt")), "tls.key": readFile(t, filepath.Join(files.certs, "tls.key")), "ca.crt": "",
				}),
			}
			before := list(t, options.keys)
			if err := kong(io.Discard, options, time.Now()); err != nil {
				t.Fatal(err)
			}
			if after := list(t, options.keys); !slices.Equal(before, after) {
				t.Errorf("the folder of the keys changed: %v, %v", before, after)
			}
			config, err := gateway.LoadConfig(options.out)
			if err != nil {
				t.Fatal(err)
			}
			checkRoutes(t, config, true, domain)
			for _, consumer := range config.Consumers {
				if got, want := consumer.Credentials[0].Key, "key-of-the-"+consumer.Username; len(consumer.Credentials) != 1 || got != want {
					t.Errorf("%s has the key %q", consumer.Username, got)
				}
			}
			for flag, want := range map[string]string{"--reader=false": "key-of-the-writer\n", "--reader": "key-of-the-reader\n"} {
				if got, err := run(t, "key", "--keys", options.keys, flag); err != nil || got != want {
					t.Errorf("key %s: %q, %v", flag, got, err)
				}
			}
		})
	}
}

// TestKeysThatCannotBeMade: a mounted folder without one of the keys.
func TestKeysThatCannotBeMade(t *testing.T) {
	if os.Geteuid() == 0 {
		t.Skip("root may write into any folder; run the tests as another user for this one")
	}
	keys := mountSecret(t, map[string]string{"api-key": "key-of-the-writer"})
	_, err := ensureKeys(keys)
	for _, want := range []string{"no API key of the reader", keys, "api-key-reader"} {
		requireError(t, want, err)
	}
}

// TestGatewayDrains: told to stop, the gateway answers for a while, and says
// meanwhile that it should not be asked.
func TestGatewayDrains(t *testing.T) {
	files, _ := rendered(t, false, defaultDomain)
	ports := freePorts(t, 2)
	options := gatewayOptions{config: files.out, http: ports[0], status: ports[1], logFormat: "text", logLevel: "warn", drain: 2 * time.Second}
	ctx, stop := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- runGateway(ctx, new(bytes.Buffer), io.Discard, options) }()
	status := func(address string) int {
		response, err := http.Get("http://" + address)
		if err != nil {
			return 0
		}
		defer response.Body.Close()
		return response.StatusCode
	}
	await := func(what, address string, want int) {
		t.Helper()
		for deadline := time.Now().Add(20 * time.Second); status(address) != want; time.Sleep(10 * time.Millisecond) {
			if time.Now().After(deadline) {
				t.Fatalf("%s did not happen", what)
			}
		}
	}
	await("the start", ports[1]+"/status/ready", http.StatusOK)
	stop()
	await("not being ready", ports[1]+"/status/ready", http.StatusServiceUnavailable)
	if got := status(ports[0] + "/"); got != http.StatusNotFound { // no host of ours: the gateway's own answer
		t.Errorf("while it drains the gateway answers %d", got)
	}
	if got := status(ports[1] + "/healthz"); got != http.StatusOK {
		t.Errorf("while it drains /healthz answers %d", got)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := status(ports[0] + "/"); got != 0 {
		t.Errorf("after its end it answers %d", got)
	}
	requireError(t, "--drain", runGateway(t.Context(), io.Discard, io.Discard, gatewayOptions{logFormat: "text", logLevel: "warn", drain: -1}))
}
