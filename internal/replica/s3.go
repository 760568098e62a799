// A replica in an S3 bucket, through the client that backups have too.
package replica

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/minio/minio-go/v7"
	"golang.org/x/sync/errgroup"

	"fountain.coach/fountainai/internal/bucket"
)

const (
	// s3Attempts is how often a request that fails is made; what fails then is
	// tried again with the next write.
	s3Attempts = 2
	// partSize is how much of a large file is held in memory, in bytes.
	partSize = 8 << 20
	// madeHeader is where Litestream keeps the time of the content.
	madeHeader = "litestream-timestamp"
	// stats is how many files are asked at once for their times.
	stats = 32
)

type bucketPlace struct{ *bucket.Bucket }

// level agrees with Litestream's S3 replica.
func (bucketPlace) level(number int) string { return fmt.Sprintf("%04x", number) }

func (b bucketPlace) put(ctx context.Context, name string, content io.Reader, made time.Time, confirm confirmation) (int64, error) {
	ctx, watched, stop := watch(ctx, content)
	defer stop()
	options := minio.PutObjectOptions{
		ContentType: "application/octet-stream", PartSize: partSize,
		UserMetadata: map[string]string{madeHeader: made.UTC().Format(time.RFC3339Nano)},
	}
	// Most files are small: one request takes them, and can be repeated.
	head, err := io.ReadAll(io.LimitReader(watched, partSize))
	size := int64(len(head))
	if err != nil {
		return 0, err
	}
	if size == partSize {
		content = io.MultiReader(bytes.NewReader(head), &last{watched, func() error { return confirm(ctx) }})
		written, err := b.Client.PutObject(ctx, b.Name, b.Prefix+name, content, -1, options)
		return written.Size, b.Explain("write to", why(ctx, err))
	}
	unlessThere := options
	unlessThere.SetMatchETagExcept("*")
	_, err = b.Client.PutObject(ctx, b.Name, b.Prefix+name, watched.again(head), size, unlessThere)
	if conditionFailed(err) {
		if err = confirm(ctx); err == nil {
			_, err = b.Client.PutObject(ctx, b.Name, b.Prefix+name, watched.again(head), size, options)
		}
	}
	return size, b.Explain("write to", why(ctx, err))
}

// conditionFailed reports whether there is an object already, or the server takes
// no condition: S3 has NotImplemented for that, others call it a bad request.
func conditionFailed(err error) bool {
	switch minio.ToErrorResponse(err).StatusCode {
	case http.StatusPreconditionFailed, http.StatusNotImplemented, http.StatusBadRequest:
		return err != nil
	}
	return false
}

// last is the rest of a content that ends only if confirm returns no error.
type last struct {
	io.Reader
	confirm func() error
}

func (l *last) Read(piece []byte) (int, error) {
	n, err := l.Reader.Read(piece)
	if err == io.EOF {
		err = cmp.Or(l.confirm(), io.EOF)
	}
	return n, err
}

func (b bucketPlace) open(ctx context.Context, name string, offset, size int64) (io.ReadCloser, error) {
	var options minio.GetObjectOptions
	if offset > 0 || size > 0 {
		last := int64(0) // to the end
		if size > 0 {
			last = offset + size - 1
		}
		if err := options.SetRange(offset, last); err != nil {
			return nil, err
		}
	}
	// Core asks at once, and for no more than that.
	core := minio.Core{Client: b.Client}
	ctx, cancel := context.WithCancel(ctx)
	content, _, _, err := core.GetObject(ctx, b.Name, b.Prefix+name, options)
	if err != nil {
		cancel()
		return nil, b.Explain("read "+name+" from", err)
	}
	return &download{pull(ctx, content, cancel), []func() error{content.Close, func() error {
		cancel()
		return nil
	}}}, nil
}

func (b bucketPlace) list(ctx context.Context, below string, exact bool) ([]object, error) {
	within, cancel := context.WithTimeout(ctx, smallTalk)
	defer cancel()
	prefix := b.Prefix + below + "/"
	var found []object
	for each := range b.Client.ListObjects(within, b.Name, minio.ListObjectsOptions{Prefix: prefix}) {
		if each.Err != nil {
			return nil, b.Explain("list", each.Err)
		}
		if !strings.HasSuffix(each.Key, "/") {
			found = append(found, object{strings.TrimPrefix(each.Key, b.Prefix), each.Size, each.LastModified})
		}
	}
	if err := within.Err(); err != nil {
		return nil, b.Explain("list", err)
	}
	if exact {
		return found, b.statAll(ctx, found)
	}
	return found, nil
}

// statAll replaces the times of objects, which are those of their arrival. The first
// that is not answered within smallTalk ends it.
func (b bucketPlace) statAll(ctx context.Context, objects []object) error {
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(stats)
	for i := range objects {
		group.Go(func() error {
			ctx, cancel := context.WithTimeout(ctx, smallTalk)
			defer cancel()
			info, err := b.Client.StatObject(ctx, b.Name, b.Prefix+objects[i].name, minio.StatObjectOptions{})
			if err != nil {
				return b.Explain("look at "+objects[i].name+" in", err)
			}
			for name, value := range info.UserMetadata {
				if made, err := time.Parse(time.RFC3339Nano, value); strings.EqualFold(name, madeHeader) && err == nil {
					objects[i].made = made
				}
			}
			return nil
		})
	}
	return group.Wait()
}

func (b bucketPlace) remove(ctx context.Context, names []string) error {
	objects := make(chan minio.ObjectInfo)
	go func() {
		defer close(objects)
		for _, name := range names {
			select {
			case objects <- minio.ObjectInfo{Key: b.Prefix + name}:
			case <-ctx.Done():
				return
			}
		}
	}()
	var err error
	for failure := range b.Client.RemoveObjects(ctx, b.Name, objects, minio.RemoveObjectsOptions{}) {
		err = errors.Join(err, b.Explain("remove from", failure.Err))
	}
	return errors.Join(err, ctx.Err())
}

func (bucketPlace) close() error { return nil }
