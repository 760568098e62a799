//go:build e2e

// Requests to all services, while something is done to them.

package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// load sends requests until it is stopped: reads to every service, and writes to the characters.
type load struct {
	s      *stack
	key    string
	mutex  sync.Mutex // of key and report
	report report
	cancel context.CancelFunc
	group  sync.WaitGroup
}

// report is what came of the requests.
type report struct {
	answered map[string]int         // requests with an answer below 400, by service
	failures map[string]map[int]int // the others, by service and status; 0 is no answer at all
	first    map[string]time.Time   // failure, by service
	last     map[string]time.Time
	created  []int64 // characters whose creation was acknowledged
}

func start(t *testing.T, s *stack) *load {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	l := &load{s: s, key: s.writer, cancel: cancel, report: report{
		answered: map[string]int{}, failures: map[string]map[int]int{}, first: map[string]time.Time{}, last: map[string]time.Time{},
	}}
	for service, path := range reads {
		l.group.Go(func() { l.repeat(ctx, service, http.MethodGet, path, "") })
	}
	l.group.Go(func() {
		l.repeat(ctx, "character", http.MethodPost, "/characters", `{"name": "EXTRA", "description": "Created under load."}`)
	})
	t.Cleanup(func() { l.stop() })
	return l
}

// use has the requests that follow sent with another key.
func (l *load) use(key string) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.key = key
}

func (l *load) stop() report {
	l.cancel()
	l.group.Wait()
	return l.report
}

// repeat sends a request again and again, some fifty times a second at most. Each has a connection of its own: it is the
// gateway that is to be available and not a connection.
func (l *load) repeat(ctx context.Context, service, method, path, body string) {
	transport := &http.Transport{DisableKeepAlives: true}
	client := &http.Client{Transport: transport, Timeout: 15 * time.Second}
	for ctx.Err() == nil {
		l.mutex.Lock()
		key := l.key
		l.mutex.Unlock()
		request, err := http.NewRequest(method, l.s.address+path, strings.NewReader(body))
		if err != nil {
			panic(err)
		}
		request.Host = service + ".localhost"
		request.Header.Set("X-API-Key", key)
		request.Header.Set("Content-Type", "application/json")
		status, created := send(client, request)
		l.note(service, status, created)
		time.Sleep(20 * time.Millisecond)
	}
}

// send returns the status of the answer, 0 if there is none, and the number of the character that was created.
func send(client *http.Client, request *http.Request) (status int, created int64) {
	response, err := client.Do(request)
	if err != nil {
		return 0, 0
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		return 0, 0
	}
	if response.StatusCode == http.StatusCreated {
		var character struct {
			CharacterID int64 `json:"characterId"`
		}
		if json.Unmarshal(content, &character) != nil {
			return 0, 0
		}
		created = character.CharacterID
	}
	return response.StatusCode, created
}

func (l *load) note(service string, status int, created int64) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	r := &l.report
	if created != 0 {
		r.created = append(r.created, created)
	}
	if status != 0 && status < 400 {
		r.answered[service]++
		return
	}
	if r.failures[service] == nil {
		r.failures[service], r.first[service] = map[int]int{}, time.Now()
	}
	r.failures[service][status]++
	r.last[service] = time.Now()
}

func (r report) String() string {
	var lines []string
	for service, answered := range r.answered {
		line := fmt.Sprintf("%-17s %5d answered", service, answered)
		for status, count := range r.failures[service] {
			line += fmt.Sprintf(", %d times %d", count, status)
		}
		if first, failed := r.first[service]; failed {
			line += fmt.Sprintf(", all within %s", r.last[service].Sub(first).Round(time.Millisecond))
		}
		lines = append(lines, line)
	}
	slices.Sort(lines)
	return fmt.Sprintf("%d characters were created\n%s", len(r.created), strings.Join(lines, "\n"))
}

// allThere checks that every creation that was acknowledged lasted.
func (r report) allThere(t *testing.T, s *stack) {
	t.Helper()
	there := map[int64]bool{}
	for _, id := range s.characters(t) {
		there[id] = true
	}
	for _, id := range r.created {
		if !there[id] {
			t.Errorf("character %d was created and is gone", id)
		}
	}
}
