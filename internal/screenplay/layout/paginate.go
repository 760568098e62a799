package layout

// This file puts blocks on pages and finds where they may be broken.

import "strconv"

// Rules of page breaks, in lines.
const (
	// fewest is how many lines of a paragraph or speech stay together at
	// least, on both sides of a break.
	fewest = 2
	// reach is how many lines are left empty at most to break a page at the
	// end of a sentence rather than within one.
	reach = 4
)

// paginator fills pages from top to bottom.
type paginator struct {
	options Options
	blocks  []block
	pages   []Page
	lines   []Line // of the page that is being filled
	used    int    // rows of it
	number  int    // of it, 0 before the first
	// forced: the page was asked for by the writer, so that blank lines at
	// its top are meant.
	forced bool
}

func (p *paginator) paginate() []Page {
	p.forced = true
	for i := range p.blocks {
		if p.blocks[i].pageBreak {
			p.finishPage()
			p.forced = true
			continue
		}
		p.place(i)
	}
	p.finishPage()
	return p.pages
}

func (p *paginator) capacity() int { return bodyRows(p.options.Paper) }

func (p *paginator) empty() bool { return p.used == 0 }

// finishPage ends a page that has anything on it.
func (p *paginator) finishPage() {
	if p.empty() {
		return
	}
	p.number++
	page := Page{Number: p.number}
	if p.number > 1 {
		text := strconv.Itoa(p.number) + "."
		page.Lines = append(page.Lines, Line{
			X: rightEdge - len(text), Y: pageNumberY, Kind: PageNumber, Element: -1, Runs: []Run{{Text: text}},
		})
	}
	page.Lines = append(page.Lines, p.lines...)
	p.pages = append(p.pages, page)
	p.lines, p.used, p.forced = nil, 0, false
}

// gap returns how many blank lines come before a block here.
func (p *paginator) gap(b block) int {
	switch {
	case !p.empty():
		return b.before
	case p.forced && b.before < p.capacity()/2+fewest:
		return b.before - 1
	}
	return 0
}

// place puts a block on the page if it fits, and else breaks it or puts it on
// the next.
func (p *paginator) place(i int) {
	b := p.blocks[i]
	for {
		gap := p.gap(b)
		room := p.capacity() - p.used - gap
		height := b.height(p.capacity() + 1)
		if height <= room && (!b.withNext || p.canStart(i+1, room-height)) {
			p.put(b.wrapped(height), gap)
			return
		}
		if first, rest, ok := p.split(b, room); ok {
			p.put(first, gap)
			p.finishPage()
			b = rest
			continue
		}
		if !p.empty() {
			p.finishPage()
			continue
		}
		p.forced = false
		if height <= p.capacity() {
			p.put(b.wrapped(height), 0)
			return
		}
		first, rest := p.cut(b)
		p.put(first, 0)
		p.finishPage()
		b = rest
	}
}

// canStart says whether enough of a block fits into what is left of a page
// for a heading or cue to stand above it.
func (p *paginator) canStart(i, room int) bool {
	if i == len(p.blocks) || p.blocks[i].pageBreak {
		return true
	}
	b := p.blocks[i]
	room -= b.before
	if room <= 0 {
		return false
	}
	if height := b.height(room + 1); height <= room {
		return !b.withNext || p.canStart(i+1, room-height)
	}
	_, _, ok := p.split(b, room)
	return ok
}

// setRow is a row with its paragraph, which may be made for a page break.
type setRow struct {
	para para
	row
}

// put adds rows, those of each column from the same height on.
func (p *paginator) put(columns [][]setRow, gap int) {
	p.used += gap
	height := 0
	for _, rows := range columns {
		height = max(height, len(rows))
	}
	for n := range height {
		for _, rows := range columns {
			if n < len(rows) {
				p.putRow(rows[n], topMargin+p.used)
			}
		}
		p.used++
	}
}

func (p *paginator) putRow(r setRow, y int) {
	number := r.para.sceneNumber
	if number == "" || r.start > 0 {
		p.add(r.para.line(r.row, y))
		return
	}
	beside := Line{Y: y, Kind: SceneNumber, Element: r.para.element, Runs: []Run{{Text: number}}}
	beside.X = leftSceneNumberX(number)
	p.add(beside)
	p.add(r.para.line(r.row, y))
	beside.X = rightSceneNumberX(number, p.options.Paper)
	p.add(beside)
}

// add leaves empty lines out; they have taken their room.
func (p *paginator) add(l Line) {
	if len(l.Runs) > 0 {
		p.lines = append(p.lines, l)
	}
}

// height returns how many rows a block takes, or limit if it is more.
func (b block) height(limit int) int {
	height := 0
	for _, c := range b.columns {
		height = max(height, len(c.wrap(limit)))
	}
	return height
}

func (b block) wrapped(limit int) [][]setRow {
	columns := make([][]setRow, len(b.columns))
	for i, c := range b.columns {
		columns[i] = c.set(c.wrap(limit))
	}
	return columns
}

func (c column) set(rows []row) []setRow {
	set := make([]setRow, len(rows))
	for i, r := range rows {
		set[i] = setRow{c.para(r), r}
	}
	return set
}
