package orchestrator

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/client"
)

// caller returns a caller of a gateway that answers as serve does.
func caller(t *testing.T, serve http.HandlerFunc) *Caller {
	t.Helper()
	server := httptest.NewServer(serve)
	t.Cleanup(server.Close)
	api, err := client.NewVia("http://gateway.test", "key", strings.TrimPrefix(server.URL, "http://"))
	if err != nil {
		t.Fatal(err)
	}
	return &Caller{Toolbox: toolbox(t), API: api}
}

const newCharacter = `{"name": "Anna", "description": ""}`

// TestServicesThatDoNotAnswer: the model is told, in time.
func TestServicesThatDoNotAnswer(t *testing.T) {
	c := caller(t, func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // only then the server sees that the client goes away
		<-r.Context().Done()
	})
	c.Timeout = 100 * time.Millisecond
	outcome := c.Call(t.Context(), "createCharacter", []byte(newCharacter), Strict, "k")
	if !outcome.Failed() || !outcome.Sent || outcome.Status != 0 || !strings.Contains(outcome.Problem.Detail, "no answer within 100ms") {
		t.Errorf("got %s", outcome.JSON())
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if outcome := c.Call(ctx, "createCharacter", []byte(newCharacter), Strict, "k"); !outcome.Failed() {
		t.Errorf("after the person stopped it: %s", outcome.JSON())
	}
}

// TestRepetitionsHaveTheSameKey: what a gateway loses is repeated, and the
// service can tell.
func TestRepetitionsHaveTheSameKey(t *testing.T) {
	var mu sync.Mutex
	var keys []string
	c := caller(t, func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		keys = append(keys, r.Header.Get("Idempotency-Key")+" "+r.Header.Get("X-API-Key")+" "+r.Host)
		if len(keys) < 3 {
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		}
		w.WriteHeader(http.StatusCreated)
		fmt.Fprint(w, `{"characterId": 7}`)
	})
	outcome := c.Call(t.Context(), "createCharacter", []byte(newCharacter), Strict, "one")
	if outcome.Status != http.StatusCreated || strings.Join(keys, ",") != strings.TrimSuffix(strings.Repeat("one key character.gateway.test,", 3), ",") {
		t.Errorf("%s after %v", outcome.JSON(), keys)
	}
}

// TestAnswersForModels: long ones are cut where they can be, others not given.
func TestAnswersForModels(t *testing.T) {
	item := `{"characterId": 1, "name": "` + strings.Repeat("x", 1000) + `"}`
	for _, test := range []struct {
		name, body, media, link string
		status                  int
		check                   func(Outcome) bool
	}{
		{"a page with another after it", "[" + item + "]", "application/json", `</characters?cursor=abc&limit=1>; rel="next"`, 200, func(o Outcome) bool { return o.Next == "abc" && o.Note == "" }},
		{"a long list", "[" + strings.TrimSuffix(strings.Repeat(item+",", 100), ",") + "]", "application/json", "", 200, func(o Outcome) bool {
			var items []any
			return json.Unmarshal(o.Body, &items) == nil && len(items) > 10 && len(items) < 30 && strings.Contains(o.Note, "of 100 items")
		}},
		{"a long object", `{"a": "` + strings.Repeat("x", 30000) + `"}`, "application/json", "", 200, func(o Outcome) bool { return o.Body == nil && strings.Contains(o.Note, "too much to show") }},
		{"nothing", "", "", "", 204, func(o Outcome) bool { return o.Body == nil && !o.Failed() }},
		{"no JSON", "<html>", "text/html", "", 200, func(o Outcome) bool { return o.Failed() && o.Status == http.StatusBadGateway }},
		{"a gateway's own words", "upstream gone", "text/plain", "", 404, func(o Outcome) bool { return o.Failed() && strings.Contains(o.Problem.Detail, "upstream gone") }},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := caller(t, func(w http.ResponseWriter, _ *http.Request) {
				w.Header().Set("Content-Type", test.media)
				w.Header().Set("Link", test.link)
				w.WriteHeader(test.status)
				fmt.Fprint(w, test.body)
			})
			outcome := c.Call(t.Context(), "listCharacters", nil, Strict, "k")
			if !test.check(outcome) || !json.Valid([]byte(outcome.JSON())) {
				t.Errorf("got %.400s", outcome.JSON())
			}
		})
	}
}
