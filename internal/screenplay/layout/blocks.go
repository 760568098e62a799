package layout

// This file gives every part of a screenplay its columns on the page.

import (
	"strings"

	"fountain.coach/fountainai/internal/screenplay"
)

// Where the columns stand, in tenths of an inch from the left edge of the
// paper, and how wide they are.
const (
	actionX, actionWidth               = 15, 60
	dialogueX, dialogueWidth           = 25, 35
	parentheticalX, parentheticalWidth = 31, 25
	cueX, cueWidth                     = 37, 38
	rightEdge                          = actionX + actionWidth
)

// The columns of dual dialogue, from the left edge of each of the two.
const (
	dualGap                                    = 4
	dualWidth                                  = (actionWidth - dualGap) / 2
	dualParentheticalX, dualParentheticalWidth = 3, 22
	dualCueX                                   = 8
)

// Scene numbers stand an inch from the left edge, and right of the text.
const (
	sceneNumberX     = 8
	sceneNumberGap   = 1
	sceneNumberWidth = 12 // longer ones are cut
)

// Vertical measures in lines of a sixth of an inch.
const (
	topMargin   = 6 // an inch
	pageNumberY = 3
)

// bodyRows returns how many lines of the script fit on a page: all but an
// inch at the top and at the bottom.
func bodyRows(p Paper) int { return p.Rows() - 2*topMargin }

// block is what stands between blank lines, ready to be put on a page.
type block struct {
	columns []column // two for dual dialogue, else one
	before  int      // blank lines before it
	// withNext keeps the block on the page of the block after it.
	withNext  bool
	pageBreak bool
}

func blocksOf(s *screenplay.Screenplay, options Options) []block {
	var blocks []block
	for _, p := range partsOf(s) {
		b := block{before: 1 + p.blanks}
		switch p.kind {
		case screenplay.PageBreak:
			b.pageBreak = true
		case screenplay.Character:
			b.columns = speechColumns(p.speeches, options)
			b.withNext = len(p.speeches) == 1 && len(p.speeches[0].spoken) == 0
		default:
			b.columns = []column{{paras: parasOf(p, options.Paper)}}
			b.withNext = p.kind == screenplay.SceneHeading
		}
		blocks = append(blocks, b)
	}
	return blocks
}

// parasOf returns the paragraphs of a part that is no speech.
func parasOf(p part, paper Paper) []para {
	form := para{kind: p.kind, element: p.element, x: actionX, width: actionWidth}
	switch p.kind {
	case screenplay.Transition:
		form.align = right
	case screenplay.Centered:
		form.align = center
	case screenplay.Lyrics:
		form.x, form.width = dialogueX, dialogueWidth
	case screenplay.SceneHeading:
		if number := shortened(p.sceneNumber, sceneNumberWidth); number != "" {
			form.sceneNumber = number
			form.width = min(actionWidth, rightSceneNumberX(number, paper)-sceneNumberGap-actionX)
		}
	}
	return form.with(p.lines)
}

// rightSceneNumberX returns where the scene number on the right margin
// begins: beside the text, or further left if it would not fit on the paper.
func rightSceneNumberX(number string, paper Paper) int {
	return min(rightEdge+sceneNumberGap, paper.Columns()-1-runeCount(number))
}

// leftSceneNumberX does the same on the left margin.
func leftSceneNumberX(number string) int {
	return max(0, min(sceneNumberX, actionX-sceneNumberGap-runeCount(number)))
}

// shortened cuts a text that is longer than a number of characters.
func shortened(text string, length int) string {
	if runeCount(text) <= length {
		return text
	}
	return string([]rune(text)[:length-1]) + "…"
}

// with returns a paragraph in the form of p for each line.
func (p para) with(lines [][]Run) []para {
	paras := make([]para, len(lines))
	for i, runs := range lines {
		paras[i] = p
		paras[i].cells = cellsOf(runs)
	}
	return paras
}

func speechColumns(speeches []speech, options Options) []column {
	if len(speeches) == 1 {
		return []column{speechColumn(speeches[0], options, single)}
	}
	return []column{
		speechColumn(speeches[0], options, dualForm(actionX)),
		speechColumn(speeches[1], options, dualForm(actionX+dualWidth+dualGap)),
	}
}

// speechForm says where the paragraphs of a speech stand.
type speechForm struct{ cue, parenthetical, dialogue para }

var single = speechForm{
	cue:           para{x: cueX, width: cueWidth},
	parenthetical: para{x: parentheticalX, width: parentheticalWidth},
	dialogue:      para{x: dialogueX, width: dialogueWidth},
}

func dualForm(x int) speechForm {
	return speechForm{
		cue:           para{x: x + dualCueX, width: dualWidth - dualCueX},
		parenthetical: para{x: x + dualParentheticalX, width: dualParentheticalWidth},
		dialogue:      para{x: x, width: dualWidth},
	}
}

func speechColumn(s speech, options Options, form speechForm) column {
	cue := form.cue
	cue.kind, cue.element = screenplay.Character, s.cue.element
	cue.cells = cellsOf(s.cue.lines[0])
	again := cue
	again.kind = Continued
	if len(s.extension) > 0 {
		cue.cells = join(cue.cells, cellsOf(s.extension))
	}
	again.cells = continuedCue(cue, options.Continued)
	c := column{paras: []para{cue}, again: &again}
	for _, p := range s.spoken {
		spoken := form.dialogue
		if p.kind == screenplay.Parenthetical {
			spoken = form.parenthetical
		}
		spoken.kind, spoken.element = p.kind, p.element
		c.paras = append(c.paras, spoken.with(p.lines)...)
	}
	return c
}

// continuedCue returns the cue of a speech that goes on: with the word for it,
// unless it is there already, and on one line.
func continuedCue(cue para, continued string) []cell {
	straight := strings.NewReplacer("’", "'", "‘", "'")
	text := straight.Replace(plainText(runsOf(cue.cells)))
	cells := cue.cells
	word := cellsOf([]Run{{Text: shortened(clean(continued), cue.width-4)}})
	if strings.Contains(strings.ToUpper(text), strings.ToUpper(straight.Replace(continued))) {
		word = nil
	}
	if room := max(cue.width-len(word)-1, 1); len(cells) > room {
		cells = append(cells[:room-1:room-1], cell{r: '…'})
	}
	if word == nil {
		return cells
	}
	return join(cells, word)
}

// join sets a space between two texts.
func join(a, b []cell) []cell {
	joined := append(a[:len(a):len(a)], cell{r: ' '})
	return append(joined, b...)
}
