package layout

// This file writes a screenplay as HTML.

import (
	_ "embed"
	"fmt"
	"html/template"
	"strings"

	"fountain.coach/fountainai/internal/screenplay"
)

// Stylesheet is a CSS file that makes HTML's output look like a screenplay, on
// a screen, light or dark, and on paper. Its colours are custom properties of
// .screenplay.
//
//go:embed screenplay.css
var Stylesheet string

//go:embed screenplay.html.tmpl
var templateText string

var page = template.Must(template.New("screenplay").Parse(templateText))

// HTML returns a screenplay as one article element, without styles or scripts
// of its own, so that it stands under a strict content security policy. Every
// text is escaped. Scenes are sections whose headings have the ids scene-1,
// scene-2 and so on, in their order; emphasis is strong, em and u.
func HTML(s *screenplay.Screenplay) (template.HTML, error) {
	var b strings.Builder
	if err := page.Execute(&b, newDocumentView(s)); err != nil {
		return "", fmt.Errorf("layout: cannot make the HTML: %w", err)
	}
	return template.HTML(b.String()), nil
}

// documentView is what the template shows.
type documentView struct {
	TitlePage []fieldView
	Scenes    []sceneView
}

type fieldView struct {
	// Class is the key as a CSS class: "draft-date".
	Class string
	Title bool
	Lines [][]Run
}

// sceneView is a scene; what comes before the first heading is one without a
// number.
type sceneView struct {
	Index   int
	Number  string
	Heading []Run
	Parts   []partView
}

// partView is a paragraph, or speeches.
type partView struct {
	// Class is "action", "transition", "centered", "lyrics" or "page-break",
	// and empty for speeches.
	Class    string
	Lines    [][]Run
	Speeches []speechView
}

type speechView struct {
	Name, Extension []Run
	Spoken          []partView
}

func newDocumentView(s *screenplay.Screenplay) documentView {
	var view documentView
	for _, keys := range [][]string{centeredFields, lowerFields} {
		for _, field := range titleFields(s, keys) {
			view.TitlePage = append(view.TitlePage, fieldView{
				Class: strings.ReplaceAll(field.key, " ", "-"),
				Title: field.key == "title",
				Lines: field.lines,
			})
		}
	}
	view.Scenes = sceneViews(partsOf(s))
	return view
}

func sceneViews(parts []part) []sceneView {
	var scenes []sceneView
	index := 0
	for _, p := range parts {
		if p.kind == screenplay.SceneHeading {
			index++
			scenes = append(scenes, sceneView{Index: index, Number: p.sceneNumber, Heading: p.lines[0]})
			continue
		}
		if len(scenes) == 0 {
			scenes = append(scenes, sceneView{})
		}
		last := &scenes[len(scenes)-1]
		last.Parts = append(last.Parts, viewOf(p))
	}
	return scenes
}

// classes of what is not called as its kind is.
var classes = map[Kind]string{
	screenplay.PageBreak: "page-break",
	screenplay.Character: "",
	screenplay.Dialogue:  "line",
}

func classOf(kind Kind) string {
	if class, ok := classes[kind]; ok {
		return class
	}
	return string(kind)
}

func viewOf(p part) partView {
	view := partView{Class: classOf(p.kind), Lines: p.lines}
	for _, s := range p.speeches {
		said := speechView{Name: s.cue.lines[0], Extension: s.extension}
		for _, spoken := range s.spoken {
			said.Spoken = append(said.Spoken, partView{Class: classOf(spoken.kind), Lines: spoken.lines})
		}
		view.Speeches = append(view.Speeches, said)
	}
	return view
}
