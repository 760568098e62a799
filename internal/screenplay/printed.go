package screenplay

// This file takes out of a text what is not printed.

import "strings"

// Printed returns the text of an element without the notes and boneyards that
// stand within it. A line that holds nothing else is left out; elsewhere the
// space on both sides of a comment becomes one.
func Printed(text string) string {
	text = normalise(text)
	if !strings.Contains(text, "[[") && !strings.Contains(text, "/*") {
		return blankConnectors(text)
	}
	var printed []string
	for _, l := range linesOf(text) {
		switch {
		case l.blank():
			printed = append(printed, "")
		case l.raw == l.visible:
			printed = append(printed, l.raw)
		case !l.onlyComments():
			printed = append(printed, l.withoutComments())
		}
	}
	return strings.Join(printed, "\n")
}

// blankConnectors returns a text with its connectors as empty lines.
func blankConnectors(text string) string {
	if !strings.Contains(text, connector) {
		return text
	}
	return replaceLines(text, connector, "")
}

// withoutComments returns the line with its comments taken out. Indentation
// and all other spaces stay.
func (l line) withoutComments() string {
	var b strings.Builder
	finder := newCommentFinder(l.raw)
	pos, spaced := 0, true
	for {
		c := finder.next()
		end := min(c.start, len(l.raw))
		kept := l.raw[pos:end]
		if spaced && pos > 0 {
			kept = strings.TrimLeft(kept, " \t")
		}
		b.WriteString(kept)
		if kept != "" {
			spaced = strings.HasSuffix(kept, " ") || strings.HasSuffix(kept, "\t")
		}
		if c.start > len(l.raw) {
			return trimLine(b.String())
		}
		pos = c.end
	}
}
