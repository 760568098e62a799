// fountain migrate: all five databases move from SQLite files to a PostgreSQL
// server, or back.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"strings"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/storage"
)

type migrateOptions struct {
	from, to string
	json     bool
}

func newMigrateCommand() *cobra.Command {
	var options migrateOptions
	command := &cobra.Command{
		Use:   "migrate --from SOURCE --to TARGET",
		Short: "Move all five databases from SQLite to PostgreSQL, or back",
		Long: `Copy the five databases from SOURCE to TARGET, each a data folder or the URL of a
PostgreSQL server. The stack must be stopped: databases in use are refused.

  fountain migrate --from data --to postgres://fountain@db.example.org/fountainai
  fountain migrate --from postgres://fountain@db.example.org/fountainai --to data

On the server each service has a schema of its own, named as the service; the user
must be allowed to create those, or they are there and empty. Passwords are best
left to PGPASSWORD or PGPASSFILE.

Every table is read again at the target and compared, by its number of rows and
a digest of them. Until then no service opens any of them. A run that was stopped,
however, goes on where it was when the command is given again: do so before you
start a service. SOURCE is not changed, and a TARGET that holds anything else is
refused.`,
		Args: cobra.NoArgs,
		RunE: func(command *cobra.Command, _ []string) error {
			return migrate(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.from, "from", "", "data folder, or postgres://USER@HOST/DATABASE")
	flags.StringVar(&options.to, "to", "", "data folder, or postgres://USER@HOST/DATABASE")
	flags.BoolVar(&options.json, "json", false, "print JSON")
	for _, name := range []string{"from", "to"} {
		_ = command.MarkFlagRequired(name) // the flag exists
	}
	return command
}

// migrateReport is what --json prints.
type migrateReport struct {
	Databases []migratedDatabase `json:"databases"`
}

type migratedDatabase struct {
	Service string                `json:"service"`
	Tables  []storage.CopiedTable `json:"tables"`
}

func migrate(ctx context.Context, stdout, stderr io.Writer, options migrateOptions) error {
	bar := newProgress(stderr, "copying rows")
	defer bar.finish()
	copies, err := options.copies(slog.New(slog.DiscardHandler), func(rows int) { bar.add(rows) })
	if err != nil {
		return err
	}
	report, err := migrateAll(ctx, copies, bar)
	if err != nil {
		return err
	}
	if options.json {
		return json.NewEncoder(stdout).Encode(report)
	}
	report.print(stdout)
	return nil
}

// copies returns what is to be copied, in the order of serviceNames.
func (o migrateOptions) copies(logger *slog.Logger, progress func(int)) ([]storage.Copy, error) {
	if o.from == o.to {
		return nil, errors.New("--from and --to name the same place; name another target")
	}
	migrations := serviceMigrations()
	copies := make([]storage.Copy, 0, len(serviceNames))
	for _, name := range serviceNames {
		from, err := databaseAt("--from", o.from, name)
		if err != nil {
			return nil, err
		}
		to, err := databaseAt("--to", o.to, name)
		if err != nil {
			return nil, err
		}
		copies = append(copies, storage.Copy{
			Service: name, Migrations: migrations[name], From: from, To: to, Logger: logger, Progress: progress,
		})
	}
	if _, err := os.Stat(o.from); err != nil && !storage.IsServer(o.from) {
		return nil, fmt.Errorf("--from: %w", err)
	}
	return copies, nil
}

// databaseAt returns where a service's database is in a folder or on a server.
func databaseAt(flag, place, service string) (string, error) {
	switch {
	case storage.IsServer(place):
		return place, refuseSchema(flag, place)
	case place == "" || strings.Contains(place, "://"):
		return "", fmt.Errorf("%s takes a data folder, or a PostgreSQL server as postgres://USER@HOST/DATABASE", flag)
	}
	return findDatabase(place, service)
}

// migrateAll opens all, so that what cannot be copied is found out first, copies
// all, and makes them whole when all have arrived.
func migrateAll(ctx context.Context, copies []storage.Copy, bar *progress) (report migrateReport, err error) {
	var all []*storage.Transfer
	defer func() {
		for _, transfer := range all {
			err = errors.Join(err, transfer.Close())
		}
	}()
	work := 0
	for _, c := range copies {
		transfer, err := storage.BeginCopy(ctx, c)
		if err != nil {
			return report, fmt.Errorf("%s: %w", c.Service, err)
		}
		all = append(all, transfer)
		work += transfer.Work()
	}
	bar.expect(work)
	for i, transfer := range all {
		tables, err := transfer.Run(ctx)
		if err != nil {
			return report, goOnCopying(copies[i].Service, err)
		}
		report.Databases = append(report.Databases, migratedDatabase{copies[i].Service, tables})
	}
	if err := storage.Finish(ctx, all...); err != nil {
		return report, goOnCopying("all are copied", err)
	}
	return report, nil
}

// goOnCopying says how a copy that has begun is gone on with.
func goOnCopying(where string, err error) error {
	if errors.Is(err, storage.ErrNotEmpty) {
		return fmt.Errorf("%s: %w", where, err)
	}
	return fmt.Errorf("%s: %w; run the same command again to go on", where, err)
}

func (r migrateReport) print(w io.Writer) {
	t := newTable(w)
	t.AppendHeader(table.Row{"Service", "Table", "Rows", "SHA-256"})
	for _, database := range r.Databases {
		for _, copied := range database.Tables {
			t.AppendRow(table.Row{database.Service, copied.Table, humanize.Comma(copied.Rows), copied.SHA256[:16] + "…"})
		}
	}
	t.Render()
	fmt.Fprintln(w, "All five databases are at the target, and every table is the same there.")
}
