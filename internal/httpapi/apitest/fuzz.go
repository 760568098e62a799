// Arbitrary bodies for every operation that takes one.
package apitest

import (
	"bytes"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Fuzzing is what the fuzz test of one service does beside what all do.
type Fuzzing struct {
	// Seeds are sent to every operation, beside the examples of the document and
	// what is made of those.
	Seeds []string
	// Before, if not nil, prepares the stage for each body.
	Before func(s *Service)
	// After, if not nil, looks at the service after each answer.
	After func(s *Service, c Call, answer *Answer)
}

// longestSeed keeps the corpus quick to read.
const longestSeed = 4096

// Fuzz sends arbitrary bodies. None makes the service fail, and every answer is
// one that the document promises.
func (st Stage) Fuzz(f *testing.F, fuzzing Fuzzing) {
	calls := Calls(f, st.Definition)
	operations := first(calls, Call.hasBody)
	for i, operation := range operations {
		seeds := fuzzing.Seeds
		for _, c := range calls {
			if c.Operation == operation.Operation {
				seeds = append(seeds[:len(seeds):len(seeds)], c.Body)
			}
		}
		for _, m := range malformed(operation.Body) {
			seeds = append(seeds, m.body)
		}
		for _, seed := range seeds {
			if len(seed) <= longestSeed {
				f.Add(uint8(i), []byte(seed))
			}
		}
	}
	logs := &lockedBuffer{}
	running := st.inProcess(f, logs)
	f.Fuzz(func(t *testing.T, operation uint8, body []byte) {
		s, c := running.For(t), operations[int(operation)%len(operations)]
		logs.reset()
		if fuzzing.Before != nil {
			fuzzing.Before(s)
		}
		answer := s.Do(c.Method, c.address(), body, c.Headers...)
		if answer.Status >= http.StatusInternalServerError {
			t.Errorf("%s: got %d %s\n%s", c.Operation, answer.Status, answer.Body, logs)
		}
		if found := innards(answer); found != "" && !strings.Contains(strings.ToLower(string(body)), found) {
			t.Errorf("%s: the answer tells of %q: %s", c.Operation, found, answer.Body)
		}
		if fuzzing.After != nil {
			fuzzing.After(s, c, answer)
		}
	})
}

// inProcess sets the stage without a network between, for speed.
func (st Stage) inProcess(f *testing.F, logs *lockedBuffer) *Service {
	f.Helper()
	s := open(f, st.Definition, newDatabase(f, "fuzz"), logs)
	f.Cleanup(s.For(f).Stop)
	s.client.Transport = direct{s.replicate()}
	s.URL = "http://service"
	st.Set(s)
	return s
}

// direct hands requests over to a handler.
type direct struct{ handler http.Handler }

func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Body == nil {
		r.Body = http.NoBody // as a server sees it
	}
	recorder := httptest.NewRecorder()
	d.handler.ServeHTTP(recorder, r)
	return recorder.Result(), nil
}

// lockedBuffer keeps what is logged since the last reset.
type lockedBuffer struct {
	lock   sync.Mutex
	buffer bytes.Buffer
}

func (b *lockedBuffer) Write(text []byte) (int, error) {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.buffer.Write(text)
}

func (b *lockedBuffer) String() string {
	b.lock.Lock()
	defer b.lock.Unlock()
	return b.buffer.String()
}

func (b *lockedBuffer) reset() {
	b.lock.Lock()
	defer b.lock.Unlock()
	b.buffer.Reset()
}
