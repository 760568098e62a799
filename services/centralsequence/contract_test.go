// What every service keeps, and what the tests of this package share.
package centralsequence

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestMain(m *testing.M) { apitest.Main(m, Definition()) }

func TestContract(t *testing.T) { stage.CheckContract(t) }

var stage = apitest.Stage{Definition: Definition(), Set: func(s *apitest.Service) {
	fill(s, "section", 3, 0)
	for range 2 {
		s.Want(201, "POST", "/sequence/version", `{"elementType":"section","elementId":1,"newVersionData":{"title":"Act I"}}`)
	}
}}

func FuzzRequestBody(f *testing.F) {
	const element = `{"elementType":"section","elementId":1`
	stage.Fuzz(f, apitest.Fuzzing{Seeds: []string{
		element + `}`, element + `,"scriptId":1}`, element + `,"sequenceNumber":9007199254740991}`, element + `,"sequenceNumber":1}`,
		element + `,"newVersionData":{"a":[1e400,"\u0000"]}}`, element + `,"newVersionData":{}}`,
	}})
}

// exchange is a request and what its answer must be.
type exchange struct {
	name    string
	request string // method and path
	body    any
	headers []string
	status  int
	// want are members of the answer; nil as value says that the member is absent.
	want map[string]any
}

// run carries exchanges out one after the other on one service.
func run(t *testing.T, s *apitest.Service, exchanges []exchange) {
	t.Helper()
	for _, e := range exchanges {
		method, path, _ := strings.Cut(e.request, " ")
		answer := s.Do(method, path, e.body, e.headers...)
		if answer.Status != e.status {
			t.Errorf("%s: %s: got status %d, want %d: %s", e.name, e.request, answer.Status, e.status, answer.Body)
			continue
		}
		for _, member := range slices.Sorted(maps.Keys(e.want)) {
			answer.Has(member, e.want[member])
		}
	}
}

// fill asks for sequence numbers of elements of one type, in order of id.
func fill(s *apitest.Service, elementType string, count int, scriptID int) {
	script := ""
	if scriptID != 0 {
		script = fmt.Sprintf(`,"scriptId":%d`, scriptID)
	}
	s.Want(201, "POST", "/sequence/batch", apitest.Items(fmt.Sprintf(`{"elementType":%q,"elementId":%%d%s}`, elementType, script), count))
}

// sequenceOf returns the line at path as "type id=number type id=number …".
func sequenceOf(s *apitest.Service, path string) string {
	var items []Element
	s.Want(200, "GET", path, nil).JSON(&items)
	line := make([]string, len(items))
	for i, e := range items {
		line[i] = fmt.Sprintf("%s %d=%d", e.ElementType, e.ElementID, e.SequenceNumber)
	}
	return strings.Join(line, " ")
}
