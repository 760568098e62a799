// Requests sent twice or at once, and lists read page by page.
package apitest

import (
	"net/http"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/storage"
)

func creates(c Call) bool { return c.Method == http.MethodPost }

func guarded(c Call) bool { return c.takes("header/If-Match") }

// checkReplay: the same key and body get the first answer again and nothing is
// carried out twice, also after a restart; another request with the key is 422.
func checkReplay(t *testing.T, st Stage, calls []Call) {
	posts := first(calls, creates)
	for i, c := range posts {
		t.Run(c.Operation, func(t *testing.T) {
			s := st.Start(t)
			given := c.send(s, "Idempotency-Key", "key")
			if given.Status >= 300 || given.Header.Get("Idempotency-Replayed") != "" {
				t.Fatalf("got %d %s", given.Status, given.Body)
			}
			before := state(s, calls)
			for range 2 {
				again := c.send(s, "Idempotency-Key", "key").Same(given)
				if again.Status != given.Status || again.Header.Get("Idempotency-Replayed") != "true" {
					t.Errorf("got %d, Idempotency-Replayed %q", again.Status, again.Header.Get("Idempotency-Replayed"))
				}
				other := c
				other.Body += " "
				other.send(s, "Idempotency-Key", "key").Refused(422, "idempotency_key_reused", "").Problem("idempotency_key_reused", "Idempotency-Key")
				if len(posts) > 1 {
					posts[(i+1)%len(posts)].send(s, "Idempotency-Key", "key").Refused(422, "idempotency_key_reused", "")
				}
				wantUnchanged(s, calls, before)
				s = s.Restart()
				wantUnchanged(s, calls, before)
			}
			if longest := c.send(s, "Idempotency-Key", strings.Repeat("k", 255)); longest.Status == http.StatusBadRequest {
				t.Errorf("the longest key: got %s", longest.Body)
			}
		})
	}
}

var (
	timestamps  = regexp.MustCompile(`"\d{4}-\d\d-\d\dT[^"]*"`)
	identifiers = regexp.MustCompile(`Id":\d+`)
)

// drawn takes out of a state what may differ from one service to another. On
// PostgreSQL identifiers do too: those that were drawn for what was not kept are
// not drawn again.
func drawn(state string) string {
	if engine == storage.PostgreSQL {
		state = identifiers.ReplaceAllString(state, `Id":`)
	}
	return timestamps.ReplaceAllString(state, "")
}

// checkKeyTogether: one key sent many times at once is carried out once.
func checkKeyTogether(t *testing.T, st Stage, calls []Call) {
	for _, c := range first(calls, creates) {
		t.Run(c.Operation, func(t *testing.T) {
			once, many := st.Start(t), st.Start(t)
			c.send(once, "Idempotency-Key", "key")
			answers := Together(8, func(int) *Answer { return c.send(many, "Idempotency-Key", "key") })
			for _, answer := range answers {
				if answer.Same(answers[0]); answer.Status >= 300 {
					t.Errorf("got %d %s", answer.Status, answer.Body)
				}
			}
			want, got := state(once, calls), state(many, calls)
			if drawn(got) != drawn(want) {
				t.Errorf("after one request\n%s\nafter many with one key\n%s", want, got)
			}
		})
	}
}

// tag returns the entity tag of what the call changes.
func (c Call) tag(s *Service) string {
	s.t.Helper()
	path, _, _ := strings.Cut(c.address(), "?")
	if tag := s.Want(http.StatusOK, http.MethodGet, path, nil).ETag(); tag != "" {
		return tag
	}
	return `"1"` // the path is that of a list; what is new has this tag
}

// checkIfMatch: a change is made if the resource has the tag, and not else.
func checkIfMatch(t *testing.T, st Stage, calls []Call) {
	for _, c := range first(calls, guarded) {
		t.Run(c.Operation, func(t *testing.T) {
			s := st.Start(t)
			before, tag := state(s, calls), c.tag(s)
			for _, other := range []string{`"999"`, `"998", "999"`, `"nonsense"`, "W/" + tag} {
				c.send(s, "If-Match", other).Refused(412, "precondition_failed", "").Problem("precondition_failed", tag)
			}
			wantUnchanged(s, calls, before)
			changed := c.send(s, "If-Match", `"998", `+tag)
			if changed.Status >= 300 {
				t.Fatalf("%s: got %d %s", tag, changed.Status, changed.Body)
			}
			if c.Method == http.MethodDelete {
				c.send(s, "If-Match", "*").Refused(404, "not_found", "")
				return
			}
			if now := changed.ETag(); now == tag {
				t.Errorf("the ETag of what has changed is still %s", now)
			}
			c.send(s, "If-Match", tag).Refused(412, "precondition_failed", "")
			if any := c.send(s, "If-Match", "*"); any.Status >= 300 {
				t.Errorf("*: got %d %s", any.Status, any.Body)
			}
		})
	}
}

// checkIfMatchTogether: of clients that change at once what they all have read,
// one wins and the others learn of it.
func checkIfMatchTogether(t *testing.T, st Stage, calls []Call) {
	for _, c := range first(calls, guarded) {
		t.Run(c.Operation, func(t *testing.T) {
			s := st.Start(t)
			tag := c.tag(s)
			statuses := Together(4, func(int) int { return c.send(s, "If-Match", tag).Status })
			slices.Sort(statuses)
			lost := []int{http.StatusPreconditionFailed, http.StatusNotFound} // what was deleted is gone for the others
			if statuses[0] >= 300 || slices.ContainsFunc(statuses[1:], func(status int) bool { return !slices.Contains(lost, status) }) {
				t.Errorf("got %v, want one success", statuses)
			}
		})
	}
}

// checkCursors: a cursor is good for the list and the filters it was made for,
// and only as it was made.
func checkCursors(t *testing.T, st Stage, calls []Call) {
	s := st.Start(t)
	lists := first(calls, func(c Call) bool { return c.takes("query/cursor") })
	rests := map[string]*Answer{}
	for _, c := range lists {
		page := s.Want(http.StatusOK, http.MethodGet, c.address("query/limit", "1"), nil)
		if page.Next() == "" {
			t.Errorf("%s: the stage holds fewer than two items", c.Operation)
			continue
		}
		c.refuseCursors(s, lists, page.Cursor())
		rest := s.Want(http.StatusOK, http.MethodGet, page.Next(), nil)
		rests[page.Next()] = rest
		longer := s.Want(http.StatusOK, http.MethodGet, c.address("query/limit", "1000", "query/cursor", page.Cursor()), nil)
		longer.Has("0", rest.exact([]string{"0"})) // another length is no other list
	}
	s = s.Restart()
	for address, rest := range rests {
		s.Want(http.StatusOK, http.MethodGet, address, nil).Same(rest)
	}
}

// refuseCursors sends what is no cursor of the call's list, and the list's
// cursor to where it does not belong.
func (c Call) refuseCursors(s *Service, lists []Call, cursor string) {
	s.t.Helper()
	refused := []string{}
	for _, bad := range tampered(cursor) {
		refused = append(refused, c.address("query/cursor", bad))
	}
	for _, place := range c.identifiers() {
		refused = append(refused, c.address(place, "2", "query/cursor", cursor))
	}
	if c.takes("query/ids") {
		refused = append(refused, c.address("query/ids", "1,2", "query/cursor", cursor))
	}
	for _, other := range lists {
		if other.Operation != c.Operation {
			refused = append(refused, other.address("query/cursor", cursor))
		}
	}
	for _, address := range refused {
		s.Do(http.MethodGet, address, nil).Refused(400, "invalid_request", "query/cursor")
	}
}

// tampered returns texts that look like the cursor.
func tampered(cursor string) []string {
	bad := []string{"", "x", "1", cursor[1:], cursor[:len(cursor)-1], cursor[:8], cursor + "A", cursor + "=", strings.Repeat("A", 201)}
	for i := range cursor {
		other := byte('A')
		if cursor[i] == other {
			other = 'B'
		}
		bad = append(bad, cursor[:i]+string(other)+cursor[i+1:])
	}
	return bad
}
