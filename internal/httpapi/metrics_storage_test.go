package httpapi

import (
	"context"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/storage"
)

// sample returns the value of a series of /metrics.
func (s *testAPI) sample(series string) float64 {
	s.t.Helper()
	for line := range strings.Lines(s.do("GET", "/metrics", "").Body.String()) {
		if value, found := strings.CutPrefix(line, series+" "); found {
			number, err := strconv.ParseFloat(strings.TrimSpace(value), 64)
			if err != nil {
				s.t.Fatal(err)
			}
			return number
		}
	}
	s.t.Fatalf("no series %s", series)
	return 0
}

func (s *testAPI) writes(outcome string) float64 {
	s.t.Helper()
	return s.sample(`fountain_storage_writes_total{outcome="` + outcome + `",service="items"}`)
}

func TestStorageMetrics(t *testing.T) {
	s := newTestAPI(t, Options{})
	const (
		commits  = `fountain_storage_commit_duration_seconds_count{service="items"}`
		seconds  = `fountain_storage_commit_duration_seconds_sum{service="items"}`
		kept     = `fountain_storage_commit_writes_sum{service="items"}`
		inOne    = `fountain_storage_commit_writes_bucket{service="items",le="1"}`
		queue    = `fountain_storage_queue_length{service="items"}`
		wal      = `fountain_database_wal_size_bytes{service="items"}`
		size     = `fountain_database_size_bytes{service="items"}`
		reading  = `fountain_storage_reads_in_progress{service="items"}`
		limit    = `fountain_storage_reads_limit{service="items"}`
		delayed  = `fountain_storage_delayed_reads_total{service="items"}`
		disk     = `fountain_database_disk_size_bytes{service="items"}`
		diskFree = `fountain_database_disk_free_bytes{service="items"}`
	)
	for _, outcome := range storage.Outcomes() {
		if got := s.writes(outcome.String()); got != 0 {
			t.Errorf("%g writes are %s at the start", got, outcome)
		}
	}
	walBefore := s.sample(wal)
	for range 3 {
		if w := s.do("POST", "/items", `{"name":"a"}`); w.Code != http.StatusCreated {
			t.Fatal(w.Body)
		}
	}
	refusal := errors.New("no such item")
	if err := s.db.Write(t.Context(), func(context.Context, *storage.Tx) error { return refusal }); !errors.Is(err, refusal) {
		t.Fatal(err)
	}
	for series, want := range map[string]float64{commits: 3, kept: 3, inOne: 3, queue: 0, reading: 0, delayed: 0} {
		if got := s.sample(series); got != want {
			t.Errorf("%s is %g; want %g", series, got, want)
		}
	}
	if committed, refused := s.writes("committed"), s.writes("refused"); committed != 3 || refused != 1 {
		t.Errorf("%g writes are committed, %g refused; want 3 and 1", committed, refused)
	}
	if s.sample(seconds) <= 0 || s.sample(limit) < 1 || s.sample(wal) <= walBefore {
		t.Error("commits take no time, no reads are possible or the log does not grow")
	}
	if s.sample(size) != float64(s.db.Size()) || s.sample(wal) >= s.sample(size) {
		t.Errorf("%g bytes, of them %g of the log; the database says %d", s.sample(size), s.sample(wal), s.db.Size())
	}
	if s.db.Stats().DiskBytes > 0 && s.sample(diskFree) > s.sample(disk) {
		t.Error("more is free than there is")
	}
}
