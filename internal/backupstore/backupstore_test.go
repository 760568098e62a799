package backupstore

import (
	"bytes"
	"errors"
	"io"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
	"github.com/minio/minio-go/v7"
)

// inFolder and inBucket return a new, empty store.
func inFolder(t *testing.T) Store {
	t.Helper()
	return at(t, filepath.Join(t.TempDir(), "new"), nil)
}

func inBucket(t *testing.T) Store {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket("sets"); err != nil {
		t.Fatal(err)
	}
	fake := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Has("partNumber") && strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
			unsignChunks(r)
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	t.Setenv("TMPDIR", t.TempDir())
	return at(t, "s3://sets/pre/fix/", map[string]string{
		"FOUNTAIN_S3_ENDPOINT": server.URL, "FOUNTAIN_S3_PATH_STYLE": "1", "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
	})
}

// unsignChunks takes the signatures out of a body, which gofakes3 does for whole
// objects but not for parts. They look like the extensions of HTTP's own chunks.
func unsignChunks(r *http.Request) {
	size := r.Header.Get("X-Amz-Decoded-Content-Length")
	r.Body = io.NopCloser(httputil.NewChunkedReader(r.Body))
	r.ContentLength, _ = strconv.ParseInt(size, 10, 64)
	r.Header.Set("Content-Length", size)
}

func at(t *testing.T, place string, env map[string]string) Store {
	t.Helper()
	store, err := At(place, func(name string) string { return env[name] })
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

// publish makes a set of a manifest and a file of so many bytes.
func publish(t *testing.T, store Store, name string, size int) []byte {
	t.Helper()
	staged, err := store.Stage(t.Context(), name)
	must(t, err)
	content := make([]byte, size)
	for i := range content {
		content[i] = byte(rand.Uint32())
	}
	must(t, os.WriteFile(filepath.Join(staged, "a.db"), content, 0o600))
	must(t, os.WriteFile(filepath.Join(staged, Manifest), []byte("{}"), 0o600))
	must(t, store.Publish(t.Context(), name, staged))
	if _, err := os.Stat(staged); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the staged files stay: %v", err)
	}
	return content
}

func wantSets(t *testing.T, store Store, want ...string) {
	t.Helper()
	got, err := store.List(t.Context())
	must(t, err)
	if !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestStores(t *testing.T) {
	for kind, empty := range map[string]func(*testing.T) Store{"folder": inFolder, "bucket": inBucket} {
		t.Run(kind, func(t *testing.T) {
			store := empty(t)
			must(t, store.Clean(t.Context(), time.Now()))
			old, young := Name(time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("CET", 3600))), Name(time.Now())
			if old != "20260102T020405Z" {
				t.Errorf("got %s", old)
			}
			publish(t, store, young, 10)
			content := publish(t, store, old, 33<<20) // in a bucket, several parts
			wantSets(t, store, old, young)
			checkContent(t, store, old, content)
			if _, err := store.Open(t.Context(), old, "b.db"); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v", err)
			}
			checkTaken(t, store, old)
			must(t, store.Clean(t.Context(), time.Now().Add(48*time.Hour)))
			wantSets(t, store, old, young)
			must(t, store.Remove(t.Context(), old))
			wantSets(t, store, young)
		})
	}
}

func checkContent(t *testing.T, store Store, name string, want []byte) {
	t.Helper()
	file, err := store.Open(t.Context(), name, "a.db")
	must(t, err)
	got, err := io.ReadAll(file)
	must(t, errors.Join(err, file.Close()))
	if !bytes.Equal(got, want) {
		t.Errorf("got %d bytes, not the %d that were written", len(got), len(want))
	}
}

// checkTaken makes sure that no set is written over another.
func checkTaken(t *testing.T, store Store, name string) {
	t.Helper()
	staged, err := store.Stage(t.Context(), name)
	if err == nil {
		must(t, os.WriteFile(filepath.Join(staged, Manifest), nil, 0o600))
		err = store.Publish(t.Context(), name, staged)
		must(t, os.RemoveAll(staged))
	}
	if err == nil || !strings.Contains(err.Error(), "exist") {
		t.Errorf("got %v; want that the set exists", err)
	}
}

func TestPublishWantsAManifest(t *testing.T) {
	for kind, empty := range map[string]func(*testing.T) Store{"folder": inFolder, "bucket": inBucket} {
		t.Run(kind, func(t *testing.T) {
			store, name := empty(t), Name(time.Now())
			staged, err := store.Stage(t.Context(), name)
			must(t, err)
			must(t, os.WriteFile(filepath.Join(staged, "a.db"), []byte("x"), 0o600))
			if err := store.Publish(t.Context(), name, staged); !errors.Is(err, fs.ErrNotExist) {
				t.Errorf("got %v", err)
			}
			if names, err := store.List(t.Context()); err == nil && len(names) > 0 {
				t.Errorf("got %v", names)
			}
		})
	}
}

// TestBrokenUploads: parts of an object that was never completed cost money and
// are seen by nobody.
func TestBrokenUploads(t *testing.T) {
	b := inBucket(t).(bucketStore)
	core := minio.Core{Client: b.Client}
	for _, key := range []string{"pre/fix/20260101T000000Z/a.db", "pre/fix/other/a.db"} {
		if _, err := core.NewMultipartUpload(t.Context(), b.Name, key, minio.PutObjectOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	broken := func() (keys []string) {
		for upload := range b.Client.ListIncompleteUploads(t.Context(), b.Name, "", true) {
			must(t, upload.Err)
			keys = append(keys, upload.Key)
		}
		return keys
	}
	must(t, b.Clean(t.Context(), time.Now().Add(23*time.Hour)))
	if got := broken(); len(got) != 2 {
		t.Errorf("within a day: got %v", got)
	}
	must(t, b.Clean(t.Context(), time.Now().Add(25*time.Hour)))
	if got := broken(); !slices.Equal(got, []string{"pre/fix/other/a.db"}) {
		t.Errorf("a day later: got %v", got)
	}
}
