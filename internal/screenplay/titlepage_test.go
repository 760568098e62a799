package screenplay

// What counts as a title page and what only looks like one.

import (
	"reflect"
	"testing"
)

func field(key string, values ...string) TitleField {
	return TitleField{Key: key, Values: append([]string{}, values...)}
}

var titlePageTests = []struct {
	name, text string
	fields     []TitleField
	elements   []Element
}{
	{"one value", "Title: A\n", []TitleField{field("Title", "A")}, []Element{}},
	{
		"values below their key", "Title:\n    A\n\tB\nDraft date: 1: 2\n\nOne.\n",
		[]TitleField{field("Title", "A", "B"), field("Draft date", "1: 2")}, []Element{action("One.")},
	},
	{"values beside and below", "TITLE: A\n  B:\ncredit:by\n", []TitleField{field("TITLE", "A", "B:"), field("credit", "by")}, []Element{}},
	{"CRLF and byte order mark", "\uFEFFTitle: A\r\n\r\nINT. B\r\n", []TitleField{field("Title", "A")}, []Element{scene("INT. B")}},
	{"empty fields", "Title:\nFoo:\nAuthor: \n\n", []TitleField{field("Title"), field("Foo"), field("Author")}, []Element{}},
	{"key of our own", "Épisode 2 : A\n", []TitleField{field("Épisode 2", "A")}, []Element{}},
	{"key twice", "Notes: A\nNotes: B\n", []TitleField{field("Notes", "A"), field("Notes", "B")}, []Element{}},
	{"comments are values", "Title: /* [[A\n\nB */\n", []TitleField{field("Title", "/* [[A")}, []Element{action("B */")}},
	{"line of two spaces ends it", "Title: A\n  \n  B\n", []TitleField{field("Title", "A")}, []Element{action("  B")}},
	{"ended without a blank line", "Title: A\nINT. B: C\n", []TitleField{field("Title", "A")}, []Element{scene("INT. B: C")}},
	{"ended by a section", "Title: A\n# B: C\n", []TitleField{field("Title", "A")}, []Element{part(1, "B: C")}},
	{"line like a key after it", "Title: A\n\nFoo: B\n\nBOB: C\nd\n", []TitleField{field("Title", "A")}, []Element{
		action("Foo: B"), named("BOB: C"), said("d"),
	}},
	{"blank line first", "\nTitle: A\n", nil, []Element{action("Title: A")}},
	{"key indented", "  Title: A\n", nil, []Element{action("  Title: A")}},
	{"no key", ": A\n", nil, []Element{action(": A")}},
	{"no letter first", "(Title: A)\n", nil, []Element{action("(Title: A)")}},
	{"FADE IN", "FADE IN:\n\nOne.\n", nil, []Element{action("FADE IN:"), action("One.")}},
	{"transition first", "CUT TO:\n\nOne.\n", nil, []Element{transition("CUT TO:"), action("One.")}},
	{"FADE IN above indented action", "!FADE IN:\n  One.\n", nil, []Element{action("FADE IN:\n  One.")}},
	{"forced transition first", "> CUT TO: BLACK TO:\n", nil, []Element{transition("CUT TO: BLACK TO:")}},
	{"forced name first", "@TITLE:\nHi.\n", nil, []Element{named("TITLE:"), said("Hi.")}},
	{"forced action first", "!Title: A\n\nFoo: B\n", nil, []Element{action("Title: A"), action("Foo: B")}},
	{"forced twice first", "!!Title: A\n", nil, []Element{action("!Title: A")}},
}

func TestTitlePage(t *testing.T) {
	for _, test := range titlePageTests {
		t.Run(test.name, func(t *testing.T) {
			play := mustParse(t, test.text)
			if !reflect.DeepEqual(play.TitlePage, test.fields) {
				t.Errorf("title page\n%q\nwant\n%q", play.TitlePage, test.fields)
			}
			compareElements(t, play.Elements, test.elements)
			checkRoundTrip(t, play)
		})
	}
}

func TestTitleAndAuthor(t *testing.T) {
	tests := []struct{ text, title, author string }{
		{"", "", ""},
		{"One.\n", "", ""},
		{"Credit: by\nDate: 1\n", "", ""},
		{"Title: A\nAuthor: B\n", "A", "B"},
		{"TITLE:\n  _**A**_\n  *of B*\nauthors:\n  C\n  and D\n", "A of B", "C and D"},
	}
	for _, test := range tests {
		play := mustParse(t, test.text)
		if got := play.Title(); got != test.title {
			t.Errorf("title of %q is %q, want %q", test.text, got, test.title)
		}
		if got := play.Author(); got != test.author {
			t.Errorf("author of %q is %q, want %q", test.text, got, test.author)
		}
	}
}

func TestStripEmphasis(t *testing.T) {
	tests := []struct{ text, want string }{
		{"plain", "plain"},
		{"*a* **b** ***c*** _d_", "a b c d"},
		{"_**a** and *b*_", "a and b"},
		{"**a *b* c**", "a b c"},
		{`\*a\* \_b`, "*a* _b"},
		{`*a \* b*`, "a * b"},
		{`a \ b\`, `a \ b\`},
		{"2 * 3 * 4", "2 * 3 * 4"},
		{"*a", "*a"},
		{"a*", "a*"},
		{"*a **b* c**", "a **b c**"},
		{"****", "****"},
	}
	for _, test := range tests {
		if got := stripEmphasis(test.text); got != test.want {
			t.Errorf("stripEmphasis(%q) = %q, want %q", test.text, got, test.want)
		}
	}
}
