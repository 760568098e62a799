package layout

// What must hold for any screenplay: nothing is lost, nothing changes its
// place, nothing leaves the page.

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode"
	"unicode/utf8"

	"fountain.coach/fountainai/internal/screenplay"
)

// letters returns a text without spaces, and without what marks emphasis.
func letters(text string) string {
	return clean(strings.Map(func(r rune) rune {
		if unicode.IsSpace(r) || strings.ContainsRune(`*_\`, r) {
			return -1
		}
		return r
	}, text))
}

// checkLayout lays a screenplay out and checks all that must hold.
func checkLayout(t testing.TB, s *screenplay.Screenplay, options Options) []Page {
	t.Helper()
	pages := Pages(s, options)
	number := 0
	for i, page := range pages {
		checkBounds(t, page, options.Paper)
		if page.Number != 0 {
			number++
		}
		if page.Number != number || len(page.Lines) == 0 {
			t.Fatalf("page %d of %d has number %d and %d lines", i, len(pages), page.Number, len(page.Lines))
		}
	}
	checkTexts(t, s, pages)
	checkOrder(t, s, pages)
	return pages
}

// checkTexts checks that the lines of every element are its text.
func checkTexts(t testing.TB, s *screenplay.Screenplay, pages []Page) {
	t.Helper()
	texts := make([]strings.Builder, len(s.Elements))
	for _, page := range pages {
		for _, line := range page.Lines {
			switch line.Kind {
			case TitleLine, PageNumber, SceneNumber, More, Continued:
			default:
				texts[line.Element].WriteString(line.Text())
			}
		}
	}
	for i, e := range s.Elements {
		want := screenplay.Printed(e.Text)
		switch e.Kind {
		case screenplay.Section, screenplay.Synopsis, screenplay.Note, screenplay.Boneyard, screenplay.PageBreak:
			want = ""
		case screenplay.Character:
			want += screenplay.Printed(e.Extension)
		case screenplay.Parenthetical:
			want = "(" + want + ")"
		}
		got := texts[i].String()
		if letters(got) != letters(want) && !(e.Kind == screenplay.Parenthetical && got == "") {
			t.Fatalf("element %d, %+v, is printed as %q, want %q", i, e, got, want)
		}
	}
}

// checkOrder checks that elements follow one another as in the script; those
// of dual dialogue do in each of its columns.
func checkOrder(t testing.TB, s *screenplay.Screenplay, pages []Page) {
	t.Helper()
	column := make([]int, len(s.Elements)) // 1 and 2 in dual dialogue
	for _, p := range partsOf(s) {
		for i, speech := range p.speeches {
			for _, spoken := range append(speech.spoken, speech.cue) {
				column[spoken.element] = i + len(p.speeches) - 1
			}
		}
	}
	last := [3]int{-1, -1, -1}
	for _, page := range pages {
		for _, line := range page.Lines {
			if line.Element < 0 || line.Kind == More || line.Kind == Continued {
				continue
			}
			n := column[line.Element]
			if line.Element < last[n] {
				t.Fatalf("element %d comes after element %d", line.Element, last[n])
			}
			last[n] = line.Element
			if n == 0 {
				last[1], last[2] = line.Element, line.Element
			}
		}
	}
}

// play is a script of real length, which has every element many times.
func play(t testing.TB, times int) *screenplay.Screenplay {
	_, body, _ := strings.Cut(sample(t), "\n\n")
	return parse(t, strings.Repeat(body+"\n", times))
}

func TestSample(t *testing.T) {
	s := parse(t, sample(t))
	if pages := checkLayout(t, s, Options{}); len(pages) != 6 || pages[1].Number != 1 {
		t.Errorf("%d pages", len(pages))
	}
	checkLayout(t, play(t, 20), Options{})
	checkLayout(t, play(t, 20), Options{Paper: A4})
}

func TestRealPlays(t *testing.T) {
	folder := os.Getenv("FOUNTAIN_TESTDATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "..", "shared")
	}
	for _, name := range []string{"macbeth.fountain", "much-ado-about-nothing.fountain"} {
		t.Run(name, func(t *testing.T) {
			data, err := os.ReadFile(filepath.Join(folder, "data", name))
			if os.IsNotExist(err) {
				t.Skipf("no %s; set FOUNTAIN_TESTDATA to the folder that holds data/", name)
			}
			if err != nil {
				t.Fatal(err)
			}
			pages := checkLayout(t, parse(t, string(data)), Options{})
			if len(pages) < 50 || len(pages) > 150 {
				t.Errorf("%d pages", len(pages))
			}
		})
	}
}

// TestHostileInputIsLinear lays out much of the same. Linear code takes less
// than a second for each, quadratic code far more than the limit.
func TestHostileInputIsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const size, limit = 128 << 10, 10 * time.Second
	for _, unit := range []string{
		"a", "a ", "a. ", ". ", "*a *a", "*a b** ", "_a **b", "***a", "a\n", "a\n\n", "!\n", "\n", "~a\n", "> a <\n", "===\n", "\t",
		"INT. A\n\n", ".A #1#\n\n", "@A\n\n", "A\nb\n\n", "A ^\nb\n\n", "a-", "[[a]]b", ".)", "e\u0301", "\u0301", "母",
	} {
		for _, prefix := range []string{"", "ADA\n", "ADA\na\n\nBOB ^\n(", "Title: "} {
			s := parse(t, prefix+strings.Repeat(unit, size/len(unit)))
			start := time.Now()
			Pages(s, Options{})
			if took := time.Since(start); took > limit {
				t.Errorf("%q and then many %q took %v", prefix, unit, took)
			}
		}
	}
}

func FuzzLayout(f *testing.F) {
	f.Add(sample(f), false)
	for _, text := range []string{
		"Title: **a**\nContact: b\n\nINT. A #1#\n\nB\n(c)\nd\n\nE ^\n~f\n\n> g <\n\n===\n\n>h\n",
		"ADA\n" + words(120, 35) + "\n\nBOB ^\n(" + words(120, 20) + ")",
		strings.Repeat("INT. A\n\n", 60), "!\n!\n!" + words(120, 60) + "\n!\n", "a\u0301\u200d\t\u3000[[b]] *c _d* e_",
		"Title:\n" + strings.Repeat("    a\n", 60) + "Notes:\n" + strings.Repeat("    b\n", 60) + "\n",
	} {
		f.Add(text, true)
	}
	f.Fuzz(func(t *testing.T, text string, a4 bool) {
		if !utf8.ValidString(text) || len(text) > 1<<16 {
			return
		}
		options := Options{Paper: Letter}
		if a4 {
			options.Paper = A4
		}
		checkLayout(t, parse(t, text), options)
		if _, err := HTML(parse(t, text)); err != nil {
			t.Fatal(err)
		}
	})
}
