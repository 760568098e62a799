package layout

// Where everything stands on a page.

import (
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/screenplay"
)

func parse(t testing.TB, text string) *screenplay.Screenplay {
	t.Helper()
	s, err := screenplay.Parse(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func sample(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "..", "samples", "the-lighthouse-keeper.fountain"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// typed returns the rows of a page as a typewriter would have made them.
func typed(page Page) []string {
	rows := make([]string, Letter.Rows())
	for _, line := range page.Lines {
		row := rows[line.Y]
		rows[line.Y] = row + strings.Repeat(" ", line.X-runeCount(row)) + line.Text()
	}
	return rows
}

// bodyOf returns the rows of a page between the margins without the empty ones
// at the end.
func bodyOf(page Page) []string {
	rows := typed(page)[topMargin : Letter.Rows()-topMargin]
	for len(rows) > 0 && rows[len(rows)-1] == "" {
		rows = rows[:len(rows)-1]
	}
	return rows
}

// at writes a row: texts, each after the column it begins in.
func at(places ...any) string {
	text := ""
	for i := 0; i < len(places); i += 2 {
		text += strings.Repeat(" ", places[i].(int)-runeCount(text)) + places[i+1].(string)
	}
	return text
}

func TestColumns(t *testing.T) {
	long := "One two three four five six seven eight nine ten eleven twelve."
	tests := []struct {
		name, text string
		want       []string
	}{
		{"action", long, []string{
			at(15, "One two three four five six seven eight nine ten eleven"), at(15, "twelve."),
		}},
		{"lines and indentation", "One\n    two", []string{at(15, "One"), at(19, "two")}},
		{"blank lines", "One.\n\nTwo.\n\n\n\nThree.", []string{at(15, "One."), "", at(15, "Two."), "", "", "", at(15, "Three.")}},
		{"forced blank lines", "INT. A\n\n!\n!\n!One.\n!\n!Two.\n!\n\nINT. B\n", []string{
			at(15, "INT. A"), "", "", "", at(15, "One."), "", at(15, "Two."), "", "", at(15, "INT. B"),
		}},
		{"blank lines at the beginning", "!\n!\n!One.", []string{"", "", at(15, "One.")}},
		{"heading", "INT. A\n\nOne.", []string{at(15, "INT. A"), "", at(15, "One.")}},
		{"scene number", "INT. A #1A#", []string{at(8, "1A", 15, "INT. A", 76, "1A")}},
		{"long scene number", "INT. A #123-456-789-012#", []string{at(2, "123-456-789…", 15, "INT. A", 72, "123-456-789…")}},
		{"long heading with a number", "INT. " + strings.Repeat("A", 30) + " - " + strings.Repeat("B", 30) + " #1#", []string{
			at(8, "1", 15, "INT. "+strings.Repeat("A", 30)+" -", 76, "1"), at(15, strings.Repeat("B", 30)),
		}},
		{"speech", "ADA (V.O.)\n(low)\n" + long, []string{
			at(37, "ADA (V.O.)"), at(31, "(low)"),
			at(25, "One two three four five six seven"), at(25, "eight nine ten eleven twelve."),
		}},
		{"long parenthetical", "ADA\n(one two three four five six seven)\nA.", []string{
			at(37, "ADA"), at(31, "(one two three four five"), at(31, "six seven)"), at(25, "A."),
		}},
		{"blank line in a speech", "ADA\nA.\n  \nB.", []string{at(37, "ADA"), at(25, "A."), "", at(25, "B.")}},
		{"transition", "CUT TO:\n\n> Burn.", []string{at(68, "CUT TO:"), "", at(70, "Burn.")}},
		{"centered", "> THE END <", []string{at(41, "THE END")}},
		{"lyrics", "~La\n~la", []string{at(25, "La"), at(25, "la")}},
		{"dual dialogue", "ADA\n(low)\nOne two three four five six seven.\n\nBOB (O.S.) ^\nNo.", []string{
			at(23, "ADA", 55, "BOB (O.S.)"), at(18, "(low)", 47, "No."), at(15, "One two three four five six"), at(15, "seven."),
		}},
		{"third dual speech", "ADA\na\n\nBOB ^\nb\n\nCAT ^\nc", []string{
			at(23, "ADA", 55, "BOB"), at(15, "a", 47, "b"), "", at(37, "CAT"), at(25, "c"),
		}},
		{"dual speech with nobody before", "One.\n\nBOB ^\nb", []string{at(15, "One."), "", at(37, "BOB"), at(25, "b")}},
		{"dual speech after a note", "ADA\na\n\n[[Both!]]\n\nBOB ^\nb", []string{at(23, "ADA", 55, "BOB"), at(15, "a", 47, "b")}},
		{"not printed", "# A\n\n= B\n\n[[c]]\n\n/* d */\n\nOne [[e]] two. /* f */\n\n![[g]]\n", []string{at(15, "One two.")}},
		{"notes in a speech", "ADA [[a]]\n[[b]]\nYes.", []string{at(37, "ADA"), at(25, "Yes.")}},
		{"nothing", "", nil},
		{"page breaks alone", "===\n\n===\n", nil},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			var got []string
			pages := Pages(parse(t, test.text), Options{})
			if len(pages) > 0 {
				got = bodyOf(pages[0])
			}
			if len(pages) > 1 || !slices.Equal(got, test.want) {
				t.Errorf("%d pages, the first\n%s\nwant\n%s", len(pages), strings.Join(got, "\n"), strings.Join(test.want, "\n"))
			}
		})
	}
}

func TestElementsFromElsewhere(t *testing.T) {
	s := &screenplay.Screenplay{Elements: []screenplay.Element{
		{Kind: screenplay.Dialogue, Text: "Spoken by nobody."},
		{Kind: screenplay.Parenthetical, Text: "low"},
		{Kind: screenplay.Character, Text: ""},
		{Kind: screenplay.Lyrics, Text: "La", InDialogue: true},
		{Kind: "gesture", Text: "A wink."},
		{Kind: screenplay.SceneHeading, Text: "INT.\nA", SceneNumber: "1\n2"},
	}}
	want := []string{
		at(15, "Spoken by nobody."), "", at(15, "(low)"), "", at(25, "La"), "", at(15, "A wink."), "",
		at(8, "1 2", 15, "INT. A", 76, "1 2"),
	}
	if got := bodyOf(Pages(s, Options{})[0]); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
}

func TestKindsAndRuns(t *testing.T) {
	pages := Pages(parse(t, "INT. *A* #1#\n\nADA\n~La _la_\n"), Options{})
	want := []Line{
		{8, 6, SceneNumber, 0, []Run{{Text: "1"}}},
		{15, 6, screenplay.SceneHeading, 0, []Run{{Text: "INT. "}, {"A", Italic}}},
		{76, 6, SceneNumber, 0, []Run{{Text: "1"}}},
		{37, 8, screenplay.Character, 1, []Run{{Text: "ADA"}}},
		{25, 9, screenplay.Lyrics, 2, []Run{{"La ", Italic}, {"la", Italic | Underline}}},
	}
	if !reflect.DeepEqual(pages, []Page{{1, want}}) {
		t.Errorf("got %+v", pages)
	}
}

func TestTitlePage(t *testing.T) {
	text := "Title:\n    _**A**_\n    *B*\nCredit: by\nAuthor: C\nContact:\n    D\n    E\nDraft date: F\nMood: gloomy\n\nOne."
	pages := Pages(parse(t, text), Options{})
	if len(pages) != 2 || pages[0].Number != 0 || pages[1].Number != 1 {
		t.Fatalf("got %+v", pages)
	}
	want := make([]string, 54)
	want[16], want[17], want[21], want[23] = at(44, "A"), at(44, "B"), at(44, "by"), at(44, "C")
	want[50], want[52], want[53] = at(15, "F"), at(15, "D"), at(15, "E")
	if got := bodyOf(pages[0]); !slices.Equal(got, want) {
		t.Errorf("got\n%s", strings.Join(got, "\n"))
	}
	if style := pages[0].Lines[0].Runs[0].Style; style != Bold|Underline {
		t.Errorf("title in style %b", style)
	}
}

func TestOverfullTitlePage(t *testing.T) {
	lines := func(n int) string { return strings.Repeat("    a\n", n) }
	for _, test := range []struct{ title, contact, want int }{
		{37, 0, 1}, {38, 0, 1}, {54, 0, 1}, {55, 0, 2}, {20, 17, 1}, {20, 18, 2}, {0, 54, 1}, {0, 55, 2}, {60, 60, 4},
	} {
		text := "Title:\n" + lines(test.title) + "Contact:\n" + lines(test.contact) + "\n"
		pages := Pages(parse(t, text), Options{})
		printed := 0
		for _, page := range pages {
			printed += len(page.Lines)
			checkBounds(t, page, Letter)
		}
		if len(pages) != test.want || printed != test.title+test.contact {
			t.Errorf("%+v: %d lines on %d pages", test, printed, len(pages))
		}
	}
}

func TestA4(t *testing.T) {
	s := parse(t, strings.Repeat("One.\n\n", 30)+"INT. A #123-456-789#\n\nTwo.\n")
	pages := Pages(s, Options{Paper: A4})
	if len(pages) != 2 {
		t.Fatalf("%d pages", len(pages))
	}
	if last := pages[0].Lines[len(pages[0].Lines)-1]; last.Y != topMargin+56 {
		t.Errorf("the first page ends on line %d", last.Y)
	}
	for _, page := range pages {
		checkBounds(t, page, A4)
	}
	if len(Pages(s, Options{Paper: "legal"})) != len(Pages(s, Options{})) {
		t.Error("an unknown paper is not taken for Letter")
	}
}

// checkBounds checks that a page's lines are on the paper, within the margins,
// in order and apart.
func checkBounds(t testing.TB, page Page, paper Paper) {
	t.Helper()
	lastX, lastY := 0, -1
	for _, line := range page.Lines {
		if line.Y > lastY {
			lastX = 0
		}
		if err := outOfBounds(line, paper); err != "" || line.Y < lastY || line.X < lastX || len(line.Runs) == 0 {
			t.Fatalf("line %+v on page %d after %d,%d: %s", line, page.Number, lastX, lastY, err)
		}
		lastX, lastY = line.X+line.Width(), line.Y
	}
}

func outOfBounds(line Line, paper Paper) string {
	end := line.X + line.Width()
	switch line.Kind {
	case PageNumber:
		if line.Y != pageNumberY || end != rightEdge {
			return "page number is elsewhere"
		}
		return ""
	case SceneNumber:
		if line.X < 2 || end >= paper.Columns() {
			return "scene number is not on the paper"
		}
	default:
		if line.X < actionX || end > rightEdge {
			return fmt.Sprintf("text ends in column %d", end)
		}
	}
	if line.Y < topMargin || line.Y >= paper.Rows()-topMargin {
		return "row is in the margin"
	}
	return ""
}
