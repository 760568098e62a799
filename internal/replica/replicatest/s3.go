// Package replicatest has places for replicas on loopback: an S3 and an SFTP
// server, and a way to cut them off.
package replicatest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"strconv"
	"strings"
	"testing"

	"github.com/johannesboyne/gofakes3"
	"github.com/johannesboyne/gofakes3/backend/s3mem"
)

// Bucket is the name of the bucket that S3 has.
const Bucket = "replicas"

// S3 starts an S3 server with an empty Bucket, which takes the key id "id" alone.
// It returns its address.
func S3(t testing.TB) (address string) {
	t.Helper()
	backend := s3mem.New()
	if err := backend.CreateBucket(Bucket); err != nil {
		t.Fatal(err)
	}
	fake := gofakes3.New(backend).Server()
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if !strings.Contains(r.Header.Get("Authorization"), "Credential=id/") {
			w.WriteHeader(http.StatusForbidden)
			_, _ = io.WriteString(w, `<?xml version="1.0"?><Error><Code>InvalidAccessKeyId</Code><Message>The access key does not exist.</Message></Error>`)
			return
		}
		if r.URL.Query().Has("partNumber") && strings.HasPrefix(r.Header.Get("X-Amz-Content-Sha256"), "STREAMING-") {
			unsignChunks(r)
		}
		fake.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// unsignChunks takes the signatures out of a body, which gofakes3 does for whole
// objects but not for parts. They look like the extensions of HTTP's own chunks.
func unsignChunks(r *http.Request) {
	size := r.Header.Get("X-Amz-Decoded-Content-Length")
	r.Body = io.NopCloser(httputil.NewChunkedReader(r.Body))
	r.ContentLength, _ = strconv.ParseInt(size, 10, 64)
	r.Header.Set("Content-Length", size)
}

// S3Env is the environment of a client of the server at address.
func S3Env(address string) map[string]string {
	return map[string]string{
		"FOUNTAIN_S3_ENDPOINT": address, "FOUNTAIN_S3_PATH_STYLE": "true", "AWS_REGION": "us-east-1",
		"AWS_ACCESS_KEY_ID": "id", "AWS_SECRET_ACCESS_KEY": "secret",
	}
}
