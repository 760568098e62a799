package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

// TestReport: what was not tested or not kept is never passed over.
func TestReport(t *testing.T) {
	const kept = "Every promise was kept."
	for name, test := range map[string]struct {
		change func(r *report)
		has    string
		lacks  string
	}{
		"kept":        {func(*report) {}, kept, "NOT TESTED"},
		"skipped":     {func(r *report) { r.Skipped = append(r.Skipped, "full disk") }, "NOT TESTED on this machine: full disk.", "FAIL"},
		"failed":      {func(r *report) { r.phase = "calm"; r.fail("lost") }, "FAIL: calm: lost", kept},
		"interrupted": {func(r *report) { r.Interrupted = true }, "0 writes", kept},
	} {
		t.Run(name, func(t *testing.T) {
			r := newReport(options{seed: 7})
			w := newWindow(nil, nil)
			w.note(request{method: "POST"}, answer{status: 507}, nil, unchanged, 0)
			r.Phases = append(r.Phases, newPhaseReport("full disk", w))
			test.change(r)
			var text, machine bytes.Buffer
			if err := r.print(&text, false); err != nil {
				t.Fatal(err)
			}
			if got := text.String(); !strings.Contains(got, test.has) || strings.Contains(got, test.lacks) || !strings.Contains(got, "507×1") {
				t.Errorf("got %s", got)
			}
			var back report
			if err := r.print(&machine, true); err != nil {
				t.Fatal(err)
			}
			if err := json.Unmarshal(machine.Bytes(), &back); err != nil || back.Seed != 7 || len(back.Failures) != len(r.Failures) || back.Phases[0].Statuses["507"] != 1 {
				t.Errorf("as JSON: %s, %v", machine.String(), err)
			}
		})
	}
}
