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
	"path/filepath"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/storage"
)

type restoreOptions struct {
	data  string
	force bool
	json  bool
}

func newRestoreCommand() *cobra.Command {
	var options restoreOptions
	command := &cobra.Command{
		Use:   "restore DIR",
		Short: "Put a backup in place of the databases",
		Long: `Check the backup in DIR and put its databases into --data. The stack must not be
running. Databases that are there already are kept beside the new ones under
another name, and only replaced with --force. Where --data has a folder SERVICE,
as a volume, the database of that service goes into it.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			return restore(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), arguments[0], options)
		},
	}
	flags := command.Flags()
	flags.StringVar(&options.data, "data", "data", "folder of the databases")
	flags.BoolVar(&options.force, "force", false, "replace databases that are there already")
	flags.BoolVar(&options.json, "json", false, "print JSON")
	return command
}

func restore(ctx context.Context, stdout, stderr io.Writer, dir string, options restoreOptions) error {
	m, err := readManifest(dir)
	if err != nil {
		return err
	}
	targets, err := checkTarget(options)
	if err != nil {
		return err
	}
	bar := newProgress(stderr, "restoring")
	defer bar.finish()
	bar.expect(2 * len(m.Databases))
	for _, c := range m.Databases {
		if err := verify(ctx, dir, c); err != nil {
			return fmt.Errorf("%w; nothing was changed", err)
		}
		bar.add(1)
	}
	if err := os.MkdirAll(options.data, 0o700); err != nil {
		return err
	}
	if err := replaceAll(ctx, dir, m, targets, bar); err != nil {
		return err
	}
	if options.json {
		return json.NewEncoder(stdout).Encode(m)
	}
	m.print(stdout, fmt.Sprintf("Restored %s from the backup of %s.", options.data, m.CreatedAt.Format(time.RFC3339)))
	return nil
}

// replaceAll copies all databases before the first takes its place, so that a
// full disk leaves the five as they were and never a mixture.
func replaceAll(ctx context.Context, dir string, m manifest, targets map[string]string, bar *progress) error {
	var waiting []*storage.Replacement
	for _, c := range m.Databases {
		replacement, err := storage.PrepareRestore(ctx, filepath.Join(dir, c.File), targets[c.Service])
		if err != nil {
			for _, prepared := range waiting {
				err = errors.Join(err, prepared.Discard())
			}
			return fmt.Errorf("%w; nothing was changed", err)
		}
		waiting = append(waiting, replacement)
		bar.add(1)
	}
	aside := ".before-restore-" + time.Now().UTC().Format("20060102T150405Z")
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

func readManifest(dir string) (manifest, error) {
	var m manifest
	content, err := os.ReadFile(filepath.Join(dir, manifestName))
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s holds no complete backup: %s is missing", dir, manifestName)
	}
	if err != nil {
		return m, err
	}
	if err := json.Unmarshal(content, &m); err != nil {
		return m, fmt.Errorf("%s: %w", filepath.Join(dir, manifestName), err)
	}
	for _, name := range serviceNames {
		if !slices.ContainsFunc(m.Databases, func(c databaseCopy) bool { return c.Service == name && c.File == name+".db" }) {
			return m, fmt.Errorf("the backup in %s has no database of %s", dir, name)
		}
	}
	if len(m.Databases) != len(serviceNames) {
		return m, fmt.Errorf("the backup in %s has %d databases, not the five of a FountainAI; it may be of another version", dir, len(m.Databases))
	}
	return m, nil
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
		targets[name] = path
		inUse, err := storage.InUse(path)
		switch {
		case err != nil:
			return nil, err
		case inUse:
			return nil, fmt.Errorf("%s is in use; stop the stack first", path)
		}
		if _, err := os.Stat(path); err == nil && !options.force {
			return nil, fmt.Errorf("%s exists; --force puts the backup in its place (the old database is kept beside it)", path)
		}
	}
	return targets, nil
}

func verify(ctx context.Context, dir string, c databaseCopy) error {
	path := filepath.Join(dir, c.File)
	sum, _, err := checksum(path)
	if err != nil {
		return err
	}
	if sum != c.SHA256 {
		return fmt.Errorf("%s is not the file that was backed up: its SHA-256 is %s, the manifest says %s", path, sum, c.SHA256)
	}
	return storage.Check(ctx, path)
}
