package character

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestMain(m *testing.M) { apitest.Main(m, Definition()) }

func TestDocument(t *testing.T) { apitest.CheckDocument(t, Definition()) }

func TestCharacters(t *testing.T) {
	s := apitest.Start(t, Definition())
	s.Want(200, "GET", "/characters", nil)
	created := s.Want(201, "POST", "/characters", `{"name":"Juliet","description":""}`)
	if got := created.Get("characterId"); got != 1.0 {
		t.Errorf("characterId: got %v, want 1", got)
	}
}
