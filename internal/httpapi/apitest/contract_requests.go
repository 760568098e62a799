// Bodies, parameters and paths that every service refuses alike.
package apitest

import (
	"net/http"
	"slices"
	"strings"
	"testing"
)

func checkMalformed(t *testing.T, st Stage, calls []Call) {
	s := st.Start(t)
	before := state(s, calls)
	for _, c := range calls {
		if !c.hasBody() {
			continue
		}
		for _, m := range malformed(c.Body) {
			t.Run(c.Name+"/"+m.name, func(t *testing.T) {
				s.For(t).Do(c.Method, c.address(), m.body, c.Headers...).Refused(400, "invalid_request", m.pointer)
			})
		}
	}
	wantUnchanged(s, calls, before)
}

func checkMediaTypes(t *testing.T, st Stage, calls []Call) {
	for _, c := range first(calls, Call.hasBody) {
		t.Run(c.Operation, func(t *testing.T) {
			s := st.Start(t)
			before := state(s, calls)
			wrong := []string{
				"", ";", "*/*", "application/*", "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded",
				"application/jsonx", "application/json-patch+json", "application/json;;", "application/json; charset=latin1", "application/json; charset=utf-16",
			}
			if c.Method != http.MethodPatch {
				wrong = append(wrong, "application/merge-patch+json")
			}
			for _, mediaType := range wrong {
				c.send(s, "Content-Type", mediaType).Refused(415, "unsupported_media_type", "").Problem("unsupported_media_type", "application/json")
			}
			wantUnchanged(s, calls, before)
			for _, mediaType := range []string{"application/json; charset=utf-8", "Application/JSON; Charset=UTF-8"} {
				if answer := c.send(s, "Content-Type", mediaType); answer.Status == http.StatusUnsupportedMediaType {
					t.Errorf("%s: got %s", mediaType, answer.Body)
				}
			}
		})
	}
}

// checkLongest: the limits are limits. What just keeps them is taken.
func checkLongest(t *testing.T, st Stage, calls []Call) {
	for _, c := range first(calls, Call.hasBody) {
		t.Run(c.Operation, func(t *testing.T) {
			// A server lets half a second pass after a 413: these wait together.
			t.Parallel()
			s := st.Start(t)
			longest := c.Body + strings.Repeat(" ", c.limit()-len(c.Body))
			s.Do(c.Method, c.address(), longest+" ", c.Headers...).Refused(413, "body_too_large", "")
			if answer := s.Do(c.Method, c.address(), longest, c.Headers...); answer.Status >= 300 {
				t.Errorf("at the limit: got %d %s", answer.Status, answer.Body)
			}
		})
	}
}

// faulty are values that a parameter must not have, by its place.
var faulty = map[string][]string{
	"query/limit":            {"0", "-1", "1001", "1.5", "ten", "", "1&limit=2"},
	"query/ids":              {"", "0", "-1", "1,,2", "1,x", "1,%202", "1,9223372036854775808", Identifiers(1001)},
	"header/Idempotency-Key": {"", "two words", "schlüssel", strings.Repeat("k", 256)},
	"header/If-Match":        {"", "1", `"1", 2`, strings.Repeat(`"1",`, 257)},
}

// notIdentifiers are values that no identifier has; in a query there is one more.
var notIdentifiers = []string{
	"0", "-1", "+1", "01", "1.0", "1e0", "%201", "juliet", "1%20OR%201=1", "9223372036854775808", strings.Repeat("9", 400),
}

// checkParameters sends each parameter that all services share with values that
// it must not have.
func checkParameters(t *testing.T, st Stage, calls []Call) {
	s := st.Start(t)
	before := state(s, calls)
	for _, c := range first(calls, func(Call) bool { return true }) {
		for place, values := range faulty {
			if !c.takes(place) {
				continue
			}
			for _, value := range values {
				if header, found := strings.CutPrefix(place, "header/"); found {
					c.send(s, header, value).Refused(400, "invalid_request", place)
				} else {
					c.sendTo(s, c.address(place, value)).Refused(400, "invalid_request", place)
				}
			}
		}
		for _, place := range c.identifiers() {
			for _, value := range notIdentifiers {
				c.sendTo(s, c.address(place, value)).Refused(400, "invalid_request", place)
			}
			if name, inQuery := strings.CutPrefix(place, "query/"); inQuery {
				c.sendTo(s, c.address(place, "")).Refused(400, "invalid_request", place)
				c.sendTo(s, join(c.address(place, "1"), name+"=1")).Refused(400, "invalid_request", place)
			}
		}
		c.sendTo(s, join(c.address(), "a=%zz")).Refused(400, "invalid_request", "query")
		c.sendTo(s, join(c.address(), "a=1;b=2")).Refused(400, "invalid_request", "query")
	}
	wantUnchanged(s, calls, before)
}

func checkUnknownPaths(t *testing.T, st Stage, calls []Call) {
	s := st.Start(t)
	for _, path := range addresses(calls) {
		unknown := []string{path + "/", "/" + path, "/v1" + path, strings.ToUpper(path), path + "/x/y/z", "/", "/nowhere"}
		for _, address := range unknown {
			for _, method := range []string{http.MethodGet, http.MethodPost} {
				answer := s.Do(method, address, nil).Refused(404, "no_such_path", "")
				if got := answer.Get("instance"); got != address {
					t.Errorf("%s: instance: got %v", address, got)
				}
			}
		}
	}
}

// addresses returns the paths of calls.
func addresses(calls []Call) []string {
	var all []string
	for _, c := range calls {
		path, _, _ := strings.Cut(c.address(), "?")
		all = append(all, path)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

func checkWrongMethods(t *testing.T, st Stage, calls []Call) {
	s := st.Start(t)
	for _, path := range addresses(calls) {
		var allowed []string
		for _, c := range calls {
			if at, _, _ := strings.Cut(c.address(), "?"); at == path {
				allowed = append(allowed, c.Method)
			}
		}
		if slices.Contains(allowed, http.MethodGet) {
			allowed = append(allowed, http.MethodHead)
		}
		slices.Sort(allowed)
		allowed = slices.Compact(allowed)
		for _, method := range []string{"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PURGE"} {
			if slices.Contains(allowed, method) || method == http.MethodHead {
				continue
			}
			answer := s.Do(method, path, nil).Refused(405, "method_not_allowed", "")
			got := strings.Split(answer.Header.Get("Allow"), ", ")
			if slices.Sort(got); !slices.Equal(got, allowed) { // their order means nothing
				t.Errorf("%s %s: Allow is %q, want %q", method, path, got, allowed)
			}
		}
	}
}
