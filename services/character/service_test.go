package character

import (
	"fmt"
	"regexp"
	"testing"
)

var numberMember = regexp.MustCompile(`,"sequenceNumber":\d+`)

func withoutNumber(body string) string { return numberMember.ReplaceAllString(body, "") }

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
		created.Holds(test.body)
		s.Want(200, "GET", fmt.Sprint(test.folder, "/", created.Number(test.id)), nil).Same(created)
		batch := s.Want(201, "POST", test.folder+"/batch", `{"items":[`+withoutNumber(test.body)+`]}`)
		batch.Holds(withoutNumber(test.body), "0")
		if got, want := s.Column(test.folder, test.id), "1 2 3"; got != want {
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
			patched := s.Want(200, "PATCH", test.path, test.body, "Content-Type", mediaType, "If-Match", before.ETag())
			patched.Holds(test.want)
			if patched.ETag() == before.ETag() || patched.Get("createdAt") != before.Get("createdAt") {
				t.Errorf("PATCH %s: the ETag must change and createdAt must not", test.path)
			}
			s.Want(200, "GET", test.path, nil).Same(patched)
		}
	}
}

func TestDelete(t *testing.T) {
	for _, place := range []string{"/characters/1", "/actions/1", "/spokenWords/1", "/paraphrases/1"} {
		s := start(t)
		tag := s.Want(200, "GET", place, nil).ETag()
		s.Want(204, "DELETE", place, nil, "If-Match", tag)
		s.Do("GET", place, nil).Refused(404, "not_found", "")
		s.Do("DELETE", place, nil).Refused(404, "not_found", "")
	}
}

// An identifier is not given out again: who holds it means what it named.
func TestIdentifiersAreNotReused(t *testing.T) {
	s := start(t)
	s.Want(204, "DELETE", "/characters/1", nil)
	s.Want(201, "POST", "/characters", romeo).Has("characterId", 2)
}

func TestSilence(t *testing.T) {
	s := start(t)
	s.Do("POST", "/spokenWords", `{"text":""}`).Refused(400, "invalid_request", "/text")
	s.Do("PATCH", "/spokenWords/1", `{"text":""}`).Refused(400, "invalid_request", "/text")
	s.Want(200, "PATCH", "/spokenWords/1", `{"text":"","parenthetical":"beat"}`)
	s.Do("PATCH", "/spokenWords/1", `{"parenthetical":null}`).Refused(400, "invalid_request", "/text")
	answer := s.Want(200, "PATCH", "/spokenWords/1", `{"text":"Ay me!","parenthetical":null}`)
	if _, found := answer.Get().(map[string]any)["parenthetical"]; found {
		t.Errorf("null must remove the parenthetical: %s", answer.Body)
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
			s := s.For(t)
			before := s.Bodies(test.folder)
			s.Do("POST", test.folder+"/batch", `{"items":[`+test.items+`]}`).Refused(test.status, test.code, test.pointer)
			if after := s.Bodies(test.folder); after != before {
				t.Errorf("something was created: %s", after)
			}
		})
	}
	// No refused batch used a number up.
	s.Want(201, "POST", "/actions", `{"description":"Exit."}`).Has("sequenceNumber", 3)
}

// A refusal is not kept: once its cause is gone the same key succeeds.
func TestRefusalsAreNotReplayed(t *testing.T) {
	const enters = `{"description":"Enter Romeo.","characterId":2}`
	s := start(t)
	s.Do("POST", "/actions", enters, "Idempotency-Key", "k").Refused(400, "invalid_request", "/characterId")
	s.Want(201, "POST", "/characters", romeo)
	first := s.Want(201, "POST", "/actions", enters, "Idempotency-Key", "k")
	s.Want(201, "POST", "/actions", enters, "Idempotency-Key", "k").Same(first)
}
