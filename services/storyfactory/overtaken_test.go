package storyfactory

import (
	"fmt"
	"net/http"
	"strings"
	"sync"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// overtake runs act while the peers are being asked for a story's refresh, and
// returns the answer to the reader.
func overtake(w *world, s *apitest.Service, act func()) *apitest.Answer {
	var once sync.Once
	w.peers[scripts].set(false, func(rw http.ResponseWriter, r *http.Request) {
		once.Do(act)
		w.answer(rw, r)
	})
	defer w.peers[scripts].recover()
	return s.Do("GET", "/stories?scriptId=1", nil)
}

// TestOvertaken: what callers do while the peers are asked is not lost, and no
// reason to fail.
func TestOvertaken(t *testing.T) {
	more := object{"actionId": 5, "description": "New.", "scriptId": 1, "sequenceNumber": 6}
	for _, test := range []struct {
		name   string
		before bool // the story has been read before
		act    func(s *apitest.Service)
		status int
		state  string
		want   string
	}{
		{"add to an assembled story", true, func(s *apitest.Service) { s.Want(201, "POST", "/stories/1/elements", `{"text":"Mine."}`) },
			200, "snapshot", balconyFlow + " | 6 Mine."},
		{"change the head", true, func(s *apitest.Service) {
			s.Want(200, "PATCH", "/stories/1", `{"title":"Mine","titlePage":[{"key":"Title","values":["x"]}]}`)
		}, 200, "live", balconyFlow + " | 6 New."},
		{"delete", true, func(s *apitest.Service) { s.Want(204, "DELETE", "/stories/1", nil) }, 404, "", ""},
		{"create", false, func(s *apitest.Service) { s.Want(201, "PUT", "/stories/1", `{"title":"Mine","complete":false}`) },
			200, "snapshot", ""},
		{"create and arrange", false, func(s *apitest.Service) {
			s.Want(201, "PUT", "/stories/1", `{"title":"Mine"}`)
			s.Want(201, "POST", "/stories/1/elements", `{"text":"Mine."}`)
		}, 200, "snapshot", "1 Mine."},
		{"delete and create", true, func(s *apitest.Service) {
			s.Want(204, "DELETE", "/stories/1", nil)
			s.Want(201, "PUT", "/stories/1", `{"title":"Mine"}`)
		}, 200, "live", balconyFlow + " | 6 New."},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := balcony(t)
			s := w.start(nil)
			if test.before {
				fullStory(s, 1)
			}
			w.put("/actions", more)
			story := overtake(w, s, func() { test.act(s) })
			if story.Status != test.status {
				t.Fatalf("got %d %s", story.Status, story.Body)
			}
			if test.status == 200 {
				wantFlow(t, story, test.want)
				story.Has("freshness.state", test.state)
			}
		})
	}
}

// TestOvertakenArranged: changes of elements that the refresh concerns too.
func TestOvertakenArranged(t *testing.T) {
	w := balcony(t)
	s := startArranged(w, nil)
	story := overtake(w, s, func() {
		s.Want(200, "PATCH", "/stories/1/elements/1", `{"headingId":null,"text":"No heading."}`)
		s.Want(204, "DELETE", "/stories/1/elements/5", nil)
		s.Want(200, "PATCH", "/stories/1/elements/4", `{"characterId":1}`)
		s.Want(200, "PATCH", "/stories/1", `{"titlePage":[{"key":"Title","values":["x"]}]}`)
	})
	story.Has("freshness.state", "live", "title", "Romeo and Juliet", "titlePage", `[{"key":"Title","values":["x"]}]`)
	wantFlow(t, story, "1 No heading. | 2 She appears. | 3 JULIET: Ay me! | 4 JULIET: She speaks.")
}

// TestReadersAndWriters: callers append while others read and the peers change;
// nothing that was added is lost and nothing fails.
func TestReadersAndWriters(t *testing.T) {
	w := balcony(t)
	s := w.start(nil)
	const writers, each = 8, 5
	apitest.Together(2*writers+1, func(i int) any {
		for n := range each {
			switch {
			case i == 2*writers:
				w.put("/actions", object{"actionId": 10 + n, "description": "New.", "scriptId": 1, "sequenceNumber": 10 + n})
				w.put("/characters", object{"characterId": 1, "name": fmt.Sprint("J", n), "description": ""})
			case i < writers:
				fullStory(s, 1)
			default:
				// Until somebody has read it, there is no story to add to.
				for s.Do("POST", "/stories/1/elements", fmt.Sprintf(`{"text":"%d/%d"}`, i, n)).Status != 201 {
					fullStory(s, 1)
				}
			}
		}
		return nil
	})
	story := flow(fullStory(s, 1))
	for i := writers; i < 2*writers; i++ {
		for n := range each {
			if text := fmt.Sprintf(" %d/%d", i, n); strings.Count(story+" ", text+" ") != 1 {
				t.Errorf("%s is there %d times in %s", text, strings.Count(story, text), story)
			}
		}
	}
}
