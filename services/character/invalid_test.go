// Requests that must be refused, and the largest that must not.
package character

import (
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestInvalidBodies(t *testing.T) {
	long, longTitle := strings.Repeat("x", 65537), strings.Repeat("x", 1025)
	start(t).WantInvalid(t, [][3]string{
		{"POST /characters", `{}`, "/description"},
		{"POST /characters", `{"description":""}`, "/name"},
		{"POST /characters", `{"name":"Juliet"}`, "/description"},
		{"POST /characters", `{"name":null,"description":""}`, "/name"},
		{"POST /characters", `{"name":1,"description":""}`, "/name"},
		{"POST /characters", `{"name":["Juliet"],"description":""}`, "/name"},
		{"POST /characters", `{"name":{},"description":""}`, "/name"},
		{"POST /characters", `{"name":"","description":""}`, "/name"},
		{"POST /characters", `{"name":"Juliet","description":true}`, "/description"},
		{"POST /characters", `{"name":"Juliet","description":"","age":13}`, "/age"},
		{"POST /characters", `{"Name":"Juliet","description":""}`, "/Name"},
		{"POST /characters", `{"characterId":5,"name":"Juliet","description":""}`, "/characterId"},
		{"POST /characters", `{"name":"` + longTitle + `","description":""}`, "/name"},
		{"POST /characters", `{"name":"Juliet","description":"` + long + `"}`, "/description"},
		{"POST /characters/batch", `{"items":[{"name":"Juliet"}]}`, "/items/0/description"},
		{"POST /characters/batch", `{"items":[{"name":"Juliet","description":""},{"name":"","description":""}]}`, "/items/1/name"},
		{"POST /actions", `{"description":""}`, "/description"},
		{"POST /actions", `{"description":"` + long + `"}`, "/description"},
		{"POST /actions", `{"description":"x","characterId":-1}`, "/characterId"},
		{"POST /actions", `{"description":"x","characterId":0}`, "/characterId"},
		{"POST /actions", `{"description":"x","characterId":"1"}`, "/characterId"},
		{"POST /actions", `{"description":"x","characterId":1.5}`, "/characterId"},
		{"POST /actions", `{"description":"x","characterId":null}`, "/characterId"},
		{"POST /actions", `{"description":"x","characterId":9223372036854775808}`, "/characterId"},
		{"POST /actions", `{"description":"x","scriptId":-9223372036854775809}`, "/scriptId"},
		{"POST /actions", `{"description":"x","scriptId":1e30}`, "/scriptId"},
		{"POST /actions", `{"description":"x","sequenceNumber":0}`, "/sequenceNumber"},
		{"POST /actions", `{"description":"x","sequenceNumber":true}`, "/sequenceNumber"},
		{"POST /spokenWords", `{"text":"` + long + `"}`, "/text"},
		{"POST /spokenWords", `{"text":"x","parenthetical":""}`, "/parenthetical"},
		{"POST /spokenWords", `{"text":"x","parenthetical":"` + longTitle + `"}`, "/parenthetical"},
		{"POST /spokenWords", `{"parenthetical":"beat"}`, "/text"},
		{"POST /spokenWords", `{"text":"x","dialogueId":1}`, "/dialogueId"},
		{"POST /characters/1/paraphrases", `{"text":"x","commentary":""}`, "/originalId"},
		{"POST /characters/1/paraphrases", `{"originalId":1,"text":"","commentary":""}`, "/text"},
		{"POST /characters/1/paraphrases", `{"originalId":1,"text":"x"}`, "/commentary"},
		{"POST /characters/1/paraphrases", `{"originalId":0,"text":"x","commentary":""}`, "/originalId"},
		{"PATCH /characters/1", `{"name":null}`, "/name"},
		{"PATCH /characters/1", `{"name":""}`, "/name"},
		{"PATCH /characters/1", `{"characterId":2}`, "/characterId"},
		{"PATCH /actions/1", `{"description":""}`, "/description"},
		{"PATCH /actions/1", `{"scriptId":0}`, "/scriptId"},
		{"PATCH /actions/1", `{"characterId":"1"}`, "/characterId"},
		{"PATCH /actions/1", `{"sequenceNumber":null}`, "/sequenceNumber"},
		{"PATCH /spokenWords/1", `{"text":null}`, "/text"},
		{"PATCH /spokenWords/1", `{"parenthetical":""}`, "/parenthetical"},
		{"PATCH /paraphrases/1", `{"text":""}`, "/text"},
		{"PATCH /paraphrases/1", `{"commentary":"` + long + `"}`, "/commentary"},
		{"POST /characters/batch", `{"items":{}}`, "/items"},
		{"POST /characters/batch", `{"items":[]}`, "/items"},
		{"POST /characters/batch", `{"items":[],"more":1}`, "/items"},
		{"POST /characters/batch", apitest.Items(`{"name":"Citizen %d","description":""}`, 1001), "/items"},
	}, "/characters", "/actions", "/spokenWords", "/characters/1/paraphrases")
}

func TestInvalidParameters(t *testing.T) {
	start(t).WantInvalid(t, [][3]string{
		{"GET /characters?name=", "", "query/name"},
		{"GET /characters?name=" + strings.Repeat("x", 1025), "", "query/name"},
		{"GET /characters?scriptId=1", "", "query/scriptId"},
		{"GET /actions?name=x", "", "query/name"},
		{"GET /actions/1?fields=description", "", "query/fields"},
	})
}

// The limits are limits: what just keeps them is taken and comes back whole.
func TestLongestTexts(t *testing.T) {
	const scream = "\U0001F631" // counts as one character, though four bytes
	s := start(t)
	name, text := strings.Repeat(scream, 1024), strings.Repeat(scream, 65536)
	s.Want(201, "POST", "/characters", map[string]string{"name": name, "description": text}).Has("name", name, "description", text)
	s.Want(201, "POST", "/spokenWords/batch", apitest.Items(`{"text":"Word %d."}`, 1000))
}
