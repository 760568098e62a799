// The writes that wait for the writer.
package storage

import (
	"context"
	"runtime"
	"os"
	"strconv"
	"sync"
	"time"
)

// Both bound how long the first write of a group waits for the rest.
const (
	maxGroup   = 512
	gatherTime = 500 * time.Microsecond
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
	mutex   sync.Mutex
	arrival sync.Cond
	waiting []*write
	closed  bool
	last, turn int
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
		q.arrival.Wait()
	}
	q.gather()
	count := min(len(q.waiting), maxGroup)
	group = append(group[:0], q.waiting[:count]...)
	left := copy(q.waiting, q.waiting[count:])
	clear(q.waiting[left:])
	q.waiting = q.waiting[:left]
	return group
}

// gather lets the goroutines that are ready to run go first for as long as
// that brings in more writes: those just answered are about to write again,
// and each that comes now is spared a commit of its own. A lone writer waits
// for nobody, since there is nobody to let go first.
func (q *queue) gather() {
	began := time.Now()
	q.turn++
	if MODE == 2 && q.last <= 1 && len(q.waiting) <= 1 && q.turn%16 != 0 {
		q.last = len(q.waiting)
		return
	}
	for known := 0; YIELDS > 0 && known < len(q.waiting) && known < maxGroup && time.Since(began) < gatherTime; {
		known = len(q.waiting)
		q.mutex.Unlock()
		for range YIELDS {
			runtime.Gosched()
		}
		q.mutex.Lock()
	}
	q.last = len(q.waiting)
}

var YIELDS, _ = strconv.Atoi(os.Getenv("YIELDS"))
var MODE, _ = strconv.Atoi(os.Getenv("MODE"))

// close refuses further writes.
func (q *queue) close() {
	q.mutex.Lock()
	defer q.mutex.Unlock()
	q.closed = true
	q.arrival.Signal()
}
