// Where a backup takes the databases from: their files, or the services.
package main

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path/filepath"

	"fountain.coach/fountainai/internal/storage"
)

// freezeOrder puts who refers before whom it refers to: what a story shows is
// then in the backup, though the five are not frozen at one and the same moment.
var freezeOrder = []string{"storyfactory", "centralsequence", "sessioncontext", "character", "scriptmanagement"}

// databases are where copies of all five can be had.
type databases interface {
	String() string
	// copyTo writes SERVICE.db of each service into dir, and tells done of each.
	copyTo(ctx context.Context, dir string, done func()) error
}

// dataFolder are the databases of a stack on this machine.
type dataFolder string

func (d dataFolder) String() string { return string(d) }

func (d dataFolder) copyTo(ctx context.Context, dir string, done func()) (err error) {
	snapshots, err := d.freeze(ctx)
	defer func() {
		for _, snapshot := range snapshots {
			err = errors.Join(err, snapshot.Close())
		}
	}()
	if err != nil {
		return err
	}
	for _, name := range serviceNames {
		if err := snapshots[name].CopyTo(filepath.Join(dir, name+".db"), nil); err != nil {
			return err
		}
		done()
	}
	return nil
}

// freeze opens a snapshot of each database, one right after the other, before
// any of the slow copying begins.
func (d dataFolder) freeze(ctx context.Context) (map[string]*storage.Snapshot, error) {
	snapshots := map[string]*storage.Snapshot{}
	for _, name := range freezeOrder {
		path, err := findDatabase(string(d), name)
		if err != nil {
			return snapshots, err
		}
		snapshot, err := storage.OpenSnapshot(ctx, path)
		if errors.Is(err, fs.ErrNotExist) {
			return snapshots, fmt.Errorf("no database of %s in %s; name the folder of the stack with --data", name, d)
		}
		if err != nil {
			return snapshots, err
		}
		snapshots[name] = snapshot
	}
	return snapshots, nil
}
