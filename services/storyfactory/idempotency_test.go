package storyfactory

import (
	"path/filepath"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// TestReplay: the same key and body get the first answer again, and nothing is
// carried out twice; another body is 422.
func TestReplay(t *testing.T) {
	for _, c := range calls {
		if c.method != "POST" {
			continue
		}
		t.Run(c.operation, func(t *testing.T) {
			s := startStage(t)
			first := s.Want(c.status, c.method, c.path, c.body, "Idempotency-Key", "key-1")
			state := everything(s)
			again := s.Want(c.status, c.method, c.path, c.body, "Idempotency-Key", "key-1")
			if string(again.Body) != string(first.Body) || again.Header.Get("ETag") != first.Header.Get("ETag") {
				t.Errorf("first %s, again %s", first.Body, again.Body)
			}
			if first.Header.Get("Idempotency-Replayed") != "" || again.Header.Get("Idempotency-Replayed") != "true" {
				t.Errorf("Idempotency-Replayed: first %q, again %q", first.Header.Get("Idempotency-Replayed"), again.Header.Get("Idempotency-Replayed"))
			}
			other := s.Want(422, c.method, c.path, " "+c.body, "Idempotency-Key", "key-1")
			wantProblem(t, other, "idempotency_key_reused", "Idempotency-Key")
			if now := everything(s); now != state {
				t.Errorf("before the repetition %s, after it %s", state, now)
			}
		})
	}
}

// TestReplayTogether: one key sent many times at once adds one element.
func TestReplayTogether(t *testing.T) {
	s := startStage(t)
	together(16, func(int) {
		if answer := s.Do("POST", "/stories/1/elements", `{"text":"once"}`, "Idempotency-Key", "key-1"); answer.Status != 201 {
			t.Errorf("got %d %s", answer.Status, answer.Body)
		}
	})
	wantOrder(t, s, 1, "1 2 3 4 5 6", "1 2 3 4 5 6")
}

// TestReopen: content, numbers, ETags, answers to keys and cursors outlive the
// process.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "stories.db")
	s := apitest.StartAt(t, Definition(&Peers{}), path)
	setStage(s)
	s.Want(204, "DELETE", "/stories/1/elements/5", nil)
	changed := s.Want(200, "PATCH", "/stories/1/elements/1", `{"text":"Elsinore"}`)
	first := s.Want(201, "POST", "/stories/1/elements", `{"text":"x","sequence":5}`, "Idempotency-Key", "key-1")
	page := s.Want(200, "GET", "/stories/1/elements?limit=4", nil)
	before := everything(s)
	if err := s.Instance.DB.Close(); err != nil {
		t.Fatal(err)
	}

	s = apitest.StartAt(t, Definition(&Peers{}), path)
	again := s.Want(201, "POST", "/stories/1/elements", `{"text":"x","sequence":5}`, "Idempotency-Key", "key-1")
	if string(again.Body) != string(first.Body) || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("before %s, after %s", first.Body, again.Body)
	}
	if after := everything(s); after != before {
		t.Errorf("before %s, after %s", before, after)
	}
	read := s.Want(200, "GET", "/stories/1/elements/1", nil)
	if string(read.Body) != string(changed.Body) || read.Header.Get("ETag") != changed.Header.Get("ETag") {
		t.Errorf("before %s, after %s", changed.Body, read.Body)
	}
	if rest, _ := walk(t, s, next(t, page), "elementId"); len(rest) != 1 || rest[0] != 6 {
		t.Errorf("the rest of the list: got %v", rest)
	}
	wantMembers(t, s.Want(201, "POST", "/stories/1/elements", `{"text":"next"}`), "elementId", 7, "sequence", 6)
}
