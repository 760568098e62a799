package screenplay

// What Parse makes of every element of Fountain and of its doubtful corners.
// Each case must also survive being written and parsed again.

import (
	"errors"
	"fmt"
	"io"
	"reflect"
	"strings"
	"testing"
	"testing/iotest"
)

// Elements as the tables below write them.
func action(text string) Element     { return Element{Kind: Action, Text: text} }
func scene(text string) Element      { return Element{Kind: SceneHeading, Text: text} }
func said(text string) Element       { return Element{Kind: Dialogue, Text: text} }
func named(text string) Element      { return Element{Kind: Character, Text: text} }
func aside(text string) Element      { return Element{Kind: Parenthetical, Text: text} }
func sung(text string) Element       { return Element{Kind: Lyrics, Text: text, InDialogue: true} }
func lyrics(text string) Element     { return Element{Kind: Lyrics, Text: text} }
func transition(text string) Element { return Element{Kind: Transition, Text: text} }
func centered(text string) Element   { return Element{Kind: Centered, Text: text} }
func synopsis(text string) Element   { return Element{Kind: Synopsis, Text: text} }
func note(text string) Element       { return Element{Kind: Note, Text: text} }
func boneyard(text string) Element   { return Element{Kind: Boneyard, Text: text} }
func pageBreak() Element             { return Element{Kind: PageBreak} }

func part(depth int, text string) Element {
	return Element{Kind: Section, Text: text, Depth: depth}
}

func numbered(text, number string) Element {
	return Element{Kind: SceneHeading, Text: text, SceneNumber: number}
}

func extended(name, extension string) Element {
	return Element{Kind: Character, Text: name, Extension: extension}
}

func dual(name, extension string) Element {
	return Element{Kind: Character, Text: name, Extension: extension, Dual: true}
}

var parseTests = []struct {
	name, text string
	want       []Element
}{
	// Files as such.
	{"empty file", "", []Element{}},
	{"only blank lines", "\n  \n\t\n\n", []Element{}},
	{"no final newline", "One.", []Element{action("One.")}},
	{"CRLF", "INT. A\r\n\r\nOne.\r\nTwo.\r\n", []Element{scene("INT. A"), action("One.\nTwo.")}},
	{"CR", "INT. A\r\rOne.\rTwo.\r", []Element{scene("INT. A"), action("One.\nTwo.")}},
	{"byte order mark", "\uFEFFINT. A\n", []Element{scene("INT. A")}},
	{"two byte order marks", "\uFEFF\uFEFFINT. A\n", []Element{action("\uFEFFINT. A")}},
	{"byte order mark in the text", "\n\uFEFFOne.\n", []Element{action("\uFEFFOne.")}},
	{"NUL", "I\x00NT. A\r\x00\n\nOn\x00e.", []Element{scene("INT. A"), action("One.")}},
	{"trailing space", "INT. A  \n\t\nOne. \t\n \nTwo.\u00a0\n", []Element{scene("INT. A"), action("One."), action("Two.")}},

	// Scene headings.
	{"scene heading words", "INT. A\n\nEXT B\n\nest. c\n\nInt./Ext. D\n\nINT/EXT E\n\nI/E. F\n", []Element{
		scene("INT. A"), scene("EXT B"), scene("est. c"), scene("Int./Ext. D"), scene("INT/EXT E"), scene("I/E. F"),
	}},
	{"other words that begin alike", "Interior\n\nEXTRAS\n\nINT\n", []Element{action("Interior"), action("EXTRAS"), action("INT")}},
	{"heading without a blank line before", "One.\nINT. A\n", []Element{action("One.\nINT. A")}},
	{"heading right under a heading", "INT. A\nINT. B\n", []Element{scene("INT. A"), action("INT. B")}},
	{"heading right above action", "INT. A\nOne.\n", []Element{scene("INT. A"), action("One.")}},
	{"heading indented", "\tINT. A\n", []Element{scene("INT. A")}},
	{"heading under what is not printed", "# A\nINT. B\n[[c]]\nINT. D\n/* e */\nINT. F\n===\nINT. G\n= h\nINT. I", []Element{
		part(1, "A"), scene("INT. B"), note("c"), scene("INT. D"), boneyard("e"), scene("INT. F"),
		pageBreak(), scene("INT. G"), synopsis("h"), scene("INT. I"),
	}},
	{"forced heading", ".OPEN SEA\n", []Element{scene("OPEN SEA")}},
	{"forced heading with a space", "\n. ACT I\n. SCENE I. A desert place.\n", []Element{scene("ACT I"), scene("SCENE I. A desert place.")}},
	{"forced heading that needs none", ".INT. A\n", []Element{scene("INT. A")}},
	{"forced heading in any script", ".海\n", []Element{scene("海")}},
	{"ellipses", "..and\n\n...AND\nmore\n\n. . . and\n\n.\n", []Element{action("..and"), action("...AND\nmore"), action(". . . and"), action(".")}},
	{"point within action", "A gun,\n.45 calibre.\n", []Element{action("A gun,\n.45 calibre.")}},
	{"scene numbers", "INT. A #1#\n\nINT. B #1-A.é#\n\n.C #110A#\n\nINT. D#2#\n", []Element{
		numbered("INT. A", "1"), numbered("INT. B", "1-A.é"), numbered("C", "110A"), numbered("INT. D", "2"),
	}},
	{"no scene numbers", "INT. A #1\n\nINT. B ##\n\nINT. C #1 2#\n\n.#1#\n", []Element{
		scene("INT. A #1"), scene("INT. B ##"), scene("INT. C #1 2#"), scene("#1#"),
	}},
	{"two scene numbers", "INT. A #1# #2#\n", []Element{numbered("INT. A #1#", "2")}},
	{"heading with a colon first in the file", "INT. A: B\n", []Element{scene("INT. A: B")}},

	// Sections, synopses and page breaks.
	{"sections", "# A\n##B\n### C #\n#\n# # D\n", []Element{part(1, "A"), part(2, "B"), part(3, "C #"), part(1, ""), part(1, "# D")}},
	{"section right under dialogue", "BOB\nHi.\n(Exit)\n##SCENE II.\n(Enter)\n", []Element{
		named("BOB"), said("Hi."), aside("Exit"), part(2, "SCENE II."), action("(Enter)"),
	}},
	{"synopses", "= A\n=B\n= =\n\n=\n", []Element{synopsis("A"), synopsis("B"), synopsis("="), synopsis("")}},
	{"page breaks", "===\n=====\n ==== \n", []Element{pageBreak(), pageBreak(), pageBreak()}},
	{"no page breaks", "==\n\n=== A\n", []Element{synopsis("="), synopsis("== A")}},
	{"structure within action", "One.\n# A\nTwo.\n= B\nThree.\n===\nFour.\n", []Element{
		action("One."), part(1, "A"), action("Two."), synopsis("B"), action("Three."), pageBreak(), action("Four."),
	}},
	{"page break under capitals", "THE END\n===\n", []Element{action("THE END"), pageBreak()}},

	// Action.
	{"line breaks and paragraphs", "One,\ntwo.\n\nThree.\n", []Element{action("One,\ntwo."), action("Three.")}},
	{"more blank lines between actions", "One.\n\n\n \nTwo.\n", []Element{action("One."), action("\n\nTwo.")}},
	{"more blank lines elsewhere", "\n\nOne.\n\n\nINT. A\n\n\n\nTwo.\n\n\n", []Element{action("One."), scene("INT. A"), action("Two.")}},
	{"indentation", "  One.\n\tTwo.\n", []Element{action("  One.\n\tTwo.")}},
	{"forced action", "!INT. A\n\n!BOB\nhe\n\n!CUT TO:\n", []Element{action("INT. A"), action("BOB\nhe"), action("CUT TO:")}},
	{"forced action that needs none", "!One.\n", []Element{action("One.")}},
	{"forced action with indentation", "!  # A\n  !# B\n", []Element{action("  # A\n  # B")}},
	{"forced lines within action", "One.\n!# A\n!Two.\n!> B\n", []Element{action("One.\n# A\nTwo.\n> B")}},
	{"exclamation mark at the beginning", "!!One.\n!!Two.\n", []Element{action("!One.\n!Two.")}},
	{"forced empty lines", "!\n!\n!One.\n!\n!\n!Two.\n!\n", []Element{action("\n\nOne.\n\n\nTwo.\n")}},
	{"forced empty lines after action", "Zero.\n\n\n!\n!One.\n\n!\n", []Element{action("Zero."), action("\n\nOne."), action("")}},
	{"forced action of space", "One.\n    !\nTwo.\n", []Element{action("One.\n\nTwo.")}},
	{"forced action that ends a speech", "BOB\nHi.\n!He goes.\n", []Element{named("BOB"), said("Hi."), action("He goes.")}},
	{"action in capitals", "BANG\n\nTHE END\n", []Element{action("BANG"), action("THE END")}},
	{"action above a line to be forced", "!CUT TO:\n!# A\n\n!BOB\n!# A\n", []Element{action("CUT TO:\n# A"), action("BOB\n# A")}},

	// Speeches.
	{"speech", "BOB\nHi,\nyou.\n\nOne.\n", []Element{named("BOB"), said("Hi,\nyou."), action("One.")}},
	{"speech indented", "\t\tBOB\n\t(low)\n  Hi.\n", []Element{named("BOB"), aside("low"), said("Hi.")}},
	{"cue without a blank line before", "One.\nBOB\nHi.\n", []Element{action("One.\nBOB\nHi.")}},
	{"cue right under a heading", "INT. A\nBOB\nHi.\n", []Element{scene("INT. A"), action("BOB\nHi.")}},
	{"cue right under a section", "# A\nBOB\nHi.\n", []Element{part(1, "A"), named("BOB"), said("Hi.")}},
	{"cue above a blank line", "BOB\n\nBOB\n  \nHi.\n", []Element{action("BOB"), action("BOB"), action("Hi.")}},
	{"names", "R2D2\na\n\nÉMILE-2'S DOG\nb\n\n\"THE BOSS\"\nc\n\n23\nd\n\nBoB\ne\n\n李 A\nf\n", []Element{
		named("R2D2"), said("a"), named("ÉMILE-2'S DOG"), said("b"), named(`"THE BOSS"`), said("c"),
		action("23\nd"), action("BoB\ne"), named("李 A"), said("f"),
	}},
	{"forced names", "@McCLANE\na\n\n@ 李明\nb\n\n@bob\nc\n\n@BOB\nd\n", []Element{
		named("McCLANE"), said("a"), named("李明"), said("b"), named("bob"), said("c"), named("BOB"), said("d"),
	}},
	{"forced name without a speech", "@BOB\n\nOne.\n\n@ANN\n# A\n", []Element{named("BOB"), action("One."), named("ANN"), part(1, "A")}},
	{"no forced names", "@\nOne.\n\n@^\n\nTwo,\n@home.\n", []Element{action("@\nOne."), action("@^"), action("Two,\n@home.")}},
	{"extensions", "BOB (V.O.)\na\n\nBOB (on the radio) (CONT'D)\nb\n\nBOB(O.S.)(x)\nc\n\nBOB ((x) y)\nd\n", []Element{
		extended("BOB", "(V.O.)"), said("a"), extended("BOB", "(on the radio) (CONT'D)"), said("b"),
		extended("BOB", "(O.S.)(x)"), said("c"), extended("BOB", "((x) y)"), said("d"),
	}},
	{"extensions of forced names", "@McCLANE (V.O.)\na\n\n@(x)\nb\n", []Element{extended("McCLANE", "(V.O.)"), said("a"), named("(x)"), said("b")}},
	{"no extensions", "BOB (V.O.) X\na\n\nBOB (V.O.\nb\n\nBOB ) (\nc\n\nBob (V.O.)\nd\n\n(V.O.)\ne\n", []Element{
		named("BOB (V.O.) X"), said("a"), named("BOB (V.O."), said("b"), named("BOB ) ("), said("c"),
		action("Bob (V.O.)\nd"), action("(V.O.)\ne"),
	}},
	{"dual dialogue", "BOB\na\n\nANN ^\nb\n\nANN^\nc\n\nANN (V.O.)^\nd\n\n@Ann ^ ^\ne\n", []Element{
		named("BOB"), said("a"), dual("ANN", ""), said("b"), dual("ANN", ""), said("c"),
		dual("ANN", "(V.O.)"), said("d"), dual("Ann ^", ""), said("e"),
	}},
	{"parentheticals", "BOB\n(one)\n(two)\na\n( three )\n()\nb\n", []Element{
		named("BOB"), aside("one"), aside("two"), said("a"), aside("three"), aside(""), said("b"),
	}},
	{"no parentheticals", "BOB\n(one) and (two)\n(a\nb)\n(\n)\n(x))\n", []Element{named("BOB"), said("(one) and (two)\n(a\nb)\n(\n)\n(x))")}},
	{"nested parentheticals", "BOB\n((a) b)\n((c)\n", []Element{named("BOB"), aside("(a) b"), aside("(c")}},
	{"parenthetical outside a speech", "(one)\n", []Element{action("(one)")}},
	{"blank lines in a speech", "BOB\na\n  \nb\n   \n \t  \nc\n  \n(d)\n  \n\nOne.\n", []Element{
		named("BOB"), said("a\n\nb\n\n\nc"), aside("d"), action("One."),
	}},
	{"one space is a blank line", "BOB\na\n \nb\n", []Element{named("BOB"), said("a"), action("b")}},
	{"speech goes on after the cue", "@BOB\n  \na\n", []Element{named("BOB"), said("a")}},
	{"dialogue that looks like more", "BOB\nINT. A\n.45\n@home\nCUT TO:\n", []Element{named("BOB"), said("INT. A\n.45\n@home\nCUT TO:")}},
	{"speech ended by what is no prose", "BOB\na\n> CUT\n\nBOB\nb\n= C\n\nBOB\nc\n===\n", []Element{
		named("BOB"), said("a"), transition("CUT"), named("BOB"), said("b"), synopsis("C"), named("BOB"), said("c"), pageBreak(),
	}},

	// Lyrics.
	{"lyrics", "~One\n~ two\n~\n~ ~four\n\n~Five\n", []Element{lyrics("One\ntwo\n\n~four"), lyrics("Five")}},
	{"lyrics in a speech", "BOB\n~La\n~la\nHi.\n~Lo\n  \n~lo\n", []Element{named("BOB"), sung("La\nla"), said("Hi."), sung("Lo\n\nlo")}},
	{"lyrics around action", "One.\n~La\nTwo.\n", []Element{action("One."), lyrics("La"), action("Two.")}},
	{"lyrics after a speech", "BOB\nHi.\n\n~La\n", []Element{named("BOB"), said("Hi."), lyrics("La")}},

	// Transitions and centered text.
	{"transitions", "One.\n\nCUT TO:\n\nSMASH CUT TO:\n", []Element{action("One."), transition("CUT TO:"), transition("SMASH CUT TO:")}},
	{"no transitions", "Cut to:\n\nFADE OUT.\n\nOne.\nCUT TO:\n", []Element{action("Cut to:"), action("FADE OUT."), action("One.\nCUT TO:")}},
	{"cue like a transition", "CUT TO:\nOne.\n", []Element{named("CUT TO:"), said("One.")}},
	{"transition above a section", "CUT TO:\n# A\n", []Element{transition("CUT TO:"), part(1, "A")}},
	{"forced transitions", "> Burn to white.\n>CUT TO:\n>\n>>A\n", []Element{
		transition("Burn to white."), transition("CUT TO:"), transition(""), transition(">A"),
	}},
	{"centered text", "> THE END <\n>a<\n><\n> > b < <\n", []Element{centered("THE END"), centered("a"), centered(""), centered("> b <")}},

	// Notes and boneyards.
	{"notes", "[[a]]\n\n[[b\nc]]\n\n[[ d\n  \ne ]]\n\n[[]]\n", []Element{note("a"), note("b\nc"), note("d\n\ne"), note("")}},
	{"notes on one line", "[[a]] [[b]]/* c */\n", []Element{note("a"), note("b"), boneyard("c")}},
	{"notes of brackets", "[[[a]]\n\n[[b] ]]\n\n[[c]]]\n", []Element{note("[a"), note("b]"), action("[[c]]]")}},
	{"note above action", "[[a]]\nOne.\n", []Element{note("a"), action("One.")}},
	{"notes in action", "One [[a\nb]] two.\n[[c]]\n\n[[d]] Three.\n", []Element{action("One [[a\nb]] two.\n[[c]]"), action("[[d]] Three.")}},
	{"note with blank lines in action", "One [[a\n  \nb]].\n", []Element{action("One [[a\n  \nb]].")}},
	{"forced note", "![[a]]\n![[b]]\n", []Element{action("[[a]]\n[[b]]")}},
	{"unclosed notes", "[[a\n\nb]]\n\n[[ [[ c\n", []Element{action("[[a"), action("b]]"), action("[[ [[ c")}},
	{"note in a heading", "INT. A [[b]] #1# [[c]]\n\n[[d]] .E\n", []Element{numbered("INT. A [[b]] [[c]]", "1"), scene("[[d]] E")}},
	{"note in a speech", "BOB [[a]] (V.O.) [[b]] ^ [[c]]\n[[d]]\n(e) [[f]]\n[[g\n\tHi.]]\n", []Element{
		dual("BOB [[a]]", "(V.O.) [[b]] [[c]]"), said("[[d]]"), aside("e [[f]]"), said("[[g\n\tHi.]]"),
	}},
	{"notes beside markers", "[[a]]# B\n[[c]] > d < [[e]]\n[[f]] ~g\n\n[[h]]!i\n", []Element{
		part(1, "[[a]] B"), centered("[[c]] d [[e]]"), lyrics("[[f]] g"), action("[[h]]i"),
	}},
	{"markers of the page break beside a note", "=== [[a]]\n", []Element{synopsis("== [[a]]")}},
	{"note over lines that look like more", "One [[\n# A\n> b\n]] two.\n", []Element{action("One [[\n# A\n> b\n]] two.")}},
	{"boneyards", "/* a */\n\n/*\nINT. B\n\n\n[[c]]\n*/\n\n/**/\n\n/***/\n", []Element{
		boneyard("a"), boneyard("INT. B\n\n\n[[c]]"), boneyard(""), boneyard("*"),
	}},
	{"boneyard in action", "One /* a\n\nINT. B\n\n*/ two.\n", []Element{action("One /* a\n\nINT. B\n\n*/ two.")}},
	{"boneyard in capitals", "BOB /* the dog */\nHi.\n\nCUT /* slowly */ TO:\n\n/* a */ INT. B\n", []Element{
		named("BOB /* the dog */"), said("Hi."), transition("CUT /* slowly */ TO:"), scene("/* a */ INT. B"),
	}},
	{"boneyard across a speech", "BOB\nHi. /*\n\nANN\nHo.\n\n*/ Bye.\n", []Element{named("BOB"), said("Hi. /*\n\nANN\nHo.\n\n*/ Bye.")}},
	{"unclosed boneyards", "/*/\n\n/* a\n\nb\n", []Element{action("/*/"), action("/* a"), action("b")}},
	{"boneyard in a note and note in a boneyard", "[[a /* b]] c */\n\n/* [[ */ d ]]\n", []Element{
		action("[[a /* b]] c */"), action("/* [[ */ d ]]"),
	}},
	{"openings within comments", "/* /* a\n*/\n\n[[ /* ]]\n\n/*/\n", []Element{boneyard("/* a"), note("/*"), action("/*/")}},
	{"unclosed note before a boneyard", "[[ a /*\n  \n\n*/ ]]\n", []Element{action("[[ a /*\n  \n\n*/ ]]")}},

	// Kept as written.
	{"emphasis and escapes", "*a* **b** ***c*** _d_ \\*e\\* \\_f\n\n\\# g\n\n**BOB**\n*Hi*\n", []Element{
		action(`*a* **b** ***c*** _d_ \*e\* \_f`), action(`\# g`), named("**BOB**"), said("*Hi*"),
	}},
}

func compareElements(t *testing.T, got, want []Element) {
	t.Helper()
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("element %d is\n%+v\nwant\n%+v", i, got[i], want[i])
		}
	}
	if len(got) != len(want) {
		t.Errorf("%d elements, want %d:\n%+v", len(got), len(want), got)
	}
}

func TestParse(t *testing.T) {
	for _, test := range parseTests {
		t.Run(test.name, func(t *testing.T) {
			play := mustParse(t, test.text)
			compareElements(t, play.Elements, test.want)
			if len(play.TitlePage) > 0 {
				t.Errorf("title page %q", play.TitlePage)
			}
			checkRoundTrip(t, play)
		})
	}
}

func TestParseErrors(t *testing.T) {
	broken := errors.New("broken pipe")
	tests := []struct {
		name  string
		input io.Reader
		want  error
		says  string
	}{
		{"read error", io.MultiReader(strings.NewReader("INT. A\n"), iotest.ErrReader(broken)), broken, "broken pipe"},
		{"Latin-1", strings.NewReader("One.\r\nTwo.\rCaf\xe9\n"), ErrNotUTF8, "line 3, byte offset 14"},
		{"too large", strings.NewReader(strings.Repeat("a", MaxSize+1)), ErrTooLarge, "16 MiB"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			_, err := Parse(test.input)
			if !errors.Is(err, test.want) || !strings.Contains(fmt.Sprint(err), test.says) {
				t.Errorf("error %v, want %v that says %q", err, test.want, test.says)
			}
		})
	}
}

func TestParseTakesTheLargestInput(t *testing.T) {
	play := mustParse(t, strings.Repeat("a", MaxSize))
	if got := len(play.Elements[0].Text); got != MaxSize {
		t.Errorf("%d bytes of text, want %d", got, MaxSize)
	}
}

func TestCharacters(t *testing.T) {
	play := mustParse(t, "BOB [[who?]] (V.O.)\na\n\nANN\nb\n\nBOB ^\nc\n\n@Bob\nd\n\nNOBODY\n")
	want := []string{"BOB", "ANN", "Bob"}
	if got := play.Characters(); !reflect.DeepEqual(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	if got := new(Screenplay).Characters(); got == nil || len(got) != 0 {
		t.Errorf("got %#v, want an empty list", got)
	}
}
