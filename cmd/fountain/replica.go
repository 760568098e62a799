// Replicas: where up keeps copies of the databases, and what restore takes from
// there.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"os"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/localstack"
	"fountain.coach/fountainai/internal/replica"
	"fountain.coach/fountainai/internal/storage"
)

// replicaFlags are the settings that a service has too.
type replicaFlags struct{ address, when, empty string }

func (f *replicaFlags) add(command *cobra.Command) {
	environmentFlag(command, &f.address, replica.URLFlag, replica.URLEnv, replica.URLUsage)
	environmentFlag(command, &f.when, replica.RestoreAtFlag, replica.RestoreAtEnv, replica.RestoreAtUsage)
	environmentFlag(command, &f.empty, replica.StartEmptyFlag, replica.StartEmptyEnv, replica.StartEmptyUsage)
}

func (f *replicaFlags) settings() (replica.Settings, error) {
	settings, err := replica.Parse(f.address, f.when, f.empty)
	if err == nil && settings.On() {
		err = replica.Check(settings.URL, os.Getenv)
	}
	return settings, err
}

// replicaReport is what --json prints of one service.
type replicaReport struct {
	Service  string `json:"service"`
	Database string `json:"database"`
	Restored bool   `json:"restored"`
}

// restoreFromReplica puts what the replica holds into files that are not there
// yet: all five, or the one of --service.
func restoreFromReplica(ctx context.Context, stdout, stderr io.Writer, source string, options restoreOptions) error {
	settings, err := replica.Parse(source, options.at, "")
	if err != nil {
		return errors.New(strings.ReplaceAll(err.Error(), "--"+replica.RestoreAtFlag, "--at"))
	}
	settings.Logger = slog.New(slog.DiscardHandler)
	settings.Advice = "see to the replica, or have it as of an earlier time with --at"
	targets, err := options.replicaTargets()
	if err != nil {
		return err
	}
	bar := newProgress(stderr, "restoring")
	defer bar.finish()
	bar.expect(len(targets))
	var reports []replicaReport
	for _, definition := range localstack.Definitions() {
		path, wanted := targets[definition.Name]
		if !wanted {
			continue
		}
		report, err := restoreReplicaOf(ctx, settings, definition, path)
		if err != nil {
			return fmt.Errorf("%s: %w; %s", definition.Name, err, whatIsRestored(reports))
		}
		reports = append(reports, report)
		bar.add(1)
	}
	if options.json {
		return json.NewEncoder(stdout).Encode(reports)
	}
	for _, report := range reports {
		fmt.Fprintf(stdout, "Restored %s from the replica.\n", report.Database)
	}
	return nil
}

// whatIsRestored tells what there is after a failure.
func whatIsRestored(reports []replicaReport) string {
	if len(reports) == 0 {
		return "nothing was changed"
	}
	var names []string
	for _, report := range reports {
		names = append(names, report.Service)
	}
	return "restored are " + strings.Join(names, ", ") + ": remove their files before you try again"
}

func restoreReplicaOf(ctx context.Context, settings replica.Settings, definition httpapi.Definition, path string) (replicaReport, error) {
	report := replicaReport{Service: definition.Name, Database: path}
	outcome, err := replica.Restore(ctx, settings, definition.Name, path, definition.Migrations)
	switch {
	case err != nil:
		return report, err
	case outcome == replica.Kept:
		return report, fmt.Errorf("%s exists; a replica goes only where there is no database yet", path)
	case outcome == replica.Nothing:
		return report, fmt.Errorf("%s holds no replica of it", settings.URL)
	}
	report.Restored = true
	return report, nil
}

// replicaTargets returns the file of each service that is wanted. All must be free.
func (o restoreOptions) replicaTargets() (map[string]string, error) {
	wanted, locate := serviceNames, func(name string) (string, error) { return findDatabase(o.data, name) }
	if o.service != "" {
		if !slices.Contains(serviceNames, o.service) {
			return nil, fmt.Errorf("no service %s; there are %s", o.service, strings.Join(serviceNames, ", "))
		}
		wanted, locate = []string{o.service}, func(string) (string, error) { return storage.Path(o.database) }
	}
	targets := map[string]string{}
	for _, name := range wanted {
		path, err := locate(name)
		if err != nil {
			return nil, err
		}
		if !storage.IsEmpty(path) {
			return nil, fmt.Errorf("%s exists; a replica goes only where there is no database yet: name another folder with --data", path)
		}
		targets[name] = path
	}
	return targets, nil
}
