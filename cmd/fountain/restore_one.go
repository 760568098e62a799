// fountain restore --service: one database into one file, as on a volume that
// belongs to one service.
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
	"strings"
	"time"

	"fountain.coach/fountainai/internal/backupstore"
	"fountain.coach/fountainai/internal/storage"
)

// restoreReport is what --json prints of one service.
type restoreReport struct {
	Service  string        `json:"service"`
	Database string        `json:"database"`
	Restored bool          `json:"restored"`
	Backup   string        `json:"backup,omitempty"`
	Copy     *databaseCopy `json:"copy,omitempty"`
}

func restoreOne(ctx context.Context, stdout, _ io.Writer, store backupstore.Store, options restoreOptions) error {
	if !slices.Contains(serviceNames, options.service) {
		return fmt.Errorf("--service %q: want one of %s", options.service, strings.Join(serviceNames, ", "))
	}
	path, err := storage.Path(options.database)
	if err != nil {
		return err
	}
	report := restoreReport{Service: options.service, Database: path}
	there, err := hasDatabase(path)
	if err != nil {
		return err
	}
	if there && options.ifEmpty {
		return report.print(stdout, options.json, fmt.Sprintf("%s exists; nothing is restored.", path))
	}
	if there {
		if err := checkReplaceable(path, options.force); err != nil {
			return err
		}
	}
	name, m, err := chooseBackup(ctx, store, options.backup)
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return err
	}
	wanted := m.of(options.service)
	replacement, err := fetch(ctx, store, name, wanted, path)
	if err != nil {
		return fmt.Errorf("%w; nothing was changed", err)
	}
	if !there {
		_ = os.Remove(path) // an empty file is not worth keeping
	}
	if err := replacement.Apply(asideSuffix(time.Now())); err != nil {
		return err
	}
	report.Restored, report.Backup, report.Copy = true, setPlace(store, name), &wanted
	return report.print(stdout, options.json,
		fmt.Sprintf("Restored %s from %s, the backup of %s.", path, report.Backup, m.CreatedAt.Format(time.RFC3339)))
}

// hasDatabase reports whether there is a database. An empty file is none: it is
// what a first start leaves that was ended before it began.
func hasDatabase(path string) (bool, error) {
	info, err := os.Stat(path)
	if errors.Is(err, fs.ErrNotExist) {
		return false, nil
	}
	return err == nil && info.Size() > 0, err
}

func (r restoreReport) print(stdout io.Writer, asJSON bool, text string) error {
	if asJSON {
		return json.NewEncoder(stdout).Encode(r)
	}
	_, err := fmt.Fprintln(stdout, text)
	return err
}
