// Requests sent twice, and resources changed by two clients: Idempotency-Key,
// ETag and If-Match.
package character

import (
	"path/filepath"
	"slices"
	"sync"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

const romeo = `{"name":"Romeo","description":"The son of the house of Montague."}`

// posts are a request to each operation that creates something.
var posts = [][2]string{
	{"/characters", romeo},
	{"/characters/batch", `{"items":[` + romeo + `]}`},
	{"/actions", `{"description":"Enter Romeo."}`},
	{"/actions/batch", `{"items":[{"description":"Enter Romeo."}]}`},
	{"/spokenWords", `{"text":"He jests at scars."}`},
	{"/spokenWords/batch", `{"items":[{"text":"He jests at scars."}]}`},
	{"/characters/1/paraphrases", `{"originalId":1,"text":"A girl.","commentary":""}`},
	{"/actions/1/paraphrases", `{"originalId":1,"text":"She appears.","commentary":""}`},
	{"/spokenWords/1/paraphrases", `{"originalId":1,"text":"Alas!","commentary":""}`},
}

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
	for _, post := range posts {
		key := "replay" + post[0]
		first := s.Want(201, "POST", post[0], post[1], "Idempotency-Key", key)
		second := s.Want(201, "POST", post[0], post[1], "Idempotency-Key", key)
		same(t, first, second)
		if first.Header.Get("Idempotency-Replayed") != "" || second.Header.Get("Idempotency-Replayed") != "true" {
			t.Errorf("%s: Idempotency-Replayed: want it on the second answer alone", post[0])
		}
		refused(t, s.Do("POST", post[0], post[1]+" ", "Idempotency-Key", key), 422, "idempotency_key_reused", "")
	}
	refused(t, s.Do("POST", "/characters", romeo, "Idempotency-Key", "replay/actions"), 422, "idempotency_key_reused", "")
	if got, want := collect(s, "/characters", "characterId"), []int64{1, 2, 3}; !slices.Equal(got, want) {
		t.Errorf("characters: got %v, want %v", got, want)
	}
}

// A refusal is not kept: once its cause is gone the same key succeeds.
func TestRefusalsAreNotReplayed(t *testing.T) {
	const enters = `{"description":"Enter Romeo.","characterId":2}`
	s := start(t)
	refused(t, s.Do("POST", "/actions", enters, "Idempotency-Key", "k"), 400, "invalid_request", "/characterId")
	s.Want(201, "POST", "/characters", romeo)
	first := s.Want(201, "POST", "/actions", enters, "Idempotency-Key", "k")
	same(t, first, s.Want(201, "POST", "/actions", enters, "Idempotency-Key", "k"))
}

func TestReplayAfterReopening(t *testing.T) {
	file := filepath.Join(t.TempDir(), "character.db")
	s := apitest.StartAt(t, Definition(), file)
	first := s.Want(201, "POST", "/characters", romeo, "Idempotency-Key", "k")
	page := s.Want(201, "POST", "/characters", romeo)
	cursor := next(s.Want(200, "GET", "/characters?limit=1", nil))
	if err := s.Instance.DB.Close(); err != nil {
		t.Fatal(err)
	}
	s = apitest.StartAt(t, Definition(), file)
	same(t, first, s.Want(201, "POST", "/characters", romeo, "Idempotency-Key", "k"))
	refused(t, s.Do("POST", "/characters", `{"name":"Paris","description":""}`, "Idempotency-Key", "k"), 422, "idempotency_key_reused", "")
	// A cursor survives as well, since its secret lies in the database.
	if got, want := collect(s, cursor, "characterId"), []int64{number(page, "characterId")}; !slices.Equal(got, want) {
		t.Errorf("page after reopening: got %v, want %v", got, want)
	}
}

func TestOneKeyFromManyClients(t *testing.T) {
	s := start(t)
	answers := make([]*apitest.Answer, 16)
	together(len(answers), func(i int) {
		answers[i] = s.Do("POST", "/characters", romeo, "Idempotency-Key", "k")
	})
	for _, answer := range answers {
		same(t, answers[0], answer)
	}
	if got, want := collect(s, "/characters", "characterId"), []int64{1, 2}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestIfMatch(t *testing.T) {
	patches := map[string]string{
		"/characters/1": `{"description":"Thirteen."}`, "/actions/1": `{"description":"Exit."}`,
		"/spokenWords/1": `{"text":"Ah me!"}`, "/paraphrases/1": `{"commentary":"Good."}`,
	}
	for place, patch := range patches {
		s := start(t)
		read := s.Want(200, "GET", place, nil)
		tag := read.Header.Get("ETag")
		for _, header := range []string{tag, `"9", "2"`, "*"} {
			tag = s.Want(200, "PATCH", place, patch, "If-Match", header).Header.Get("ETag")
		}
		for _, header := range []string{read.Header.Get("ETag"), `"99"`, `W/` + tag, `"1", "2"`} {
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
	s := start(t)
	for _, place := range []string{"/characters/1", "/actions/1"} {
		for range 10 {
			tag := s.Want(200, "GET", place, nil).Header.Get("ETag")
			var lock sync.Mutex
			count := map[int]int{}
			together(2, func(i int) {
				body := []string{`{"description":"Hers."}`, `{"description":"His."}`}[i]
				status := s.Do("PATCH", place, body, "If-Match", tag).Status
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
