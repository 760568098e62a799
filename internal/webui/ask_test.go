package webui_test

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/orchestrator"
	"fountain.coach/fountainai/internal/webui"
)

// model plays a model: it sends events, as the orchestrator does, and waits
// before the last for a sign if it is to.
type model struct {
	events []orchestrator.Event
	wait   chan struct{}
	seen   chan asked
}

// asked is what reached the model.
type asked struct {
	key, cookie string
	body        string
}

func newModel(events ...orchestrator.Event) *model {
	return &model{events: events, seen: make(chan asked, 16)}
}

func (m *model) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		http.Error(w, "too much", http.StatusRequestEntityTooLarge)
		return
	}
	m.seen <- asked{r.Header.Get("X-API-Key"), r.Header.Get("Cookie"), string(body)}
	w.Header().Set("Content-Type", "text/event-stream")
	for i, event := range m.events {
		if m.wait != nil && i == len(m.events)-1 {
			select {
			case <-m.wait:
			case <-r.Context().Done():
				return
			}
		}
		data, err := json.Marshal(event)
		if err != nil {
			panic(err) // events always encode
		}
		fmt.Fprintf(w, "event: %s\ndata: %s\n\n", event.Type, data)
		w.(http.Flusher).Flush()
	}
}

func TestAskingPassesTheKeyOfWhoAsks(t *testing.T) {
	m := newModel(orchestrator.Event{Type: orchestrator.EventDone})
	s := newStage(t, webui.Options{Ask: m})
	question := `{"question": "Who?", "session": 0, "allowDestructive": false, "dryRun": false}`
	ask := func(p *person, key string) (int, string) {
		request := p.request(http.MethodPost, "/v1/ask", strings.NewReader(question))
		if key != "" {
			request.Header.Set("X-API-Key", key)
		}
		status, body, _ := p.do(request)
		return status, body
	}
	t.Run("a browser", func(t *testing.T) {
		status, body := ask(s.writer(t), "smuggled")
		if status != http.StatusOK || !strings.Contains(body, "event: done") {
			t.Errorf("got %d and %q", status, body)
		}
		if got := <-m.seen; got != (asked{s.stack.Writer, "", question}) {
			t.Errorf("the model got %+v", got)
		}
	})
	t.Run("a program", func(t *testing.T) {
		ask(s.visitor(t), "its-own")
		if got := <-m.seen; got.key != "its-own" {
			t.Errorf("the model got the key %q", got.key)
		}
	})
	t.Run("nobody", func(t *testing.T) {
		status, body := ask(s.visitor(t), "")
		if status != http.StatusUnauthorized {
			t.Errorf("got %d, want 401", status)
		}
		requireContains(t, body, "missing_api_key", "Log in first")
	})
	t.Run("too much", func(t *testing.T) {
		p := s.writer(t)
		request := p.request(http.MethodPost, "/v1/ask", strings.NewReader(strings.Repeat("x", 300<<10)))
		if status, _, _ := p.do(request); status != http.StatusRequestEntityTooLarge {
			t.Errorf("got %d, want 413", status)
		}
	})
	s.open(t, webui.Options{API: s.api, Ask: m, Key: "of-everybody"})
	t.Run("one key for everybody", func(t *testing.T) {
		ask(s.visitor(t), "smuggled")
		if got := <-m.seen; got.key != "of-everybody" {
			t.Errorf("the model got the key %q", got.key)
		}
	})
}

// Events reach the browser one by one, not when all is done.
func TestEventsAreNotHeldBack(t *testing.T) {
	m := newModel(orchestrator.Event{Type: orchestrator.EventText, Text: "At once"}, orchestrator.Event{Type: orchestrator.EventDone})
	m.wait = make(chan struct{})
	s := newStage(t, webui.Options{Ask: m})
	p := s.writer(t)
	response, err := p.http.Do(p.request(http.MethodPost, "/v1/ask", strings.NewReader(`{}`)))
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	lines := bufio.NewScanner(response.Body)
	for lines.Scan() && !strings.Contains(lines.Text(), "At once") {
	}
	close(m.wait) // reached only if the first event has come before the last was sent
	for lines.Scan() && lines.Text() != "event: done" {
	}
	if lines.Text() != "event: done" {
		t.Errorf("the stream ends with %q", lines.Text())
	}
}

func TestTheAskPage(t *testing.T) {
	s := newStage(t, webui.Options{})
	page := s.writer(t).read("/ask")
	requireContains(t, page, "No model is configured.", "OPENAI_API_KEY", "OPENAI_BASE_URL")
	requireLacks(t, page, "<textarea")
	p := s.writer(t)
	status, body, _ := p.do(p.request(http.MethodPost, "/v1/ask", strings.NewReader(`{}`)))
	if status != http.StatusServiceUnavailable {
		t.Errorf("got %d, want 503", status)
	}
	requireContains(t, body, "no_model", "OPENAI_API_KEY")

	s.open(t, webui.Options{API: s.api, Ask: newModel()})
	page = s.writer(t).read("/ask?" + url.Values{"session": {"12"}, "script": {"3"}}.Encode())
	requireContains(t, page, `value="12"`, ">In script 3, </textarea>", "<noscript>", "Asking needs JavaScript")
	requireLacks(t, s.writer(t).read("/ask?session=-4"), `value="-4"`)
}
