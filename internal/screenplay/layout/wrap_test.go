package layout

import (
	"reflect"
	"strings"
	"testing"
)

// rowsOf breaks a text into the rows of a column.
func rowsOf(text string, width int) []string {
	p := para{width: width, cells: cellsOf([]Run{{Text: text}})}
	c := column{paras: []para{p}}
	var rows []string
	for _, r := range c.wrap(1000) {
		rows = append(rows, p.line(r, 0).Text())
	}
	return rows
}

func TestWrap(t *testing.T) {
	tests := []struct {
		name, text string
		want       []string
	}{
		{"fits", "one two th", []string{"one two th"}},
		{"empty", "", []string{""}},
		{"at a space", "one two three four", []string{"one two", "three four"}},
		{"space just beyond the width", "one two th four", []string{"one two th", "four"}},
		{"several spaces at the break", "one two     three", []string{"one two", "three"}},
		{"several spaces elsewhere", "one   two three", []string{"one   two", "three"}},
		{"after a hyphen", "one two-three", []string{"one two-", "three"}},
		{"after a dash", "one two—three", []string{"one two—", "three"}},
		{"not between two dashes", "one twoxy--z", []string{"one", "twoxy--z"}},
		{"not before what a dash opens", "one two t -34", []string{"one two t", "-34"}},
		{"not at a space that does not break", "one two\u00a0three", []string{"one", "two\u00a0three"}},
		{"long word", "one abcdefghijklmno p", []string{"one", "abcdefghij", "klmno p"}},
		{"indentation", "  one two three", []string{"  one two", "three"}},
		{"deep indentation", strings.Repeat(" ", 30) + "one two", []string{"     one", "two"}},
		{"without spaces", "着いたよ着いたよ着いたよ", []string{"着いたよ着いたよ着い", "たよ"}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := rowsOf(test.text, 10); !reflect.DeepEqual(got, test.want) {
				t.Errorf("%q gives %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func TestSentenceEnds(t *testing.T) {
	// A bar stands where a sentence ends.
	for _, want := range []string{
		"He goes.| She stays.|",
		"\"He goes.\"| She stays!|",
		"(What?!)| Nothing…|",
		"Mr. Smith and Mrs. J. R. Jones go.|",
		"At 3.45 he goes",
		"So… he goes... and comes.|",
		"It is I.| No.| He's a saint.|",
		"行く。|来る！|「はい。」|",
	} {
		text := strings.ReplaceAll(want, "|", "")
		p := para{cells: cellsOf([]Run{{Text: text}})}
		runes := []rune(text)
		for _, end := range p.sentenceEnds(row{end: len(p.cells)}) {
			runes = append(runes[:end:end], append([]rune("|"), runes[end:]...)...)
		}
		if got := string(runes); got != want {
			t.Errorf("got %s, want %s", got, want)
		}
	}
}
