// Where a replica is: a folder, an S3 bucket, or a folder of another machine
// that SFTP reaches.
package replica

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/url"
	"path"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"fountain.coach/fountainai/internal/bucket"
)

const (
	// smallTalk bounds a request that carries little.
	smallTalk = 30 * time.Second
	// patience is how long a transfer may stand still.
	patience = 60 * time.Second
)

// object is a file of a replica.
type object struct {
	name string
	size int64
	// made is when its content was, as far as the place can tell.
	made time.Time
}

// place keeps the files of one replica. Names are made of slashes and relative
// to it. Methods may be called from several goroutines, and end with ctx.
type place interface {
	// String names the place, for people, without secrets.
	String() string
	// level returns the folder of the files of a compaction level, where
	// Litestream's own command looks for it too.
	level(number int) string
	// put makes content a file, durably, whole or not at all, in place of one
	// that is there. It asks confirm as late as it can, and replaces nothing if
	// that returns an error, which it wraps.
	//
	// What remains is the moment between that answer and the change of the name:
	// on SFTP one request, in a bucket the last part of a file of partSize or more.
	// A smaller one never replaces another there unasked, where the server knows
	// If-None-Match; where it does not, the moment is that of sending the file.
	put(ctx context.Context, name string, content io.Reader, made time.Time, confirm confirmation) (size int64, err error)
	// open reads size bytes of a file from offset on, the rest if size is 0. The
	// error wraps fs.ErrNotExist if there is no such file.
	open(ctx context.Context, name string, offset, size int64) (io.ReadCloser, error)
	// list returns the files right in folder, none if there is no such folder.
	// With exact made is when the content was, and not when it came here.
	list(ctx context.Context, folder string, exact bool) ([]object, error)
	// remove removes files; ones that are not there are no error.
	remove(ctx context.Context, names []string) error
	// close lets connections go.
	close() error
}

// confirmation returns why a file may not get its name, nil if it may.
type confirmation func(ctx context.Context) error

// anyway confirms everything.
func anyway(context.Context) error { return nil }

// Check returns an error that says what is wrong with the address of a replica,
// or with the settings of the environment that it needs. It asks nobody.
func Check(address string, getenv func(string) string) error {
	at, err := placeAt(address, "x", getenv)
	if err != nil {
		return err
	}
	return at.close()
}

// placeAt returns the place of a service's replica below the address. Nothing is
// asked of it yet.
func placeAt(address, service string, getenv func(string) string) (place, error) {
	scheme, _, isURL := strings.Cut(address, "://")
	switch {
	case strings.HasPrefix(address, "file:"):
		return folderAt(address, service)
	case !isURL && address != "":
		return folder(filepath.Join(address, service)), nil
	case scheme == "s3":
		return bucketAt(address, service, getenv)
	case scheme == "sftp":
		return serverAt(address, service, getenv)
	}
	return nil, fmt.Errorf("replica %q: want s3://BUCKET/PREFIX, sftp://USER@HOST/PATH, file:///PATH or a path", scheme)
}

func folderAt(address, service string) (place, error) {
	parsed, err := url.Parse(address)
	if err != nil || parsed.Host != "" || parsed.Path == "" || parsed.RawQuery != "" {
		return nil, errors.New("replica: want file:///PATH, in which %20 stands for a space")
	}
	return folder(filepath.Join(filepath.FromSlash(parsed.Path), service)), nil
}

func bucketAt(address, service string, getenv func(string) string) (place, error) {
	before, query, _ := strings.Cut(address, "?")
	entered, err := bucket.Connect(strings.TrimSuffix(before, "/")+"/"+service+"?"+query, getenv, s3Attempts)
	if err != nil {
		return nil, fmt.Errorf("replica: %w", err)
	}
	return bucketPlace{entered}, nil
}

// parseServer takes an address apart, but for what opens the server.
func parseServer(address, service string) (*server, error) {
	parsed, err := url.Parse(address)
	switch {
	case err != nil || parsed.Host == "" || parsed.User.Username() == "" || parsed.RawQuery != "" || parsed.Fragment != "":
		return nil, errors.New("replica: want sftp://USER@HOST/PATH, or with a port sftp://USER@HOST:PORT/PATH")
	case strings.Trim(parsed.Path, "/") == "":
		return nil, fmt.Errorf("replica sftp://%s: name a folder: sftp://USER@HOST/PATH", parsed.Host)
	}
	if _, secret := parsed.User.Password(); secret {
		return nil, fmt.Errorf("replica sftp://%s: a password does not belong into an address, which is logged; set FOUNTAIN_SFTP_PASSWORD", parsed.Host)
	}
	s := &server{user: parsed.User.Username(), host: parsed.Host, root: path.Join(parsed.Path, service)}
	if parsed.Port() == "" {
		s.host = parsed.Hostname() + ":22"
		if strings.Contains(parsed.Hostname(), ":") {
			s.host = "[" + parsed.Hostname() + "]:22"
		}
	}
	return s, nil
}

// watched is a transfer that is given up when it stands still.
type watched struct {
	io.Reader
	timer *time.Timer
}

// watch returns a context that ends when nothing has been read of content for
// patience; stop must be called when the transfer has ended.
func watch(ctx context.Context, content io.Reader) (_ context.Context, _ *watched, stop func()) {
	ctx, cancel := context.WithCancelCause(ctx)
	timer := time.AfterFunc(patience, func() { cancel(fmt.Errorf("nothing moved for %s", patience)) })
	return ctx, &watched{content, timer}, func() { timer.Stop(); cancel(nil) }
}

func (w *watched) Read(piece []byte) (int, error) {
	n, err := w.Reader.Read(piece)
	w.timer.Reset(patience)
	return n, err
}

// again is what was read of the transfer, to be sent and, if need be, sent again.
func (w *watched) again(content []byte) io.ReadSeeker {
	whole := bytes.NewReader(content)
	return struct {
		io.Reader
		io.Seeker
	}{&watched{whole, w.timer}, whole}
}

// pulled is what is being read of another machine, given up when a read stands
// still or ctx ends during one. Between reads it may rest.
type pulled struct {
	io.Reader
	ctx    context.Context
	timer  *time.Timer
	giveUp func()
}

func pull(ctx context.Context, content io.Reader, giveUp func()) *pulled {
	timer := time.AfterFunc(patience, giveUp)
	timer.Stop()
	return &pulled{content, ctx, timer, giveUp}
}

func (p *pulled) Read(piece []byte) (int, error) {
	if cause := context.Cause(p.ctx); cause != nil {
		return 0, cause
	}
	p.timer.Reset(patience)
	defer p.timer.Stop()
	defer context.AfterFunc(p.ctx, p.giveUp)()
	n, err := p.Reader.Read(piece)
	if err != nil && err != io.EOF {
		err = why(p.ctx, err)
	}
	return n, err
}

// download is a file that is being read.
type download struct {
	io.Reader
	closers []func() error
}

func (d *download) Close() error {
	var err error
	for _, each := range d.closers {
		err = errors.Join(err, each())
	}
	return err
}

// limited returns size bytes of content, all if size is 0.
func limited(content io.Reader, size int64) io.Reader {
	if size <= 0 {
		return content
	}
	return io.LimitReader(content, size)
}

// partialName is what a file is called until it is whole.
func partialName(final string) string { return fmt.Sprintf("%s.%d.tmp", final, time.Now().UnixNano()) }

// isLeft reports whether name is one that partialName gave a day ago: whoever wrote
// the file was killed.
func isLeft(name string) bool {
	name, isPartial := strings.CutSuffix(name, ".tmp")
	began, err := strconv.ParseInt(name[strings.LastIndex(name, ".")+1:], 10, 64)
	return isPartial && err == nil && time.Since(time.Unix(0, began)) > 24*time.Hour
}

// why prefers the reason for which ctx ended to what came of it.
func why(ctx context.Context, err error) error {
	if cause := context.Cause(ctx); err != nil && cause != nil && !errors.Is(err, cause) {
		return fmt.Errorf("%w: %w", cause, err)
	}
	return err
}
