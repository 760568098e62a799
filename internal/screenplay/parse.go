package screenplay

// This file turns a file into a Screenplay.

import (
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode"
	"unicode/utf8"
)

// MaxSize is how many bytes Parse reads at most. A long feature film has less
// than a fiftieth of it.
const MaxSize = 16 << 20

// ErrTooLarge is the error of an input longer than MaxSize.
var ErrTooLarge = errors.New("screenplay: input is larger than 16 MiB")

// ErrNotUTF8 is wrapped by the error that tells where an input is not UTF-8.
var ErrNotUTF8 = errors.New("not valid UTF-8")

const byteOrderMark = "\uFEFF"

// Parse reads a screenplay. Any text is a screenplay; errors come only from
// reading, from an input that is too large and from one that is not UTF-8.
//
// Line ends may be LF, CRLF or CR. A byte order mark at the beginning, spaces
// at line ends and all U+0000 characters are dropped.
func Parse(r io.Reader) (*Screenplay, error) {
	text, err := readText(r)
	if err != nil {
		return nil, err
	}
	fields, body := splitTitlePage(text)
	p := &parser{source: newLineReader(body), elements: []Element{}}
	p.advance()
	p.advance()
	p.parse()
	return &Screenplay{TitlePage: fields, Elements: p.elements}, nil
}

func readText(r io.Reader) (string, error) {
	data, err := io.ReadAll(io.LimitReader(r, MaxSize+1))
	if err != nil {
		return "", fmt.Errorf("screenplay: %w", err)
	}
	if len(data) > MaxSize {
		return "", ErrTooLarge
	}
	text := string(data)
	if !utf8.ValidString(text) {
		return "", locateInvalid(text)
	}
	return strings.TrimPrefix(normalise(text), byteOrderMark), nil
}

// locateInvalid returns the error for the first byte that is not UTF-8.
func locateInvalid(text string) error {
	offset := 0
	for offset < len(text) {
		r, size := utf8.DecodeRuneInString(text[offset:])
		if r == utf8.RuneError && size == 1 {
			break
		}
		offset += size
	}
	before := strings.ReplaceAll(text[:offset], "\r\n", "\n")
	line := 1 + strings.Count(before, "\n") + strings.Count(before, "\r")
	return fmt.Errorf("screenplay: line %d, byte offset %d: %w", line, offset, ErrNotUTF8)
}

// parser walks over the lines with one line of lookahead.
type parser struct {
	source     *lineReader
	line, next line
	ok, nextOK bool // whether there is a line and a next line
	blanks     int  // blank lines just before the current line
	elements   []Element
}

func (p *parser) advance() {
	p.line, p.ok = p.next, p.nextOK
	p.next, p.nextOK = p.source.read()
}

func (p *parser) parse() {
	for {
		p.blanks = 0
		for ; p.ok && p.line.blank(); p.advance() {
			p.blanks++
		}
		if !p.ok {
			return
		}
		p.element()
	}
}

// element reads the element, or the whole speech, that begins here.
func (p *parser) element() {
	if p.line.onlyComments() {
		p.comments()
		return
	}
	e, ok := recognise(p.line, p.place())
	if !ok {
		p.action()
		return
	}
	if e.Kind == Lyrics {
		p.lyrics()
		return
	}
	p.elements = append(p.elements, e)
	p.advance()
	if e.Kind == Character {
		p.speech()
	}
}

// place describes a line that does not continue action. Elements that are not
// printed count as blank lines, so that notes and the like may stand directly
// above a heading or cue.
func (p *parser) place() place {
	at := place{afterBlank: p.blanks > 0, beforeText: p.nextOK && p.next.speakable()}
	switch p.lastKind() {
	case "", Section, Synopsis, PageBreak, Note, Boneyard:
		at.afterBlank = true
	}
	return at
}

func (p *parser) lastKind() Kind {
	if len(p.elements) == 0 {
		return ""
	}
	return p.elements[len(p.elements)-1].Kind
}

// comments makes an element of each note and boneyard on a line of nothing else.
func (p *parser) comments() {
	raw := p.line.raw
	finder := newCommentFinder(raw)
	for c := finder.next(); c.end <= len(raw); c = finder.next() {
		e := Element{Kind: Boneyard, Text: strings.TrimSpace(raw[c.start+2 : c.end-2])}
		if raw[c.start] == '[' {
			e.Kind = Note
			e.Text = replaceLines(e.Text, connector, "")
		}
		p.elements = append(p.elements, e)
	}
	p.advance()
}

// action reads a paragraph. Each line of it may be forced with an exclamation
// mark, which is also how an empty line gets into a paragraph.
func (p *parser) action() {
	var lines []string
	for ; p.ok && !p.line.blank(); p.advance() {
		raw := p.line.raw
		if p.line.marker() == '!' {
			i := p.line.first()
			raw = strings.TrimRightFunc(raw[:i]+raw[i+1:], unicode.IsSpace)
		} else if _, other := recognise(p.line, place{inAction: true}); other && len(lines) > 0 {
			break
		}
		lines = append(lines, raw)
	}
	text := strings.Join(lines, "\n")
	if p.lastKind() == Action {
		text = strings.Repeat("\n", p.blanks-1) + text
	}
	p.elements = append(p.elements, Element{Kind: Action, Text: text})
}

// lyrics reads lyrics outside of speeches.
func (p *parser) lyrics() {
	var lines []string
	for ; p.ok && p.line.marker() == '~'; p.advance() {
		lines = append(lines, lyric(p.line))
	}
	p.elements = append(p.elements, Element{Kind: Lyrics, Text: strings.Join(lines, "\n")})
}

func lyric(l line) string {
	i := l.first()
	return l.cut(i, i+1).text()
}

// speech reads what belongs to a cue, up to a line that is empty or that
// begins another element. A connector is an empty line of the speech if what
// is said goes on after it in the same manner.
func (p *parser) speech() {
	var spoken Element
	var lines []string
	flush := func() {
		if len(lines) > 0 {
			spoken.Text = strings.Join(lines, "\n")
			p.elements = append(p.elements, spoken)
		}
		lines = nil
	}
	gap := 0
	for ; p.ok && p.line.raw != "" && !p.line.interruptsSpeech(); p.advance() {
		if p.line.blank() {
			gap++
			continue
		}
		e := spokenLine(p.line)
		if e.Kind == Parenthetical || e.Kind != spoken.Kind {
			flush()
		} else {
			lines = append(lines, make([]string, gap)...)
		}
		lines = append(lines, e.Text)
		spoken, gap = e, 0
	}
	flush()
}

// spokenLine says what a line within a speech is.
func spokenLine(l line) Element {
	if l.marker() == '~' {
		return Element{Kind: Lyrics, InDialogue: true, Text: lyric(l)}
	}
	if text, ok := parenthetical(l); ok {
		return Element{Kind: Parenthetical, Text: text}
	}
	return Element{Kind: Dialogue, Text: l.text()}
}

// replaceLines replaces every line of a text that equals one by another.
func replaceLines(text, from, to string) string {
	lines := strings.Split(text, "\n")
	for i := range lines {
		if lines[i] == from {
			lines[i] = to
		}
	}
	return strings.Join(lines, "\n")
}
