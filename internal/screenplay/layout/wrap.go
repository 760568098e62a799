package layout

// This file breaks text into rows that fit a column.

import (
	"slices"
	"strings"
	"unicode"
)

// cell is a character and its style; on paper it takes one column.
type cell struct {
	r     rune
	style Style
}

func cellsOf(runs []Run) []cell {
	n := 0
	for _, run := range runs {
		n += len(run.Text)
	}
	cells := make([]cell, 0, n)
	for _, run := range runs {
		for _, r := range run.Text {
			cells = append(cells, cell{r, run.Style})
		}
	}
	return cells
}

func runsOf(cells []cell) []Run {
	var runs []Run
	var b strings.Builder
	for i, c := range cells {
		b.WriteRune(c.r)
		if i+1 == len(cells) || cells[i+1].style != c.style {
			runs = append(runs, Run{b.String(), c.style})
			b.Reset()
		}
	}
	return runs
}

// align says where in its column a row stands.
type align uint8

const (
	left align = iota
	center
	right
)

// para is a line of the script, to be broken into rows of one column.
type para struct {
	kind    Kind
	element int
	// x is the first column, width how many there are.
	x, width int
	align    align
	cells    []cell
	// sceneNumber stands on both margins.
	sceneNumber string
}

// row is a part of a paragraph that fits its column.
type row struct {
	para       int // index in the paragraphs of the column, -1 for the repeated cue
	start, end int // of the cells that are printed
	next       int // where the row after begins
}

// column is a stack of paragraphs.
type column struct {
	paras []para
	// skip is how many cells of the first paragraph are on the page before.
	skip int
	// again is the cue to repeat when the speech goes on on another page; nil
	// if the column is no speech. With repeat it stands above the paragraphs.
	again  *para
	repeat bool
}

// para returns the paragraph of a row.
func (c column) para(r row) para {
	if r.para < 0 {
		return *c.again
	}
	return c.paras[r.para]
}

// wrap breaks a column into rows, but into no more than limit, so that a text
// over many pages is not broken again and again for each of them.
func (c column) wrap(limit int) []row {
	var rows []row
	if c.repeat {
		rows = c.again.wrap(rows, -1, 0, limit)
	}
	for i := range c.paras {
		if len(rows) >= limit {
			break
		}
		skip := 0
		if i == 0 {
			skip = c.skip
		}
		rows = c.paras[i].wrap(rows, i, skip, limit)
	}
	return rows
}

// wrap adds the rows of a paragraph, without its first cells if they are to be
// skipped.
func (p *para) wrap(rows []row, index, skip, limit int) []row {
	start, indent := skip, 0
	if skip == 0 {
		start, indent = p.indentation()
	}
	for len(rows) < limit {
		end, next := breakRow(p.cells[start:], p.width-indent)
		rows = append(rows, row{index, start - indent, start + end, start + next})
		start += next
		indent = 0
		if start >= len(p.cells) {
			break
		}
	}
	return rows
}

// from returns what is left of a column from a cell of a paragraph on. Neither
// spaces nor empty lines begin it.
func (c column) from(i, pos int) column {
	for i < len(c.paras) {
		cells := c.paras[i].cells
		for pos > 0 && pos < len(cells) && cells[pos].r == ' ' {
			pos++
		}
		if pos < len(cells) {
			break
		}
		i, pos = i+1, 0
	}
	return column{paras: c.paras[i:], skip: pos, again: c.again}
}

// indentation returns where the text of a paragraph begins, and how many of
// the spaces before it are kept: at most half of the column.
func (p *para) indentation() (start, indent int) {
	for start < len(p.cells) && p.cells[start].r == ' ' {
		start++
	}
	if p.align != left {
		return start, 0
	}
	return start, min(start, p.width/2)
}

// breakRow returns where the first row of a text ends and the next begins.
// Spaces at a break are dropped. A word that is too long is cut.
func breakRow(cells []cell, width int) (end, next int) {
	if len(cells) <= width {
		return trimSpaces(cells, len(cells)), len(cells)
	}
	at := width
	for at > 0 && !canBreak(cells, at) {
		at--
	}
	if at == 0 {
		at = width
	}
	next = at
	for next < len(cells) && cells[next].r == ' ' {
		next++
	}
	return trimSpaces(cells, at), next
}

// canBreak says whether a row may end before the character at the index: at a
// space, or after a hyphen or dash within or after a word.
func canBreak(cells []cell, at int) bool {
	if cells[at].r == ' ' || cells[at-1].r == ' ' {
		return true
	}
	return at > 1 && isDash(cells[at-1].r) && !isDash(cells[at].r) && cells[at-2].r != ' '
}

func isDash(r rune) bool { return r == '-' || r == '–' || r == '—' }

func trimSpaces(cells []cell, end int) int {
	for end > 0 && cells[end-1].r == ' ' {
		end--
	}
	return end
}

// line puts a row on a page.
func (p para) line(r row, y int) Line {
	cells := p.cells[r.start:r.end]
	x := p.x
	switch p.align {
	case center:
		x += (p.width - len(cells)) / 2
	case right:
		x += p.width - len(cells)
	}
	return Line{X: x, Y: y, Kind: p.kind, Element: p.element, Runs: runsOf(cells)}
}

// sentenceEnds returns where sentences end in a row, each the index of the
// cell after its last, the last one first.
func (p para) sentenceEnds(r row) []int {
	var ends []int
	for i := r.start; i < r.end; i++ {
		if end := sentenceEnd(p.cells, i); end > 0 && end <= r.end {
			ends = append(ends, end)
		}
	}
	slices.Reverse(ends)
	return ends
}

// sentenceEnd returns the index after the sentence that the character at the
// index ends, together with the quotes and brackets that close there, or 0.
func sentenceEnd(cells []cell, i int) int {
	const stops, wideStops, closers = ".!?…", "。！？", `"'”’»)]`
	wide := strings.ContainsRune(wideStops, cells[i].r)
	if !wide && !strings.ContainsRune(stops, cells[i].r) {
		return 0
	}
	end := i + 1
	for end < len(cells) && strings.ContainsRune(closers+"」』", cells[end].r) {
		end++
	}
	if end == len(cells) || wide {
		return end
	}
	if cells[end].r != ' ' || abbreviates(cells, i) {
		return 0
	}
	for next := end; next < len(cells); next++ {
		if cells[next].r != ' ' {
			if unicode.IsLower(cells[next].r) {
				return 0
			}
			break
		}
	}
	return end
}

// abbreviations end with a period that ends no sentence.
var abbreviations = []string{"mr", "mrs", "ms", "dr", "st", "jr", "sr", "prof", "lt", "sgt", "capt"}

// abbreviates says whether the period at the index belongs to an abbreviation
// or an initial.
func abbreviates(cells []cell, i int) bool {
	if cells[i].r != '.' {
		return false
	}
	start := i
	for start > 0 && i-start < 5 && unicode.IsLetter(cells[start-1].r) {
		start--
	}
	word := strings.ToLower(plainText(runsOf(cells[start:i])))
	if runeCount(word) == 1 && word != "i" {
		return true
	}
	return unicode.IsUpper(cells[start].r) && slices.Contains(abbreviations, word)
}
