package scriptmanagement

import (
	"fmt"
	"slices"
	"sync"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// together runs work on n goroutines at once and waits for all.
func together(n int, work func(i int)) {
	var all sync.WaitGroup
	start := make(chan struct{})
	for i := range n {
		all.Go(func() {
			<-start
			work(i)
		})
	}
	close(start)
	all.Wait()
}

// TestTogether: 32 clients add sections and transitions to one script at once;
// the numbers are unique and without gaps.
func TestTogether(t *testing.T) {
	const clients, each = 32, 8
	s := apitest.Start(t, Definition())
	s.Want(201, "POST", "/scripts", `{"title":"Crowded"}`)
	together(clients, func(i int) {
		shape := shapes[i%2]
		path := "/scripts/1/" + shape.folder
		for n := range each {
			body := map[string]any{shape.text: fmt.Sprintf("%d/%d", i, n)}
			switch {
			case n == each-1:
				s.Do("POST", path+"/batch", map[string]any{"items": []any{body, body}})
			case i%8 == 7:
				// Refused writes among the others must leave no gap.
				s.Do("POST", path+"/batch", map[string]any{"items": []any{body, map[string]any{shape.text: "x", "sequenceNumber": 1}}})
				s.Do("POST", path, body)
			default:
				s.Do("POST", path, body)
			}
		}
	})
	var numbers []float64
	for _, shape := range shapes {
		kept, _ := walk(t, s, "/scripts/1/"+shape.folder, "sequenceNumber")
		numbers = append(numbers, kept...)
	}
	slices.Sort(numbers)
	if want := clients * (each + 1); len(numbers) != want {
		t.Fatalf("got %d elements, want %d", len(numbers), want)
	}
	for i, number := range numbers {
		if number != float64(i+1) {
			t.Fatalf("place %d has number %v", i+1, number)
		}
	}
}

// TestScriptsTogether is TestTogether for the numbers of scripts.
func TestScriptsTogether(t *testing.T) {
	s := apitest.Start(t, Definition())
	together(32, func(int) { s.Do("POST", "/scripts", `{"title":"Hamlet"}`) })
	numbers, _ := walk(t, s, "/scripts", "sequenceNumber")
	slices.Sort(numbers)
	for i, number := range numbers {
		if len(numbers) != 32 || number != float64(i+1) {
			t.Fatalf("got %v", numbers)
		}
	}
}

// TestUpdatesTogether: of clients that change what they read before, with
// If-Match and at once, exactly one wins.
func TestUpdatesTogether(t *testing.T) {
	for _, target := range []struct{ method, path, body string }{
		{"PUT", "/scripts/1", `{"title":"Client %d"}`},
		{"PATCH", "/scripts/1", `{"title":"Client %d"}`},
		{"PUT", "/scripts/1/sections/1", `{"title":"Client %d"}`},
		{"PUT", "/scripts/1/sections?headingId=1", `{"title":"Client %d"}`},
		{"PATCH", "/scripts/1/sections/1", `{"title":"Client %d"}`},
		{"PATCH", "/scripts/1/transitions/1", `{"text":"Client %d"}`},
		{"DELETE", "/scripts/1/transitions/2", ""},
	} {
		t.Run(target.method+target.path, func(t *testing.T) {
			s := startStage(t)
			const clients = 4
			statuses := make([]int, clients)
			together(clients, func(i int) {
				var body any
				if target.body != "" {
					body = fmt.Sprintf(target.body, i)
				}
				statuses[i] = s.Do(target.method, target.path, body, "If-Match", `"1"`).Status
			})
			won, lost := 0, 0
			for _, status := range statuses {
				switch status {
				case 200, 204:
					won++
				case 412, 404: // what was deleted is gone for the others
					lost++
				}
			}
			if won != 1 || lost != clients-1 {
				t.Errorf("got %v", statuses)
			}
		})
	}
}

// TestReordersTogether: swaps at once leave every number with one element.
func TestReordersTogether(t *testing.T) {
	s := startStage(t)
	together(16, func(i int) {
		moves := "1>1 2>2"
		if i%2 == 0 {
			moves = "1>2 2>1"
		}
		if answer := s.Do("POST", "/scripts/1/sections/reorder", reorderBody(shapes[0], moves)); answer.Status != 200 {
			t.Errorf("got %d %s", answer.Status, answer.Body)
		}
	})
	if got := column(s.Want(200, "GET", "/scripts/1/sections", nil), "sequenceNumber"); got != "1 2" {
		t.Errorf("got %s", got)
	}
}

func TestEntityTags(t *testing.T) {
	for _, test := range []struct{ path, body string }{
		{"/scripts/1", `{"title":"New"}`},
		{"/scripts/1/sections/1", `{"title":"New"}`},
		{"/scripts/1/transitions/1", `{"text":"New"}`},
	} {
		t.Run(test.path, func(t *testing.T) {
			s := startStage(t)
			tag := func() string { return s.Want(200, "GET", test.path, nil).Header.Get("ETag") }
			first := tag()
			changed := s.Want(200, "PATCH", test.path, test.body, "If-Match", first)
			second := changed.Header.Get("ETag")
			if second == first || second != tag() {
				t.Errorf("ETags: %s, then %s, then %s", first, second, tag())
			}
			for _, method := range []string{"PATCH", "DELETE"} {
				var body any
				if method == "PATCH" {
					body = `{}`
				}
				wantProblem(t, s.Want(412, method, test.path, body, "If-Match", first), "precondition_failed", second)
				// A weak tag never matches, nor does one that only looks similar.
				s.Want(412, method, test.path, body, "If-Match", "W/"+second)
				s.Want(412, method, test.path, body, "If-Match", `"nonsense"`)
			}
			third := s.Want(200, "PATCH", test.path, `{}`, "If-Match", `"7", `+second).Header.Get("ETag")
			s.Want(200, "PATCH", test.path, `{}`, "If-Match", "*")
			s.Want(412, "DELETE", test.path, nil, "If-Match", third)
			s.Want(204, "DELETE", test.path, nil, "If-Match", tag())
			s.Want(404, "DELETE", test.path, nil, "If-Match", "*")
		})
	}
}
