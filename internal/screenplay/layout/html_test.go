package layout

import (
	"encoding/xml"
	"io"
	"regexp"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/screenplay"
)

func makeHTML(t testing.TB, text string) string {
	t.Helper()
	page, err := HTML(parse(t, text))
	if err != nil {
		t.Fatal(err)
	}
	return string(page)
}

func TestHTML(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"nothing", "", ""},
		{"title page", "Title:\n    **A**\n    B\nDraft date: C\n\n", `<header class="title-page">
<h2 class="title"><strong>A</strong><br>B</h2>
<p class="draft-date">C</p>
</header>`},
		{"before the first scene", "FADE IN:\n\nINT. A\n\nOne.\n", `<section class="opening">
<p class="action">FADE IN:</p>
</section>
<section class="scene">
<h3 id="scene-1">INT. A</h3>
<p class="action">One.</p>
</section>`},
		{"scene numbers", "INT. A #1A#\n\nINT. B\n", `<section class="scene">
<h3 id="scene-1" data-number="1A"><span class="scene-number">1A</span> INT. A</h3>
</section>
<section class="scene">
<h3 id="scene-2">INT. B</h3>
</section>`},
		{"emphasis and lines", "a _**b** *c*_\n  d\n", `<section class="opening">
<p class="action">a <u><strong>b</strong></u><u> </u><u><em>c</em></u><br>  d</p>
</section>`},
		{"speech", "ADA (V.O.)\n(low)\nOne.\nTwo.\n~La\n", `<section class="opening">
<div class="dialogue">
<p class="cue">ADA <span class="extension">(V.O.)</span></p>
<p class="parenthetical">(low)</p>
<p class="line">One.<br>Two.</p>
<p class="lyrics"><em>La</em></p>
</div>
</section>`},
		{"dual dialogue", "ADA\na\n\nBOB ^\nb\n", `<section class="opening">
<div class="dual">
<div class="dialogue">
<p class="cue">ADA</p>
<p class="line">a</p>
</div>
<div class="dialogue">
<p class="cue">BOB</p>
<p class="line">b</p>
</div>
</div>
</section>`},
		{"the rest", "CUT TO:\n\n> A <\n\n~La\n\n===\n\n# B\n\n= C\n\n[[D]]\n", `<section class="opening">
<p class="transition">CUT TO:</p>
<p class="centered">A</p>
<p class="lyrics"><em>La</em></p>
<hr class="page-break">
</section>`},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			want := "<article class=\"screenplay\">\n" + strings.TrimPrefix(test.want+"\n</article>\n", "\n")
			if got := makeHTML(t, test.text); got != want {
				t.Errorf("got\n%swant\n%s", got, want)
			}
		})
	}
}

// TestHTMLEscapes puts markup into every place that shows text.
func TestHTMLEscapes(t *testing.T) {
	const bad = `<script>alert("1")</script>`
	text := strings.ReplaceAll(
		"Title: X\nContact: X\n\n!X\n\n.X\n\n@X (X)\n(X)\nX\n~X\n\n> X\n\n> X <\n\n*X*\n", "X", bad)
	page := makeHTML(t, text)
	if strings.Contains(page, "<script") || strings.Count(page, "&lt;script&gt;") < 11 {
		t.Errorf("got\n%s", page)
	}
	s := &screenplay.Screenplay{Elements: []screenplay.Element{{Kind: screenplay.SceneHeading, Text: "A", SceneNumber: `" onload="x`}}}
	got, err := HTML(s)
	if err != nil || !strings.Contains(string(got), `data-number="&#34; onload=&#34;x"`) {
		t.Errorf("got %s, %v", got, err)
	}
}

// TestHTMLIsSafeAndWellFormed checks the tags of a whole script: balanced, and
// without styles or scripts, which a strict policy would refuse.
func TestHTMLIsSafeAndWellFormed(t *testing.T) {
	page := makeHTML(t, sample(t))
	closed := strings.NewReplacer("<br>", "<br/>", `<hr class="page-break">`, "<hr/>").Replace(page)
	ids := map[string]bool{}
	for decoder := xml.NewDecoder(strings.NewReader(closed)); ; {
		token, err := decoder.Token()
		if err == io.EOF {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		element, ok := token.(xml.StartElement)
		if !ok {
			continue
		}
		if name := element.Name.Local; name == "script" || name == "style" {
			t.Errorf("there is a %s", name)
		}
		for _, attribute := range element.Attr {
			switch name := attribute.Name.Local; {
			case name == "id" && ids[attribute.Value]:
				t.Errorf("two ids %s", attribute.Value)
			case name == "id":
				ids[attribute.Value] = true
			case name == "style" || strings.HasPrefix(name, "on"):
				t.Errorf("%s has the attribute %s", element.Name.Local, name)
			}
		}
	}
	if len(ids) != 8 {
		t.Errorf("%d ids, want those of 8 scenes", len(ids))
	}
}

// TestStylesheetKnowsEveryClass finds classes that one of the two has alone.
func TestStylesheetKnowsEveryClass(t *testing.T) {
	names := map[string]bool{}
	for _, match := range regexp.MustCompile(`\.([a-z][a-z-]*)`).FindAllStringSubmatch(Stylesheet, -1) {
		names[match[1]] = true
	}
	page := makeHTML(t, sample(t))
	for _, match := range regexp.MustCompile(`class="([a-z-]+)"`).FindAllStringSubmatch(page, -1) {
		switch name := match[1]; name {
		case "action", "opening", "scene", "extension": // as any paragraph
		default:
			if !names[name] {
				t.Errorf("the stylesheet does not know .%s", name)
			}
		}
	}
	if strings.Contains(Stylesheet, "url(") || strings.Contains(Stylesheet, "@import") {
		t.Error("the stylesheet loads something")
	}
}
