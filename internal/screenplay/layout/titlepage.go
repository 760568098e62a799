package layout

// This file lays out the title page.

import (
	"strings"

	"fountain.coach/fountainai/internal/screenplay"
)

// Where the fields of the title page stand, as the Fountain syntax recommends:
// the first in the middle, the second at the lower left. Other fields are data
// that is not printed.
var (
	centeredFields = []string{"title", "credit", "author", "authors", "source"}
	lowerFields    = []string{"draft date", "date", "revision", "notes", "copyright", "contact"}
)

// titleStart is the line of the body on which the title stands, if all fits
// below it.
const titleStart = 16

// titleField is a field of the title page, ready to be printed.
type titleField struct {
	key   string // in lower case
	lines [][]Run
}

// titleFields returns the fields that have one of the keys, in the order of
// the keys, and in that of the file where a key is there more than once.
func titleFields(s *screenplay.Screenplay, keys []string) []titleField {
	var fields []titleField
	for _, key := range keys {
		for _, field := range s.TitlePage {
			if !strings.EqualFold(strings.TrimSpace(field.Key), key) {
				continue
			}
			if lines := titleValues(field.Values); len(lines) > 0 {
				fields = append(fields, titleField{key, lines})
			}
		}
	}
	return fields
}

func titleValues(values []string) [][]Run {
	var lines [][]Run
	for _, value := range values {
		for _, runs := range printedLines(strings.TrimSpace(value)) {
			if len(runs) > 0 {
				lines = append(lines, runs)
			}
		}
	}
	return lines
}

// titlePages returns the title page, if there is one; more of them if it is
// overfull.
func titlePages(s *screenplay.Screenplay, paper Paper) []Page {
	middle := titleParas(titleFields(s, centeredFields), center)
	lower := titleParas(titleFields(s, lowerFields), left)
	if len(middle.paras)+len(lower.paras) == 0 {
		return nil
	}
	t := &titleSheet{rows: bodyRows(paper)}
	above := middle.wrap(t.rows + 1)
	t.y = max(0, min(titleStart, t.rows-len(above)))
	t.fill(middle)
	below := lower.wrap(t.rows + 1)
	if t.y+1+len(below) > t.rows && t.y > 0 && len(below) > 0 {
		t.turn()
	}
	t.y = max(t.y, t.rows-len(below))
	t.fill(lower)
	t.turn()
	return t.pages
}

// titleParas sets fields as a column, with an empty line between two of them.
// Credit and author, and the parts of a title, belong closer together than
// title and credit.
func titleParas(fields []titleField, align align) column {
	var c column
	form := para{kind: TitleLine, element: -1, x: actionX, width: actionWidth, align: align}
	for i, field := range fields {
		if i > 0 {
			c.paras = append(c.paras, form)
		}
		if i > 0 && fields[i-1].key == "title" {
			c.paras = append(c.paras, form, form)
		}
		c.paras = append(c.paras, form.with(field.lines)...)
	}
	return c
}

// titleSheet is the title page that is being filled.
type titleSheet struct {
	rows  int // that fit on it
	y     int
	lines []Line
	pages []Page
}

// fill sets a column from the current line on, over as many pages as it takes.
func (t *titleSheet) fill(c column) {
	for len(c.paras) > 0 {
		rows := c.wrap(t.rows - t.y)
		for _, r := range rows {
			if r.end > r.start {
				t.lines = append(t.lines, c.paras[r.para].line(r, topMargin+t.y))
			}
			t.y++
		}
		if t.y < t.rows {
			return
		}
		if len(rows) > 0 {
			last := rows[len(rows)-1]
			c = c.from(last.para, last.next)
		}
		if len(c.paras) > 0 {
			t.turn()
		}
	}
}

// turn begins another page if there is anything on this one.
func (t *titleSheet) turn() {
	if len(t.lines) > 0 {
		t.pages = append(t.pages, Page{Lines: t.lines})
	}
	t.lines, t.y = nil, 0
}
