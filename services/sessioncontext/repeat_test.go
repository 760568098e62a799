// Requests sent twice, and resources changed by two clients: Idempotency-Key,
// ETag and If-Match.
package sessioncontext

import (
	"fmt"
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

const newSession = `{"userId":8,"context":"Act three."}`

func same(t *testing.T, first, second *apitest.Answer) {
	t.Helper()
	for _, name := range []string{"Etag", "Content-Type"} {
		if got, want := second.Header.Get(name), first.Header.Get(name); got != want {
			t.Errorf("%s: got %q, want %q", name, got, want)
		}
	}
	if string(second.Body) != string(first.Body) {
		t.Errorf("got %s, want %s", second.Body, first.Body)
	}
}

func TestReplay(t *testing.T) {
	s := start(t)
	for _, post := range [][2]string{
		{"/sessions", newSession},
		{"/contexts", `{"characterId":1,"data":{"age":12345678901234567890}}`},
		{"/contexts/batch", `{"items":[{"characterId":2,"data":{}}]}`},
	} {
		key := "replay" + post[0]
		first := s.Want(201, "POST", post[0], post[1], "Idempotency-Key", key)
		second := s.Want(201, "POST", post[0], post[1], "Idempotency-Key", key)
		same(t, first, second)
		if first.Header.Get("Idempotency-Replayed") != "" || second.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: Idempotency-Replayed: want it on the second answer alone", post[0])
		}
		refused(t, s.Do("POST", post[0], post[1]+" ", "Idempotency-Key", key), 422, "idempotency_key_reused", "")
	}
	refused(t, s.Do("POST", "/sessions", newSession, "Idempotency-Key", "replay/contexts"), 422, "idempotency_key_reused", "")
	if got, want := collect(s, "/sessions", "sessionId"), []int64{1, 2}; !slices.Equal(got, want) {
		t.Errorf("sessions: got %v, want %v", got, want)
	}
}

// A refusal is not kept: once its cause is gone the same key succeeds.
func TestRefusalsAreNotReplayed(t *testing.T) {
	const second = `{"characterId":9,"scriptId":1,"data":{}}`
	s := start(t)
	refused(t, s.Do("POST", "/contexts", second, "Idempotency-Key", "k"), 409, "context_exists", "")
	s.Want(204, "DELETE", "/contexts/1", nil)
	first := s.Want(201, "POST", "/contexts", second, "Idempotency-Key", "k")
	same(t, first, s.Want(201, "POST", "/contexts", second, "Idempotency-Key", "k"))
}

func TestReplayAfterReopening(t *testing.T) {
	file := filepath.Join(t.TempDir(), "sessioncontext.db")
	s := apitest.StartAt(t, Definition(), file)
	first := s.Want(201, "POST", "/sessions", newSession, "Idempotency-Key", "k")
	s.Want(201, "POST", "/sessions", newSession)
	cursor := next(s.Want(200, "GET", "/sessions?limit=1", nil))
	if err := s.Instance.DB.Close(); err != nil {
		t.Fatal(err)
	}
	s = apitest.StartAt(t, Definition(), file)
	same(t, first, s.Want(201, "POST", "/sessions", newSession, "Idempotency-Key", "k"))
	refused(t, s.Do("POST", "/sessions", `{"userId":9}`, "Idempotency-Key", "k"), 422, "idempotency_key_reused", "")
	// A cursor survives as well, since its secret lies in the database.
	if got, want := collect(s, cursor, "sessionId"), []int64{2}; !slices.Equal(got, want) {
		t.Errorf("page after reopening: got %v, want %v", got, want)
	}
}

func TestOneKeyFromManyClients(t *testing.T) {
	s := start(t)
	answers := make([]*apitest.Answer, 16)
	together(len(answers), func(i int) {
		answers[i] = s.Do("POST", "/sessions", newSession, "Idempotency-Key", "k")
	})
	for _, answer := range answers {
		same(t, answers[0], answer)
	}
	if got, want := collect(s, "/sessions", "sessionId"), []int64{1, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestIfMatch(t *testing.T) {
	s := start(t)
	for place, patch := range map[string]string{
		"/sessions/1": `{"context":"Act three."}`, "/contexts/1": `{"data":{"mood":"resolved"}}`,
	} {
		first := s.Want(200, "GET", place, nil).Header.Get("ETag")
		tag := first
		for _, header := range []string{tag, `"9", "2"`, "*"} {
			tag = s.Want(200, "PATCH", place, patch, "If-Match", header).Header.Get("ETag")
		}
		for _, header := range []string{first, `"99"`, `W/` + tag, `"1", "2"`} {
			refused(t, s.Do("PATCH", place, patch, "If-Match", header), 412, "precondition_failed", "")
			refused(t, s.Do("DELETE", place, nil, "If-Match", header), 412, "precondition_failed", "")
		}
		refused(t, s.Do("PATCH", place, patch, "If-Match", "4"), 400, "invalid_request", "header/If-Match")
		if got := s.Want(200, "GET", place, nil).Header.Get("ETag"); got != tag {
			t.Errorf("%s: got ETag %s, want %s: a refused request changed something", place, got, tag)
		}
	}
}

// Of clients that change what they have all read, one wins and the others learn
// of it.
func TestTwoClientsPatch(t *testing.T) {
	bodies := map[string][]string{
		"/sessions/1": {`{"context":"Hers."}`, `{"context":"His."}`},
		"/contexts/1": {`{"data":{"mood":"hers"}}`, `{"data":{"mood":"his"}}`},
	}
	s := start(t)
	for place, body := range bodies {
		for range 10 {
			tag := s.Want(200, "GET", place, nil).Header.Get("ETag")
			var lock sync.Mutex
			count := map[int]int{}
			together(2, func(i int) {
				status := s.Do("PATCH", place, body[i], "If-Match", tag).Status
				lock.Lock()
				count[status]++
				lock.Unlock()
			})
			if count[200] != 1 || count[412] != 1 {
				t.Fatalf("%s: got %v, want one 200 and one 412", place, count)
			}
		}
	}
}

// Without If-Match merges of different members do not undo each other.
func TestManyClientsMerge(t *testing.T) {
	const clients = 16
	s := start(t)
	together(clients, func(i int) {
		s.Do("PATCH", "/contexts/1", fmt.Sprintf(`{"data":{"place":{"client%d":%d}}}`, i, i))
	})
	place, _ := s.Want(200, "GET", "/contexts/1", nil).Get("data", "place").(map[string]any)
	if len(place) != clients+2 {
		t.Errorf("got %d members, want %d: %v", len(place), clients+2, place)
	}
}
