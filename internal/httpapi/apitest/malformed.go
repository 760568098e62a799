// Bodies that no operation takes.
package apitest

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
)

// malformation is a body that must be refused as invalid, with the pointer to
// the fault; "" where that is not worth promising.
type malformation struct{ name, body, pointer string }

var (
	firstName    = regexp.MustCompile(`^\{"([^"]+)":`)
	firstText    = regexp.MustCompile(`:"[^"\\]+"`)
	firstInteger = regexp.MustCompile(`"(\w+Id|\w*[sS]equence\w*)":\d+`)
)

// malformed returns malformations of valid, which is a JSON object.
func malformed(valid string) []malformation {
	name := firstName.FindStringSubmatch(valid)[1]
	rest := strings.TrimPrefix(valid, "{")
	escaped := fmt.Sprintf(`\u%04x%s`, name[0], name[1:])
	quoted, _ := json.Marshal(name)
	all := []malformation{
		{"nothing", "", ""},
		{"white space", " \n", ""},
		{"null", "null", ""},
		{"boolean", "true", ""},
		{"number", "7", ""},
		{"text", string(quoted), ""},
		{"array", "[]", ""},
		{"object in an array", "[" + valid + "]", ""},
		{"cut at the end", valid[:len(valid)-1], ""},
		{"cut in the middle", valid[:len(valid)/2], ""},
		{"text after it", valid + "x", ""},
		{"twice", valid + valid, ""},
		{"comma at the end", valid[:len(valid)-1] + ",}", ""},
		{"names without quotes", "{" + name + rest[len(quoted):], ""},
		{"single quotes", strings.ReplaceAll(valid, `"`, "'"), ""},
		{"comment", "/* */" + valid, ""},
		{"comment at the end", valid + " // done", ""},
		{"byte order mark", "\ufeff" + valid, ""},
		{"name of many", `{"colour":"red",` + rest, "/colour"},
		{"name in other case", "{" + strings.Replace(rest, name, strings.ToUpper(name[:1])+name[1:], 1), ""},
		{"name twice", `{"` + name + `":1,` + rest, "/" + name},
		{"name twice, once escaped", `{"` + escaped + `":1,` + rest, "/" + name},
		{"name with U+0000", `{"a\u0000":1,` + rest, ""},
		{"name that is not UTF-8", "{\"a\xff\":1," + rest, ""},
		{"not a number", `{"` + name + `":NaN}`, "/" + name},
		{"nested too deeply", strings.Repeat("[", 100) + strings.Repeat("]", 100), ""},
		{"nested far too deeply", strings.Repeat(`{"`+name+`":`, 50_000), ""},
	}
	return append(append(all, malformedTexts(valid)...), malformedIntegers(valid)...)
}

// malformedTexts puts into the first text of valid what is not text.
func malformedTexts(valid string) []malformation {
	place := firstText.FindStringIndex(valid)
	if place == nil {
		return nil
	}
	with := func(text string) string { return valid[:place[0]] + `:"x` + text + `y"` + valid[place[1]:] }
	return []malformation{
		{"invalid UTF-8", with("\xff"), ""},
		{"overlong UTF-8", with("\xc0\xaf"), ""},
		{"UTF-8 of a surrogate", with("\xed\xa0\x80"), ""},
		{"high surrogate alone", with(`\ud83d`), ""},
		{"low surrogate alone", with(`\ude00`), ""},
		{"surrogates in the wrong order", with(`\ude00\ud83d`), ""},
		{"U+0000 escaped", with(`\u0000`), ""},
		{"U+0000", with("\x00"), ""},
		{"line break", with("\n"), ""},
		{"unknown escape", with(`\x41`), ""},
	}
}

// malformedIntegers puts in the place of the first identifier or sequence number
// of valid what is neither.
func malformedIntegers(valid string) []malformation {
	place := firstInteger.FindStringSubmatchIndex(valid)
	if place == nil {
		return nil
	}
	var all []malformation
	for _, value := range []string{
		"0", "-1", "1.5", "1.0", "1e0", "01", "+1", "0x1", "1_0", `"1"`, "null", "true", "[1]", "{}",
		"9223372036854775808", "-9223372036854775809", "1e30", "1e400", "1e999999999", strings.Repeat("9", 65),
	} {
		name := valid[place[2]:place[3]]
		all = append(all, malformation{name + " " + value, valid[:place[0]] + `"` + name + `":` + value + valid[place[1]:], ""})
	}
	return all
}
