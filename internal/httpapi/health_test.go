package httpapi

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"runtime"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/storage"
)

// pragma changes how the writer's connection of SQLite behaves.
func (s *testAPI) pragma(pragma string) {
	s.t.Helper()
	err := s.db.Write(context.Background(), func(_ context.Context, tx *storage.Tx) error {
		return tx.Query("PRAGMA "+pragma, nil, func(func(dest ...any) error) error { return nil })
	})
	if err != nil {
		s.t.Fatal(err)
	}
}

func TestHealth(t *testing.T) {
	s := newTestAPI(t, Options{})
	s.fill(3)
	health := s.do("GET", "/healthz", "")
	if want := fmt.Sprintf(`{"service":"items","status":"ok","version":%q}`+"\n", Version()); health.Code != 200 || health.Body.String() != want {
		t.Errorf("got %d %s", health.Code, health.Body)
	}
	for target, wantRows := range map[string]bool{"/readyz": false, "/readyz?rows=true": true, "/readyz?rows=false": false, "/readyz?rows": false} {
		w := s.do("GET", target, "")
		var ready Readiness
		if err := json.Unmarshal(w.Body.Bytes(), &ready); err != nil || w.Code != 200 {
			t.Fatalf("%s: got %d %s", target, w.Code, w.Body)
		}
		if ready.Status != Ready || ready.Detail != "" || ready.Service != "items" || ready.Version != Version() || ready.Database.SizeBytes == 0 ||
			runtime.GOOS == "linux" && ready.Database.DiskFreeBytes == nil {
			t.Errorf("%s: got %+v", target, ready)
		}
		if hasRows := ready.Database.Rows != nil; hasRows != wantRows || wantRows && fmt.Sprint(ready.Database.Rows) != "map[items:3]" {
			t.Errorf("%s: rows: got %v", target, ready.Database.Rows)
		}
		if got := w.Header().Get("Cache-Control"); got != "no-store" {
			t.Errorf("Cache-Control: got %q", got)
		}
	}
}

func TestNotReady(t *testing.T) {
	tests := []struct {
		name    string
		prepare func(s *testAPI)
		level   string
	}{
		{"draining", func(s *testAPI) { s.draining.Store(true) }, "DEBUG"},
		{"the disk refuses writes", func(s *testAPI) { s.pragma("query_only = ON") }, "ERROR"},
		{"closed", func(s *testAPI) { s.db.Close() }, "ERROR"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			s := newTestAPI(t, Options{})
			test.prepare(s)
			w := s.do("GET", "/readyz", "")
			if w.Code != http.StatusServiceUnavailable || problemOf(t, w).Code != "not_ready" || w.Header().Get("Retry-After") == "" {
				t.Errorf("got %d %s", w.Code, w.Body)
			}
			if alive := s.do("GET", "/healthz", ""); alive.Code != http.StatusOK {
				t.Errorf("/healthz: got %d", alive.Code)
			}
		})
	}
}

// TestHangingDisk: a write that does not end must not hold up the answer.
func TestHangingDisk(t *testing.T) {
	s := newTestAPI(t, Options{})
	begun, release := make(chan struct{}), make(chan struct{})
	hanging := make(chan error, 1)
	go func() {
		hanging <- s.db.Write(context.Background(), func(context.Context, *storage.Tx) error {
			close(begun)
			<-release
			return nil
		})
	}()
	<-begun
	w := s.do("GET", "/readyz", "")
	if w.Code != http.StatusServiceUnavailable || !strings.Contains(problemOf(t, w).Detail, "cannot be used at the moment") {
		t.Errorf("got %d %s", w.Code, w.Body)
	}
	close(release)
	if err := <-hanging; err != nil {
		t.Error(err)
	}
	if w := s.do("GET", "/readyz", ""); w.Code != http.StatusOK {
		t.Errorf("afterwards: got %d %s", w.Code, w.Body)
	}
}

// TestFullDisk: a write that finds no room is refused as a whole, with and
// without a key, and works again once there is room.
func TestFullDisk(t *testing.T) {
	s := newTestAPI(t, Options{})
	s.fill(1)
	s.pragma("max_page_count = 1") // SQLite makes it what the database has
	refused := 0
	for i := range 400 {
		name := fmt.Sprintf("%d %s", i, strings.Repeat("x", 80))
		var key []string
		if i%2 == 0 {
			key = []string{keyHeader, fmt.Sprint("k", i)}
		}
		w := s.do("POST", "/items", `{"name":"`+name+`"}`, key...)
		switch {
		case w.Code == http.StatusInsufficientStorage && problemOf(t, w).Code == "storage_full" && w.Header().Get("Retry-After") == "":
			refused++
			if s.count(name) != 0 {
				t.Errorf("%s was refused and is there", name)
			}
		case w.Code == http.StatusCreated && s.count(name) == 1:
		default:
			t.Fatalf("got %d %s, and the item is there %d times\n%s", w.Code, w.Body, s.count(name), s.log)
		}
	}
	if refused == 0 {
		t.Fatal("nothing was refused")
	}
	if w := s.do("GET", "/items", ""); w.Code != http.StatusOK {
		t.Errorf("reading: got %d %s", w.Code, w.Body)
	}
	s.pragma("max_page_count = 1000000")
	if w := s.do("POST", "/items", `{"name":"again"}`, keyHeader, "again"); w.Code != http.StatusCreated {
		t.Errorf("with room again: got %d %s", w.Code, w.Body)
	}
}

// TestReadOnly: with a full disk a service stays where it can be read, and says
// what it cannot do.
func TestReadOnly(t *testing.T) {
	s := newTestAPI(t, Options{})
	s.fill(3)
	err := s.db.Write(t.Context(), func(_ context.Context, tx *storage.Tx) error {
		for _, statement := range []string{"CREATE TABLE ballast (content BLOB)",
			"CREATE TRIGGER heavy AFTER UPDATE ON storage_probe BEGIN INSERT INTO ballast VALUES (zeroblob(65536)); END"} {
			if _, err := tx.Exec(statement); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	readiness := func() (ready Readiness) {
		t.Helper()
		w := s.do("GET", "/readyz?rows=true", "")
		if err := json.Unmarshal(w.Body.Bytes(), &ready); err != nil || w.Code != http.StatusOK {
			t.Fatalf("got %d %s", w.Code, w.Body)
		}
		return ready
	}
	if ready := readiness(); ready.Status != Ready {
		t.Errorf("with room: got %+v", ready)
	}
	s.pragma("max_page_count = 1")
	if ready := readiness(); ready.Status != ReadOnly || !strings.Contains(ready.Detail, "Free some space") || ready.Database.Rows["items"] != 3 {
		t.Errorf("without room: got %+v", ready)
	}
	if !strings.Contains(s.log.String(), `"level":"ERROR"`) {
		t.Error("nothing in the log tells of it")
	}
	s.pragma("max_page_count = 1000000")
	if ready := readiness(); ready.Status != Ready || ready.Detail != "" {
		t.Errorf("with room again: got %+v", ready)
	}
}
