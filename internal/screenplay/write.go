package screenplay

// This file writes a Screenplay in the canonical form: one blank line between
// elements, and a forcing marker exactly where plain text would be read as
// something else.

import (
	"slices"
	"strings"
	"unicode/utf8"
)

// Format returns the screenplay as a Fountain file, ending with a newline; an
// empty screenplay gives an empty file.
//
// Elements need not come from Parse. What Fountain cannot express is adapted
// as little as possible: line ends in a heading become spaces, speech without
// a cue becomes action, a heading or cue without text is left out.
func (s *Screenplay) Format() []byte {
	w := &writer{}
	w.out.WriteString(formatTitlePage(s.TitlePage))
	elements := tidy(s.Elements)
	for len(elements) > 0 {
		n := 1
		if elements[0].Kind == Character {
			n = speechLength(elements)
		}
		w.write(elements[:n])
		elements = elements[n:]
	}
	text := strings.ToValidUTF8(w.out.String(), string(utf8.RuneError))
	if strings.HasPrefix(text, byteOrderMark) {
		// Parse takes the first one for a mark of the encoding.
		text = byteOrderMark + text
	}
	return []byte(text)
}

// writer collects the paragraphs of the file.
type writer struct {
	out  strings.Builder
	last Kind // of the element written last
}

// write writes one element, or a cue with all that belongs to it.
func (w *writer) write(elements []Element) {
	e := elements[0]
	switch e.Kind {
	case SceneHeading:
		w.heading(e)
	case Section:
		marker := strings.Repeat("#", max(e.Depth, 1))
		w.paragraph(e.Kind, strings.TrimSpace(marker+" "+oneLine(e.Text)))
	case Synopsis:
		w.paragraph(e.Kind, strings.TrimSpace("= "+oneLine(e.Text)))
	case Character:
		w.speech(e, elements[1:])
	case Transition:
		w.transition(e)
	case Centered:
		w.paragraph(e.Kind, "> "+strings.TrimSpace(oneLine(e.Text)+" <"))
	case Lyrics:
		w.paragraph(e.Kind, strings.Join(lyricLines(e.Text), "\n"))
	case PageBreak:
		w.paragraph(e.Kind, "===")
	case Note:
		w.paragraph(e.Kind, noteText(e.Text))
	case Boneyard:
		w.paragraph(e.Kind, boneyardText(e.Text))
	case Parenthetical:
		w.action("(" + e.Text + ")")
	default:
		w.action(e.Text)
	}
}

// paragraph writes a paragraph of its own; an empty text is none.
func (w *writer) paragraph(kind Kind, text string) {
	if text == "" {
		return
	}
	if w.out.Len() > 0 {
		w.out.WriteByte('\n')
	}
	w.out.WriteString(text)
	w.out.WriteByte('\n')
	w.last = kind
}

// plain says whether a line, standing alone or above a line that can be
// spoken, reads as the element that is wanted.
func (w *writer) plain(text string, beforeText bool, want Element) bool {
	if w.out.Len() == 0 && startsTitlePage(text) {
		return false
	}
	l := linesOf(text)[0]
	got, ok := recognise(l, place{afterBlank: true, beforeText: beforeText})
	return ok && got == want
}

func (w *writer) heading(e Element) {
	want := Element{Kind: SceneHeading, Text: oneLine(e.Text)}
	if want.Text == "" {
		return
	}
	text := want.Text
	if number := cleanSceneNumber(e.SceneNumber); number != "" {
		want.SceneNumber = number
		text += " #" + number + "#"
	}
	if !w.plain(text, false, want) {
		text = "." + text
	}
	w.paragraph(SceneHeading, text)
}

// cleanSceneNumber puts a hyphen in place of what a scene number cannot hold.
func cleanSceneNumber(number string) string {
	return strings.Map(func(r rune) rune {
		if notInSceneNumber(r) {
			return '-'
		}
		return r
	}, number)
}

func (w *writer) transition(e Element) {
	text := oneLine(e.Text)
	if !w.plain(text, false, Element{Kind: Transition, Text: text}) {
		text = strings.TrimSpace("> " + text)
	}
	w.paragraph(Transition, text)
}

// action writes a paragraph from its last line to its first, because what a
// line is read as depends on the one below. The line ends that begin an action
// after another are blank lines of the file.
func (w *writer) action(text string) {
	if w.last == Action {
		trimmed := strings.TrimLeft(text, "\n")
		w.out.WriteString(text[:len(text)-len(trimmed)])
		text = trimmed
	}
	lines := linesOf(text)
	written := make([]string, len(lines))
	beforeText := false
	for i, l := range slices.Backward(lines) {
		written[i] = l.raw
		if l.blank() {
			written[i] = "!"
		} else if needsForcing(l, place{inAction: i > 0, afterBlank: i == 0, beforeText: beforeText}) {
			written[i] = "!" + l.raw
		}
		beforeText = l.speakable() && written[i] == l.raw
	}
	if w.out.Len() == 0 && startsTitlePage(strings.Join(written, "\n")) {
		written[0] = "!" + written[0]
	}
	w.paragraph(Action, strings.Join(written, "\n"))
}

// needsForcing says whether a line of action needs an exclamation mark.
func needsForcing(l line, at place) bool {
	_, other := recognise(l, at)
	return other || l.marker() == '!' || !at.inAction && l.onlyComments()
}

// speech writes a cue and what belongs to it.
func (w *writer) speech(e Element, spoken []Element) {
	want := Element{Kind: Character, Text: oneLine(e.Text), Dual: e.Dual}
	if want.Text == "" {
		// Without a name, what is said is still kept.
		for _, e := range spoken {
			w.write([]Element{e})
		}
		return
	}
	text := want.Text
	if want.Extension = oneLine(e.Extension); want.Extension != "" {
		if want.Extension[0] != '(' {
			want.Extension = "(" + want.Extension + ")"
		}
		text += " " + want.Extension
	}
	if e.Dual {
		text += " ^"
	}
	lines := spokenLines(spoken)
	if !w.plain(text, len(lines) > 0, want) {
		text = "@" + text
	}
	w.paragraph(Character, strings.Join(append([]string{text}, lines...), "\n"))
}

// speechLength returns how many elements a cue and what belongs to it are.
func speechLength(elements []Element) int {
	n := 1
	for n < len(elements) && isSpoken(elements[n]) {
		n++
	}
	return n
}

func isSpoken(e Element) bool {
	return e.Kind == Dialogue || e.Kind == Parenthetical || e.Kind == Lyrics && e.InDialogue
}

func spokenLines(elements []Element) []string {
	var lines []string
	for _, e := range elements {
		switch e.Kind {
		case Parenthetical:
			lines = append(lines, "("+oneLine(e.Text)+")")
		case Lyrics:
			lines = append(lines, lyricLines(e.Text)...)
		default:
			lines = append(lines, dialogueLines(e.Text)...)
		}
	}
	return lines
}

func lyricLines(text string) []string {
	var lines []string
	for _, l := range linesOf(text) {
		lines = append(lines, "~"+l.text())
	}
	return lines
}

// dialogueLines escapes lines that Parse would take for something else. It
// never returns such lines as dialogue, but an editor may have written them.
func dialogueLines(text string) []string {
	if text = strings.TrimSpace(text); text == "" {
		return nil
	}
	var lines []string
	for _, l := range linesOf(text) {
		switch {
		case l.blank():
			lines = append(lines, connector)
		case l.interruptsSpeech() || spokenLine(l).Kind != Dialogue:
			i := l.first()
			lines = append(lines, strings.TrimSpace(l.raw[:i]+`\`+l.raw[i:]))
		default:
			lines = append(lines, l.text())
		}
	}
	return lines
}

func noteText(text string) string {
	if text = strings.TrimSpace(text); text == "" {
		return "[[]]"
	}
	for strings.Contains(text, "]]") {
		text = strings.ReplaceAll(text, "]]", "] ]")
	}
	if strings.HasSuffix(text, "]") {
		text += " "
	}
	return "[[" + replaceLines(text, "", connector) + "]]"
}

func boneyardText(text string) string {
	text = strings.ReplaceAll(strings.TrimSpace(text), "*/", "* /")
	switch {
	case text == "":
		return "/* */"
	case strings.Contains(text, "\n"):
		return "/*\n" + text + "\n*/"
	}
	return "/* " + text + " */"
}

// oneLine joins the lines of a text; those within a comment stay apart.
func oneLine(text string) string {
	if !strings.Contains(text, "\n") {
		return strings.TrimSpace(text)
	}
	var texts []string
	for _, l := range linesOf(text) {
		if text := l.text(); text != "" {
			texts = append(texts, text)
		}
	}
	return strings.Join(texts, " ")
}

// tidy returns the elements with their texts as Parse would give them, as far
// as characters and comments go.
func tidy(elements []Element) []Element {
	tidied := make([]Element, len(elements))
	closed := false // a boneyard ends somewhere after
	for i, e := range slices.Backward(elements) {
		comment := e.Kind == Note || e.Kind == Boneyard
		e.Text = tidyText(e.Text, closed && !comment)
		e.Extension = tidyText(e.Extension, closed)
		closed = closed || e.Kind == Boneyard || strings.Contains(e.Text+e.Extension, "*/")
		tidied[i] = e
	}
	return tidied
}

// tidyText also defuses a /* that nothing in the text closes but something
// after it would.
func tidyText(text string, closed bool) string {
	text = normalise(text)
	if !closed || !strings.Contains(text, "/*") {
		return text
	}
	var b strings.Builder
	for i, l := range linesOf(text) {
		if i > 0 {
			b.WriteByte('\n')
		}
		for j := range len(l.raw) {
			b.WriteByte(l.raw[j])
			if strings.HasPrefix(l.visible[j:], "/*") {
				b.WriteByte('\\')
			}
		}
	}
	return b.String()
}
