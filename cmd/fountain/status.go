// fountain status: how the services are.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/httpapi"
)

func newStatusCommand() *cobra.Command {
	var options remoteOptions
	command := &cobra.Command{
		Use:   "status",
		Short: "Show the services: version, health, rows, database size",
		Args:  cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return status(command.Context(), command.OutOrStdout(), options)
		},
	}
	options.addFlags(command)
	return command
}

// serviceStatus is one row of the table.
type serviceStatus struct {
	Service   string           `json:"service"`
	URL       string           `json:"url"`
	Version   string           `json:"version,omitempty"`
	Health    string           `json:"health"`
	Error     string           `json:"error,omitempty"`
	Rows      map[string]int64 `json:"rows,omitempty"`
	SizeBytes int64            `json:"databaseSizeBytes"`
	// Replica is missing where there is none.
	Replica *httpapi.ReplicaReadiness `json:"replica,omitempty"`
}

func status(ctx context.Context, stdout io.Writer, options remoteOptions) error {
	api, err := options.connect()
	if err != nil {
		return err
	}
	rows := make([]serviceStatus, len(serviceNames))
	var waiting sync.WaitGroup
	for i, name := range serviceNames {
		waiting.Go(func() { rows[i] = ask(ctx, api, name) })
	}
	waiting.Wait()
	if options.json {
		err = json.NewEncoder(stdout).Encode(rows)
	} else {
		printStatus(stdout, rows)
	}
	for _, row := range rows {
		if row.Health != "ready" {
			err = errors.Join(err, fmt.Errorf("%s is %s: %s", row.Service, row.Health, row.Error))
		}
	}
	return err
}

func ask(ctx context.Context, api *client.Client, name string) serviceStatus {
	row := serviceStatus{Service: name, URL: api.URL(name), Health: "unreachable"}
	var ready httpapi.Readiness
	_, err := api.Do(ctx, client.Request{Service: name, Method: http.MethodGet, Path: "/readyz?rows=true"}, &ready)
	if err != nil {
		row.Error = err.Error()
		if client.Status(err) != 0 {
			row.Health = "not ready"
		}
		return row
	}
	row.Version, row.Health = ready.Version, ready.Status
	row.Rows, row.SizeBytes, row.Replica = ready.Database.Rows, ready.Database.SizeBytes, ready.Replica
	return row
}

func printStatus(w io.Writer, rows []serviceStatus) {
	t := newTable(w)
	t.AppendHeader(table.Row{"Service", "Version", "Health", "Rows", "Database", "Replica", "Address"})
	for _, row := range rows {
		var counts []string
		for _, name := range slices.Sorted(maps.Keys(row.Rows)) {
			counts = append(counts, fmt.Sprintf("%s %s", humanize.Comma(row.Rows[name]), strings.ReplaceAll(name, "_", " ")))
		}
		t.AppendRow(table.Row{row.Service, row.Version, row.Health, strings.Join(counts, "\n"),
			humanize.IBytes(uint64(max(row.SizeBytes, 0))), describeReplica(row.Replica), row.URL})
		t.AppendSeparator()
	}
	t.Render()
}

// describeReplica says in a few words how far a replica is.
func describeReplica(r *httpapi.ReplicaReadiness) string {
	switch {
	case r == nil:
		return "none"
	case r.Error != "":
		return fmt.Sprintf("failing, %.0f s behind", r.SecondsBehind)
	}
	return fmt.Sprintf("%s, %.0f s behind", r.State, r.SecondsBehind)
}
