package screenplay

// How fast a long script is read and written, and that hostile input does not
// make it slow.

import (
	"strings"
	"testing"
	"time"
)

// longScript is the body of the sample, repeated to about 120 KB.
func longScript(b *testing.B) string {
	_, body := splitTitlePage(normalise(sample(b)))
	return strings.Repeat(body+"\n", 120<<10/len(body))
}

func BenchmarkParse(b *testing.B) {
	text := longScript(b)
	b.SetBytes(int64(len(text)))
	b.ReportAllocs()
	for b.Loop() {
		mustParse(b, text)
	}
}

func BenchmarkFormat(b *testing.B) {
	play := mustParse(b, longScript(b))
	b.SetBytes(int64(len(play.Format())))
	b.ReportAllocs()
	for b.Loop() {
		play.Format()
	}
}

// TestHostileInputIsLinear feeds half a megabyte of what tempts a parser to
// search the rest of the file again and again. Linear code takes less than a
// second for each, quadratic code longer than the limit, which leaves room for a
// machine with more to do.
func TestHostileInputIsLinear(t *testing.T) {
	if testing.Short() {
		t.Skip("takes some seconds")
	}
	const size, limit = 512 << 10, time.Minute
	for _, unit := range []string{
		"[[", "/*", "(", "[[]]", "/**/", "/*\n", "[[\n", "[[]]\n", "[[\n\n", "\n", "  \n", "#", "#1", "=",
		"~\n", "!\n", "!# a\n", ">", "<", "^", "@", "*", `\*`, "A\nb\n  \n", "A(b)", "a\n\n", "a: b\n", " ",
		"\r", "\x00", "\uFEFF", "\u3000", "**a *b",
	} {
		for _, prefix := range []string{"", "@A (", "Title: a\n\n[["} {
			text := prefix + strings.Repeat(unit, size/len(unit))
			start := time.Now()
			play := mustParse(t, text)
			play.Title()
			play.Characters()
			play.Format()
			if took := time.Since(start); took > limit {
				t.Errorf("%q and then many %q took %v", prefix, unit, took)
			}
		}
	}
}
