package character

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

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
		s.Want(201, "POST", test.path, test.body).Holds(test.want)
		s.Want(200, "GET", test.path, nil).Holds(test.want, "0")
	}
}
