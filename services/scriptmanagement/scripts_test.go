package scriptmanagement

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestCreateScript(t *testing.T) {
	s := apitest.Start(t, Definition())
	for _, step := range []struct {
		body    string
		members []any
	}{
		{`{"title":"Hamlet"}`, []any{"scriptId", 1, "sequenceNumber", 1, "title", "Hamlet", "author", "", "description", ""}},
		{`{"title":"Macbeth","author":"W. S.","description":"Witches.","sequenceNumber":5}`,
			[]any{"scriptId", 2, "sequenceNumber", 5, "author", "W. S.", "description", "Witches."}},
		{`{"title":"Macbeth","author":"","description":""}`, []any{"scriptId", 3, "sequenceNumber", 6, "author", "", "description", ""}},
		{`{"title":"Lear","sequenceNumber":2}`, []any{"scriptId", 4, "sequenceNumber", 2}},
		{`{"title":"Othello"}`, []any{"scriptId", 5, "sequenceNumber", 7}},
	} {
		created := s.Want(201, "POST", "/scripts", step.body)
		created.Has(step.members...)
		path := fmt.Sprintf("/scripts/%v", created.Get("scriptId"))
		s.Want(200, "GET", path, nil).Same(created)
		at, err := time.Parse(time.RFC3339, created.Get("createdAt").(string))
		if err != nil || at.Location() != time.UTC || time.Since(at) > time.Minute {
			t.Errorf("createdAt: got %v, want now in UTC", created.Get("createdAt"))
		}
	}
	taken := s.Want(409, "POST", "/scripts", `{"title":"Lear","sequenceNumber":5}`)
	taken.Problem("sequence_taken", "5")
	if got := s.Column("/scripts", "scriptId"); got != "1 2 3 4 5" {
		t.Errorf("after a conflict: got %s", got)
	}
}

// TestListScripts: v1 promises author and description in every script.
func TestListScripts(t *testing.T) {
	s := apitest.Start(t, Definition())
	if empty := s.Want(200, "GET", "/scripts", nil); strings.TrimSpace(string(empty.Body)) != "[]" {
		t.Errorf("without scripts: got %s, want []", empty.Body)
	}
	for _, title := range []string{"Hamlet", "Macbeth", "Macbeth", "macbeth"} {
		s.Want(201, "POST", "/scripts", map[string]any{"title": title})
	}
	for query, want := range map[string]string{
		"":                                    "1 2 3 4",
		"?title=Macbeth":                      "2 3",
		"?title=Mac":                          "",
		"?ids=4,2,99":                         "2 4",
		"?ids=2,2,2":                          "2",
		"?title=Macbeth&ids=1,3":              "3",
		"?title=x%27%20OR%20%271%27%3D%271":   "",
		"?ids=9223372036854775807":            "",
		"?limit=2":                            "1 2",
		"?limit=1000":                         "1 2 3 4",
		"?title=Macbeth&ids=1,2,3,4&limit=10": "2 3",
	} {
		if got := s.Column("/scripts"+query, "scriptId"); got != want {
			t.Errorf("%q: got %q, want %q", query, got, want)
		}
	}
	for i := range 4 {
		s.Want(200, "GET", "/scripts", nil).Holds(`{"author":"","description":""}`, fmt.Sprint(i))
	}
}

// TestChangeScript: what PUT and PATCH set, leave and empty.
func TestChangeScript(t *testing.T) {
	const before = `{"title":"Hamlet","author":"Kyd","description":"A ghost."}`
	for _, test := range []struct {
		method, body               string
		title, author, description string
		number                     int
	}{
		{"PUT", `{}`, "Hamlet", "Kyd", "A ghost.", 1},
		{"PUT", `{"title":"Ur-Hamlet"}`, "Ur-Hamlet", "Kyd", "A ghost.", 1},
		{"PUT", `{"author":""}`, "Hamlet", "", "A ghost.", 1},
		{"PUT", `{"author":"Shakespeare","description":"To be."}`, "Hamlet", "Shakespeare", "To be.", 1},
		{"PATCH", `{}`, "Hamlet", "Kyd", "A ghost.", 1},
		{"PATCH", `{"author":null}`, "Hamlet", "", "A ghost.", 1},
		{"PATCH", `{"description":null,"title":"Prince"}`, "Prince", "Kyd", "", 1},
		{"PATCH", `{"description":"To be."}`, "Hamlet", "Kyd", "To be.", 1},
		{"PATCH", `{"sequenceNumber":9}`, "Hamlet", "Kyd", "A ghost.", 9},
		{"PATCH", `{"sequenceNumber":1}`, "Hamlet", "Kyd", "A ghost.", 1},
	} {
		t.Run(test.method+" "+test.body, func(t *testing.T) {
			s := apitest.Start(t, Definition())
			s.Want(201, "POST", "/scripts", before)
			answer := s.Want(200, test.method, "/scripts/1", test.body)
			answer.Has("scriptId", 1, "title", test.title, "author", test.author, "description", test.description, "sequenceNumber", test.number)
			s.Want(200, "GET", "/scripts/1", nil).Same(answer)
		})
	}
}

// TestMoveScript: a number that a script leaves is free, one that another has
// is not, and the next one goes on above the highest ever given out.
func TestMoveScript(t *testing.T) {
	s := stage.Start(t)
	s.Want(409, "PATCH", "/scripts/1", `{"title":"Lost","sequenceNumber":2}`).Problem("sequence_taken", "2")
	s.Want(200, "GET", "/scripts/1", nil).Has("title", "Romeo and Juliet", "sequenceNumber", 1)
	s.Want(200, "PATCH", "/scripts/1", `{"sequenceNumber":10}`)
	s.Want(200, "PATCH", "/scripts/2", `{"sequenceNumber":1}`)
	s.Want(201, "POST", "/scripts", `{"title":"Lear"}`).Has("sequenceNumber", 11)
}

// TestDeleteScript: its elements and numbers go with it, and nothing else.
func TestDeleteScript(t *testing.T) {
	s := stage.Start(t)
	s.Want(204, "DELETE", "/scripts/1", nil)
	for _, path := range []string{
		"/scripts/1", "/scripts/1/sections", "/scripts/1/sections/1", "/scripts/1/transitions", "/scripts/1/transitions/1",
	} {
		s.Want(404, "GET", path, nil).Problem("not_found", "There is no script 1.")
	}
	s.Want(404, "DELETE", "/scripts/1", nil).Problem("not_found", "There is no script 1.")
	for _, rows := range []string{
		"section_headings WHERE script_id = 1", "transitions WHERE script_id = 1",
		"sequence_numbers WHERE scope_id = 1", "sequence_scopes WHERE scope_id = 1",
	} {
		if left := s.Count("SELECT count(*) FROM " + rows); left != 0 {
			t.Errorf("%s: %d are left", rows, left)
		}
	}
	wantOrder(t, s, "/scripts/2", shapes[0], "3", "1")
	wantOrder(t, s, "/scripts/2", shapes[1], "3", "2")
	s.Want(201, "POST", "/scripts", `{"title":"Again","sequenceNumber":1}`).Has("scriptId", 3, "sequenceNumber", 1)
}

func TestSourceOfScript(t *testing.T) {
	s := apitest.Start(t, Definition())
	body := `{"title":"Macbeth","source":"fountain:sha256:abc"}`
	created := s.Want(201, "POST", "/scripts", body)
	created.Has("source", "fountain:sha256:abc")
	s.Want(409, "POST", "/scripts", body).Problem("source_exists", "/scripts?source=")
	s.Want(201, "POST", "/scripts", `{"title":"Macbeth"}`)
	s.Want(201, "POST", "/scripts", `{"title":"Macbeth","source":"elsewhere"}`)
	if got := s.Column("/scripts?source=fountain%3Asha256%3Aabc", "scriptId"); got != "1" {
		t.Errorf("by source: got %s, want script 1 alone", got)
	}
	s.Want(400, "POST", "/scripts", `{"title":"Macbeth","source":""}`)
	s.Want(204, "DELETE", "/scripts/1", nil)
	s.Want(201, "POST", "/scripts", body)
}
