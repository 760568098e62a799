package sessioncontext

import (
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// reporter lets a service outlive the test that started it: what fails is
// reported to the test of the moment.
type reporter struct{ testing.TB }

// FuzzRequestBody sends arbitrary bodies to every operation that takes one. No
// body makes the service fail, and every answer is one the document promises.
func FuzzRequestBody(f *testing.F) {
	seeds := calls(f)
	operations := changing(seeds)
	for i, c := range operations {
		for _, seed := range seeds {
			if seed.operation == c.operation {
				f.Add(uint8(i), []byte(seed.body))
			}
		}
	}
	for _, fault := range faultySessions {
		f.Add(uint8(len(fault.body)), []byte(fault.body))
	}
	current := &reporter{f}
	s := start(current)
	f.Fuzz(func(t *testing.T, operation uint8, body []byte) {
		current.TB = t
		defer func() { current.TB = f }()
		c := operations[int(operation)%len(operations)]
		c.body = string(body)
		a := s.Do(c.method, c.path("1"), body, c.headers...)
		if a.Status >= 500 {
			t.Errorf("%s %s: got %d: %s", c.method, c.template, a.Status, a.Body)
		}
		if a.Status == 201 {
			found(t, s, a)
		}
	})
}

// changing returns one call for each operation that takes a body.
func changing(all []call) []call {
	var operations []call
	for i, c := range all {
		if c.body != "" && (i == 0 || all[i-1].operation != c.operation) {
			operations = append(operations, c)
		}
	}
	return operations
}

// found requires that what a create answered with can be read.
func found(t *testing.T, s *apitest.Service, created *apitest.Answer) {
	t.Helper()
	members, single := created.Get().(map[string]any)
	if !single {
		return
	}
	place := path("/sessions", number(created, "sessionId"))
	if members["sessionId"] == nil {
		place = path("/contexts", number(created, "contextId"))
	}
	if got := s.Want(200, "GET", place, nil); string(got.Body) != string(created.Body) {
		t.Errorf("GET %s: got %s, want %s", place, got.Body, created.Body)
	}
}
