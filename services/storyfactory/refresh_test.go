package storyfactory

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// startArranged is the stage, arranged by callers, with the peers of w.
func startArranged(w *world, tune func(*Peers)) *apitest.Service {
	s := w.start(tune)
	stage.Set(s)
	return s
}

// TestRefresh: names, words, parentheticals, headings, transitions and contexts
// are those of the peers; the flow is the story's own.
func TestRefresh(t *testing.T) {
	w := balcony(t)
	s := startArranged(w, nil)
	s.Want(200, "POST", "/stories/1/elements/reorder", reorderBody("4>3 3>4 1>8"))
	before := time.Now()
	story := fullStory(s, 1)
	wantFreshness(t, story, "live", "ok", "ok", "ok")
	asOf, err := time.Parse(time.RFC3339, story.Get("freshness", "asOf").(string))
	if err != nil || asOf.Before(before.Truncate(time.Millisecond)) {
		t.Errorf("asOf %v, asked at %v: %v", asOf, before, err)
	}
	story.Has("title", "Romeo and Juliet", "author", "Shakespeare", "description", "A tragedy.",
		"story.0.action.description", "She appears.", "story.0.character", nil, "story.1.character.name", "ROMEO",
		"story.1.character.description", "A Montague.",
		"story.2.spokenWord", `{"dialogueId":1,"parenthetical":"softly","text":"Ay me!"}`, "story.2.context.data.mood", "in love",
		"story.3.text", "CUT TO:", "story.4.text", "Orchard",
		"sections", `[{"headingId":1,"scriptId":1,"sequence":8,"title":"Orchard"}]`)

	w.putScript(1, "R & J", "W. S.", "")
	w.put("/actions", object{"actionId": 1, "description": "She steps out.", "sequenceNumber": 9})
	w.put("/spokenWords", object{"dialogueId": 1, "text": "Ay!", "sequenceNumber": 10})
	w.put("/characters", object{"characterId": 2, "name": "R.", "description": ""})
	w.put("/scripts/1/sections", object{"headingId": 1, "title": "Garden", "sequenceNumber": 77})
	w.put("/scripts/1/transitions", object{"transitionId": 1, "text": "FADE OUT.", "sequenceNumber": 3})
	w.put("/contexts", object{"contextId": 1, "characterId": 2, "scriptId": 1, "data": object{}})
	fullStory(s, 1).Has("title", "R & J", "author", "W. S.", "description", "", "story.0.action.description", "She steps out.",
		"story.1.character.name", "R.", "story.1.character.description", "",
		"story.2.spokenWord", `{"dialogueId":1,"text":"Ay!"}`, "story.2.context", `{"characterId":2,"contextId":1,"data":{}}`,
		"story.3.text", "FADE OUT.", "story.4.text", "Garden",
		"sections", `[{"headingId":1,"scriptId":1,"sequence":8,"title":"Garden"}]`)
	// The other operations read the snapshot, which is now this.
	s.Want(200, "GET", "/stories/1/elements/2", nil).Has("action.description", "She steps out.")
	s.Want(200, "GET", "/stories/1", nil).Has("title", "R & J")
}

// TestRefreshOfPart: GET /stories/sequences asks for what its part refers to,
// and does not say that the rest is current.
func TestRefreshOfPart(t *testing.T) {
	w := balcony(t)
	s := startArranged(w, nil)
	s.Exec("UPDATE stories SET refreshed_at = 1")
	w.count("")
	part := s.Want(200, "GET", "/stories/sequences?scriptId=1&startSequence=4&endSequence=5", nil)
	wantFreshness(t, part, "live", "ok", "ok", "ok")
	part.Has("sequences.0.character.name", "ROMEO", "sequences.1.text", "CUT TO:")
	s.Want(200, "GET", "/stories/1/elements/3", nil).Has("character.name", "Juliet")
	for request, want := range map[string]int{
		"character /spokenWords?ids=2&limit=1000": 1, "character /characters?ids=2&limit=1000": 1, "character /actions?limit=1": 1,
	} {
		if got := w.count(request); got != want {
			t.Errorf("%s: got %d requests, want %d in %v", request, got, want, w.requests)
		}
	}
	if at := s.Count("SELECT refreshed_at FROM stories WHERE script_id = 1"); at != 1 {
		t.Errorf("refreshed_at: got %d", at)
	}
}

// TestPeersDeletions: what the peers have lost stays as it was last seen.
func TestPeersDeletions(t *testing.T) {
	w := balcony(t)
	s := startArranged(w, nil)
	before := fullStory(s, 1)
	for _, path := range []string{"/actions", "/spokenWords", "/characters", "/contexts", "/scripts/1/sections", "/scripts/1/transitions"} {
		w.remove(path, 1)
	}
	for _, step := range []string{"with the script", "without the script"} {
		after := fullStory(s, 1)
		wantFreshness(t, after, "live", "ok", "ok", "ok")
		for _, member := range []string{"title", "sections", "story"} {
			if after.Has(member, before.Get(member)); t.Failed() {
				t.Fatal(step)
			}
		}
		w.removeScript(1)
	}
}

// TestFreshness: with every combination of peers that are well or fail fast, the
// state is right, the answer is 200, and no failure touches the snapshot.
func TestFreshness(t *testing.T) {
	w := balcony(t)
	s := startArranged(w, nil)
	want := fullStory(s, 1).Get("story")
	for name, fail := range failures {
		for failing := range 1 << len(services) {
			var states []string
			for i, service := range services {
				if failing>>i&1 == 1 {
					fail(w.peers[service])
					states = append(states, "unavailable")
				} else {
					w.peers[service].recover()
					states = append(states, "ok")
				}
			}
			state := "partial"
			switch failing {
			case 0:
				state = "live"
			case 1<<len(services) - 1:
				state = "snapshot"
			}
			for _, path := range []string{"/stories?scriptId=1", "/stories/sequences?scriptId=1&startSequence=3&endSequence=4"} {
				wantFreshness(t, s.Want(200, "GET", path, nil), state, states...)
			}
			if fullStory(s, 1).Has("story", want); t.Failed() {
				t.Fatalf("%s of %v", name, states)
			}
		}
	}
}

// TestAsOf: an answer that is not live says since when it may be out of date.
func TestAsOf(t *testing.T) {
	w := balcony(t)
	s := startArranged(w, nil)
	s.Exec("UPDATE stories SET refreshed_at = 1000")
	fullStory(s, 1)
	var live, later struct{ Freshness struct{ AsOf time.Time } }
	w.peers[contexts].set(true, nil)
	fullStory(s, 1).JSON(&live)
	if age := time.Since(live.Freshness.AsOf); age > time.Minute {
		t.Errorf("the whole story was live just now, but asOf is %v", live.Freshness.AsOf)
	}
	s.Exec("UPDATE stories SET refreshed_at = 1000")
	w.put("/characters", object{"characterId": 1, "name": "J.", "description": ""})
	partial := fullStory(s, 1)
	partial.JSON(&later)
	partial.Has("freshness.state", "partial", "story.2.character.name", "J.")
	if !later.Freshness.AsOf.Equal(time.UnixMilli(1000)) {
		t.Errorf("contexts were not heard, but asOf is %v", later.Freshness.AsOf)
	}
}

// TestSlowPeers: the answer comes within about the time-out, with what the
// others said; while the peer rests it comes at once, without asking it again.
func TestSlowPeers(t *testing.T) {
	const timeout = 400 * time.Millisecond
	for hanging := 1; hanging < 1<<len(services); hanging++ {
		t.Run(fmt.Sprint(hanging), func(t *testing.T) {
			t.Parallel()
			w := balcony(t)
			s := startArranged(w, func(p *Peers) { p.Timeout, p.Rest = timeout, time.Hour }).Alone()
			states := []string{"ok", "ok", "ok"}
			state := "partial"
			for i, service := range services {
				if hanging>>i&1 == 1 {
					w.peers[service].hang()
					states[i] = "unavailable"
				}
			}
			if !slices.Contains(states, "ok") {
				state = "snapshot"
			}
			began := time.Now()
			wantFreshness(t, fullStory(s, 1), state, states...)
			if took := time.Since(began); took < timeout || took > timeout+5*time.Second {
				t.Errorf("took %v", took)
			}
			w.count("")
			began = time.Now()
			for range 3 {
				wantFreshness(t, fullStory(s, 1), state, states...)
			}
			for i, service := range services {
				if asked := w.count(service) > 0; asked == (hanging>>i&1 == 1) {
					t.Errorf("%s was asked: %t", service, asked)
				}
			}
			if took := time.Since(began); took > 3*timeout {
				t.Errorf("three answers from the rest took %v", took)
			}
		})
	}
}

// TestEndlessPages: a list whose pages lead to each other ends with the time-out.
func TestEndlessPages(t *testing.T) {
	w := balcony(t)
	s := startArranged(w, func(p *Peers) { p.Timeout = 200 * time.Millisecond })
	says(`[]`, `</actions?cursor=1>; rel="next"`)(w.peers[characters])
	wantFreshness(t, fullStory(s, 1), "partial", "unavailable", "ok", "ok")
}

// TestRest: a peer is asked again once it has rested.
func TestRest(t *testing.T) {
	w := balcony(t)
	s := startArranged(w, func(p *Peers) { p.Rest = 300 * time.Millisecond })
	w.peers[characters].set(true, nil)
	wantFreshness(t, fullStory(s, 1), "partial", "unavailable", "ok", "ok")
	w.peers[characters].recover()
	deadline := time.Now().Add(30 * time.Second)
	for fullStory(s, 1).Get("freshness", "state") != "live" {
		if time.Now().After(deadline) {
			t.Fatal("the peer was not asked again")
		}
		time.Sleep(20 * time.Millisecond)
	}
	if got := w.count(characters + " "); got != 3 {
		t.Errorf("%d requests to the peer, want the 3 after its rest", got)
	}
}

// TestInParallel: all that does not depend on another answer is asked at once.
func TestInParallel(t *testing.T) {
	w := balcony(t)
	s := startArranged(w, nil)
	const lists = 3 + 3 + 1
	var waiting sync.WaitGroup
	waiting.Add(lists)
	all := make(chan struct{})
	go func() { waiting.Wait(); close(all) }()
	for _, p := range w.peers {
		p.set(false, func(rw http.ResponseWriter, r *http.Request) {
			waiting.Done()
			select {
			case <-all:
				w.answer(rw, r)
			case <-r.Context().Done():
			}
		})
	}
	wantFreshness(t, fullStory(s, 1), "live", "ok", "ok", "ok")
}

// TestBatches: a long story is asked for a thousand identifiers at a time.
func TestBatches(t *testing.T) {
	w := newWorld(t)
	w.putScript(1, "Long", "", "")
	s := w.start(nil)
	fillLong(s, 2500)
	w.count("")
	wantFreshness(t, fullStory(s, 1), "live", "ok", "ok", "ok")
	for request, want := range map[string]int{
		"character /actions?ids=": 3, "character /spokenWords?ids=": 3, "character /characters?ids=": 1, "sessioncontext /contexts?ids=": 3,
		"character ": 7, "scriptmanagement ": 3, "sessioncontext ": 3,
	} {
		if got := w.count(request); got != want {
			t.Errorf("%s: got %d requests, want %d", request, got, want)
		}
	}
	// Changes on every page arrive.
	for _, id := range []int{1, 1000, 1001, 2500} {
		w.put("/actions", object{"actionId": id, "description": "New.", "sequenceNumber": id})
	}
	story := fullStory(s, 1)
	for _, id := range []int{1, 1000, 1001, 2500} {
		story.Has(fmt.Sprintf("story.%d.action.description", id-1), "New.")
	}
}

// fillLong writes story 1 of n elements, each with an action, a spoken word, a
// context and one of 40 characters.
func fillLong(s *apitest.Service, n int) {
	s.Want(201, "PUT", "/stories/1", `{"title":"Long"}`)
	for first := 1; first <= n; first += 500 {
		items := []string{}
		for i := first; i < first+500 && i <= n; i++ {
			items = append(items, fmt.Sprintf(`{"character":{"characterId":%d},"action":{"actionId":%d},"spokenWord":{"dialogueId":%d},"context":{"contextId":%d}}`,
				i%40+1, i, i, i))
		}
		s.Want(201, "POST", "/stories/1/elements/batch", `{"items":[`+strings.Join(items, ",")+`]}`)
	}
}

// gate lets one peer's answers wait until n more requests have reached the
// service.
func gate(t *testing.T, w *world, s *apitest.Service, n int64) {
	t.Helper()
	var arrived atomic.Int64
	counting := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		arrived.Add(1)
		s.Instance.API.ServeHTTP(rw, r)
	}))
	t.Cleanup(counting.Close)
	s.URL = counting.URL
	release := make(chan struct{})
	w.peers[scripts].set(false, func(rw http.ResponseWriter, r *http.Request) {
		<-release
		w.answer(rw, r)
	})
	go func() {
		for arrived.Load() < n {
			time.Sleep(time.Millisecond)
		}
		time.Sleep(200 * time.Millisecond) // from arriving to joining in
		close(release)
	}()
}

// TestSharedRefresh: readers at once share one refresh.
func TestSharedRefresh(t *testing.T) {
	const readers = 16
	w := balcony(t)
	s := startArranged(w, nil)
	gate(t, w, s, readers)
	w.count("")
	for _, story := range apitest.Together(readers, func(int) *apitest.Answer { return fullStory(s, 1) }) {
		wantFreshness(t, story, "live", "ok", "ok", "ok")
	}
	if got := w.count("scriptmanagement "); got != 3 {
		t.Errorf("got %d requests to one peer for one story, want 3", got)
	}
}

// TestOwnWrites: who joins in a refresh that began before sees what he has
// written meanwhile.
func TestOwnWrites(t *testing.T) {
	w := balcony(t)
	s := startArranged(w, nil)
	fullStory(s, 1)
	gate(t, w, s, 3)
	var first sync.WaitGroup
	first.Go(func() { fullStory(s, 1) })
	for w.count("scriptmanagement ") < 6 {
		time.Sleep(time.Millisecond)
	}
	s.Want(201, "POST", "/stories/1/elements", `{"text":"Mine."}`)
	fullStory(s, 1).Has("story.5.text", "Mine.")
	first.Wait()
}

// TestLeavingReader: a reader that leaves does not cancel the refresh that
// others wait for, and a peer is not taken for unwell because of it.
func TestLeavingReader(t *testing.T) {
	w := balcony(t)
	s := startArranged(w, func(p *Peers) { p.Rest = time.Hour })
	asked, release := make(chan struct{}, 100), make(chan struct{})
	w.peers[scripts].set(false, func(rw http.ResponseWriter, r *http.Request) {
		asked <- struct{}{}
		<-release
		w.answer(rw, r)
	})
	leaving := &http.Client{Timeout: 100 * time.Millisecond}
	if _, err := leaving.Get(s.URL + "/stories?scriptId=1"); err == nil {
		t.Fatal("the reader did not leave")
	}
	<-asked
	close(release)
	wantFreshness(t, fullStory(s, 1), "live", "ok", "ok", "ok")
}

// TestNoWrite: reading what is as it was writes nothing, but now and then notes
// that it was so.
func TestNoWrite(t *testing.T) {
	w := balcony(t)
	w.putScript(2, "Assembled", "", "")
	for id := range 3 {
		w.put("/scripts/2/sections", object{"headingId": 10 + id, "title": "Tie", "sequenceNumber": 1})
		w.put("/spokenWords", object{"dialogueId": 10 + id, "text": "x", "scriptId": 2, "characterId": 1 + id, "sequenceNumber": 1})
		w.put("/contexts", object{"contextId": 10 + id, "characterId": 2 + id, "scriptId": 2, "data": object{"b": []any{1, nil}, "a": "<>"}})
	}
	s := startArranged(w, nil)
	s.Want(204, "DELETE", "/stories/2", nil)
	paths := []string{
		"/stories?scriptId=1", "/stories?scriptId=2",
		"/stories/sequences?scriptId=1&startSequence=2&endSequence=4", "/stories/sequences?scriptId=2&startSequence=2&endSequence=4",
	}
	readAll := func() {
		for _, path := range paths {
			wantFreshness(t, s.Want(200, "GET", path, nil), "live", "ok", "ok", "ok")
		}
	}
	readAll()
	apitest.NeedsSQLite(t, "it counts changes as SQLite does")
	const rows = "SELECT total_changes()"
	before := s.Count(rows)
	readAll()
	readAll()
	if after := s.Count(rows); after != before {
		t.Errorf("reading unchanged stories changed %d rows", after-before)
	}
	s.Exec("UPDATE stories SET refreshed_at = refreshed_at - 60001")
	before = s.Count(rows)
	readAll()
	if after := s.Count(rows); after != before+2 {
		t.Errorf("noting that two stories are current changed %d rows", after-before)
	}
	for path, want := range map[string]string{"/stories/1": `"2"`, "/stories/2": `"1"`, "/stories/1/elements/1": `"2"`} {
		if got := s.Want(200, "GET", path, nil).ETag(); got != want {
			t.Errorf("%s: got ETag %s, want %s", path, got, want)
		}
	}
}

// TestUnwritable: answers that cannot be kept are no reason to give none.
func TestUnwritable(t *testing.T) {
	w := balcony(t)
	s := startArranged(w, nil)
	for _, table := range []string{"known_characters", "stories"} {
		s.RefuseInserts(table)
	}
	story := fullStory(s, 1)
	wantFreshness(t, story, "snapshot", "ok", "ok", "ok")
	story.Has("story.2.character.name", "Juliet", "story.1.action.description", "Juliet appears above.")
	w.putScript(3, "New", "", "")
	s.Want(500, "GET", "/stories?scriptId=3", nil)
}

// TestSomePeers: only the peers whose addresses are known are asked and named.
func TestSomePeers(t *testing.T) {
	w := balcony(t)
	s := startArranged(w, func(p *Peers) { p.ScriptManagement, p.SessionContext = "", "" })
	story := fullStory(s, 1)
	story.Has("freshness.state", "live", "freshness.peers", `[{"service":"character","state":"ok"}]`,
		"story.2.character.name", "JULIET", "story.0.text", "SCENE II. Capulet's orchard.", "author", "William Shakespeare")
}

// TestBaseURL: an address may have a path, and a slash at its end.
func TestBaseURL(t *testing.T) {
	w := balcony(t)
	gateway := httptest.NewServer(http.StripPrefix("/character", w.peers[characters].server.Config.Handler))
	defer gateway.Close()
	s := startArranged(w, func(p *Peers) {
		p.Character, p.ScriptManagement = gateway.URL+"/character/", p.ScriptManagement+"/"
	})
	wantFreshness(t, fullStory(s, 1), "live", "ok", "ok", "ok")
}
