package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai"
	"fountain.coach/fountainai/internal/gateway"
	"fountain.coach/fountainai/internal/gateway/localca"
)

// rendered runs fountain kong in a new folder, with certificates if secure.
func rendered(t *testing.T, secure bool, domain string) (options kongOptions, output string) {
	t.Helper()
	dir := t.TempDir()
	options = kongOptions{
		out: filepath.Join(dir, "gateway", "kong.yml"), keys: filepath.Join(dir, "keys"), certs: filepath.Join(dir, "certs"), domain: domain,
	}
	if secure {
		other := domain
		if domain == localDomain {
			other = defaultDomain // a certificate is for localhost in any case
		}
		if err := certs(new(bytes.Buffer), options.certs, other, time.Now()); err != nil {
			t.Fatal(err)
		}
	}
	var text bytes.Buffer
	if err := kong(&text, options, time.Now()); err != nil {
		t.Fatal(err)
	}
	return options, text.String()
}

func readFile(t *testing.T, path string) string {
	t.Helper()
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return string(content)
}

func TestKongRenders(t *testing.T) {
	for _, c := range []struct {
		secure bool
		domain string
	}{{false, defaultDomain}, {true, defaultDomain}, {true, "stage.example.org"}, {false, localDomain}, {true, localDomain}} {
		t.Run(fmt.Sprintf("%s HTTPS %v", c.domain, c.secure), func(t *testing.T) {
			options, _ := rendered(t, c.secure, c.domain)
			config, err := gateway.LoadConfig(options.out)
			if err != nil {
				t.Fatal(err)
			}
			checkRoutes(t, config, c.secure, c.domain)
			for _, consumer := range config.Consumers {
				key, err := readKey(options.keys, consumer.Username)
				if err != nil {
					t.Fatal(err)
				}
				if len(consumer.Credentials) != 1 || consumer.Credentials[0].Key != key {
					t.Errorf("%s has not the key of its file", consumer.Username)
				}
			}
			if !c.secure {
				if len(config.Certificates) != 0 {
					t.Error("a certificate out of nowhere")
				}
				return
			}
			if certificate := config.Certificates[0]; certificate.Cert != readFile(t, filepath.Join(options.certs, localca.Cert)) ||
				certificate.Key != readFile(t, filepath.Join(options.certs, localca.Key)) {
				t.Error("the certificate is not the one in the folder")
			}
		})
	}
}

func checkRoutes(t *testing.T, config *gateway.Config, secure bool, domain string) {
	t.Helper()
	wantProtocols, wantStatus := []string{"http", "https"}, 426
	if secure {
		wantProtocols, wantStatus = []string{"https"}, 308
	}
	count := 0
	for i, service := range config.Services {
		for _, route := range service.Routes {
			count++
			if !slices.Equal(route.Protocols, wantProtocols) || route.HTTPSRedirectStatusCode != wantStatus {
				t.Errorf("%s: %v, %d", route.Name, route.Protocols, route.HTTPSRedirectStatusCode)
			}
			name := append(slices.Clone(serviceNames), orchestratorName)[i]
			want := []string{name + "." + domain, name + ".localhost"}
			if domain == localDomain {
				want = want[:1]
			}
			if !slices.Equal(route.Hosts, want) {
				t.Errorf("%s: %v, want %v", route.Name, route.Hosts, want)
			}
		}
	}
	if count != 3*len(serviceNames)+1 {
		t.Errorf("%d routes", count)
	}
}

// A host of two labels needs a name of its own: Kong looks no wildcard up for it,
// and takes no name twice.
func TestKongNamesEveryHost(t *testing.T) {
	local := []string{"*.localhost", "localhost", "character.localhost", "storyfactory.localhost"}
	for domain, wanted := range map[string][]string{
		defaultDomain: append([]string{"*.fountain.coach", "fountain.coach", "character.fountain.coach"}, local...),
		localDomain:   local,
	} {
		options, output := rendered(t, true, domain)
		config, err := gateway.LoadConfig(options.out)
		if err != nil {
			t.Fatal(err)
		}
		var names []string
		for _, sni := range config.Certificates[0].SNIs {
			if slices.Contains(names, sni.Name) {
				t.Errorf("%s is named twice", sni.Name)
			}
			names = append(names, sni.Name)
		}
		for _, want := range wanted {
			if !slices.Contains(names, want) {
				t.Errorf("%s is not among %v", want, names)
			}
		}
		if got := strings.Count(output, "*."+localDomain); got != 1 || strings.Contains(output, "Warning") {
			t.Errorf("--domain %s tells of *.localhost %d times: %s", domain, got, output)
		}
	}
}

func TestKongKeepsCommentsAndOrder(t *testing.T) {
	options, _ := rendered(t, true, defaultDomain)
	comments := regexp.MustCompile(`(?m)^ *#.*$`)
	got, want := comments.FindAllString(readFile(t, options.out), -1), comments.FindAllString(string(fountainai.KongConfig), -1)
	if !slices.Equal(got[2:], want) { // after the notice
		t.Errorf("%d comments, want %d", len(got)-2, len(want))
	}
	added := regexp.MustCompile(`(?m)^ *(protocols|https_redirect_status_code):.*\n|(?s)certificates:.*`)
	credentials := regexp.MustCompile(` *keyauth_credentials:\n *- key: [0-9a-f]{64}\n`)
	plain := func(text string) string {
		text = strings.TrimPrefix(text, renderedNotice)
		text = credentials.ReplaceAllString(added.ReplaceAllString(text, ""), "")
		return regexp.MustCompile(`\n\n+`).ReplaceAllString(text, "\n")
	}
	if plain(readFile(t, options.out)) != plain(string(fountainai.KongConfig)) {
		t.Error("more than keys, certificate and protocols has changed")
	}
}

func TestKongTwiceIsTheSame(t *testing.T) {
	options, output := rendered(t, true, defaultDomain)
	first := readFile(t, options.out)
	if err := kong(new(bytes.Buffer), options, time.Now()); err != nil {
		t.Fatal(err)
	}
	if readFile(t, options.out) != first {
		t.Error("the second run made another file")
	}
	info, err := os.Stat(options.out)
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o640 {
		t.Errorf("the file has mode %o, want 640", info.Mode().Perm())
	}
	// A rendered file rendered again, and one with a key that looks like a number.
	options.config, options.certs = options.out, t.TempDir()
	again := filepath.Join(t.TempDir(), "kong.yml")
	if err := os.WriteFile(keyPath(options.keys, "reader"), []byte("0123456789\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	options.out = again
	if err := kong(new(bytes.Buffer), options, time.Now()); err != nil {
		t.Fatal(err)
	}
	config, err := gateway.LoadConfig(again)
	if err != nil {
		t.Fatal(err)
	}
	for i, want := range map[int]int{0: 1, 1: 2} { // writer as before, reader one more
		if got := len(config.Consumers[i].Credentials); got != want {
			t.Errorf("%s has %d keys, want %d", config.Consumers[i].Username, got, want)
		}
	}
	for _, consumer := range []string{"writer", "reader"} {
		key, err := readKey(options.keys, consumer)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(output, key) {
			t.Error("the output has a key in it")
		}
	}
	if !strings.Contains(output, "docker-compose run --rm init key") {
		t.Errorf("the output does not tell how to read the key: %s", output)
	}
}

func TestKongRefuses(t *testing.T) {
	write := func(text string) string {
		path := filepath.Join(t.TempDir(), "kong.yml")
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	half := t.TempDir()
	if err := os.WriteFile(filepath.Join(half, localca.Cert), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options kongOptions
		want    string
	}{
		"no such file":         {kongOptions{config: "nowhere.yml"}, "nowhere.yml"},
		"no YAML":              {kongOptions{config: write("a: [")}, "yaml"},
		"empty":                {kongOptions{config: write("")}, "not a declarative configuration"},
		"a list":               {kongOptions{config: write("- a")}, "not a declarative configuration"},
		"no consumer":          {kongOptions{config: write("_format_version: \"3.0\"\nconsumers:\n  - username: writer\n")}, "no consumer reader"},
		"certificate, no key":  {kongOptions{certs: half}, "tls.key"},
		"domain with capitals": {kongOptions{domain: "Example.org"}, "--domain"},
		"domain of addresses":  {kongOptions{domain: "192.0.2.1"}, "--domain"},
	} {
		t.Run(name, func(t *testing.T) {
			c.options.out, c.options.keys = filepath.Join(t.TempDir(), "kong.yml"), t.TempDir()
			if c.options.domain == "" {
				c.options.domain = defaultDomain
			}
			requireError(t, c.want, kong(new(bytes.Buffer), c.options, time.Now()))
			if _, err := os.Stat(c.options.out); err == nil {
				t.Error("a file was written all the same")
			}
		})
	}
}

func TestKongWarns(t *testing.T) {
	options, _ := rendered(t, true, defaultDomain)
	options.domain = "example.org"
	var output bytes.Buffer
	if err := kong(&output, options, time.Now().AddDate(3, 0, 0)); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"is not for centralsequence.example.org", "the certificate ended on"} {
		if !strings.Contains(output.String(), want) {
			t.Errorf("no warning %q in %s", want, output.String())
		}
	}
}

func TestKey(t *testing.T) {
	options, _ := rendered(t, false, defaultDomain)
	for _, c := range []struct {
		consumer string
		flags    []string
	}{{"writer", nil}, {"reader", []string{"--reader"}}} {
		var output bytes.Buffer
		command := newCommand()
		command.SetOut(&output)
		command.SetArgs(append([]string{"key", "--keys", options.keys}, c.flags...))
		if err := command.Execute(); err != nil {
			t.Fatal(err)
		}
		if want, err := readKey(options.keys, c.consumer); err != nil || output.String() != want+"\n" {
			t.Errorf("%s: %v", c.consumer, err)
		}
	}
	requireError(t, "--keys", printKey(new(bytes.Buffer), t.TempDir(), "writer"))
}
