// What an answer holds, and what tests require of it.
package apitest

import (
	"bytes"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strconv"
	"strings"
	"testing"
)

// Answer is an answer with its body read.
type Answer struct {
	t       testing.TB
	request string // as "GET /scripts"
	decoded any    // Body with its numbers as json.Number, once exact was called
	Status  int
	Header  http.Header
	Body    []byte
}

// short is the request for messages.
func (a *Answer) short() string { return fmt.Sprintf("%.200s", a.request) }

// JSON decodes the body into target.
func (a *Answer) JSON(target any) {
	a.t.Helper()
	if err := json.Unmarshal(a.Body, target); err != nil {
		a.t.Fatalf("%s: decode %s: %v", a.short(), a.Body, err)
	}
}

// Get returns the member of the JSON body at path, as Get("errors", "0",
// "pointer"), in the types of encoding/json; nil if there is none.
func (a *Answer) Get(path ...string) any {
	a.t.Helper()
	var value any
	a.JSON(&value)
	return member(value, path)
}

// exact is Get with numbers as json.Number.
func (a *Answer) exact(path []string) any {
	a.t.Helper()
	if a.decoded == nil {
		var err error
		if a.decoded, err = decodeExact(a.Body); err != nil {
			a.t.Fatalf("%s: decode %s: %v", a.short(), a.Body, err)
		}
	}
	return member(a.decoded, path)
}

func decodeExact(text []byte) (value any, err error) {
	decoder := json.NewDecoder(bytes.NewReader(text))
	decoder.UseNumber()
	err = decoder.Decode(&value)
	return value, err
}

func member(value any, path []string) any {
	for _, step := range path {
		switch container := value.(type) {
		case map[string]any:
			value = container[step]
		case []any:
			index, err := strconv.Atoi(step)
			if err != nil || index >= len(container) {
				return nil
			}
			value = container[index]
		default:
			return nil
		}
	}
	return value
}

// Number returns the integer at path in the body; 0 if there is none.
func (a *Answer) Number(path ...string) int64 {
	a.t.Helper()
	number, _ := a.exact(path).(json.Number)
	integer, _ := number.Int64()
	return integer
}

// Column returns one member of each item of the list at path in the body, in
// order, with a space between.
func (a *Answer) Column(name string, path ...string) string {
	a.t.Helper()
	list, isList := a.exact(path).([]any)
	if !isList {
		a.t.Fatalf("%s: got %s, want a list at %q", a.short(), a.Body, path)
	}
	values := make([]string, len(list))
	for i, item := range list {
		values[i] = fmt.Sprint(member(item, []string{name}))
	}
	return strings.Join(values, " ")
}

// ETag returns the entity tag.
func (a *Answer) ETag() string { return a.Header.Get("ETag") }

// Has fails the test unless the body has these members, given as path, value,
// path, value…; a path is dotted, as "story.0.sequence". Values are compared as
// JSON: nil says that the member is null or absent, and a text stands for
// itself or, where the member is no text, for its JSON.
func (a *Answer) Has(members ...any) *Answer {
	a.t.Helper()
	for i := 0; i+1 < len(members); i += 2 {
		path := members[i].(string)
		a.compare(path, a.exact(strings.Split(path, ".")), members[i+1])
	}
	return a
}

// Holds is Has for members given as one JSON object. Those are searched at path.
func (a *Answer) Holds(object string, path ...string) *Answer {
	a.t.Helper()
	members, err := decodeExact([]byte(object))
	if err != nil {
		a.t.Fatalf("decode %s: %v", object, err)
	}
	for name, want := range members.(map[string]any) {
		a.compare(name, member(a.exact(path), []string{name}), want)
	}
	return a
}

func (a *Answer) compare(path string, got, want any) {
	a.t.Helper()
	wanted := a.canonical(want)
	if text, ok := want.(string); ok {
		if _, same := got.(string); !same {
			value, err := decodeExact([]byte(text))
			if err == nil {
				wanted = a.canonical(value)
			}
		}
	}
	if shown := a.canonical(got); shown != wanted {
		a.t.Errorf("%s: %s: got %.500s, want %.500s in %.2000s", a.short(), path, shown, wanted, a.Body)
	}
}

// canonical returns value as JSON with its names in order.
func (a *Answer) canonical(value any) string {
	a.t.Helper()
	text, err := json.Marshal(value)
	if err != nil {
		a.t.Fatal(err)
	}
	return string(text)
}

// Refused fails the test unless the answer is a problem with the status and the
// code and, unless pointer is empty, its first fault is there.
func (a *Answer) Refused(status int, code, pointer string) *Answer {
	a.t.Helper()
	if a.Status != status {
		a.t.Errorf("%s: got %d, want %d with code %s: %.500s", a.short(), a.Status, status, code, a.Body)
		return a
	}
	if got := a.Get("errors", "0", "pointer"); pointer != "" && got != pointer {
		a.t.Errorf("%s: pointer: got %v, want %s: %.500s", a.short(), got, pointer, a.Body)
	}
	return a.Problem(code, "")
}

// Problem fails the test unless the answer is a problem with the code, and text
// stands in its detail.
func (a *Answer) Problem(code, text string) *Answer {
	a.t.Helper()
	detail, _ := a.Get("detail").(string)
	if a.Get("code") != code || !strings.Contains(detail, text) {
		a.t.Errorf("%s: got %.500s, want code %s and %q in detail", a.short(), a.Body, code, text)
	}
	if a.Get("message") != a.Get("detail") || a.Get("requestId") != a.Header.Get("X-Request-Id") {
		a.t.Errorf("%s: message or requestId is wrong: %.500s", a.short(), a.Body)
	}
	return a
}

// Same fails the test unless the answer is like other: the body, its type and
// its tag.
func (a *Answer) Same(other *Answer) *Answer {
	a.t.Helper()
	for _, name := range []string{"ETag", "Content-Type"} {
		if got, want := a.Header.Get(name), other.Header.Get(name); got != want {
			a.t.Errorf("%s: %s: got %q, want %q as for %s", a.short(), name, got, want, other.short())
		}
	}
	if string(a.Body) != string(other.Body) {
		a.t.Errorf("%s: got %s, want %s as for %s", a.short(), a.Body, other.Body, other.short())
	}
	return a
}

var nextLink = regexp.MustCompile(`^<(/[^>]*)>; rel="next"$`)

// Next returns the address of the next page of a list, "" on the last one.
func (a *Answer) Next() string {
	a.t.Helper()
	link := a.Header.Get("Link")
	match := nextLink.FindStringSubmatch(link)
	switch {
	case link == "":
		return ""
	case match == nil:
		a.t.Fatalf("%s: Link: got %s", a.short(), link)
	}
	return match[1]
}

// Cursor returns the cursor of the next page, which must exist.
func (a *Answer) Cursor() string {
	a.t.Helper()
	next, err := url.Parse(a.Next())
	if err != nil || next.Query().Get("cursor") == "" {
		a.t.Fatalf("%s: no cursor in Link %q", a.short(), a.Header.Get("Link"))
	}
	return next.Query().Get("cursor")
}
