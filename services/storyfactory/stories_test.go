package storyfactory

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

const fullHead = `{"title":"Hamlet","author":"Kyd","description":"A ghost.","complete":false,
	"titlePage":[{"key":"Title","values":["Hamlet","Prince of Denmark"]},{"key":"Credit","values":[]}],
	"orchestration":{"csoundFilePath":"/h.csd","lilyPondFilePath":"/h.ly","midiFilePath":"/h.mid"}}`

const fullTitlePage = `[{"key":"Title","values":["Hamlet","Prince of Denmark"]},{"key":"Credit","values":[]}]`

// TestChangeStory: what PUT and PATCH set, leave and empty.
func TestChangeStory(t *testing.T) {
	const files, none = `{"csoundFilePath":"/h.csd","lilyPondFilePath":"/h.ly","midiFilePath":"/h.mid"}`,
		`{"csoundFilePath":"","lilyPondFilePath":"","midiFilePath":""}`
	for _, test := range []struct {
		method, body               string
		title, author, description string
		complete                   bool
		titlePage, files           string
	}{
		{"PUT", `{"title":"Ur-Hamlet"}`, "Ur-Hamlet", "", "", true, "[]", none},
		{"PUT", `{"title":"Ur-Hamlet","orchestration":{"midiFilePath":"/u.mid"}}`, "Ur-Hamlet", "", "", true, "[]",
			`{"csoundFilePath":"","lilyPondFilePath":"","midiFilePath":"/u.mid"}`},
		{"PATCH", `{}`, "Hamlet", "Kyd", "A ghost.", false, fullTitlePage, files},
		{"PATCH", `{"title":"Prince"}`, "Prince", "Kyd", "A ghost.", false, fullTitlePage, files},
		{"PATCH", `{"author":null,"description":null}`, "Hamlet", "", "", false, fullTitlePage, files},
		{"PATCH", `{"author":"","description":"To be."}`, "Hamlet", "", "To be.", false, fullTitlePage, files},
		{"PATCH", `{"complete":true}`, "Hamlet", "Kyd", "A ghost.", true, fullTitlePage, files},
		{"PATCH", `{"titlePage":null}`, "Hamlet", "Kyd", "A ghost.", false, "[]", files},
		{"PATCH", `{"titlePage":[]}`, "Hamlet", "Kyd", "A ghost.", false, "[]", files},
		{"PATCH", `{"orchestration":null}`, "Hamlet", "Kyd", "A ghost.", false, fullTitlePage, none},
		{"PATCH", `{"orchestration":{}}`, "Hamlet", "Kyd", "A ghost.", false, fullTitlePage, files},
		{"PATCH", `{"orchestration":{"csoundFilePath":null,"midiFilePath":"/new.mid"}}`, "Hamlet", "Kyd", "A ghost.", false, fullTitlePage,
			`{"csoundFilePath":"","lilyPondFilePath":"/h.ly","midiFilePath":"/new.mid"}`},
	} {
		t.Run(test.method+" "+test.body, func(t *testing.T) {
			s := apitest.Start(t, Definition(&Peers{}))
			created := s.Want(201, "PUT", "/stories/7", fullHead)
			created.Has("scriptId", 7, "titlePage", fullTitlePage, "orchestration", files)
			answer := s.Want(200, test.method, "/stories/7", test.body)
			answer.Has("scriptId", 7, "title", test.title, "author", test.author, "description", test.description,
				"complete", test.complete, "titlePage", test.titlePage, "orchestration", test.files,
				"createdAt", created.Get("createdAt"))
			s.Want(200, "GET", "/stories/7", nil).Same(answer)
			for _, member := range []string{"title", "author", "description", "complete", "titlePage", "orchestration"} {
				fullStory(s, 7).Has(member, answer.Get(member))
			}
		})
	}
}

// TestPutKeepsElements: replacing a head leaves what callers arranged, also
// while the story is being written.
func TestPutKeepsElements(t *testing.T) {
	s := stage.Start(t)
	s.Want(200, "PUT", "/stories/1", `{"title":"New"}`)
	s.Want(200, "PUT", "/stories/1", `{"title":"New","complete":false}`)
	wantOrder(t, s, 1, "1 2 3 4 5", "1 2 3 4 5")
}

// TestPutIfMatch: If-Match asks for something that exists, whatever its tag.
func TestPutIfMatch(t *testing.T) {
	s := stage.Start(t)
	for _, tag := range []string{`*`, `"0"`, `"1"`} {
		s.Want(412, "PUT", "/stories/3", `{"title":"x"}`, "If-Match", tag).Problem("precondition_failed", "no story of script 3")
	}
	s.Want(404, "GET", "/stories/3", nil)
	s.Want(200, "PUT", "/stories/2", `{"title":"x"}`, "If-Match", "*")
	s.Want(412, "PUT", "/stories/2", `{"title":"x"}`, "If-Match", `"1"`)
	s.Want(200, "PUT", "/stories/2", `{"title":"x"}`, "If-Match", `"2"`)
}

// TestDeleteStory: its elements, sections and numbers go with it, nothing else.
func TestDeleteStory(t *testing.T) {
	s := stage.Start(t)
	s.Want(201, "POST", "/stories/2/elements", stageElements[3])
	s.Want(204, "DELETE", "/stories/1", nil)
	for _, path := range []string{"/stories/1", "/stories?scriptId=1", "/stories/1/elements"} {
		s.Want(404, "GET", path, nil).Problem("not_found", "There is no story of script 1.")
	}
	s.Want(404, "GET", "/stories/1/elements/1", nil).Problem("not_found", "The story of script 1 has no element 1.")
	s.Want(404, "DELETE", "/stories/1", nil).Problem("not_found", "There is no story of script 1.")
	for _, query := range []string{
		"SELECT count(*) FROM story_elements WHERE script_id = 1", "SELECT count(*) FROM known_sections WHERE script_id = 1",
		"SELECT count(*) FROM sequence_scopes WHERE scope_id = 1",
	} {
		if left := s.Count(query); left != 0 {
			t.Errorf("%s: %d are left", query, left)
		}
	}
	wantOrder(t, s, 2, "6", "1")
	fullStory(s, 2).Has("story.0.character.name", "Juliet")
	s.Want(201, "PUT", "/stories/1", `{"title":"Again"}`)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"x"}`).Has("sequence", 1, "elementId", 7)
}

// TestSnapshotFreshness: without peers there is only the snapshot.
func TestSnapshotFreshness(t *testing.T) {
	s := stage.Start(t)
	for _, path := range []string{"/stories?scriptId=1", "/stories/sequences?scriptId=1&startSequence=1&endSequence=2"} {
		answer := s.Want(200, "GET", path, nil)
		answer.Has("freshness.state", "snapshot", "freshness.peers", "[]",
			"freshness.asOf", s.Want(200, "GET", "/stories/1", nil).Get("createdAt"))
	}
}
