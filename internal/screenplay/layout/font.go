package layout

// This file knows the font of the PDF: Go Mono, whose characters are as wide
// as those of Courier and which has the Latin, Greek and Cyrillic scripts. It
// comes with the Go image module under the BSD licence.

import (
	"strings"
	"sync"
	"unicode"

	"golang.org/x/image/font/gofont/gomono"
	"golang.org/x/image/font/gofont/gomonobold"
	"golang.org/x/image/font/gofont/gomonobolditalic"
	"golang.org/x/image/font/gofont/gomonoitalic"
	"golang.org/x/image/font/sfnt"
)

// fontFile is one face of the font, with the style string that fpdf has for
// it.
type fontFile struct {
	style string
	data  []byte
}

// fontFiles are the faces by their style.
var fontFiles = map[Style]fontFile{
	0:             {"", gomono.TTF},
	Bold:          {"B", gomonobold.TTF},
	Italic:        {"I", gomonoitalic.TTF},
	Bold | Italic: {"BI", gomonobolditalic.TTF},
}

// missing stands for characters that the font lacks. The font has it.
const missing = '\u25A1' // a white square

// glyphs are the characters of the Basic Multilingual Plane that every face
// has.
var glyphs = sync.OnceValue(func() *[0x10000]bool {
	var has [0x10000]bool
	var faces []*sfnt.Font
	for _, file := range fontFiles {
		face, err := sfnt.Parse(file.data)
		if err != nil {
			panic(err) // it is compiled in, and every test sees it
		}
		faces = append(faces, face)
	}
	var buffer sfnt.Buffer
	for r := range rune(len(has)) {
		has[r] = r >= ' '
		for _, face := range faces {
			index, err := face.GlyphIndex(&buffer, r)
			has[r] = has[r] && err == nil && index != 0
		}
	}
	return &has
})

// printable returns a text in characters that the font has.
func printable(text string) string {
	if isPlain(text) {
		return text
	}
	has := glyphs()
	return strings.Map(func(r rune) rune {
		switch {
		case int(r) < len(has) && has[r]:
			return r
		case unicode.IsSpace(r):
			return ' '
		}
		return missing
	}, text)
}
