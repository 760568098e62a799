package orchestrator

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"unicode/utf8"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/orchestrator/modeltest"
)

// TestLongConversationsFit: a session holds 65536 characters; what was said
// last, and what was written, stays.
func TestLongConversationsFit(t *testing.T) {
	for _, test := range []struct {
		name                string
		exchanges, tools    int
		question, answer    int
		forgets, shortTools bool
	}{
		{"a short one", 3, 2, 50, 50, false, false},
		{"long answers of tools", 5, 20, 100, 2000, false, true},
		{"many exchanges", 400, 2, 200, 200, true, true},
		{"one question that fills it", 1, 0, 60000, 0, false, false},
		{"signs that JSON writes longer", 3, 3, 9000, 9000, true, true},
	} {
		t.Run(test.name, func(t *testing.T) {
			c := &Conversation{}
			sign := "ä"
			if strings.Contains(test.name, "signs") {
				sign = "\"\u2028\\"
			}
			for i := range test.exchanges {
				c.Messages = append(c.Messages, Message{Role: "user", Text: fmt.Sprintf("question %d %s", i, strings.Repeat(sign, test.question/len([]rune(sign))))})
				for n := range test.tools {
					call := fmt.Sprintf("call_%d_%d", i, n)
					c.Messages = append(c.Messages, Message{Role: "assistant", Calls: []ToolCall{{ID: call, Name: "getScript", Arguments: "{}"}}},
						Message{Role: "tool", CallID: call, Text: strings.Repeat(sign, test.answer/len([]rune(sign)))})
				}
				c.Messages = append(c.Messages, Message{Role: "assistant", Text: fmt.Sprintf("answer %d", i)})
			}
			c.Written = []Written{{Tool: "createScript", Undo: "/scripts/1"}}
			text, err := c.text()
			if err != nil || utf8.RuneCountInString(text) > longestContext {
				t.Fatalf("%d characters: %v", utf8.RuneCountInString(text), err)
			}
			var kept Conversation
			if err := json.Unmarshal([]byte(text), &kept); err != nil {
				t.Fatal(err)
			}
			if (kept.Forgotten > 0) != test.forgets || strings.Contains(text, "left out") != test.shortTools || len(kept.Written) != 1 {
				t.Errorf("%d messages are forgotten, %d changes known; tools shortened: %v", kept.Forgotten, len(kept.Written), strings.Contains(text, "left out"))
			}
			if last := kept.Messages[len(kept.Messages)-1]; last.Text != fmt.Sprintf("answer %d", test.exchanges-1) {
				t.Errorf("the last message is %+v", last)
			}
			if len(c.Messages) != kept.Forgotten+len(kept.Messages) {
				t.Errorf("%d messages, of which %d are kept and %d forgotten", len(c.Messages), len(kept.Messages), kept.Forgotten)
			}
			body, err := json.Marshal(map[string]any{"model": "m", "stream": true, "stream_options": map[string]any{"include_usage": true}, "messages": apiMessages(t, kept.forModel())})
			if err != nil {
				t.Fatal(err)
			}
			for _, complaint := range modeltest.Complaints(body) {
				t.Error(complaint)
			}
		})
	}
}

// apiMessages are messages as the API has them.
func apiMessages(t *testing.T, messages []Message) any {
	t.Helper()
	return (&chatModel{}).messages("system", messages)
}

// TestInterruptedCallsAreAnswered: after a crash in the middle of a turn the
// model is told, and asked to look.
func TestInterruptedCallsAreAnswered(t *testing.T) {
	// The identifier "a" was used before: some endpoints count anew in each turn.
	c := &Conversation{Messages: []Message{{Role: "user", Text: "Look."}, {Role: "assistant", Calls: []ToolCall{{ID: "a", Name: "listScripts", Arguments: "{}"}}}, {Role: "tool", CallID: "a", Text: "{}"},
		{Role: "user", Text: "Write."}, {Role: "assistant", Calls: []ToolCall{{ID: "a", Name: "createScript", Arguments: "{}"}, {ID: "b", Name: "no name", Arguments: "{"}}}}}
	body, err := json.Marshal(map[string]any{"model": "m", "stream": true, "stream_options": map[string]any{"include_usage": true}, "messages": apiMessages(t, c.forModel())})
	if err != nil {
		t.Fatal(err)
	}
	for _, complaint := range modeltest.Complaints(body) {
		t.Error(complaint)
	}
	if !strings.Contains(string(body), "look before you repeat it") {
		t.Errorf("the model is told %s", body)
	}
}

// TestSessionsOfOthers: a session with words of its own, one that somebody else
// continues at the same time, and one that is not there.
func TestSessionsOfOthers(t *testing.T) {
	r := newRoom(t)
	for _, words := range []string{"", "Act three is being revised.", `{"messages": [{"role": "user", "text": "x"}]}`, `{"fountainConversation": 2}`} {
		var made sessionOf
		if _, err := r.api.Do(t.Context(), client.Request{Service: "sessioncontext", Method: http.MethodPost, Path: "/sessions", Body: map[string]any{"userId": 1, "context": words}}, &made); err != nil {
			t.Fatal(err)
		}
		c, err := Load(t.Context(), r.api, made.SessionID)
		if err != nil || words == "" && len(c.Messages) != 0 || words != "" && (len(c.Messages) != 1 || !strings.Contains(c.Messages[0].Text, words)) {
			t.Errorf("%q is read as %+v: %v", words, c, err)
		}
	}
	mine, err := Load(t.Context(), r.api, 1)
	if err != nil {
		t.Fatal(err)
	}
	theirs, err := Load(t.Context(), r.api, 1)
	if err != nil {
		t.Fatal(err)
	}
	theirs.Messages = append(theirs.Messages, Message{Role: "user", Text: "Mine."})
	if err := theirs.Save(t.Context(), r.api, 1); err != nil {
		t.Fatal(err)
	}
	if err := mine.Save(t.Context(), r.api, 1); err == nil || !strings.Contains(err.Error(), "somebody else") {
		t.Errorf("both have kept theirs: %v", err)
	}
	if _, err := Load(t.Context(), r.api, 99); err == nil || !strings.Contains(err.Error(), "session 99") {
		t.Errorf("a session that is not there: %v", err)
	}
}

// TestACrashInTheMiddleOfATurn: what is kept then names the calls that were
// under way, and what earlier turns have written.
func TestACrashInTheMiddleOfATurn(t *testing.T) {
	r := newRoom(t)
	agent := r.agent(modeltest.Script(t, modeltest.Turn{Calls: []modeltest.Call{script("First")}}, modeltest.Turn{Calls: []modeltest.Call{script("Second")}}, modeltest.Turn{Text: "Done."}))
	var states []*Conversation
	agent.Caller.Watch = func(*Tool, Outcome) { // a kill now would leave this
		state, err := Load(t.Context(), r.api, 1)
		if err != nil {
			t.Error(err)
			return
		}
		states = append(states, state)
	}
	if err := r.ask(agent, "Write."); err != nil || len(states) != 2 {
		t.Fatalf("%v, %d calls", err, len(states))
	}
	second := states[1]
	if last := second.Messages[len(second.Messages)-1]; len(last.Calls) != 1 || !strings.Contains(last.Calls[0].Arguments, "Second") || len(second.Written) != 1 {
		t.Errorf("the conversation ends with %+v, and %v was written", last, second.Written)
	}
	r.said = second
	if err := r.ask(r.agent(modeltest.Start(t, func(seen modeltest.Seen) modeltest.Turn {
		if text := fmt.Sprint(seen.Messages); !strings.Contains(text, "First") {
			t.Errorf("the model does not know what was done: %s", text)
		}
		return modeltest.Turn{Text: "I looked; both are there."}
	})), "Go on."); err != nil {
		t.Error(err)
	}
	// It had gone on in the meantime: the person is told, and nothing is written over.
	if note := r.events[len(r.events)-2]; note.Type != EventNote || !strings.Contains(note.Text, "somebody else") {
		t.Errorf("the person is told %+v", note)
	}
}
