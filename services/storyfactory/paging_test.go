package storyfactory

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/apitest"
	"fountain.coach/fountainai/internal/storage"
)

var nextPattern = regexp.MustCompile(`^<([^>]+)>; rel="next"$`)

// next returns the address of the next page, "" on the last one.
func next(t *testing.T, page *apitest.Answer) string {
	t.Helper()
	link := page.Header.Get("Link")
	if link == "" {
		return ""
	}
	match := nextPattern.FindStringSubmatch(link)
	if match == nil {
		t.Fatalf("Link: got %s", link)
	}
	return match[1]
}

// walk follows a list to its end; it returns one member of every item in
// order, and the number of pages.
func walk(t *testing.T, s *apitest.Service, path, key string) ([]float64, int) {
	t.Helper()
	var keys []float64
	pages := 0
	for path != "" {
		page := s.Want(200, "GET", path, nil)
		for _, item := range items(page) {
			keys = append(keys, item[key].(float64))
		}
		pages++
		path = next(t, page)
	}
	return keys, pages
}

// lines is a batch of n elements.
func lines(n int) map[string]any {
	items := make([]map[string]any, n)
	for i := range items {
		items[i] = map[string]any{"text": fmt.Sprint("Line ", i)}
	}
	return map[string]any{"items": items}
}

func TestPaging(t *testing.T) {
	s := startStage(t)
	s.Want(201, "POST", "/stories/2/elements/batch", lines(250))
	for query, pages := range map[string]int{"": 3, "?limit=7": 36, "?limit=249": 2, "?limit=250": 1, "?limit=1000": 1, "?limit=1": 250} {
		keys, got := walk(t, s, "/stories/2/elements"+query, "sequence")
		if len(keys) != 250 || got != pages {
			t.Errorf("%q: got %d items on %d pages, want 250 on %d", query, len(keys), got, pages)
		}
		for i, key := range keys {
			if key != float64(i+1) {
				t.Errorf("%q: item %d is at %v", query, i, key)
				break
			}
		}
	}
}

// TestPagingWhileChanging: what is added behind the page read is still met, and
// nothing is met twice.
func TestPagingWhileChanging(t *testing.T) {
	s := startStage(t)
	first := s.Want(200, "GET", "/stories/1/elements?limit=2", nil)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"late"}`)
	s.Want(204, "DELETE", "/stories/1/elements/2", nil)
	s.Want(200, "PATCH", "/stories/1/elements/4", `{"sequence":2}`)
	rest, _ := walk(t, s, next(t, first), "elementId")
	if got := fmt.Sprint(rest); got != "[3 5 6]" {
		t.Errorf("after the first page: got %s", got)
	}
}

func TestCursors(t *testing.T) {
	s := startStage(t)
	s.Want(201, "POST", "/stories/2/elements/batch", lines(3))
	parsed, err := url.Parse(next(t, s.Want(200, "GET", "/stories/1/elements?limit=1", nil)))
	if err != nil {
		t.Fatal(err)
	}
	cursor := parsed.Query().Get("cursor")
	last := "A"
	if strings.HasSuffix(cursor, "A") {
		last = "B"
	}
	for name, path := range map[string]string{
		"another story": "/stories/2/elements?cursor=" + cursor,
		"tampered key":  "/stories/1/elements?cursor=B" + cursor[1:],
		"tampered MAC":  "/stories/1/elements?cursor=" + cursor[:len(cursor)-1] + last,
		"cut short":     "/stories/1/elements?cursor=" + cursor[:8],
		"made up":       "/stories/1/elements?cursor=1",
		"empty":         "/stories/1/elements?cursor=",
		"too long":      "/stories/1/elements?cursor=" + strings.Repeat("A", 201),
	} {
		if answer := s.Want(400, "GET", path, nil); answer.Get("errors", "0", "pointer") != "query/cursor" {
			t.Errorf("%s: got %s", name, answer.Body)
		}
	}
	// Another page length is no other list.
	s.Want(200, "GET", "/stories/1/elements?limit=9&cursor="+cursor, nil)
}

// TestNoScans: every list and look-up finds its rows by an index, and in order,
// however long the tables are.
func TestNoScans(t *testing.T) {
	s := startStage(t)
	page, _ := elementsQuery(1, httpapi.Page{Limit: 10, After: 1})
	for _, query := range []string{
		page, elementsInSpan, elementByID, sectionsOfScript, storyColumns + " WHERE script_id = $1",
		"SELECT sequence_number FROM story_elements WHERE script_id = $1 AND element_id = $2",
		"SELECT character_id FROM known_contexts WHERE context_id = $1",
		"DELETE FROM story_elements WHERE script_id = $1", "DELETE FROM story_elements WHERE element_id = $1",
		"DELETE FROM known_sections WHERE script_id = $1", "DELETE FROM stories WHERE script_id = $1",
		"UPDATE story_elements SET text = $1 WHERE element_id = $2",
	} {
		plan := explainPlan(t, s, query)
		if strings.Contains(plan, "SCAN") || !strings.Contains(plan, "SEARCH") || strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("%s\n%s", query, plan)
		}
	}
}

// explainPlan is SQLite's plan for a query, a step a line.
func explainPlan(t *testing.T, s *apitest.Service, query string) string {
	t.Helper()
	var steps []string
	arguments := make([]any, len(regexp.MustCompile(`\$\d+`).FindAllString(query, -1)))
	err := s.Instance.DB.Write(context.Background(), func(_ context.Context, tx *storage.Tx) error {
		return tx.Query("EXPLAIN QUERY PLAN "+query, arguments, func(scan func(dest ...any) error) error {
			var id, parent, unused int
			var detail string
			err := scan(&id, &parent, &unused, &detail)
			steps = append(steps, detail)
			return err
		})
	})
	if err != nil {
		t.Fatal(err)
	}
	return strings.Join(steps, "\n")
}
