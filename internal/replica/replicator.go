// Replicator copies a database to its replica while the service writes.
package replica

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/benbjohnson/litestream"
	"github.com/google/uuid"

	"fountain.coach/fountainai/internal/storage"
)

const (
	// foldAt is the size of the log, in bytes, from which on it is folded into the
	// database: what SQLite does by itself after 1000 pages.
	foldAt = 4 << 20
	// looseFoldAt is the same while the replica has never been reached: folding
	// then costs a new snapshot, so that a short outage should not.
	looseFoldAt = 64 << 20
	// leastBacklog is how much, in bytes, may wait for the replica at least, copied
	// or in a log that cannot be copied or folded. Beyond that, and beyond the
	// database itself, sending all of it anew is less. It is no less than what
	// storage.DB.TrimLog leaves.
	leastBacklog = 64 << 20
	// retryAfter and retryAtMost bound the time between two attempts.
	retryAfter, retryAtMost = time.Second, 30 * time.Second
	// farewell is how long Close tries to send the rest.
	farewell = 10 * time.Second
	// firstLook bounds how long Start waits to learn whose replica it is.
	firstLook = 10 * time.Second
)

// The activities whose failures are kept apart, the gravest first.
const (
	attaching = "attach"
	copying   = "copy"
	sending   = "send"
	merging   = "merge"
	folding   = "fold"
)

var activities = []string{attaching, copying, sending, merging, folding}

// Replicator keeps the replica of one open database. Its methods may be called
// from many goroutines.
type Replicator struct {
	db       *storage.DB
	settings Settings
	logger   *slog.Logger
	client   *client
	self     *owner
	board    *board

	cancel  context.CancelFunc
	done    chan struct{}
	closing sync.Once
	closed  error
	// loose is held by who folds the log while there is no follower, and by who
	// begins or ends one. The goroutine of run alone changes follower.
	loose    sync.Mutex
	follower *follower
	// attached says that this process has written its name to the replica.
	attached bool
}

// Start begins to keep the replica of db, which is the service's and was opened
// with storage.Options.Unfolded. A replica that cannot be reached is tried again
// and again.
//
// It returns an error that wraps ErrForeign if the replica is another database's,
// unless settings allow to start empty.
func Start(ctx context.Context, db *storage.DB, service string, settings Settings) (*Replicator, error) {
	settings = settings.withDefaults()
	if strings.ContainsAny(db.File(), "%?#") {
		return nil, fmt.Errorf("a database that is replicated must not have %%, ? or # in its path: %s", db.File())
	}
	at, err := placeAt(settings.URL, service, settings.Getenv)
	if err != nil {
		return nil, err
	}
	host, _ := os.Hostname()
	r := &Replicator{
		db: db, settings: settings, logger: settings.Logger.With("replica", at.String()), client: &client{at: at}, board: newBoard(at),
		self: &owner{Service: service, Lineage: db.Lineage(), Instance: uuid.NewString(), Host: host},
		done: make(chan struct{}),
	}
	if _, err := r.checkOwner(ctx); errors.Is(err, ErrForeign) && !settings.StartEmpty {
		return nil, errors.Join(err, at.close())
	}
	r.client.mayWrite = func(ctx context.Context) error { return r.self.check(ctx, at) }
	ctx, r.cancel = context.WithCancel(context.WithoutCancel(ctx))
	go r.run(ctx)
	return r, nil
}

// checkOwner looks once whose replica it is, and returns what it says of that, nil
// if nobody has written to it yet.
func (r *Replicator) checkOwner(ctx context.Context) (*owner, error) {
	ctx, cancel := context.WithTimeout(ctx, firstLook)
	defer cancel()
	found, err := readOwner(ctx, r.client.at)
	if err != nil {
		return nil, err
	}
	if err := found.checkService(r.client.at, r.self.Service); err != nil {
		return nil, err
	}
	foreign := found.checkLineage(r.client.at, r.self.Lineage)
	if foreign == nil {
		return found, nil
	}
	// Somebody may have begun it and be gone before the first file.
	if blank, err := r.isBlank(ctx); err != nil || blank {
		return found, err
	}
	return found, foreign
}

// isBlank reports whether the replica holds no file.
func (r *Replicator) isBlank(ctx context.Context) (bool, error) {
	for level := range litestream.SnapshotLevel + 1 {
		if files, err := r.client.files(ctx, level, false); err != nil || len(files) > 0 {
			return false, err
		}
	}
	return true, nil
}

// Status returns how the replica is.
func (r *Replicator) Status() Status {
	status := r.board.read()
	status.SentBytes = r.client.written.Load()
	return status
}

// Close sends what is still missing, for a while, and ends. The database must
// still be open. Later calls return what the first returned.
func (r *Replicator) Close() error {
	r.closing.Do(func() {
		r.cancel()
		select {
		case <-r.done:
		case <-time.After(farewell):
			r.closed = fmt.Errorf("the replica %s does not answer", r.client.at)
			return
		}
		if err := r.finish(); err != nil {
			r.closed = fmt.Errorf("the replica %s lacks what was written last; the next start sends it: %w", r.client.at, err)
		}
		r.board.change(func(s *Status) { s.State = Stopped })
		r.closed = errors.Join(r.closed, r.client.at.close())
	})
	return r.closed
}

// finish sends the rest, also when the end came before the first attempt to.
func (r *Replicator) finish() error {
	ctx, cancel := context.WithTimeout(context.Background(), farewell)
	defer cancel()
	if status := r.board.read(); r.follower == nil && (status.State == Superseded || status.Failure != nil) {
		return status.Failure
	}
	if r.follower == nil {
		if err := r.attach(ctx); err != nil {
			return err
		}
	}
	return r.follower.close(ctx)
}

// run attaches to the replica, follows the log, and begins again when that cannot
// go on.
func (r *Replicator) run(ctx context.Context) {
	defer close(r.done)
	var tending sync.WaitGroup
	defer tending.Wait()
	tending.Go(func() { r.tend(ctx) })
	wait := time.Duration(0)
	for pause(ctx, wait, nil) {
		if r.board.read().State == Superseded {
			wait = retryAtMost
			continue
		}
		err := r.attach(ctx)
		r.report(ctx, attaching, err)
		if errors.Is(err, ErrSuperseded) {
			r.board.change(func(s *Status) { s.State = Superseded })
		}
		if err != nil {
			wait = min(max(2*wait, retryAfter), retryAtMost)
			continue
		}
		wait = retryAfter
		r.board.change(func(s *Status) { s.State = Following })
		if err := r.follower.follow(ctx); err != nil {
			r.detach(err)
		}
	}
}

// pause waits, less if early says so, and reports whether ctx goes on.
func pause(ctx context.Context, wait time.Duration, early <-chan struct{}) bool {
	select {
	case <-ctx.Done():
		return false
	case <-early:
	case <-time.After(wait):
	}
	return ctx.Err() == nil
}

// report notes how an activity went and logs the first of several failures, and
// their end.
func (r *Replicator) report(ctx context.Context, activity string, err error) {
	if err != nil && ctx.Err() != nil {
		return // told to stop
	}
	if !r.board.note(activity, err) {
		return
	}
	if err != nil {
		r.logger.Error("replica fails; writes go on", "activity", activity, "error", oneLine{err})
		return
	}
	r.logger.Info("replica works again", "activity", activity)
}

// tend folds the log while nobody follows it, for as long as the Replicator runs.
func (r *Replicator) tend(ctx context.Context) {
	for pause(ctx, r.settings.Interval, nil) {
		r.report(ctx, folding, r.foldLoose(ctx))
	}
}

// foldLoose folds the log when it has grown and nobody follows it. What was not
// copied then cannot be told any more, so the place in the log is given up, and
// the next follower begins with a snapshot: later, if there is a place to give up.
func (r *Replicator) foldLoose(ctx context.Context) error {
	r.loose.Lock()
	defer r.loose.Unlock()
	if r.follower != nil {
		return nil
	}
	size := r.db.LogSize()
	if size < foldAt {
		return nil
	}
	limit := int64(foldAt)
	if _, err := os.Stat(r.folder()); err == nil {
		limit = looseFoldAt
	}
	free := r.db.Stats().DiskFreeBytes
	tight := free > 0 && free < uint64(2*size)
	if size < limit && !tight {
		return nil
	}
	if err := storage.ForgetFollower(r.db.File()); err != nil {
		return err
	}
	r.board.change(r.allWaits)
	if size >= looseFoldAt || tight {
		if err := r.db.Fold(ctx, true); !errors.Is(err, storage.ErrUnavailable) {
			return err
		}
	}
	return r.db.Fold(ctx, false)
}

// folder is where a follower keeps its place in the log.
func (r *Replicator) folder() string { return storage.FollowerFolder(r.db.File()) }

// attach makes a follower that goes on where the replica ends.
func (r *Replicator) attach(ctx context.Context) (err error) {
	found, err := r.checkOwner(ctx)
	if err != nil {
		return err
	}
	if r.attached {
		// Whoever has begun since has another history by now.
		if err := r.self.isNamedBy(found, r.client.at); err != nil {
			return err
		}
	}
	if err := r.keepPlace(found); err != nil {
		return err
	}
	r.self.Since = time.Now().UTC()
	// From here on whoever wrote to it before writes no more.
	if err := r.self.write(ctx, r.client.at); err != nil {
		return err
	}
	r.attached = true
	if err := r.signPlace(); err != nil {
		return err
	}
	f := &follower{Replicator: r, news: make(chan struct{}, 1)}
	there, err := r.client.files(ctx, 0, false)
	if err != nil {
		return err
	}
	r.loose.Lock()
	defer r.loose.Unlock()
	if err := f.begin(ctx, there); err != nil {
		if errors.As(broken(err), new(errAnew)) || errors.Is(err, storage.ErrFull) {
			// What is kept of the log cannot be used, or has filled the disk.
			err = errors.Join(err, storage.ForgetFollower(r.db.File()))
			r.board.change(r.allWaits)
		}
		return err
	}
	if err := r.signPlace(); err != nil {
		return errors.Join(err, f.close(ctx))
	}
	r.follower = f
	return nil
}

// instanceFile, beside the place in the log, names the process that last wrote to
// the replica from there.
const instanceFile = "instance"

// keepPlace gives the place in the log up if another process has written to the
// replica since: what is there then does not go on from here.
func (r *Replicator) keepPlace(found *owner) error {
	last, err := os.ReadFile(filepath.Join(r.folder(), instanceFile))
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	if found != nil && (found.Instance == string(last) || found.Instance == r.self.Instance) {
		return nil
	}
	if _, err := os.Stat(r.folder()); err == nil && found != nil {
		r.logger.Warn("another process has written to the replica since; it gets the whole database anew, and what that one wrote stays until it is too old", "host", found.Host, "since", found.Since)
	}
	return storage.ForgetFollower(r.db.File())
}

// signPlace notes that the place in the log, if there is one, goes with this process.
func (r *Replicator) signPlace() error {
	err := os.WriteFile(filepath.Join(r.folder(), instanceFile), []byte(r.self.Instance), 0o600)
	if errors.Is(err, fs.ErrNotExist) {
		return nil
	}
	return full(err)
}

// detach ends the follower; its place in the log is lost.
func (r *Replicator) detach(cause error) {
	r.client.refuse(cause)
	r.loose.Lock()
	r.follower.abandon(cause)
	r.follower = nil
	if err := storage.ForgetFollower(r.db.File()); err != nil {
		r.report(context.Background(), copying, err)
	}
	r.loose.Unlock()
	state := Waiting
	if errors.Is(cause, ErrSuperseded) {
		state = Superseded
	}
	r.board.change(func(s *Status) {
		s.State = state
		r.allWaits(s)
	})
}

// allWaits notes that the place in the log is lost, so that all of the database is
// to be sent.
func (r *Replicator) allWaits(s *Status) {
	if s.State != Superseded {
		s.Transactions, s.Bytes = 1, r.db.Size()
	}
}
