package screenplay

// Whole scripts: the sample of this project, which shows every element, and
// real plays with the irregularities of real files.

import (
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

func sample(t testing.TB) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "samples", "the-lighthouse-keeper.fountain"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// realPlay returns a play of the test data, which is not part of the module.
func realPlay(t *testing.T, name string) string {
	t.Helper()
	folder := os.Getenv("FOUNTAIN_TESTDATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared")
	}
	data, err := os.ReadFile(filepath.Join(folder, "data", name))
	if os.IsNotExist(err) {
		t.Skipf("no %s; set FOUNTAIN_TESTDATA to the folder that holds data/", name)
	}
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestSampleHasEveryKind(t *testing.T) {
	play := mustParse(t, sample(t))
	checkRoundTrip(t, play)
	for _, kind := range []Kind{
		SceneHeading, Section, Synopsis, Action, Character, Parenthetical, Dialogue,
		Lyrics, Transition, Centered, PageBreak, Note, Boneyard,
	} {
		if !slices.ContainsFunc(play.Elements, func(e Element) bool { return e.Kind == kind }) {
			t.Errorf("no %s", kind)
		}
	}
}

func TestSampleIsCanonical(t *testing.T) {
	text := sample(t)
	if got := string(mustParse(t, text).Format()); got != text {
		t.Errorf("Format changes the sample to\n%s", got)
	}
}

func TestSampleUsesEveryFeature(t *testing.T) {
	play := mustParse(t, sample(t))
	if play.Title() == "" || play.Author() == "" || len(play.TitlePage) < 4 {
		t.Errorf("title page %v", play.TitlePage)
	}
	for name, has := range map[string]func(Element) bool{
		"scene number":         func(e Element) bool { return e.SceneNumber != "" },
		"section of depth two": func(e Element) bool { return e.Depth == 2 },
		"voice over":           func(e Element) bool { return e.Extension == "(V.O.)" },
		"off screen":           func(e Element) bool { return e.Extension == "(O.S.)" },
		"continued":            func(e Element) bool { return strings.Contains(e.Extension, "(CONT'D)") },
		"dual dialogue":        func(e Element) bool { return e.Dual },
		"sung dialogue":        func(e Element) bool { return e.InDialogue },
		"other lyrics":         func(e Element) bool { return e.Kind == Lyrics && !e.InDialogue },
		"note in a line":       func(e Element) bool { return e.Kind == Action && strings.Contains(e.Text, "[[") },
		"escaped asterisk":     func(e Element) bool { return strings.Contains(e.Text, `\*`) },
		"bold italics":         func(e Element) bool { return strings.Contains(e.Text, "***") },
		"underlining":          func(e Element) bool { return strings.Contains(e.Text, "_") },
	} {
		if !slices.ContainsFunc(play.Elements, has) {
			t.Errorf("no %s", name)
		}
	}
}

func TestRealPlays(t *testing.T) {
	tests := []struct {
		name   string
		counts map[Kind]int
		cast   []string // some of those who speak
	}{
		{
			name:   "macbeth.fountain",
			counts: map[Kind]int{SceneHeading: 33, Character: 650, Dialogue: 650},
			cast:   []string{"FIRST WITCH", "MACBETH", "LADY MACDUFF"},
		},
		{
			name:   "much-ado-about-nothing.fountain",
			counts: map[Kind]int{Section: 22, SceneHeading: 0, Character: 980},
			cast:   []string{"LEONATO", "BEATRICE", "DOGBERRY"},
		},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			play := mustParse(t, realPlay(t, test.name))
			checkRoundTrip(t, play)
			counts := map[Kind]int{}
			for _, e := range play.Elements {
				counts[e.Kind]++
			}
			for kind, want := range test.counts {
				if counts[kind] != want {
					t.Errorf("%d elements of kind %s, want %d", counts[kind], kind, want)
				}
			}
			for _, name := range test.cast {
				if !slices.Contains(play.Characters(), name) {
					t.Errorf("%s does not speak", name)
				}
			}
		})
	}
}
