// The records of a release in a name server of one's own: BIND, which
// external-dns updates by RFC 2136.
package charts_test

import (
	"crypto/rand"
	"encoding/base64"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"

	"fountain.coach/fountainai/charts"
)

// nameServer is a BIND that holds example.org.
type nameServer struct {
	t            *testing.T
	port, secret string
}

const namedConf = `
options {
	directory %[1]q;
	pid-file "named.pid";
	session-keyfile "session.key";
	listen-on port %[2]s { 127.0.0.1; };
	listen-on-v6 { none; };
	recursion no;
	dnssec-validation no;
};
controls { };
key "fountainai" { algorithm hmac-sha256; secret %[3]q; };
zone "example.org" {
	type primary;
	file "example.org.zone";
	allow-update { key "fountainai"; };
	allow-transfer { key "fountainai"; };
};
`

const zoneFile = `$TTL 300
@   IN SOA ns.example.org. hostmaster.example.org. 1 3600 600 86400 300
@   IN NS  ns.example.org.
ns  IN A   127.0.0.1
www IN A   192.0.2.1
`

// startNamed starts BIND on loopback and stops it with the test.
func startNamed(t *testing.T) *nameServer {
	t.Helper()
	program, err := exec.LookPath("named")
	if err == nil {
		_, err = exec.LookPath("dig")
	}
	if err != nil {
		t.Skipf("%v: this test needs BIND (apt-get install bind9 bind9-dnsutils); the one with Route 53 runs without", err)
	}
	folder := t.TempDir()
	secret := make([]byte, 32)
	_, _ = rand.Read(secret)
	server := &nameServer{t: t, port: freePort(t), secret: base64.StdEncoding.EncodeToString(secret)}
	for name, content := range map[string]string{
		"named.conf": fmt.Sprintf(namedConf, folder, server.port, server.secret), "example.org.zone": zoneFile,
	} {
		if err := os.WriteFile(filepath.Join(folder, name), []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	var log strings.Builder
	command := exec.Command(program, "-g", "-c", filepath.Join(folder, "named.conf"), "-n", "1")
	command.Stderr = &log
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = command.Process.Kill()
		_ = command.Wait()
		if t.Failed() {
			t.Log(log.String())
		}
	})
	for range 100 {
		if slices.Contains(server.records(), "ns.example.org. A 127.0.0.1") {
			return server
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Fatal("named does not answer")
	return nil
}

// freePort returns a port that is free for UDP and for TCP.
func freePort(t *testing.T) string {
	t.Helper()
	for range 20 {
		packets, err := net.ListenPacket("udp", "127.0.0.1:0")
		if err != nil {
			t.Fatal(err)
		}
		stream, err := net.Listen("tcp", packets.LocalAddr().String())
		_, port, _ := net.SplitHostPort(packets.LocalAddr().String())
		_ = packets.Close()
		if err == nil {
			_ = stream.Close()
			return port
		}
	}
	t.Fatal("no free port")
	return ""
}

// records returns "name type value" of all records but the zone's SOA.
func (s *nameServer) records() []string {
	output, err := exec.Command("dig", "@127.0.0.1", "-p", s.port, "-y", "hmac-sha256:fountainai:"+s.secret,
		"+noall", "+answer", "+tries=1", "+time=1", "example.org", "AXFR").Output()
	if err != nil {
		return nil
	}
	var records []string
	for line := range strings.Lines(string(output)) {
		if fields := strings.Fields(line); len(fields) > 4 && fields[3] != "SOA" && fields[3] != "TSIG" {
			records = append(records, strings.Join(append([]string{fields[0], fields[3]}, fields[4:]...), " "))
		}
	}
	slices.Sort(records)
	return records
}

// arguments are the manifest's, with this name server in Route 53's place.
func (s *nameServer) arguments() []string {
	arguments := slices.DeleteFunc(deployed(s.t, "../manifests"), func(argument string) bool {
		return strings.HasPrefix(argument, "--aws-") || strings.HasPrefix(argument, "--zone-id-filter") || argument == "--provider=aws"
	})
	return append(arguments, "--provider=rfc2136", "--rfc2136-host=127.0.0.1", "--rfc2136-port="+s.port, "--rfc2136-zone=example.org",
		"--rfc2136-tsig-keyname=fountainai", "--rfc2136-tsig-secret="+s.secret, "--rfc2136-tsig-secret-alg=hmac-sha256", "--rfc2136-tsig-axfr")
}

func TestExternalDNSKeepsTheRecordsInBIND(t *testing.T) {
	r := newRelease(t)
	r.server.Run(t, "kubectl", "apply", "-k", "../manifests/external-dns")
	names := startNamed(t)
	before := names.records()
	r.helm("install", "story", folder, "--set", "global.domain=example.org,global.gateway.dns.enabled=true,global.gateway.dns.ttl=60")
	exposed(t, r, networkingv1.IngressLoadBalancerIngress{IP: "198.51.100.7"}, corev1.LoadBalancerIngress{})
	log := externalDNS(t, r.server, nil, names.arguments()...)
	var made, owned []string
	for _, record := range names.records() {
		switch {
		case slices.Contains(before, record):
		case strings.Contains(record, " TXT "):
			owned = append(owned, record)
		default:
			made = append(made, record)
		}
	}
	var want []string
	for _, service := range charts.Services {
		want = append(want, service+".example.org. A 198.51.100.7")
	}
	if !slices.Equal(made, want) || len(owned) != len(want) {
		t.Errorf("records made %v and %d that tell the owner, want %v\n%s", made, len(owned), want, log)
	}
	r.helm("uninstall", "story")
	externalDNS(t, r.server, nil, names.arguments()...)
	if after := names.records(); !slices.Equal(after, before) {
		t.Errorf("records after uninstalling: %v, want %v", after, before)
	}
}
