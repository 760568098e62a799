// fountain backup: copies of all five databases while the services go on.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"time"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/backupstore"
	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
)

type backupOptions struct {
	data  string
	from  string
	token string
	wait  time.Duration
	json  bool
	every time.Duration
	// keep is 0 where no backup is to be removed.
	keep int
}

// defaultKeep is how many backups stay, where old ones are removed.
const defaultKeep = 7

func newBackupCommand() *cobra.Command {
	var options backupOptions
	command := &cobra.Command{
		Use:   "backup DEST",
		Short: "Copy all five databases, also while they are in use",
		Long: `Copy the five databases into DEST, a folder or s3://BUCKET/PREFIX. The services go
on meanwhile. The databases are frozen within moments of each other, the referring
ones first, so whatever a story shows is in the backup. The API keys are not part of a backup.

Without more, a folder DEST must be new and becomes the backup. With --keep, DEST
gets a backup named by the time in UTC, and the oldest ones beyond --keep are
removed; with --every, again and again, the first at once, until Ctrl-C. A bucket
holds named backups in any case, and without --keep none is removed.

The databases are found as --data/SERVICE.db and as --data/SERVICE/SERVICE.db, and
are not looked for while FOUNTAIN_DATABASE_URL names a server. With
--from they are asked of the services, which hand them out to whoever has the
FOUNTAIN_SNAPSHOT_TOKEN that they were started with:
  fountain backup s3://backups/stage --keep 7 --from 'http://{service}:8000'

A bucket takes AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY (and AWS_SESSION_TOKEN),
or the role of the process; FOUNTAIN_S3_ENDPOINT, FOUNTAIN_S3_REGION and
FOUNTAIN_S3_PATH_STYLE lead to one elsewhere than at AWS. Copies wait in the folder
for temporary files until they are checked.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			flags := command.Flags()
			if !flags.Changed("keep") && !flags.Changed("every") {
				options.keep = 0
			} else if options.keep < 1 {
				return fmt.Errorf("--keep %d: want one backup or more", options.keep)
			}
			options.token = os.Getenv(snapshotTokenEnv)
			if flags.Changed("every") {
				return backupEvery(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), arguments[0], options)
			}
			return backup(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), arguments[0], options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.data, "data", "data", "folder of the databases")
	flags.StringVar(&options.from, "from", "", "address of the services, with {service} for the name; instead of --data")
	flags.DurationVar(&options.wait, "wait", 0, "with --from: how long to wait for a service that cannot be connected to yet")
	flags.BoolVar(&options.json, "json", false, "print JSON")
	flags.DurationVar(&options.every, "every", 0, "make a backup again and again, as every 24h")
	flags.IntVar(&options.keep, "keep", defaultKeep, "make a backup named by the time, and keep this many")
	command.MarkFlagsMutuallyExclusive("json", "every")
	command.MarkFlagsMutuallyExclusive("data", "from")
	return command
}

// source returns where the databases are taken from.
func (o backupOptions) source() (databases, error) {
	if o.from == "" {
		if storage.IsServer(os.Getenv(databaseEnv)) {
			// Files that were moved from go out of date where they are.
			return nil, fmt.Errorf("%s names a server, which is backed up by its own means, as pg_dump; unset it to back up files", databaseEnv)
		}
		return dataFolder(o.data), nil
	}
	if o.wait < 0 {
		return nil, fmt.Errorf("--wait %s: want a time that is not below zero, as 1m", o.wait)
	}
	return newRemoteServices(o.from, o.token, o.wait)
}

// backupReport is what --json prints.
type backupReport struct {
	manifest
	Backup  string   `json:"backup"`
	Removed []string `json:"removed,omitempty"`
	// Warning says why old backups are still there.
	Warning string `json:"warning,omitempty"`
}

func backup(ctx context.Context, stdout, stderr io.Writer, place string, options backupOptions) error {
	source, err := options.source()
	if err != nil {
		return err
	}
	var report backupReport
	if options.keep == 0 && !backupstore.IsS3(place) {
		report.Backup = place
		report.manifest, err = copyAll(ctx, stderr, place, source)
	} else {
		var store backupstore.Store
		if store, err = backupstore.At(place, os.Getenv); err != nil {
			return err
		}
		report, err = backupRound(ctx, stderr, store, source, options.keep, time.Now())
	}
	if err != nil {
		return err
	}
	if options.json {
		return json.NewEncoder(stdout).Encode(report)
	}
	report.print(stdout, fmt.Sprintf("Backed up %s into %s.", source, report.Backup))
	if len(report.Removed) > 0 {
		fmt.Fprintf(stdout, "Removed %d old.\n", len(report.Removed))
	}
	if report.Warning != "" {
		fmt.Fprintln(stderr, "Old backups stay:", report.Warning)
	}
	return nil
}

// copyAll makes the backup in dir, which must be new or empty.
func copyAll(ctx context.Context, stderr io.Writer, dir string, source databases) (m manifest, err error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return m, fmt.Errorf("%s is not empty; a backup goes into a new folder", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return m, err
	}
	m = manifest{CreatedAt: time.Now().UTC(), Version: httpapi.Version()}
	bar := newProgress(stderr, "copying")
	defer bar.finish()
	bar.expect(len(serviceNames))
	if err := source.copyTo(ctx, dir, func() { bar.add(1) }); err != nil {
		return m, err
	}
	for _, name := range serviceNames {
		copied, err := inspect(ctx, dir, name)
		if err != nil {
			return m, err
		}
		m.Databases = append(m.Databases, copied)
	}
	return m, errors.Join(ctx.Err(), writeManifest(dir, m))
}

// inspect describes a copy, once it has been checked: a backup that cannot be
// restored is found out now, not when it is needed.
func inspect(ctx context.Context, dir, name string) (databaseCopy, error) {
	copied := databaseCopy{Service: name, File: name + ".db"}
	path := filepath.Join(dir, copied.File)
	if err := checkDatabase(ctx, path, name); err != nil {
		return copied, err
	}
	var err error
	copied.SHA256, copied.SizeBytes, err = checksum(path)
	return copied, err
}
