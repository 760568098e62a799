// What every service keeps, and what the tests of this package share.
package sessioncontext

import (
	"fmt"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestMain(m *testing.M) { apitest.Main(m, Definition()) }

func TestContract(t *testing.T) { stage.CheckContract(t) }

var stage = apitest.Stage{Definition: Definition(), Set: func(s *apitest.Service) {
	seed(s)
	s.Want(201, "POST", "/sessions", newSession)
	s.Want(201, "POST", "/contexts", `{"characterId":9,"data":{"age":12345678901234567890}}`)
}}

// FuzzRequestBody: what a create answered with can be read.
func FuzzRequestBody(f *testing.F) {
	stage.Fuzz(f, apitest.Fuzzing{Seeds: invalidData(), After: func(s *apitest.Service, c apitest.Call, created *apitest.Answer) {
		switch {
		case created.Status != 201:
		case c.Operation == "createSession":
			s.Want(200, "GET", fmt.Sprint("/sessions/", created.Number("sessionId")), nil).Same(created)
		case c.Operation == "createContext":
			s.Want(200, "GET", fmt.Sprint("/contexts/", created.Number("contextId")), nil).Same(created)
		}
	}})
}

// start runs the service with one session, and one context in script 1; each has
// identifier 1.
func start(t testing.TB) *apitest.Service {
	t.Helper()
	s := apitest.Start(t, Definition())
	seed(s)
	return s
}

func seed(s *apitest.Service) {
	s.Want(201, "POST", "/sessions", `{"userId":7,"context":"Act two is being revised."}`)
	s.Want(201, "POST", "/contexts", `{"characterId":9,"scriptId":1,"data":{"mood":"longing","place":{"house":"Capulet","spot":"orchard"}}}`)
}

const newSession = `{"userId":8,"context":"Act three."}`
