package orchestrator

import (
	"bufio"
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/getkin/kin-openapi/openapi3"

	"fountain.coach/fountainai/internal/localstack/stacktest"
	"fountain.coach/fountainai/internal/orchestrator/modeltest"
)

// service runs the orchestrator's API before a stack.
func service(t testing.TB, change func(*Server), model *modeltest.Server) (string, *stacktest.Stack) {
	t.Helper()
	stack := stacktest.Start(t)
	s := &Server{API: stack.Client(t).WithKey("")}
	if model != nil {
		m, err := NewModel(ModelConfig{BaseURL: model.URL, Key: model.Key, Name: "scripted"})
		if err != nil {
			t.Fatal(err)
		}
		s.Model = m
	}
	if change != nil {
		change(s)
	}
	server := httptest.NewServer(s.Handler())
	t.Cleanup(server.Close)
	return server.URL, stack
}

// post sends a body and returns the answer's status, media type and content.
func post(t testing.TB, url, key, accept, body string) (int, string, string) {
	t.Helper()
	request, err := http.NewRequestWithContext(t.Context(), http.MethodPost, url, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("Content-Type", "application/json")
	request.Header.Set("Accept", accept)
	if key != "" {
		request.Header.Set("X-API-Key", key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	return response.StatusCode, response.Header.Get("Content-Type"), string(content)
}

// events reads server-sent events.
func events(t testing.TB, stream string) []Event {
	t.Helper()
	var all []Event
	kind := ""
	for line := range strings.Lines(stream) {
		line = strings.TrimSuffix(line, "\n")
		if name, is := strings.CutPrefix(line, "event: "); is {
			kind = name
		}
		if data, is := strings.CutPrefix(line, "data: "); is {
			var event Event
			if err := json.Unmarshal([]byte(data), &event); err != nil || event.Type != kind {
				t.Fatalf("event %q with %q: %v", kind, data, err)
			}
			all = append(all, event)
		}
	}
	return all
}

func TestAskAsAStream(t *testing.T) {
	url, stack := service(t, nil, modeltest.Script(t, modeltest.Turn{Text: "I make it.", Calls: []modeltest.Call{script("Streamed")}}, modeltest.Turn{Text: "Done."}))
	status, media, stream := post(t, url+"/v1/ask", stack.Writer, "text/event-stream", `{"question": "Make a script."}`)
	all := events(t, stream)
	var kinds []string
	for _, event := range all {
		if len(kinds) == 0 || kinds[len(kinds)-1] != event.Type {
			kinds = append(kinds, event.Type)
		}
	}
	if status != 200 || media != "text/event-stream" || strings.Join(kinds, " ") != "text session call result text done" {
		t.Fatalf("%d %s: %v", status, media, kinds)
	}
	done := all[len(all)-1]
	if len(done.Written) != 1 || done.Written[0].Undo != "/scripts/1" {
		t.Errorf("written: %+v", done.Written)
	}
}

func TestAskAsOneDocumentAndUndo(t *testing.T) {
	url, stack := service(t, nil, modeltest.Script(t, modeltest.Turn{Calls: []modeltest.Call{script("Whole")}}, modeltest.Turn{Text: "Done."}))
	status, media, content := post(t, url+"/v1/ask", stack.Writer, "application/json", `{"question": "Make a script."}`)
	var answer Answer
	if err := json.Unmarshal([]byte(content), &answer); err != nil || status != 200 || media != "application/json" || answer.Answer != "Done." || answer.Session != 1 || len(answer.Calls) != 1 || answer.Usage.Turns != 2 {
		t.Fatalf("%d %s %s: %v", status, media, content, err)
	}
	status, _, content = post(t, url+"/v1/undo", stack.Writer, "", `{"session": 1}`)
	if status != 200 || !strings.Contains(content, `"undo":"/scripts/1"`) || !strings.Contains(content, `"kept":[]`) {
		t.Errorf("%d %s", status, content)
	}
}

// TestWhoMayAsk: the key decides, before the model costs anything.
func TestWhoMayAsk(t *testing.T) {
	model := modeltest.Script(t, modeltest.Turn{Calls: []modeltest.Call{script("No"), {Name: "listScripts", Arguments: args{}}}}, modeltest.Turn{Text: "You may not."})
	url, stack := service(t, nil, model)
	for _, key := range []string{"", "guessed", stack.Reader + "x"} {
		if status, _, content := post(t, url+"/v1/ask", key, "", `{"question": "Who?"}`); status != http.StatusUnauthorized {
			t.Errorf("with the key %q: %d %s", key, status, content)
		}
	}
	if n := len(model.Seen()); n != 0 {
		t.Fatalf("the model was asked %d times by nobody", n)
	}
	// A reader's model gets the gateway's answer to a write.
	status, _, content := post(t, url+"/v1/ask", stack.Reader, "text/event-stream", `{"question": "Write.", "readOnly": false, "dryRun": false}`)
	if status != 200 || !strings.Contains(content, `"status":403`) || !strings.Contains(content, "event: error") && !strings.Contains(content, "event: note") {
		t.Errorf("%d %s", status, content)
	}
}

func TestRefusals(t *testing.T) {
	url, stack := service(t, nil, nil)
	for _, test := range []struct {
		name, body string
		status     int
		says       string
	}{
		{"no JSON", "question", 400, "not what this operation takes"},
		{"nothing", "", 400, "not what this operation takes"},
		{"no question", "{}", 400, "/question: is required"},
		{"blank", `{"question": "  "}`, 400, "/question"},
		{"a typing error", `{"question": "x", "readonly_": true}`, 400, "readonly_"},
		{"two bodies", `{"question": "x"} {}`, 400, "something follows"},
		{"a contradiction", `{"question": "x", "readOnly": true, "allowDestructive": true}`, 400, "contradict"},
		{"a negative session", `{"question": "x", "session": -1}`, 400, "/session"},
		{"too large", `{"question": "` + strings.Repeat("x", largestQuestion) + `"}`, 413, "at most"},
		{"no model", `{"question": "x"}`, 503, "OPENAI_API_KEY"},
	} {
		t.Run(test.name, func(t *testing.T) {
			status, media, content := post(t, url+"/v1/ask", stack.Writer, "", test.body)
			if status != test.status || media != "application/problem+json" || !strings.Contains(content, test.says) {
				t.Errorf("%d %s %s, want %d with %q", status, media, content, test.status, test.says)
			}
		})
	}
	for path, want := range map[string]int{"/v1/ask": 405, "/nothing": 404, "/livez": 200, "/readyz": 200, "/metrics": 200, "/v1/tools": 200, "/openapi.yaml": 200} {
		response, err := http.Get(url + path)
		if err != nil || response.StatusCode != want {
			t.Errorf("GET %s: %v %v, want %d", path, response, err, want)
		}
	}
	request, err := http.NewRequestWithContext(t.Context(), http.MethodGet, url+"/metrics", nil)
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-Forwarded-For", "198.51.100.7")
	if response, err := http.DefaultClient.Do(request); err != nil || response.StatusCode != http.StatusNotFound {
		t.Errorf("metrics through the gateway: %v %v", response, err)
	}
	if status, _, content := post(t, url+"/v1/undo", stack.Writer, "", `{"session": 99}`); status != 404 {
		t.Errorf("undo of a session that is not there: %d %s", status, content)
	}
}

// TestAClientThatGoesAway stops the model, and what was said is kept.
func TestAClientThatGoesAway(t *testing.T) {
	n := 0
	model := modeltest.Start(t, func(modeltest.Seen) modeltest.Turn {
		if n++; n == 1 {
			return modeltest.Turn{Calls: []modeltest.Call{script("Kept")}}
		}
		return modeltest.Turn{Text: "I think", Hang: true}
	})
	url, stack := service(t, nil, model)
	ctx, leave := context.WithCancel(t.Context())
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, url+"/v1/ask", strings.NewReader(`{"question": "Write."}`))
	if err != nil {
		t.Fatal(err)
	}
	request.Header.Set("X-API-Key", stack.Writer)
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	for lines := bufio.NewScanner(response.Body); lines.Scan() && !strings.Contains(lines.Text(), "I think"); {
	}
	leave()
	response.Body.Close()
	api := stack.Client(t)
	deadline := time.Now().Add(10 * time.Second)
	for {
		kept, err := Load(t.Context(), api, 1)
		if err == nil && len(kept.Written) == 1 {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("the conversation is kept as %+v: %v", kept, err)
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// TestTooManyAtOnce: those who come too late are told to come again.
func TestTooManyAtOnce(t *testing.T) {
	model := modeltest.Start(t, func(modeltest.Seen) modeltest.Turn { return modeltest.Turn{Text: "I think", Hang: true} })
	stop, end := context.WithCancel(t.Context())
	url, stack := service(t, func(s *Server) { s.AtOnce, s.Stop = 1, stop }, model)
	ended := make(chan string, 1)
	go func() {
		_, _, content := post(t, url+"/v1/ask", stack.Writer, "text/event-stream", `{"question": "Think."}`)
		ended <- content
	}()
	for deadline := time.Now().Add(10 * time.Second); len(model.Seen()) == 0 && time.Now().Before(deadline); {
		time.Sleep(10 * time.Millisecond)
	}
	if status, _, content := post(t, url+"/v1/ask", stack.Writer, "", `{"question": "Me too."}`); status != 503 || !strings.Contains(content, "busy") {
		t.Errorf("%d %s", status, content)
	}
	end() // the server is told to stop: the question ends, with a message
	if content := <-ended; !strings.Contains(content, "event: error") || !strings.Contains(content, "can go on") {
		t.Errorf("the stream ends with %s", content)
	}
}

// TestTheDocument is a valid OpenAPI document with an address of its own.
func TestTheDocument(t *testing.T) {
	url, _ := service(t, func(s *Server) { s.PublicURL = "https://orchestrator.example.org" }, nil)
	response, err := http.Get(url + "/openapi.json")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		t.Fatal(err)
	}
	parsed, err := openapi3.NewLoader().LoadFromData(content)
	if err != nil {
		t.Fatal(err)
	}
	if err := parsed.Validate(t.Context()); err != nil {
		t.Error(err)
	}
	if got := parsed.Servers[0].URL; got != "https://orchestrator.example.org" {
		t.Errorf("the address is %s", got)
	}
	for _, path := range []string{"/v1/ask", "/v1/undo", "/v1/tools"} {
		if parsed.Paths.Find(path) == nil {
			t.Errorf("%s is not in the document", path)
		}
	}
}
