// Finding and entering a bucket: its address, region and credentials come from
// the environment.
package backupstore

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"github.com/minio/minio-go/v7/pkg/credentials"
)

const awsEndpoint = "https://s3.amazonaws.com"

// credentialsTimeout bounds asking for credentials, which is small talk.
const credentialsTimeout = 20 * time.Second

func newBucket(place string, getenv func(string) string) (*bucket, error) {
	parsed, err := url.Parse(place)
	if err != nil || parsed.Scheme != "s3" || parsed.Host == "" || parsed.User != nil || parsed.RawQuery != "" || parsed.Fragment != "" {
		return nil, fmt.Errorf("%q: want s3://BUCKET or s3://BUCKET/PREFIX", place)
	}
	prefix := strings.Trim(parsed.Path, "/")
	if prefix != "" {
		prefix += "/"
	}
	endpoint, secure, err := parseEndpoint(getenv("FOUNTAIN_S3_ENDPOINT"))
	if err != nil {
		return nil, err
	}
	lookup, err := parseLookup(getenv("FOUNTAIN_S3_PATH_STYLE"))
	if err != nil {
		return nil, err
	}
	access, err := findCredentials(getenv)
	if err != nil {
		return nil, err
	}
	client, err := minio.New(endpoint, &minio.Options{
		Creds: access, Secure: secure, BucketLookup: lookup, MaxRetries: 5,
		Region: first(getenv, "FOUNTAIN_S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
	})
	if err != nil {
		return nil, fmt.Errorf("%s: %w", place, err)
	}
	return &bucket{client: client, name: parsed.Host, prefix: prefix}, nil
}

func first(getenv func(string) string, names ...string) string {
	for _, name := range names {
		if value := getenv(name); value != "" {
			return value
		}
	}
	return ""
}

// parseEndpoint takes an address, or a host that is spoken to over HTTPS.
func parseEndpoint(text string) (host string, secure bool, err error) {
	switch {
	case text == "":
		text = awsEndpoint
	case !strings.Contains(text, "://"):
		text = "https://" + text
	}
	parsed, err := url.Parse(text)
	if err != nil || parsed.Host == "" || strings.Trim(parsed.Path, "/") != "" || parsed.User != nil ||
		parsed.Scheme != "http" && parsed.Scheme != "https" {
		return "", false, errors.New("FOUNTAIN_S3_ENDPOINT: want an address without a path, as https://minio.example.org:9000")
	}
	return parsed.Host, parsed.Scheme == "https", nil
}

func parseLookup(text string) (minio.BucketLookupType, error) {
	if text == "" {
		return minio.BucketLookupAuto, nil
	}
	pathStyle, err := strconv.ParseBool(text)
	switch {
	case err != nil:
		return 0, fmt.Errorf("FOUNTAIN_S3_PATH_STYLE %q: want true or false", text)
	case pathStyle:
		return minio.BucketLookupPath, nil
	}
	return minio.BucketLookupDNS, nil
}

// findCredentials takes keys from the environment or else the identity that the
// platform gives the process. It never goes on as nobody: a bucket open to all
// is no place for a backup.
func findCredentials(getenv func(string) string) (*credentials.Credentials, error) {
	id, secret := getenv("AWS_ACCESS_KEY_ID"), getenv("AWS_SECRET_ACCESS_KEY")
	switch {
	case id != "" && secret != "":
		return credentials.NewStaticV4(id, secret, getenv("AWS_SESSION_TOKEN")), nil
	case id != "" || secret != "":
		return nil, errors.New("S3 needs both AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY")
	case first(getenv, "AWS_WEB_IDENTITY_TOKEN_FILE", "AWS_CONTAINER_CREDENTIALS_FULL_URI", "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") != "":
		return credentials.New(&credentials.IAM{
			Client: &http.Client{Timeout: credentialsTimeout},
			Region: getenv("FOUNTAIN_S3_REGION"),
			// If empty, the region has one of its own.
			Endpoint: getenv("AWS_ENDPOINT_URL_STS"),
		}), nil
	}
	return nil, errors.New("no credentials for S3: set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or give the process a role (AWS_ROLE_ARN with AWS_WEB_IDENTITY_TOKEN_FILE)")
}
