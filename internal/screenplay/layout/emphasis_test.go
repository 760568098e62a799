package layout

import (
	"reflect"
	"strings"
	"testing"
)

// marked writes runs with the letters of their styles: "b(bold) plain".
func marked(runs []Run) string {
	var b strings.Builder
	for _, run := range runs {
		letters := ""
		for i, letter := range []string{"b", "i", "u"} {
			if run.Style&(1<<i) != 0 {
				letters += letter
			}
		}
		if letters == "" {
			b.WriteString(run.Text)
			continue
		}
		b.WriteString(letters + "{" + run.Text + "}")
	}
	return b.String()
}

func TestStyledRuns(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"none", "plain", "plain"},
		{"nothing", "", ""},
		{"each", "*a* **b** ***c*** _d_", "i{a} b{b} bi{c} u{d}"},
		{"nested", "_a **b *c* d** e_", "u{a }bu{b }biu{c}bu{ d}u{ e}"},
		{"three close two", "**a *b***", "b{a }bi{b}"},
		{"three close two the other way", "*a **b***", "i{a }bi{b}"},
		{"three open two", "***a** b*", "bi{a}i{ b}"},
		{"three open two the other way", "***a* b**", "bi{a}b{ b}"},
		{"bold in bold", "**a **b** c**", "b{a b c}"},
		{"two spans of a kind", "*a* and *b*", "i{a} and i{b}"},
		{"within a word", "a*b*c", "ai{b}c"},
		{"spaces do not count", "2 * 3 * 4", "2 * 3 * 4"},
		{"not closed", "dialed *69 and then *23", "dialed *69 and then *23"},
		{"crossing", "*a _b* c_", "i{a _b} c_"},
		{"escaped", `\*a\* \_b\_ *c\*d*`, "*a* _b_ i{c*d}"},
		{"other backslashes", `a\b \\ c\`, `a\b \\ c\`},
		{"escaped beginning", `\# a`, "# a"},
		{"escaped beginning after space", `  \(a)`, "  (a)"},
		{"lines to write on", "____ and ****a****", "____ and ****a****"},
		{"lone markers", "* _ ** a*", "* _ ** a*"},
		{"tab", "a\tb", "a    b"},
		{"decomposed", "e\u0301", "é"},
		{"control and format characters", "a\u0007b\u200dc\ufeffd\u00ad", "abcd"},
		{"wide and line-separating spaces", "a\u3000b\u2028c", "a b c"},
		{"not UTF-8", "a\xffb", "a\uFFFDb"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := marked(styledRuns(test.text)); got != test.want {
				t.Errorf("%q gives %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestPrintedLines(t *testing.T) {
	got := printedLines("*One\n\n[[a]]\ntwo* [[b]] *three*")
	want := [][]Run{{{Text: "*One"}}, nil, {{Text: "two* "}, {"three", Italic}}}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestCells(t *testing.T) {
	runs := styledRuns("a *b* _**c**_ d")
	if got := runsOf(cellsOf(runs)); !reflect.DeepEqual(got, runs) {
		t.Errorf("got %v, want %v", got, runs)
	}
}
