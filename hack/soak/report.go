// What a run reports: a table for people, JSON for machines.
package main

import (
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// report is the result of a run.
type report struct {
	Seed    uint64        `json:"seed"`
	Load    string        `json:"load"`
	Clients int           `json:"clients"`
	Phases  []phaseReport `json:"phases"`
	// Acknowledged counts the writes of all phases that were, Imports the plays
	// that were exported again and compared.
	Acknowledged int `json:"acknowledged"`
	Imports      int `json:"imports"`
	// Idle is how many idle connections were held at once, IdleKiB what each of
	// them cost in resident memory.
	Idle    int     `json:"idleConnections"`
	IdleKiB float64 `json:"idleConnectionKiB"`
	// Interrupted says that the run did not come to its end.
	Interrupted bool     `json:"interrupted"`
	Skipped     []string `json:"skipped"`
	Failures    []string `json:"failures"`

	mutex sync.Mutex
	phase string // that is running
}

func newReport(o options) *report {
	return &report{
		Seed: o.seed, Load: o.duration.String(), Clients: o.clients, phase: "setup",
		Phases: []phaseReport{}, Skipped: []string{}, Failures: []string{},
	}
}

// mostFailures bounds what is told of a run in which all goes wrong.
const mostFailures = 100

// fail records a failure and returns it with the phase that it happened in.
func (r *report) fail(text string) string {
	r.mutex.Lock()
	defer r.mutex.Unlock()
	text = r.phase + ": " + text
	if len(r.Failures) < mostFailures {
		r.Failures = append(r.Failures, text)
	}
	return text
}

// phaseReport is what the load saw in one phase, and what was found after it.
type phaseReport struct {
	Name    string  `json:"name"`
	Round   int     `json:"round"`
	Seconds float64 `json:"seconds"`
	// RecoveredSeconds is how long it took, once the fault was over, until every
	// service was ready.
	RecoveredSeconds float64 `json:"recoveredSeconds"`
	Requests         int     `json:"requests"`
	Acknowledged     int     `json:"acknowledged"`
	// Statuses counts the answers that were not 2xx.
	Statuses map[string]int `json:"statuses"`
	// MedianMillis and P99Millis are times of answers, those of failures included.
	MedianMillis float64 `json:"medianMillis"`
	P99Millis    float64 `json:"p99Millis"`
	// Compared counts the things that were read back and compared.
	Compared  int       `json:"compared"`
	Resources resources `json:"resources"`
}

func newPhaseReport(name string, w *window) phaseReport {
	line := phaseReport{
		Name: name, Requests: w.requests, Acknowledged: w.acknowledged, Statuses: map[string]int{},
		MedianMillis: millis(w.percentile(0.5)), P99Millis: millis(w.percentile(0.99)),
	}
	for status, count := range w.statuses {
		if !strings.HasPrefix(status, "2") {
			line.Statuses[status] = count
		}
	}
	return line
}

func millis(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (p phaseReport) String() string {
	return fmt.Sprintf("%s: %d requests, %d writes acknowledged, others: %s; %d things as they must be; recovered in %.1f s",
		p.Name, p.Requests, p.Acknowledged, p.refused(), p.Compared, p.RecoveredSeconds)
}

// refused lists the answers that were not 2xx.
func (p phaseReport) refused() string {
	var all []string
	for _, status := range slices.Sorted(maps.Keys(p.Statuses)) {
		all = append(all, fmt.Sprintf("%s×%d", status, p.Statuses[status]))
	}
	if len(all) == 0 {
		return "none"
	}
	return strings.Join(all, " ")
}

func (r *report) print(w io.Writer, asJSON bool) error {
	if asJSON {
		encoder := json.NewEncoder(w)
		encoder.SetIndent("", "  ")
		return encoder.Encode(r)
	}
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleRounded)
	t.AppendHeader(table.Row{"Phase", "s", "Requests", "Acknowledged", "Not 2xx", "p50 ms", "p99 ms", "Compared", "RSS MiB", "Heap MiB", "Goroutines", "Files"})
	for _, p := range r.Phases {
		t.AppendRow(table.Row{
			p.Name, fmt.Sprintf("%.0f", p.Seconds), p.Requests, p.Acknowledged, p.refused(), fmt.Sprintf("%.1f", p.MedianMillis), fmt.Sprintf("%.1f", p.P99Millis),
			p.Compared, fmt.Sprintf("%.0f", p.Resources.RSSMiB), p.Resources.HeapMiB, p.Resources.Goroutines, p.Resources.Descriptors,
		})
	}
	t.Render()
	fmt.Fprintf(w, "%d writes were acknowledged and %d plays imported; %d idle connections at once, %.1f KiB each. Seed %d.\n",
		r.Acknowledged, r.Imports, r.Idle, r.IdleKiB, r.Seed)
	if len(r.Skipped) > 0 {
		fmt.Fprintf(w, "NOT TESTED on this machine: %s.\n", strings.Join(r.Skipped, ", "))
	}
	for _, failure := range r.Failures {
		fmt.Fprintf(w, "FAIL: %s\n", failure)
	}
	if len(r.Failures) == 0 && !r.Interrupted {
		fmt.Fprintln(w, "Every promise was kept.")
	}
	return nil
}
