package screenplay

// This file reads and writes the title page: "Key: value" lines at the very
// beginning of a file, ended by a blank line.

import (
	"strings"
	"unicode"
	"unicode/utf8"
)

// commonKeys may open a title page even when nothing is filled in. Any other
// first key needs a value, because scripts without title page often begin with
// "FADE IN:".
var commonKeys = []string{
	"title", "credit", "author", "authors", "source", "draft date", "date",
	"contact", "copyright", "notes", "revision",
}

// splitTitlePage takes the title page off a normalised text. It ends at the
// first line that is neither a key nor indented, blank or not.
func splitTitlePage(text string) (fields []TitleField, body string) {
	body = text
	for body != "" {
		first, rest, _ := strings.Cut(body, "\n")
		indented := strings.TrimLeftFunc(first, unicode.IsSpace) != first
		switch key, value, isKey := splitKey(first); {
		case strings.TrimSpace(first) == "":
			return filledIn(fields, text, rest)
		case isKey:
			fields = append(fields, TitleField{Key: key, Values: []string{}})
			addTitleValue(fields, value)
		case indented && len(fields) > 0:
			addTitleValue(fields, strings.TrimSpace(first))
		default:
			return filledIn(fields, text, body)
		}
		body = rest
	}
	return filledIn(fields, text, body)
}

func addTitleValue(fields []TitleField, value string) {
	if value != "" {
		last := &fields[len(fields)-1]
		last.Values = append(last.Values, value)
	}
}

// filledIn returns fields and body, or the whole text as the body when the
// fields are too little to be a title page.
func filledIn(fields []TitleField, text, body string) ([]TitleField, string) {
	if len(fields) == 0 || len(fields[0].Values) == 0 && !isCommonKey(fields[0].Key) {
		return nil, text
	}
	return fields, body
}

func isCommonKey(key string) bool {
	for _, common := range commonKeys {
		if strings.EqualFold(key, common) {
			return true
		}
	}
	return false
}

// splitKey splits a "Key: value" line. Keys begin with a letter or digit,
// which tells them from all markers of the script.
func splitKey(text string) (key, value string, ok bool) {
	key, value, ok = strings.Cut(text, ":")
	first, _ := utf8.DecodeRuneInString(key)
	if !ok || !unicode.IsLetter(first) && !unicode.IsDigit(first) || beginsLikeHeading(text) {
		return "", "", false
	}
	return strings.TrimSpace(key), strings.TrimSpace(value), true
}

// startsTitlePage says whether a text at the beginning of a file would be
// taken for a title page.
func startsTitlePage(text string) bool {
	fields, _ := splitTitlePage(text)
	return len(fields) > 0
}

// keyCleaner replaces what no key read from a file can hold.
var keyCleaner = strings.NewReplacer(":", " ", "\n", " ")

// formatTitlePage writes one value beside its key, more of them below it.
func formatTitlePage(fields []TitleField) string {
	var b strings.Builder
	for _, field := range fields {
		key := keyCleaner.Replace(normalise(field.Key))
		if key = strings.TrimSpace(key); key == "" {
			continue
		}
		b.WriteString(key + ":")
		values := titleLines(field.Values)
		if len(values) == 1 {
			b.WriteString(" " + values[0] + "\n")
			continue
		}
		b.WriteByte('\n')
		for _, value := range values {
			b.WriteString("    " + value + "\n")
		}
	}
	return b.String()
}

// titleLines returns the lines of all values that are not blank.
func titleLines(values []string) []string {
	var lines []string
	for _, value := range values {
		for _, text := range strings.Split(normalise(value), "\n") {
			if text = strings.TrimSpace(text); text != "" {
				lines = append(lines, text)
			}
		}
	}
	return lines
}
