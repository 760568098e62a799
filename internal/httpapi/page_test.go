package httpapi

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
)

// next returns the target of the Link header to the next page, "" on the last.
func nextPage(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	link := w.Header().Get("Link")
	if link == "" {
		return ""
	}
	target, isNext := strings.CutSuffix(link, `>; rel="next"`)
	if !isNext || !strings.HasPrefix(target, "</") {
		t.Fatalf("Link: %s", link)
	}
	return target[1:]
}

func cursorOf(t testing.TB, w *httptest.ResponseRecorder) string {
	t.Helper()
	target, err := url.Parse(nextPage(t, w))
	if err != nil {
		t.Fatal(err)
	}
	return target.Query().Get("cursor")
}

// fill creates count items, by turns called even and odd.
func (s *testAPI) fill(count int) {
	s.t.Helper()
	for i := range count {
		if w := s.do("POST", "/items", fmt.Sprintf(`{"name":"%s & sons"}`, []string{"even", "odd"}[i%2])); w.Code != http.StatusCreated {
			s.t.Fatal(w.Body)
		}
	}
}

func TestPaging(t *testing.T) {
	s := newTestAPI(t, Options{})
	s.fill(10)
	for target, pages := range map[string][]int{
		"/items":                             {10},
		"/items?limit=10":                    {10},
		"/items?limit=4":                     {4, 4, 2},
		"/items?limit=5&name=odd+%26+sons":   {5},
		"/items?limit=2&name=odd+%26%20sons": {2, 2, 1},
		"/%69tems?limit=6":                   {6, 4},
	} {
		var got []int
		last := int64(0)
		for target != "" {
			w := s.do("GET", target, "")
			var items []item
			if err := json.Unmarshal(w.Body.Bytes(), &items); err != nil || w.Code != http.StatusOK {
				t.Fatalf("%s: %d %s", target, w.Code, w.Body)
			}
			for _, item := range items {
				if item.ItemID <= last {
					t.Errorf("%s: %d after %d", target, item.ItemID, last)
				}
				last = item.ItemID
			}
			got = append(got, len(items))
			target = nextPage(t, w)
		}
		if fmt.Sprint(got) != fmt.Sprint(pages) {
			t.Errorf("got pages of %v, want %v", got, pages)
		}
	}
}

func TestCursorsOfOthers(t *testing.T) {
	s, other := newTestAPI(t, Options{}), newTestAPI(t, Options{})
	s.fill(3)
	other.fill(3)
	mine := cursorOf(t, s.do("GET", "/items?limit=1", ""))
	filtered := cursorOf(t, s.do("GET", "/items?limit=1&name=even+%26+sons", ""))
	theirs := cursorOf(t, other.do("GET", "/items?limit=1", ""))
	rawMine, err := base64.RawURLEncoding.DecodeString(mine)
	if err != nil {
		t.Fatal(err)
	}
	flipped := func(i int) string {
		changed := append([]byte{}, rawMine...)
		changed[i] ^= 1
		return base64.RawURLEncoding.EncodeToString(changed)
	}
	tests := []struct {
		name, target string
		good         bool
	}{
		{"mine", "/items?cursor=" + mine, true},
		{"other limit", "/items?limit=1000&cursor=" + mine, true},
		{"order of parameters", "/items?cursor=" + filtered + "&name=even%20%26%20sons", true},
		{"filter gone", "/items?cursor=" + filtered, false},
		{"filter added", "/items?name=x&cursor=" + mine, false},
		{"other filter", "/items?name=odd+%26+sons&cursor=" + filtered, false},
		{"other database", "/items?cursor=" + theirs, false},
		{"other key", "/items?cursor=" + flipped(7), false},
		{"sign of the key", "/items?cursor=" + flipped(0), false},
		{"other mac", "/items?cursor=" + flipped(len(rawMine)-1), false},
		{"cut", "/items?cursor=" + mine[:len(mine)-1], false},
		{"longer", "/items?cursor=" + mine + "A", false},
		{"padded", "/items?cursor=" + mine + "%3D", false},
		{"new line", "/items?cursor=" + mine + "%0A", false},
		{"number", "/items?cursor=2", false},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			w := s.do("GET", test.target, "")
			if test.good {
				if w.Code != http.StatusOK {
					t.Errorf("got %d: %s", w.Code, w.Body)
				}
				return
			}
			wantFault(t, w, "query/cursor", "")
		})
	}
}

// TestCursorIsBound: operation, path and filters all change the cursor.
func TestCursorIsBound(t *testing.T) {
	page := Page{operation: "listItems", path: "/items", query: url.Values{"a": {"1"}}, secret: []byte("secret")}
	cursor := page.sign(7)
	others := map[string]func(p *Page){
		"operation": func(p *Page) { p.operation = "listOthers" },
		"path":      func(p *Page) { p.path = "/others" },
		"filter":    func(p *Page) { p.query = url.Values{"a": {"2"}} },
		"secret":    func(p *Page) { p.secret = []byte("other") },
	}
	for name, change := range others {
		other := page
		change(&other)
		if _, ok := other.verify(cursor); ok {
			t.Errorf("%s: the cursor is taken for another %s", name, name)
		}
	}
	if after, ok := page.verify(cursor); !ok || after != 7 {
		t.Errorf("got %d, %v", after, ok)
	}
}

// FuzzCursor: nothing but what was signed is taken, and nothing panics.
func FuzzCursor(f *testing.F) {
	page := Page{operation: "listItems", path: "/items", secret: []byte("secret")}
	for _, key := range []int64{0, 1, -1, 1 << 62} {
		f.Add(page.sign(key), key)
	}
	f.Add("", int64(0))
	f.Add("AAAAAAAAAAEAAAAAAAAAAAAAAAAA", int64(1))
	f.Fuzz(func(t *testing.T, cursor string, key int64) {
		if after, ok := page.verify(cursor); ok && page.sign(after) != cursor {
			t.Errorf("took %q for %d", cursor, after)
		}
		if after, ok := page.verify(page.sign(key)); !ok || after != key {
			t.Errorf("got %d, %v for %d", after, ok, key)
		}
	})
}
