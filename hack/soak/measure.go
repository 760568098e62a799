// What the program takes of the machine.
package main

import (
	"context"
	"net/http"
	"time"

	"github.com/prometheus/procfs"
)

// resources are what the program has at one moment.
type resources struct {
	// RSSMiB is its resident memory.
	RSSMiB float64 `json:"rssMiB"`
	// HeapMiB is what the last garbage collection found in use, in whole MiB.
	HeapMiB     int `json:"heapMiB"`
	Goroutines  int `json:"goroutines"`
	Descriptors int `json:"descriptors"`
}

func (s *soak) resources(ctx context.Context) (resources, error) {
	var r resources
	process, err := procfs.NewProc(s.server.process.Process.Pid)
	if err != nil {
		return r, err
	}
	status, err := process.NewStatus()
	if err != nil {
		return r, err
	}
	r.RSSMiB = float64(status.VmRSS) / (1 << 20)
	_, r.HeapMiB = s.server.log.collections()
	goroutines, err := s.caller.sample(ctx, services[0], "go_goroutines", "")
	if err != nil {
		return r, err
	}
	descriptors, err := s.caller.sample(ctx, services[0], "process_open_fds", "")
	r.Goroutines, r.Descriptors = int(goroutines), int(descriptors)
	return r, err
}

const (
	// settleIn bounds how long connections inside the program, which are kept
	// for 30 s, may take to end once the load rests.
	settleIn = 75 * time.Second
	// moreGoroutines is how many more a program that has worked may have than
	// a new one. The health checks keep a connection to each of five services,
	// the story factory some to its peers for two minutes; each takes four.
	moreGoroutines = 60
	// moreHeapMiB and moreHeapShare are how much the heap may grow between two
	// rests, after collections: the buffers of what is under way just then, and
	// tables that do not shrink. Go keeps what describes a goroutine, about half
	// a KiB, for the next one: goroutineKiB is that and its place in tables, for
	// each connection that was open at once.
	moreHeapMiB   = 8
	moreHeapShare = 0.5
	goroutineKiB  = 1
	// moreRSSMiB is how much resident memory may grow over the same time. SQLite
	// caches up to 2 MiB of pages for each connection outside of Go's heap: five
	// services, each with a writer and up to 16 readers, come to 170 MiB once
	// all have been used; Go gives memory back to the system in its own time.
	moreRSSMiB = 170 + 64
	// perIdleKiB is how much an idle connection may cost.
	perIdleKiB = 64
)

// rest waits, with the load at rest, until the program has no more goroutines
// than want allows, has it collect garbage, and returns what it takes then.
func (s *soak) rest(ctx context.Context, want int) (resources, error) {
	s.caller.client.CloseIdleConnections()
	for began := time.Now(); ; {
		r, err := s.resources(ctx)
		if err != nil || ctx.Err() != nil {
			return r, err
		}
		if r.Goroutines <= want || time.Since(began) > settleIn {
			break
		}
		s.caller.client.CloseIdleConnections()
		time.Sleep(time.Second)
	}
	// Two collections: the first may have begun before the rest did.
	for first, _ := s.server.log.collections(); ctx.Err() == nil; {
		if cycles, _ := s.server.log.collections(); cycles >= first+2 {
			break
		}
		// Small pages: what is under way counts as in use.
		if _, err := s.caller.send(ctx, request{service: "character", method: http.MethodGet, path: "/actions?limit=20"}); err != nil {
			return resources{}, err
		}
	}
	return s.resources(ctx)
}

// compareRest holds what the program takes at the end of its life against what
// it took when it was new and at its first rest; connections is how many it has
// had at once for the first time since then.
func (s *soak) compareRest(young, first, last resources, connections int) {
	s.progress("at rest: new %+v, first %+v, last %+v", young, first, last)
	if most := young.Goroutines + moreGoroutines; last.Goroutines > most {
		s.fail("goroutines leak: %d at the end, %d when the program was new (up to %d allowed)", last.Goroutines, young.Goroutines, most)
	}
	if most := young.Descriptors + 3*5*17; last.Descriptors > most { // files of every connection to every database
		s.fail("descriptors leak: %d at the end, %d when the program was new (up to %d allowed)", last.Descriptors, young.Descriptors, most)
	}
	most := first.HeapMiB + max(moreHeapMiB, int(moreHeapShare*float64(first.HeapMiB))) + connections*goroutineKiB/1024
	if last.HeapMiB > most {
		s.fail("the heap grows: %d MiB at the end, %d at the first rest (up to %d allowed)", last.HeapMiB, first.HeapMiB, most)
	}
	if most := first.RSSMiB + moreRSSMiB; last.RSSMiB > most {
		s.fail("resident memory grows: %.0f MiB at the end, %.0f at the first rest (up to %.0f allowed)", last.RSSMiB, first.RSSMiB, most)
	}
}
