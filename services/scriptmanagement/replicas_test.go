package scriptmanagement

import (
	"encoding/json"
	"fmt"
	"net/http"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/httpapi/apitest"
	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// fleet is three replicas of the service on one database, of which any may be
// killed and started again.
type fleet struct {
	*testing.T
	server   *postgrestest.Server
	database string
	places   [3]atomic.Pointer[apitest.Process]
	// unavailable counts the answers with 503.
	unavailable, lost atomic.Int64
}

func newFleet(t *testing.T) *fleet {
	server := apitest.NewServer(t)
	f := &fleet{T: t, server: server, database: server.Schema("scriptmanagement")}
	var starting sync.WaitGroup
	for i := range f.places {
		starting.Go(func() { f.places[i].Store(apitest.StartProcess(t, f.database)) })
	}
	starting.Wait()
	return f
}

// post sends a request again and again, to one replica after the other, until it
// is answered: with its key it may have been carried out before.
func (f *fleet) post(turn int, path, key, body string) string {
	for ; !f.Failed(); turn++ {
		status, answer, retryAfter, err := f.places[turn%len(f.places)].Load().Post(path, key, body)
		switch {
		case err != nil:
			f.lost.Add(1)
		case status == http.StatusCreated:
			return answer
		case status != http.StatusServiceUnavailable || retryAfter == "":
			f.Errorf("POST %s: got %d, Retry-After %q: %s", path, status, retryAfter, answer)
			return ""
		default:
			f.unavailable.Add(1)
		}
		time.Sleep(10 * time.Millisecond)
	}
	return ""
}

// replace kills a replica with SIGKILL and starts another in its place.
func (f *fleet) replace(i int) {
	f.places[i].Load().Kill()
	f.places[i].Store(apitest.StartProcess(f, f.database))
}

// restart ends the database server under the replicas; they live on.
func (f *fleet) restart(end func()) {
	end()
	time.Sleep(100 * time.Millisecond)
	f.server.Restart(f)
}

// TestReplicas: clients add sections to one script by three replicas, each with
// a key and until it has an answer, while replicas are killed and the database
// server stops and crashes. In the end each section is there once, and the
// numbers have neither gaps nor doubles.
func TestReplicas(t *testing.T) {
	const clients, each = 12, 25
	f := newFleet(t)
	f.post(0, "/scripts", "script", `{"title":"Crowded"}`)
	numbers := make([][]int64, clients)
	var busy sync.WaitGroup
	var sent atomic.Int64
	for client := range clients {
		busy.Go(func() {
			for i := range each {
				key := fmt.Sprintf("%d-%d", client, i)
				first := f.post(client+i, "/scripts/1/sections", key, fmt.Sprintf(`{"title":%q}`, key))
				// The same key at another replica gets the same answer.
				if again := f.post(client+i+1, "/scripts/1/sections", key, fmt.Sprintf(`{"title":%q}`, key)); again != first {
					t.Errorf("key %s: got %s, then %s", key, first, again)
				}
				var section struct{ SequenceNumber int64 }
				if err := json.Unmarshal([]byte(first), &section); err != nil {
					t.Errorf("%s: %v", first, err)
				}
				numbers[client] = append(numbers[client], section.SequenceNumber)
				sent.Add(1)
			}
		})
	}
	for step, disturb := range []func(){
		func() { f.replace(0) }, func() { f.restart(f.server.Halt) }, func() { f.replace(1) }, func() { f.restart(f.server.Kill) }, func() { f.replace(2) },
	} {
		for sent.Load() < int64(step+1)*clients*each/8 && !t.Failed() {
			time.Sleep(time.Millisecond)
		}
		disturb()
	}
	busy.Wait()
	var all, kept []int64
	for _, some := range numbers {
		all = append(all, some...)
	}
	apitest.Gapless(t, all, 1, clients*each)
	var sections []struct{ SequenceNumber int64 }
	f.places[0].Load().Get(t, "/scripts/1/sections?limit=1000", &sections)
	for _, section := range sections {
		kept = append(kept, section.SequenceNumber)
	}
	apitest.Gapless(t, kept, 1, clients*each)
	if f.unavailable.Load() == 0 || f.lost.Load() == 0 {
		t.Errorf("%d answers with 503 and %d without any: nothing was disturbed", f.unavailable.Load(), f.lost.Load())
	}
	t.Logf("%d answers with 503, %d requests without an answer", f.unavailable.Load(), f.lost.Load())
}

// TestOneKeyAtReplicas: one key that reaches all replicas at once is carried out
// once, and all get the same answer.
func TestOneKeyAtReplicas(t *testing.T) {
	f := newFleet(t)
	for round := range 10 {
		answers := apitest.Together(9, func(i int) string {
			return f.post(i, "/scripts", fmt.Sprint("key-", round), `{"title":"Once"}`)
		})
		for _, answer := range answers {
			if answer != answers[0] {
				t.Errorf("got %s and %s", answers[0], answer)
			}
		}
		var scripts []struct{ ScriptID int64 }
		f.places[round%3].Load().Get(t, "/scripts", &scripts)
		if len(scripts) != round+1 {
			t.Fatalf("after %d keys there are %d scripts", round+1, len(scripts))
		}
	}
}
