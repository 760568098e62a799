package layout

// This file writes pages as PDF.

import (
	"bytes"
	"fmt"
	"io"
	"strings"
	"time"

	"codeberg.org/go-pdf/fpdf"

	"fountain.coach/fountainai/internal/screenplay"
)

// Measures of the PDF, in points of 1/72 inch.
const (
	columnPoints = 7.2
	rowPoints    = 12
	fontPoints   = 12
	// baseline is how far below the top of its row a text stands.
	baseline = 9.6
)

const fontFamily = "screenplay"

// PDF writes a screenplay as PDF, one sheet of paper to a page, with an
// outline of its scenes. Its text can be searched and copied. A character that
// the font lacks is printed as a square.
func PDF(w io.Writer, s *screenplay.Screenplay, options Options) error {
	doc := newDocument(options)
	doc.SetTitle(shortRunes(clean(s.Title())), true)
	doc.SetAuthor(shortRunes(clean(s.Author())), true)
	writer := pdfWriter{Fpdf: doc, faces: map[Style]bool{}, style: none}
	for _, page := range Pages(s, options) {
		writer.page(page)
	}
	var out bytes.Buffer
	if err := doc.Output(&out); err != nil {
		return fmt.Errorf("layout: cannot make the PDF: %w", err)
	}
	if options.Created.IsZero() {
		eraseDates(out.Bytes())
	}
	_, err := out.WriteTo(w)
	return err
}

// newDocument returns an empty document whose bytes depend on nothing but
// what is put on it.
func newDocument(options Options) *fpdf.Fpdf {
	size := fpdf.SizeType{Wd: 612, Ht: 792}
	if options.Paper == A4 {
		size = fpdf.SizeType{Wd: 595.28, Ht: 841.89}
	}
	doc := fpdf.NewCustom(&fpdf.InitType{UnitStr: "pt", Size: size})
	doc.SetCompression(!options.uncompressed)
	doc.SetCatalogSort(true)
	doc.SetProducer("FountainAI", true)
	doc.SetCreator("FountainAI", true)
	created := options.Created.UTC()
	if created.IsZero() {
		created = time.Unix(0, 0).UTC()
	}
	doc.SetCreationDate(created)
	doc.SetModificationDate(created)
	doc.SetMargins(0, 0, 0)
	doc.SetAutoPageBreak(false, 0)
	return doc
}

// shortRunes replaces what fpdf cannot write in metadata: characters beyond the
// Basic Multilingual Plane.
func shortRunes(text string) string {
	return strings.Map(func(r rune) rune {
		if r > 0xFFFF {
			return missing
		}
		return r
	}, text)
}

// eraseDates blanks the two dates that fpdf cannot leave out. They are the
// last ones in the file, and their room stays, so that no offset changes.
func eraseDates(pdf []byte) {
	for _, key := range []string{"/CreationDate (", "/ModDate ("} {
		start := bytes.LastIndex(pdf, []byte(key))
		if start < 0 {
			continue
		}
		length := bytes.IndexByte(pdf[start:], ')') + 1
		for i := range length {
			pdf[start+i] = ' '
		}
	}
}

// none is no style, before the first text is set.
const none Style = 0xFF

// pdfWriter puts pages into a document.
type pdfWriter struct {
	*fpdf.Fpdf
	faces map[Style]bool // that are in the document
	style Style
	// heading is the element of the heading that is in the outline already.
	heading int
}

func (w *pdfWriter) page(page Page) {
	w.AddPage()
	for _, line := range page.Lines {
		x := float64(line.X) * columnPoints
		y := float64(line.Y)*rowPoints + baseline
		for _, run := range line.Runs {
			w.setStyle(run.Style)
			w.Text(x, y, printable(run.Text))
			x += float64(runeCount(run.Text)) * columnPoints
		}
		w.outline(line)
	}
}

func (w *pdfWriter) setStyle(style Style) {
	if style == w.style {
		return
	}
	w.style = style
	face := style &^ Underline
	name := fontFiles[face].style
	if !w.faces[face] {
		w.faces[face] = true
		// A copy, since fpdf writes behind the tables of a font.
		w.AddUTF8FontFromBytes(fontFamily, name, bytes.Clone(fontFiles[face].data))
	}
	if style&Underline != 0 {
		name += "U"
	}
	w.SetFont(fontFamily, name, fontPoints)
}

// outline adds the first line of a scene heading to the outline. It comes after
// the text, since fpdf encodes it for the font in use.
func (w *pdfWriter) outline(line Line) {
	if line.Kind == screenplay.SceneHeading && w.heading != line.Element+1 {
		w.heading = line.Element + 1
		w.Bookmark(shortRunes(line.Text()), 0, float64(line.Y)*rowPoints)
	}
}
