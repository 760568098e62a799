package character

import (
	"slices"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestMain(m *testing.M) { apitest.Main(m, Definition()) }

func TestDocument(t *testing.T) { apitest.CheckDocument(t, Definition()) }

// The operations that v1 published, with the bodies its clients send and the
// members they read.
func TestV1(t *testing.T) {
	tests := []struct{ path, body, want string }{
		{"/characters", `{"name":"Juliet","description":"The daughter of the house of Capulet."}`,
			`{"characterId":1,"name":"Juliet","description":"The daughter of the house of Capulet."}`},
		{"/characters/1/paraphrases", `{"originalId":1,"text":"A girl in love.","commentary":"Shorter."}`,
			`{"paraphraseId":1,"originalId":1,"text":"A girl in love.","commentary":"Shorter."}`},
		{"/actions", `{"description":"Juliet appears above at a window."}`,
			`{"actionId":1,"description":"Juliet appears above at a window."}`},
		{"/actions/1/paraphrases", `{"originalId":1,"text":"She looks out.","commentary":"Plainer."}`,
			`{"paraphraseId":2,"originalId":1,"text":"She looks out.","commentary":"Plainer."}`},
		{"/spokenWords", `{"text":"O Romeo, Romeo! wherefore art thou Romeo?"}`,
			`{"dialogueId":1,"text":"O Romeo, Romeo! wherefore art thou Romeo?"}`},
		{"/spokenWords/1/paraphrases", `{"originalId":1,"text":"Why are you Romeo?","commentary":"Modern."}`,
			`{"paraphraseId":3,"originalId":1,"text":"Why are you Romeo?","commentary":"Modern."}`},
	}
	s := apitest.Start(t, Definition())
	for _, test := range tests {
		if got := s.Want(200, "GET", test.path, nil); string(got.Body) != "[]\n" {
			t.Errorf("GET %s: got %s, want an empty array", test.path, got.Body)
		}
		holds(t, s.Want(201, "POST", test.path, test.body).Get(), test.want)
		holds(t, s.Want(200, "GET", test.path, nil).Get("0"), test.want)
	}
}

// What a create answers is what get and list find, under the same ETag.
func TestCreated(t *testing.T) {
	tests := []struct{ folder, body, id string }{
		{"/characters", `{"name":"Romeo","description":""}`, "characterId"},
		{"/actions", `{"description":"Enter Romeo.","scriptId":3,"characterId":1,"sequenceNumber":7}`, "actionId"},
		{"/spokenWords", `{"text":"","parenthetical":"beat","scriptId":3,"characterId":1}`, "dialogueId"},
		{"/spokenWords", `{"text":"He jests at scars that never felt a wound."}`, "dialogueId"},
	}
	for _, test := range tests {
		s := start(t)
		created := s.Want(201, "POST", test.folder, test.body)
		holds(t, created.Get(), test.body)
		place := path(test.folder, number(created, test.id))
		got := s.Want(200, "GET", place, nil)
		if string(got.Body) != string(created.Body) || got.Header.Get("ETag") != created.Header.Get("ETag") {
			t.Errorf("GET %s: got %s, want %s", place, got.Body, created.Body)
		}
		batch := s.Want(201, "POST", test.folder+"/batch", `{"items":[`+withoutNumber(test.body)+`]}`)
		holds(t, batch.Get("0"), withoutNumber(test.body))
		if got, want := collect(s, test.folder, test.id), []int64{1, 2, 3}; !slices.Equal(got, want) {
			t.Errorf("list %s: got %v, want %v", test.folder, got, want)
		}
	}
}

func TestPatch(t *testing.T) {
	tests := []struct{ path, body, want string }{ // one after the other
		{"/characters/1", `{"name":"Rosaline"}`, `{"name":"Rosaline","description":"The daughter of the house of Capulet."}`},
		{"/characters/1", `{"description":""}`, `{"name":"Rosaline","description":""}`},
		{"/characters/1", `{}`, `{"name":"Rosaline","description":""}`},
		{"/actions/1", `{"description":"Exit."}`, `{"description":"Exit.","sequenceNumber":1}`},
		{"/actions/1", `{"characterId":1}`, `{"description":"Exit.","characterId":1,"sequenceNumber":1}`},
		{"/actions/1", `{"sequenceNumber":9}`, `{"characterId":1,"sequenceNumber":9}`},
		{"/spokenWords/1", `{"text":"Ah me!"}`, `{"text":"Ah me!","sequenceNumber":2}`},
		{"/spokenWords/1", `{"text":"","parenthetical":"sighs"}`, `{"text":"","parenthetical":"sighs"}`},
		{"/paraphrases/1", `{"commentary":"Too modern."}`, `{"originalId":1,"text":"A girl in love.","commentary":"Too modern."}`},
		{"/paraphrases/1", `{"originalId":8,"text":"A girl."}`, `{"originalId":8,"text":"A girl.","commentary":"Too modern."}`},
	}
	for _, mediaType := range []string{"application/json", "application/merge-patch+json"} {
		s := start(t)
		for _, test := range tests {
			before := s.Want(200, "GET", test.path, nil)
			patched := s.Want(200, "PATCH", test.path, test.body, "Content-Type", mediaType, "If-Match", before.Header.Get("ETag"))
			holds(t, patched.Get(), test.want)
			if patched.Header.Get("ETag") == before.Header.Get("ETag") || patched.Get("createdAt") != before.Get("createdAt") {
				t.Errorf("PATCH %s: the ETag must change and createdAt must not", test.path)
			}
			if got := s.Want(200, "GET", test.path, nil); string(got.Body) != string(patched.Body) {
				t.Errorf("GET %s: got %s, want %s", test.path, got.Body, patched.Body)
			}
		}
	}
}

func TestDelete(t *testing.T) {
	for _, place := range []string{"/characters/1", "/actions/1", "/spokenWords/1", "/paraphrases/1"} {
		s := start(t)
		tag := s.Want(200, "GET", place, nil).Header.Get("ETag")
		s.Want(204, "DELETE", place, nil, "If-Match", tag)
		refused(t, s.Do("GET", place, nil), 404, "not_found", "")
		refused(t, s.Do("DELETE", place, nil), 404, "not_found", "")
	}
}

// An identifier is not given out again: who holds it means what it named.
func TestIdentifiersAreNotReused(t *testing.T) {
	s := start(t)
	s.Want(204, "DELETE", "/characters/1", nil)
	if got := number(s.Want(201, "POST", "/characters", `{"name":"Romeo","description":""}`), "characterId"); got != 2 {
		t.Errorf("characterId: got %d, want 2", got)
	}
}

func TestSilence(t *testing.T) {
	s := start(t)
	refused(t, s.Do("POST", "/spokenWords", `{"text":""}`), 400, "invalid_request", "/text")
	refused(t, s.Do("PATCH", "/spokenWords/1", `{"text":""}`), 400, "invalid_request", "/text")
	s.Want(200, "PATCH", "/spokenWords/1", `{"text":"","parenthetical":"beat"}`)
	refused(t, s.Do("PATCH", "/spokenWords/1", `{"parenthetical":null}`), 400, "invalid_request", "/text")
	a := s.Want(200, "PATCH", "/spokenWords/1", `{"text":"Ay me!","parenthetical":null}`)
	if _, found := a.Get().(map[string]any)["parenthetical"]; found {
		t.Errorf("null must remove the parenthetical: %s", a.Body)
	}
}

// Batches are all or nothing, and an error names the item.
func TestBatch(t *testing.T) {
	tests := []struct {
		name, folder, items, code, pointer string
		status                             int
	}{
		{"schema", "/characters", `{"name":"a","description":""},{"name":""}`, "invalid_request", "/items/1/description", 400},
		{"unknown property", "/characters", `{"name":"a","description":"","age":13}`, "invalid_request", "/items/0/age", 400},
		{"unknown character", "/actions", `{"description":"a"},{"description":"b","characterId":7}`, "invalid_request", "/items/1/characterId", 400},
		{"taken before", "/actions", `{"description":"a"},{"description":"b","sequenceNumber":1}`, "sequence_taken", "/items/1", 409},
		{"taken within", "/actions", `{"description":"a","scriptId":2,"sequenceNumber":5},{"description":"b","scriptId":2,"sequenceNumber":5}`, "sequence_taken", "/items/1", 409},
		{"silence", "/spokenWords", `{"text":"a"},{"text":"b"},{"text":""}`, "invalid_request", "/items/2/text", 400},
		{"unknown speaker", "/spokenWords", `{"text":"a","characterId":9}`, "invalid_request", "/items/0/characterId", 400},
		{"taken by an action", "/spokenWords", `{"text":"a"},{"text":"b","sequenceNumber":1}`, "sequence_taken", "/items/1", 409},
		{"none", "/spokenWords", ``, "invalid_request", "/items", 400},
	}
	s := start(t)
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			before := s.Want(200, "GET", test.folder, nil).Body
			refused(t, s.Do("POST", test.folder+"/batch", `{"items":[`+test.items+`]}`), test.status, test.code, test.pointer)
			if after := s.Want(200, "GET", test.folder, nil).Body; string(after) != string(before) {
				t.Errorf("something was created: %s", after)
			}
		})
	}
	if got := number(s.Want(201, "POST", "/actions", `{"description":"Exit."}`), "sequenceNumber"); got != 3 {
		t.Errorf("sequenceNumber: got %d, want 3: the refused batches used some up", got)
	}
}
