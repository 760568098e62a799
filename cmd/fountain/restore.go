// fountain restore: a backup takes the place of the databases.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/backupstore"
	"fountain.coach/fountainai/internal/storage"
)

// latest stands for the newest backup.
const latest = "latest"

type restoreOptions struct {
	backup string
	data   string
	force  bool
	json   bool
	// service and database are of the restore of one service.
	service  string
	database string
	ifEmpty  bool
	// replica says that the source is one, as it was at a time.
	replica bool
	at      string
}

func newRestoreCommand() *cobra.Command {
	var options restoreOptions
	command := &cobra.Command{
		Use:   "restore SOURCE",
		Short: "Put a backup in place of the databases",
		Long: `Check the backup in SOURCE and put its databases into --data. The stack must not be
running. Databases that are there already are kept beside the new ones under
another name, and only replaced with --force. Where --data has a folder SERVICE,
as a volume, the database of that service goes into it.

SOURCE is a backup, or a folder or s3://BUCKET/PREFIX with several, of which
--backup names one; without it the newest is taken. For a bucket see fountain
backup --help.

With --service and --database one database alone is put into its file, as on a
volume of its own; --if-empty does so only where there is none yet.

With --replica SOURCE is what services take as --replica-url, and the databases
are as they were last, or at the time of --at, which is RFC 3339.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			if options.replica {
				return restoreFromReplica(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), arguments[0], options)
			}
			if options.at != "" {
				return errors.New("--at goes with --replica; a backup is chosen with --backup")
			}
			store, err := backupstore.At(arguments[0], os.Getenv)
			if err != nil {
				return err
			}
			run := restore
			if options.service != "" || options.database != "" {
				run = restoreOne
			} else if options.ifEmpty {
				return errors.New("--if-empty goes with --service and --database")
			}
			return run(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), store, options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.backup, "backup", "", "name of the backup in SOURCE, or latest")
	flags.StringVar(&options.data, "data", "data", "folder of the databases")
	flags.BoolVar(&options.force, "force", false, "replace databases that are there already")
	flags.BoolVar(&options.json, "json", false, "print JSON")
	flags.StringVar(&options.service, "service", "", "restore this service alone, into --database")
	flags.StringVar(&options.database, "database", "", "database file of --service")
	flags.BoolVar(&options.ifEmpty, "if-empty", false, "do nothing where there is a database, with --service")
	flags.BoolVar(&options.replica, "replica", false, "SOURCE is where replicas are kept")
	flags.StringVar(&options.at, "at", "", "with --replica, the time as of which to restore")
	for _, other := range []string{"backup", "force", "if-empty"} {
		command.MarkFlagsMutuallyExclusive("replica", other)
		command.MarkFlagsMutuallyExclusive("at", other)
	}
	command.MarkFlagsRequiredTogether("service", "database")
	command.MarkFlagsMutuallyExclusive("data", "database")
	command.MarkFlagsMutuallyExclusive("force", "if-empty")
	return command
}

// chooseBackup returns the set to restore; its name is "" where the store is the
// set itself.
func chooseBackup(ctx context.Context, store backupstore.Store, wanted string) (name string, m manifest, err error) {
	if wanted == "" {
		m, err := readManifest(ctx, store, "")
		if err == nil || !errors.Is(err, fs.ErrNotExist) {
			return "", m, err
		}
	}
	names, err := completeBackups(ctx, store)
	switch {
	case err != nil && !errors.Is(err, fs.ErrNotExist):
		return "", m, err
	case len(names) == 0:
		return "", m, fmt.Errorf("%s holds no complete backup: there is no %s in it, nor a folder with one", store, backupstore.Manifest)
	case wanted == "" || wanted == latest:
		name = names[len(names)-1]
	case !slices.Contains(names, wanted):
		return "", m, fmt.Errorf("%s has no complete backup %s; the newest is %s, the oldest %s", store, wanted, names[len(names)-1], names[0])
	default:
		name = wanted
	}
	m, err = readManifest(ctx, store, name)
	return name, m, err
}

func restore(ctx context.Context, stdout, stderr io.Writer, store backupstore.Store, options restoreOptions) error {
	name, m, err := chooseBackup(ctx, store, options.backup)
	if err != nil {
		return err
	}
	targets, err := checkTarget(options)
	if err != nil {
		return err
	}
	bar := newProgress(stderr, "restoring")
	defer bar.finish()
	bar.expect(len(m.Databases))
	if err := os.MkdirAll(options.data, 0o700); err != nil {
		return err
	}
	if err := replaceAll(ctx, store, name, m, targets, bar); err != nil {
		return err
	}
	if options.json {
		return json.NewEncoder(stdout).Encode(m)
	}
	m.print(stdout, fmt.Sprintf("Restored %s from the backup of %s.", options.data, m.CreatedAt.Format(time.RFC3339)))
	return nil
}

// replaceAll copies and checks all databases before the first takes its place,
// so that damage or a full disk leave the five as they were and never a mixture.
func replaceAll(ctx context.Context, store backupstore.Store, name string, m manifest, targets map[string]string, bar *progress) error {
	var waiting []*storage.Replacement
	for _, c := range m.Databases {
		replacement, err := fetch(ctx, store, name, c, targets[c.Service])
		if err != nil {
			for _, prepared := range waiting {
				err = errors.Join(err, prepared.Discard())
			}
			return fmt.Errorf("%w; nothing was changed", err)
		}
		waiting = append(waiting, replacement)
		bar.add(1)
	}
	aside := asideSuffix(time.Now())
	for n, replacement := range waiting {
		if err := replacement.Apply(aside); err != nil {
			for _, rest := range waiting[n+1:] {
				err = errors.Join(err, rest.Discard())
			}
			return fmt.Errorf("%w; %d of %d databases are restored, so the stack is a mixture: repeat the restore, or put the files named *%s back",
				err, n, len(waiting), aside)
		}
	}
	return nil
}

// asideSuffix is what the names of replaced databases get.
func asideSuffix(now time.Time) string {
	return ".before-restore-" + now.UTC().Format("20060102T150405Z")
}

// fetch reads a copy to beside the file that it is to replace, and checks it.
func fetch(ctx context.Context, store backupstore.Store, name string, c databaseCopy, target string) (*storage.Replacement, error) {
	content, err := store.Open(ctx, name, c.File)
	if err != nil {
		return nil, err
	}
	replacement, err := storage.ReadRestore(ctx, content, target)
	if err = errors.Join(err, content.Close()); err != nil {
		if replacement != nil {
			err = errors.Join(err, replacement.Discard())
		}
		return nil, err
	}
	if err := c.verify(ctx, replacement.File()); err != nil {
		return nil, errors.Join(fmt.Errorf("%s of %s: %w", c.File, setPlace(store, name), err), replacement.Discard())
	}
	return replacement, nil
}

// checkTarget returns where each database goes. It refuses to touch databases in
// use, and ones that are there unless forced.
func checkTarget(options restoreOptions) (map[string]string, error) {
	targets := make(map[string]string)
	for _, name := range serviceNames {
		path, err := findDatabase(options.data, name)
		if err != nil {
			return nil, err
		}
		if err := checkReplaceable(path, options.force); err != nil {
			return nil, err
		}
		targets[name] = path
	}
	return targets, nil
}

func checkReplaceable(path string, force bool) error {
	inUse, err := storage.InUse(path)
	switch {
	case err != nil:
		return err
	case inUse:
		return fmt.Errorf("%s is in use; stop the stack first", path)
	}
	if _, err := os.Stat(path); err == nil && !force {
		return fmt.Errorf("%s exists; --force puts the backup in its place (the old database is kept beside it)", path)
	}
	return nil
}
