package scriptmanagement

import (
	"context"
	"fmt"
	"maps"
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
	{"listScripts", "GET", "/scripts", "", 200, ""},
	{"createScript", "POST", "/scripts", `{"title":"Hamlet"}`, 201, `{"title":"Hamlet","sequenceNumber":2}`},
	{"getScript", "GET", "/scripts/1", "", 200, ""},
	{"updateScript", "PUT", "/scripts/1", `{"title":"Juliet and Romeo"}`, 200, ""},
	{"patchScript", "PATCH", "/scripts/1", `{"author":null}`, 200, `{"sequenceNumber":2}`},
	{"deleteScript", "DELETE", "/scripts/1", "", 204, ""},

	{"listSectionHeadings", "GET", "/scripts/1/sections", "", 200, ""},
	{"addSectionHeading", "POST", "/scripts/1/sections", `{"title":"Act 2"}`, 201, `{"title":"Act 2","sequenceNumber":3}`},
	{"updateSectionHeading", "PUT", "/scripts/1/sections?headingId=1", `{"title":"Prologue"}`, 200, ""},
	{"addSectionHeadings", "POST", "/scripts/1/sections/batch", `{"items":[{"title":"Act 2"},{"title":"Act 3"}]}`, 201,
		`{"items":[{"title":"Act 2"},{"title":"Act 3","sequenceNumber":4}]}`},
	{"reorderSectionHeadings", "POST", "/scripts/1/sections/reorder",
		`{"elements":[{"headingId":1,"newSequence":2},{"headingId":2,"newSequence":1}]}`, 200,
		`{"elements":[{"headingId":1,"newSequence":3}]}`},
	{"getSectionHeading", "GET", "/scripts/1/sections/1", "", 200, ""},
	{"replaceSectionHeading", "PUT", "/scripts/1/sections/1", `{"title":"Prologue"}`, 200, ""},
	{"patchSectionHeading", "PATCH", "/scripts/1/sections/1", `{"title":"Prologue"}`, 200, `{"sequenceNumber":4}`},
	{"deleteSectionHeading", "DELETE", "/scripts/1/sections/1", "", 204, ""},

	{"listTransitions", "GET", "/scripts/1/transitions", "", 200, ""},
	{"addTransition", "POST", "/scripts/1/transitions", `{"text":"WIPE TO:"}`, 201, `{"text":"WIPE TO:","sequenceNumber":1}`},
	{"addTransitions", "POST", "/scripts/1/transitions/batch", `{"items":[{"text":"CUT TO:"},{"text":"FADE IN:"}]}`, 201,
		`{"items":[{"text":"CUT TO:","sequenceNumber":7},{"text":"FADE IN:","sequenceNumber":7}]}`},
	{"reorderTransitions", "POST", "/scripts/1/transitions/reorder",
		`{"elements":[{"transitionId":1,"newSequence":4},{"transitionId":2,"newSequence":3}]}`, 200,
		`{"elements":[{"transitionId":1,"newSequence":9},{"transitionId":2,"newSequence":9}]}`},
	{"getTransition", "GET", "/scripts/1/transitions/1", "", 200, ""},
	{"patchTransition", "PATCH", "/scripts/1/transitions/1", `{"text":"SMASH CUT TO:"}`, 200, `{"sequenceNumber":1}`},
	{"deleteTransition", "DELETE", "/scripts/1/transitions/1", "", 204, ""},
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

// inScript is the call's path in another script; "" if it names no script.
func (c call) inScript(id string) string {
	if !strings.HasPrefix(c.path, "/scripts/1") {
		return ""
	}
	return "/scripts/" + id + strings.TrimPrefix(c.path, "/scripts/1")
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
		"412": do(c.path, c.request(), "If-Match", `"99"`),
	}
	if path := c.inScript("999"); path != "" {
		possible["404"] = do(path, c.request())
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
		// A server lets half a second pass after a 413: these wait together.
		t.Parallel()
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
	s := apitest.Start(t, Definition())
	for _, o := range s.Instance.API.Document().Operations {
		if !slices.ContainsFunc(calls, func(c call) bool { return c.operation == o.ID }) {
			t.Errorf("operation %s is missing among calls", o.ID)
		}
	}
}

// TestLostTable: a fault of the service is a 500 that tells nothing of SQL.
func TestLostTable(t *testing.T) {
	s := startStage(t)
	err := s.Instance.DB.Write(context.Background(), func(_ context.Context, tx *storage.Tx) error {
		_, err := tx.Exec("ALTER TABLE scripts RENAME TO lost")
		if err == nil {
			_, err = tx.Exec("ALTER TABLE section_headings RENAME TO lost_headings")
		}
		if err == nil {
			_, err = tx.Exec("ALTER TABLE transitions RENAME TO lost_transitions")
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range calls {
		answer := s.Want(500, c.method, c.path, c.request())
		wantProblem(t, answer, "internal_error", "requestId")
		if text := strings.ToLower(string(answer.Body)); strings.Contains(text, "table") || strings.Contains(text, "sql") {
			t.Errorf("%s: the answer tells of the database: %s", c.operation, answer.Body)
		}
	}
}

// TestUnavailable: a request that the database cannot serve now is a 503 that
// says when to come back.
func TestUnavailable(t *testing.T) {
	s := startStage(t)
	if err := s.Instance.DB.Close(); err != nil {
		t.Fatal(err)
	}
	for _, c := range calls {
		answer := s.Want(503, c.method, c.path, c.request())
		if answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", c.operation)
		}
	}
}
