// Package layout puts a screenplay on paper: as pages of positioned lines, as
// PDF and as HTML.
//
// The measures are those of the US film industry: Courier of 12 points, which
// is 10 characters to the inch and 6 lines to the inch, so that a page is
// about a minute of film. What is printed and where it stands on the title
// page follows the Fountain syntax (https://fountain.io/syntax): notes,
// boneyards, sections and synopses are left out.
package layout

// This file holds what the package speaks in: options, pages and lines.

import (
	"time"

	"fountain.coach/fountainai/internal/screenplay"
)

// Paper is a size of paper.
type Paper string

// The papers that screenplays are printed on.
const (
	// Letter is 8.5 by 11 inches: 85 columns and 66 lines, 54 of them for the
	// script.
	Letter Paper = "letter"
	// A4 is 210 by 297 millimetres: 82 columns and 70 lines, 58 of them for
	// the script. The columns begin where they begin on Letter.
	A4 Paper = "a4"
)

// Columns returns how many characters of a tenth of an inch fit on the width
// of the paper.
func (p Paper) Columns() int {
	if p == A4 {
		return 82
	}
	return 85
}

// Rows returns how many lines of a sixth of an inch fit on the height of the
// paper.
func (p Paper) Rows() int {
	if p == A4 {
		return 70
	}
	return 66
}

// Options say how a screenplay is put on paper. The zero value is a
// screenplay on US Letter with English words at page breaks.
type Options struct {
	// Paper is Letter if empty, and if it is none that this package knows.
	Paper Paper
	// More stands under a speech that goes on on the next page: "(MORE)".
	More string
	// Continued stands beside the name where the speech goes on: "(CONT'D)".
	Continued string
	// Created is the date of creation in a PDF. Without one the PDF has no
	// dates. Either way the same screenplay gives the same bytes.
	Created time.Time

	// uncompressed makes a PDF that the tests can read.
	uncompressed bool
}

// withDefaults fills in what is empty.
func (o Options) withDefaults() Options {
	if o.Paper != A4 {
		o.Paper = Letter
	}
	if o.More == "" {
		o.More = "(MORE)"
	}
	if o.Continued == "" {
		o.Continued = "(CONT'D)"
	}
	return o
}

// Kind says what a line on a page is. Lines of the script have the kind of
// their element; the others are made by the layout.
type Kind = screenplay.Kind

// The kinds of lines that are no element of the script.
const (
	// TitleLine is a line of the title page.
	TitleLine Kind = "titleLine"
	// PageNumber stands at the top right from page 2 on, with a period.
	PageNumber Kind = "pageNumber"
	// SceneNumber stands on both margins beside a numbered scene heading.
	SceneNumber Kind = "sceneNumber"
	// More ends the part of a speech that is on this page.
	More Kind = "more"
	// Continued is the cue that a speech goes on under on the next page.
	Continued Kind = "continued"
)

// Page is a sheet of paper.
type Page struct {
	// Number counts the pages of the script from 1; it is 0 on title pages.
	Number int
	// Lines are in the order of reading: from top to bottom, from left to
	// right.
	Lines []Line
}

// Line is a piece of text on a page, all of it on one height.
type Line struct {
	// X is where the text begins, in columns of a tenth of an inch from the
	// left edge of the paper.
	X int
	// Y is where it stands, in lines of a sixth of an inch from the upper edge
	// of the paper; the first is 0.
	Y int
	// Kind says what the text is.
	Kind Kind
	// Element is the index of the element that the text belongs to, -1 for
	// page numbers and title pages.
	Element int
	// Runs are the text; each character takes one column.
	Runs []Run
}

// Text returns the text of a line without its styles.
func (l Line) Text() string { return plainText(l.Runs) }

// Width returns the number of columns that a line takes.
func (l Line) Width() int {
	width := 0
	for _, run := range l.Runs {
		width += runeCount(run.Text)
	}
	return width
}

// Pages lays a screenplay out. The same screenplay always gives the same
// pages; one that prints nothing gives none.
func Pages(s *screenplay.Screenplay, options Options) []Page {
	options = options.withDefaults()
	pages := titlePages(s, options.Paper)
	p := &paginator{options: options, blocks: blocksOf(s, options), pages: pages}
	return p.paginate()
}
