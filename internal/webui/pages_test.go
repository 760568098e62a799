package webui_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/screenplay"
	"fountain.coach/fountainai/internal/webui"
)

func TestNewWantsAGateway(t *testing.T) {
	if _, err := webui.New(webui.Options{}); err == nil || !strings.Contains(err.Error(), "API") {
		t.Errorf("got %v, want an error that names API", err)
	}
}

func TestReadingAStory(t *testing.T) {
	s := newStage(t, webui.Options{DocsURL: func(service string) string { return "https://" + service + ".example/docs" }})
	p := s.writer(t)
	requireContains(t, p.read("/"), "There are no scripts yet.", "fountain import")
	id := s.put(t, sample(t))
	small := s.put(t, twoScenes)

	requireContains(t, p.read("/"),
		fmt.Sprintf(`<a href="/scripts/%d">THE LIGHTHOUSE KEEPER A Short Film in Two Watches</a>`, id), "The FountainAI Project",
		`<a href="https://character.example/docs">Character</a>`, `<a href="https://storyfactory.example/docs">Story Factory</a>`)
	page := p.read(fmt.Sprintf("/scripts/%d", id))
	requireContains(t, page, `<article class="screenplay">`, `href="#scene-2"`, `id="scene-2"`, "LAMP ROOM", "I always count the swell.", "story.pdf?paper=a4")
	requireLacks(t, page, "incomplete", "Not everything here is current")

	status, text, header := p.get(fmt.Sprintf("/scripts/%d/story.fountain", small))
	want, err := screenplay.Parse(strings.NewReader(twoScenes))
	if err != nil {
		t.Fatal(err)
	}
	if status != http.StatusOK || text != string(want.Format()) {
		t.Errorf("the Fountain file: got %d and\n%s\nwant\n%s", status, text, want.Format())
	}
	if got := header.Get("Content-Disposition"); got != `attachment; filename="The Well.fountain"; filename*=UTF-8''The%20Well.fountain` {
		t.Errorf("Content-Disposition is %s", got)
	}
	if got := header.Get("Content-Type"); got != "text/plain; charset=utf-8" {
		t.Errorf("Content-Type is %s", got)
	}
	_, letter, header := p.get(fmt.Sprintf("/scripts/%d/story.pdf", small))
	_, a4, _ := p.get(fmt.Sprintf("/scripts/%d/story.pdf?paper=a4", small))
	if !strings.HasPrefix(letter, "%PDF-") || !strings.HasPrefix(a4, "%PDF-") || letter == a4 || header.Get("Content-Type") != "application/pdf" {
		t.Errorf("the PDF begins %.8q and %.8q as %s", letter, a4, header.Get("Content-Type"))
	}

	s.call(t, "storyfactory", http.MethodPatch, fmt.Sprintf("/stories/%d", small), object{"complete": false}, nil)
	requireContains(t, p.read(fmt.Sprintf("/scripts/%d", small)), "This story is incomplete.")
	requireLacks(t, p.read(fmt.Sprintf("/scripts/%d/scenes", small)), `name="move"`)
}

func TestScriptsArePagedAndFound(t *testing.T) {
	s := newStage(t, webui.Options{})
	p := s.writer(t)
	for i := range 53 {
		s.call(t, "scriptmanagement", http.MethodPost, "/scripts", object{"title": fmt.Sprintf("Play & %d", i), "author": "A", "description": ""}, nil)
	}
	first := p.read("/")
	if got := strings.Count(first, `<th scope="row">`); got != 50 {
		t.Errorf("the first page has %d scripts, want 50", got)
	}
	next := regexp.MustCompile(`<a href="([^"]*)" rel="next">`).FindStringSubmatch(first)
	if next == nil {
		t.Fatal("there is no link to the next page")
	}
	second := p.read(strings.ReplaceAll(next[1], "&amp;", "&"))
	requireContains(t, second, "Play &amp; 52", `<a href="/">First page</a>`)
	requireLacks(t, second, `rel="next"`, "Play &amp; 10<")

	found := p.read("/?" + url.Values{"title": {"Play & 7"}}.Encode())
	requireContains(t, found, "1 script with the title", "Play &amp; 7", "Show all")
	requireLacks(t, found, "Play &amp; 17")
	requireContains(t, p.read("/?title=nothing"), "No script has exactly this title.")
	requireContains(t, p.read("/?title="+strings.Repeat("x", 2000)), "No script has exactly this title.")
}

func TestCharactersAndTheirLines(t *testing.T) {
	s := newStage(t, webui.Options{})
	p := s.writer(t)
	var text strings.Builder
	text.WriteString("Title: Count\n\nINT. ROOM - DAY\n\n")
	for i := range 45 {
		fmt.Fprintf(&text, "ANN\nLine %d ends.\n\n", i)
	}
	text.WriteString("BOB\n(late)\nHello.\n")
	id := s.put(t, text.String())
	var words []struct {
		DialogueID, CharacterID int64
		Text                    string
	}
	s.call(t, "character", http.MethodGet, fmt.Sprintf("/spokenWords?scriptId=%d&limit=1000", id), nil, &words)
	s.call(t, "character", http.MethodPost, fmt.Sprintf("/spokenWords/%d/paraphrases", words[0].DialogueID), object{"originalId": words[0].DialogueID, "text": "The first <one>.", "commentary": "Shorter & better."}, nil)
	s.call(t, "character", http.MethodPost, fmt.Sprintf("/characters/%d/paraphrases", words[0].CharacterID), object{"originalId": words[0].CharacterID, "text": "She who counts.", "commentary": "Of her."}, nil)

	page := fmt.Sprintf("/scripts/%d/characters", id)
	first := p.read(page)
	requireContains(t, first, "45 lines of dialogue", "page 1 of 3", "Line 0 ends.", "Line 19 ends.", "The first &lt;one&gt;.", "Shorter &amp; better.", "She who counts.", "INT. ROOM - DAY", "page=2")
	requireLacks(t, first, "Line 20 ends.", "Hello.")
	last := p.read(fmt.Sprintf("%s?character=%d&page=3", page, words[0].CharacterID))
	requireContains(t, last, "Line 44 ends.", "page=2")
	requireLacks(t, last, "Line 39 ends.", "She who counts.", "page=4")
	other := p.read(fmt.Sprintf("%s?character=%d", page, words[45].CharacterID))
	requireContains(t, other, "1 line of dialogue", "Hello.", "late")
	if status, _, _ := p.get(page + "?character=999"); status != http.StatusNotFound {
		t.Errorf("a character who is not in the story: got %d, want 404", status)
	}
}

func TestPagesThatAreNot(t *testing.T) {
	s := newStage(t, webui.Options{})
	p := s.writer(t)
	for _, path := range []string{"/nothing", "/scripts/7", "/scripts/x", "/scripts/-1", "/scripts/99999999999999999999", "/scripts/7/scenes", "/scripts/7/characters", "/scripts/7/story.pdf", "/assets/none.css", "/favicon.ico"} {
		status, body, _ := p.get(path)
		if status != http.StatusNotFound {
			t.Errorf("%s: got %d, want 404", path, status)
		}
		requireLacks(t, body, "goroutine", ".go:")
	}
	_, body, _ := p.get("/scripts/7")
	requireContains(t, body, "<h1>There is nothing here</h1>", "What to do next", "To the scripts")
}

// Whatever the services answer becomes a page that says what to do.
func TestTroubleInPlainWords(t *testing.T) {
	for _, c := range []struct {
		status int
		header http.Header
		body   string
		want   int
		says   string
	}{
		{403, nil, `{"message": "You cannot consume this service"}`, 403, "Your key may not do that"},
		{429, http.Header{"Retry-After": {"55"}}, `{"message": "API rate limit exceeded"}`, 429, "Wait a minute"},
		{503, http.Header{"Retry-After": {"55"}}, `{"detail": "The database cannot be used at the moment."}`, 503, "A service cannot answer now"},
		{507, nil, `{"detail": "The disk that holds the database is full."}`, 507, "free some space"},
		{500, nil, `{"detail": "secret internals", "requestId": "4711"}`, 500, "4711"},
		{502, http.Header{"Retry-After": {"55"}}, `<html>bad gateway</html>`, 502, "The services do not answer"},
		{418, nil, `{"detail": "short and stout"}`, 400, "short and stout"},
		{200, nil, `this is not JSON`, 502, "The services do not answer"},
	} {
		t.Run(fmt.Sprint(c.status), func(t *testing.T) {
			s := &stage{log: &logged{}}
			gateway := newGateway(t, func(w http.ResponseWriter, _ *http.Request) {
				for name, values := range c.header {
					w.Header()[name] = values
				}
				w.Header().Set("Content-Type", "application/json")
				w.WriteHeader(c.status)
				_, _ = w.Write([]byte(c.body))
			})
			s.open(t, webui.Options{API: gateway, Key: "a-key"})
			p := s.visitor(t)
			status, body, _ := p.get("/")
			if status != c.want {
				t.Errorf("got %d, want %d", status, c.want)
			}
			requireContains(t, body, c.says, `<main id="main"`)
			requireLacks(t, body, "secret internals", "a-key")
			requireLacks(t, s.log.String(), "a-key")
		})
	}
}

func TestServicesThatCannotBeReached(t *testing.T) {
	s := &stage{log: &logged{}}
	s.open(t, webui.Options{API: unreachable(t), Key: "a-key"})
	status, body, _ := s.visitor(t).get("/scripts/1")
	if status != http.StatusBadGateway {
		t.Errorf("got %d, want 502", status)
	}
	requireContains(t, body, "The services do not answer", "fountain up")
}
