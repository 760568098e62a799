package httpapi

import (
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/storage"
)

const keyHeader = "Idempotency-Key"

// count returns how many items have the name.
func (s *testAPI) count(name string) int {
	s.t.Helper()
	count, err := storage.ReadValue(s.t.Context(), s.db, func(tx *storage.Tx) (int, error) {
		var count int
		err := tx.QueryRow("SELECT count(*) FROM items WHERE name = $1", []any{name}, &count)
		return count, err
	})
	if err != nil {
		s.t.Fatal(err)
	}
	return count
}

func (s *testAPI) runs(name string) int {
	times, found := s.behaviour.runs.Load(name)
	if !found {
		return 0
	}
	return *times.(*int)
}

func replayed(w *httptest.ResponseRecorder) bool {
	return w.Header().Get("Idempotency-Replayed") == "true"
}

func TestReplay(t *testing.T) {
	s := newTestAPI(t, Options{})
	first := s.do("POST", "/items", `{"name":"a"}`, keyHeader, "k", "X-Request-Id", "one")
	again := s.do("POST", "/items", `{"name":"a"}`, keyHeader, "k", "X-Request-Id", "two")
	if first.Code != http.StatusCreated || replayed(first) || first.Header().Get("X-Request-Id") != "one" {
		t.Errorf("first: got %d, %v", first.Code, first.Header())
	}
	if again.Code != http.StatusCreated || !replayed(again) || again.Header().Get("X-Request-Id") != "two" {
		t.Errorf("again: got %d, %v", again.Code, again.Header())
	}
	if again.Body.String() != first.Body.String() {
		t.Errorf("body: got %s, want %s", again.Body, first.Body)
	}
	for _, name := range []string{"Etag", "Location", "Content-Type"} {
		if got, want := again.Header().Get(name), first.Header().Get(name); got != want || want == "" {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if first.Header().Get("X-Private") == "" || again.Header().Get("X-Private") != "" {
		t.Error("X-Private: want it on the first answer alone")
	}
	if s.count("a") != 1 || s.runs("a") != 1 {
		t.Errorf("got %d items in %d runs", s.count("a"), s.runs("a"))
	}
}

func TestKeyReused(t *testing.T) {
	s := newTestAPI(t, Options{})
	s.do("POST", "/items", `{"name":"a"}`, keyHeader, "k")
	tests := []struct {
		name, target, body string
		headers            []string
		status             int
	}{
		{"other body", "/items", `{"name":"b"}`, nil, 422},
		{"other space", "/items", `{"name":"a"} `, nil, 422},
		{"other path", "/items/batch", `{"items":[{"name":"a"}]}`, nil, 422},
		{"other consumer", "/items", `{"name":"b"}`, []string{"X-Consumer-Username", "romeo"}, 201},
		{"invalid", "/items", `{}`, nil, 400}, // validation comes first
		{"same", "/items", `{"name":"a"}`, nil, 201},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := s.do("POST", test.target, test.body, append(test.headers, keyHeader, "k")...)
			if w.Code != test.status {
				t.Fatalf("got %d, want %d: %s", w.Code, test.status, w.Body)
			}
			if w.Code == 422 && problemOf(t, w).Code != "idempotency_key_reused" {
				t.Errorf("got %s", w.Body)
			}
		})
	}
}

// TestNotRemembered: what was not done is done when it is asked for again.
func TestNotRemembered(t *testing.T) {
	s := newTestAPI(t, Options{})
	for _, name := range []string{"panic", "error", "full", "conflict"} {
		body := `{"name":"` + name + `"}`
		first := s.do("POST", "/items", body, keyHeader, name)
		again := s.do("POST", "/items", body, keyHeader, name)
		if first.Code < 400 || again.Code != first.Code || replayed(again) {
			t.Errorf("%s: got %d, then %d, replayed %v", name, first.Code, again.Code, replayed(again))
		}
		if other := s.do("POST", "/items", `{"name":"fine `+name+`"}`, keyHeader, name); other.Code != http.StatusCreated {
			t.Errorf("%s: the key is held by a request that failed: %d", name, other.Code)
		}
	}
	// "conflict" inserts before it refuses: the insert is undone with the answer.
	if s.count("conflict") != 0 || s.runs("conflict") != 2 {
		t.Errorf("conflict: got %d items in %d runs", s.count("conflict"), s.runs("conflict"))
	}
}

// TestConcurrentDuplicates: one execution, however many ask at once.
func TestConcurrentDuplicates(t *testing.T) {
	s := newTestAPI(t, Options{})
	const clients = 32
	var group sync.WaitGroup
	answers := make([]*httptest.ResponseRecorder, clients)
	for i := range clients {
		group.Go(func() { answers[i] = s.do("POST", "/items", `{"name":"a"}`, keyHeader, "k") })
	}
	group.Wait()
	fresh := 0
	for _, answer := range answers {
		if answer.Code != http.StatusCreated || answer.Body.String() != answers[0].Body.String() {
			t.Errorf("got %d %s", answer.Code, answer.Body)
		}
		if !replayed(answer) {
			fresh++
		}
	}
	if fresh != 1 || s.count("a") != 1 || s.runs("a") != 1 {
		t.Errorf("got %d fresh answers, %d items, %d runs", fresh, s.count("a"), s.runs("a"))
	}
}

func TestReplayAfterRestart(t *testing.T) {
	path := filepath.Join(t.TempDir(), "items.db")
	s := openTestAPI(t, path, Options{})
	first := s.do("POST", "/items", `{"name":"a"}`, keyHeader, "k")
	if err := s.db.Close(); err != nil {
		t.Fatal(err)
	}
	s = openTestAPI(t, path, Options{})
	again := s.do("POST", "/items", `{"name":"a"}`, keyHeader, "k")
	if !replayed(again) || again.Body.String() != first.Body.String() || s.count("a") != 1 {
		t.Errorf("got %d %s, %v", again.Code, again.Body, again.Header())
	}
	if w := s.do("POST", "/items", `{"name":"b"}`, keyHeader, "k"); w.Code != http.StatusUnprocessableEntity {
		t.Errorf("other body: got %d", w.Code)
	}
}

func TestKeyExpires(t *testing.T) {
	s := newTestAPI(t, Options{})
	now := time.Now()
	s.clock = func() time.Time { return now }
	s.do("POST", "/items", `{"name":"a"}`, keyHeader, "k")
	s.do("POST", "/items", `{"name":"other"}`, keyHeader, "other")

	now = now.Add(idempotencyLife)
	if w := s.do("POST", "/items", `{"name":"a"}`, keyHeader, "k"); !replayed(w) {
		t.Errorf("after exactly 24 h: got %d, not a replay", w.Code)
	}
	now = now.Add(time.Millisecond)
	if w := s.do("POST", "/items", `{"name":"b"}`, keyHeader, "k"); w.Code != http.StatusCreated || replayed(w) {
		t.Errorf("after 24 h: got %d, replayed %v", w.Code, replayed(w))
	}
	if w := s.do("POST", "/items", `{"name":"b"}`, keyHeader, "k"); !replayed(w) {
		t.Error("the new answer is not kept")
	}
	// The last fresh answer purged what was expired: only k is left.
	kept, err := storage.ReadValue(t.Context(), s.db, func(tx *storage.Tx) (string, error) {
		var keys string
		err := tx.QueryRow("SELECT group_concat(idempotency_key) FROM idempotency_keys", nil, &keys)
		return keys, err
	})
	if err != nil || kept != "k" {
		t.Errorf("kept %q (%v), want k alone", kept, err)
	}
}

// TestEmptyAnswerIsKept: an answer without a body is an answer.
func TestEmptyAnswerIsKept(t *testing.T) {
	s := newTestAPI(t, Options{})
	s.do("POST", "/items", `{"name":"silent"}`, keyHeader, "k")
	w := s.do("POST", "/items", `{"name":"silent"}`, keyHeader, "k")
	if w.Code != http.StatusOK || !replayed(w) || w.Body.Len() != 0 {
		t.Errorf("got %d %q, replayed %v", w.Code, w.Body, replayed(w))
	}
}

// TestKeyOnlyOnPost: other methods are idempotent by themselves.
func TestKeyOnlyOnPost(t *testing.T) {
	s := newTestAPI(t, Options{})
	for range 2 {
		if w := s.do("DELETE", "/items/1", "", keyHeader, "k"); w.Code != http.StatusNoContent || replayed(w) {
			t.Errorf("got %d, replayed %v", w.Code, replayed(w))
		}
	}
	if strings.Contains(s.log.String(), `"level":"ERROR"`) {
		t.Error(s.log.String())
	}
}
