package screenplay

// This file says what a single line is. The parser asks it about the lines of
// a file, the writer about the lines it is about to write.

import (
	"strings"
	"unicode"
)

// place is what stands around a line, as far as it bears on what the line is.
type place struct {
	// inAction: the line before is action, so this one may continue it.
	inAction bool
	// afterBlank: a blank line comes before, or something that is not printed.
	// Unforced headings, cues and transitions need one.
	afterBlank bool
	// beforeText: the line after can be spoken.
	beforeText bool
}

// recognise returns the element that a line is or begins, other than action,
// dialogue and the comments that stand alone. No line of prose begins with one
// of the markers #, =, > and ~, so they count wherever they stand; a heading
// or cue needs a place where an element can begin, even with its marker.
func recognise(l line, at place) (Element, bool) {
	i := l.first()
	switch l.marker() {
	case '#':
		return section(l, i), true
	case '=':
		return pageBreakOrSynopsis(l, i), true
	case '>':
		return centeredOrTransition(l, i), true
	case '~':
		return Element{Kind: Lyrics, Text: l.cut(i, i+1).text()}, true
	case '.':
		return forcedHeading(l, i, at)
	case '@':
		return forcedCue(l, i, at)
	case 0, '!':
		return Element{}, false
	}
	if !at.afterBlank {
		return Element{}, false
	}
	if beginsLikeHeading(l.visible[i:]) {
		return heading(l), true
	}
	if at.beforeText {
		return naturalCue(l)
	}
	return naturalTransition(l)
}

// interruptsSpeech says whether a line ends a speech though no blank line
// comes before it.
func (l line) interruptsSpeech() bool {
	switch l.marker() {
	case '#', '=', '>', '!':
		return true
	}
	return false
}

// speakable says whether the line under a cue makes it the cue of a speech.
func (l line) speakable() bool {
	return !l.blank() && !l.interruptsSpeech()
}

func section(l line, i int) Element {
	depth := 0
	for i+depth < len(l.visible) && l.visible[i+depth] == '#' {
		depth++
	}
	return Element{Kind: Section, Depth: depth, Text: l.cut(i, i+depth).text()}
}

func pageBreakOrSynopsis(l line, i int) Element {
	text := l.text()
	if len(text) >= 3 && strings.Trim(text, "=") == "" {
		return Element{Kind: PageBreak}
	}
	return Element{Kind: Synopsis, Text: l.cut(i, i+1).text()}
}

func centeredOrTransition(l line, i int) Element {
	if j := l.last(); j > i && l.visible[j] == '<' {
		return Element{Kind: Centered, Text: l.cut(j, j+1).cut(i, i+1).text()}
	}
	return Element{Kind: Transition, Text: l.cut(i, i+1).text()}
}

// forcedHeading leaves lines alone that begin with an ellipsis, "..." or ". . .".
func forcedHeading(l line, i int, at place) (Element, bool) {
	rest := l.cut(i, i+1)
	if at.inAction || rest.marker() == '.' || rest.marker() == 0 {
		return Element{}, false
	}
	return heading(rest), true
}

// headingPrefixes need no "INT./EXT", since that is an "INT" with a dot.
var headingPrefixes = []string{"INT", "EXT", "EST", "INT/EXT", "I/E"}

// beginsLikeHeading says whether a text begins with one of the words of scene
// headings, in any case, and a dot or space after it.
func beginsLikeHeading(text string) bool {
	for _, prefix := range headingPrefixes {
		n := len(prefix)
		if len(text) > n && strings.EqualFold(text[:n], prefix) && (text[n] == '.' || text[n] == ' ') {
			return true
		}
	}
	return false
}

// heading takes the scene number off a heading, if something else is left.
func heading(l line) Element {
	e := Element{Kind: SceneHeading}
	if j := l.last(); j > 0 && l.visible[j] == '#' {
		i := strings.LastIndexByte(l.visible[:j], '#')
		if i > 0 && isSceneNumber(l.visible[i+1:j]) && strings.TrimSpace(l.visible[:i]) != "" {
			e.SceneNumber = l.visible[i+1 : j]
			l = l.cut(i, j+1)
		}
	}
	e.Text = l.text()
	return e
}

func isSceneNumber(text string) bool {
	return text != "" && strings.IndexFunc(text, notInSceneNumber) < 0
}

func notInSceneNumber(r rune) bool {
	return !unicode.IsLetter(r) && !unicode.IsDigit(r) && r != '-' && r != '.'
}

func naturalTransition(l line) (Element, bool) {
	visible := strings.TrimSpace(l.visible)
	if !strings.HasSuffix(visible, "TO:") || !isUpper(visible) {
		return Element{}, false
	}
	return Element{Kind: Transition, Text: l.text()}, true
}

func naturalCue(l line) (Element, bool) {
	if l.marker() == '(' {
		return Element{}, false
	}
	e, name := cue(l)
	return e, isUpper(name)
}

func forcedCue(l line, i int, at place) (Element, bool) {
	if at.inAction {
		return Element{}, false
	}
	e, name := cue(l.cut(i, i+1))
	return e, name != ""
}

// cue splits a character cue; name is the part of it that is visible.
func cue(l line) (e Element, name string) {
	e.Kind = Character
	if i := l.last(); i >= 0 && l.visible[i] == '^' {
		e.Dual = true
		l = l.cut(i, i+1)
	}
	i := strings.IndexByte(l.visible, '(')
	if i > l.first() && onlyParentheses(l.visible[i:]) {
		e.Extension = strings.TrimSpace(l.raw[i:])
		l = line{l.raw[:i], l.visible[:i]}
	}
	e.Text = l.text()
	return e, strings.TrimSpace(l.visible)
}

// onlyParentheses says whether all of a text is in parentheses.
func onlyParentheses(text string) bool {
	depth := 0
	for _, r := range text {
		switch {
		case r == '(':
			depth++
		case r == ')' && depth > 0:
			depth--
		case depth == 0 && !unicode.IsSpace(r):
			return false
		}
	}
	return depth == 0
}

// isUpper says whether a text has capital letters and no small ones. Scripts
// without case have neither, so names in them need the @.
func isUpper(text string) bool {
	upper := false
	for _, r := range text {
		if unicode.IsLower(r) || unicode.IsTitle(r) {
			return false
		}
		upper = upper || unicode.IsUpper(r)
	}
	return upper
}

// parenthetical returns the text in the parentheses that enclose a whole line.
// In "(one) and (two)" they do not.
func parenthetical(l line) (string, bool) {
	i, j := l.first(), l.last()
	if j <= i || l.visible[i] != '(' || l.visible[j] != ')' {
		return "", false
	}
	depth := 0
	for _, c := range []byte(l.visible[i:j]) {
		switch c {
		case '(':
			depth++
		case ')':
			depth--
		}
		if depth == 0 {
			return "", false
		}
	}
	return l.cut(j, j+1).cut(i, i+1).text(), true
}
