package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
)

// TestLedger: whatever a service loses, keeps or makes up is told.
func TestLedger(t *testing.T) {
	k := kinds[0]
	known := func(id json.Number, text string) item { return item{k.id: id, k.text: text} }
	tests := []struct {
		name  string
		found []item
		want  string
	}{
		{"as it must be", []item{known("1", "soak-1\na"), known("2", "soak-2\nb")}, ""},
		{"beside an import", []item{known("1", "soak-1\na"), known("2", "soak-2\nb"), known("3", "Juliet")}, ""},
		{"lost", []item{known("1", "soak-1\na")}, "soak-2 was acknowledged and is lost"},
		{"an older text", []item{known("1", "soak-1\nz"), known("2", "soak-2\nb")}, "soak-1 is not as it was acknowledged"},
		{"another identifier", []item{known("1", "soak-1\na"), known("9", "soak-2\nb")}, "soak-2 is 9, was acknowledged as 2"},
		{"twice", []item{known("1", "soak-1\na"), known("2", "soak-2\nb"), known("3", "soak-2\nb")}, "soak-2 was written once and is there twice"},
		{"refused and kept", []item{known("1", "soak-1\na"), known("2", "soak-2\nb"), known("3", "soak-3\nc")}, "soak-3 was refused and is there"},
		{"deleted and kept", []item{known("1", "soak-1\na"), known("2", "soak-2\nb"), known("4", "soak-4\nd")}, "soak-4 was deleted and is there"},
		{"from nowhere", []item{known("1", "soak-1\na"), known("2", "soak-2\nb"), known("5", "soak-5\ne")}, "soak-5 is there and nobody wrote it"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			l := newLedger()
			first, gone := &entry{k, "1", "soak-1\nbefore"}, &entry{k, "4", "soak-4\nd"}
			l.created(first, &entry{k, "2", "soak-2\nb"})
			l.created(gone)
			l.changed(first, "soak-1\na")
			l.deleted(gone)
			l.refused("soak-3\nc")
			got := strings.Join(l.compare(k, test.found), "; ")
			if !strings.Contains(got, test.want) || (got == "") != (test.want == "") {
				t.Errorf("got %q, want %q", got, test.want)
			}
			if l.writes() != 4 {
				t.Errorf("%d writes count as acknowledged, want 4", l.writes())
			}
		})
	}
}

// pretender is a gateway with one service that keeps what is posted, in pages of
// two, and loses every write whose text holds "lose".
type pretender struct {
	kept []item
}

func (p *pretender) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodPost {
		var made item
		if err := json.NewDecoder(r.Body).Decode(&made); err != nil {
			http.Error(w, err.Error(), http.StatusBadRequest)
			return
		}
		made["characterId"] = len(p.kept) + 1
		if !strings.Contains(made["description"].(string), "lose") {
			p.kept = append(p.kept, made)
		}
		w.WriteHeader(http.StatusCreated)
		_ = json.NewEncoder(w).Encode(made)
		return
	}
	if r.URL.Path != "/characters" {
		_, _ = w.Write([]byte("[]"))
		return
	}
	first := 0
	_, _ = fmt.Sscan(r.URL.Query().Get("cursor"), &first)
	if first+2 < len(p.kept) {
		w.Header().Set("Link", fmt.Sprintf(`</characters?cursor=%d>; rel="next"`, first+2))
	}
	_ = json.NewEncoder(w).Encode(p.kept[first:min(first+2, len(p.kept))])
}

// TestVerify reads all pages and finds what an acknowledgement did not keep.
func TestVerify(t *testing.T) {
	server := httptest.NewServer(&pretender{})
	defer server.Close()
	c, l := newCaller(strings.TrimPrefix(server.URL, "http://"), "key"), newLedger()
	for i := range 7 {
		text := fmt.Sprintf("soak-%d\nx", i)
		if i == 4 {
			text += " lose"
		}
		k := kinds[0]
		given, err := c.send(context.Background(), request{service: k.service, method: http.MethodPost, path: k.list, body: k.body(text)})
		var made item
		if err != nil || given.status != http.StatusCreated || decode(given.body, &made) != nil {
			t.Fatal(given, err)
		}
		l.created(&entry{k, k.idOf(made), text})
	}
	compared, differences := l.verify(context.Background(), c)
	want := []string{"/characters: soak-4 was acknowledged and is lost"}
	if compared != 6 || !slices.Equal(differences, want) {
		t.Errorf("compared %d, got %q", compared, differences)
	}
}
