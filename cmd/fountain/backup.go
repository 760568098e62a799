// fountain backup: copies of all five databases while the services go on.
package main

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
)

// manifestName is the file that completes a backup: it is written last, so a
// folder without it is no backup.
const manifestName = "manifest.json"

// manifest says what a backup holds.
type manifest struct {
	CreatedAt time.Time      `json:"createdAt"`
	Version   string         `json:"version"`
	Databases []databaseCopy `json:"databases"`
}

type databaseCopy struct {
	Service   string `json:"service"`
	File      string `json:"file"`
	SizeBytes int64  `json:"sizeBytes"`
	SHA256    string `json:"sha256"`
}

type backupOptions struct {
	data  string
	json  bool
	every time.Duration
	keep  int
}

func newBackupCommand() *cobra.Command {
	var options backupOptions
	command := &cobra.Command{
		Use:   "backup DIR",
		Short: "Copy all five databases, also while they are in use",
		Long: `Copy the five databases of --data into the new folder DIR. The services go on
meanwhile. The databases are frozen within moments of each other, the referring
ones first, so whatever a story shows is in the backup. The API key is not part of a backup.

With --every, DIR gets a folder per backup, named by the time in UTC: the first at
once, the others on schedule, until Ctrl-C. The oldest ones beyond --keep are
removed. The databases are found as --data/SERVICE.db and as
--data/SERVICE/SERVICE.db.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			if command.Flags().Changed("every") {
				return backupEvery(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), arguments[0], options)
			}
			if command.Flags().Changed("keep") {
				return errors.New("--keep needs --every: a single backup removes nothing")
			}
			return backup(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), arguments[0], options)
		},
	}
	command.Flags().StringVar(&options.data, "data", "data", "folder of the databases")
	command.Flags().BoolVar(&options.json, "json", false, "print JSON")
	command.Flags().DurationVar(&options.every, "every", 0, "make a backup again and again, as every 24h")
	command.Flags().IntVar(&options.keep, "keep", 7, "how many backups to keep, with --every")
	command.MarkFlagsMutuallyExclusive("json", "every")
	return command
}

func backup(ctx context.Context, stdout, stderr io.Writer, dir string, options backupOptions) error {
	m, err := copyAll(ctx, stderr, dir, options.data)
	if err != nil {
		return err
	}
	if options.json {
		return json.NewEncoder(stdout).Encode(m)
	}
	m.print(stdout, fmt.Sprintf("Backed up %s into %s.", options.data, dir))
	return nil
}

// copyAll makes the backup in dir, which must be new or empty.
func copyAll(ctx context.Context, stderr io.Writer, dir, data string) (m manifest, err error) {
	if entries, err := os.ReadDir(dir); err == nil && len(entries) > 0 {
		return m, fmt.Errorf("%s is not empty; a backup goes into a new folder", dir)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return m, err
	}
	snapshots, err := freeze(ctx, data)
	defer func() {
		for _, snapshot := range snapshots {
			err = errors.Join(err, snapshot.Close())
		}
	}()
	if err != nil {
		return m, err
	}
	m = manifest{CreatedAt: time.Now().UTC(), Version: httpapi.Version()}
	bar := newProgress(stderr, "copying")
	defer bar.finish()
	bar.expect(len(serviceNames))
	for _, name := range serviceNames {
		copied, err := copyDatabase(ctx, snapshots[name], dir, name)
		if err != nil {
			return m, err
		}
		m.Databases = append(m.Databases, copied)
		bar.add(1)
	}
	return m, writeManifest(dir, m)
}

// freezeOrder puts who refers before whom it refers to: what a story shows is
// then in the backup, though the five are not frozen at one and the same moment.
var freezeOrder = []string{"storyfactory", "centralsequence", "sessioncontext", "character", "scriptmanagement"}

// freeze opens a snapshot of each database, one right after the other, before
// any of the slow copying begins.
func freeze(ctx context.Context, data string) (map[string]*storage.Snapshot, error) {
	snapshots := map[string]*storage.Snapshot{}
	for _, name := range freezeOrder {
		path, err := findDatabase(data, name)
		if err != nil {
			return snapshots, err
		}
		snapshot, err := storage.OpenSnapshot(ctx, path)
		if errors.Is(err, fs.ErrNotExist) {
			return snapshots, fmt.Errorf("no database of %s in %s; name the folder of the stack with --data", name, data)
		}
		if err != nil {
			return snapshots, err
		}
		snapshots[name] = snapshot
	}
	return snapshots, nil
}

func copyDatabase(ctx context.Context, snapshot *storage.Snapshot, dir, name string) (databaseCopy, error) {
	copied := databaseCopy{Service: name, File: name + ".db"}
	destination := filepath.Join(dir, copied.File)
	if err := snapshot.CopyTo(destination, nil); err != nil {
		return copied, err
	}
	// A backup that cannot be restored is found out now, not when it is needed.
	if err := storage.Check(ctx, destination); err != nil {
		return copied, err
	}
	var err error
	copied.SHA256, copied.SizeBytes, err = checksum(destination)
	return copied, err
}

func checksum(path string) (sum string, size int64, err error) {
	file, err := os.Open(path)
	if err != nil {
		return "", 0, err
	}
	defer file.Close()
	hash := sha256.New()
	size, err = io.Copy(hash, file)
	return hex.EncodeToString(hash.Sum(nil)), size, err
}

func writeManifest(dir string, m manifest) error {
	content, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, manifestName), append(content, '\n'), 0o644)
}

func (m manifest) print(w io.Writer, title string) {
	fmt.Fprintln(w, title)
	t := newTable(w)
	t.AppendHeader(table.Row{"Service", "File", "Size", "SHA-256"})
	for _, c := range m.Databases {
		t.AppendRow(table.Row{c.Service, c.File, humanize.IBytes(uint64(c.SizeBytes)), c.SHA256[:16] + "…"})
	}
	t.Render()
}
