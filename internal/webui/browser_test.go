package webui_test

import (
	"context"
	"fmt"
	"iter"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/chromedp/cdproto/cdp"
	"github.com/chromedp/cdproto/emulation"
	"github.com/chromedp/chromedp"
	"github.com/chromedp/chromedp/kb"

	"fountain.coach/fountainai/internal/orchestrator"
	"fountain.coach/fountainai/internal/webui"
)

// patience is how long a browser may take for one thing.
const patience = time.Minute

// browser is a real browser with one page open.
type browser struct {
	t      *testing.T
	ctx    context.Context
	url    string
	mu     sync.Mutex
	errors []string
}

// startBrowser opens Chromium. Without one the test is skipped.
func startBrowser(t *testing.T, url string) *browser {
	t.Helper()
	path := ""
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil {
			path = found
			break
		}
	}
	if path == "" {
		t.Skip("needs Chromium in the PATH: on Debian, apt-get install chromium")
	}
	options := append(slices.Clone(chromedp.DefaultExecAllocatorOptions[:]), chromedp.ExecPath(path), chromedp.NoSandbox,
		chromedp.WSURLReadTimeout(patience))
	ctx, stop := chromedp.NewExecAllocator(t.Context(), options...)
	t.Cleanup(stop)
	ctx, stop = chromedp.NewContext(ctx)
	t.Cleanup(stop)
	b := &browser{t: t, ctx: ctx, url: url}
	if err := chromedp.Do(ctx); err != nil {
		t.Fatal(err)
	}
	messages := chromedp.Console(ctx)
	go b.listen(messages)
	b.screen(1280, "light")
	command(b, emulation.SetFocusEmulationEnabled, emulation.SetFocusEmulationEnabledParams{Enabled: true}) // as a window in front
	return b
}

// listen collects what a developer would see in yellow and red.
func (b *browser) listen(messages iter.Seq2[chromedp.ConsoleMessage, error]) {
	for message, err := range messages {
		if err != nil {
			return
		}
		switch message.Type {
		case chromedp.ConsoleError, chromedp.ConsoleWarning, chromedp.ConsoleException:
			b.mu.Lock()
			b.errors = append(b.errors, fmt.Sprintf("%s: %s (%s:%d)", message.Type, message.Text, message.URL, message.Line+1))
			b.mu.Unlock()
		}
	}
}

// requireQuiet fails if the browser has complained.
func (b *browser) requireQuiet() {
	b.t.Helper()
	b.mu.Lock()
	defer b.mu.Unlock()
	if len(b.errors) > 0 {
		b.t.Fatalf("the browser complains:\n%s", strings.Join(b.errors, "\n"))
	}
}

func (b *browser) do(actions ...chromedp.Action[chromedp.Void]) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	if err := chromedp.Do(ctx, actions...); err != nil {
		b.t.Fatal(err)
	}
}

// command sends what there is no action for.
func command[P any](b *browser, c cdp.Command[P, cdp.Empty], params P) {
	b.t.Helper()
	if _, err := chromedp.Call(b.ctx, c, params); err != nil {
		b.t.Fatal(err)
	}
}

func (b *browser) open(path string) {
	b.t.Helper()
	b.do(chromedp.Navigate(b.url + path))
}

// is evaluates an expression of JavaScript.
func is[T any](b *browser, expression string) T {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	value, err := chromedp.Run(ctx, chromedp.Evaluate[T](expression))
	if err != nil {
		b.t.Fatalf("%s: %v", expression, err)
	}
	return value
}

// wait waits until an expression of JavaScript is true, on this page or on one
// that is still being loaded.
func (b *browser) wait(expression string) {
	b.t.Helper()
	ctx, cancel := context.WithTimeout(b.ctx, patience)
	defer cancel()
	for {
		reached, err := chromedp.Run(ctx, chromedp.Evaluate[bool](`document.readyState === "complete" && (`+expression+`)`))
		if err == nil && reached {
			return
		}
		if ctx.Err() != nil {
			b.t.Fatalf("this does not become true: %s (%v), on the page\n%s", expression, err, is[string](b, "document.body.innerText"))
		}
		time.Sleep(20 * time.Millisecond)
	}
}

// press sends keys, as a hand does.
func (b *browser) press(keys string) {
	b.t.Helper()
	b.do(chromedp.KeyEvent(keys))
}

// focused is what the keyboard is on: fields by their id, all else by its name.
const focused = `((on) => on.matches("input, textarea") ? on.id : on.getAttribute("aria-label") || on.textContent.trim())(document.activeElement)`

// tabTo presses Tab until the keyboard is on something of that name.
func (b *browser) tabTo(name string) {
	b.t.Helper()
	var passed []string
	for range 120 {
		b.press(kb.Tab)
		on := is[string](b, focused)
		if on == name {
			return
		}
		passed = append(passed, on)
	}
	b.t.Fatalf("the keyboard does not reach %q; it passed %q", name, passed)
}

// screen sets the size of the window and the theme of the system.
func (b *browser) screen(width int64, theme string) {
	b.t.Helper()
	b.do(chromedp.EmulateViewport(width, 800))
	command(b, emulation.SetEmulatedMedia, emulation.SetEmulatedMediaParams{
		Features: []*emulation.MediaFeature{{Name: "prefers-color-scheme", Value: theme}},
	})
}

// shoot keeps a picture of the page.
func (b *browser) shoot(name string) {
	b.t.Helper()
	picture, err := chromedp.Run(b.ctx, chromedp.FullScreenshot(100))
	if err != nil {
		b.t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(b.t.ArtifactDir(), name+".png"), picture, 0o600); err != nil {
		b.t.Fatal(err)
	}
}

// login logs in by keyboard.
func (b *browser) login(key string) {
	b.t.Helper()
	b.open("/login")
	b.tabTo("key")
	b.press(key + kb.Enter)
	b.wait(`location.pathname === "/"`)
}

// fill writes the sample with a paraphrase, and two more scripts beside it.
func (s *stage) fill(t *testing.T) int64 {
	t.Helper()
	id := s.put(t, sample(t))
	s.put(t, strings.Replace(twoScenes, "Author: Ada Brennan", "Author: "+strings.Repeat("Very ", 30)+"Many", 1))
	s.put(t, strings.Replace(fiveRows, "Rows", strings.Repeat("Unbroken", 20), 1))
	var words []struct {
		DialogueID, CharacterID int64
		Text                    string
	}
	s.call(t, "character", "GET", fmt.Sprintf("/spokenWords?scriptId=%d", id), nil, &words)
	for _, word := range words {
		if strings.Contains(word.Text, "always count") {
			s.call(t, "character", "POST", fmt.Sprintf("/spokenWords/%d/paraphrases", word.DialogueID),
				object{"originalId": word.DialogueID, "text": "The swell is never left out of it.", "commentary": "Drier, and without her pride."}, nil)
		}
	}
	return id
}

func TestBrowserShowsEveryPage(t *testing.T) {
	s := newStage(t, webui.Options{Ask: newModel(), DocsURL: func(service string) string { return "http://" + service + ".localhost:8000/docs" }})
	id := s.fill(t)
	b := startBrowser(t, s.url)
	b.login(s.stack.Writer)
	base := fmt.Sprintf("/scripts/%d", id)
	for _, page := range []struct{ name, path string }{
		{"scripts", "/"}, {"story", base}, {"characters", base + "/characters"}, {"scenes", base + "/scenes"}, {"ask", "/ask"},
	} {
		for _, theme := range []string{"light", "dark"} {
			for _, width := range []int64{1280, 390} {
				b.screen(width, theme)
				b.open(page.path)
				if wide := is[int64](b, "document.documentElement.scrollWidth"); wide > width {
					t.Errorf("%s is %d wide on a screen of %d", page.path, wide, width)
				}
				b.shoot(fmt.Sprintf("%s-%s-%d", page.name, theme, width))
			}
		}
	}
	b.requireQuiet()
	b.open("/nothing")
	b.shoot("error")
}

func TestBrowserThemeIsRemembered(t *testing.T) {
	s := newStage(t, webui.Options{})
	b := startBrowser(t, s.url)
	b.open("/login")
	const ground = `getComputedStyle(document.documentElement).backgroundColor`
	light := is[string](b, ground)
	b.shoot("login-light")
	b.tabTo("Dark theme")
	b.press(kb.Enter)
	dark := is[string](b, ground)
	if dark == light || is[string](b, `document.activeElement.getAttribute("aria-pressed")`) != "true" {
		t.Errorf("after the change the ground is %s, before it was %s", dark, light)
	}
	b.open("/login?again")
	if got := is[string](b, ground); got != dark {
		t.Errorf("after loading again the ground is %s, want %s", got, dark)
	}
	b.shoot("login-dark")
	b.requireQuiet()
}

func TestBrowserMovesScenesByKeyboard(t *testing.T) {
	s := newStage(t, webui.Options{})
	id := s.put(t, fiveRows)
	b := startBrowser(t, s.url)
	b.login(s.stack.Writer)
	b.open(fmt.Sprintf("/scripts/%d/scenes", id))
	b.press(kb.Tab)
	if got := is[string](b, focused); got != "Skip to the content" {
		t.Errorf("the first stop is %q, want the link to the content", got)
	}
	b.press(kb.Enter)
	b.tabTo("Move down: INT. A")
	const outline = `getComputedStyle(document.activeElement).outlineStyle`
	if is[string](b, outline) != "solid" {
		t.Error("the keyboard's place cannot be seen")
	}
	b.press(kb.Enter)
	b.wait(`document.getElementById("moved").textContent.includes("scene 2 of 3")`)
	if got := is[string](b, focused); got != "Move down: INT. A" {
		t.Errorf("after the move the keyboard is on %q, want the same button", got)
	}
	if is[string](b, outline) != "solid" {
		t.Error("the keyboard's place cannot be seen after a move")
	}
	b.press(kb.Enter)
	b.wait(`document.querySelectorAll("#scenes li")[3].textContent.includes("INT. A")`)
	b.shoot("scenes-moved")
	requireContains(t, s.order(t, id), "Beta. | Act Two | INT. A | Alpha. | INT. C")
	b.requireQuiet()
}

func TestBrowserMovesScenesByDragging(t *testing.T) {
	s := newStage(t, webui.Options{})
	id := s.put(t, fiveRows)
	b := startBrowser(t, s.url)
	b.login(s.stack.Writer)
	b.open(fmt.Sprintf("/scripts/%d/scenes", id))
	type point struct{ X, Y float64 }
	at := func(heading string, y string) point {
		return is[point](b, `(() => {
			const row = [...document.querySelectorAll("#scenes li")].find((r) => r.textContent.includes("`+heading+`"));
			const box = row.getBoundingClientRect();
			return {X: box.left + 80, Y: box.`+y+`};
		})()`)
	}
	from, to := at("INT. C", "top + 8"), at("INT. A", "top + 4")
	b.do(chromedp.DragAndDropXY(from.X, from.Y, to.X, to.Y))
	b.wait(`document.getElementById("moved").textContent.includes("INT. C is now scene 1 of 3")`)
	requireContains(t, s.order(t, id), "Act One | INT. C | Gamma. | CUT TO: | INT. A | Alpha. | INT. B")
	b.requireQuiet()
}

func TestBrowserWithoutJavaScript(t *testing.T) {
	s := newStage(t, webui.Options{Ask: newModel()})
	id := s.put(t, fiveRows)
	b := startBrowser(t, s.url)
	b.login(s.stack.Writer)
	command(b, emulation.SetScriptExecutionDisabled, emulation.SetScriptExecutionDisabledParams{Value: true})
	b.open("/ask")
	b.do(chromedp.WaitVisible(chromedp.CSS("noscript .notice")))
	b.open(fmt.Sprintf("/scripts/%d/scenes", id))
	b.do(chromedp.Click(chromedp.CSS(`button[aria-label="Move down: INT. B"]`)), chromedp.WaitVisible(chromedp.CSS("#moved")))
	requireContains(t, s.order(t, id), "Alpha. | Act Two | INT. B | Beta.")
	b.requireQuiet()
}

// conversation is an answer with everything that events can have.
func conversation(script int64) []orchestrator.Event {
	write := &orchestrator.CallEvent{
		ID: "b", Name: "createSpokenWord", Service: "character", Method: "POST", Path: "/spokenWords",
		Arguments: []byte(fmt.Sprintf(`{"scriptId": %d, "text": "<b>Home.</b>"}`, script)),
	}
	read := &orchestrator.CallEvent{ID: "a", Name: "getFullStory", Service: "storyfactory", Method: "GET", Path: fmt.Sprintf("/stories?scriptId=%d", script), Arguments: []byte(fmt.Sprintf(`{"scriptId": %d}`, script))}
	ended := func(call orchestrator.CallEvent, status int, ms int64, detail string) *orchestrator.CallEvent {
		call.Arguments, call.Status, call.Milliseconds, call.Detail, call.Failed = nil, status, ms, detail, status >= 400
		return &call
	}
	wrong := &orchestrator.CallEvent{ID: "c", Name: "deleteCharacter", Service: "character", Method: "DELETE", Path: "/characters/9"}
	return []orchestrator.Event{
		{Type: orchestrator.EventSession, Session: 41},
		{Type: orchestrator.EventText, Text: "I read the story "},
		{Type: orchestrator.EventText, Text: "first.\n<img src=x onerror=alert(1)>"},
		{Type: orchestrator.EventCall, Call: read},
		{Type: orchestrator.EventResult, Call: ended(*read, 200, 12, "")},
		{Type: orchestrator.EventCall, Call: write},
		{Type: orchestrator.EventCall, Call: wrong},
		{Type: orchestrator.EventResult, Call: ended(*write, 201, 34, "")},
		{Type: orchestrator.EventResult, Call: ended(*wrong, 404, 3, "There is no character 9.")},
		{Type: orchestrator.EventNote, Text: "Deleting is not allowed."},
		{Type: orchestrator.EventText, Text: "Ada now says: Home."},
		{Type: orchestrator.EventDone, Usage: &orchestrator.Usage{Turns: 2, Calls: 3, Tokens: 1234}, Written: []orchestrator.Written{{Tool: "createSpokenWord", Service: "character", Method: "POST", Path: "/spokenWords", Undo: "/spokenWords/7"}}},
	}
}

func TestBrowserAsks(t *testing.T) {
	m := newModel()
	m.wait = make(chan struct{})
	s := newStage(t, webui.Options{Ask: m})
	id := s.put(t, twoScenes)
	m.events = conversation(id)
	b := startBrowser(t, s.url)
	b.login(s.stack.Writer)
	b.open(fmt.Sprintf("/ask?script=%d", id))
	b.tabTo("question")
	b.press(kb.End)
	b.press("let Ada go home.")
	b.tabTo("Ask")
	b.press(kb.Enter)
	b.wait(`document.getElementById("log").textContent.includes("Ada now says: Home.")`)
	if got := is[string](b, focused); got != "Stop" {
		t.Errorf("while the answer comes the keyboard is on %q, want Stop", got)
	}
	if !is[bool](b, `document.getElementById("log").getAttribute("aria-busy") === "true"`) {
		t.Error("the log does not say that it is busy")
	}
	b.shoot("ask-streaming")
	close(m.wait)
	b.wait(`document.getElementById("state").textContent === "Done."`)

	sent := <-m.seen
	if want := fmt.Sprintf(`{"question":"In script %d, let Ada go home.","session":0,"allowDestructive":false,"dryRun":false}`, id); sent.body != want {
		t.Errorf("the model was asked %s, want %s", sent.body, want)
	}
	rows := is[[]string](b, `[...document.querySelectorAll(".calls summary")].map((row) => [...row.children].map((part) => part.textContent).join(" "))`)
	want := []string{fmt.Sprintf("GET storyfactory /stories?scriptId=%d 200 · 12 ms", id), "POST character /spokenWords 201 · 34 ms", "DELETE character /characters/9 404 · 3 ms"}
	if !slices.Equal(rows, want) {
		t.Errorf("the calls are %q, want %q", rows, want)
	}
	if is[int](b, `document.querySelectorAll("#log img, #log b").length`) != 0 {
		t.Error("words of the answer became elements")
	}
	if got := is[string](b, `document.getElementById("session").value`); got != "41" {
		t.Errorf("the session to continue is %q, want 41", got)
	}
	if got := is[string](b, `document.querySelector(".sum").textContent`); got != fmt.Sprintf("1 change, 3 calls, 1234 tokens. Read script %d", id) {
		t.Errorf("the answer ends with %q", got)
	}
	b.do(chromedp.Evaluate[chromedp.Void](`document.querySelectorAll(".calls details").forEach((d) => { d.open = true; })`))
	requireContains(t, is[string](b, `document.querySelector(".calls").innerText`), `"text": "<b>Home.</b>"`, "There is no character 9.")
	for _, theme := range []string{"light", "dark"} {
		for _, width := range []int64{1280, 390} {
			b.screen(width, theme)
			b.shoot(fmt.Sprintf("ask-answered-%s-%d", theme, width))
		}
	}
	b.do(chromedp.Click(chromedp.CSS(".sum a")))
	b.wait(fmt.Sprintf(`location.pathname === "/scripts/%d"`, id))
	b.requireQuiet()
}

func TestBrowserStopsAsking(t *testing.T) {
	m := newModel(orchestrator.Event{Type: orchestrator.EventText, Text: "It goes on"}, orchestrator.Event{Type: orchestrator.EventDone})
	m.wait = make(chan struct{})
	s := newStage(t, webui.Options{Ask: m})
	b := startBrowser(t, s.url)
	b.login(s.stack.Writer)
	b.open("/ask?session=7")
	b.do(chromedp.SendKeys(chromedp.CSS("#question"), "Go on"), chromedp.Click(chromedp.CSS("#dry-run")), chromedp.Click(chromedp.CSS("#send")))
	b.wait(`document.getElementById("log").textContent.includes("It goes on")`)
	b.press(kb.Enter)
	b.wait(`document.getElementById("state").textContent === "Stopped."`)
	if got := is[string](b, `document.getElementById("log").textContent`); !strings.Contains(got, "You stopped it.") {
		t.Errorf("the log says %q", got)
	}
	if sent := <-m.seen; !strings.Contains(sent.body, `"session":7`) || !strings.Contains(sent.body, `"dryRun":true`) {
		t.Errorf("the model was asked %s", sent.body)
	}
	if got := is[string](b, focused); got != "question" {
		t.Errorf("the keyboard is on %q, want the question", got)
	}
	b.requireQuiet()
}
