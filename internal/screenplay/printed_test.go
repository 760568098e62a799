package screenplay

import (
	"strings"
	"testing"
)

func TestPrinted(t *testing.T) {
	tests := []struct{ name, text, want string }{
		{"plain", "One.\nTwo.", "One.\nTwo."},
		{"empty lines", "One.\n\n  \nTwo.", "One.\n\n\nTwo."},
		{"at the end", "One. [[a]]", "One."},
		{"at the beginning", "[[a]] One.", "One."},
		{"in the middle", "One, /* a */ two.", "One, two."},
		{"within a word", "o[[a]]ne", "one"},
		{"two in a row", "One [[a]] [[b]] two.", "One two."},
		{"over line ends", "One [[a\nb]] two.", "One two."},
		{"a line of its own", "One.\n[[a]]\nTwo.", "One.\nTwo."},
		{"nothing else", "[[a]] /* b */", ""},
		{"indentation", "    One [[a]] two.", "    One two."},
		{"wide space", "One   two. [[a]]", "One   two."},
		{"not closed", "One [[a", "One [[a"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			if got := Printed(test.text); got != test.want {
				t.Errorf("Printed(%q) = %q, want %q", test.text, got, test.want)
			}
		})
	}
}

func FuzzPrinted(f *testing.F) {
	for _, test := range parseTests {
		f.Add(test.text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		printed := Printed(text)
		if strings.Count(printed, "\n") > strings.Count(normalise(text), "\n") {
			t.Errorf("Printed(%q) = %q has more lines", text, printed)
		}
	})
}
