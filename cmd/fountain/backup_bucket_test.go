package main

import (
	"bytes"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"

	"fountain.coach/fountainai/internal/backupstore"
)

// fakeS3 is a bucket on this machine.
type fakeS3 struct {
	backend *s3mem.Backend
	// refuse makes requests fail that it is true for.
	refuse atomic.Pointer[func(*http.Request) bool]
}

// startS3 runs S3 with the bucket "backups" and points the environment to it.
func startS3(t *testing.T) *fakeS3 {
	t.Helper()
	fake := &fakeS3{backend: s3mem.New()}
	handler := gofakes3.New(fake.backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if refuse := fake.refuse.Load(); refuse != nil && (*refuse)(r) {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<Error><Code>AccessDenied</Code><Message>no</Message></Error>`)
			return
		}
		handler.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	if err := fake.backend.CreateBucket("backups"); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"FOUNTAIN_S3_ENDPOINT": server.URL, "FOUNTAIN_S3_REGION": "us-east-1", "FOUNTAIN_S3_PATH_STYLE": "true",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret", "AWS_SESSION_TOKEN": "",
	} {
		t.Setenv(name, value)
	}
	t.Setenv("TMPDIR", t.TempDir())
	return fake
}

func (f *fakeS3) refuseIf(refuse func(*http.Request) bool) { f.refuse.Store(&refuse) }

// keys lists the bucket.
func (f *fakeS3) keys(t *testing.T) []string {
	t.Helper()
	found, err := f.backend.ListBucket("backups", nil, gofakes3.ListBucketPage{})
	if err != nil {
		t.Fatal(err)
	}
	var keys []string
	for _, object := range found.Contents {
		keys = append(keys, object.Key)
	}
	slices.Sort(keys)
	return keys
}

// sets lists the bucket by set: the number of files in each.
func (f *fakeS3) sets(t *testing.T) map[string]int {
	t.Helper()
	sets := map[string]int{}
	for _, key := range f.keys(t) {
		sets[filepath.Dir(key)]++
	}
	return sets
}

func bucketAt(t *testing.T, place string) backupstore.Store {
	t.Helper()
	store, err := backupstore.At(place, os.Getenv)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func TestBackupIntoABucket(t *testing.T) {
	fake := startS3(t)
	t.Setenv(snapshotTokenEnv, testToken)
	from, _ := handedOut(t, nil)
	output, err := run(t, "backup", "s3://backups/stage/a", "--from", from, "--json")
	if err != nil {
		t.Fatal(err)
	}
	var report backupReport
	if err := json.Unmarshal([]byte(output), &report); err != nil || !strings.HasPrefix(report.Backup, "s3://backups/stage/a/20") {
		t.Errorf("%s, %v", output, err)
	}
	name := filepath.Base(report.Backup)
	if got := fake.sets(t); len(got) != 1 || got["stage/a/"+name] != 6 {
		t.Errorf("got %v", got)
	}
	target := t.TempDir()
	if _, err := run(t, "restore", "s3://backups/stage/a", "--data", target); err != nil {
		t.Fatal(err)
	}
	startStack(t, target).rows(t)
	for _, source := range [][]string{{"s3://backups/stage/a", "--backup", name}, {"s3://backups/stage/a/"}, {report.Backup}} {
		file := filepath.Join(t.TempDir(), "x.db")
		if _, err := run(t, append([]string{"restore", "--service", "storyfactory", "--database", file}, source...)...); err != nil {
			t.Fatal(err)
		}
		if err := checkDatabase(t.Context(), file, "storyfactory"); err != nil {
			t.Error(err)
		}
	}
	if left := list(t, os.TempDir()); len(left) > 0 {
		t.Errorf("%v is left in the folder for temporary files", left)
	}
}

func TestBucketKeepsTheNewest(t *testing.T) {
	fake := startS3(t)
	data, store := dataFolder(stoppedStack(t)), bucketAt(t, "s3://backups/x")
	put := func(key string) {
		if _, err := fake.backend.PutObject("backups", key, nil, strings.NewReader("{}"), 2, nil); err != nil {
			t.Fatal(err)
		}
	}
	// Not made by a backup, of another prefix, and not complete.
	for _, key := range []string{"x/notes", "x/20200101T000000Z", "x/before/manifest.json", "y/20200101T000000Z/a", "x/20200101T000000Z/character.db", "x/20200102T000000Z/manifest.json"} {
		put(key)
	}
	start := time.Now().Add(-time.Hour)
	for hour := range 4 {
		report, err := backupRound(t.Context(), io.Discard, store, data, 2, start.Add(time.Duration(hour)*time.Minute))
		if err != nil || report.Warning != "" {
			t.Fatal(err, report.Warning)
		}
		if got, want := len(report.Removed), min(1, hour/2); got != want {
			t.Errorf("round %d: %d removed, want %d", hour, got, want)
		}
	}
	want := map[string]int{"x": 2, "x/before": 1, "y/20200101T000000Z": 1, "x/20200101T000000Z": 1, "x/20200102T000000Z": 1,
		"x/" + backupstore.Name(start.Add(2*time.Minute)): 6, "x/" + backupstore.Name(start.Add(3*time.Minute)): 6}
	if got := fake.sets(t); !equalSets(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	// A day later nobody is at work on the incomplete one any more. The one with
	// a manifest, though not ours, is not touched.
	if err := store.Clean(t.Context(), time.Now().Add(25*time.Hour)); err != nil {
		t.Fatal(err)
	}
	delete(want, "x/20200101T000000Z")
	if got := fake.sets(t); !equalSets(got, want) {
		t.Errorf("a day later: got %v, want %v", got, want)
	}
}

func equalSets(a, b map[string]int) bool {
	x, _ := json.Marshal(a)
	y, _ := json.Marshal(b)
	return bytes.Equal(x, y)
}

// TestBucketFails: a set that has not come to its end is none.
func TestBucketFails(t *testing.T) {
	for _, part := range append([]string{"manifest.json"}, "character.db", "storyfactory.db") {
		t.Run(part, func(t *testing.T) {
			fake := startS3(t)
			data, store := dataFolder(stoppedStack(t)), bucketAt(t, "s3://backups")
			fake.refuseIf(func(r *http.Request) bool { return r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, part) })
			_, err := backupRound(t.Context(), io.Discard, store, data, 1, time.Now())
			requireError(t, "access denied", err)
			requireError(t, part, err)
			names, err := completeBackups(t.Context(), store)
			if err != nil || len(names) > 0 {
				t.Errorf("got %v, %v", names, err)
			}
			if slices.ContainsFunc(fake.keys(t), func(key string) bool { return strings.HasSuffix(key, "manifest.json") }) {
				t.Error("there is a manifest")
			}
			requireError(t, "no complete backup", restore(t.Context(), io.Discard, io.Discard, store, restoreOptions{data: t.TempDir()}))
			if left := list(t, os.TempDir()); len(left) > 0 {
				t.Errorf("%v is left in the folder for temporary files", left)
			}
		})
	}
}

// TestBucketIsKilled: the process ends in the middle of an upload.
func TestBucketIsKilled(t *testing.T) {
	fake := startS3(t)
	data, store := dataFolder(stoppedStack(t)), bucketAt(t, "s3://backups")
	ctx, cancel := context.WithCancel(t.Context())
	fake.refuseIf(func(r *http.Request) bool {
		if r.Method == http.MethodPut && strings.HasSuffix(r.URL.Path, "scriptmanagement.db") {
			cancel()
		}
		return false
	})
	if _, err := backupRound(ctx, io.Discard, store, data, 1, time.Now().Add(-time.Minute)); err == nil {
		t.Error("it came to its end all the same")
	}
	if keys := fake.keys(t); len(keys) == 0 || slices.ContainsFunc(keys, func(key string) bool { return strings.HasSuffix(key, "manifest.json") }) {
		t.Errorf("got %v", keys)
	}
	// The next is whole, counts alone, and leaves the other its day.
	for range 2 {
		if _, err := backupRound(t.Context(), io.Discard, store, data, 1, time.Now()); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Second) // names are of seconds
	}
	if names, err := completeBackups(t.Context(), store); err != nil || len(names) != 1 || len(fake.sets(t)) != 2 {
		t.Errorf("got %v, %v, %v", names, fake.sets(t), err)
	}
}

func TestBucketRefuses(t *testing.T) {
	startS3(t)
	tests := []struct {
		name, place string
		env         map[string]string
		want        string
	}{
		{"no bucket", "s3://nowhere/x", nil, "no bucket nowhere"},
		{"no name", "s3:///x", nil, "s3://BUCKET"},
		{"a query", "s3://backups/x?y", nil, "only endpoint, region and path-style"},
		{"another store", "gs://backups", nil, "s3://BUCKET"},
		{"endpoint", "s3://backups", map[string]string{"FOUNTAIN_S3_ENDPOINT": "ftp://x"}, "FOUNTAIN_S3_ENDPOINT"},
		{"endpoint with a path", "s3://backups", map[string]string{"FOUNTAIN_S3_ENDPOINT": "http://x/y"}, "FOUNTAIN_S3_ENDPOINT"},
		{"path style", "s3://backups", map[string]string{"FOUNTAIN_S3_PATH_STYLE": "perhaps"}, "FOUNTAIN_S3_PATH_STYLE"},
		{"half a key", "s3://backups", map[string]string{"AWS_SECRET_ACCESS_KEY": ""}, "both AWS_ACCESS_KEY_ID"},
		{"no key", "s3://backups", map[string]string{"AWS_SECRET_ACCESS_KEY": "", "AWS_ACCESS_KEY_ID": ""}, "no credentials"},
		{"nobody there", "s3://backups", map[string]string{"FOUNTAIN_S3_ENDPOINT": "http://127.0.0.1:1"}, "refused"},
	}
	data := stoppedStack(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			for name, value := range test.env {
				t.Setenv(name, value)
			}
			_, err := run(t, "backup", test.place, "--data", data, "--keep", "3")
			requireError(t, test.want, err)
		})
	}
}

// TestBucketByRole: the platform's identity is turned into keys.
func TestBucketByRole(t *testing.T) {
	fake := startS3(t)
	sts := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.FormValue("WebIdentityToken") != "who I am" || r.FormValue("RoleArn") != "arn:aws:iam::1:role/backup" {
			w.WriteHeader(http.StatusForbidden)
			return
		}
		_, _ = io.WriteString(w, `<AssumeRoleWithWebIdentityResponse xmlns="https://sts.amazonaws.com/doc/2011-06-15/"><AssumeRoleWithWebIdentityResult><Credentials><AccessKeyId>role-id</AccessKeyId><SecretAccessKey>s</SecretAccessKey><SessionToken>t</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials></AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>`)
	}))
	defer sts.Close()
	var signed atomic.Bool
	fake.refuseIf(func(r *http.Request) bool {
		signed.Store(strings.Contains(r.Header.Get("Authorization"), "Credential=role-id/") && r.Header.Get("X-Amz-Security-Token") == "t")
		return !signed.Load()
	})
	token := filepath.Join(t.TempDir(), "token")
	if err := os.WriteFile(token, []byte("who I am"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, value := range map[string]string{
		"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": "", "AWS_WEB_IDENTITY_TOKEN_FILE": token,
		"AWS_ROLE_ARN": "arn:aws:iam::1:role/backup", "AWS_ENDPOINT_URL_STS": sts.URL,
	} {
		t.Setenv(name, value)
	}
	if _, err := backupRound(t.Context(), io.Discard, bucketAt(t, "s3://backups"), dataFolder(stoppedStack(t)), 0, time.Now()); err != nil || !signed.Load() {
		t.Errorf("%v, signed as the role: %v", err, signed.Load())
	}
}
