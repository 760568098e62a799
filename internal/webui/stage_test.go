package webui_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/cookiejar"
	"net/http/httptest"
	"net/url"
	"os"
	"strings"
	"sync"
	"testing"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/localstack/stacktest"
	"fountain.coach/fountainai/internal/screenplay"
	"fountain.coach/fountainai/internal/webui"
)

// twoScenes is a story that is small enough to look at.
const twoScenes = `Title: The Well
Author: Ada Brennan

FADE IN:

# The Village

INT. KITCHEN - DAY #1#

A kettle boils over.

ADA
(to the kettle)
I heard you.

EXT. WELL - NIGHT #2#

The rope is cut.

BEN
Somebody was here.

ADA
Somebody still is.
`

// stage is a page before a running stack.
type stage struct {
	stack *stacktest.Stack
	api   *client.Client
	url   string
	log   *logged
}

// logged collects what the page logs.
type logged struct {
	mu   sync.Mutex
	text bytes.Buffer
}

func (l *logged) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

func (l *logged) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.String()
}

// newStage runs a page with options, which need no API.
func newStage(t *testing.T, options webui.Options) *stage {
	t.Helper()
	stack := stacktest.Start(t)
	s := &stage{stack: stack, api: stack.Client(t), log: &logged{}}
	if options.API == nil {
		options.API = s.api.WithKey("")
	}
	s.open(t, options)
	return s
}

// open runs another page before the same stack.
func (s *stage) open(t *testing.T, options webui.Options) {
	t.Helper()
	options.Logger = slog.New(slog.NewTextHandler(s.log, nil))
	handler, err := webui.New(options)
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(handler)
	t.Cleanup(server.Close)
	s.url = server.URL
}

// person is somebody with a browser of their own.
type person struct {
	t    *testing.T
	url  string
	http *http.Client
}

// visitor has no key yet, and follows no redirects.
func (s *stage) visitor(t *testing.T) *person {
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &person{t: t, url: s.url, http: &http.Client{Jar: jar, CheckRedirect: func(*http.Request, []*http.Request) error {
		return http.ErrUseLastResponse
	}}}
}

// writer is logged in.
func (s *stage) writer(t *testing.T) *person {
	t.Helper()
	p := s.visitor(t)
	if status, _, header := p.post("/login", url.Values{"key": {s.stack.Writer}}); status != http.StatusSeeOther || header.Get("Location") != "/" {
		t.Fatalf("login: got %d to %q, want 303 to /", status, header.Get("Location"))
	}
	return p
}

func (p *person) do(request *http.Request) (status int, body string, header http.Header) {
	p.t.Helper()
	response, err := p.http.Do(request)
	if err != nil {
		p.t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err != nil {
		p.t.Fatal(err)
	}
	return response.StatusCode, string(content), response.Header
}

func (p *person) request(method, path string, body io.Reader) *http.Request {
	p.t.Helper()
	request, err := http.NewRequestWithContext(p.t.Context(), method, p.url+path, body)
	if err != nil {
		p.t.Fatal(err)
	}
	return request
}

func (p *person) get(path string) (status int, body string, header http.Header) {
	p.t.Helper()
	return p.do(p.request(http.MethodGet, path, nil))
}

// read returns a page that must be there.
func (p *person) read(path string) string {
	p.t.Helper()
	status, body, _ := p.get(path)
	if status != http.StatusOK {
		p.t.Fatalf("GET %s: got %d, want 200:\n%s", path, status, body)
	}
	return body
}

// post sends a form as a page of the server does.
func (p *person) post(path string, form url.Values) (status int, body string, header http.Header) {
	p.t.Helper()
	request := p.request(http.MethodPost, path, strings.NewReader(form.Encode()))
	request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	request.Header.Set("Origin", p.url)
	return p.do(request)
}

// call writes through the API, as programs do.
func (s *stage) call(t *testing.T, service, method, path string, body, target any) {
	t.Helper()
	if _, err := s.api.Do(t.Context(), client.Request{Service: service, Method: method, Path: path, Body: body}, target); err != nil {
		t.Fatal(err)
	}
}

type object = map[string]any

// put writes a screenplay as a story, as an import does: what is said belongs to
// the Character service, the order to the Story Factory.
func (s *stage) put(t *testing.T, text string) int64 {
	t.Helper()
	play, err := screenplay.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	var script struct {
		ScriptID int64 `json:"scriptId"`
	}
	s.call(t, "scriptmanagement", http.MethodPost, "/scripts", object{"title": play.Title(), "author": play.Author(), "description": ""}, &script)
	story := fmt.Sprintf("/stories/%d", script.ScriptID)
	s.call(t, "storyfactory", http.MethodPut, story, object{
		"title": play.Title(), "author": play.Author(), "complete": false, "titlePage": play.TitlePage,
	}, nil)
	items := s.elements(t, play, script.ScriptID)
	for len(items) > 0 {
		n := min(len(items), 1000)
		s.call(t, "storyfactory", http.MethodPost, story+"/elements/batch", object{"items": items[:n]}, nil)
		items = items[n:]
	}
	s.call(t, "storyfactory", http.MethodPatch, story, object{"complete": true}, nil)
	return script.ScriptID
}

// elements returns the flow of a screenplay, and creates what it refers to.
func (s *stage) elements(t *testing.T, play *screenplay.Screenplay, script int64) []object {
	t.Helper()
	cast := s.cast(t, play.Characters())
	var items, words []object
	var speeches []int // where in items the words belong
	var speaker, manner string
	continued := false
	for _, e := range play.Elements {
		switch e.Kind {
		case screenplay.Character:
			speaker, manner, continued = e.Text, "", false
		case screenplay.Parenthetical:
			manner = e.Text
		case screenplay.Dialogue:
			word := object{"text": e.Text, "scriptId": script, "characterId": cast[speaker]}
			if manner != "" {
				word["parenthetical"] = manner
			}
			words, speeches = append(words, word), append(speeches, len(items))
			items = append(items, object{"type": "dialogue", "character": object{"characterId": cast[speaker], "name": speaker}, "layout": object{"continued": continued}})
			manner, continued = "", true
		default:
			items = append(items, plain(e))
		}
	}
	for i, id := range s.say(t, words) {
		items[speeches[i]]["spokenWord"] = object{"dialogueId": id, "text": words[i]["text"]}
	}
	return items
}

// plain is an element that nobody says.
func plain(e screenplay.Element) object {
	item := object{"type": e.Kind, "text": e.Text}
	switch {
	case e.SceneNumber != "":
		item["layout"] = object{"sceneNumber": e.SceneNumber}
	case e.Depth > 0:
		item["layout"] = object{"depth": e.Depth}
	}
	return item
}

// cast creates characters and returns their identifiers by name.
func (s *stage) cast(t *testing.T, names []string) map[string]int64 {
	t.Helper()
	var items []object
	for _, name := range names {
		items = append(items, object{"name": name, "description": ""})
	}
	cast := map[string]int64{}
	if len(names) == 0 {
		return cast
	}
	var made []struct{ CharacterID int64 }
	s.call(t, "character", http.MethodPost, "/characters/batch", object{"items": items}, &made)
	for i, name := range names {
		cast[name] = made[i].CharacterID
	}
	return cast
}

// say creates spoken words and returns their identifiers.
func (s *stage) say(t *testing.T, words []object) []int64 {
	t.Helper()
	var ids []int64
	for len(words) > 0 {
		n := min(len(words), 1000)
		var made []struct{ DialogueID int64 }
		s.call(t, "character", http.MethodPost, "/spokenWords/batch", object{"items": words[:n]}, &made)
		for _, word := range made {
			ids = append(ids, word.DialogueID)
		}
		words = words[n:]
	}
	return ids
}

// sample is the screenplay that comes with FountainAI.
func sample(t *testing.T) string {
	t.Helper()
	text, err := os.ReadFile("../../samples/the-lighthouse-keeper.fountain")
	if err != nil {
		t.Fatal(err)
	}
	return string(text)
}

// requireContains fails for the first part that a page lacks.
func requireContains(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if !strings.Contains(page, part) {
			t.Fatalf("%q is missing in:\n%s", part, page)
		}
	}
}

func requireLacks(t *testing.T, page string, parts ...string) {
	t.Helper()
	for _, part := range parts {
		if strings.Contains(page, part) {
			t.Fatalf("%q should not be in:\n%s", part, page)
		}
	}
}
