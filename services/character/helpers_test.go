// What the tests of this package share.
package character

import (
	"encoding/json"
	"reflect"
	"regexp"
	"strconv"
	"sync"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

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

// refused requires a problem with the status and the code, and unless pointer
// is empty, that its first fault is there.
func refused(t testing.TB, a *apitest.Answer, status int, code, pointer string) {
	t.Helper()
	if a.Status != status || a.Get("code") != code {
		t.Errorf("got %d, want %d with code %s: %.500s", a.Status, status, code, a.Body)
		return
	}
	if got := a.Get("errors", "0", "pointer"); pointer != "" && got != pointer {
		t.Errorf("pointer: got %v, want %s: %.500s", got, pointer, a.Body)
	}
	if a.Get("message") != a.Get("detail") || a.Get("requestId") != a.Header.Get("X-Request-Id") {
		t.Errorf("message or requestId is wrong: %s", a.Body)
	}
}

// holds requires got to have each member of the JSON object want.
func holds(t testing.TB, got any, want string) {
	t.Helper()
	var members map[string]any
	if err := json.Unmarshal([]byte(want), &members); err != nil {
		t.Fatal(err)
	}
	object, _ := got.(map[string]any)
	for name, value := range members {
		if !reflect.DeepEqual(object[name], value) {
			t.Errorf("%s: got %v, want %v", name, object[name], value)
		}
	}
}

// number returns the integer at path in the body.
func number(a *apitest.Answer, path ...string) int64 {
	value, _ := a.Get(path...).(float64)
	return int64(value)
}

// collect returns the member called name of each item of the list at path.
func collect(s *apitest.Service, path, name string) []int64 {
	var items []map[string]any
	s.Want(200, "GET", path, nil).JSON(&items)
	return pick(items, name)
}

func pick(items []map[string]any, name string) []int64 {
	numbers := []int64{}
	for _, item := range items {
		value, _ := item[name].(float64)
		numbers = append(numbers, int64(value))
	}
	return numbers
}

// pages follows the Link headers from path to the last page.
func pages(s *apitest.Service, path string) [][]map[string]any {
	var all [][]map[string]any
	for path != "" {
		answer := s.Want(200, "GET", path, nil)
		var page []map[string]any
		answer.JSON(&page)
		all = append(all, page)
		path = next(answer)
	}
	return all
}

var nextLink = regexp.MustCompile(`^<(/[^>]*)>; rel="next"$`)

// next returns the path in the Link header, "" without one.
func next(a *apitest.Answer) string {
	if match := nextLink.FindStringSubmatch(a.Header.Get("Link")); match != nil {
		return match[1]
	}
	return ""
}

// together calls run from n goroutines at once and waits for all.
func together(n int, run func(i int)) {
	var ready, done sync.WaitGroup
	ready.Add(1)
	for i := range n {
		done.Go(func() {
			ready.Wait()
			run(i)
		})
	}
	ready.Done()
	done.Wait()
}

// path joins a folder and an identifier.
func path(folder string, id int64) string { return folder + "/" + strconv.FormatInt(id, 10) }

var numberMember = regexp.MustCompile(`,"sequenceNumber":\d+`)

func withoutNumber(body string) string { return numberMember.ReplaceAllString(body, "") }
