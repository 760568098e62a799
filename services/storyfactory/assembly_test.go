package storyfactory

import (
	"fmt"
	"net/http"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// flow is a story in short: for each element its sequence, and what it is.
func flow(story *apitest.Answer) string {
	var all []string
	for _, item := range story.Get("story").([]any) {
		e := item.(map[string]any)
		what := e["text"]
		if action, ok := e["action"].(map[string]any); ok {
			what = action["description"]
		}
		if words, ok := e["spokenWord"].(map[string]any); ok {
			what = words["text"]
		}
		who := ""
		if character, ok := e["character"].(map[string]any); ok {
			who = fmt.Sprint(character["name"], ": ")
		}
		all = append(all, fmt.Sprintf("%v %v%v", e["sequence"], who, what))
	}
	return strings.Join(all, " | ")
}

func wantFlow(t *testing.T, story *apitest.Answer, want string) {
	t.Helper()
	if got := flow(story); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

const balconyFlow = "1 Orchard | 2 JULIET: She appears. | 3 JULIET: Ay me! | 4 ROMEO: She speaks. | 5 CUT TO:"

// TestAssemble: a story that nobody arranged is put together from what the
// peers link to its script, with the numbers they gave it.
func TestAssemble(t *testing.T) {
	w := balcony(t)
	w.put("/actions", object{"actionId": 9, "description": "Elsewhere.", "scriptId": 2, "sequenceNumber": 1})
	w.put("/contexts", object{"contextId": 9, "characterId": 2, "scriptId": 2, "data": object{}})
	s := w.start(nil)
	story := fullStory(s, 1)
	wantFreshness(t, story, "live", "ok", "ok", "ok")
	wantFlow(t, story, balconyFlow)
	story.Has("title", "Romeo and Juliet", "author", "Shakespeare", "complete", true, "assembled", true,
		"story.0.type", "sceneHeading", "story.0.headingId", 1, "story.1.type", "action", "story.3.type", "dialogue",
		"story.4.type", "transition", "story.4.transitionId", 1, "story.1.character.description", "A Capulet.",
		"story.1.context.data.mood", "in love", "story.2.spokenWord.parenthetical", "softly", "story.2.context.contextId", 1,
		"story.3.context", nil, "sections", `[{"headingId":1,"scriptId":1,"sequence":1,"title":"Orchard"}]`)
	part := s.Want(200, "GET", "/stories/sequences?scriptId=1&startSequence=2&endSequence=3", nil)
	part.Has("sequences.1", story.Get("story", "2"))
}

// TestAssemblePart: the first to be asked for may be a part.
func TestAssemblePart(t *testing.T) {
	s := balcony(t).start(nil)
	part := s.Want(200, "GET", "/stories/sequences?scriptId=1&startSequence=2&endSequence=3", nil)
	if got := part.Column("sequence", "sequences"); got != "2 3" {
		t.Errorf("got %s", part.Body)
	}
	wantOrder(t, s, 1, "1 2 3 4 5", "1 2 3 4 5")
}

// TestAssemblyNumbers: numbers stay while they differ; of those that two
// services gave out, the later moves up, and those behind it as far as needed.
func TestAssemblyNumbers(t *testing.T) {
	for _, test := range []struct {
		name                                    string
		sections, transitions, actions, sayings []int64
		want, sectionPlaces                     string
	}{
		{"unique", []int64{1, 40}, []int64{39}, []int64{7, 2}, []int64{8}, "1 s0|2 a1|7 a0|8 w0|39 t0|40 s1", "1 40"},
		{"all the same", []int64{1, 1}, []int64{1}, []int64{1, 1}, []int64{1}, "1 s0|2 s1|3 a0|4 a1|5 w0|6 t0", "1 2"},
		{"pairs", []int64{1, 5}, []int64{6}, []int64{1, 2}, []int64{2}, "1 s0|2 a0|3 a1|4 w0|5 s1|6 t0", "1 5"},
		{"two lines", []int64{1, 2}, []int64{3}, []int64{1, 2}, []int64{3}, "1 s0|2 a0|3 s1|4 a1|5 w0|6 t0", "1 3"},
		{"then unique again", []int64{3, 3}, []int64{50}, []int64{4}, []int64{20}, "3 s0|4 s1|5 a0|20 w0|50 t0", "3 4"},
		{"the highest there is", []int64{1 << 53}, nil, []int64{1<<63 - 1, 1<<63 - 1}, []int64{1<<63 - 1},
			"9007199254740992 s0|4611686018427387904 a0|4611686018427387905 a1|4611686018427387906 w0", "9007199254740992"},
		{"nothing", nil, nil, nil, nil, "", ""},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := newWorld(t)
			w.putScript(1, "x", "", "")
			for kind, numbers := range map[string][]int64{"/scripts/1/sections s title": test.sections, "/scripts/1/transitions t text": test.transitions,
				"/actions a description": test.actions, "/spokenWords w text": test.sayings} {
				path, letter, member := strings.Fields(kind)[0], strings.Fields(kind)[1], strings.Fields(kind)[2]
				for i, number := range numbers {
					key := keyOf[path[strings.LastIndex(path, "/")+1:]]
					w.put(path, object{key: i + 1, "scriptId": 1, "sequenceNumber": number, member: fmt.Sprint(letter, i)})
				}
			}
			s := w.start(nil)
			for range 2 {
				var story struct {
					Sections []Section
					Story    []element
				}
				fullStory(s, 1).JSON(&story)
				if got := shortFlow(story.Story); got != test.want {
					t.Errorf("got %s, want %s", got, test.want)
				}
				var sections []string
				for _, section := range story.Sections {
					sections = append(sections, fmt.Sprint(section.Sequence))
				}
				if got := strings.Join(sections, " "); got != test.sectionPlaces {
					t.Errorf("sections: got %s, want %s", got, test.sectionPlaces)
				}
			}
			// Whoever arranges it may still add something.
			s.Want(201, "POST", "/stories/1/elements", `{"text":"x"}`)
		})
	}
}

func shortFlow(elements []element) string {
	var all []string
	for _, e := range elements {
		var what string
		switch {
		case e.Text != nil:
			what = *e.Text
		case e.Action != nil:
			what = e.Action.Description
		case e.SpokenWord != nil:
			what = e.SpokenWord.Text
		}
		all = append(all, fmt.Sprint(e.Sequence, " ", what))
	}
	return strings.Join(all, "|")
}

// TestAssembleOnce: what a peer lists twice, since it moved while its pages were
// read, stands in the story once.
func TestAssembleOnce(t *testing.T) {
	w := balcony(t)
	s := w.start(nil)
	for path, item := range map[string]string{
		"/scripts/1/sections":    `{"headingId":1,"title":"Orchard","sequenceNumber":1}`,
		"/scripts/1/transitions": `{"transitionId":1,"text":"CUT TO:","sequenceNumber":5}`,
		"/actions":               `{"actionId":1,"description":"She appears.","characterId":1,"sequenceNumber":2}`,
		"/characters":            `{"characterId":1,"name":"JULIET","description":""}`,
		"/contexts":              `{"contextId":1,"characterId":1,"data":{}}`,
	} {
		for _, p := range w.peers {
			p.set(false, func(rw http.ResponseWriter, r *http.Request) {
				if r.URL.Path != path {
					w.answer(rw, r)
					return
				}
				if r.URL.Query().Get("cursor") == "" {
					rw.Header().Set("Link", "<"+path+`?cursor=1>; rel="next"`)
				}
				fmt.Fprint(rw, "["+item+","+item+"]")
			})
		}
		for range 2 {
			story := fullStory(s, 1)
			wantFreshness(t, story, "live", "ok", "ok", "ok")
			story.Has("story.5", nil, "story.4.text", "CUT TO:", "sections.1", nil)
		}
	}
}

// TestAssemblyFollows: later changes in the peers change the story; elements
// that stay keep their identifiers.
func TestAssemblyFollows(t *testing.T) {
	w := balcony(t)
	s := w.start(nil)
	fullStory(s, 1)
	for _, step := range []struct {
		name   string
		change func()
		want   string
		ids    string
	}{
		{"words", func() {
			w.put("/spokenWords", object{"dialogueId": 1, "text": "Ay!", "scriptId": 1, "characterId": 1, "sequenceNumber": 3})
			w.put("/scripts/1/sections", object{"headingId": 1, "title": "Garden", "sequenceNumber": 1})
		}, "1 Garden | 2 JULIET: She appears. | 3 JULIET: Ay! | 4 ROMEO: She speaks. | 5 CUT TO:", "1 2 3 4 5"},
		{"a name", func() { w.put("/characters", object{"characterId": 2, "name": "R.", "description": ""}) },
			"1 Garden | 2 JULIET: She appears. | 3 JULIET: Ay! | 4 R.: She speaks. | 5 CUT TO:", "1 2 3 4 5"},
		{"order", func() {
			w.put("/actions", object{"actionId": 1, "description": "She appears.", "scriptId": 1, "characterId": 1, "sequenceNumber": 3})
			w.put("/spokenWords", object{"dialogueId": 1, "text": "Ay!", "scriptId": 1, "characterId": 1, "sequenceNumber": 2})
		}, "1 Garden | 2 JULIET: Ay! | 3 JULIET: She appears. | 4 R.: She speaks. | 5 CUT TO:", "1 3 2 4 5"},
		{"another speaker", func() {
			w.put("/characters", object{"characterId": 3, "name": "NURSE", "description": ""})
			w.put("/spokenWords", object{"dialogueId": 1, "text": "Ay!", "scriptId": 1, "characterId": 3, "sequenceNumber": 2})
		}, "1 Garden | 2 NURSE: Ay! | 3 JULIET: She appears. | 4 R.: She speaks. | 5 CUT TO:", "1 3 2 4 5"},
		{"nobody does it", func() {
			w.put("/actions", object{"actionId": 1, "description": "She appears.", "scriptId": 1, "sequenceNumber": 3})
		}, "1 Garden | 2 NURSE: Ay! | 3 She appears. | 4 R.: She speaks. | 5 CUT TO:", "1 3 2 4 5"},
		{"more", func() {
			w.put("/actions", object{"actionId": 2, "description": "He hides.", "scriptId": 1, "sequenceNumber": 9})
			w.put("/scripts/1/sections", object{"headingId": 2, "title": "Street", "sequenceNumber": 8})
		}, "1 Garden | 2 NURSE: Ay! | 3 She appears. | 4 R.: She speaks. | 5 CUT TO: | 8 Street | 9 He hides.", "1 3 2 4 5 6 7"},
		{"less", func() {
			w.remove("/spokenWords", 1)
			w.remove("/scripts/1/transitions", 1)
			w.remove("/scripts/1/sections", 1)
		}, "3 She appears. | 4 R.: She speaks. | 8 Street | 9 He hides.", "2 4 6 7"},
		{"a lost character", func() { w.remove("/characters", 2) },
			"3 She appears. | 4 R.: She speaks. | 8 Street | 9 He hides.", "2 4 6 7"},
		{"a character nobody knows", func() {
			w.put("/actions", object{"actionId": 2, "description": "He hides.", "scriptId": 1, "characterId": 77, "sequenceNumber": 9})
		}, "3 She appears. | 4 R.: She speaks. | 8 Street | 9 : He hides.", "2 4 6 7"},
		{"linked to another script", func() {
			w.put("/actions", object{"actionId": 1, "description": "She appears.", "scriptId": 2, "sequenceNumber": 3})
		}, "4 R.: She speaks. | 8 Street | 9 : He hides.", "4 6 7"},
	} {
		step.change()
		story := fullStory(s, 1)
		wantFreshness(t, story, "live", "ok", "ok", "ok")
		if got, ids := flow(story), story.Column("elementId", "story"); got != step.want || ids != step.ids {
			t.Errorf("%s:\ngot  %s, elements %s\nwant %s, elements %s", step.name, got, ids, step.want, step.ids)
		}
	}
}

// TestAssemblyContexts: the context of whoever acts or speaks comes and goes.
func TestAssemblyContexts(t *testing.T) {
	w := balcony(t)
	s := w.start(nil)
	fullStory(s, 1).Has("story.2.context.data.mood", "in love", "story.3.context", nil)
	w.put("/contexts", object{"contextId": 1, "characterId": 1, "scriptId": 1, "data": object{"mood": "afraid"}})
	w.put("/contexts", object{"contextId": 2, "characterId": 2, "scriptId": 1, "data": object{}})
	w.put("/contexts", object{"contextId": 3, "characterId": 9, "scriptId": 1, "data": object{}})
	fullStory(s, 1).Has("story.2.context.data.mood", "afraid", "story.3.context.contextId", 2)
	w.peers[contexts].set(true, nil)
	w.put("/spokenWords", object{"dialogueId": 3, "text": "O Romeo!", "scriptId": 1, "characterId": 1, "sequenceNumber": 6})
	fullStory(s, 1).Has("story.2.context.data.mood", "afraid", "story.3.context.contextId", 2,
		"story.5.spokenWord.text", "O Romeo!", "story.5.context.data.mood", "afraid")
	w.peers[contexts].recover()
	w.remove("/contexts", 1)
	fullStory(s, 1).Has("story.2.context", nil, "story.3.context.contextId", 2)
}

// TestAssemblyWithoutPeers: while a peer fails the story stays as it was last
// put together, apart from what the others say.
func TestAssemblyWithoutPeers(t *testing.T) {
	w := balcony(t)
	s := w.start(nil)
	before := fullStory(s, 1).Get("story")
	for name, fail := range failures {
		for failing := 1; failing < 1<<len(services); failing++ {
			for i, service := range services {
				w.peers[service].recover()
				if failing>>i&1 == 1 {
					fail(w.peers[service])
				}
			}
			if fullStory(s, 1).Has("story", before); t.Failed() {
				t.Fatalf("%s of %b", name, failing)
			}
		}
	}
	for _, p := range w.peers {
		p.recover()
	}
	w.peers[characters].set(true, nil)
	w.put("/scripts/1/sections", object{"headingId": 1, "title": "Garden", "sequenceNumber": 1})
	w.put("/scripts/1/sections", object{"headingId": 2, "title": "Street", "sequenceNumber": 7})
	story := fullStory(s, 1)
	wantFlow(t, story, strings.Replace(balconyFlow, "Orchard", "Garden", 1))
	if got := story.Column("title", "sections"); got != "Garden Street" {
		t.Errorf("sections: got %s", got)
	}
	w.peers[characters].recover()
	wantFlow(t, fullStory(s, 1), strings.Replace(balconyFlow, "Orchard", "Garden", 1)+" | 7 Street")
	w.removeScript(1)
	w.put("/characters", object{"characterId": 2, "name": "R.", "description": ""})
	story = fullStory(s, 1)
	wantFreshness(t, story, "live", "ok", "ok", "ok")
	story.Has("story.3.character.name", "R.", "title", "Romeo and Juliet")
}

// TestUnknownScript: what neither the service nor a peer knows is 404; the
// answer names those that could not be asked.
func TestUnknownScript(t *testing.T) {
	w := balcony(t)
	s := w.start(nil)
	for _, path := range []string{"/stories?scriptId=9", "/stories/sequences?scriptId=9&startSequence=1&endSequence=2"} {
		s.Want(404, "GET", path, nil).Problem("not_found", "There is no story of script 9.")
	}
	for name, fail := range failures {
		fail(w.peers[scripts])
		missing := s.Want(404, "GET", "/stories?scriptId=1", nil)
		missing.Problem("not_found", "scriptmanagement cannot be asked")
		if t.Failed() {
			t.Fatal(name)
		}
	}
	w.peers[contexts].set(true, nil)
	s.Want(404, "GET", "/stories?scriptId=1", nil).Problem("not_found", "scriptmanagement and sessioncontext cannot be asked")
	w.peers[scripts].recover()
	wantFreshness(t, fullStory(s, 1), "partial", "ok", "ok", "unavailable")
	// Nothing but reading makes a story of a script.
	s.Want(404, "GET", "/stories/9", nil)
	s.Want(404, "GET", "/stories/9/elements", nil)
}

// TestOneScriptPeer: without the other peers a script's sections are its story.
func TestOneScriptPeer(t *testing.T) {
	w := balcony(t)
	s := w.start(func(p *Peers) { p.Character, p.SessionContext = "", "" })
	story := fullStory(s, 1)
	story.Has("title", "Romeo and Juliet", "freshness.state", "live", "story", "[]",
		"sections", `[{"headingId":1,"scriptId":1,"sequence":1,"title":"Orchard"}]`)
}

// TestArranging: whatever a caller does to the elements, the story is his from
// then on: it follows the words of the peers but no longer their order.
func TestArranging(t *testing.T) {
	for _, test := range []struct{ name, method, path, body, want string }{
		{"add", "POST", "/stories/1/elements", `{"text":"Mine."}`, balconyFlow + " | 6 Mine."},
		{"add many", "POST", "/stories/1/elements/batch", `{"items":[{"text":"Mine."}]}`, balconyFlow + " | 6 Mine."},
		{"change", "PATCH", "/stories/1/elements/2", `{"sequence":9}`, "1 Orchard | 3 JULIET: Ay me! | 4 ROMEO: She speaks. | 5 CUT TO: | 9 JULIET: She appears."},
		{"delete", "DELETE", "/stories/1/elements/2", "", "1 Orchard | 3 JULIET: Ay me! | 4 ROMEO: She speaks. | 5 CUT TO:"},
		{"reorder", "POST", "/stories/1/elements/reorder", reorderBody("1>2 2>1"),
			"1 JULIET: She appears. | 2 Orchard | 3 JULIET: Ay me! | 4 ROMEO: She speaks. | 5 CUT TO:"},
	} {
		t.Run(test.name, func(t *testing.T) {
			w := balcony(t)
			s := w.start(nil)
			fullStory(s, 1)
			var body any
			if test.body != "" {
				body = test.body
			}
			if answer := s.Do(test.method, test.path, body); answer.Status >= 300 {
				t.Fatalf("got %d %s", answer.Status, answer.Body)
			}
			w.put("/actions", object{"actionId": 5, "description": "New.", "scriptId": 1, "sequenceNumber": 1})
			w.remove("/spokenWords", 2)
			w.put("/characters", object{"characterId": 1, "name": "J.", "description": ""})
			story := fullStory(s, 1)
			wantFlow(t, story, strings.ReplaceAll(test.want, "JULIET", "J."))
			story.Has("assembled", false)
		})
	}
}

// TestNotArranging: what is refused, and what concerns the head alone, leaves
// the story to follow its script.
func TestNotArranging(t *testing.T) {
	w := balcony(t)
	s := w.start(nil)
	fullStory(s, 1)
	s.Want(409, "POST", "/stories/1/elements", `{"text":"x","sequence":1}`)
	s.Want(400, "POST", "/stories/1/elements", `{}`)
	s.Want(409, "POST", "/stories/1/elements/batch", `{"items":[{"text":"x"},{"text":"x","sequence":1}]}`)
	s.Want(404, "PATCH", "/stories/1/elements/99", `{}`)
	s.Want(412, "DELETE", "/stories/1/elements/1", nil, "If-Match", `"9"`)
	s.Want(409, "POST", "/stories/1/elements/reorder", reorderBody("1>2"))
	s.Want(200, "PATCH", "/stories/1", `{"orchestration":{"midiFilePath":"/x.mid"},"titlePage":[{"key":"Title","values":["x"]}]}`)
	s.Want(200, "PUT", "/stories/1", `{"title":"Mine","orchestration":{"midiFilePath":"/y.mid"}}`)
	w.put("/actions", object{"actionId": 5, "description": "New.", "scriptId": 1, "sequenceNumber": 6})
	story := fullStory(s, 1)
	wantFlow(t, story, balconyFlow+" | 6 New.")
	// Title and author are the script's; the rest is the story's own.
	story.Has("title", "Romeo and Juliet", "orchestration.midiFilePath", "/y.mid", "assembled", true)
}

// TestHeadFirst: a head alone arranges nothing, unless it says that the story
// is about to be written; then nothing stands in its way.
func TestHeadFirst(t *testing.T) {
	w := balcony(t)
	s := w.start(nil)
	s.Want(201, "PUT", "/stories/1", `{"title":"x","orchestration":{"midiFilePath":"/x.mid"}}`)
	story := fullStory(s, 1)
	wantFlow(t, story, balconyFlow)
	story.Has("orchestration.midiFilePath", "/x.mid")

	// The story was read before it was imported.
	s.Want(200, "PUT", "/stories/1", `{"title":"x","complete":false}`)
	wantFlow(t, fullStory(s, 1), "")
	s.Want(201, "POST", "/stories/1/elements", `{"action":{"actionId":1}}`).Has("sequence", 1)
	s.Want(200, "PATCH", "/stories/1", `{"complete":true}`)
	wantFlow(t, fullStory(s, 1), "1 She appears.")

	// It was not.
	w.putScript(2, "New", "", "")
	w.put("/actions", object{"actionId": 7, "description": "New.", "scriptId": 2, "sequenceNumber": 1})
	s.Want(201, "PUT", "/stories/2", `{"title":"x","complete":false}`)
	wantFlow(t, fullStory(s, 2), "")
	s.Want(201, "POST", "/stories/2/elements", `{"text":"a"}`).Has("sequence", 1)
}

// TestDeletedStory: what was deleted here comes back from the peers.
func TestDeletedStory(t *testing.T) {
	w := balcony(t)
	s := w.start(nil)
	fullStory(s, 1)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"Mine."}`)
	s.Want(204, "DELETE", "/stories/1", nil)
	s.Want(404, "GET", "/stories/1", nil)
	wantFlow(t, fullStory(s, 1), balconyFlow)
}
