// The writes that wait for the writer.
package storage

import (
	"context"
	"runtime"
	"sync"
	"sync/atomic"
	"time"
)

const (
	// maxGroup and gatherTime bound how long the first write of a group waits
	// for the rest.
	maxGroup   = 512
	gatherTime = 500 * time.Microsecond
	// lookAround is how often a writer that seems to be alone makes sure.
	lookAround = 16
)

type write struct {
	ctx  context.Context
	run  WriteFunc
	err  error
	done chan error
}

// queue holds writes until the writer takes them, a group at a time. Every
// write that push accepted is taken, also after close.
type queue struct {
	mutex     sync.Mutex
	arrival   sync.Cond
	waiting   []*write
	closed    bool
	lastGroup int
	turns     int
	// busy is set while the writer has work.
	busy atomic.Bool
}

func newQueue() *queue {
	q := &queue{}
	q.arrival.L = &q.mutex
	return q
}

// push reports whether the queue still accepts writes.
func (q *queue) push(item *write) bool {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	if q.closed {
		return false
	}
	q.waiting = append(q.waiting, item)
	q.arrival.Signal()
	return true
}

// take waits for writes and puts them into group. It returns none once the
// queue is closed and empty.
func (q *queue) take(group []*write) []*write {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	for len(q.waiting) == 0 {
		if q.closed {
			return nil
		}
		q.busy.Store(false)
		q.arrival.Wait()
	}
	q.busy.Store(true)
	q.gather()
	count := min(len(q.waiting), maxGroup)
	group = append(group[:0], q.waiting[:count]...)
	left := copy(q.waiting, q.waiting[count:])
	clear(q.waiting[left:])
	q.waiting = q.waiting[:left]
	q.lastGroup = count
	return group
}

// gather lets goroutines that are ready to run go first, for as long as that
// brings in more writes: those just answered are about to write again, and
// each that comes now is spared a commit of its own. No timer is as quick as
// that, and none is needed. A lone writer waits for nobody.
func (q *queue) gather() {
	q.turns++
	if q.lastGroup <= 1 && len(q.waiting) == 1 && q.turns%lookAround != 0 {
		return
	}
	began := time.Now()
	for known := 0; known < len(q.waiting) && known < maxGroup && time.Since(began) < gatherTime; {
		known = len(q.waiting)
		q.mutex.Unlock()
		runtime.Gosched()
		q.mutex.Lock()
	}
}

// letWriterPass lets the writer go first if it has work. Go keeps a goroutine
// that comes back from a system call, as the writer does from each commit,
// behind some sixty turns of those that are ready to run, and reads that are
// many can keep it there for long.
func (q *queue) letWriterPass() {
	if q.busy.Load() {
		runtime.Gosched()
	}
}

func (q *queue) length() int {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	return len(q.waiting)
}

// close refuses further writes.
func (q *queue) close() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.closed = true
	q.arrival.Signal()
}
