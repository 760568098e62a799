// A replica in a folder of this machine, as the mount of another's disk.
package replica

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"time"

	"fountain.coach/fountainai/internal/storage"
)

type folder string

func (f folder) String() string { return string(f) }

func (f folder) path(name string) string { return filepath.Join(string(f), filepath.FromSlash(name)) }

// level agrees with Litestream's file replica.
func (folder) level(number int) string { return "ltx/" + strconv.Itoa(number) }

// there returns an error if the folder that holds the replicas is missing: a disk
// that is not mounted must not be taken for an empty one, nor be written beside.
func (f folder) there() error {
	above := filepath.Dir(string(f))
	if _, err := os.Stat(above); err != nil {
		return fmt.Errorf("the folder of the replicas must be there; make it, or mount its disk: %w", err)
	}
	return nil
}

func (f folder) put(ctx context.Context, name string, content io.Reader, made time.Time, confirm confirmation) (size int64, err error) {
	if err := f.there(); err != nil {
		return 0, err
	}
	final := f.path(name)
	if err := os.MkdirAll(filepath.Dir(final), 0o700); err != nil {
		return 0, err
	}
	file, err := os.OpenFile(partialName(final), os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
	if err != nil {
		return 0, err
	}
	size, err = io.Copy(file, content)
	err = errors.Join(err, context.Cause(ctx))
	if err == nil {
		err = file.Sync()
	}
	if err = errors.Join(err, file.Close()); err == nil {
		err = os.Chtimes(file.Name(), made, made)
	}
	if err == nil {
		err = confirm(ctx)
	}
	if err == nil {
		err = os.Rename(file.Name(), final)
	}
	if err != nil {
		return 0, errors.Join(err, ignoreMissing(os.Remove(file.Name())))
	}
	return size, storage.SyncFolder(filepath.Dir(final))
}

func ignoreMissing(err error) error {
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return err
}

func (f folder) open(_ context.Context, name string, offset, size int64) (io.ReadCloser, error) {
	if err := f.there(); err != nil {
		// Not that the file is missing, which an absent disk would say too.
		return nil, errors.New(err.Error())
	}
	file, err := os.Open(f.path(name))
	if err != nil {
		return nil, err
	}
	if _, err := file.Seek(offset, io.SeekStart); err != nil {
		return nil, errors.Join(err, file.Close())
	}
	return &download{limited(file, size), []func() error{file.Close}}, nil
}

// list needs no more to be exact: put sets the time.
func (f folder) list(_ context.Context, below string, _ bool) ([]object, error) {
	if err := f.there(); err != nil {
		return nil, err
	}
	entries, err := os.ReadDir(f.path(below))
	if err != nil {
		return nil, ignoreMissing(err)
	}
	var found []object
	for _, entry := range entries {
		info, err := entry.Info()
		if errors.Is(err, fs.ErrNotExist) || err == nil && !info.Mode().IsRegular() {
			continue
		}
		if err != nil {
			return nil, err
		}
		found = append(found, object{below + "/" + entry.Name(), info.Size(), info.ModTime()})
	}
	return found, nil
}

func (f folder) remove(_ context.Context, names []string) error {
	var err error
	for _, name := range names {
		err = errors.Join(err, ignoreMissing(os.Remove(f.path(name))))
	}
	return err
}

func (folder) close() error { return nil }
