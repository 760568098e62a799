// Lists a page at a time.
package character

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestPages(t *testing.T) {
	s := apitest.Start(t, Definition())
	s.Want(201, "POST", "/characters/batch", apitest.Items(`{"name":"Citizen","description":"Number %d."}`, 250))
	s.Want(201, "POST", "/actions/batch", apitest.Items(`{"description":"Step %d.","scriptId":1,"characterId":1}`, 250))
	s.Want(201, "POST", "/spokenWords/batch", apitest.Items(`{"text":"Word %d.","scriptId":1}`, 250))
	apitest.Together(250, func(int) int {
		return s.Do("POST", "/actions/1/paraphrases", `{"originalId":1,"text":"Other words.","commentary":""}`).Status
	})
	for _, test := range []struct {
		path, id string
		limit    int
	}{
		{"/characters", "characterId", 100},
		{"/characters?name=Citizen&limit=125", "characterId", 125},
		{"/characters?limit=249", "characterId", 249},
		{"/characters?limit=1000", "characterId", 1000},
		{"/characters?ids=" + apitest.Identifiers(250) + "&limit=200", "characterId", 200},
		{"/actions", "actionId", 100},
		{"/actions?scriptId=1&characterId=1", "actionId", 100},
		{"/actions?characterId=1", "actionId", 100},
		{"/spokenWords?scriptId=1", "dialogueId", 100},
		{"/actions/1/paraphrases", "paraphraseId", 100},
	} {
		s.WantPages(test.path, test.id, 1, 1, 250, test.limit)
	}
}

// What is created and deleted between two pages neither doubles nor hides
// another item.
func TestPagesWhileChanging(t *testing.T) {
	s := apitest.Start(t, Definition())
	s.Want(201, "POST", "/characters/batch", apitest.Items(`{"name":"Citizen %d","description":""}`, 6))
	first := s.Want(200, "GET", "/characters?limit=3", nil)
	s.Want(204, "DELETE", "/characters/2", nil)
	s.Want(204, "DELETE", "/characters/3", nil)
	s.Want(204, "DELETE", "/characters/5", nil)
	s.Want(201, "POST", "/characters", `{"name":"Citizen 7","description":""}`)
	if got, want := s.Column(first.Next(), "characterId"), "4 6 7"; got != want {
		t.Errorf("second page: got %s, want %s", got, want)
	}
}

// A cursor is not good for other filters than it was made for.
func TestForeignCursors(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/actions/batch", apitest.Items(`{"description":"Step %d.","scriptId":1,"characterId":1}`, 4))
	cursor := s.Want(200, "GET", "/actions?scriptId=1&limit=2", nil).Cursor()
	for _, filters := range []string{"", "scriptId=2&", "scriptId=1&characterId=1&", "scriptId=1&ids=1&", "characterId=1&"} {
		s.Do("GET", "/actions?"+filters+"cursor="+cursor, nil).Refused(400, "invalid_request", "query/cursor")
	}
	if got, want := s.Column("/actions?limit=1&scriptId=1&cursor="+cursor, "actionId"), "4"; got != want {
		t.Errorf("with another limit: got %s, want %s", got, want)
	}
}
