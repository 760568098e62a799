// What Litestream asks of a replica, on any place.
package replica

import (
	"context"
	"io"
	"log/slog"
	"path"
	"sync/atomic"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/superfly/ltx"
)

// levels are how files are merged as they age: those of a second into ones of a
// minute, ten, an hour. A file of level 0 stays for keepFine after that.
var levels = litestream.CompactionLevels{
	{Level: 0}, {Level: 1, Interval: time.Minute}, {Level: 2, Interval: 10 * time.Minute}, {Level: 3, Interval: time.Hour},
}

const (
	keepFine = 10 * time.Minute
	// snapshotEvery is how often the whole database is written, and keepSnapshots
	// how long that and all after it stay. The oldest is up to a day younger than
	// that, so that any minute of three days can be restored.
	snapshotEvery = 24 * time.Hour
	keepSnapshots = 96 * time.Hour
)

// client is a litestream.ReplicaClient on a place.
type client struct {
	at place
	// mayWrite, if not nil, is asked before each file that is written or removed,
	// and again before a written one gets its name.
	mayWrite func(ctx context.Context) error
	// newest, if set, answers for what is on level 0.
	newest atomic.Pointer[[]*ltx.FileInfo]
	// refusal, if set, is the answer to everything.
	refusal atomic.Pointer[error]
	// sent is the number of the newest file of level 0 that is known to be there.
	sent atomic.Uint64
	// written counts bytes.
	written atomic.Int64
}

var _ litestream.ReplicaClient = (*client)(nil)

func (*client) Type() string { return "fountain" }

func (*client) Init(context.Context) error { return nil }

func (*client) SetLogger(*slog.Logger) {}

func (c *client) name(level int, least, most ltx.TXID) string {
	return path.Join(c.at.level(level), ltx.FormatFilename(least, most))
}

// refuse has everything answered with err from now on, with nil nothing.
func (c *client) refuse(err error) {
	if err == nil {
		c.refusal.Store(nil)
		return
	}
	c.refusal.Store(&err)
}

func (c *client) refused() error {
	if err := c.refusal.Load(); err != nil {
		return *err
	}
	return nil
}

// permitted returns why nothing may be written or removed, nil if it may.
func (c *client) permitted(ctx context.Context) error {
	if err := c.refused(); err != nil || c.mayWrite == nil {
		return err
	}
	return c.mayWrite(ctx)
}

// LTXFiles implements litestream.ReplicaClient.
func (c *client) LTXFiles(ctx context.Context, level int, from ltx.TXID, exact bool) (ltx.FileIterator, error) {
	if newest := c.newest.Load(); newest != nil && level == 0 {
		return ltx.NewFileInfoSliceIterator(*newest), nil
	}
	found, err := c.files(ctx, level, exact)
	if err != nil {
		return nil, err
	}
	var wanted []*ltx.FileInfo
	for _, info := range found {
		if info.MinTXID >= from {
			wanted = append(wanted, info)
		}
	}
	return ltx.NewFileInfoSliceIterator(wanted), nil
}

// files returns the files of a level. What is left of uploads that were killed goes.
func (c *client) files(ctx context.Context, level int, exact bool) ([]*ltx.FileInfo, error) {
	if err := c.refused(); err != nil {
		return nil, err
	}
	objects, err := c.at.list(ctx, c.at.level(level), exact)
	if err != nil {
		return nil, err
	}
	var found []*ltx.FileInfo
	var left []string
	for _, object := range objects {
		if least, most, err := ltx.ParseFilename(path.Base(object.name)); err == nil {
			found = append(found, &ltx.FileInfo{Level: level, MinTXID: least, MaxTXID: most, Size: object.size, CreatedAt: object.made.UTC()})
		} else if isLeft(object.name) {
			left = append(left, object.name)
		}
	}
	if len(left) > 0 {
		_ = c.at.remove(ctx, left) // whoever may not leaves it to others
	}
	return found, nil
}

// OpenLTXFile implements litestream.ReplicaClient.
func (c *client) OpenLTXFile(ctx context.Context, level int, least, most ltx.TXID, offset, size int64) (io.ReadCloser, error) {
	if err := c.refused(); err != nil {
		return nil, err
	}
	return c.at.open(ctx, c.name(level, least, most), offset, size)
}

// WriteLTXFile implements litestream.ReplicaClient.
func (c *client) WriteLTXFile(ctx context.Context, level int, least, most ltx.TXID, content io.Reader) (*ltx.FileInfo, error) {
	if err := c.permitted(ctx); err != nil {
		return nil, err
	}
	header, content, err := ltx.PeekHeader(content)
	if err != nil {
		return nil, err
	}
	made := time.UnixMilli(header.Timestamp).UTC()
	size, err := c.at.put(ctx, c.name(level, least, most), content, made, c.permitted)
	if err != nil {
		return nil, err
	}
	c.written.Add(size)
	if level == 0 {
		c.sent.Store(uint64(most))
	}
	return &ltx.FileInfo{Level: level, MinTXID: least, MaxTXID: most, Size: size, CreatedAt: made}, nil
}

// DeleteLTXFiles implements litestream.ReplicaClient.
func (c *client) DeleteLTXFiles(ctx context.Context, old []*ltx.FileInfo) error {
	if len(old) == 0 {
		return c.refused()
	}
	if err := c.permitted(ctx); err != nil {
		return err
	}
	names := make([]string, len(old))
	for i, info := range old {
		names[i] = c.name(info.Level, info.MinTXID, info.MaxTXID)
	}
	return c.at.remove(ctx, names)
}

// DeleteAll implements litestream.ReplicaClient. Nobody asks for it.
func (*client) DeleteAll(context.Context) error { return nil }

// newestOf returns the file with the highest number, nil of none.
func newestOf(files []*ltx.FileInfo) *ltx.FileInfo {
	var newest *ltx.FileInfo
	for _, info := range files {
		if newest == nil || info.MaxTXID > newest.MaxTXID {
			newest = info
		}
	}
	return newest
}
