package screenplay

// The promise of the package, on any input: what Format writes parses to the
// same screenplay.

import (
	"bytes"
	"reflect"
	"strings"
	"testing"
	"unicode/utf8"
)

func mustParse(t testing.TB, text string) *Screenplay {
	t.Helper()
	play, err := Parse(strings.NewReader(text))
	if err != nil {
		t.Fatalf("Parse(%.60q): %v", text, err)
	}
	return play
}

func checkRoundTrip(t testing.TB, play *Screenplay) {
	t.Helper()
	written := play.Format()
	again := mustParse(t, string(written))
	if !reflect.DeepEqual(play, again) {
		t.Fatalf("wrote\n%q\nwhich parses to\n%#v\nwant\n%#v", written, again, play)
	}
	if rewritten := again.Format(); !bytes.Equal(written, rewritten) {
		t.Fatalf("writing again gives\n%q\nwant\n%q", rewritten, written)
	}
	if len(written) > 0 && written[len(written)-1] != '\n' {
		t.Fatalf("%q does not end with a newline", written)
	}
}

func FuzzRoundTrip(f *testing.F) {
	for _, test := range parseTests {
		f.Add(test.text)
	}
	for _, test := range titlePageTests {
		f.Add(test.text)
	}
	f.Add(sample(f))
	f.Fuzz(func(t *testing.T, text string) {
		play, err := Parse(strings.NewReader(text))
		if err != nil {
			if utf8.ValidString(text) {
				t.Fatal(err)
			}
			return
		}
		checkRoundTrip(t, play)
		play.Title()
		play.Author()
		play.Characters()
	})
}

// FuzzFormat checks that elements from anywhere give a file that parses, and
// that nothing changes any more from then on.
func FuzzFormat(f *testing.F) {
	f.Add("action", "a /* b", "dialogue", "# */\n~c", "boneyard", "d", "V.O.", true)
	f.Add("character", "BOB", "dialogue", "\n \n(x)", "lyrics", "~", "1 A", false)
	f.Fuzz(func(t *testing.T, kind1, text1, kind2, text2, kind3, text3, extra string, flag bool) {
		play := &Screenplay{Elements: []Element{
			{Kind: Kind(kind1), Text: text1, Extension: extra, Dual: flag, SceneNumber: extra},
			{Kind: Kind(kind2), Text: text2, InDialogue: flag},
			{Kind: Kind(kind3), Text: text3, Extension: extra, Depth: len(extra)},
		}}
		checkRoundTrip(t, mustParse(t, string(play.Format())))
	})
}
