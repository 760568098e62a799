// Less garbage collection than Go would do by itself.
package httpapi

import "sync"

// reserved is what a process sets aside, in bytes. It is never touched, so that
// it takes address space and no memory.
const reserved = 16 << 20

var reserve struct {
	once  sync.Once
	space []byte
}

// reserveMemory makes collections rarer. Go collects when as much has been
// allocated as was left by the collection before; a service keeps some six
// megabytes, and so would collect every two dozen pages. What is reserved counts
// as kept: the process grows by so much at most, and one that holds large
// batches collects as often as ever, which it would not with a higher GOGC.
func reserveMemory() {
	reserve.once.Do(func() { reserve.space = make([]byte, reserved) })
}
