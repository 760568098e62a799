// Beginning an empty volume with what the replica holds.
package replica

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/superfly/ltx"

	"fountain.coach/fountainai/internal/storage"
)

// Outcome is what Restore has done.
type Outcome int

// The outcomes.
const (
	// Kept: there is a database, which was not touched.
	Kept Outcome = iota
	// Restored: the database is the one of the replica.
	Restored
	// Nothing: there is neither a database nor a replica yet.
	Nothing
)

// Restore puts the database of the service into the file at path, if there is none
// and the replica has one. It is looked at whole before it gets its name.
//
// It returns an error that wraps storage.ErrInUse if a process has the database
// open, one that wraps ErrForeign or storage.ErrForeign if the replica is another
// service's, one that wraps storage.ErrNewer if a newer version wrote it, and one
// that wraps ErrUnreachable if the replica cannot be read or is damaged.
func Restore(ctx context.Context, settings Settings, service, path string, migrations fs.FS) (Outcome, error) {
	settings = settings.withDefaults()
	if !storage.IsEmpty(path) {
		return Kept, nil
	}
	at, err := placeAt(settings.URL, service, settings.Getenv)
	if err != nil {
		return Nothing, err
	}
	defer at.close()
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return Nothing, fmt.Errorf("create the folder of the database: %w", err)
	}
	reserved, err := storage.ReserveRestore(ctx, path)
	if errors.Is(err, storage.ErrExists) {
		return Kept, nil
	}
	if err != nil {
		return Nothing, err
	}
	r := &restorer{client: &client{at: at}, settings: settings, service: service, migrations: migrations}
	if err := r.fill(ctx, reserved.File()); err != nil || r.last == nil {
		return Nothing, errors.Join(err, reserved.Discard())
	}
	if err := reserved.Apply(""); err != nil {
		return Nothing, err
	}
	settings.Logger.Info("database restored from the replica", "replica", at.String(), "database", path,
		"as of", r.last.CreatedAt.Format(time.RFC3339Nano), "took", time.Since(r.began))
	return Restored, nil
}

// restorer restores one database.
type restorer struct {
	client     *client
	settings   Settings
	service    string
	migrations fs.FS
	began      time.Time
	// last is the newest file that went in, nil if there is none.
	last *ltx.FileInfo
}

// fill makes the file, unless there is no replica yet.
func (r *restorer) fill(ctx context.Context, file string) error {
	r.began = time.Now()
	found, err := readOwner(ctx, r.client.at)
	if err == nil {
		if err := found.checkService(r.client.at, r.service); err != nil {
			return err
		}
		err = r.plan(ctx)
	}
	if err == nil && r.last != nil {
		err = r.read(ctx, file)
	}
	if err != nil {
		return r.explain(ctx, err)
	}
	if r.last == nil {
		return nil
	}
	return r.check(ctx, file)
}

// explain tells a replica that cannot be used from a disk of ours that is full.
func (r *restorer) explain(ctx context.Context, err error) error {
	if ctx.Err() != nil || errors.Is(err, storage.ErrFull) {
		return err
	}
	return fmt.Errorf("%w: %s: %w; %s", ErrUnreachable, r.client.at, err, r.settings.Advice)
}

// plan finds the last file that is to go in. A file that is missing before it is
// an error: what is after the gap must not be lost silently.
func (r *restorer) plan(ctx context.Context) error {
	exact := !r.settings.RestoreAt.IsZero()
	var newest, oldest *ltx.FileInfo
	for level := litestream.SnapshotLevel; level >= 0; level-- {
		files, err := r.client.files(ctx, level, exact)
		if err != nil {
			return err
		}
		for _, info := range files {
			if oldest == nil || info.CreatedAt.Before(oldest.CreatedAt) {
				oldest = info
			}
			if exact && !info.CreatedAt.Before(r.settings.RestoreAt) {
				continue
			}
			if newest == nil || info.MaxTXID > newest.MaxTXID {
				newest = info
			}
		}
	}
	if oldest == nil {
		return nil
	}
	if newest == nil {
		return fmt.Errorf("it holds nothing from before %s; the oldest is of %s",
			r.settings.RestoreAt.Format(time.RFC3339), oldest.CreatedAt.Format(time.RFC3339))
	}
	planned, err := litestream.CalcRestorePlan(ctx, r.client, 0, r.settings.RestoreAt, r.settings.Logger)
	if err != nil {
		return fmt.Errorf("files are missing: %w", err)
	}
	if r.last = planned[len(planned)-1]; r.last.MaxTXID < newest.MaxTXID {
		return fmt.Errorf("files are missing: there is %s, but what comes after %s is not", r.client.name(newest.Level, newest.MinTXID, newest.MaxTXID), r.last.MaxTXID)
	}
	return nil
}

// read writes the database into file.
func (r *restorer) read(ctx context.Context, file string) error {
	options := litestream.NewRestoreOptions()
	options.OutputPath, options.TXID = file, r.last.MaxTXID
	err := litestream.NewReplicaWithClient(nil, r.client).Restore(ctx, options)
	if err != nil {
		return full(err)
	}
	return os.Chmod(file, 0o600)
}

// check looks at the whole file, and whose it is.
func (r *restorer) check(ctx context.Context, file string) error {
	if err := storage.Check(ctx, file); err != nil {
		return r.explain(ctx, err)
	}
	return storage.CheckService(ctx, file, r.service, r.migrations)
}
