// What holds for every service, played on each by its document.
package apitest

import (
	"net/http"
	"strings"
	"testing"
)

// CheckContract checks the document, and that the service keeps what every
// service promises alike: that examples succeed, what is refused and how, what
// can be repeated, what If-Match guards, how lists go on, and what is said when
// the database fails.
func (st Stage) CheckContract(t *testing.T) {
	t.Run("document", func(t *testing.T) { CheckDocument(t, st.Definition) })
	calls := Calls(t, st.Definition)
	for _, check := range []struct {
		name string
		run  func(t *testing.T, st Stage, calls []Call)
	}{
		{"examples", checkExamples},
		{"refusals", checkRefusals},
		{"malformed bodies", checkMalformed},
		{"media types", checkMediaTypes},
		{"longest bodies", checkLongest},
		{"parameters", checkParameters},
		{"unknown paths", checkUnknownPaths},
		{"wrong methods", checkWrongMethods},
		{"HEAD", checkHead},
		{"replay", checkReplay},
		{"one key at once", checkKeyTogether},
		{"If-Match", checkIfMatch},
		{"If-Match at once", checkIfMatchTogether},
		{"cursors", checkCursors},
		{"lost tables", checkLostTables},
		{"closed database", checkClosedDatabase},
		{"full disk", checkFullDisk},
	} {
		t.Run(check.name, func(t *testing.T) { check.run(t, st, calls) })
	}
}

func checkExamples(t *testing.T, st Stage, calls []Call) {
	shared := st.Start(t)
	for _, c := range calls {
		t.Run(c.Name, func(t *testing.T) {
			s := shared.For(t)
			if c.Method != http.MethodGet {
				s = st.Start(t)
			}
			if answer := c.send(s); answer.Status >= 300 {
				t.Errorf("got %d: %s", answer.Status, answer.Body)
			}
		})
	}
}

// checkRefusals: a parameter too many, a body too many, and identifiers of what
// does not exist.
func checkRefusals(t *testing.T, st Stage, calls []Call) {
	s := st.Start(t)
	before := state(s, calls)
	for _, c := range calls {
		c.sendTo(s, join(c.address(), "colour=red")).Refused(400, "invalid_request", "query/colour")
		if !c.hasBody() {
			s.Do(c.Method, c.address(), `{}`).Refused(400, "invalid_request", "")
		}
		for _, place := range c.identifiers() {
			if c.documents("404") && c.required(place) {
				c.sendTo(s, c.address(place, "999")).Refused(404, "not_found", "").Problem("not_found", "999")
			}
		}
	}
	wantUnchanged(s, calls, before)
}

func wantUnchanged(s *Service, calls []Call, before string) {
	s.t.Helper()
	if after := state(s, calls); after != before {
		s.t.Errorf("what was refused has changed something: before\n%s\nafter\n%s", before, after)
	}
}

// checkHead: HEAD answers as GET does, without the body.
func checkHead(t *testing.T, st Stage, calls []Call) {
	s := st.Start(t)
	addresses := []string{"/nowhere"}
	for _, c := range calls {
		if c.Method != http.MethodGet {
			continue
		}
		addresses = append(addresses, c.address())
		if c.takes("query/limit") {
			addresses = append(addresses, c.address("query/limit", "1"))
		}
		for _, place := range c.identifiers() {
			addresses = append(addresses, c.address(place, "999"), c.address(place, "x"))
		}
	}
	for _, address := range addresses {
		get, head := s.Do(http.MethodGet, address, nil), s.Do(http.MethodHead, address, nil)
		if head.Status != get.Status || len(head.Body) > 0 {
			t.Errorf("HEAD %s: got %d with %d bytes, want %d with none", address, head.Status, len(head.Body), get.Status)
		}
		for _, name := range []string{"Content-Type", "ETag", "Link"} {
			if got, want := head.Header.Get(name), get.Header.Get(name); got != want {
				t.Errorf("HEAD %s: %s: got %q, want %q", address, name, got, want)
			}
		}
	}
}

// checkLostTables: a fault of the service is a 500 that tells nothing of what is
// inside.
func checkLostTables(t *testing.T, st Stage, calls []Call) {
	s := st.Start(t)
	for _, table := range s.tables() {
		s.Exec("ALTER TABLE " + table + " RENAME TO lost_" + table)
	}
	for _, c := range calls {
		answer := c.send(s).Refused(500, "internal_error", "").Problem("internal_error", "requestId")
		if found := innards(answer); found != "" {
			t.Errorf("%s: the answer tells of %q: %s", c.Name, found, answer.Body)
		}
	}
}

// innards returns what an answer shows of SQL and files, "" if nothing.
func innards(answer *Answer) string {
	text := strings.ToLower(string(answer.Body))
	for _, word := range []string{"sql", "table", "lost_", ".go", ".db"} {
		if strings.Contains(text, word) {
			return word
		}
	}
	return ""
}

// checkClosedDatabase: what cannot be served now is a 503 that says when to come
// back.
func checkClosedDatabase(t *testing.T, st Stage, calls []Call) {
	s := st.Start(t)
	s.Stop()
	for _, c := range calls {
		answer := c.send(s).Refused(503, "shutting_down", "")
		if answer.Header.Get("Retry-After") == "" {
			t.Errorf("%s: no Retry-After", c.Name)
		}
	}
}
