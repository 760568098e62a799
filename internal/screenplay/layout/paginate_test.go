package layout

// The rules of page breaks.

import (
	"slices"
	"strings"
	"testing"
)

// filler is action of so many rows that fits on a page as a whole.
func filler(rows int) string {
	return strings.TrimSuffix(strings.Repeat("Filler.\n", rows), "\n") + "\n\n"
}

// words is text of so many rows of a column, without an end of a sentence.
func words(rows, width int) string {
	return strings.TrimSpace(strings.Repeat(strings.Repeat("X", width-1)+" ", rows))
}

// breakTest says what stands around the first page break: the last rows of
// page 1, without the filler, and the first rows of page 2.
type breakTest struct {
	name, text   string
	above, below []string
}

func (test breakTest) run(t *testing.T) {
	t.Helper()
	pages := Pages(parse(t, test.text), Options{})
	var above, below []string
	for _, row := range bodyOf(pages[0]) {
		if row != at(15, "Filler.") {
			above = append(above, row)
		}
	}
	if len(pages) > 1 {
		below = bodyOf(pages[1])
	}
	below = below[:min(len(below), len(test.below)+1)]
	if !slices.Equal(above, test.above) || len(below) < len(test.below) || !slices.Equal(below[:len(test.below)], test.below) {
		t.Errorf("page 1 ends with\n%s\nand page 2 begins with\n%s", strings.Join(above, "\n"), strings.Join(below, "\n"))
	}
	if len(test.below) == 0 && len(pages) > 1 {
		t.Errorf("%d pages", len(pages))
	}
}

func runBreakTests(t *testing.T, tests []breakTest) {
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) { test.run(t) })
	}
}

func TestForcedPageBreaks(t *testing.T) {
	runBreakTests(t, []breakTest{
		{"between", "One.\n\n===\n\nTwo.", []string{at(15, "One.")}, []string{at(15, "Two.")}},
		{"twice", "One.\n\n===\n\n===\n\nTwo.", []string{at(15, "One.")}, []string{at(15, "Two.")}},
		{"first and last", "===\n\nOne.\n\n===\n", []string{at(15, "One.")}, nil},
		{"on a full page", filler(54) + "===\n\nTwo.", nil, []string{at(15, "Two.")}},
		{"with blank lines after it", "One.\n\n===\n\n!\n!\n!Two.", []string{at(15, "One.")}, []string{"", "", at(15, "Two.")}},
		{"after a heading", "INT. A\n\n===\n\nTwo.", []string{at(15, "INT. A")}, []string{at(15, "Two.")}},
	})
}

func TestNoOrphans(t *testing.T) {
	heading, one := at(15, "INT. A"), at(15, "One.")
	runBreakTests(t, []breakTest{
		{"heading with all of the action", filler(50) + "INT. A\n\nOne.", []string{"", heading, "", one}, nil},
		{"heading without room for the action", filler(52) + "INT. A\n\nOne.", nil, []string{heading, "", one}},
		{"heading last on the page", filler(52) + "INT. A", []string{"", heading}, nil},
		{"heading above three rows of action", filler(49) + "INT. A\n\n" + words(3, 60), nil, []string{heading, "", at(15, words(1, 60))}},
		{
			"heading above two of four rows", filler(49) + "INT. A\n\n" + words(4, 60),
			[]string{"", heading, "", at(15, words(1, 60)), at(15, words(1, 60))},
			[]string{at(15, words(1, 60)), at(15, words(1, 60))},
		},
		{"heading above one of four rows", filler(50) + "INT. A\n\n" + words(4, 60), nil, []string{heading, "", at(15, words(1, 60))}},
		{"heading above a heading", filler(49) + "INT. A\n\nINT. B\n\nOne.", nil, []string{heading, "", at(15, "INT. B"), "", one}},
		{"heading above a cue", filler(50) + "INT. A\n\nADA\nOne.", nil, []string{heading, "", at(37, "ADA"), at(25, "One.")}},
		{"heading above a long speech", filler(47) + "INT. A\n\nADA\n" + words(9, 35), []string{
			"", heading, "", at(37, "ADA"), at(25, words(1, 35)), at(25, words(1, 35)), at(37, "(MORE)"),
		}, []string{at(37, "ADA (CONT'D)")}},
		{"cue", filler(52) + "ADA\nOne.", nil, []string{at(37, "ADA"), at(25, "One.")}},
		{"cue of nobody who speaks", filler(52) + "@Ada\n\nOne.", nil, []string{at(37, "Ada"), "", one}},
		{"cue and parenthetical", filler(51) + "ADA\n(low)\nOne.\nTwo.", nil, []string{at(37, "ADA"), at(31, "(low)"), at(25, "One.")}},
		{"centered, and blank lines at the top of a page", filler(54) + "\n\n> One <", nil, []string{at(43, "One")}},
	})
}

func TestActionBreaks(t *testing.T) {
	row := words(1, 60)
	sentences := func(texts ...string) string { return strings.Join(texts, " ") }
	runBreakTests(t, []breakTest{
		{"two rows on both sides", filler(51) + words(4, 60), []string{"", at(15, row), at(15, row)}, []string{at(15, row), at(15, row)}},
		{"not one row above", filler(52) + words(4, 60), nil, []string{at(15, row), at(15, row), at(15, row), at(15, row)}},
		{"not one row below", filler(49) + words(5, 60), []string{"", at(15, row), at(15, row), at(15, row)}, []string{at(15, row), at(15, row)}},
		{"three rows stay together", filler(51) + words(3, 60), nil, []string{at(15, row), at(15, row), at(15, row)}},
		{
			"at the end of a sentence", filler(48) + sentences(words(2, 60), "End.", words(3, 58)),
			[]string{"", at(15, row), at(15, row), at(15, "End.")}, []string{at(15, words(1, 58))},
		},
		{
			"not at a sentence that leaves one row below", filler(48) + sentences(words(2, 60), "One.", words(2, 58), "Two.", "x"),
			[]string{"", at(15, row), at(15, row), at(15, "One.")}, []string{at(15, words(1, 58))},
		},
		{
			"not at a sentence far above", filler(45) + sentences(words(2, 60), "End.", words(12, 58)),
			[]string{
				"", at(15, row), at(15, row), at(15, "End."),
				at(15, words(1, 58)), at(15, words(1, 58)), at(15, words(1, 58)), at(15, words(1, 58)), at(15, words(1, 58)),
			},
			[]string{at(15, words(1, 58))},
		},
		{
			"not at an abbreviation", filler(50) + sentences(words(2, 60), "Mr. X"+words(2, 57)),
			[]string{"", at(15, row), at(15, row), at(15, "Mr.")}, []string{at(15, "X"+words(1, 57)), at(15, words(1, 57))},
		},
		{
			"empty lines at the break are left out", filler(50) + "One\n!\n!Two\n!\n!Three\n!\n!Four\n!Five",
			[]string{"", at(15, "One"), "", at(15, "Two")}, []string{at(15, "Three"), "", at(15, "Four")},
		},
		{
			"over several pages", words(120, 60),
			slices.Repeat([]string{at(15, row)}, 54), slices.Repeat([]string{at(15, row)}, 54),
		},
		{"lyrics", filler(51) + "~a\n~b\n~c\n~d\n", []string{"", at(25, "a"), at(25, "b")}, []string{at(25, "c"), at(25, "d")}},
	})
}

func TestSpeechBreaks(t *testing.T) {
	row, cue, more, again := at(25, words(1, 35)), at(37, "ADA"), at(37, "(MORE)"), at(37, "ADA (CONT'D)")
	runBreakTests(t, []breakTest{
		{"fits", filler(50) + "ADA\n" + words(2, 35), []string{"", cue, row, row}, nil},
		{"two rows on both sides", filler(49) + "ADA\n" + words(4, 35), []string{"", cue, row, row, more}, []string{again, row, row}},
		{"not one row above", filler(50) + "ADA\n" + words(4, 35), nil, []string{cue, row, row, row, row}},
		{"not one row below", filler(49) + "ADA\n" + words(3, 35) + "\n\nOne.", []string{"", cue, row, row, row}, []string{at(15, "One.")}},
		{"three rows stay together", filler(50) + "ADA\n" + words(3, 35), nil, []string{cue, row, row, row}},
		{
			"at the end of a sentence", filler(48) + "ADA\n" + words(1, 35) + " One. " + words(3, 33),
			[]string{"", cue, row, at(25, "One."), more}, []string{again, at(25, words(1, 33))},
		},
		{
			"not under a parenthetical", filler(48) + "ADA\n" + words(2, 35) + "\n(low)\n" + words(4, 35),
			[]string{"", cue, row, row, more}, []string{again, at(31, "(low)"), row},
		},
		{"extension", filler(49) + "ADA (V.O.)\n" + words(4, 35), []string{
			"", at(37, "ADA (V.O.)"), row, row, more,
		}, []string{at(37, "ADA (V.O.) (CONT'D)")}},
		{"continued already", filler(49) + "ADA (CONT’D)\n" + words(4, 35), []string{
			"", at(37, "ADA (CONT’D)"), row, row, more,
		}, []string{at(37, "ADA (CONT’D)"), row}},
		{"long name", filler(48) + "ADA " + words(2, 20) + "\n" + words(4, 35), []string{
			"", at(37, "ADA "+words(1, 20)), at(37, words(1, 20)), row, row, more,
		}, []string{at(37, "ADA "+words(1, 20)+" XXXX…"+" (CONT'D)"), row}},
		{"over several pages", "ADA\n" + words(120, 35), slices.Concat(
			[]string{cue}, slices.Repeat([]string{row}, 52), []string{more},
		), slices.Concat([]string{again}, slices.Repeat([]string{row}, 52), []string{more})},
	})
}

func TestDualBreaks(t *testing.T) {
	left, right := words(1, 28), words(1, 28)
	cues, again := at(23, "ADA", 55, "BOB"), at(23, "ADA (CONT'D)", 55, "BOB (CONT'D)")
	both := at(15, left, 47, right)
	runBreakTests(t, []breakTest{
		{"stays together", filler(48) + "ADA\n" + words(6, 28) + "\n\nBOB ^\nb.", nil, []string{cues, at(15, left, 47, "b.")}},
		{
			"longer than a page", "ADA\n" + words(60, 28) + "\n\nBOB ^\n" + words(60, 28),
			slices.Concat([]string{cues}, slices.Repeat([]string{both}, 52), []string{at(23, "(MORE)", 55, "(MORE)")}),
			[]string{again, both},
		},
		{
			"one of them longer than a page", "ADA\nb.\n\nBOB ^\n" + words(60, 28),
			slices.Concat([]string{cues, at(15, "b.", 47, right)}, slices.Repeat([]string{at(47, right)}, 51), []string{at(55, "(MORE)")}),
			[]string{at(55, "BOB (CONT'D)"), at(47, right)},
		},
	})
}

func TestPageNumbers(t *testing.T) {
	pages := Pages(parse(t, "Title: A\n\n"+strings.Repeat("One.\n\n===\n\n", 12)), Options{})
	if len(pages) != 13 {
		t.Fatalf("%d pages", len(pages))
	}
	for i, want := range []string{"", "", at(73, "2."), at(73, "3.")} {
		if got := typed(pages[i])[3]; got != want || pages[i].Number != i {
			t.Errorf("page %d has %q, want %q", pages[i].Number, got, want)
		}
	}
	if got, want := typed(pages[12])[3], at(72, "12."); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestWordsAtPageBreaks(t *testing.T) {
	options := Options{More: "(WEITER)", Continued: "(FORTS.)"}
	pages := Pages(parse(t, "ADA\n"+words(60, 35)), options)
	first, second := bodyOf(pages[0]), bodyOf(pages[1])
	if first[53] != at(37, "(WEITER)") || second[0] != at(37, "ADA (FORTS.)") {
		t.Errorf("got %q and %q", first[53], second[0])
	}
}

// TestNothingBreaksWell lays out what is higher than a page and has no place
// for a break.
func TestNothingBreaksWell(t *testing.T) {
	long := strings.Repeat("A", 5000)
	for _, text := range []string{
		"INT. " + long, "@" + long + "\na", "@" + long, "ADA\n(" + long + ")\na", "> " + long, "> " + long + " <",
		"ADA\n(" + long + ")\n\nBOB ^\n(" + long + ")", strings.Repeat("INT. A\n\n", 200), strings.Repeat("@A\n\n", 200),
	} {
		checkLayout(t, parse(t, text), Options{})
	}
}
