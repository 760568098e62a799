// Sets in an S3 bucket: objects under prefix/name/, of which the manifest is
// written last and removed first.
package backupstore

import (
	"context"
	"fmt"
	"io"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"

	"fountain.coach/fountainai/internal/bucket"
)

// attempts is how often a request that fails is made.
const attempts = 5

type bucketStore struct{ *bucket.Bucket }

// key returns the key of a file of a set, "" for the Store itself.
func (b bucketStore) key(set, file string) string { return b.Prefix + path.Join(set, file) }

// set is what is under one name.
type set struct {
	files  []string
	newest time.Time
}

func (s *set) complete() bool { return slices.Contains(s.files, Manifest) }

// sets returns all that is there, complete or not, by name.
func (b bucketStore) sets(ctx context.Context, below string) (map[string]*set, error) {
	found := make(map[string]*set)
	for object := range b.Client.ListObjects(ctx, b.Name, minio.ListObjectsOptions{Prefix: b.Prefix + below, Recursive: true}) {
		if object.Err != nil {
			return nil, b.Explain("list", object.Err)
		}
		name, file, _ := strings.Cut(strings.TrimPrefix(object.Key, b.Prefix), "/")
		if !setName.MatchString(name) || file == "" {
			continue
		}
		if found[name] == nil {
			found[name] = new(set)
		}
		found[name].files = append(found[name].files, file)
		if object.LastModified.After(found[name].newest) {
			found[name].newest = object.LastModified
		}
	}
	return found, nil
}

func (b bucketStore) List(ctx context.Context) ([]string, error) {
	found, err := b.sets(ctx, "")
	var names []string
	for name, set := range found {
		if set.complete() {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, err
}

// Stage looks whether the bucket can be reached before anything is copied.
func (b bucketStore) Stage(ctx context.Context, name string) (string, error) {
	taken, err := b.sets(ctx, name+"/")
	if err != nil {
		return "", err
	}
	if len(taken) > 0 {
		return "", fmt.Errorf("%s/%s exists already; backups never overwrite", b, name)
	}
	staged, err := os.MkdirTemp("", "fountain-backup-")
	if err != nil {
		return "", fmt.Errorf("copies wait in the folder for temporary files, which TMPDIR names: %w", err)
	}
	return staged, nil
}

func (b bucketStore) Publish(ctx context.Context, name, folder string) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return err
	}
	var files []string
	for _, entry := range entries {
		if entry.Name() != Manifest {
			files = append(files, entry.Name())
		}
	}
	for _, file := range append(files, Manifest) {
		if err := b.put(ctx, b.key(name, file), filepath.Join(folder, file)); err != nil {
			return err
		}
	}
	return os.RemoveAll(folder)
}

// put writes one object, a large one in parts that are read from the file as
// they are sent: none of it is held in memory.
func (b bucketStore) put(ctx context.Context, key, file string) error {
	options := minio.PutObjectOptions{ContentType: "application/octet-stream"}
	if path.Base(key) == Manifest {
		options.ContentType = "application/json"
	}
	info, err := os.Stat(file)
	if err != nil {
		return err
	}
	written, err := b.Client.FPutObject(ctx, b.Name, key, file, options)
	if err == nil && written.Size != info.Size() {
		err = fmt.Errorf("%d of %d bytes were taken", written.Size, info.Size())
	}
	return b.Explain("write "+key+" to", err)
}

func (b bucketStore) Open(ctx context.Context, name, file string) (io.ReadCloser, error) {
	object, err := b.Client.GetObject(ctx, b.Name, b.key(name, file), minio.GetObjectOptions{})
	if err == nil {
		// The request is made by the first use; its failure is told here.
		if _, err = object.Stat(); err != nil {
			_ = object.Close()
		}
	}
	if err != nil {
		return nil, b.Explain("read "+b.key(name, file)+" from", err)
	}
	return object, nil
}

func (b bucketStore) Remove(ctx context.Context, name string) error {
	found, err := b.sets(ctx, name+"/")
	if err != nil || found[name] == nil {
		return err
	}
	return b.removeFiles(ctx, name, found[name].files)
}

// removeFiles removes the manifest first: after that the set is none.
func (b bucketStore) removeFiles(ctx context.Context, name string, files []string) error {
	rest := slices.DeleteFunc(slices.Clone(files), func(file string) bool { return file == Manifest })
	if len(rest) < len(files) {
		rest = append([]string{Manifest}, rest...)
	}
	for _, file := range rest {
		if err := b.Client.RemoveObject(ctx, b.Name, b.key(name, file), minio.RemoveObjectOptions{}); err != nil {
			return b.Explain("remove "+b.key(name, file)+" from", err)
		}
	}
	return nil
}

// Clean removes incomplete sets of which nothing has been written for a day, and
// the parts of objects whose upload was broken off as long ago.
func (b bucketStore) Clean(ctx context.Context, now time.Time) error {
	found, err := b.sets(ctx, "")
	if err != nil {
		return err
	}
	for name, set := range found {
		if set.complete() || now.Sub(set.newest) < abandonedAfter {
			continue
		}
		if err := b.removeFiles(ctx, name, set.files); err != nil {
			return err
		}
	}
	return b.cleanUploads(ctx, now)
}

// cleanUploads passes over an answer that is none: not every store can list the
// uploads, nor may all credentials, and a rule of the bucket can do the same.
func (b bucketStore) cleanUploads(ctx context.Context, now time.Time) error {
	for upload := range b.Client.ListIncompleteUploads(ctx, b.Name, b.Prefix, true) {
		if upload.Err != nil {
			return ctx.Err()
		}
		name, _, _ := strings.Cut(strings.TrimPrefix(upload.Key, b.Prefix), "/")
		if !setName.MatchString(name) || now.Sub(upload.Initiated) < abandonedAfter {
			continue
		}
		if err := b.Client.RemoveIncompleteUpload(ctx, b.Name, upload.Key); err != nil {
			return b.Explain("remove the broken upload of "+upload.Key+" from", err)
		}
	}
	return nil
}
