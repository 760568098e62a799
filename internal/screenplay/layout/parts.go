package layout

// This file groups the elements that are printed, for paper and HTML alike.

import (
	"strings"

	"fountain.coach/fountainai/internal/screenplay"
)

// piece is what is printed of one element.
type piece struct {
	element int
	kind    Kind
	lines   [][]Run
}

// speech is a cue and what is said under it.
type speech struct {
	cue piece
	// extension stands beside the name: "(V.O.)".
	extension []Run
	spoken    []piece
}

// part is what stands between blank lines: an element, a speech, or two that
// are spoken at the same time.
type part struct {
	piece       // of a speech only the kind, Character
	sceneNumber string
	speeches    []speech
	// blanks is how many more blank lines than one come before the part.
	blanks int
}

// grouper collects the parts of a screenplay.
type grouper struct {
	elements []screenplay.Element
	parts    []part
	blanks   int // lines left blank since the last part
}

func partsOf(s *screenplay.Screenplay) []part {
	g := &grouper{elements: s.Elements}
	for i := 0; i < len(g.elements); {
		i += g.element(i)
	}
	return g.parts
}

// element adds the part that begins with an element, and returns how many
// elements belong to it.
func (g *grouper) element(i int) int {
	e := g.elements[i]
	switch e.Kind {
	case screenplay.Section, screenplay.Synopsis, screenplay.Note, screenplay.Boneyard:
		return 1
	case screenplay.PageBreak:
		g.add(part{piece: piece{kind: screenplay.PageBreak}})
	case screenplay.SceneHeading:
		g.line(i, plainText(printedLine(e.SceneNumber)))
	case screenplay.Transition, screenplay.Centered:
		g.line(i, "")
	case screenplay.Character:
		return g.speech(i)
	case screenplay.Lyrics:
		g.paragraph(i, screenplay.Lyrics, e.Text)
	case screenplay.Parenthetical:
		g.paragraph(i, screenplay.Action, "("+e.Text+")")
	default:
		g.paragraph(i, screenplay.Action, e.Text)
	}
	return 1
}

func (g *grouper) add(p part) {
	p.blanks += g.blanks
	g.blanks = 0
	g.parts = append(g.parts, p)
}

// line adds an element that is one line of text, if any of it is printed.
func (g *grouper) line(i int, sceneNumber string) {
	e := g.elements[i]
	if runs := printedLine(e.Text); len(runs) > 0 {
		g.add(part{
			piece:       piece{i, e.Kind, [][]Run{runs}},
			sceneNumber: sceneNumber,
		})
	}
}

// paragraph adds lines of text. Empty ones around it are space before it and
// before what follows.
func (g *grouper) paragraph(i int, kind Kind, text string) {
	if strings.TrimSpace(text) != "" && screenplay.Printed(text) == "" {
		return
	}
	lines := printedLines(text)
	first, last := 0, len(lines)
	for first < last && len(lines[first]) == 0 {
		first++
	}
	g.blanks += first
	if first == last {
		return
	}
	for len(lines[last-1]) == 0 {
		last--
	}
	if kind == screenplay.Lyrics {
		italicise(lines)
	}
	g.add(part{piece: piece{i, kind, lines[first:last]}})
	g.blanks = len(lines) - last
}

// italicise sets lines in italics, as Fountain wants lyrics set.
func italicise(lines [][]Run) {
	for _, runs := range lines {
		for i := range runs {
			runs[i].Style |= Italic
		}
	}
}

// speech adds a speech, beside the one before if it is spoken at the same
// time. What is said under a cue without a name becomes action, as it does in
// screenplay.Format.
func (g *grouper) speech(i int) int {
	e := g.elements[i]
	name, extension := printedLine(e.Text), printedLine(e.Extension)
	if len(name) == 0 {
		name, extension = extension, nil
	}
	if len(name) == 0 {
		return 1
	}
	said := speech{
		cue:       piece{i, screenplay.Character, [][]Run{name}},
		extension: extension,
	}
	n := 1
	for ; i+n < len(g.elements) && isSpoken(g.elements[i+n]); n++ {
		if p, ok := spokenPiece(i+n, g.elements[i+n]); ok {
			said.spoken = append(said.spoken, p)
		}
	}
	if e.Dual && len(g.parts) > 0 {
		last := &g.parts[len(g.parts)-1]
		if last.kind == screenplay.Character && len(last.speeches) == 1 {
			last.speeches = append(last.speeches, said)
			return n
		}
	}
	g.add(part{piece: piece{kind: screenplay.Character}, speeches: []speech{said}})
	return n
}

func isSpoken(e screenplay.Element) bool {
	return e.Kind == screenplay.Dialogue || e.Kind == screenplay.Parenthetical ||
		e.Kind == screenplay.Lyrics && e.InDialogue
}

func spokenPiece(i int, e screenplay.Element) (piece, bool) {
	text := e.Text
	if strings.TrimSpace(screenplay.Printed(text)) == "" {
		return piece{}, false
	}
	if e.Kind == screenplay.Parenthetical {
		return piece{i, e.Kind, [][]Run{printedLine("(" + text + ")")}}, true
	}
	lines := printedLines(text)
	if e.Kind == screenplay.Lyrics {
		italicise(lines)
	}
	return piece{i, e.Kind, lines}, true
}
