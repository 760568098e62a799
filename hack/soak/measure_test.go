package main

import (
	"strings"
	"testing"
	"time"
)

// TestCompareRest: what grows beyond its bound is told.
func TestCompareRest(t *testing.T) {
	young := resources{RSSMiB: 70, HeapMiB: 20, Goroutines: 50, Descriptors: 40}
	first := resources{RSSMiB: 100, HeapMiB: 8, Goroutines: 150, Descriptors: 60}
	for name, test := range map[string]struct {
		change      func(r *resources)
		connections int
		want        string
	}{
		"flat":                   {func(*resources) {}, 0, ""},
		"goroutines":             {func(r *resources) { r.Goroutines = 111 }, 0, "goroutines leak: 111"},
		"descriptors":            {func(r *resources) { r.Descriptors = 400 }, 0, "descriptors leak: 400"},
		"heap":                   {func(r *resources) { r.HeapMiB = 17 }, 0, "the heap grows: 17"},
		"heap of many that left": {func(r *resources) { r.HeapMiB = 25 }, 10_000, ""},
		"resident":               {func(r *resources) { r.RSSMiB = 340 }, 0, "resident memory grows: 340"},
	} {
		t.Run(name, func(t *testing.T) {
			s := &soak{report: newReport(options{}), began: time.Now()}
			last := resources{RSSMiB: 120, HeapMiB: 9, Goroutines: 80, Descriptors: 70}
			test.change(&last)
			s.compareRest(young, first, last, test.connections)
			got := strings.Join(s.report.Failures, "; ")
			if !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("got %q, want %q", got, test.want)
			}
		})
	}
}
