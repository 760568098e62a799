// A window is the time of one phase: what the load asked and got in it.
package main

import (
	"bytes"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"
)

// broken stands for the status of a request that got no whole answer.
const broken = "broken"

// window counts. Which answers are allowed in it depends on the fault.
type window struct {
	// refuses are the statuses with which changes may be refused, fails those
	// that reads may get as well.
	refuses, fails []string

	mutex        sync.Mutex
	requests     int
	acknowledged int // changes
	statuses     map[string]int
	// full counts the 507 by service.
	full map[string]int
	took []time.Duration
	// unexpected counts what is not allowed, by method and status; examples has
	// one of each.
	unexpected map[string]int
	examples   map[string]string
}

func newWindow(refuses, fails []string) *window {
	return &window{
		refuses: refuses, fails: fails, statuses: map[string]int{}, full: map[string]int{},
		unexpected: map[string]int{}, examples: map[string]string{},
	}
}

// note counts a request and what came of it.
func (w *window) note(r request, given answer, err error, o outcome, took time.Duration) {
	status := strconv.Itoa(given.status)
	if err != nil {
		status = broken
	}
	w.mutex.Lock()
	defer w.mutex.Unlock()
	w.requests++
	w.statuses[status]++
	w.took = append(w.took, took)
	reads := r.method == http.MethodGet
	if given.status == http.StatusInsufficientStorage {
		w.full[r.service]++
	}
	switch {
	case o == done && !reads:
		w.acknowledged++
	case o == done, slices.Contains(w.fails, status), !reads && slices.Contains(w.refuses, status):
	default:
		what := r.method + " " + status
		w.unexpected[what]++
		if w.examples[what] == "" {
			w.examples[what] = fmt.Sprintf("%s %s of %s: %.300s %v", r.method, r.path, r.service, bytes.TrimSpace(given.body), err)
		}
	}
}

// surprises tells what was not allowed.
func (w *window) surprises() (all []string) {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	for what, count := range w.unexpected {
		all = append(all, fmt.Sprintf("%d times %s, as %s", count, what, w.examples[what]))
	}
	slices.Sort(all)
	return all
}

// fullServices returns how many services have answered 507.
func (w *window) fullServices() int {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	return len(w.full)
}

// percentile returns the time within which a share of the requests was answered.
func (w *window) percentile(share float64) time.Duration {
	w.mutex.Lock()
	defer w.mutex.Unlock()
	if len(w.took) == 0 {
		return 0
	}
	slices.Sort(w.took)
	return w.took[min(int(share*float64(len(w.took))), len(w.took)-1)]
}
