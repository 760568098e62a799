package main

import (
	"io"
	"log"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/random"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
)

// TestPublishedIsFetchedOnce fetches an image from a registry, and has it still when the registry is gone.
func TestPublishedIsFetchedOnce(t *testing.T) {
	t.Setenv("XDG_CACHE_HOME", t.TempDir())
	server := httptest.NewServer(registry.New(registry.Logger(log.New(io.Discard, "", 0))))
	defer server.Close()
	tag, err := name.NewTag(strings.TrimPrefix(server.URL, "http://") + "/kindest/node:v1")
	if err != nil {
		t.Fatal(err)
	}
	image, err := random.Image(4096, 2)
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(tag, image); err != nil {
		t.Fatal(err)
	}
	digest, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	reference := tag.Name() + "@" + digest.String()
	for range 2 {
		archive, err := published(t.Context(), reference, io.Discard)
		if err != nil {
			t.Fatal(err)
		}
		archived, err := tarball.ImageFromPath(archive, &tag)
		if err != nil {
			t.Fatal(err)
		}
		if kept, err := archived.ConfigName(); err != nil {
			t.Error(err)
		} else if config, _ := image.ConfigName(); kept != config {
			t.Errorf("the archive holds %s, want %s", kept, config)
		}
		server.Close()
	}
}

// TestPublishedWithoutARegistry leaves nothing that a later run would take for the image.
func TestPublishedWithoutARegistry(t *testing.T) {
	cache := t.TempDir()
	t.Setenv("XDG_CACHE_HOME", cache)
	server := httptest.NewServer(nil)
	server.Close()
	host := strings.TrimPrefix(server.URL, "http://")
	for _, reference := range []string{host + "/kindest/node:v1@sha256:" + strings.Repeat("0", 64), host + "/kindest/node:v1", "no image"} {
		if archive, err := published(t.Context(), reference, io.Discard); err == nil {
			t.Errorf("%s: %s and no error", reference, archive)
		}
	}
	files, err := os.ReadDir(cache + "/fountainai/kind")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		if strings.Contains(file.Name(), ".tar") {
			t.Errorf("%s is left", file.Name())
		}
	}
}
