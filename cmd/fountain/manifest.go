// The manifest of a backup: what it holds, and whether that is all.
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
	"slices"
	"time"

	"github.com/dustin/go-humanize"
	"github.com/jedib0t/go-pretty/v6/table"

	"fountain.coach/fountainai/internal/backupstore"
	"fountain.coach/fountainai/internal/localstack"
	"fountain.coach/fountainai/internal/storage"
)

// manifestLimit bounds what is read of a file that says it is a manifest.
const manifestLimit = 1 << 20

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

// of returns the copy of one service's database.
func (m manifest) of(service string) databaseCopy {
	return m.Databases[slices.IndexFunc(m.Databases, func(c databaseCopy) bool { return c.Service == service })]
}

func (m manifest) size() (bytes int64) {
	for _, c := range m.Databases {
		bytes += c.SizeBytes
	}
	return bytes
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

func writeManifest(dir string, m manifest) error {
	content, err := json.MarshalIndent(m, "", "  ")
	if err != nil {
		return err
	}
	return replaceFile(filepath.Join(dir, backupstore.Manifest), append(content, '\n'), 0o644)
}

// readManifest reads the manifest of a set; name is "" where the store is one.
func readManifest(ctx context.Context, store backupstore.Store, name string) (manifest, error) {
	var m manifest
	place := setPlace(store, name)
	file, err := store.Open(ctx, name, backupstore.Manifest)
	if errors.Is(err, fs.ErrNotExist) {
		return m, fmt.Errorf("%s holds no complete backup: %s is missing: %w", place, backupstore.Manifest, fs.ErrNotExist)
	}
	if err != nil {
		return m, err
	}
	content, err := io.ReadAll(io.LimitReader(file, manifestLimit))
	if err = errors.Join(err, file.Close()); err != nil {
		return m, err
	}
	if err := json.Unmarshal(content, &m); err != nil {
		return m, fmt.Errorf("%s of %s: %w", backupstore.Manifest, place, err)
	}
	return m, m.check(place)
}

// setPlace names a set, for people.
func setPlace(store backupstore.Store, name string) string {
	if name == "" {
		return store.String()
	}
	return store.String() + "/" + name
}

func (m manifest) check(place string) error {
	for _, name := range serviceNames {
		if !slices.ContainsFunc(m.Databases, func(c databaseCopy) bool {
			return c.Service == name && c.File == name+".db" && len(c.SHA256) == 2*sha256.Size
		}) {
			return fmt.Errorf("the backup in %s has no database of %s", place, name)
		}
	}
	if len(m.Databases) != len(serviceNames) {
		return fmt.Errorf("the backup in %s has %d databases, not the five of a FountainAI; it may be of another version", place, len(m.Databases))
	}
	return nil
}

// completeBackups lists the sets that can be restored, the oldest first.
func completeBackups(ctx context.Context, store backupstore.Store) ([]string, error) {
	names, err := store.List(ctx)
	if err != nil {
		return nil, err
	}
	return slices.DeleteFunc(names, func(name string) bool {
		_, err := readManifest(ctx, store, name)
		return err != nil && ctx.Err() == nil
	}), ctx.Err()
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

// verify checks that a file is what the manifest says, sound, and a database of
// that service that this program can read.
func (c databaseCopy) verify(ctx context.Context, path string) error {
	sum, _, err := checksum(path)
	if err != nil {
		return err
	}
	if sum != c.SHA256 {
		return fmt.Errorf("%s is not the file that was backed up: its SHA-256 is %s, the manifest says %s", path, sum, c.SHA256)
	}
	return checkDatabase(ctx, path, c.Service)
}

// checkDatabase checks that a file is a sound database of the service.
func checkDatabase(ctx context.Context, path, service string) error {
	if err := storage.Check(ctx, path); err != nil {
		return err
	}
	migrations := serviceMigrations()
	err := storage.CheckService(ctx, path, service, migrations[service])
	if !errors.Is(err, storage.ErrForeign) {
		return err
	}
	for _, other := range serviceNames {
		if storage.CheckService(ctx, path, other, migrations[other]) == nil {
			return fmt.Errorf("%w: %s belongs to the service %s, not to %s", storage.ErrForeign, path, other, service)
		}
	}
	return err
}

// serviceMigrations returns what makes the tables of each service.
func serviceMigrations() map[string]fs.FS {
	all := make(map[string]fs.FS)
	for _, definition := range localstack.Definitions() {
		all[definition.Name] = definition.Migrations
	}
	return all
}
