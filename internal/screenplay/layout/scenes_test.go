package layout

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/screenplay"
)

func TestScenesAreThoseOfTheHTML(t *testing.T) {
	play, err := screenplay.Parse(strings.NewReader("Somebody waits.\n\nINT. *HOUSE* - DAY #1A#\n\nHe goes.\n\n.THE _ROAD_ [[wet]]\n\nShe comes.\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []Scene{{1, "1A", "INT. HOUSE - DAY"}, {2, "", "THE ROAD"}}
	if got := Scenes(play); !slices.Equal(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	html, err := HTML(play)
	if err != nil {
		t.Fatal(err)
	}
	for _, scene := range want {
		if id := fmt.Sprintf(`id="scene-%d"`, scene.Index); strings.Count(string(html), id) != 1 {
			t.Errorf("the HTML has %s %d times, want 1", id, strings.Count(string(html), id))
		}
	}
}

func TestPlain(t *testing.T) {
	for text, want := range map[string]string{
		"**THE** _END_":        "THE END",
		"One\ntwo [[note]]":    "One two",
		"/* gone */":           "",
		`weather \*permitting`: "weather *permitting",
	} {
		if got := Plain(text); got != want {
			t.Errorf("Plain(%q) is %q, want %q", text, got, want)
		}
	}
}
