// fountain dns: the records by which clients find the host, in Route 53.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/netip"
	"os"
	"os/exec"

	"github.com/spf13/cobra"
)

type dnsOptions struct {
	domain string
	ips    []string
	zone   string
	ttl    int
	apply  bool
}

func newDNSCommand() *cobra.Command {
	var options dnsOptions
	command := &cobra.Command{
		Use:   "dns --domain D --ip ADDRESS",
		Short: "Print or apply the Route 53 records of the five hosts",
		Long: `Print the change batch that lets the five hosts under --domain lead to --ip (give it
twice for IPv4 and IPv6), as aws route53 change-resource-record-sets takes it.
Nothing is changed unless --apply is given, which runs the aws command.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return dns(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.domain, "domain", "", "domain of the services")
	flags.StringSliceVar(&options.ips, "ip", nil, "public address of the host; repeat it for IPv6")
	flags.StringVar(&options.zone, "hosted-zone-id", "", "hosted zone of the domain (needed with --apply)")
	flags.IntVar(&options.ttl, "ttl", 300, "seconds that resolvers may keep the records")
	flags.BoolVar(&options.apply, "apply", false, "make the change, with the aws command")
	cobra.CheckErr(errors.Join(command.MarkFlagRequired("domain"), command.MarkFlagRequired("ip")))
	return command
}

// The types are Route 53's ChangeBatch.
type changeBatch struct {
	Comment string      `json:"Comment"`
	Changes []dnsChange `json:"Changes"`
}

type dnsChange struct {
	Action            string    `json:"Action"`
	ResourceRecordSet recordSet `json:"ResourceRecordSet"`
}

type recordSet struct {
	Name            string   `json:"Name"`
	Type            string   `json:"Type"`
	TTL             int      `json:"TTL"`
	ResourceRecords []record `json:"ResourceRecords"`
}

type record struct {
	Value string `json:"Value"`
}

func dns(ctx context.Context, stdout, stderr io.Writer, options dnsOptions) error {
	batch, err := options.changes()
	if err != nil {
		return err
	}
	text, err := json.MarshalIndent(batch, "", "  ")
	if err != nil {
		return err
	}
	if _, err := stdout.Write(append(text, '\n')); err != nil {
		return err
	}
	if !options.apply {
		fmt.Fprintln(stderr, "Nothing was changed. To make the change, run it again with --apply and --hosted-zone-id (aws route53 list-hosted-zones-by-name shows it).")
		return nil
	}
	return options.runAWS(ctx, stderr, text)
}

// changes makes the batch: a record set per host and kind of address.
func (o dnsOptions) changes() (*changeBatch, error) {
	if err := checkOtherDomain(o.domain); err != nil {
		return nil, err
	}
	if o.ttl < 0 || o.ttl > 1<<31-1 {
		return nil, fmt.Errorf("--ttl %d: want seconds from 0 to %d", o.ttl, 1<<31-1)
	}
	records := make(map[string][]record)
	for _, text := range o.ips {
		address, err := netip.ParseAddr(text)
		if err != nil || address.Zone() != "" || !address.IsGlobalUnicast() {
			return nil, fmt.Errorf("--ip %q: want an address under which other machines reach the host", text)
		}
		kind := "AAAA"
		if address.Is4() || address.Is4In6() {
			kind = "A"
		}
		records[kind] = append(records[kind], record{Value: address.Unmap().String()})
	}
	batch := &changeBatch{Comment: "FountainAI: the five services under " + o.domain}
	for _, host := range hostsUnder(o.domain) {
		for _, kind := range []string{"A", "AAAA"} {
			if len(records[kind]) > 0 {
				batch.Changes = append(batch.Changes, dnsChange{"UPSERT", recordSet{host + ".", kind, o.ttl, records[kind]}})
			}
		}
	}
	return batch, nil
}

// runAWS makes the change with the AWS command line, which has the credentials.
func (o dnsOptions) runAWS(ctx context.Context, stderr io.Writer, batch []byte) (err error) {
	if o.zone == "" {
		return errors.New("--apply needs --hosted-zone-id; aws route53 list-hosted-zones-by-name shows it")
	}
	aws, err := exec.LookPath("aws")
	if err != nil {
		return errors.New("--apply needs the aws command, which is not in the PATH; install the AWS CLI, or make the change above in the Route 53 console")
	}
	file, err := os.CreateTemp("", "fountain-dns-*.json")
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.Remove(file.Name())) }()
	_, err = file.Write(batch)
	if err = errors.Join(err, file.Close()); err != nil {
		return err
	}
	command := exec.CommandContext(ctx, aws, "route53", "change-resource-record-sets",
		"--hosted-zone-id", o.zone, "--change-batch", "file://"+file.Name())
	// Standard output stays the change batch alone, for machines.
	command.Stdout, command.Stderr = stderr, stderr
	if err := command.Run(); err != nil {
		return fmt.Errorf("aws route53 change-resource-record-sets: %w; its message is above", err)
	}
	return nil
}
