// Links from actions and spoken words to characters and scripts.
package character

import (
	"fmt"
	"slices"
	"testing"
)

func TestFilters(t *testing.T) {
	tests := []struct {
		query string
		want  []int64
	}{
		{"", []int64{1, 2, 3, 4, 5}},
		{"?scriptId=1", []int64{2, 3}},
		{"?scriptId=2", []int64{4}},
		{"?scriptId=7", []int64{}},
		{"?characterId=1", []int64{2, 4, 5}},
		{"?scriptId=1&characterId=1", []int64{2}},
		{"?characterId=2&scriptId=1", []int64{3}},
		{"?scriptId=2&characterId=2", []int64{}},
		{"?ids=5,2,99,2", []int64{2, 5}},
		{"?ids=5%2C2", []int64{2, 5}},
		{"?ids=3,4&scriptId=1", []int64{3}},
		{"?ids=3,4&scriptId=1&characterId=1", []int64{}},
		{"?characterId=1&limit=1", []int64{2}},
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
			if got := collect(s, kind.folder+test.query, kind.id); !slices.Equal(got, test.want) {
				t.Errorf("%s%s: got %v, want %v", kind.folder, test.query, got, test.want)
			}
		}
	}
}

func TestCharacterFilters(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/characters/batch", `{"items":[{"name":"Romeo","description":""},{"name":"Juliet","description":"Another."}]}`)
	for query, want := range map[string][]int64{
		"?name=Juliet": {1, 3}, "?name=juliet": {}, "?name=Romeo&ids=1,3": {}, "?ids=3,1": {1, 3}, "?name=Jul%25": {},
	} {
		if got := collect(s, "/characters"+query, "characterId"); !slices.Equal(got, want) {
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
		refused(t, s.Do(request[0], request[1], request[2]), 400, "invalid_request", "/characterId")
	}
	if got := number(s.Want(201, "POST", "/actions", `{"description":"x"}`), "sequenceNumber"); got != 3 {
		t.Errorf("sequenceNumber: got %d, want 3: a refused request used some up", got)
	}
}

func TestNullUnlinks(t *testing.T) {
	for _, place := range []string{"/actions/1", "/spokenWords/1"} {
		s := start(t)
		holds(t, s.Want(200, "PATCH", place, `{"scriptId":4,"characterId":1}`).Get(), `{"scriptId":4,"characterId":1,"sequenceNumber":1}`)
		got := s.Want(200, "PATCH", place, `{"scriptId":null,"characterId":null}`)
		members := got.Get().(map[string]any)
		if members["scriptId"] != nil || members["characterId"] != nil {
			t.Errorf("%s: null must remove the links: %s", place, got.Body)
		}
		if n := number(got, "sequenceNumber"); n != 3 {
			t.Errorf("%s: got number %d, want 3, the next without a script", place, n)
		}
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
		got := s.Want(200, "GET", place, nil)
		if got.Get("characterId") != nil || got.Header.Get("ETag") != `"3"` {
			t.Errorf("%s: got %s with ETag %s, want no characterId and \"3\"", place, got.Body, got.Header.Get("ETag"))
		}
	}
	refused(t, s.Do("GET", "/paraphrases/1", nil), 404, "not_found", "")
	s.Want(200, "GET", "/paraphrases/2", nil)
}

func TestDeleteTakesParaphrases(t *testing.T) {
	for _, place := range []string{"/characters/1", "/actions/1", "/spokenWords/1"} {
		s := start(t)
		made := s.Want(201, "POST", place+"/paraphrases", `{"originalId":1,"text":"Other words.","commentary":""}`)
		s.Want(204, "DELETE", place, nil)
		refused(t, s.Do("GET", path("/paraphrases", number(made, "paraphraseId")), nil), 404, "not_found", "")
		refused(t, s.Do("GET", place+"/paraphrases", nil), 404, "not_found", "")
	}
}

func TestParaphrasesBelongToOneElement(t *testing.T) {
	s := start(t)
	places := []string{"/characters/1/paraphrases", "/actions/1/paraphrases", "/spokenWords/1/paraphrases"}
	for _, place := range places[1:] {
		s.Want(201, "POST", place, `{"originalId":1,"text":"Other words.","commentary":""}`)
	}
	for i, place := range places {
		if got := collect(s, place, "paraphraseId"); !slices.Equal(got, []int64{int64(i) + 1}) {
			t.Errorf("%s: got %v, want [%d]", place, got, i+1)
		}
	}
}
