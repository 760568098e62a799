// Package bucket finds and enters S3-compatible buckets: their address, region and
// credentials come from the environment, and what is no secret also from the URL.
package bucket

import (
	"errors"
	"fmt"
	"io/fs"
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

// Bucket is a place in a bucket, of which nothing has been asked yet.
type Bucket struct {
	Client *minio.Client
	Name   string
	// Prefix is empty or ends with a slash.
	Prefix string
}

// String names the place as Connect takes it, without its settings.
func (b *Bucket) String() string {
	return strings.TrimSuffix("s3://"+b.Name+"/"+b.Prefix, "/")
}

// Is reports whether a place is one of a bucket.
func Is(place string) bool { return strings.HasPrefix(place, "s3:") }

// Connect takes s3://BUCKET/PREFIX with the settings of the environment that
// getenv reads. endpoint, region and path-style may stand in the query too, and
// win. A request that fails is made up to attempts times.
func Connect(place string, getenv func(string) string, attempts int) (*Bucket, error) {
	parsed, err := url.Parse(place)
	if err != nil || parsed.Scheme != "s3" || parsed.Host == "" || parsed.User != nil || parsed.Fragment != "" {
		return nil, fmt.Errorf("%q: want s3://BUCKET or s3://BUCKET/PREFIX", withoutUser(place))
	}
	if getenv, err = withQuery(parsed, getenv); err != nil {
		return nil, err
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
		Creds: access, Secure: secure, BucketLookup: lookup, MaxRetries: attempts,
		Region: first(getenv, "FOUNTAIN_S3_REGION", "AWS_REGION", "AWS_DEFAULT_REGION"),
	})
	if err != nil {
		return nil, fmt.Errorf("s3://%s: %w", parsed.Host, err)
	}
	return &Bucket{Client: client, Name: parsed.Host, Prefix: prefix}, nil
}

// withoutUser keeps a password out of errors.
func withoutUser(place string) string {
	if before, after, found := strings.Cut(place, "@"); found {
		scheme, _, _ := strings.Cut(before, "://")
		return scheme + "://…@" + after
	}
	return place
}

// inQuery are the settings that a URL may bring along.
var inQuery = map[string]string{
	"endpoint": "FOUNTAIN_S3_ENDPOINT", "region": "FOUNTAIN_S3_REGION", "path-style": "FOUNTAIN_S3_PATH_STYLE",
}

// withQuery returns getenv with the settings of the URL before those of the
// environment.
func withQuery(place *url.URL, getenv func(string) string) (func(string) string, error) {
	query, err := url.ParseQuery(place.RawQuery)
	if err != nil {
		return nil, fmt.Errorf("s3://%s: what stands behind the question mark cannot be read: %w", place.Host, err)
	}
	given := map[string]string{}
	for name, values := range query {
		if inQuery[name] == "" || len(values) != 1 {
			return nil, fmt.Errorf("s3://%s: %s: only endpoint, region and path-style may stand behind the question mark, once each", place.Host, name)
		}
		given[inQuery[name]] = values[0]
	}
	return func(name string) string {
		if value := given[name]; value != "" {
			return value
		}
		return getenv(name)
	}, nil
}

// Explain says of which place what was refused, in the terms of the answer. A
// missing object wraps fs.ErrNotExist.
func (b *Bucket) Explain(doing string, err error) error {
	if err == nil {
		return nil
	}
	answer := minio.ToErrorResponse(err)
	switch answer.Code {
	case minio.NoSuchKey:
		return fmt.Errorf("%s %s: %w", doing, b, fs.ErrNotExist)
	case minio.NoSuchBucket:
		return fmt.Errorf("%s %s: there is no bucket %s; make it first", doing, b, b.Name)
	case minio.AccessDenied:
		return fmt.Errorf("%s %s: access denied; the credentials need leave to list the bucket and to read, write and delete its objects: %w", doing, b, err)
	}
	return fmt.Errorf("%s %s: %w", doing, b, err)
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
// is no place for copies of a database.
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
