package webui_test

import (
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/webui"
)

// fiveRows has an opening, two sections and three scenes.
const fiveRows = `Title: Rows

FADE IN:

# Act One

INT. A

Alpha.

INT. B

Beta.

# Act Two

INT. C

Gamma.

CUT TO:
`

// order returns the beginnings of the story's elements in their order.
func (s *stage) order(t *testing.T, id int64) string {
	t.Helper()
	var story struct {
		Story []struct{ Text string }
	}
	s.call(t, "storyfactory", http.MethodGet, fmt.Sprintf("/stories?scriptId=%d", id), nil, &story)
	var texts []string
	for _, e := range story.Story {
		texts = append(texts, e.Text)
	}
	return strings.Join(texts, " | ")
}

var rowPattern = regexp.MustCompile(`(?s)data-block="(\d+)".*?<span class="heading">([^<]*)`)

// sceneForm reads the version and the blocks, by heading, from the page.
func sceneForm(t *testing.T, page string) (version string, blocks map[string]string) {
	t.Helper()
	found := regexp.MustCompile(`name="version" value="([0-9a-f]+)"`).FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("there is no form in:\n%s", page)
	}
	blocks = map[string]string{}
	for _, row := range rowPattern.FindAllStringSubmatch(page, -1) {
		blocks[strings.TrimSpace(row[2])] = row[1]
	}
	return found[1], blocks
}

func TestMovingScenes(t *testing.T) {
	s := newStage(t, webui.Options{})
	p := s.writer(t)
	for _, c := range []struct {
		way, scene, before string
		want               string
	}{
		{"up", "INT. B", "", "FADE IN: | Act One | INT. B | Beta. | INT. A | Alpha. | Act Two | INT. C | Gamma. | CUT TO:"},
		{"up", "INT. C", "", "FADE IN: | Act One | INT. A | Alpha. | INT. B | Beta. | INT. C | Gamma. | CUT TO: | Act Two"},
		{"down", "INT. B", "", "FADE IN: | Act One | INT. A | Alpha. | Act Two | INT. B | Beta. | INT. C | Gamma. | CUT TO:"},
		{"up", "INT. A", "", "FADE IN: | INT. A | Alpha. | Act One | INT. B | Beta. | Act Two | INT. C | Gamma. | CUT TO:"},
		{"before", "INT. C", "INT. A", "FADE IN: | Act One | INT. C | Gamma. | CUT TO: | INT. A | Alpha. | INT. B | Beta. | Act Two"},
		{"before", "INT. A", "end", "FADE IN: | Act One | INT. B | Beta. | Act Two | INT. C | Gamma. | CUT TO: | INT. A | Alpha."},
		{"before", "INT. A", "INT. B", "FADE IN: | Act One | INT. A | Alpha. | INT. B | Beta. | Act Two | INT. C | Gamma. | CUT TO:"},
	} {
		t.Run(strings.TrimSpace(c.way+" "+c.scene+" "+c.before), func(t *testing.T) {
			id := s.put(t, fiveRows)
			path := fmt.Sprintf("/scripts/%d/scenes", id)
			version, blocks := sceneForm(t, p.read(path))
			blocks["end"] = "0"
			wanted := strings.TrimSpace(c.way + " " + blocks[c.scene] + " " + blocks[c.before])
			status, body, header := p.post(path, url.Values{"version": {version}, "move": {wanted}})
			if status != http.StatusSeeOther {
				t.Fatalf("got %d, want 303:\n%s", status, body)
			}
			if got := s.order(t, id); got != c.want {
				t.Errorf("the order is\n%s\nwant\n%s", got, c.want)
			}
			after := p.read(header.Get("Location"))
			requireContains(t, after, "Moved: "+c.scene+" is now scene")
			if strings.Count(after, " autofocus") != 1 {
				t.Errorf("the keyboard is on %d buttons, want 1", strings.Count(after, " autofocus"))
			}
		})
	}
}

func TestMovesThatAreNone(t *testing.T) {
	s := newStage(t, webui.Options{})
	p := s.writer(t)
	id := s.put(t, fiveRows)
	path := fmt.Sprintf("/scripts/%d/scenes", id)
	before := s.order(t, id)
	version, blocks := sceneForm(t, p.read(path))
	for _, wanted := range []string{
		"", "up", "sideways " + blocks["INT. B"], "up 0", "up -1", "up 99999", "up " + blocks["Act Two"],
		"down " + blocks["INT. C"], "before " + blocks["INT. A"] + " 99999", "up <script>",
	} {
		if status, _, _ := p.post(path, url.Values{"version": {version}, "move": {wanted}}); status != http.StatusBadRequest {
			t.Errorf("%q: got %d, want 400", wanted, status)
		}
	}
	if status, _, _ := p.post(path, url.Values{"filler": {strings.Repeat("x", 80<<10)}}); status != http.StatusRequestEntityTooLarge {
		t.Errorf("a large form: got %d, want 413", status)
	}
	if got := s.order(t, id); got != before {
		t.Errorf("the order is %s, want it unchanged", got)
	}
	requireContains(t, p.read(fmt.Sprintf("/scripts/%d/scenes", s.put(t, "Title: None\n\nJust words.\n"))), "no scene headings")
}

func TestAStoryThatChangedMeanwhile(t *testing.T) {
	s := newStage(t, webui.Options{})
	p := s.writer(t)
	id := s.put(t, fiveRows)
	path := fmt.Sprintf("/scripts/%d/scenes", id)
	version, blocks := sceneForm(t, p.read(path))
	s.call(t, "storyfactory", http.MethodPost, fmt.Sprintf("/stories/%d/elements", id), object{"type": "action", "text": "New at the end."}, nil)
	before := s.order(t, id)
	status, body, _ := p.post(path, url.Values{"version": {version}, "move": {"up " + blocks["INT. B"]}})
	if status != http.StatusConflict {
		t.Errorf("got %d, want 409", status)
	}
	requireContains(t, body, "The story has changed since you opened this page", "nothing is lost")
	if got := s.order(t, id); got != before {
		t.Errorf("the order is %s, want it unchanged", got)
	}
	version, _ = sceneForm(t, body)
	if status, _, _ = p.post(path, url.Values{"version": {version}, "move": {"up " + blocks["INT. B"]}}); status != http.StatusSeeOther {
		t.Errorf("again, from the page with the message: got %d, want 303", status)
	}
}

// What somebody else does between the look and the move is noticed by the Story
// Factory.
func TestAMoveThatIsOvertaken(t *testing.T) {
	s := newStage(t, webui.Options{})
	for name, meddle := range map[string]func(t *testing.T, story string, block string){
		"an element goes": func(t *testing.T, story, block string) {
			s.call(t, "storyfactory", http.MethodDelete, story+"/elements/"+block, nil, nil)
		},
		"an element takes a place": func(t *testing.T, story, block string) {
			var e struct{ ElementID, Sequence int64 }
			s.call(t, "storyfactory", http.MethodGet, story+"/elements/"+block, nil, &e)
			s.call(t, "storyfactory", http.MethodPatch, story+"/elements/"+block, object{"sequence": 5000}, nil)
			s.call(t, "storyfactory", http.MethodPost, story+"/elements", object{"sequence": e.Sequence, "type": "action", "text": "Squeezed in."}, nil)
		},
	} {
		t.Run(name, func(t *testing.T) {
			id := s.put(t, fiveRows)
			story, path := fmt.Sprintf("/stories/%d", id), fmt.Sprintf("/scripts/%d/scenes", id)
			var blocks map[string]string
			var version string
			s.open(t, webui.Options{API: s.between(t, func(r *http.Request) {
				if strings.HasSuffix(r.URL.Path, "/reorder") {
					meddle(t, story, blocks["INT. B"])
				}
			})})
			p := s.writer(t)
			version, blocks = sceneForm(t, p.read(path))
			status, body, _ := p.post(path, url.Values{"version": {version}, "move": {"up " + blocks["INT. B"]}})
			if status != http.StatusConflict {
				t.Errorf("got %d, want 409", status)
			}
			requireContains(t, body, "Somebody else was changing the story", "nothing was moved")
			requireContains(t, s.order(t, id), "Alpha.", "Beta.", "Gamma.")
		})
	}
}

func TestAReaderMayNotMove(t *testing.T) {
	s := newStage(t, webui.Options{})
	id := s.put(t, fiveRows)
	p := s.visitor(t)
	p.post("/login", url.Values{"key": {s.stack.Reader}})
	path := fmt.Sprintf("/scripts/%d/scenes", id)
	version, blocks := sceneForm(t, p.read(path))
	status, body, _ := p.post(path, url.Values{"version": {version}, "move": {"up " + blocks["INT. B"]}})
	if status != http.StatusForbidden {
		t.Errorf("got %d, want 403", status)
	}
	requireContains(t, body, "Your key may not do that", "may write")
}

// Scenes of a story that nobody has arranged: the page says what a move means,
// and the story keeps its order from then on.
func TestMovingInAnAssembledStory(t *testing.T) {
	s := newStage(t, webui.Options{})
	p := s.writer(t)
	var script struct{ ScriptID int64 }
	s.call(t, "scriptmanagement", http.MethodPost, "/scripts", object{"title": "Loose", "author": "A", "description": ""}, &script)
	for i, heading := range []string{"INT. ONE", "INT. TWO"} {
		s.call(t, "scriptmanagement", http.MethodPost, fmt.Sprintf("/scripts/%d/sections", script.ScriptID), object{"title": heading, "sequenceNumber": 10 * (i + 1)}, nil)
		s.call(t, "character", http.MethodPost, "/actions", object{"description": "In " + heading, "scriptId": script.ScriptID, "sequenceNumber": 10*(i+1) + 1}, nil)
	}
	path := fmt.Sprintf("/scripts/%d/scenes", script.ScriptID)
	page := p.read(path)
	requireContains(t, page, "Until now this story follows its script")
	version, blocks := sceneForm(t, page)
	status, body, header := p.post(path, url.Values{"version": {version}, "move": {"down " + blocks["INT. ONE"]}})
	if status != http.StatusSeeOther {
		t.Fatalf("got %d, want 303:\n%s", status, body)
	}
	after := p.read(header.Get("Location"))
	requireLacks(t, after, "Until now this story follows its script")
	text := p.read(fmt.Sprintf("/scripts/%d/story.fountain", script.ScriptID))
	if strings.Index(text, "INT. TWO") > strings.Index(text, "INT. ONE") || !strings.Contains(text, "In INT. ONE") {
		t.Errorf("the story is\n%s", text)
	}
}

// Far moves in long stories go in several requests, each of at most a thousand
// elements.
func TestMovingFar(t *testing.T) {
	s := newStage(t, webui.Options{})
	var text strings.Builder
	var want []string
	for scene := range 5 {
		fmt.Fprintf(&text, "INT. %d\n\n", scene)
		want = append(want, fmt.Sprintf("INT. %d", scene))
		for i := range 300 {
			fmt.Fprintf(&text, "Deed %d.%d happens.\n\n", scene, i)
		}
	}
	id := s.put(t, "Title: Long\n\n"+text.String())
	requests := 0
	s.open(t, webui.Options{API: s.between(t, func(r *http.Request) {
		if strings.HasSuffix(r.URL.Path, "/reorder") {
			requests++
		}
	})})
	p := s.writer(t)
	path := fmt.Sprintf("/scripts/%d/scenes", id)
	version, blocks := sceneForm(t, p.read(path))
	status, body, _ := p.post(path, url.Values{"version": {version}, "move": {"before " + blocks["INT. 4"] + " " + blocks["INT. 0"]}})
	if status != http.StatusSeeOther {
		t.Fatalf("got %d, want 303:\n%.2000s", status, body)
	}
	var got []string
	for _, part := range strings.Split(s.order(t, id), " | ") {
		if strings.HasPrefix(part, "INT.") {
			got = append(got, part)
		}
	}
	want = append([]string{"INT. 4"}, want[:4]...)
	if !slices.Equal(got, want) || requests != 2 {
		t.Errorf("after %d requests the scenes are %v, want %v after 2", requests, got, want)
	}
}
