package webui_test

import (
	"fmt"
	"math"
	"os"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"

	"golang.org/x/net/html"

	"fountain.coach/fountainai/internal/webui"
)

func TestPagesAreAccessible(t *testing.T) {
	s := newStage(t, webui.Options{Ask: newModel(), DocsURL: func(service string) string { return "http://" + service + ".localhost/docs" }})
	p := s.writer(t)
	id := s.put(t, sample(t))
	bare := s.put(t, "Title: Bare\n\nJust words.\n")
	paths := []string{"/", "/?title=none", "/ask", "/nothing"}
	for _, script := range []int64{id, bare} {
		base := fmt.Sprintf("/scripts/%d", script)
		paths = append(paths, base, base+"/scenes", base+"/characters")
	}
	for _, path := range paths {
		_, page, _ := p.get(path)
		checkPage(t, path, page)
	}
	checkPage(t, "/login", s.visitor(t).read("/login"))
}

// node is an element of a page.
type node struct{ *html.Node }

func (n node) attribute(name string) (string, bool) {
	for _, a := range n.Attr {
		if a.Key == name {
			return a.Val, true
		}
	}
	return "", false
}

func (n node) text() string {
	if n.Type == html.TextNode {
		return n.Data
	}
	var all string
	for child := n.FirstChild; child != nil; child = child.NextSibling {
		all += node{child}.text()
	}
	return all
}

// first returns the first element of a name below n.
func (n node) first(name string) node {
	for d := range n.Descendants() {
		if d.Data == name {
			return node{d}
		}
	}
	return node{}
}

func (n node) within(name string) bool {
	for parent := n.Parent; parent != nil; parent = parent.Parent {
		if parent.Data == name {
			return true
		}
	}
	return false
}

// checkPage finds faults that keep people from using a page, and what the
// policy would stop.
func checkPage(t *testing.T, path, page string) {
	t.Helper()
	root, err := html.Parse(strings.NewReader(page))
	if err != nil {
		t.Fatal(err)
	}
	var all []node
	count, ids, labels := map[string]int{}, map[string]int{}, map[string]bool{}
	for n := range root.Descendants() {
		if n.Type != html.ElementNode {
			continue
		}
		e := node{n}
		all, count[n.Data] = append(all, e), count[n.Data]+1
		if id, found := e.attribute("id"); found {
			ids[id]++
		}
		if target, found := e.attribute("for"); found {
			labels[target] = true
		}
	}
	if lang, _ := all[0].attribute("lang"); lang == "" {
		t.Errorf("%s has no language", path)
	}
	for _, name := range []string{"h1", "main", "footer", "title"} {
		if count[name] != 1 {
			t.Errorf("%s has %d elements %s, want 1", path, count[name], name)
		}
	}
	if first := (node{root}).first("a"); first.Node == nil || first.text() != "Skip to the content" {
		t.Errorf("%s does not begin with a link to its content", path)
	}
	for id, n := range ids {
		if n != 1 {
			t.Errorf("%s has %d elements with the id %s", path, n, id)
		}
	}
	checkHeadings(t, path, all)
	for _, e := range all {
		if fault := faultOf(e, ids, labels); fault != "" {
			t.Errorf("%s: <%s %v> %s", path, e.Data, e.Attr, fault)
		}
	}
}

// checkHeadings wants no level left out on the way down.
func checkHeadings(t *testing.T, path string, all []node) {
	t.Helper()
	last := 0
	for _, e := range all {
		if len(e.Data) != 2 || e.Data[0] != 'h' || e.Data[1] < '1' || e.Data[1] > '6' {
			continue
		}
		level := int(e.Data[1] - '0')
		if level > last+1 {
			t.Errorf("%s: heading %q of level %d follows one of level %d", path, e.text(), level, last)
		}
		last = level
	}
}

// faultOf says what is wrong with an element, or "".
func faultOf(e node, ids map[string]int, labels map[string]bool) string {
	kind, _ := e.attribute("type")
	id, _ := e.attribute("id")
	label, _ := e.attribute("aria-label")
	by, _ := e.attribute("aria-labelledby")
	named := label != "" || by != ""
	for _, a := range e.Attr {
		switch {
		case strings.HasPrefix(a.Key, "on") || a.Key == "style":
			return "has code or style within"
		case slices.Contains([]string{"aria-labelledby", "aria-describedby", "for"}, a.Key) && ids[a.Val] != 1:
			return "refers to what is not there"
		case a.Key == "tabindex" && a.Val != "0" && a.Val != "-1":
			return "changes the order of the keyboard"
		}
	}
	switch e.Data {
	case "input", "textarea", "select":
		if kind != "hidden" && !named && !labels[id] && !e.within("label") {
			return "has no label"
		}
	case "a", "button", "summary":
		if !named && strings.TrimSpace(e.text()) == "" {
			return "has no name"
		}
	case "nav", "aside":
		if !named {
			return "is a landmark without a name"
		}
	case "img":
		if _, found := e.attribute("alt"); !found {
			return "has no alternative text"
		}
	case "script":
		if src, _ := e.attribute("src"); src == "" {
			return "has code within"
		}
	case "style":
		return "has style within"
	}
	return ""
}

var colourPattern = regexp.MustCompile(`--([a-z-]+): light-dark\((#[0-9a-f]{6}), (#[0-9a-f]{6})\)`)

// The colours of both themes keep the contrast that WCAG 2 asks for at level AA.
func TestContrast(t *testing.T) {
	style, err := os.ReadFile("assets/style.css")
	if err != nil {
		t.Fatal(err)
	}
	colours := map[string][2]string{}
	for _, c := range colourPattern.FindAllStringSubmatch(string(style), -1) {
		colours[c[1]] = [2]string{c[2], c[3]}
	}
	check := func(front, back string, least float64) {
		t.Helper()
		for theme, name := range []string{"light", "dark"} {
			a, b := luminance(t, colours[front][theme]), luminance(t, colours[back][theme])
			if got := (max(a, b) + 0.05) / (min(a, b) + 0.05); got < least {
				t.Errorf("%s: %s on %s has a contrast of %.2f, want %.1f", name, front, back, got, least)
			}
		}
	}
	for _, back := range []string{"ground", "surface", "sunken"} {
		for _, front := range []string{"ink", "faint", "accent"} {
			check(front, back, 4.5)
		}
	}
	check("on-accent", "accent", 4.5)
	check("wrong", "wrong-ground", 4.5)
	check("wrong", "surface", 4.5)
	check("ink", "notice-ground", 4.5)
	check("ink", "good-ground", 4.5)
	check("edge", "ground", 3)
	check("edge", "surface", 3)
}

// luminance is the relative luminance of WCAG 2.
func luminance(t *testing.T, colour string) float64 {
	t.Helper()
	if len(colour) != 7 {
		t.Fatalf("%q is no colour", colour)
	}
	var sum float64
	for i, weight := range []float64{0.2126, 0.7152, 0.0722} {
		value, err := strconv.ParseUint(colour[1+2*i:3+2*i], 16, 8)
		if err != nil {
			t.Fatal(err)
		}
		c := float64(value) / 255
		if c <= 0.04045 {
			sum += weight * c / 12.92
		} else {
			sum += weight * math.Pow((c+0.055)/1.055, 2.4)
		}
	}
	return sum
}
