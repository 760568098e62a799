package screenplay

// This file cuts a text into lines, and finds the notes and boneyards in it,
// which may run across line ends and must not be taken for anything else.

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// connector is a blank line that holds two spaces. It keeps a note or a speech
// together where an empty line would end it.
const connector = "  "

// normalise gives a text the form all other code relies on: lines end with \n
// and not with spaces, blank lines are empty or a connector, and there is no
// U+0000, which no database downstream takes.
func normalise(text string) string {
	text = strings.ReplaceAll(text, "\x00", "")
	if strings.Contains(text, "\r") {
		text = strings.ReplaceAll(text, "\r\n", "\n")
		text = strings.ReplaceAll(text, "\r", "\n")
	}
	if !strings.Contains(text, "\n") {
		return trimLine(text)
	}
	var b strings.Builder
	b.Grow(len(text))
	for {
		first, rest, more := strings.Cut(text, "\n")
		b.WriteString(trimLine(first))
		if !more {
			return b.String()
		}
		b.WriteByte('\n')
		text = rest
	}
}

func trimLine(text string) string {
	if text == "" {
		return ""
	}
	if c := text[len(text)-1]; c > ' ' && c < utf8.RuneSelf {
		return text
	}
	trimmed := strings.TrimRightFunc(text, unicode.IsSpace)
	if trimmed == "" && strings.Contains(text, connector) {
		return connector
	}
	return trimmed
}

// comment is the place of a note or boneyard in a text, brackets included.
type comment struct{ start, end int }

// commentFinder finds the notes and boneyards of a text from front to back.
// Each seeker passes over the text once, so brackets that nobody closes cost
// no more than others.
type commentFinder struct {
	text                      string
	pos                       int
	noteEnd, boneyardEnd, gap seeker
}

func newCommentFinder(text string) commentFinder {
	return commentFinder{
		text:        text,
		noteEnd:     seeker{text: text, token: "]]", at: -1},
		boneyardEnd: seeker{text: text, token: "*/", at: -1},
		gap:         seeker{text: text, token: "\n\n", at: -1},
	}
}

// next returns the next comment, or one beyond the end of the text when there
// is none left. What is opened but not closed is plain text.
func (f *commentFinder) next() comment {
	for f.pos < len(f.text) {
		i := strings.IndexAny(f.text[f.pos:], "[/")
		if i < 0 {
			break
		}
		start := f.pos + i
		if end := f.end(start); end > 0 {
			f.pos = end
			return comment{start, end}
		}
		f.pos = start + 1
	}
	f.pos = len(f.text)
	return comment{len(f.text) + 1, len(f.text) + 1}
}

// end returns where the comment that opens at start ends, or 0.
func (f *commentFinder) end(start int) int {
	var end int
	switch {
	case strings.HasPrefix(f.text[start:], "/*"):
		end = f.boneyardEnd.from(start + 2)
	case strings.HasPrefix(f.text[start:], "[["):
		end = f.noteEnd.from(start + 2)
		if f.gap.from(start) < end {
			return 0
		}
	default:
		return 0
	}
	if end > len(f.text) {
		return 0
	}
	return end + 2
}

// seeker finds a token at or after positions that only grow.
type seeker struct {
	text, token string
	at          int
}

func (s *seeker) from(pos int) int {
	if s.at >= pos {
		return s.at
	}
	if i := strings.Index(s.text[pos:], s.token); i >= 0 {
		s.at = pos + i
	} else {
		s.at = len(s.text) + 1
	}
	return s.at
}

// line is a line of the script; a comment within it may carry line ends.
type line struct {
	raw string
	// visible is raw with spaces in place of every comment, byte for byte, so
	// that a position found in one holds in the other.
	visible string
}

// lineReader hands out the lines of a normalised text one by one.
type lineReader struct {
	text    string
	pos     int
	newline seeker
	finder  commentFinder
	comment comment
}

func newLineReader(text string) *lineReader {
	r := &lineReader{
		text:    text,
		newline: seeker{text: text, token: "\n", at: -1},
		finder:  newCommentFinder(text),
	}
	r.comment = r.finder.next()
	return r
}

func (r *lineReader) read() (line, bool) {
	if r.pos > len(r.text) {
		return line{}, false
	}
	start := r.pos
	var visible []byte
	for {
		end := min(r.newline.from(r.pos), len(r.text))
		if end < r.comment.start {
			r.pos = end + 1
			break
		}
		visible = append(visible, r.text[start+len(visible):r.comment.start]...)
		for range r.comment.end - r.comment.start {
			visible = append(visible, ' ')
		}
		r.pos = r.comment.end
		r.comment = r.finder.next()
	}
	raw := r.text[start : r.pos-1]
	if visible == nil {
		return line{raw, raw}, true
	}
	return line{raw, string(append(visible, raw[len(visible):]...))}, true
}

// linesOf returns all lines of a normalised text, at least one.
func linesOf(text string) []line {
	if !strings.ContainsAny(text, "\n[/") {
		return []line{{text, text}}
	}
	var lines []line
	for r := newLineReader(text); ; {
		l, ok := r.read()
		if !ok {
			return lines
		}
		lines = append(lines, l)
	}
}

// blank says whether the line ends a paragraph.
func (l line) blank() bool { return l.raw == "" || l.raw == connector }

// onlyComments says whether notes and boneyards are all there is on the line.
func (l line) onlyComments() bool {
	return !l.blank() && l.first() == len(l.visible)
}

// first returns the position of the first visible character.
func (l line) first() int {
	return len(l.visible) - len(strings.TrimLeftFunc(l.visible, unicode.IsSpace))
}

// last returns the position of the last visible character, if that is a
// single byte, as all markers are.
func (l line) last() int {
	return len(strings.TrimRightFunc(l.visible, unicode.IsSpace)) - 1
}

// marker returns the first visible character if it is a single byte, and 0 on
// a line where nothing is visible.
func (l line) marker() byte {
	if i := l.first(); i < len(l.visible) {
		return l.visible[i]
	}
	return 0
}

// text returns the line without the space around it.
func (l line) text() string { return strings.TrimSpace(l.raw) }

// cut returns the line without its bytes from i to j. A single space parts
// what comes together, so that no new marker can arise.
func (l line) cut(i, j int) line {
	left := len(strings.TrimRightFunc(l.raw[:i], unicode.IsSpace))
	right := len(l.raw) - len(strings.TrimLeftFunc(l.raw[j:], unicode.IsSpace))
	switch {
	case left == 0:
		return line{l.raw[right:], l.visible[right:]}
	case right == len(l.raw):
		return line{l.raw[:left], l.visible[:left]}
	}
	return line{
		l.raw[:left] + " " + l.raw[right:],
		l.visible[:left] + " " + l.visible[right:],
	}
}

// withoutComments returns a text of one line with its comments taken out.
func withoutComments(text string) string {
	l := linesOf(normalise(text))[0]
	if l.raw == l.visible {
		return l.text()
	}
	return strings.Join(strings.Fields(l.visible), " ")
}
