// Package backupstore keeps sets of backup files in a folder or in an S3 bucket.
// A set has a name made of its time and becomes visible whole or not at all.
package backupstore

import (
	"context"
	"fmt"
	"io"
	"regexp"
	"strings"
	"time"

	"fountain.coach/fountainai/internal/bucket"
)

const (
	// Manifest is the file that completes a set: what has none is no backup.
	Manifest = "manifest.json"
	// nameLayout is the time in UTC, so that the order of names is that in time.
	nameLayout = "20060102T150405Z"
	// abandonedAfter is when a set that is not complete will not be any more.
	abandonedAfter = 24 * time.Hour
)

var setName = regexp.MustCompile(`^\d{8}T\d{6}Z$`)

// Name returns the name of a set begun at t.
func Name(t time.Time) string { return t.UTC().Format(nameLayout) }

// Store keeps sets of backup files.
type Store interface {
	// String names the place, for people.
	String() string
	// List returns the names of the complete sets, the oldest first. What a
	// Store has not made is none of its business.
	List(ctx context.Context) ([]string, error)
	// Stage returns a new folder on this machine for the files of a set.
	Stage(ctx context.Context, name string) (folder string, err error)
	// Publish makes what is in the folder the set of that name and removes the
	// folder. Manifest, which must be there, comes last.
	Publish(ctx context.Context, name, folder string) error
	// Open reads a file of a set; "" is the Store itself as a set. The error
	// wraps fs.ErrNotExist if there is none.
	Open(ctx context.Context, name, file string) (io.ReadCloser, error)
	// Remove removes a set. One removed in part is not complete.
	Remove(ctx context.Context, name string) error
	// Clean removes what was begun and will not be completed.
	Clean(ctx context.Context, now time.Time) error
}

// IsS3 reports whether a place is a bucket rather than a folder.
func IsS3(place string) bool { return bucket.Is(place) }

// At returns the Store at place: a folder, or s3://bucket/prefix with the
// settings of the environment that getenv reads. Nothing is asked of it yet.
func At(place string, getenv func(string) string) (Store, error) {
	switch {
	case IsS3(place):
		entered, err := bucket.Connect(place, getenv, attempts)
		if err != nil {
			return nil, err
		}
		return bucketStore{entered}, nil
	case strings.Contains(place, "://"):
		return nil, fmt.Errorf("%s: want a folder or s3://BUCKET/PREFIX", place)
	}
	return folder(place), nil
}
