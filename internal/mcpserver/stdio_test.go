package mcpserver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
)

// talk gives a server lines and returns all that it answers, by the raw id.
func talk(t *testing.T, s *Server, lines ...string) map[string]map[string]any {
	t.Helper()
	var out bytes.Buffer
	if err := s.ServeStdio(t.Context(), strings.NewReader(strings.Join(lines, "\n")), &out); err != nil {
		t.Fatalf("the server ends with %v", err)
	}
	answers := map[string]map[string]any{}
	scanner := bufio.NewScanner(&out)
	scanner.Buffer(nil, 64<<20)
	for scanner.Scan() {
		var answer struct {
			JSONRPC string
			ID      json.RawMessage
			Result  map[string]any
			Error   map[string]any
		}
		if err := json.Unmarshal(scanner.Bytes(), &answer); err != nil || answer.JSONRPC != "2.0" || (answer.Result == nil) == (answer.Error == nil) {
			t.Errorf("%s is no answer: %v", scanner.Text(), err)
		}
		if answer.Error != nil {
			answers[string(answer.ID)] = answer.Error
		} else {
			answers[string(answer.ID)] = answer.Result
		}
	}
	return answers
}

func TestLinesThatAreNoMessages(t *testing.T) {
	server := before(t, http.NotFound)
	for line, want := range map[string]string{
		`{oops`:                             "-32700",
		`oops`:                              "-32700",
		"\x00\xff":                          "-32700",
		`{"jsonrpc":"2.0","id":1} {}`:       "-32700",
		strings.Repeat("[", 200_000):        "-32700",
		`"text"`:                            "-32600",
		`42`:                                "-32600",
		`null`:                              "-32600",
		`{}`:                                "-32600",
		`[]`:                                "-32600",
		`[` + initialize + `]`:              "-32600",
		`{"id":2,"method":"ping"}`:          "-32600",
		`{"jsonrpc":"1.0","method":"ping"}`: "-32600",
		`{"jsonrpc":"2.0","id":{},"method":"ping"}`: "-32600",
		strings.Repeat("x", largestMessage+1):       "-32600",
	} {
		answers := talk(t, server, line, initialize, `{"jsonrpc":"2.0","method":"notifications/initialized"}`, "", "\r", `{"jsonrpc":"2.0","id":"after","method":"ping"}`)
		refused := answers["null"]
		if refused == nil {
			refused = answers["2"]
		}
		if code, _ := refused["code"].(float64); fmt.Sprint(int(code)) != want || refused["message"] == "" {
			t.Errorf("%.60q: %v, want %s", line, refused, want)
		}
		if answers["1"]["protocolVersion"] != "2025-11-25" || answers[`"after"`] == nil {
			t.Errorf("%.60q: the session does not go on: %v", line, answers)
		}
	}
}

func TestRequestsThatCannotBe(t *testing.T) {
	server := before(t, http.NotFound)
	for request, want := range map[string]float64{
		`"method":"nope"`:                                          -32601,
		`"method":"tools/call","params":5`:                         -32602,
		`"method":"tools/call","params":{"name":"nope"}`:           -32602,
		`"method":"resources/read","params":{"uri":"file:///etc"}`: -32602,
		`"method":"tools/list","params":{"cursor":"nonsense"}`:     -32602,
		`"method":"completion/complete","params":{}`:               -32602,
	} {
		answers := talk(t, server, initialize, `{"jsonrpc":"2.0","id":7,`+request+`}`)
		if answers["7"]["code"] != want {
			t.Errorf("%s: %v, want %v", request, answers["7"], want)
		}
	}
}

func TestEveryVersion(t *testing.T) {
	server := before(t, http.NotFound)
	for asked, want := range map[string]string{"2024-11-05": "2024-11-05", "2025-03-26": "2025-03-26", "2025-06-18": "2025-06-18", "2025-11-25": "2025-11-25", "1999-01-01": "2025-11-25"} {
		answers := talk(t, server, strings.Replace(initialize, "2025-11-25", asked, 1), `{"jsonrpc":"2.0","id":2,"method":"tools/list"}`)
		tools, _ := answers["2"]["tools"].([]any)
		if answers["1"]["protocolVersion"] != want || len(tools) == 0 {
			t.Errorf("asked for %s: %v and %d tools", asked, answers["1"]["protocolVersion"], len(tools))
		}
	}
	latest := `{"jsonrpc":"2.0","id":1,"method":"tools/list","params":{"_meta":{"io.modelcontextprotocol/protocolVersion":"2026-07-28","io.modelcontextprotocol/clientInfo":{"name":"t","version":"1"},"io.modelcontextprotocol/clientCapabilities":{}}}}`
	if answers := talk(t, server, latest); answers["1"]["tools"] == nil || answers["1"]["cacheScope"] != "private" {
		t.Errorf("2026-07-28, without a handshake: %.300v", answers)
	}
}

func TestWhatWasAskedIsAnsweredWhenTheInputEnds(t *testing.T) {
	goOn := make(chan struct{})
	server := before(t, func(w http.ResponseWriter, _ *http.Request) {
		<-goOn
		_, _ = io.WriteString(w, `[]`)
	})
	in := &watched{Reader: strings.NewReader(initialize + "\n" + `{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"listScripts"}}`), ended: goOn}
	var out bytes.Buffer
	if err := server.ServeStdio(t.Context(), in, &out); err != nil || !strings.Contains(out.String(), `"structuredContent":{"status":200`) {
		t.Errorf("%v: %s", err, out.String())
	}
}

// watched tells when all has been read.
type watched struct {
	io.Reader
	ended chan struct{}
	once  sync.Once
}

func (w *watched) Read(p []byte) (int, error) {
	n, err := w.Reader.Read(p)
	if err == io.EOF {
		w.once.Do(func() { close(w.ended) })
	}
	return n, err
}

func TestStdioStops(t *testing.T) {
	came, goOn := make(chan struct{}), make(chan struct{})
	server := before(t, func(w http.ResponseWriter, _ *http.Request) {
		close(came)
		<-goOn
		_, _ = io.WriteString(w, `[]`)
	})
	in, write := io.Pipe()
	defer write.Close()
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan error)
	var out bytes.Buffer
	go func() { ended <- server.ServeStdio(ctx, in, &out) }()
	if _, err := io.WriteString(write, initialize+"\n"+`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"listScripts"}}`+"\n"); err != nil {
		t.Fatal(err)
	}
	<-came
	stop()
	close(goOn)
	if err := <-ended; err != nil || !strings.Contains(out.String(), `"structuredContent":{"status":200`) {
		t.Errorf("%v: %s", err, out.String())
	}
}

func TestBigMessages(t *testing.T) {
	size := 0
	server := before(t, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		size = len(body)
		w.WriteHeader(http.StatusCreated)
		_, _ = io.WriteString(w, `[]`)
	})
	items := make([]map[string]any, 120)
	for i := range items {
		items[i] = map[string]any{"name": "N", "description": strings.Repeat("d", 60_000)}
	}
	arguments, err := json.Marshal(map[string]any{"items": items})
	if err != nil {
		t.Fatal(err)
	}
	answers := talk(t, server, initialize, fmt.Sprintf(`{"jsonrpc":"2.0","id":2,"method":"tools/call","params":{"name":"createCharacters","arguments":%s}}`, arguments))
	if answers["2"]["isError"] != nil || size < 7_000_000 {
		t.Errorf("%d bytes were sent: %.500v", size, answers["2"])
	}
}
