package main

import (
	"bytes"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
)

func TestDNSPrintsTheChange(t *testing.T) {
	var stdout, stderr bytes.Buffer
	options := dnsOptions{domain: "example.org", ips: []string{"198.51.100.7", "2001:db8::7"}, ttl: 60}
	if err := dns(t.Context(), &stdout, &stderr, options); err != nil {
		t.Fatal(err)
	}
	var want strings.Builder
	for i, host := range hostsUnder("example.org") {
		if i > 0 {
			want.WriteString(",")
		}
		fmt.Fprintf(&want, `{"Action":"UPSERT","ResourceRecordSet":{"Name":"%s.","Type":"A","TTL":60,"ResourceRecords":[{"Value":"198.51.100.7"}]}},`, host)
		fmt.Fprintf(&want, `{"Action":"UPSERT","ResourceRecordSet":{"Name":"%s.","Type":"AAAA","TTL":60,"ResourceRecords":[{"Value":"2001:db8::7"}]}}`, host)
	}
	var got bytes.Buffer
	if err := json.Compact(&got, stdout.Bytes()); err != nil {
		t.Fatal(err)
	}
	if whole := `{"Comment":"FountainAI: the five services under example.org","Changes":[` + want.String() + `]}`; got.String() != whole {
		t.Errorf("got %s, want %s", got.String(), whole)
	}
	if !strings.Contains(stderr.String(), "Nothing was changed") {
		t.Errorf("stderr: %s", stderr.String())
	}
}

func TestDNSRefuses(t *testing.T) {
	good := dnsOptions{domain: "example.org", ips: []string{"198.51.100.7"}, ttl: 300}
	t.Setenv("PATH", t.TempDir())
	for name, c := range map[string]struct {
		change func(*dnsOptions)
		want   string
	}{
		"a name":       {func(o *dnsOptions) { o.ips = []string{"host.example.org"} }, "--ip"},
		"loopback":     {func(o *dnsOptions) { o.ips = []string{"127.0.0.1"} }, "--ip"},
		"link-local":   {func(o *dnsOptions) { o.ips = []string{"fe80::1%eth0"} }, "--ip"},
		"all":          {func(o *dnsOptions) { o.ips = []string{"0.0.0.0"} }, "--ip"},
		"localhost":    {func(o *dnsOptions) { o.domain = "localhost" }, "in any case"},
		"negative TTL": {func(o *dnsOptions) { o.ttl = -1 }, "--ttl"},
		"no zone":      {func(o *dnsOptions) { o.apply = true }, "--hosted-zone-id"},
		"no aws":       {func(o *dnsOptions) { o.apply, o.zone = true, "Z1" }, "install the AWS CLI"},
	} {
		t.Run(name, func(t *testing.T) {
			options := good
			c.change(&options)
			requireError(t, c.want, dns(t.Context(), io.Discard, io.Discard, options))
		})
	}
}

// A stand-in for aws writes down what it was called with.
func TestDNSApplies(t *testing.T) {
	dir := t.TempDir()
	script := "#!/bin/sh\necho \"$@\" > " + dir + "/arguments\nfor last; do :; done\n/bin/cat \"${last#file://}\" > " + dir + "/batch\necho PENDING\nexit $STATUS\n"
	if err := os.WriteFile(filepath.Join(dir, "aws"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir)
	t.Setenv("TMPDIR", t.TempDir())
	options := dnsOptions{domain: "example.org", ips: []string{"198.51.100.7"}, ttl: 300, zone: "Z1", apply: true}
	var stdout, stderr bytes.Buffer
	t.Setenv("STATUS", "0")
	if err := dns(t.Context(), &stdout, &stderr, options); err != nil {
		t.Fatal(err)
	}
	if got := readFile(t, filepath.Join(dir, "arguments")); !strings.HasPrefix(got, "route53 change-resource-record-sets --hosted-zone-id Z1 --change-batch file://") {
		t.Errorf("called with %s", got)
	}
	if got := readFile(t, filepath.Join(dir, "batch")); got+"\n" != stdout.String() {
		t.Errorf("applied %s, printed %s", got, stdout.String())
	}
	if !strings.Contains(stderr.String(), "PENDING") {
		t.Errorf("the answer is not shown: %s", stderr.String())
	}
	t.Setenv("STATUS", "254")
	requireError(t, "exit status 254", dns(t.Context(), &stdout, &stderr, options))
	if left, _ := os.ReadDir(os.Getenv("TMPDIR")); len(left) != 0 {
		t.Errorf("%d files are left behind", len(left))
	}
}
