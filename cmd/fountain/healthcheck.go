// fountain healthcheck: for images that have neither shell nor curl.
package main

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"strings"
	"time"

	"github.com/spf13/cobra"
)

// healthPatience is how long an answer may take.
const healthPatience = 5 * time.Second

func newHealthcheckCommand() *cobra.Command {
	return &cobra.Command{
		Use:   "healthcheck URL",
		Short: "Ask whether URL answers with success (2xx)",
		Long: `Ask URL once and end with 0 if it answers with a status of 2xx, and with 1 if not.
On this machine any certificate is accepted: the question is whether it answers.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			return healthcheck(command.Context(), command.OutOrStdout(), arguments[0])
		},
	}
}

func healthcheck(ctx context.Context, stdout io.Writer, address string) error {
	target, err := url.Parse(address)
	if err != nil || target.Host == "" || target.Scheme != "http" && target.Scheme != "https" {
		return fmt.Errorf("healthcheck %q: want an address, as http://127.0.0.1:8100/healthz", address)
	}
	ctx, cancel := context.WithTimeout(ctx, healthPatience)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, target.String(), nil)
	if err != nil {
		return err
	}
	transport := healthTransport(target.Hostname())
	defer transport.CloseIdleConnections()
	response, err := transport.RoundTrip(request) // a redirect is no success
	if err != nil {
		return fmt.Errorf("unhealthy: %w", err)
	}
	defer response.Body.Close()
	if response.StatusCode < 200 || response.StatusCode > 299 {
		return fmt.Errorf("unhealthy: %s answers %s", target.Redacted(), response.Status)
	}
	_, err = fmt.Fprintln(stdout, "healthy:", response.Status)
	return err
}

// healthTransport asks directly, past any proxy. Names under localhost are this
// machine, whether or not the resolver knows.
func healthTransport(host string) *http.Transport {
	transport := &http.Transport{DisableKeepAlives: true}
	name := strings.TrimSuffix(host, ".")
	local := name == "localhost" || strings.HasSuffix(name, ".localhost")
	if local {
		transport.DialContext = func(ctx context.Context, network, address string) (net.Conn, error) {
			_, port, err := net.SplitHostPort(address)
			if err != nil {
				return nil, err
			}
			return new(net.Dialer).DialContext(ctx, network, net.JoinHostPort("localhost", port))
		}
	}
	if ip := net.ParseIP(host); local || ip != nil && ip.IsLoopback() {
		transport.TLSClientConfig = &tls.Config{InsecureSkipVerify: true, ServerName: host}
	}
	return transport
}
