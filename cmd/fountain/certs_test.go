package main

import (
	"bytes"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/gateway/localca"
)

// trusting reads the authority of a folder.
func trusting(t *testing.T, dir string) *x509.CertPool {
	t.Helper()
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM([]byte(readFile(t, filepath.Join(dir, localca.CACert)))) {
		t.Fatal("no authority")
	}
	return pool
}

func TestCertsShakeHands(t *testing.T) {
	dir := t.TempDir()
	var output bytes.Buffer
	if err := certs(&output, dir, defaultDomain, time.Now()); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(output.String(), "curl --cacert "+dir) || !strings.Contains(output.String(), "Made a local authority") {
		t.Errorf("the output is no help: %s", output.String())
	}
	pair, err := tls.LoadX509KeyPair(filepath.Join(dir, localca.Cert), filepath.Join(dir, localca.Key))
	if err != nil {
		t.Fatal(err)
	}
	listener, err := tls.Listen("tcp", "127.0.0.1:0", &tls.Config{Certificates: []tls.Certificate{pair}})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { listener.Close() })
	server := &http.Server{
		Handler:  http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) }),
		ErrorLog: log.New(io.Discard, "", 0), // one handshake is to fail
	}
	go server.Serve(listener)
	roots := trusting(t, dir)
	for _, host := range []string{"character.localhost", "character.fountain.coach", "fountain.coach", "localhost", "127.0.0.1", "::1"} {
		connection, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{ServerName: host, RootCAs: roots})
		if err != nil {
			t.Errorf("%s: %v", host, err)
			continue
		}
		connection.Close()
	}
	if _, err := tls.Dial("tcp", listener.Addr().String(), &tls.Config{ServerName: "example.org", RootCAs: roots}); err == nil {
		t.Error("the certificate is good for example.org")
	}
	// OpenSSL, and curl with it, take no *.localhost: the hosts must stand there.
	for _, host := range append(hostsUnder("localhost"), hostsUnder(defaultDomain)...) {
		if !slices.Contains(pair.Leaf.DNSNames, host) {
			t.Errorf("%s is not in the certificate", host)
		}
	}
	curl(t, dir, listener.Addr().(*net.TCPAddr).Port)
}

// curl asks the client that the README uses.
func curl(t *testing.T, dir string, port int) {
	t.Helper()
	program, err := exec.LookPath("curl")
	if err != nil {
		t.Log("curl is not in the PATH: it was not asked")
		return
	}
	for _, host := range []string{"character.localhost", "character.fountain.coach"} {
		output, err := exec.CommandContext(t.Context(), program, "--silent", "--show-error", "--max-time", "20", "--noproxy", "*",
			"--cacert", filepath.Join(dir, localca.CACert), "--resolve", fmt.Sprintf("%s:%d:127.0.0.1", host, port),
			fmt.Sprintf("https://%s:%d/", host, port)).CombinedOutput()
		if err != nil {
			t.Errorf("curl to %s: %v: %s", host, err, output)
		}
	}
}

func TestCertsAgain(t *testing.T) {
	dir := t.TempDir()
	for _, step := range []struct {
		domain string
		want   string
	}{
		{defaultDomain, "Made a local authority"},
		{defaultDomain, "nothing was changed"},
		{"example.org", "which stays as it was"},
	} {
		var output bytes.Buffer
		if err := certs(&output, dir, step.domain, time.Now()); err != nil {
			t.Fatal(err)
		}
		if !strings.Contains(output.String(), step.want) {
			t.Errorf("%s: got %s, want %q", step.domain, output.String(), step.want)
		}
	}
	requireError(t, "--domain", certs(new(bytes.Buffer), dir, "a b", time.Now()))
	requireError(t, "in any case", certs(new(bytes.Buffer), dir, localDomain, time.Now()))
}
