// Sequence numbers, which actions and spoken words of a script share.
package character

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestNumbersAreShared(t *testing.T) {
	tests := []struct {
		path, body string
		want       int64
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
		if got := number(s.Want(201, "POST", test.path, test.body), "sequenceNumber"); got != test.want {
			t.Errorf("%s: got %d, want %d", test.body, got, test.want)
		}
	}
	for _, path := range []string{"/actions", "/spokenWords"} {
		refused(t, s.Do("POST", path, `{"text":"x","description":"x","scriptId":5,"sequenceNumber":7}`), 400, "invalid_request", "")
	}
	refused(t, s.Do("POST", "/actions", `{"description":"x","scriptId":5,"sequenceNumber":7}`), 409, "sequence_taken", "")
}

// Numbers have no gap and no double however many clients ask at once.
func TestNumbersUnderConcurrentClients(t *testing.T) {
	const clients, each = 32, 6
	s := apitest.Start(t, Definition())
	var lock sync.Mutex
	var numbers []int64
	together(clients, func(client int) {
		for i := range each {
			path, body := "/actions", `{"description":"x","scriptId":1}`
			if (client+i)%2 == 0 {
				path, body = "/spokenWords", `{"text":"x","scriptId":1}`
			}
			got := number(s.Do("POST", path, body), "sequenceNumber")
			lock.Lock()
			numbers = append(numbers, got)
			lock.Unlock()
		}
	})
	slices.Sort(numbers)
	for i, got := range numbers {
		if got != int64(i)+1 {
			t.Fatalf("number %d is %d: %v", i+1, got, numbers)
		}
	}
	if len(numbers) != clients*each {
		t.Errorf("got %d numbers, want %d", len(numbers), clients*each)
	}
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
		place := path(kind.folder, number(moved, kind.id))

		holds(t, s.Want(200, "PATCH", place, `{"scriptId":2}`).Get(), `{"scriptId":2,"sequenceNumber":9}`)
		holds(t, s.Want(200, "PATCH", place, `{"scriptId":2}`).Get(), `{"sequenceNumber":9}`)
		refused(t, s.Do("PATCH", place, `{"sequenceNumber":8}`), 409, "sequence_taken", "")
		refused(t, s.Do("PATCH", place, `{"scriptId":1,"sequenceNumber":99,"characterId":7}`), 400, "invalid_request", "/characterId")
		holds(t, s.Want(200, "GET", place, nil).Get(), `{"scriptId":2,"sequenceNumber":9}`)
		// The number it had in script 1 is free for who asks, and not handed out again.
		holds(t, create(`"scriptId":1`).Get(), `{"sequenceNumber":5}`)
		holds(t, create(`"scriptId":1,"sequenceNumber":4`).Get(), `{"sequenceNumber":4}`)
		holds(t, s.Want(200, "PATCH", place, `{"scriptId":3,"sequenceNumber":20}`).Get(), `{"scriptId":3,"sequenceNumber":20}`)
		holds(t, create(`"scriptId":2,"sequenceNumber":9`).Get(), `{"sequenceNumber":9}`)
	}
}

func TestDeleteFreesTheNumber(t *testing.T) {
	for _, kind := range []struct{ folder, body string }{
		{"/actions", `{"description":"x","sequenceNumber":%d}`}, {"/spokenWords", `{"text":"x","sequenceNumber":%d}`},
	} {
		s := start(t)
		had := number(s.Want(200, "GET", kind.folder+"/1", nil), "sequenceNumber")
		refused(t, s.Do("POST", kind.folder, fmt.Sprintf(kind.body, had)), 409, "sequence_taken", "")
		s.Want(204, "DELETE", kind.folder+"/1", nil)
		s.Want(201, "POST", kind.folder, fmt.Sprintf(kind.body, had))
	}
}

// The largest number a client may choose leaves room for those that follow.
func TestLargestNumber(t *testing.T) {
	s := start(t)
	s.Want(201, "POST", "/actions", `{"description":"x","sequenceNumber":9007199254740991}`)
	s.Want(201, "POST", "/actions", `{"description":"y"}`)
	refused(t, s.Do("POST", "/spokenWords", `{"text":"x","sequenceNumber":9007199254740992}`), 400, "invalid_request", "/sequenceNumber")
	refused(t, s.Do("PATCH", "/spokenWords/1", `{"sequenceNumber":9223372036854775807}`), 400, "invalid_request", "/sequenceNumber")
}
