package layout

// The PDF is read back from its uncompressed form, without a PDF reader.

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"math"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
	"unicode/utf16"

	"golang.org/x/image/font"
	"golang.org/x/image/font/sfnt"
	"golang.org/x/image/math/fixed"

	"fountain.coach/fountainai/internal/screenplay"
)

func makePDF(t testing.TB, s *screenplay.Screenplay, options Options) []byte {
	t.Helper()
	var b bytes.Buffer
	if err := PDF(&b, s, options); err != nil {
		t.Fatal(err)
	}
	return b.Bytes()
}

// shown is a text as a PDF places it, in points from its lower left corner.
type shown struct {
	x, y float64
	text string
}

var showing = regexp.MustCompile(`(?s)BT ([0-9.]+) ([0-9.]+) Td \(((?:[^\\)]|\\.)*)\) Tj ET`)

var escape = strings.NewReplacer(`(`, `\(`, `)`, `\)`, `\`, `\\`)

var unescape = strings.NewReplacer(`\\`, `\`, `\(`, `(`, `\)`, `)`, `\r`, "\r")

// shownIn returns the texts of an uncompressed PDF.
func shownIn(pdf []byte) []shown {
	var texts []shown
	for _, match := range showing.FindAllSubmatch(pdf, -1) {
		x, _ := strconv.ParseFloat(string(match[1]), 64)
		y, _ := strconv.ParseFloat(string(match[2]), 64)
		texts = append(texts, shown{x, y, decode(unescape.Replace(string(match[3])))})
	}
	return texts
}

// decode reads UTF-16 with or without a byte order mark.
func decode(text string) string {
	text = strings.TrimPrefix(text, "\xfe\xff")
	units := make([]uint16, len(text)/2)
	for i := range units {
		units[i] = binary.BigEndian.Uint16([]byte(text[2*i:]))
	}
	return string(utf16.Decode(units))
}

func encode(text string) string {
	b := []byte("\xfe\xff")
	for _, unit := range utf16.Encode([]rune(text)) {
		b = binary.BigEndian.AppendUint16(b, unit)
	}
	return string(b)
}

func TestPDFPlacesText(t *testing.T) {
	pdf := makePDF(t, parse(t, "INT. A\n\nŁukasz and Νίκος (\\*) saw “Чехов” *go* by.\n\nADA\n你好, 😀.\n"), Options{uncompressed: true})
	want := []shown{
		{108, 792 - 72 - 9.6, "INT. A"},
		{108, 792 - 96 - 9.6, "Łukasz and Νίκος (*) saw “Чехов” "},
		{108 + 33*7.2, 792 - 96 - 9.6, "go"},
		{108 + 35*7.2, 792 - 96 - 9.6, " by."},
		{37 * 7.2, 792 - 120 - 9.6, "ADA"},
		{25 * 7.2, 792 - 132 - 9.6, "□□, □."},
	}
	got := shownIn(pdf)
	if len(got) != len(want) {
		t.Fatalf("got %v", got)
	}
	for i := range want {
		if got[i].text != want[i].text || math.Abs(got[i].x-want[i].x) > 0.01 || math.Abs(got[i].y-want[i].y) > 0.01 {
			t.Errorf("got %+v, want %+v", got[i], want[i])
		}
	}
}

// TestPDFHoldsAllPages compares the PDF with the pages it was made of.
func TestPDFHoldsAllPages(t *testing.T) {
	s := play(t, 3)
	for _, options := range []Options{{}, {Paper: A4}} {
		options.uncompressed = true
		pdf := makePDF(t, s, options)
		pages := Pages(s, options)
		if got := bytes.Count(pdf, []byte("/Type /Page\n")); got != len(pages) {
			t.Errorf("%d pages, want %d", got, len(pages))
		}
		texts := shownIn(pdf)
		n := 0
		for _, page := range pages {
			for _, line := range page.Lines {
				for _, run := range line.Runs {
					if n == len(texts) || texts[n].text != printable(run.Text) {
						t.Fatalf("text %d is not %q", n, run.Text)
					}
					n++
				}
			}
		}
		if n != len(texts) {
			t.Errorf("%d texts, want %d", len(texts), n)
		}
	}
}

func TestPDFPaper(t *testing.T) {
	s := parse(t, "One.")
	for paper, want := range map[Paper]string{"": "612.00 792.00", Letter: "612.00 792.00", A4: "595.28 841.89", "legal": "612.00 792.00"} {
		if pdf := makePDF(t, s, Options{Paper: paper}); !bytes.Contains(pdf, []byte("/MediaBox [0 0 "+want+"]")) {
			t.Errorf("paper %q is not %s points", paper, want)
		}
	}
}

func TestPDFStyles(t *testing.T) {
	for text, want := range map[string]struct {
		faces int
		lines int // under text
	}{
		"a": {1, 0}, "a *b*": {2, 0}, "a **b** *c* ***d***": {4, 0}, "_a_ b": {1, 1}, "_a **b**_": {2, 2},
	} {
		pdf := makePDF(t, parse(t, text), Options{uncompressed: true})
		faces, lines := bytes.Count(pdf, []byte("/FontFile2")), bytes.Count(pdf, []byte(" re f"))
		if faces != want.faces || lines != want.lines {
			t.Errorf("%q: %d faces and %d lines under text", text, faces, lines)
		}
	}
}

func TestPDFMetadata(t *testing.T) {
	s := parse(t, "Title: **Łódź** 😀\nAuthor: (Ω)\n\nINT. ČAJ 😀\n\nOne.\n\nINT. B\n\nTwo.\n")
	pdf := makePDF(t, s, Options{uncompressed: true})
	for _, want := range []string{
		"/Title (" + encode("Łódź □") + ")", "/Author (" + escape.Replace(encode("(Ω)")) + ")",
		"<</Title (" + encode("INT. ČAJ □") + ")", "<</Title (" + encode("INT. B") + ")", "/Outlines ",
	} {
		if !bytes.Contains(pdf, []byte(want)) {
			t.Errorf("no %q", want)
		}
	}
}

func TestPDFDates(t *testing.T) {
	s := parse(t, "INT. A\n\n/CreationDate (One.)\n")
	plain := makePDF(t, s, Options{uncompressed: true})
	if bytes.Contains(plain, []byte("Date (D:")) || !strings.Contains(fmt.Sprint(shownIn(plain)), "/CreationDate (One.)") {
		t.Error("a PDF without a date of creation has dates")
	}
	created := time.Date(2026, 3, 4, 5, 6, 7, 0, time.FixedZone("", 3600))
	dated := makePDF(t, s, Options{uncompressed: true, Created: created})
	if !bytes.Contains(dated, []byte("/CreationDate (D:20260304040607)")) {
		t.Error("the date of creation is not there")
	}
	if len(plain) != len(dated) {
		t.Errorf("%d bytes without dates, %d with", len(plain), len(dated))
	}
}

// TestPDFIsDeterministic makes many PDFs at once, of which the race detector
// sees whether they share anything.
func TestPDFIsDeterministic(t *testing.T) {
	s := parse(t, sample(t))
	want := makePDF(t, s, Options{})
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() {
			var b bytes.Buffer
			if err := PDF(&b, s, Options{}); err != nil || !bytes.Equal(b.Bytes(), want) {
				t.Errorf("another PDF, or %v", err)
			}
		})
	}
	group.Wait()
}

// TestPDFTakesEveryCharacter prints all there are, a few to a line.
func TestPDFTakesEveryCharacter(t *testing.T) {
	var b strings.Builder
	for r := rune(1); r < 0x20000; r++ {
		if r%40 == 0 {
			b.WriteString("\n\n.")
		}
		b.WriteRune(r)
	}
	s := parse(t, "Title: "+b.String())
	s.Elements = append(s.Elements, screenplay.Element{Kind: screenplay.Action, Text: "not \xff UTF-8 \xf0\x9f"})
	s.TitlePage = append(s.TitlePage, screenplay.TitleField{Key: "Title", Values: []string{"\xe2"}})
	makePDF(t, s, Options{})
}

func TestPDFOfNothing(t *testing.T) {
	pdf := makePDF(t, &screenplay.Screenplay{}, Options{uncompressed: true})
	if got := bytes.Count(pdf, []byte("/Type /Page\n")); got != 1 {
		t.Errorf("%d pages, want an empty one", got)
	}
}

// brokenWriter fails at once.
type brokenWriter struct{ err error }

func (w brokenWriter) Write([]byte) (int, error) { return 0, w.err }

func TestPDFWriteError(t *testing.T) {
	broken := errors.New("broken pipe")
	if err := PDF(brokenWriter{broken}, parse(t, "One."), Options{}); !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
}

// TestFont checks what the columns rely on: every character is 0.6 of the size
// wide, and those that European names need are there.
func TestFont(t *testing.T) {
	for r := range rune(0x180) {
		if r > ' ' && r < 0x7f || r > 0xa0 && r != 0xad {
			if !glyphs()[r] {
				t.Errorf("no %c", r)
			}
		}
	}
	if text := "ΑΩαωάώ АЯаяЁёЇї “”‘’–—…€□"; printable(text) != text {
		t.Errorf("got %q", printable(text))
	}
	for style, file := range fontFiles {
		face, err := sfnt.Parse(file.data)
		if err != nil {
			t.Fatal(err)
		}
		var buffer sfnt.Buffer
		for r, has := range glyphs() {
			if !has {
				continue
			}
			index, _ := face.GlyphIndex(&buffer, rune(r))
			advance, err := face.GlyphAdvance(&buffer, index, fixed.I(1000), font.HintingNone)
			if err != nil || advance.Round() != 600 {
				t.Errorf("%c in style %b is %v wide, %v", r, style, advance, err)
			}
		}
	}
}
