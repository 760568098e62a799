package scriptmanagement

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
			if now := everything(s); now != state {
				t.Errorf("before the repetition %s, after it %s", state, now)
			}
			other := s.Want(422, c.method, c.path, " "+c.body, "Idempotency-Key", "key-1")
			wantProblem(t, other, "idempotency_key_reused", "Idempotency-Key")
			if now := everything(s); now != state {
				t.Errorf("before the other body %s, after it %s", state, now)
			}
		})
	}
}

// everything is all that the stage holds, to see whether something changed.
func everything(s *apitest.Service) string {
	all := ""
	for _, path := range []string{"/scripts", "/scripts/1/sections", "/scripts/1/transitions", "/scripts/2/sections", "/scripts/2/transitions"} {
		all += string(s.Want(200, "GET", path, nil).Body)
	}
	return all
}

// TestKeyOfRefusal: a refusal changed nothing, so its key may be used again once
// the cause is removed.
func TestKeyOfRefusal(t *testing.T) {
	s := startStage(t)
	const body = `{"title":"x","sequenceNumber":2}`
	s.Want(409, "POST", "/scripts/1/sections", body, "Idempotency-Key", "key-1")
	s.Want(409, "POST", "/scripts/1/sections", body, "Idempotency-Key", "key-1")
	s.Want(204, "DELETE", "/scripts/1/sections/2", nil)
	wantMembers(t, s.Want(201, "POST", "/scripts/1/sections", body, "Idempotency-Key", "key-1"), "sequenceNumber", 2)
	s.Want(201, "POST", "/scripts/1/sections", body, "Idempotency-Key", "key-1")
	wantOrder(t, s, "/scripts/1", shapes[0], "1 4", "1 2")
}

// TestReplayTogether: one key sent many times at once adds one element.
func TestReplayTogether(t *testing.T) {
	s := startStage(t)
	together(16, func(int) {
		if answer := s.Do("POST", "/scripts/1/sections", `{"title":"once"}`, "Idempotency-Key", "key-1"); answer.Status != 201 {
			t.Errorf("got %d %s", answer.Status, answer.Body)
		}
	})
	wantOrder(t, s, "/scripts/1", shapes[0], "1 2 4", "1 2 5")
}

// TestReopen: content, numbers, ETags, answers to keys and cursors outlive the
// process.
func TestReopen(t *testing.T) {
	path := filepath.Join(t.TempDir(), "scripts.db")
	s := apitest.StartAt(t, Definition(), path)
	s.Want(201, "POST", "/scripts", `{"title":"Hamlet"}`)
	s.Want(201, "POST", "/scripts/1/sections/batch", texts(shapes[0], 3))
	s.Want(204, "DELETE", "/scripts/1/sections/3", nil)
	changed := s.Want(200, "PUT", "/scripts/1/sections/1", `{"title":"Elsinore"}`)
	first := s.Want(201, "POST", "/scripts/1/transitions", `{"text":"CUT TO:"}`, "Idempotency-Key", "key-1")
	page := s.Want(200, "GET", "/scripts/1/sections?limit=1", nil)
	if err := s.Instance.DB.Close(); err != nil {
		t.Fatal(err)
	}

	s = apitest.StartAt(t, Definition(), path)
	again := s.Want(201, "POST", "/scripts/1/transitions", `{"text":"CUT TO:"}`, "Idempotency-Key", "key-1")
	if string(again.Body) != string(first.Body) || again.Header.Get("Idempotency-Replayed") != "true" {
		t.Errorf("before %s, after %s", first.Body, again.Body)
	}
	s.Want(422, "POST", "/scripts/1/transitions", `{"text":"FADE OUT."}`, "Idempotency-Key", "key-1")
	wantOrder(t, s, "/scripts/1", shapes[0], "1 2", "1 2")
	wantOrder(t, s, "/scripts/1", shapes[1], "1", "4")
	read := s.Want(200, "GET", "/scripts/1/sections/1", nil)
	if string(read.Body) != string(changed.Body) || read.Header.Get("ETag") != changed.Header.Get("ETag") {
		t.Errorf("before %s, after %s", changed.Body, read.Body)
	}
	if rest, _ := walk(t, s, next(t, page), "headingId"); len(rest) != 1 || rest[0] != 2 {
		t.Errorf("the rest of the list: got %v", rest)
	}
	// Number 3 was given out once: it is not given out again.
	wantMembers(t, s.Want(201, "POST", "/scripts/1/sections", `{"title":"next"}`), "headingId", 4, "sequenceNumber", 5)
}
