package screenplay

// The canonical form, and what becomes of elements that no file can hold.

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestFormatIsCanonical(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"empty", "", ""},
		{"only blank lines", "\n\n", ""},
		{"markers that are not needed", "!One.\n\n.INT. A\n\n> CUT TO:\n\n@BOB\nHi.\n", "One.\n\nINT. A\n\nCUT TO:\n\nBOB\nHi.\n"},
		{"markers that are needed", ".A\n\n> B\n\n@Bob\nHi.\n\n!BOB\nHi.\n", ".A\n\n> B\n\n@Bob\nHi.\n\n!BOB\nHi.\n"},
		{"one blank line between elements", ". A\n. B\n#C\n=D\n>E\n>F<\n\n\n\n======\n[[ g ]]\n", ".A\n\n.B\n\n# C\n\n= D\n\n> E\n\n> F <\n\n===\n\n[[g]]\n"},
		{"blank lines between actions", "One.\n\n\nTwo.\n\n\n\nINT. A\n", "One.\n\n\nTwo.\n\nINT. A\n"},
		{"speech", "\tBOB(V.O.)^\n\t( low )\n\tHi.\n\t   \n\t~ La", "BOB (V.O.) ^\n(low)\nHi.\n~La\n"},
		{"blank line in a speech", "BOB\na\n    \nb\n", "BOB\na\n  \nb\n"},
		{"boneyard of lines", "/*a\nb*/\n/*c*/", "/*\na\nb\n*/\n\n/* c */\n"},
		{"title page", "title:\n\tA\nAuthors: B\n\tC\nDate:\n\n\nOne.", "title: A\nAuthors:\n    B\n    C\nDate:\n\nOne.\n"},
		{"only the line that needs it is forced", "!One.\n!# A\n!Two.\n", "One.\n!# A\nTwo.\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := string(mustParse(t, test.text).Format()); got != test.want {
				t.Errorf("got\n%q\nwant\n%q", got, test.want)
			}
		})
	}
}

func TestFormatOfEditedElements(t *testing.T) {
	tests := []struct {
		name     string
		elements []Element
		want     string
	}{
		{"line ends in a heading", []Element{scene("INT. A\r\n- DAY\n")}, "INT. A - DAY\n"},
		{"heading and cue without text", []Element{scene(""), {Kind: SceneHeading, SceneNumber: "1"}, named(" "), action("One.")}, "One.\n"},
		{"name missing", []Element{named(""), aside("low"), said("Hi."), sung("La")}, "(low)\n\nHi.\n\n~La\n"},
		{"speech without a cue", []Element{said("INT. A"), scene("INT. B"), aside("low")}, "!INT. A\n\nINT. B\n\n(low)\n"},
		{"empty speech", []Element{named("BOB"), said("\n")}, "@BOB\n"},
		{"dialogue that needs an escape", []Element{named("BOB"), said("# one\n(two)\n~\n\n!\n> a")}, "BOB\n\\# one\n\\(two)\n\\~\n  \n\\!\n\\> a\n"},
		{"dialogue that begins with blank lines", []Element{named("BOB"), said("\n  \n a")}, "BOB\na\n"},
		{"blank line in action", []Element{action("One.\n\nTwo.")}, "One.\n!\nTwo.\n"},
		{"extension without parentheses", []Element{extended("BOB", "V.O."), said("a")}, "BOB (V.O.)\na\n"},
		{"scene number with a space", []Element{numbered("INT. A", "1 B")}, "INT. A #1-B#\n"},
		{"section without depth", []Element{part(0, "A")}, "# A\n"},
		{"note with brackets", []Element{note("a ]]]\nb]")}, "[[a ] ] ]\nb] ]]\n"},
		{"boneyard that ends early", []Element{boneyard("a */ b")}, "/* a * / b */\n"},
		{"boneyard that would begin early", []Element{action("a /* b"), action("/* c */"), boneyard("d")}, "a /\\* b\n\n!/* c */\n\n/* d */\n"},
		{"what is no text", []Element{action("a\x00b\xffc")}, "ab\uFFFDc\n"},
		{"unknown kind", []Element{{Kind: "camera", Text: "One."}}, "One.\n"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			play := &Screenplay{Elements: test.elements}
			got := play.Format()
			if string(got) != test.want {
				t.Errorf("got\n%q\nwant\n%q", got, test.want)
			}
			checkRoundTrip(t, mustParse(t, string(got)))
		})
	}
}

func TestFormatOfEditedTitlePage(t *testing.T) {
	play := &Screenplay{TitlePage: []TitleField{
		{Key: " "}, {Key: "Draft:\ndate", Values: []string{"1\n\n2", ""}}, {Key: "Author"},
	}}
	want := "Draft  date:\n    1\n    2\nAuthor:\n"
	if got := string(play.Format()); got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}

func TestFormatLeavesTheScreenplayAlone(t *testing.T) {
	play := &Screenplay{Elements: []Element{action("a\r\n /* b"), boneyard("c\x00")}}
	play.Format()
	if want := []Element{action("a\r\n /* b"), boneyard("c\x00")}; !reflect.DeepEqual(play.Elements, want) {
		t.Errorf("elements are now %+v", play.Elements)
	}
}

func TestJSON(t *testing.T) {
	tests := []struct{ text, want string }{
		{"", `{"elements":[]}`},
		{
			"Title:\n\nINT. A #1#\n\n# B\n\nBOB (V.O.) ^\n~La\n",
			`{"titlePage":[{"key":"Title","values":[]}],"elements":[` +
				`{"kind":"sceneHeading","text":"INT. A","sceneNumber":"1"},` +
				`{"kind":"section","text":"B","depth":1},` +
				`{"kind":"character","text":"BOB","extension":"(V.O.)","dual":true},` +
				`{"kind":"lyrics","text":"La","inDialogue":true}]}`,
		},
	}
	for _, test := range tests {
		got, err := json.Marshal(mustParse(t, test.text))
		if err != nil || string(got) != test.want {
			t.Errorf("got %s, %v, want %s", got, err, test.want)
		}
	}
}
