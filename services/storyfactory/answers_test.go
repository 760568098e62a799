package storyfactory

import (
	"context"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
	"fountain.coach/fountainai/internal/storage"
)

// call is a request that succeeds on the stage that startStage sets.
type call struct {
	operation, method, path, body string
	status                        int
	// conflict is a body that contradicts what is stored.
	conflict string
}

var calls = []call{
	{"getFullStory", "GET", "/stories?scriptId=1", "", 200, ""},
	{"getStorySequences", "GET", "/stories/sequences?scriptId=1&startSequence=1&endSequence=9", "", 200, ""},
	{"getStory", "GET", "/stories/1", "", 200, ""},
	{"putStory", "PUT", "/stories/1", `{"title":"Juliet and Romeo"}`, 200, ""},
	{"patchStory", "PATCH", "/stories/1", `{"author":null}`, 200, ""},
	{"deleteStory", "DELETE", "/stories/1", "", 204, ""},
	{"listStoryElements", "GET", "/stories/1/elements", "", 200, ""},
	{"createStoryElement", "POST", "/stories/1/elements", `{"text":"He climbs."}`, 201, `{"text":"He climbs.","sequence":5}`},
	{"createStoryElements", "POST", "/stories/1/elements/batch", `{"items":[{"text":"He climbs."},{"type":"pageBreak"}]}`, 201,
		`{"items":[{"text":"He climbs."},{"type":"pageBreak","sequence":1}]}`},
	{"reorderStoryElements", "POST", "/stories/1/elements/reorder",
		`{"elements":[{"elementId":1,"newSequence":2},{"elementId":2,"newSequence":1}]}`, 200,
		`{"elements":[{"elementId":1,"newSequence":3}]}`},
	{"getStoryElement", "GET", "/stories/1/elements/1", "", 200, ""},
	{"patchStoryElement", "PATCH", "/stories/1/elements/1", `{"text":"SCENE III."}`, 200, `{"sequence":4}`},
	{"deleteStoryElement", "DELETE", "/stories/1/elements/1", "", 204, ""},
}

// eachCall runs check once for every operation.
func eachCall(t *testing.T, check func(t *testing.T, c call)) {
	for _, c := range calls {
		t.Run(c.operation, func(t *testing.T) { check(t, c) })
	}
}

// request is a call's body as Do takes it: nil where there is none.
func (c call) request() any {
	if c.body == "" {
		return nil
	}
	return c.body
}

// inStory is the call's path in the story of another script.
func (c call) inStory(id string) string {
	if strings.Contains(c.path, "scriptId=1") {
		return strings.Replace(c.path, "scriptId=1", "scriptId="+id, 1)
	}
	return strings.Replace(c.path, "/stories/1", "/stories/"+id, 1)
}

// with is the call's path with a query parameter more.
func (c call) with(query string) string {
	if strings.Contains(c.path, "?") {
		return c.path + "&" + query
	}
	return c.path + "?" + query
}

// failures lists a request for each failure that depends on the request alone,
// by the status it must get.
func (c call) failures(t *testing.T, s *apitest.Service) map[string]func() *apitest.Answer {
	do := func(path string, body any, headers ...string) func() *apitest.Answer {
		return func() *apitest.Answer { return s.Do(c.method, path, body, headers...) }
	}
	possible := map[string]func() *apitest.Answer{
		"400": do(c.with("colour=red"), c.request()),
		"404": do(c.inStory("999"), c.request()),
		"412": do(c.path, c.request(), "If-Match", `"99"`),
	}
	if c.conflict != "" {
		possible["409"] = do(c.path, c.conflict)
	}
	if c.body != "" {
		possible["413"] = do(c.path, strings.Repeat(" ", 8<<20+1))
		possible["415"] = do(c.path, c.body, "Content-Type", "text/plain")
	}
	possible["422"] = func() *apitest.Answer {
		if first := s.Do(c.method, c.path, c.body, "Idempotency-Key", "k"); first.Status != c.status {
			t.Errorf("with a key: got %d %s", first.Status, first.Body)
		}
		return s.Do(c.method, c.path, c.body+" ", "Idempotency-Key", "k")
	}
	return possible
}

// TestEveryAnswer provokes every status that the document lists, apart from
// those that only the gateway gives.
func TestEveryAnswer(t *testing.T) {
	eachCall(t, func(t *testing.T, c call) {
		s := startStage(t)
		documented := responses(s, c.operation)
		failures := c.failures(t, s)
		for _, status := range slices.Sorted(maps.Keys(documented)) {
			provoke, possible := failures[status]
			if !possible {
				continue
			}
			delete(documented, status)
			if answer := provoke(); fmt.Sprint(answer.Status) != status {
				t.Errorf("got %d, want %s: %s", answer.Status, status, answer.Body)
			}
		}
		success := s.Want(c.status, c.method, c.path, c.request())
		delete(documented, fmt.Sprint(success.Status))
		if c.operation == "putStory" {
			created := s.Want(201, c.method, "/stories/3", c.request())
			delete(documented, fmt.Sprint(created.Status))
		}
		// TestLostTable and TestUnavailable provoke the last two.
		for _, status := range []string{"401", "403", "429", "500", "503"} {
			delete(documented, status)
		}
		for status := range documented {
			t.Errorf("status %s is documented but not tested", status)
		}
	})
}

// responses is the set of statuses that the document lists for an operation.
func responses(s *apitest.Service, operation string) map[string]bool {
	statuses := map[string]bool{}
	for _, o := range s.Instance.API.Document().Operations {
		if o.ID == operation {
			for status := range o.Responses {
				statuses[status] = true
			}
		}
	}
	return statuses
}

// TestCallsAreComplete keeps the table above in step with the document.
func TestCallsAreComplete(t *testing.T) {
	s := apitest.Start(t, Definition(&Peers{}))
	for _, o := range s.Instance.API.Document().Operations {
		if !slices.ContainsFunc(calls, func(c call) bool { return c.operation == o.ID }) {
			t.Errorf("operation %s is missing among calls", o.ID)
		}
	}
}

// TestLostTable: a fault of the service is a 500 that tells nothing of SQL.
func TestLostTable(t *testing.T) {
	s := startStage(t)
	for _, table := range []string{"stories", "story_elements"} {
		write(t, s, "ALTER TABLE "+table+" RENAME TO lost_"+table)
	}
	for _, c := range calls {
		answer := s.Want(500, c.method, c.path, c.request())
		wantProblem(t, answer, "internal_error", "requestId")
		if text := strings.ToLower(string(answer.Body)); strings.Contains(text, "table") || strings.Contains(text, "sql") {
			t.Errorf("%s: the answer tells of the database: %s", c.operation, answer.Body)
		}
	}
}

// write changes the database behind the service's back.
func write(t testing.TB, s *apitest.Service, statement string) {
	t.Helper()
	err := s.Instance.DB.Write(context.Background(), func(_ context.Context, tx *storage.Tx) error {
		_, err := tx.Exec(statement)
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
}

// read runs a query for one number on the connection that writes.
func read(t testing.TB, s *apitest.Service, query string) (number int64) {
	t.Helper()
	err := s.Instance.DB.Write(context.Background(), func(_ context.Context, tx *storage.Tx) error {
		return tx.QueryRow(query, nil, &number)
	})
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// TestUnavailable: a request that the database cannot serve now is a 503 that
// says when to come back.
func TestUnavailable(t *testing.T) {
	s := startStage(t)
	if err := s.Instance.DB.Close(); err != nil {
		t.Fatal(err)
	}
	// Reads on a closed database wait for their context, so it ends early.
	impatient := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		ctx, cancel := context.WithCancel(r.Context())
		cancel()
		s.Instance.API.ServeHTTP(w, r.WithContext(ctx))
	}))
	defer impatient.Close()
	s.URL = impatient.URL
	for _, c := range calls {
		answer := s.Want(503, c.method, c.path, c.request())
		if answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", c.operation)
		}
	}
}
