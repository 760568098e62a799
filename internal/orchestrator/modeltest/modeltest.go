// Package modeltest is an OpenAI-compatible chat server that follows a script,
// and complains of every request that OpenAI's API would refuse.
package modeltest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
)

// Call is a tool call that the model makes.
type Call struct {
	Name string
	// Arguments is written as JSON, or as it is if a string.
	Arguments any
}

// Turn is what the model says to one request.
type Turn struct {
	Text   string
	Calls  []Call
	Finish string // "": stop or tool_calls
	// Status, if not 0, is answered in place of a turn, with Text as the message.
	Status int
	// Break ends the stream in the middle.
	Break bool
	// Hang waits until the client goes away.
	Hang bool
}

// Seen is a request as the model sees it.
type Seen struct {
	System   string
	Messages []Message
	Tools    []string
}

// Message of a request.
type Message struct {
	Role       string          `json:"role"`
	Content    json.RawMessage `json:"content"`
	ToolCallID string          `json:"tool_call_id"`
	ToolCalls  []struct {
		ID       string `json:"id"`
		Type     string `json:"type"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

// Text of a message.
func (m Message) Text() string {
	var text string
	_ = json.Unmarshal(m.Content, &text)
	return text
}

// Results returns what the tools said last: the messages since the last turn.
func (s Seen) Results() []string {
	var results []string
	for _, message := range slices.Backward(s.Messages) {
		if message.Role != "tool" {
			break
		}
		results = append(results, message.Text())
	}
	slices.Reverse(results)
	return results
}

// Server is the model.
type Server struct {
	// URL is the base URL of the API.
	URL string
	// Key that clients must send.
	Key string

	t    testing.TB
	next func(Seen) Turn
	mu   sync.Mutex
	seen []Seen
}

// Start serves a model that says what next returns to each request.
func Start(t testing.TB, next func(Seen) Turn) *Server {
	t.Helper()
	s := &Server{t: t, next: next, Key: "key-of-the-model"}
	server := httptest.NewServer(http.HandlerFunc(s.serve))
	t.Cleanup(server.Close)
	s.URL = server.URL + "/v1"
	return s
}

// Script returns a model that says one turn after the other. More requests than
// turns fail the test.
func Script(t testing.TB, turns ...Turn) *Server {
	t.Helper()
	n := 0
	return Start(t, func(Seen) Turn {
		if n++; n > len(turns) {
			t.Errorf("the model is asked %d times, want %d", n, len(turns))
			return Turn{Text: "There is nothing more to say."}
		}
		return turns[n-1]
	})
}

// Seen returns the requests so far.
func (s *Server) Seen() []Seen {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.seen)
}

type request struct {
	Model         string    `json:"model"`
	Messages      []Message `json:"messages"`
	Stream        bool      `json:"stream"`
	StreamOptions struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	Tools []struct {
		Type     string `json:"type"`
		Function struct {
			Name        string         `json:"name"`
			Description string         `json:"description"`
			Strict      bool           `json:"strict"`
			Parameters  map[string]any `json:"parameters"`
		} `json:"function"`
	} `json:"tools"`
}

func (s *Server) serve(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	if r.URL.Path != "/v1/chat/completions" || r.Method != http.MethodPost {
		s.t.Errorf("the model is asked for %s %s", r.Method, r.URL.Path)
	}
	if r.Header.Get("Authorization") != "Bearer "+s.Key {
		fail(w, http.StatusUnauthorized, "Incorrect API key provided: "+r.Header.Get("Authorization"))
		return
	}
	var asked request
	if err := json.Unmarshal(body, &asked); err != nil {
		s.t.Errorf("the request is no JSON: %v", err)
	}
	for _, complaint := range Complaints(body) {
		s.t.Error(complaint)
	}
	seen := Seen{}
	for _, tool := range asked.Tools {
		seen.Tools = append(seen.Tools, tool.Function.Name)
	}
	for _, message := range asked.Messages {
		if message.Role == "system" {
			seen.System += message.Text()
		} else {
			seen.Messages = append(seen.Messages, message)
		}
	}
	s.mu.Lock()
	s.seen = append(s.seen, seen)
	said := make(chan Turn, 1)
	go func() {
		defer close(said)
		said <- s.next(seen)
	}()
	turn, is := <-said
	s.mu.Unlock()
	if !is { // the script has ended its test
		fail(w, http.StatusInternalServerError, "the model has nothing to say")
		return
	}
	if turn.Status != 0 {
		fail(w, turn.Status, turn.Text)
		return
	}
	say(w, r, turn)
}

func fail(w http.ResponseWriter, status int, message string) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Should-Retry", "false")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]any{"error": map[string]any{"message": message, "type": "error", "code": "error", "param": ""}})
}

// say streams a turn in pieces.
func say(w http.ResponseWriter, r *http.Request, turn Turn) {
	w.Header().Set("Content-Type", "text/event-stream")
	flush := http.NewResponseController(w)
	chunk := func(choices []any, extra map[string]any) {
		event := map[string]any{"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "scripted", "choices": choices}
		for key, value := range extra {
			event[key] = value
		}
		content, _ := json.Marshal(event)
		fmt.Fprintf(w, "data: %s\n\n", content)
		_ = flush.Flush()
	}
	delta := func(delta map[string]any, finish any) []any {
		return []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}}
	}
	chunk(delta(map[string]any{"role": "assistant", "content": ""}, nil), nil)
	for piece := range pieces(turn.Text) {
		chunk(delta(map[string]any{"content": piece}, nil), nil)
	}
	for i, call := range turn.Calls {
		arguments, is := call.Arguments.(string)
		if !is {
			content, _ := json.Marshal(call.Arguments)
			arguments = string(content)
		}
		chunk(delta(map[string]any{"tool_calls": []any{map[string]any{"index": i, "id": fmt.Sprintf("call_%d_%p", i, r), "type": "function",
			"function": map[string]any{"name": call.Name, "arguments": ""}}}}, nil), nil)
		for piece := range pieces(arguments) {
			chunk(delta(map[string]any{"tool_calls": []any{map[string]any{"index": i, "function": map[string]any{"arguments": piece}}}}, nil), nil)
		}
	}
	if turn.Hang {
		<-r.Context().Done()
		return
	}
	if turn.Break {
		panic(http.ErrAbortHandler)
	}
	finish := turn.Finish
	if finish == "" {
		finish = "stop"
		if len(turn.Calls) > 0 {
			finish = "tool_calls"
		}
	}
	chunk(delta(map[string]any{}, finish), nil)
	chunk([]any{}, map[string]any{"usage": map[string]any{"prompt_tokens": 1000, "completion_tokens": 100, "total_tokens": 1100}})
	fmt.Fprint(w, "data: [DONE]\n\n")
}

// pieces cuts a text as a stream would, in the middle of words.
func pieces(text string) func(func(string) bool) {
	return func(yield func(string) bool) {
		for len(text) > 0 {
			n := min(len(text), 37)
			for n < len(text) && text[n]&0xC0 == 0x80 {
				n++
			}
			if !yield(text[:n]) {
				return
			}
			text = text[n:]
		}
	}
}

var functionName = regexp.MustCompile(`^[a-zA-Z0-9_-]{1,64}$`)

// Complaints returns what OpenAI's API would refuse of a chat request: the
// rules of function calling and of strict schemas, by its guides.
func Complaints(body []byte) []string {
	var asked request
	if err := json.Unmarshal(body, &asked); err != nil {
		return []string{"the request is no JSON: " + err.Error()}
	}
	var all []string
	say := func(format string, args ...any) { all = append(all, fmt.Sprintf(format, args...)) }
	if asked.Model == "" || !asked.Stream || !asked.StreamOptions.IncludeUsage {
		say("model %q, stream %v, usage %v", asked.Model, asked.Stream, asked.StreamOptions.IncludeUsage)
	}
	if len(asked.Tools) > 128 {
		say("%d tools, at most 128 are taken", len(asked.Tools))
	}
	names := map[string]bool{}
	for _, tool := range asked.Tools {
		name := tool.Function.Name
		if tool.Type != "function" || !functionName.MatchString(name) || names[name] || len(tool.Function.Description) > 1024 {
			say("tool %q of type %s, known %v, description of %d characters", name, tool.Type, names[name], len(tool.Function.Description))
		}
		names[name] = true
		if tool.Function.Strict {
			for _, complaint := range StrictComplaints(tool.Function.Parameters) {
				say("%s: %s", name, complaint)
			}
		}
	}
	return append(all, conversation(asked.Messages)...)
}

// conversation checks that every call is answered, right after it was made.
func conversation(messages []Message) []string {
	var all []string
	open := map[string]bool{}
	for i, message := range messages {
		if message.Role != "tool" && len(open) > 0 {
			all = append(all, fmt.Sprintf("message %d (%s) comes before %d calls are answered", i, message.Role, len(open)))
			open = map[string]bool{}
		}
		switch message.Role {
		case "tool":
			if !open[message.ToolCallID] {
				all = append(all, fmt.Sprintf("message %d answers the call %q, which is not open", i, message.ToolCallID))
			}
			delete(open, message.ToolCallID)
		case "assistant":
			for _, call := range message.ToolCalls {
				if call.ID == "" || open[call.ID] || call.Type != "function" || !functionName.MatchString(call.Function.Name) {
					all = append(all, fmt.Sprintf("message %d has the call %q of %q", i, call.ID, call.Function.Name))
				}
				open[call.ID] = true
			}
			if len(message.ToolCalls) == 0 && message.Text() == "" {
				all = append(all, fmt.Sprintf("message %d says nothing", i))
			}
		case "system", "user":
			if message.Text() == "" {
				all = append(all, fmt.Sprintf("message %d (%s) is empty", i, message.Role))
			}
		default:
			all = append(all, fmt.Sprintf("message %d has the role %q", i, message.Role))
		}
	}
	if len(open) > 0 {
		all = append(all, fmt.Sprintf("%d calls are never answered", len(open)))
	}
	return all
}

var strictKeywords = strings.Fields("type properties required additionalProperties items enum const anyOf description pattern format minimum maximum exclusiveMinimum exclusiveMaximum multipleOf minItems maxItems $ref $defs")

var strictFormats = strings.Fields("date-time time date duration email hostname ipv4 ipv6 uuid")

// StrictComplaints returns what strict mode would refuse of a function's schema.
func StrictComplaints(schema map[string]any) []string {
	c := &counter{}
	if schema["type"] != "object" || schema["anyOf"] != nil {
		c.say("", "the root must be an object, and no alternative")
	}
	c.walk("", schema, 1)
	if c.properties > 5000 || c.names > 120_000 || c.values > 1000 {
		c.say("", fmt.Sprintf("%d properties, %d characters of names, %d enum values", c.properties, c.names, c.values))
	}
	return c.complaints
}

type counter struct {
	complaints                []string
	properties, names, values int
}

func (c *counter) say(at, what string) { c.complaints = append(c.complaints, at+": "+what) }

func (c *counter) walk(at string, schema map[string]any, depth int) {
	if depth > 10 {
		c.say(at, "is nested too deeply")
		return
	}
	for keyword, value := range schema {
		if !slices.Contains(strictKeywords, keyword) {
			c.say(at, "has the keyword "+keyword)
		}
		if format, _ := value.(string); keyword == "format" && !slices.Contains(strictFormats, format) {
			c.say(at, "has the format "+format)
		}
	}
	if schema["type"] == nil && schema["anyOf"] == nil && schema["enum"] == nil && schema["const"] == nil && schema["$ref"] == nil {
		c.say(at, "has no type")
	}
	if values, _ := schema["enum"].([]any); values != nil {
		c.values += len(values)
	}
	if properties, is := schema["properties"].(map[string]any); is {
		required, _ := schema["required"].([]any)
		if schema["additionalProperties"] != false || len(required) != len(properties) {
			c.say(at, fmt.Sprintf("additionalProperties is %v, %d of %d properties are required", schema["additionalProperties"], len(required), len(properties)))
		}
		for name, property := range properties {
			c.properties++
			c.names += len(name)
			if !slices.Contains(required, any(name)) {
				c.say(at, name+" is not required")
			}
			c.walk(at+"/"+name, property.(map[string]any), depth+1)
		}
	} else if kinds, _ := schema["type"].([]any); schema["type"] == "object" || slices.Contains(kinds, any("object")) {
		c.say(at, "is an object of unknown properties")
	}
	if items, is := schema["items"].(map[string]any); is {
		c.walk(at+"/items", items, depth+1)
	}
	alternatives, _ := schema["anyOf"].([]any)
	for i, each := range alternatives {
		c.walk(fmt.Sprintf("%s/anyOf/%d", at, i), each.(map[string]any), depth+1)
	}
}
