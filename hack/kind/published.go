// The node image that kind publishes, for engines that have no way to a registry.

package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"runtime"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"

	"fountain.coach/fountainai/internal/controlplane/binaries"
	"fountain.coach/fountainai/internal/controlplane/progress"
)

// published fetches the image that kind publishes of a node, such as "kindest/node:v1.37.0@sha256:…", for the processor of
// this machine and returns the file, as `docker load` takes it. It stays in the user's cache. The image in it has the name
// that withoutDigest returns. The error of a machine without a way to the registry comes within seconds.
func published(ctx context.Context, reference string, out io.Writer) (string, error) {
	_, digest, _ := strings.Cut(reference, "@sha256:")
	if len(digest) < 12 {
		return "", fmt.Errorf("%s: want an image with its digest, as name:tag@sha256:…", reference)
	}
	folder, err := binaries.Cache("kind")
	if err != nil {
		return "", err
	}
	log := progress.New(out, "kind")
	lock, err := binaries.Lock(ctx, folder, log)
	if err != nil {
		return "", err
	}
	defer lock.Unlock()
	archive := filepath.Join(folder, "published-"+digest[:12]+".tar")
	if _, err := os.Stat(archive); err == nil {
		return archive, nil
	}
	return archive, log.Do("fetching "+reference, func() error { return fetch(ctx, reference, archive) })
}

// withoutDigest is the name of an image in an archive, which knows no digests.
func withoutDigest(reference string) string {
	tagged, _, _ := strings.Cut(reference, "@")
	return tagged
}

// fetch writes the archive beside its place and moves it there when it is whole.
func fetch(ctx context.Context, reference, archive string) error {
	tag, err := name.NewTag(withoutDigest(reference))
	if err != nil {
		return err
	}
	from, err := name.NewDigest(reference)
	if err != nil {
		return err
	}
	image, err := remote.Image(from, remote.WithContext(ctx), remote.WithPlatform(v1.Platform{OS: "linux", Architecture: runtime.GOARCH}))
	if err != nil {
		return err
	}
	part := archive + ".part"
	if err := tarball.WriteToFile(part, tag, image); err != nil {
		_ = os.Remove(part)
		return err
	}
	return os.Rename(part, archive)
}
