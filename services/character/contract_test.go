// What every service keeps, and what the tests of this package share.
package character

import (
	"fmt"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestMain(m *testing.M) { apitest.Main(m, Definition()) }

func TestContract(t *testing.T) { stage.CheckContract(t) }

var stage = apitest.Stage{Definition: Definition(), Set: func(s *apitest.Service) {
	seed(s)
	for _, folder := range []string{"/characters", "/actions", "/spokenWords"} {
		paraphrases := folder + "/1/paraphrases"
		s.Want(201, "POST", paraphrases, `{"originalId":1,"text":"Other words.","commentary":""}`)
		s.Want(201, "POST", paraphrases, `{"originalId":1,"text":"Yet others.","commentary":""}`)
	}
	s.Want(201, "POST", "/characters", romeo)
	s.Want(201, "POST", "/actions", `{"description":"Enter Romeo."}`)
	s.Want(201, "POST", "/spokenWords", `{"text":"He jests at scars."}`)
}}

// FuzzRequestBody: what a create answered with can be read.
func FuzzRequestBody(f *testing.F) {
	stage.Fuzz(f, apitest.Fuzzing{After: func(s *apitest.Service, c apitest.Call, created *apitest.Answer) {
		if _, single := created.Get().(map[string]any); !single || created.Status != 201 {
			return
		}
		folder, id := "/paraphrases", created.Number("paraphraseId")
		switch c.Operation {
		case "createCharacter":
			folder, id = "/characters", created.Number("characterId")
		case "createAction":
			folder, id = "/actions", created.Number("actionId")
		case "createSpokenWord":
			folder, id = "/spokenWords", created.Number("dialogueId")
		}
		s.Want(200, "GET", fmt.Sprint(folder, "/", id), nil).Same(created)
	}})
}

// start runs the service with one resource of each kind. Each has identifier 1
// and none has a link.
func start(t testing.TB) *apitest.Service {
	t.Helper()
	s := apitest.Start(t, Definition())
	seed(s)
	return s
}

func seed(s *apitest.Service) {
	s.Want(201, "POST", "/characters", `{"name":"Juliet","description":"The daughter of the house of Capulet."}`)
	s.Want(201, "POST", "/actions", `{"description":"Juliet appears above at a window."}`)
	s.Want(201, "POST", "/spokenWords", `{"text":"Ay me!"}`)
	s.Want(201, "POST", "/characters/1/paraphrases", `{"originalId":1,"text":"A girl in love.","commentary":""}`)
}

const romeo = `{"name":"Romeo","description":"The son of the house of Montague."}`
