// Sets in a folder, each a folder of its own.
package backupstore

import (
	"context"
	"errors"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"time"

	"fountain.coach/fountainai/internal/storage"
)

var unfinishedSet = regexp.MustCompile(`^\.\d{8}T\d{6}Z\.(partial|removed)$`)

type folder string

func (f folder) String() string { return string(f) }

func (f folder) path(name string) string { return filepath.Join(string(f), name) }

func (f folder) List(context.Context) ([]string, error) {
	entries, err := os.ReadDir(string(f)) // in order of names
	var names []string
	for _, entry := range entries {
		if !entry.IsDir() || !setName.MatchString(entry.Name()) {
			continue
		}
		if _, err := os.Stat(filepath.Join(f.path(entry.Name()), Manifest)); err == nil {
			names = append(names, entry.Name())
		}
	}
	return names, err
}

// Stage makes the folder under a name that stands for no set, on the disk where
// the set will be.
func (f folder) Stage(_ context.Context, name string) (string, error) {
	partial := f.path("." + name + ".partial")
	if err := os.MkdirAll(string(f), 0o700); err != nil {
		return "", err
	}
	return partial, os.Mkdir(partial, 0o700)
}

func (f folder) Publish(_ context.Context, name, staged string) error {
	if _, err := os.Stat(filepath.Join(staged, Manifest)); err != nil {
		return err
	}
	return errors.Join(os.Rename(staged, f.path(name)), storage.SyncFolder(string(f)))
}

func (f folder) Open(_ context.Context, name, file string) (io.ReadCloser, error) {
	return os.Open(filepath.Join(f.path(name), file))
}

// Remove takes the name away first, so that half a backup never looks like one.
func (f folder) Remove(_ context.Context, name string) error {
	doomed := f.path("." + name + ".removed")
	if err := os.Rename(f.path(name), doomed); err != nil {
		return err
	}
	return os.RemoveAll(doomed)
}

// Clean removes all that is unfinished: one process at a time writes to a folder.
func (f folder) Clean(context.Context, time.Time) error {
	entries, err := os.ReadDir(string(f))
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	for _, entry := range entries {
		if unfinishedSet.MatchString(entry.Name()) {
			err = errors.Join(err, os.RemoveAll(f.path(entry.Name())))
		}
	}
	return err
}
