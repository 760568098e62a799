package webui_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/webui"
)

const policy = "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; img-src 'self' data:; " +
	"form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

func TestHeaders(t *testing.T) {
	s := newStage(t, webui.Options{})
	p := s.writer(t)
	id := s.put(t, twoScenes)
	for _, path := range []string{"/", fmt.Sprintf("/scripts/%d", id), fmt.Sprintf("/scripts/%d/story.pdf", id), "/login", "/ask", "/nothing"} {
		_, _, header := p.get(path)
		for name, want := range map[string]string{
			"Content-Security-Policy": policy, "X-Content-Type-Options": "nosniff", "Referrer-Policy": "same-origin", "Cache-Control": "no-store", "Cross-Origin-Resource-Policy": "same-origin",
		} {
			if got := header.Get(name); got != want {
				t.Errorf("%s: %s is %q, want %q", path, name, got, want)
			}
		}
	}
	page := p.read("/ask")
	for _, file := range regexp.MustCompile(`"(/assets/[^"]+)"`).FindAllStringSubmatch(page, -1) {
		status, _, header := p.get(file[1])
		if status != http.StatusOK || header.Get("Cache-Control") != "public, max-age=31536000, immutable" || header.Get("Content-Type") == "" {
			t.Errorf("%s: got %d, %q, %q", file[1], status, header.Get("Cache-Control"), header.Get("Content-Type"))
		}
	}
}

// Pages of other sites can send forms here; they change nothing.
func TestForeignFormsAreRefused(t *testing.T) {
	s := newStage(t, webui.Options{Ask: http.HandlerFunc(func(http.ResponseWriter, *http.Request) { t.Error("a foreign page has asked") })})
	id := s.put(t, fiveRows)
	p := s.writer(t)
	path := fmt.Sprintf("/scripts/%d/scenes", id)
	version, blocks := sceneForm(t, p.read(path))
	before := s.order(t, id)
	form := url.Values{"version": {version}, "move": {"up " + blocks["INT. B"]}}
	for _, header := range []http.Header{
		{"Origin": {"https://evil.example"}},
		{"Origin": {"null"}},
		{"Sec-Fetch-Site": {"cross-site"}},
		{"Sec-Fetch-Site": {"same-site"}, "Origin": {"http://character.localhost:8000"}},
	} {
		for _, target := range []string{path, "/logout", "/login", "/v1/ask"} {
			request := p.request(http.MethodPost, target, strings.NewReader(form.Encode()))
			for name, values := range header {
				request.Header[name] = values
			}
			request.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			status, body, answered := p.do(request)
			if status != http.StatusForbidden || answered.Get("Set-Cookie") != "" {
				t.Errorf("%s with %v: got %d, want 403", target, header, status)
			}
			requireContains(t, body, "This came from another site")
		}
	}
	if got := s.order(t, id); got != before {
		t.Errorf("the order is %s, want it unchanged", got)
	}
	requireContains(t, p.read("/"), "Log out")
}

// With one key for everybody, a foreign name that leads to this machine shows
// nothing (DNS rebinding).
func TestOnlyNamesOfThisMachine(t *testing.T) {
	s := newStage(t, webui.Options{})
	s.open(t, webui.Options{API: s.api.WithKey(""), Key: s.stack.Writer})
	p := s.visitor(t)
	for host, want := range map[string]int{
		"localhost": 200, "localhost:8000": 200, "LOCALHOST:8000": 200, "write.localhost:8000": 200, "127.0.0.1:8000": 200,
		"[::1]:8000": 200, "[::1]": 200, "localhost.": 200,
		"evil.example": 421, "evil.example:8000": 421, "localhost.evil.example": 421, "127.0.0.1.evil.example": 421, "192.168.1.7": 421,
		"evillocalhost": 421, "0.0.0.0": 421,
	} {
		request := p.request(http.MethodGet, "/", nil)
		request.Host = host
		status, body, _ := p.do(request)
		if status != want {
			t.Errorf("Host %s: got %d, want %d", host, status, want)
		}
		if want != 200 {
			requireContains(t, body, "answers only on this machine")
		}
	}
	request := p.request(http.MethodPost, "/v1/ask", strings.NewReader(`{}`))
	request.Host = "evil.example"
	if status, _, _ := p.do(request); status != http.StatusMisdirectedRequest {
		t.Errorf("asking as evil.example: got %d, want 421", status)
	}
}

// nasty is what nobody should be able to put into a page.
const nasty = `</title><script>alert(1)</script>"'><img src=x onerror=alert(2)>`

func TestWhatPeopleWriteIsText(t *testing.T) {
	s := newStage(t, webui.Options{})
	p := s.writer(t)
	var script struct{ ScriptID int64 }
	s.call(t, "scriptmanagement", http.MethodPost, "/scripts", object{"title": nasty, "author": nasty, "description": nasty}, &script)
	story := fmt.Sprintf("/stories/%d", script.ScriptID)
	s.call(t, "storyfactory", http.MethodPut, story, object{"title": nasty, "author": nasty, "titlePage": []object{{"key": "Title", "values": []string{nasty}}}}, nil)
	var person, word struct{ CharacterID, DialogueID int64 }
	s.call(t, "character", http.MethodPost, "/characters", object{"name": nasty, "description": nasty}, &person)
	s.call(t, "character", http.MethodPost, "/spokenWords", object{"text": nasty, "parenthetical": nasty, "scriptId": script.ScriptID, "characterId": person.CharacterID}, &word)
	s.call(t, "character", http.MethodPost, fmt.Sprintf("/spokenWords/%d/paraphrases", word.DialogueID), object{"originalId": word.DialogueID, "text": nasty, "commentary": nasty}, nil)
	for _, element := range []object{
		{"type": "sceneHeading", "text": nasty, "layout": object{"sceneNumber": nasty}},
		{"type": "section", "text": nasty},
		{"type": "dialogue", "character": object{"characterId": person.CharacterID, "name": nasty}, "spokenWord": object{"dialogueId": word.DialogueID, "text": nasty}, "layout": object{"extension": nasty}},
	} {
		s.call(t, "storyfactory", http.MethodPost, story+"/elements", element, nil)
	}
	base := fmt.Sprintf("/scripts/%d", script.ScriptID)
	query := url.Values{"title": {nasty}, "next": {nasty}, "session": {nasty}, "script": {nasty}, "moved": {nasty}, "way": {nasty}}.Encode()
	for _, path := range []string{"/", base, base + "/scenes", base + "/characters", "/ask"} {
		for _, page := range []string{p.read(path), p.read(path + "?" + query)} {
			requireLacks(t, page, "<script>", "<img src=x", "alert(1)</")
			checkPage(t, path, page)
		}
	}
	requireLacks(t, s.visitor(t).read("/login?"+query), "<script>", "<img src=x")
}

func TestFileNames(t *testing.T) {
	s := newStage(t, webui.Options{})
	p := s.writer(t)
	for title, want := range map[string]string{
		"Plain":          `attachment; filename="Plain.pdf"; filename*=UTF-8''Plain.pdf`,
		"Größe & Élan":   `attachment; filename="Gr__e _lan.pdf"; filename*=UTF-8''Gr%C3%B6%C3%9Fe%20%C3%89lan.pdf`,
		"../../etc/pw":   `attachment; filename="etc pw.pdf"; filename*=UTF-8''etc%20pw.pdf`,
		"a\"b;c\r\nd: e": `attachment; filename="a b c d e.pdf"; filename*=UTF-8''a%20b%20c%20d%20e.pdf`,
		"...":            `attachment; filename="story.pdf"; filename*=UTF-8''story.pdf`,
		"It's (so)!":     `attachment; filename="It's (so)!.pdf"; filename*=UTF-8''It%27s%20%28so%29%21.pdf`,
		"花子":             `attachment; filename="__.pdf"; filename*=UTF-8''%E8%8A%B1%E5%AD%90.pdf`,
	} {
		var script struct{ ScriptID int64 }
		s.call(t, "scriptmanagement", http.MethodPost, "/scripts", object{"title": title, "author": "", "description": ""}, &script)
		_, _, header := p.get(fmt.Sprintf("/scripts/%d/story.pdf", script.ScriptID))
		if got := header.Get("Content-Disposition"); got != want {
			t.Errorf("%q: got\n%s, want\n%s", title, got, want)
		}
	}
}
