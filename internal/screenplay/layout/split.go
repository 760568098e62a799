package layout

// This file finds where blocks may be broken across pages.

import "fountain.coach/fountainai/internal/screenplay"

// split breaks a block that is higher than the room for it, and says whether
// that can be done well. Dual dialogue stays together if a page can hold it.
func (p *paginator) split(b block, room int) (first [][]setRow, rest block, ok bool) {
	if b.withNext || len(b.columns) > 1 && (!p.empty() || b.height(p.capacity()+1) <= p.capacity()) {
		return nil, b, false
	}
	rest = block{columns: make([]column, len(b.columns)), before: 1}
	for i, c := range b.columns {
		rows := c.wrap(room + fewest)
		if len(rows) <= room {
			first = append(first, c.set(rows))
			continue
		}
		at, found := c.breakPoint(rows, room)
		if !found {
			return nil, b, false
		}
		first = append(first, c.upTo(at, rows, p.options.More))
		rest.columns[i] = c.after(at, rows)
	}
	return first, rest, true
}

// breakPoint is a place to break a column: below so many rows, and after a
// cell of the last of them.
type breakPoint struct{ rows, end int }

// breakPoint returns the best place for a break that leaves no more rows than
// there is room for: at the end of a sentence not far from the bottom, or
// between two rows.
func (c column) breakPoint(rows []row, room int) (breakPoint, bool) {
	if c.again != nil {
		room-- // for (MORE)
	}
	for n := room; n > 0 && n >= room-reach; n-- {
		last := rows[n-1]
		for _, end := range c.para(last).sentenceEnds(last) {
			if at := (breakPoint{n, end}); c.mayBreak(at, rows) {
				return at, true
			}
		}
	}
	for n := room; n > 0; n-- {
		if at := (breakPoint{n, rows[n-1].end}); c.mayBreak(at, rows) {
			return at, true
		}
	}
	return breakPoint{}, false
}

// mayBreak says whether a break leaves enough on both sides, and parts neither
// a cue nor a parenthetical from what is said.
func (c column) mayBreak(at breakPoint, rows []row) bool {
	last := rows[at.rows-1]
	if last.start == last.end || last.para < 0 {
		return false
	}
	if c.again != nil && !c.para(last).spoken() {
		return false
	}
	above := 0
	for n := at.rows - 1; n >= 0 && above < fewest; n-- {
		if c.again == nil || c.para(rows[n]).spoken() {
			above++
		}
	}
	return above == fewest && len(c.from(last.para, at.end).wrap(fewest)) == fewest
}

// upTo returns the rows above a break.
func (c column) upTo(at breakPoint, rows []row, more string) []setRow {
	set := c.set(rows[:at.rows])
	set[at.rows-1].end = at.end
	if c.again == nil {
		return set
	}
	sign := *c.again
	sign.kind = More
	sign.cells = cellsOf([]Run{{Text: shortened(clean(more), sign.width)}})
	return append(set, setRow{sign, row{end: len(sign.cells)}})
}

// after returns the column below a break, with its cue repeated.
func (c column) after(at breakPoint, rows []row) column {
	rest := c.from(rows[at.rows-1].para, at.end)
	rest.repeat = rest.again != nil
	return rest
}

// cut breaks a block that nothing else can be done with: one that is higher
// than a page and has no good place for a break.
func (p *paginator) cut(b block) (first [][]setRow, rest block) {
	rest = block{columns: make([]column, len(b.columns)), before: 1, withNext: b.withNext}
	for i, c := range b.columns {
		rows := c.wrap(p.capacity())
		first = append(first, c.set(rows))
		if len(rows) > 0 {
			last := rows[len(rows)-1]
			rest.columns[i] = c.from(last.para, last.next)
		}
	}
	return first, rest
}

// spoken says whether a paragraph is what somebody says, and not how.
func (p para) spoken() bool {
	return p.kind == screenplay.Dialogue || p.kind == screenplay.Lyrics
}
