package storyfactory

import (
	"fmt"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// TestTogether: 32 clients append to one story at once; the numbers are unique
// and without gaps.
func TestTogether(t *testing.T) {
	const clients, each = 32, 8
	s := apitest.Start(t, Definition(&Peers{}))
	s.Want(201, "PUT", "/stories/1", `{"title":"Crowded"}`)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"first"}`)
	together(clients, func(i int) {
		for n := range each {
			body := map[string]any{"text": fmt.Sprintf("%d/%d", i, n), "character": map[string]any{"characterId": n + 1}}
			switch {
			case n == each-1:
				s.Do("POST", "/stories/1/elements/batch", map[string]any{"items": []any{body, body}})
			case i%4 == 3:
				// Refused writes among the others must leave no gap.
				s.Do("POST", "/stories/1/elements/batch", map[string]any{"items": []any{body, map[string]any{"text": "x", "sequence": 1}}})
				s.Do("POST", "/stories/1/elements", body)
			default:
				s.Do("POST", "/stories/1/elements", body)
			}
		}
	})
	numbers, _ := walk(t, s, "/stories/1/elements", "sequence")
	if want := 1 + clients*(each+1); len(numbers) != want {
		t.Fatalf("got %d elements, want %d", len(numbers), want)
	}
	for i, number := range numbers {
		if number != float64(i+1) {
			t.Fatalf("place %d has number %v", i+1, number)
		}
	}
}

// TestUpdatesTogether: of clients that change what they read before, with
// If-Match and at once, exactly one wins.
func TestUpdatesTogether(t *testing.T) {
	for _, target := range []struct{ method, path, body string }{
		{"PUT", "/stories/1", `{"title":"Client %d"}`},
		{"PATCH", "/stories/1", `{"title":"Client %d"}`},
		{"DELETE", "/stories/1", ""},
		{"PATCH", "/stories/1/elements/1", `{"text":"Client %d"}`},
		{"DELETE", "/stories/1/elements/1", ""},
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

// TestCreateTogether: of clients that put one story at once, one creates it.
func TestCreateTogether(t *testing.T) {
	s := apitest.Start(t, Definition(&Peers{}))
	statuses := make([]int, 8)
	together(8, func(i int) { statuses[i] = s.Do("PUT", "/stories/1", `{"title":"x"}`).Status })
	created := 0
	for _, status := range statuses {
		if status == 201 {
			created++
		}
	}
	if created != 1 {
		t.Errorf("got %v", statuses)
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
		if answer := s.Do("POST", "/stories/1/elements/reorder", reorderBody(moves)); answer.Status != 200 {
			t.Errorf("got %d %s", answer.Status, answer.Body)
		}
	})
	if got := column(elements(s, 1), "sequence"); got != "1 2 3 4 5" {
		t.Errorf("got %s", got)
	}
}

func TestEntityTags(t *testing.T) {
	for _, test := range []struct{ path, body string }{
		{"/stories/1", `{"title":"New"}`},
		{"/stories/1/elements/1", `{"text":"New"}`},
	} {
		t.Run(test.path, func(t *testing.T) {
			s := startStage(t)
			tag := func() string { return s.Want(200, "GET", test.path, nil).Header.Get("ETag") }
			first := tag()
			second := s.Want(200, "PATCH", test.path, test.body, "If-Match", first).Header.Get("ETag")
			if second == first || second != tag() {
				t.Errorf("ETags: %s, then %s, then %s", first, second, tag())
			}
			for _, method := range []string{"PATCH", "DELETE"} {
				var body any
				if method == "PATCH" {
					body = `{}`
				}
				wantProblem(t, s.Want(412, method, test.path, body, "If-Match", first), "precondition_failed", second)
				s.Want(412, method, test.path, body, "If-Match", "W/"+second)
			}
			third := s.Want(200, "PATCH", test.path, `{}`, "If-Match", `"7", `+second).Header.Get("ETag")
			s.Want(200, "PATCH", test.path, `{}`, "If-Match", "*")
			s.Want(412, "DELETE", test.path, nil, "If-Match", third)
			s.Want(204, "DELETE", test.path, nil, "If-Match", tag())
			s.Want(404, "DELETE", test.path, nil, "If-Match", "*")
		})
	}
}
