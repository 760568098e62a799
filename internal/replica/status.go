// How a replica is, for people and for Prometheus.
package replica

import (
	"strings"
	"sync"
	"time"
)

// State is what a Replicator does.
type State string

// The states.
const (
	// Waiting: the replica could not be reached yet, or holds what is not ours.
	Waiting State = "waiting"
	// Following: what is written goes to the replica.
	Following State = "following"
	// Superseded: another process writes to the replica; this one never will again.
	Superseded State = "superseded"
	// Stopped: the Replicator has been closed.
	Stopped State = "stopped"
)

// Status is a Replicator at one moment.
type Status struct {
	// Place is where the replica is.
	Place string
	State State
	// Synced is when all that had been written was last known to be there; zero
	// if it has not been since the start, which was at Started.
	Synced, Started time.Time
	// Transactions and Bytes are what waits to be sent: how many steps, as they
	// are copied from the log twice a second, and how large. Once that has been
	// given up it is the whole database as it was then; once Superseded, what
	// waited last and is never sent.
	Transactions, Bytes int64
	// SentBytes counts what has been sent, Snapshots how often that began with
	// the whole database, Failures what went wrong, since the start.
	SentBytes, Snapshots, Failures int64
	// Failure is what went wrong last, in one line, nil if that is over.
	Failure error
}

// Age returns the time since all that had been written was known to be there, or
// since the start.
func (s Status) Age(now time.Time) time.Duration {
	if s.Synced.IsZero() {
		return max(now.Sub(s.Started), 0)
	}
	return max(now.Sub(s.Synced), 0)
}

// board holds a Status that several goroutines write on. What the copying of the
// log and what the sending met are kept apart, so that one's success does not
// hide the other's failure.
type board struct {
	mutex    sync.Mutex
	status   Status
	failures map[string]error
}

func newBoard(at place) *board {
	return &board{status: Status{Place: at.String(), State: Waiting, Started: time.Now()}, failures: map[string]error{}}
}

// note records how an activity went, and reports whether that is news.
func (b *board) note(activity string, err error) bool {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	before := b.failures[activity]
	b.failures[activity] = nil
	if err != nil {
		b.failures[activity] = oneLine{err}
		b.status.Failures++
	}
	return (before == nil) != (err == nil)
}

// oneLine is an error that is told in one line, which joined ones are not.
type oneLine struct{ error }

func (o oneLine) Error() string { return strings.ReplaceAll(o.error.Error(), "\n", "; ") }

func (o oneLine) Unwrap() error { return o.error }

func (b *board) change(change func(*Status)) {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	change(&b.status)
}

func (b *board) read() Status {
	b.mutex.Lock()
	defer b.mutex.Unlock()
	status := b.status
	for _, activity := range activities {
		if status.Failure = b.failures[activity]; status.Failure != nil {
			break
		}
	}
	return status
}
