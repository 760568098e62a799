// Sequence numbers, which actions and spoken words of a script share.
package character

import (
	"fmt"
	"slices"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestNumbersAreShared(t *testing.T) {
	tests := []struct {
		path, body string
		want       int
	}{
		{"/actions", `{"description":"a","scriptId":5}`, 1},
		{"/spokenWords", `{"text":"b","scriptId":5}`, 2},
		{"/actions", `{"description":"another script","scriptId":6}`, 1},
		{"/spokenWords", `{"text":"no script"}`, 3}, // after the two of start
		{"/actions", `{"description":"c","scriptId":5,"sequenceNumber":10}`, 10},
		{"/spokenWords", `{"text":"d","scriptId":5}`, 11},
		{"/spokenWords", `{"text":"e","scriptId":5,"sequenceNumber":7}`, 7},
		{"/actions", `{"description":"f","scriptId":5}`, 12},
	}
	s := start(t)
	for _, test := range tests {
		s.Want(201, "POST", test.path, test.body).Has("sequenceNumber", test.want)
	}
	for _, path := range []string{"/actions", "/spokenWords"} {
		s.Do("POST", path, `{"text":"x","description":"x","scriptId":5,"sequenceNumber":7}`).Refused(400, "invalid_request", "")
	}
	s.Do("POST", "/actions", `{"description":"x","scriptId":5,"sequenceNumber":7}`).Refused(409, "sequence_taken", "")
}

// Numbers have no gap and no double however many clients ask at once.
func TestNumbersTogether(t *testing.T) {
	const clients, each = 32, 6
	s := apitest.Start(t, Definition())
	numbers := apitest.Together(clients, func(client int) []int64 {
		var got []int64
		for i := range each {
			path, body := "/actions", `{"description":"x","scriptId":1}`
			if (client+i)%2 == 0 {
				path, body = "/spokenWords", `{"text":"x","scriptId":1}`
			}
			got = append(got, s.Do("POST", path, body).Number("sequenceNumber"))
		}
		return got
	})
	apitest.Gapless(t, slices.Concat(numbers...), 1, clients*each)
}

func TestMoveBetweenScripts(t *testing.T) {
	for _, kind := range []struct{ folder, text, id string }{
		{"/actions", "description", "actionId"}, {"/spokenWords", "text", "dialogueId"},
	} {
		s := start(t)
		create := func(members string) *apitest.Answer {
			return s.Want(201, "POST", kind.folder, fmt.Sprintf(`{%q:"x",%s}`, kind.text, members))
		}
		moved := create(`"scriptId":1,"sequenceNumber":4`)
		create(`"scriptId":2,"sequenceNumber":8`)
		place := fmt.Sprint(kind.folder, "/", moved.Number(kind.id))

		s.Want(200, "PATCH", place, `{"scriptId":2}`).Holds(`{"scriptId":2,"sequenceNumber":9}`)
		s.Want(200, "PATCH", place, `{"scriptId":2}`).Holds(`{"sequenceNumber":9}`)
		s.Do("PATCH", place, `{"sequenceNumber":8}`).Refused(409, "sequence_taken", "")
		s.Do("PATCH", place, `{"scriptId":1,"sequenceNumber":99,"characterId":7}`).Refused(400, "invalid_request", "/characterId")
		s.Want(200, "GET", place, nil).Holds(`{"scriptId":2,"sequenceNumber":9}`)
		// The number it had in script 1 is free for who asks, and not handed out again.
		create(`"scriptId":1`).Holds(`{"sequenceNumber":5}`)
		create(`"scriptId":1,"sequenceNumber":4`).Holds(`{"sequenceNumber":4}`)
		s.Want(200, "PATCH", place, `{"scriptId":3,"sequenceNumber":20}`).Holds(`{"scriptId":3,"sequenceNumber":20}`)
		create(`"scriptId":2,"sequenceNumber":9`).Holds(`{"sequenceNumber":9}`)
	}
}

func TestDeleteFreesTheNumber(t *testing.T) {
	for _, kind := range []struct{ folder, body string }{
		{"/actions", `{"description":"x","sequenceNumber":%d}`}, {"/spokenWords", `{"text":"x","sequenceNumber":%d}`},
	} {
		s := start(t)
		had := s.Want(200, "GET", kind.folder+"/1", nil).Number("sequenceNumber")
		s.Do("POST", kind.folder, fmt.Sprintf(kind.body, had)).Refused(409, "sequence_taken", "")
		s.Want(204, "DELETE", kind.folder+"/1", nil)
		s.Want(201, "POST", kind.folder, fmt.Sprintf(kind.body, had))
	}
}

// The largest number a client may choose leaves room for those that follow.
func TestLargestNumber(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/actions", `{"description":"x","sequenceNumber":9007199254740991}`)
	s.Want(201, "POST", "/actions", `{"description":"y"}`)
	s.Do("POST", "/spokenWords", `{"text":"x","sequenceNumber":9007199254740992}`).Refused(400, "invalid_request", "/sequenceNumber")
	s.Do("PATCH", "/spokenWords/1", `{"sequenceNumber":9223372036854775807}`).Refused(400, "invalid_request", "/sequenceNumber")
}

// Behind the highest number there is comes no other.
func TestExhausted(t *testing.T) {
	s := start(t)
	s.Exec("UPDATE sequence_scopes SET last_number = 9223372036854775807")
	for path, item := range map[string]string{"/actions": `"description":"x"`, "/spokenWords": `"text":"x"`} {
		s.Want(409, "POST", path, "{"+item+"}").Problem("sequence_exhausted", "choose one")
		s.Want(409, "POST", path+"/batch", `{"items":[{`+item+`}]}`).Refused(409, "sequence_exhausted", "/items/0")
	}
	s.Want(201, "POST", "/actions", `{"description":"x","sequenceNumber":7}`).Has("sequenceNumber", 7)
}
