package screenplay

// This file takes the emphasis out of a text that is shown outside a script.

import "strings"

// stripEmphasis removes the markers of italics, bold and underlining where
// they come in pairs, and the backslash of an escaped marker.
func stripEmphasis(text string) string {
	if !strings.ContainsAny(text, `*_\`) {
		return text
	}
	drop := make([]bool, len(text))
	open := map[string]int{}
	for i := 0; i < len(text); {
		if text[i] == '\\' && i+1 < len(text) && isEmphasis(text[i+1]) {
			drop[i] = true
			i += 2
			continue
		}
		marker := emphasisAt(text, i)
		if marker == "" {
			i++
			continue
		}
		pairEmphasis(text, marker, i, open, drop)
		i += len(marker)
	}
	var b strings.Builder
	for i := range len(text) {
		if !drop[i] {
			b.WriteByte(text[i])
		}
	}
	return b.String()
}

func isEmphasis(c byte) bool { return c == '*' || c == '_' }

// emphasisAt returns the run of equal marker characters that begins at i.
func emphasisAt(text string, i int) string {
	n := 0
	for isEmphasis(text[i]) && i+n < len(text) && text[i+n] == text[i] {
		n++
	}
	return text[i : i+n]
}

// pairEmphasis closes the marker at i with an equal one that is open, or opens
// it. A space inside a marker keeps it from counting, so "2 * 3" stays.
func pairEmphasis(text, marker string, i int, open map[string]int, drop []bool) {
	end := i + len(marker)
	start, opened := open[marker]
	switch {
	case opened && text[i-1] != ' ':
		for n := range len(marker) {
			drop[start+n], drop[i+n] = true, true
		}
		for other, at := range open {
			if at >= start {
				delete(open, other)
			}
		}
	case end < len(text) && text[end] != ' ':
		open[marker] = i
	}
}
