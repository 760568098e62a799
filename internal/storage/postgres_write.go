// Writes on PostgreSQL: each a transaction of its own, as if it were alone.
package storage

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/jackc/pgx/v5/pgconn"
)

// Stores are written as if nobody else wrote: they look, decide, and write. On
// SQLite that is so. Here SERIALIZABLE makes it look so to any number of
// replicas: the server ends a transaction that cannot have been alone with an
// error, and it runs again, since nobody has been answered yet. Each request
// has a transaction of its own, so that one waits for the network while others
// work, and that one's conflict is not every one's; the server groups their
// flushes as the writer loop does for SQLite.
//
// Where many want one row, as the counter of one script, running again and
// again would be the rule. So a write that was disturbed takes the database for
// itself the second time: nothing can come between, and the others wait no
// longer than it takes.
const (
	beginWrite = "BEGIN ISOLATION LEVEL SERIALIZABLE"
	// maxAttempts is how often a write is tried. One that runs alone is
	// disturbed no more; the rest is for servers without LOCK TABLE.
	maxAttempts = 12
	// retryPause is the mean pause before the first of those, doubled each time
	// up to longestPause.
	retryPause   = 2 * time.Millisecond
	longestPause = 200 * time.Millisecond
)

// ErrUncertain means that the connection to the server broke while a write was
// being committed: the write may be kept or not.
var ErrUncertain = errors.New("it is not known whether the write was kept")

// errConflict means that the server gave up a transaction for another one.
var errConflict = errors.New("another write came between")

// errBroken means that the connection was lost before the commit: nothing of
// the write is kept.
var errBroken = errors.New("the connection was lost before the commit")

func (p *postgres) write(ctx context.Context, run WriteFunc) error {
	began := time.Now()
	var err error
	for attempt := range maxAttempts {
		if err = p.attempt(ctx, run, p.begin(attempt)); !p.again(err, attempt) || ctx.Err() != nil {
			break
		}
		p.pause(attempt)
	}
	if errors.Is(err, errConflict) {
		err = fmt.Errorf("%w: too many writes want the same: %w", ErrUnavailable, err)
	}
	p.report(time.Since(began), err)
	return err
}

func (p *postgres) begin(attempt int) string {
	if attempt == 0 {
		return beginWrite + p.together
	}
	return beginWrite + p.alone
}

// again reports whether a write that ended with err is to be tried once more.
// Of a connection that broke, one more try finds out whether the server is back,
// unless it was there and did not answer.
func (p *postgres) again(err error, attempt int) bool {
	return errors.Is(err, errConflict) || errors.Is(err, errBroken) && attempt == 0 && !pgconn.Timeout(err)
}

// pause lets others go first where they cannot be kept out.
func (p *postgres) pause(attempt int) {
	if p.alone == "" {
		time.Sleep(rand.N(2 * min(retryPause<<attempt, longestPause)))
	}
}

// attempt runs run in one transaction and commits it.
func (p *postgres) attempt(ctx context.Context, run WriteFunc, begin string) (err error) {
	lent, err := p.lend(ctx, p.writes, begin)
	if err != nil {
		return asConflict(err)
	}
	tx, cancel := newServerTx(ctx, lent)
	defer cancel()
	ended := false
	defer func() {
		tx.ended.Store(true)
		p.giveBack(p.writes, lent, ended)
	}()
	if err := tx.guarded(context.WithValue(ctx, txKey{}, tx), run); err != nil {
		return tx.failure(err)
	}
	ended, err = lent.commit()
	return err
}

// failure returns what a transaction that is not committed ended with: the
// server's reason for giving it up, whatever run made of that.
func (tx *Tx) failure(err error) error {
	switch {
	case tx.broken == nil:
		return err
	case tx.connection.isLost():
		return fmt.Errorf("%w: %w", errBroken, tx.broken)
	}
	return asConflict(tx.broken)
}

// asConflict marks the errors after which a transaction can run again.
func asConflict(err error) error {
	if isConflict(err) {
		return fmt.Errorf("%w: %w", errConflict, err)
	}
	return err
}

// isConflict reports whether a serializable transaction was given up for
// another, or to end a deadlock.
func isConflict(err error) bool {
	code := serverCode(err)
	return code == "40001" || code == "40P01"
}

// commit reports whether the transaction has ended, and its error. An answer of
// the server is certain either way, unless it says that it is not; no answer is not.
func (c *connection) commit() (ended bool, err error) {
	tag, err := c.simple("COMMIT")
	switch {
	case err == nil && tag == "COMMIT":
		return true, nil
	case err == nil:
		// What COMMIT answers in a transaction in which a statement has failed.
		return true, fmt.Errorf("the transaction was rolled back (%s): the error of one of its statements was passed over", tag)
	case slices.Contains([]string{"", "40003", "08007"}, serverCode(err)) || c.isLost():
		return false, fmt.Errorf("%w: %w", ErrUncertain, err)
	}
	return true, asConflict(explainServer(err))
}

// report tells the observer of one write.
func (p *postgres) report(took time.Duration, err error) {
	observer := p.observer.Load()
	if observer == nil {
		return
	}
	commit := Commit{Took: took}
	commit.Writes[outcomeOf(err)]++
	(*observer)(commit)
}
