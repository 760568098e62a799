// Links from actions and spoken words to characters and scripts.
package character

import (
	"fmt"
	"testing"
)

func TestFilters(t *testing.T) {
	tests := []struct {
		query string
		want  string
	}{
		{"", "1 2 3 4 5"},
		{"?scriptId=1", "2 3"},
		{"?scriptId=2", "4"},
		{"?scriptId=7", ""},
		{"?characterId=1", "2 4 5"},
		{"?scriptId=1&characterId=1", "2"},
		{"?characterId=2&scriptId=1", "3"},
		{"?scriptId=2&characterId=2", ""},
		{"?ids=5,2,99,2", "2 5"},
		{"?ids=5%2C2", "2 5"},
		{"?ids=3,4&scriptId=1", "3"},
		{"?ids=3,4&scriptId=1&characterId=1", ""},
		{"?characterId=1&limit=1", "2"},
	}
	s := start(t)
	s.Want(201, "POST", "/characters", `{"name":"Romeo","description":""}`)
	for _, kind := range []struct{ folder, text, id string }{
		{"/actions", "description", "actionId"}, {"/spokenWords", "text", "dialogueId"},
	} {
		for _, links := range []string{
			`"scriptId":1,"characterId":1`, `"scriptId":1,"characterId":2`, `"scriptId":2,"characterId":1`, `"characterId":1`,
		} {
			s.Want(201, "POST", kind.folder, fmt.Sprintf(`{%q:"x",%s}`, kind.text, links))
		}
		for _, test := range tests {
			if got := s.Column(kind.folder+test.query, kind.id); got != test.want {
				t.Errorf("%s%s: got %v, want %v", kind.folder, test.query, got, test.want)
			}
		}
	}
}

func TestCharacterFilters(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/characters/batch", `{"items":[{"name":"Romeo","description":""},{"name":"Juliet","description":"Another."}]}`)
	for query, want := range map[string]string{
		"?name=Juliet": "1 3", "?name=juliet": "", "?name=Romeo&ids=1,3": "", "?ids=3,1": "1 3", "?name=Jul%25": "",
	} {
		if got := s.Column("/characters"+query, "characterId"); got != want {
			t.Errorf("%s: got %v, want %v", query, got, want)
		}
	}
}

func TestUnknownCharacter(t *testing.T) {
	s := start(t)
	for _, request := range [][3]string{
		{"POST", "/actions", `{"description":"x","characterId":7}`},
		{"POST", "/spokenWords", `{"text":"x","characterId":7}`},
		{"PATCH", "/actions/1", `{"characterId":7}`},
		{"PATCH", "/spokenWords/1", `{"characterId":7}`},
	} {
		s.Do(request[0], request[1], request[2]).Refused(400, "invalid_request", "/characterId")
	}
	// No refused request used a number up.
	s.Want(201, "POST", "/actions", `{"description":"x"}`).Has("sequenceNumber", 3)
}

func TestNullUnlinks(t *testing.T) {
	for _, place := range []string{"/actions/1", "/spokenWords/1"} {
		s := start(t)
		s.Want(200, "PATCH", place, `{"scriptId":4,"characterId":1}`).Holds(`{"scriptId":4,"characterId":1,"sequenceNumber":1}`)
		// Its number is the next without a script.
		s.Want(200, "PATCH", place, `{"scriptId":null,"characterId":null}`).Has("scriptId", nil, "characterId", nil, "sequenceNumber", 3)
	}
}

// Deleting a character keeps what it did and said, without it and under a new
// ETag, and deletes its paraphrases alone.
func TestDeleteLinkedCharacter(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/actions/1/paraphrases", `{"originalId":1,"text":"She looks out.","commentary":""}`)
	for _, place := range []string{"/actions/1", "/spokenWords/1"} {
		s.Want(200, "PATCH", place, `{"characterId":1}`)
	}
	s.Want(204, "DELETE", "/characters/1", nil)
	for _, place := range []string{"/actions/1", "/spokenWords/1"} {
		got := s.Want(200, "GET", place, nil).Has("characterId", nil)
		if got.ETag() != `"3"` {
			t.Errorf("%s: got ETag %s, want \"3\"", place, got.ETag())
		}
	}
	s.Do("GET", "/paraphrases/1", nil).Refused(404, "not_found", "")
	s.Want(200, "GET", "/paraphrases/2", nil)
}

func TestDeleteTakesParaphrases(t *testing.T) {
	for _, place := range []string{"/characters/1", "/actions/1", "/spokenWords/1"} {
		s := start(t)
		made := s.Want(201, "POST", place+"/paraphrases", `{"originalId":1,"text":"Other words.","commentary":""}`)
		s.Want(204, "DELETE", place, nil)
		s.Do("GET", fmt.Sprint("/paraphrases/", made.Number("paraphraseId")), nil).Refused(404, "not_found", "")
		s.Do("GET", place+"/paraphrases", nil).Refused(404, "not_found", "")
	}
}

func TestParaphrasesBelongToOneElement(t *testing.T) {
	s := start(t)
	places := []string{"/characters/1/paraphrases", "/actions/1/paraphrases", "/spokenWords/1/paraphrases"}
	for _, place := range places[1:] {
		s.Want(201, "POST", place, `{"originalId":1,"text":"Other words.","commentary":""}`)
	}
	for i, place := range places {
		if got := s.Column(place, "paraphraseId"); got != fmt.Sprint(i+1) {
			t.Errorf("%s: got %v, want [%d]", place, got, i+1)
		}
	}
}
