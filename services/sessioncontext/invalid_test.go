// Requests that must be refused, and the largest that must not.
package sessioncontext

import (
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestInvalidBodies(t *testing.T) {
	long := strings.Repeat("x", 65537)
	start(t).WantInvalid(t, [][3]string{
		{"POST /sessions", `{}`, "/userId"},
		{"POST /sessions", `{"context":""}`, "/userId"},
		{"POST /sessions", `{"userId":null}`, "/userId"},
		{"POST /sessions", `{"userId":"7"}`, "/userId"},
		{"POST /sessions", `{"userId":[7]}`, "/userId"},
		{"POST /sessions", `{"userId":0}`, "/userId"},
		{"POST /sessions", `{"userId":-7}`, "/userId"},
		{"POST /sessions", `{"userId":7.5}`, "/userId"},
		{"POST /sessions", `{"userId":9223372036854775808}`, "/userId"},
		{"POST /sessions", `{"userId":-9223372036854775809}`, "/userId"},
		{"POST /sessions", `{"userId":1e999}`, "/userId"},
		{"POST /sessions", `{"userId":1e999999999}`, "/userId"},
		{"POST /sessions", `{"userId":7,"context":null}`, "/context"},
		{"POST /sessions", `{"userId":7,"context":{}}`, "/context"},
		{"POST /sessions", `{"userId":7,"context":"` + long + `"}`, "/context"},
		{"POST /sessions", `{"userId":7,"name":"Juliet"}`, "/name"},
		{"POST /sessions", `{"userid":7}`, "/userId"},
		{"POST /sessions", `{"sessionId":5,"userId":7}`, "/sessionId"},
		{"POST /sessions", `{"userId":7,"context":"\u0000"}`, "/context"},
		{"POST /contexts", `{}`, "/characterId"},
		{"POST /contexts", `{"characterId":1}`, "/data"},
		{"POST /contexts", `{"data":{}}`, "/characterId"},
		{"POST /contexts", `{"characterId":0,"data":{}}`, "/characterId"},
		{"POST /contexts", `{"characterId":"1","data":{}}`, "/characterId"},
		{"POST /contexts", `{"characterId":1,"scriptId":null,"data":{}}`, "/scriptId"},
		{"POST /contexts", `{"characterId":1,"scriptId":-1,"data":{}}`, "/scriptId"},
		{"POST /contexts", `{"characterId":1,"data":null}`, "/data"},
		{"POST /contexts", `{"characterId":1,"data":[]}`, "/data"},
		{"POST /contexts", `{"characterId":1,"data":"{}"}`, "/data"},
		{"POST /contexts", `{"characterId":1,"data":1}`, "/data"},
		{"POST /contexts", `{"characterId":1,"data":{},"mood":"longing"}`, "/mood"},
		{"POST /contexts", `{"contextId":1,"characterId":1,"data":{}}`, "/contextId"},
		{"PUT /sessions/1", `{"context":null}`, "/context"},
		{"PUT /sessions/1", `{"context":1}`, "/context"},
		{"PUT /sessions/1", `{"context":"` + long + `"}`, "/context"},
		{"PUT /sessions/1", `{"userId":8}`, "/userId"},
		{"PATCH /sessions/1", `{"context":{}}`, "/context"},
		{"PATCH /sessions/1", `{"context":"` + long + `"}`, "/context"},
		{"PATCH /sessions/1", `{"userId":null}`, "/userId"},
		{"PATCH /sessions/1", `{"userId":0}`, "/userId"},
		{"PATCH /sessions/1", `{"sessionId":2}`, "/sessionId"},
		{"PATCH /contexts/1", `{"data":null}`, "/data"},
		{"PATCH /contexts/1", `{"data":[]}`, "/data"},
		{"PATCH /contexts/1", `{"characterId":null}`, "/characterId"},
		{"PATCH /contexts/1", `{"scriptId":0}`, "/scriptId"},
		{"PATCH /contexts/1", `{"scriptId":"1"}`, "/scriptId"},
		{"PATCH /contexts/1", `{"mood":"longing"}`, "/mood"},
		{"PATCH /contexts/1", `{"data":{"a":1,"a":2}}`, "/data/a"},
		{"POST /contexts/batch", `{"items":{}}`, "/items"},
		{"POST /contexts/batch", `{"items":[]}`, "/items"},
		{"POST /contexts/batch", `{"items":[],"more":1}`, "/items"},
		{"POST /contexts/batch", apitest.Items(`{"characterId":%d,"data":{}}`, 1001), "/items"},
	}, "/sessions", "/contexts")
}

// invalidContexts are contexts whose data must be refused, with the pointer.
var invalidContexts = [][2]string{
	{`{"characterId":1,"data":{"x":"` + strings.Repeat("x", 1<<16) + `"}}`, "/data"},
	{`{"characterId":1,"data":{"a":{"b":1,"b":2}}}`, "/data/a/b"},
	{`{"characterId":1,"data":{"a":["\u0000"]}}`, "/data/a/0"},
	{`{"characterId":1,"data":{"a\u0000":1}}`, ""},
	{`{"characterId":1,"data":{"a":"\udead"}}`, ""},
	{"{\"characterId\":1,\"data\":{\"\xff\":1}}", ""},
	{`{"characterId":1,"data":{"a":1e999}}`, "/data/a"},
	{`{"characterId":1,"data":{"a":` + strings.Repeat("9", 65) + `}}`, "/data/a"},
}

// invalidData are the bodies of invalidContexts.
func invalidData() []string {
	bodies := make([]string, len(invalidContexts))
	for i, invalid := range invalidContexts {
		bodies[i] = invalid[0]
	}
	return bodies
}

func TestInvalidData(t *testing.T) {
	s := start(t)
	var requests [][3]string
	for _, invalid := range invalidContexts {
		body, pointer := invalid[0], invalid[1]
		requests = append(requests, [3]string{"POST /contexts", body, pointer})
		if pointer != "" {
			pointer = "/items/0" + pointer
		}
		requests = append(requests, [3]string{"POST /contexts/batch", `{"items":[` + body + `]}`, pointer})
	}
	requests = append(requests, [3]string{"POST /contexts", `{"characterId":1,"data":` + nested(64) + `}`, ""})
	s.WantInvalid(t, requests, "/contexts")
	s.Want(201, "POST", "/contexts", `{"characterId":1,"data":`+nested(63)+`}`)
	s.Want(200, "PATCH", "/contexts/2", `{"data":`+nested(63)+`}`)
}

// nested returns objects within one another.
func nested(depth int) string {
	return strings.Repeat(`{"a":`, depth) + "1" + strings.Repeat(`}`, depth)
}

func TestInvalidParameters(t *testing.T) {
	start(t).WantInvalid(t, [][3]string{
		{"GET /sessions?characterId=1", "", "query/characterId"},
		{"GET /contexts?userId=1", "", "query/userId"},
		{"GET /sessions/1/context?limit=1", "", "query/limit"},
	})
}

// The limits are limits: what just keeps them is taken and comes back whole.
func TestLongestTexts(t *testing.T) {
	s := start(t)
	text := strings.Repeat("\U0001F631", 65536) // counts as one character, though four bytes
	s.Want(201, "POST", "/sessions", map[string]any{"userId": 7, "context": text}).Has("context", text)
	s.Want(201, "POST", "/contexts/batch", apitest.Items(`{"characterId":%d,"data":{}}`, 1000))
}
