// Following a database's log with Litestream.
package replica

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime/debug"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/superfly/ltx"
	"golang.org/x/sync/errgroup"

	"fountain.coach/fountainai/internal/storage"
)

// follower is Litestream at work on one database. None of its own goroutines run:
// ours know when the writer can be held up, and tell what fails.
type follower struct {
	*Replicator
	lite    *litestream.DB
	replica *litestream.Replica
	store   *litestream.Store
	// copied is when the log was last copied to its end, in nanoseconds.
	copied atomic.Int64
	// snapshot ends the last snapshot of the merging, nil if there was none.
	snapshot atomic.Pointer[context.CancelCauseFunc]
	// news wakes the sender when something has been copied.
	news chan struct{}
}

// begin begins where the replica ends, of which there are the files on level 0:
// with a snapshot if that is not known or the log has been folded since.
func (f *follower) begin(ctx context.Context, there []*ltx.FileInfo) error {
	if err := f.prepare(ctx, newestOf(there)); err != nil {
		return err
	}
	f.client.sent.Store(0)
	if newest := newestOf(there); newest != nil {
		f.client.sent.Store(uint64(newest.MaxTXID))
	}
	f.configure()
	if err := f.lite.Open(); err != nil {
		return err
	}
	// What Litestream asks at its first step has been asked already: failing there
	// it would close files that SQLite has locks on.
	f.client.newest.Store(&there)
	err := f.guarded(func() error { return f.lite.Sync(ctx) })
	f.client.newest.Store(nil)
	if err != nil {
		f.abandon(err)
		return full(err)
	}
	if f.lite.SyncDiagnostic().Snapshotting {
		f.board.change(func(s *Status) { s.Snapshots++ })
	}
	return nil
}

// configure makes Litestream do nothing by itself.
func (f *follower) configure() {
	f.lite = litestream.NewDB(f.db.File())
	f.lite.SetMetaPath(f.folder())
	f.lite.MonitorInterval = 0
	f.lite.MinCheckpointPageN, f.lite.TruncatePageN, f.lite.CheckpointInterval = math.MaxInt32, math.MaxInt32, 0
	f.lite.BusyTimeout = 10 * time.Second
	f.replica = litestream.NewReplicaWithClient(f.lite, f.client)
	f.replica.MonitorEnabled = false
	f.lite.Replica = f.replica
	f.store = litestream.NewStore([]*litestream.DB{f.lite}, levels)
	f.store.SnapshotInterval, f.store.SnapshotRetention = snapshotEvery, keepSnapshots
	f.lite.L0Retention = keepFine
	f.lite.ShutdownSyncTimeout = 0 // Close tries once; run tries again and again
	f.lite.SetLogger(slog.New(quiet{f.logger.Handler()}))
}

// prepare has everything in place that Litestream's first step needs.
func (f *follower) prepare(ctx context.Context, newest *ltx.FileInfo) error {
	if _, err := os.Stat(f.folder()); errors.Is(err, fs.ErrNotExist) {
		// Nobody has kept the place in the log: it begins anew.
		if err := f.db.Fold(ctx, true); err != nil {
			return err
		}
	}
	level0 := filepath.Join(f.folder(), "ltx", "0")
	if err := os.MkdirAll(level0, 0o700); err != nil {
		return full(err)
	}
	if err := f.fetchNewest(ctx, level0, newest); err != nil {
		return err
	}
	return f.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		for _, statement := range tables {
			if _, err := tx.Exec(statement); err != nil {
				return err
			}
		}
		return nil
	})
}

// tables are Litestream's, made by our writer so that Litestream has not to wait
// for it. The last statement makes sure that there is a log.
var tables = []string{
	"CREATE TABLE IF NOT EXISTS _litestream_seq (id INTEGER PRIMARY KEY, seq INTEGER)",
	"CREATE TABLE IF NOT EXISTS _litestream_lock (id INTEGER)",
	"INSERT INTO _litestream_seq (id, seq) VALUES (1, 1) ON CONFLICT (id) DO UPDATE SET seq = seq + 1",
}

// fetchNewest puts the newest file of the replica in place of what is known here,
// if that is older, so that numbers go on from there.
func (f *follower) fetchNewest(ctx context.Context, level0 string, newest *ltx.FileInfo) error {
	if newest == nil {
		return nil
	}
	entries, err := os.ReadDir(level0)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		if _, most, err := ltx.ParseFilename(entry.Name()); err == nil && most >= newest.MaxTXID {
			return nil
		}
	}
	content, err := f.client.OpenLTXFile(ctx, 0, newest.MinTXID, newest.MaxTXID, 0, 0)
	if err != nil {
		return err
	}
	for _, entry := range entries {
		err = errors.Join(err, os.Remove(filepath.Join(level0, entry.Name())))
	}
	if err == nil {
		_, err = folder(level0).put(ctx, ltx.FormatFilename(newest.MinTXID, newest.MaxTXID), content, newest.CreatedAt, anyway)
	}
	return full(errors.Join(err, content.Close()))
}

// guarded turns a panic inside Litestream into an error: the service does not
// depend on its replica. The log alone gets the stack.
func (r *Replicator) guarded(run func() error) (err error) {
	defer func() {
		if cause := recover(); cause != nil {
			r.logger.Error("panic in Litestream", "cause", cause, "stack", string(debug.Stack()))
			err = fmt.Errorf("panic in Litestream, see the log: %v", cause)
		}
	}()
	return run()
}

// follow copies, sends and merges until ctx ends, and then returns nil, or until
// it has to begin anew, and returns why.
func (f *follower) follow(ctx context.Context) error {
	group, inside := errgroup.WithContext(ctx)
	every := func(activity string, interval time.Duration, early <-chan struct{}, step func(context.Context) error) {
		group.Go(func() error { return f.every(inside, activity, interval, early, step) })
	}
	every(copying, f.settings.Interval, nil, f.copy)
	every(sending, f.settings.Interval, f.news, f.send)
	every(merging, levels[1].Interval, nil, f.merge)
	err := group.Wait()
	if ctx.Err() != nil {
		return nil
	}
	return err
}

// errAnew says that the follower cannot go on.
type errAnew struct{ error }

func (e errAnew) Unwrap() error { return e.error }

// every repeats a step, early when told to, less often while it fails. Its error
// is an errAnew or one that wraps ErrSuperseded.
func (f *follower) every(ctx context.Context, activity string, interval time.Duration, early <-chan struct{}, step func(context.Context) error) error {
	wait, news, atMost := interval, early, max(retryAtMost, interval)
	if activity == copying {
		atMost = max(retryAfter, interval) // it asks nobody else, and the log grows
	}
	for pause(ctx, wait, news) {
		began := time.Now()
		err := f.guarded(func() error { return step(ctx) })
		f.report(ctx, activity, err)
		var anew errAnew
		switch {
		case errors.As(err, &anew), errors.Is(err, ErrSuperseded):
			return err
		case err != nil:
			wait, news = min(2*wait, atMost), nil
		default:
			// What a step takes is part of its interval, up to half of it.
			wait, news = max(interval-time.Since(began), interval/2), early
		}
	}
	return nil
}

// copy copies what is new in the log, and folds the log when it has grown. While
// that fails the log grows, for which there is a limit.
func (f *follower) copy(ctx context.Context) error {
	err := f.guarded(func() error { return f.copyAndFold(ctx) })
	long := f.checkLog()
	if long != nil {
		f.interrupt(long)
	}
	switch {
	case errors.Is(err, litestream.ErrDiskFull):
		// What waits here may be what has filled the disk.
		return errAnew{full(err)}
	case err != nil && long != nil:
		return errAnew{fmt.Errorf("%w, and it cannot be copied: %w", long, err)}
	}
	return broken(err)
}

// checkLog returns an error if there is so much in the log that sending all of the
// database is less.
func (f *follower) checkLog() error {
	log := f.db.LogSize()
	if log <= max(leastBacklog, f.db.Size()-log) {
		return nil
	}
	return fmt.Errorf("the log has grown to %d bytes, which is more than the database", log)
}

func (f *follower) copyAndFold(ctx context.Context) error {
	began := time.Now()
	if err := f.lite.Sync(ctx); err != nil {
		return err
	}
	f.copied.Store(began.UnixNano())
	select {
	case f.news <- struct{}{}:
	default:
	}
	if err := f.count(); err != nil {
		return err
	}
	if f.lite.SyncDiagnostic().LastSyncedWALOffset < foldAt {
		return nil
	}
	return f.db.Pause(func() error {
		if err := f.lite.Checkpoint(ctx, litestream.CheckpointModePassive); err != nil {
			return err
		}
		// Nobody writes: what has been copied is all there is.
		if err := f.lite.Sync(ctx); err != nil {
			return err
		}
		return f.db.TrimLog(f.lite.SyncDiagnostic().LastSyncedWALOffset)
	})
}

// broken marks errors after which only a new beginning helps.
func broken(err error) error {
	var failure *litestream.LTXError
	if errors.As(err, &failure) && failure.IsAutoRecoverable() {
		return errAnew{err}
	}
	return err
}

// send sends what has been copied.
func (f *follower) send(ctx context.Context) error {
	copied := f.copied.Load()
	f.goOn()
	err := f.replica.Sync(ctx)
	if err == nil && copied > 0 {
		f.board.change(func(s *Status) { s.Synced = time.Unix(0, copied) })
	}
	return broken(err)
}

// goOn has Litestream send what comes after the last file that we know to be there.
// At the beginning, and after a failure, it would ask the replica, and take a late
// file of who wrote to it before for one of ours.
func (f *follower) goOn() {
	if f.replica.Pos().IsZero() {
		f.replica.SetPos(ltx.Pos{TXID: ltx.TXID(f.client.sent.Load())})
	}
}

// count counts what has been copied and not sent. It is an errAnew if that is so
// much that sending all of the database is less.
func (f *follower) count() error {
	entries, err := os.ReadDir(f.lite.LTXLevelDir(0))
	if err != nil {
		return err
	}
	var transactions, bytes int64
	for _, entry := range entries {
		if _, most, err := ltx.ParseFilename(entry.Name()); err != nil || uint64(most) <= f.client.sent.Load() {
			continue
		}
		if info, err := entry.Info(); err == nil {
			transactions++
			bytes += info.Size()
		}
	}
	f.board.change(func(s *Status) { s.Transactions, s.Bytes = transactions, bytes })
	if bytes > max(leastBacklog, f.db.Size()) {
		return errAnew{fmt.Errorf("%d bytes wait for the replica, which is more than the database: it will be sent whole", bytes)}
	}
	return nil
}

// merge merges files of the replica as they age, writes a snapshot when it is time
// for one, and removes what is older than is kept.
func (f *follower) merge(ctx context.Context) error {
	var failures error
	for _, level := range append(levels[1:len(levels):len(levels)], f.store.SnapshotLevel()) {
		err := f.compact(ctx, level)
		switch {
		case errors.Is(err, litestream.ErrNoCompaction), errors.Is(err, litestream.ErrCompactionTooEarly):
			continue
		case err == nil && level.Level == litestream.SnapshotLevel:
			err = f.store.EnforceSnapshotRetention(ctx, f.lite)
		}
		failures = errors.Join(failures, err)
	}
	return failures
}

// compact writes a file of the level. While that is a snapshot the log cannot be
// folded: interrupt ends it then, and it is tried again with the next merge.
func (f *follower) compact(ctx context.Context, level *litestream.CompactionLevel) error {
	if level.Level == litestream.SnapshotLevel {
		within, cancel := context.WithCancelCause(ctx)
		defer cancel(nil)
		f.snapshot.Store(&cancel)
		ctx = within
	}
	_, err := f.store.CompactDB(ctx, f.lite, level)
	return err
}

// interrupt ends the snapshot that is being written, if there is one.
func (f *follower) interrupt(cause error) {
	if cancel := f.snapshot.Load(); cancel != nil {
		(*cancel)(cause)
	}
}

// close sends the rest and ends Litestream.
func (f *follower) close(ctx context.Context) error {
	f.goOn()
	return f.guarded(func() error { return f.lite.Close(ctx) })
}

// abandon ends Litestream and sends nothing more; it answers everything with cause.
func (f *follower) abandon(cause error) {
	f.client.refuse(cause)
	_ = f.close(context.Background()) // it says that it was refused
	f.client.refuse(nil)
}

// full marks errors of a full disk as storage does.
func full(err error) error {
	isFull := errors.Is(err, litestream.ErrDiskFull) || errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT)
	if isFull && !errors.Is(err, storage.ErrFull) {
		return fmt.Errorf("%w: %w", storage.ErrFull, err)
	}
	return err
}

// quiet lets through only what Litestream takes for worth a warning.
type quiet struct{ slog.Handler }

func (q quiet) Enabled(ctx context.Context, level slog.Level) bool {
	return level >= slog.LevelWarn && q.Handler.Enabled(ctx, level)
}

func (q quiet) WithAttrs(attributes []slog.Attr) slog.Handler {
	return quiet{q.Handler.WithAttrs(attributes)}
}

func (q quiet) WithGroup(name string) slog.Handler { return quiet{q.Handler.WithGroup(name)} }
