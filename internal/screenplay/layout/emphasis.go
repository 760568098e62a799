package layout

// This file turns a line of Fountain text into runs of one style each.

import (
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/norm"

	"fountain.coach/fountainai/internal/screenplay"
)

// Style is how a run is set; styles may be combined with |.
type Style uint8

// The styles of Fountain's emphasis: *italic*, **bold** and _underlined_.
const (
	Bold Style = 1 << iota
	Italic
	Underline
)

// Run is a piece of text in one style.
type Run struct {
	Text  string
	Style Style
}

// Bold says whether a run is bold.
func (r Run) Bold() bool { return r.Style&Bold != 0 }

// Italic says whether a run is in italics.
func (r Run) Italic() bool { return r.Style&Italic != 0 }

// Underlined says whether a run is underlined.
func (r Run) Underlined() bool { return r.Style&Underline != 0 }

func plainText(runs []Run) string {
	if len(runs) == 1 {
		return runs[0].Text
	}
	var b strings.Builder
	for _, run := range runs {
		b.WriteString(run.Text)
	}
	return b.String()
}

func runeCount(text string) int { return utf8.RuneCountInString(text) }

// printedLines returns what is printed of the text of an element, line by
// line. Emphasis does not reach over line ends.
func printedLines(text string) [][]Run {
	var lines [][]Run
	for text := range strings.SplitSeq(screenplay.Printed(text), "\n") {
		lines = append(lines, styledRuns(text))
	}
	return lines
}

// printedLine returns what is printed of a text that must be one line.
func printedLine(text string) []Run {
	return styledRuns(strings.Join(strings.Fields(screenplay.Printed(text)), " "))
}

// clean returns a text in which every character can take one column: composed
// (NFC), four spaces for a tab as Fountain wants it, no control or format
// characters, and U+FFFD for what is not UTF-8.
func clean(text string) string {
	if isPlain(text) {
		return text
	}
	text = strings.ToValidUTF8(strings.ReplaceAll(text, "\t", "    "), "\uFFFD")
	return norm.NFC.String(strings.Map(func(r rune) rune {
		switch {
		case r == '\u00a0':
			return r // kept, since lines must not break there
		case unicode.IsSpace(r) || unicode.Is(unicode.Zs, r):
			return ' '
		case unicode.IsControl(r) || unicode.Is(unicode.Cf, r):
			return -1
		}
		return r
	}, text))
}

// isPlain says whether a text is printable ASCII.
func isPlain(text string) bool {
	for i := range len(text) {
		if text[i] < ' ' || text[i] > '~' {
			return false
		}
	}
	return true
}

// marker is a group of equal emphasis characters.
type marker struct {
	char byte
	// pos and n are the place of what is left of the group.
	pos, n int
}

// styler finds which markers of a line belong together.
type styler struct {
	text string
	open []marker // what may still be closed, the innermost last
	// count is how many of open there are of a character and length, so that
	// nothing is looked for in vain.
	count [2][4]int
	hide  []bool    // bytes that are not printed
	depth [][3]int8 // how many more of each style begin than end at a byte
}

// styledRuns reads the emphasis in a line. Markers that do not pair are
// printed; a space beside a marker keeps it from opening or closing, and a
// backslash before one makes it plain.
func styledRuns(text string) []Run {
	text = clean(text)
	if text == "" {
		return nil
	}
	if !strings.ContainsAny(text, `*_\`) {
		return []Run{{Text: text}}
	}
	s := &styler{text: text, hide: make([]bool, len(text)), depth: make([][3]int8, len(text)+1)}
	s.hideEscape()
	for i := 0; i < len(text); {
		switch c := text[i]; {
		case c == '\\' && i+1 < len(text) && (text[i+1] == '*' || text[i+1] == '_'):
			s.hide[i] = true
			i += 2
		case c == '*' || c == '_':
			n := len(text[i:]) - len(strings.TrimLeft(text[i:], string(c)))
			s.meet(marker{c, i, n})
			i += n
		default:
			i++
		}
	}
	return s.runs()
}

// hideEscape hides the backslash that keeps a line from being something else,
// as screenplay.Format writes it in dialogue.
func (s *styler) hideEscape() {
	i := len(s.text) - len(strings.TrimLeft(s.text, " "))
	if i+1 < len(s.text) && s.text[i] == '\\' && strings.IndexByte("#=>!~(.@", s.text[i+1]) >= 0 {
		s.hide[i] = true
	}
}

// meet closes what the marker can close, and else opens it.
func (s *styler) meet(m marker) {
	if m.n > 3 || m.char == '_' && m.n > 1 {
		return // a line to write on, or to look at
	}
	end := m.pos + m.n
	if m.pos > 0 && s.text[m.pos-1] != ' ' && s.close(m) {
		return
	}
	if end < len(s.text) && s.text[end] != ' ' {
		s.push(m)
	}
}

func (s *styler) push(m marker) {
	s.open = append(s.open, m)
	s.count[m.kind()][m.n]++
}

// kind numbers the emphasis characters.
func (m marker) kind() int {
	if m.char == '_' {
		return 1
	}
	return 0
}

// close pairs a marker with the nearest of its kind; *** may also close a **
// and a *, or either of them what *** has opened. It drops what was opened in
// between.
func (s *styler) close(m marker) bool {
	at := s.nearest(m, m.n)
	if at < 0 && m.n == 3 {
		return s.closeTwo(m)
	}
	if at < 0 {
		at = s.nearest(m, 3)
	}
	if at < 0 {
		return false
	}
	s.pair(at, m)
	return true
}

// closeTwo closes the two innermost markers, a ** and a *, with a ***.
func (s *styler) closeTwo(m marker) bool {
	n := len(s.open)
	if n < 2 || s.open[n-1].char != '*' || s.open[n-2].char != '*' || s.open[n-1].n+s.open[n-2].n != 3 {
		return false
	}
	first := s.open[n-1].n
	s.pair(n-1, marker{m.char, m.pos, first})
	s.pair(n-2, marker{m.char, m.pos + first, 3 - first})
	return true
}

// nearest returns the index of the innermost open marker of n characters like
// those of m, or -1.
func (s *styler) nearest(m marker, n int) int {
	if s.count[m.kind()][n] == 0 {
		return -1
	}
	for i, other := range slices.Backward(s.open) {
		if other.char == m.char && other.n == n {
			return i
		}
	}
	return -1
}

// pair takes the end of the marker that is open at the index for a beginning;
// what is left over of it stays open.
func (s *styler) pair(at int, closing marker) {
	opening := s.open[at]
	for _, m := range s.open[at:] {
		s.count[m.kind()][m.n]--
	}
	s.open = s.open[:at]
	start := opening.pos + opening.n - closing.n
	if opening.n > closing.n {
		s.push(marker{opening.char, opening.pos, opening.n - closing.n})
	}
	for i := range closing.n {
		s.hide[start+i], s.hide[closing.pos+i] = true, true
	}
	style := markerStyle(closing)
	for i := range s.depth[start] {
		if style&(1<<i) != 0 {
			s.depth[start][i]++
			s.depth[closing.pos][i]--
		}
	}
}

func markerStyle(m marker) Style {
	switch {
	case m.char == '_':
		return Underline
	case m.n == 1:
		return Italic
	case m.n == 2:
		return Bold
	}
	return Bold | Italic
}

func (s *styler) runs() []Run {
	var runs []Run
	var depth [3]int
	var style Style
	var b strings.Builder
	flush := func() {
		if b.Len() > 0 {
			runs = append(runs, Run{b.String(), style})
			b.Reset()
		}
	}
	for i := range len(s.text) {
		next := Style(0)
		for k, change := range s.depth[i] {
			depth[k] += int(change)
			if depth[k] > 0 {
				next |= 1 << k
			}
		}
		if next != style {
			flush()
			style = next
		}
		if !s.hide[i] {
			b.WriteByte(s.text[i])
		}
	}
	flush()
	return runs
}
