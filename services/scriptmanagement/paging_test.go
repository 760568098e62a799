package scriptmanagement

import (
	"context"
	"fmt"
	"net/url"
	"regexp"
	"strings"
	"testing"

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

// walk follows a list to its end; it returns the key of every item in order,
// and the number of pages.
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

// startLong runs the service with 250 sections and 250 transitions in script 1,
// in turns, and 250 scripts.
func startLong(t *testing.T) *apitest.Service {
	s := apitest.Start(t, Definition())
	s.Want(201, "POST", "/scripts", `{"title":"Long"}`)
	for _, shape := range shapes {
		batch := texts(shape, 250)
		for i, item := range batch["items"].([]map[string]any) {
			item["sequenceNumber"] = 2*i + 1
			if shape == shapes[1] {
				item["sequenceNumber"] = 2*i + 2
			}
		}
		s.Want(201, "POST", "/scripts/1/"+shape.folder+"/batch", batch)
	}
	for range 249 {
		s.Want(201, "POST", "/scripts", `{"title":"Short"}`)
	}
	return s
}

func TestPaging(t *testing.T) {
	s := startLong(t)
	for _, test := range []struct {
		path, key string
		first     float64
		step      float64
		items     int
		pages     int
	}{
		{"/scripts", "scriptId", 1, 1, 250, 3},
		{"/scripts?limit=50", "scriptId", 1, 1, 250, 5},
		{"/scripts?limit=249", "scriptId", 1, 1, 250, 2},
		{"/scripts?limit=250", "scriptId", 1, 1, 250, 1},
		{"/scripts?limit=1000", "scriptId", 1, 1, 250, 1},
		{"/scripts?title=Short", "scriptId", 2, 1, 249, 3},
		{"/scripts/1/sections", "sequenceNumber", 1, 2, 250, 3},
		{"/scripts/1/sections?limit=7", "sequenceNumber", 1, 2, 250, 36},
		{"/scripts/1/transitions", "sequenceNumber", 2, 2, 250, 3},
		{"/scripts/1/transitions?ids=1,2,3,4,5&limit=2", "sequenceNumber", 2, 2, 5, 3},
	} {
		keys, pages := walk(t, s, test.path, test.key)
		if len(keys) != test.items || pages != test.pages {
			t.Errorf("%s: got %d items on %d pages, want %d on %d", test.path, len(keys), pages, test.items, test.pages)
			continue
		}
		for i, key := range keys {
			if want := test.first + float64(i)*test.step; key != want {
				t.Errorf("%s: item %d is %v, want %v", test.path, i, key, want)
				break
			}
		}
	}
}

// TestPagingWhileChanging: what is added behind the page read is still met, and
// nothing is met twice.
func TestPagingWhileChanging(t *testing.T) {
	s := startStage(t)
	s.Want(201, "POST", "/scripts/1/sections/batch", texts(shapes[0], 8))
	first := s.Want(200, "GET", "/scripts/1/sections?limit=5", nil)
	s.Want(201, "POST", "/scripts/1/sections", `{"title":"late"}`)
	s.Want(204, "DELETE", "/scripts/1/sections/1", nil)
	rest, _ := walk(t, s, next(t, first), "headingId")
	if got := fmt.Sprint(rest); got != "[7 8 9 10 11 12]" {
		t.Errorf("after the first page: got %s", got)
	}
}

func TestCursors(t *testing.T) {
	s := startStage(t)
	s.Want(201, "POST", "/scripts/2/sections/batch", texts(shapes[0], 3))
	link := next(t, s.Want(200, "GET", "/scripts/1/sections?limit=1", nil))
	parsed, err := url.Parse(link)
	if err != nil {
		t.Fatal(err)
	}
	cursor := parsed.Query().Get("cursor")
	last := "A"
	if strings.HasSuffix(cursor, "A") {
		last = "B"
	}
	for name, path := range map[string]string{
		"another filter":    "/scripts/1/sections?ids=1,2&cursor=" + cursor,
		"another script":    "/scripts/2/sections?cursor=" + cursor,
		"another list":      "/scripts/1/transitions?cursor=" + cursor,
		"another operation": "/scripts?cursor=" + cursor,
		"tampered key":      "/scripts/1/sections?cursor=B" + cursor[1:],
		"tampered MAC":      "/scripts/1/sections?cursor=" + cursor[:len(cursor)-1] + last,
		"cut short":         "/scripts/1/sections?cursor=" + cursor[:8],
		"made up":           "/scripts/1/sections?cursor=1",
		"empty":             "/scripts/1/sections?cursor=",
		"too long":          "/scripts/1/sections?cursor=" + strings.Repeat("A", 201),
	} {
		if answer := s.Want(400, "GET", path, nil); answer.Get("errors", "0", "pointer") != "query/cursor" {
			t.Errorf("%s: got %s", name, answer.Body)
		}
	}
	// Another page length is no other list.
	s.Want(200, "GET", "/scripts/1/sections?limit=9&cursor="+cursor, nil)
}

// TestNoScans: every list, and every look-up by number, finds its rows by an
// index, however long the tables are.
func TestNoScans(t *testing.T) {
	s := startStage(t)
	ids := make([]int64, 1000)
	var queries []string
	for _, filter := range []ListScriptsParams{{}, {Title: new("x")}, {Ids: &ids}, {Title: new("x"), Ids: &ids}} {
		clause, _ := scriptFilter(filter).Page("script_id", 1, 10)
		queries = append(queries, scriptColumns+clause)
	}
	for _, k := range []kind{sectionHeadings, transitions} {
		for _, filter := range []*[]int64{nil, &ids} {
			clause, _ := elementFilter(k, 1, filter).Page("sequence_number", 1, 10)
			queries = append(queries, k.columns+clause)
		}
		queries = append(queries, k.find, k.update, k.move, k.remove)
	}
	for _, query := range queries {
		plan := explainPlan(t, s, query)
		if strings.Contains(plan, "SCAN") || !strings.Contains(plan, "SEARCH") {
			t.Errorf("%s\n%s", query, plan)
		}
		if !strings.Contains(query, "IN (") && strings.Contains(plan, "TEMP B-TREE") {
			t.Errorf("sorts: %s\n%s", query, plan)
		}
		if strings.Contains(query, "_id IN (") && !strings.Contains(plan, "rowid=?") {
			t.Errorf("does not look identifiers up: %s\n%s", query, plan)
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
