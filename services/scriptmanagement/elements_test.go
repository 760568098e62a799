package scriptmanagement

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
	"fountain.coach/fountainai/internal/storage"
)

// count runs a query for one number.
func count(t *testing.T, s *apitest.Service, query string) int {
	t.Helper()
	var number int
	err := s.Instance.DB.Read(context.Background(), func(tx *storage.Tx) error { return tx.QueryRow(query, nil, &number) })
	if err != nil {
		t.Fatal(err)
	}
	return number
}

// TestOneLineOfNumbers: sections and transitions of a script share its numbers;
// every script begins at 1.
func TestOneLineOfNumbers(t *testing.T) {
	s := startStage(t)
	wantOrder(t, s, "/scripts/1", shapes[0], "1 2", "1 2")
	wantOrder(t, s, "/scripts/1", shapes[1], "1 2", "3 4")
	wantOrder(t, s, "/scripts/2", shapes[0], "3", "1")
	wantOrder(t, s, "/scripts/2", shapes[1], "3", "2")
	wantMembers(t, s.Want(201, "POST", "/scripts/1/sections", `{"title":"Act 5","sequenceNumber":9}`), "sequenceNumber", 9)
	wantMembers(t, s.Want(201, "POST", "/scripts/1/transitions", `{"text":"CUT TO:"}`), "sequenceNumber", 10)
	wantMembers(t, s.Want(201, "POST", "/scripts/1/transitions", `{"text":"CUT TO:","sequenceNumber":7}`), "sequenceNumber", 7)
	wantMembers(t, s.Want(201, "POST", "/scripts/1/sections", `{"title":"Act 6"}`), "sequenceNumber", 11)
	wantOrder(t, s, "/scripts/1", shapes[1], "1 2 5 4", "3 4 7 10")
}

func TestAddElement(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := startStage(t)
		path := "/scripts/2/" + shape.folder
		added := s.Want(201, "POST", path, map[string]any{shape.text: "Über allem – 夜"})
		wantMembers(t, added, shape.id, 4, "scriptId", 2, "sequenceNumber", 3, shape.text, "Über allem – 夜")
		read := s.Want(200, "GET", path+"/4", nil)
		if string(read.Body) != string(added.Body) || read.Header.Get("ETag") != added.Header.Get("ETag") {
			t.Errorf("added %s, read %s", added.Body, read.Body)
		}
		for _, number := range []int{1, 2, 3} {
			taken := s.Want(409, "POST", path, map[string]any{shape.text: "x", "sequenceNumber": number})
			wantProblem(t, taken, "sequence_taken", fmt.Sprint(number))
		}
		// A refused addition takes no number.
		wantMembers(t, s.Want(201, "POST", path, map[string]any{shape.text: "x"}), "sequenceNumber", 4)
	})
}

// TestHighestNumber: whoever takes the highest number does not end the line.
func TestHighestNumber(t *testing.T) {
	s := startStage(t)
	s.Want(201, "POST", "/scripts/1/sections", `{"title":"End","sequenceNumber":9007199254740991}`)
	s.Want(400, "POST", "/scripts/1/sections", `{"title":"End","sequenceNumber":9007199254740992}`)
	var added struct{ SequenceNumber int64 }
	s.Want(201, "POST", "/scripts/1/transitions", `{"text":"After the end"}`).JSON(&added)
	if added.SequenceNumber != 9007199254740992 {
		t.Errorf("got %d", added.SequenceNumber)
	}
}

func TestElementsOfOthers(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := startStage(t)
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			var body any
			if method == "PATCH" {
				body = `{}`
			}
			// Element 3 is in script 2, element 1 in script 1.
			for _, path := range []string{"/scripts/1/%s/3", "/scripts/1/%s/99", "/scripts/2/%s/1"} {
				wantProblem(t, s.Want(404, method, fmt.Sprintf(path, shape.folder), body), "not_found", "There is no "+shape.name)
			}
			wantProblem(t, s.Want(404, method, fmt.Sprintf("/scripts/9/%s/1", shape.folder), body), "not_found", "There is no script 9.")
		}
		wantProblem(t, s.Want(404, "POST", "/scripts/9/"+shape.folder, map[string]any{shape.text: "x"}), "not_found", "There is no script 9.")
	})
	s := startStage(t)
	for _, path := range []string{"/scripts/1/sections/3", "/scripts/1/sections?headingId=3"} {
		wantProblem(t, s.Want(404, "PUT", path, `{"title":"x"}`), "not_found", "There is no section heading 3.")
	}
	wantMembers(t, s.Want(200, "GET", "/scripts/2/sections/3", nil), "title", "A desert place")
}

func TestListElements(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := startStage(t)
		path := "/scripts/1/" + shape.folder
		s.Want(200, "PATCH", path+"/1", `{"sequenceNumber":20}`)
		for query, want := range map[string]string{
			"":                 "2 1",
			"?ids=1":           "1",
			"?ids=1,2":         "2 1",
			"?ids=2,1,2,3,99":  "2 1",
			"?ids=3":           "",
			"?limit=1":         "2",
			"?ids=1,2&limit=1": "2",
		} {
			if got := column(s.Want(200, "GET", path+query, nil), shape.id); got != want {
				t.Errorf("%q: got %q, want %q", query, got, want)
			}
		}
		s.Want(201, "POST", "/scripts", `{"title":"Empty"}`)
		if empty := s.Want(200, "GET", "/scripts/3/"+shape.folder, nil); strings.TrimSpace(string(empty.Body)) != "[]" {
			t.Errorf("without elements: got %s, want []", empty.Body)
		}
	})
}

func TestPatchElement(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := startStage(t)
		path := "/scripts/1/" + shape.folder + "/1"
		before := s.Want(200, "GET", path, nil)
		number := before.Get("sequenceNumber")
		wantMembers(t, s.Want(200, "PATCH", path, `{}`), shape.text, before.Get(shape.text), "sequenceNumber", number)
		wantMembers(t, s.Want(200, "PATCH", path, map[string]any{shape.text: "New"}), shape.text, "New", "sequenceNumber", number)
		wantMembers(t, s.Want(200, "PATCH", path, map[string]any{"sequenceNumber": number}), "sequenceNumber", number)
		wantMembers(t, s.Want(200, "PATCH", path, `{"sequenceNumber":8}`), shape.text, "New", "sequenceNumber", 8)
		wantProblem(t, s.Want(409, "PATCH", path, map[string]any{shape.text: "Lost", "sequenceNumber": 2}), "sequence_taken", "2")
		wantProblem(t, s.Want(409, "PATCH", path, `{"sequenceNumber":4}`), "sequence_taken", "4")
		wantMembers(t, s.Want(200, "GET", path, nil), shape.text, "New", "sequenceNumber", 8, "createdAt", before.Get("createdAt"))
		// The number given up is free again.
		wantMembers(t, s.Want(201, "POST", "/scripts/1/transitions", map[string]any{"text": "x", "sequenceNumber": number}), "sequenceNumber", number)
	})
}

func TestUpdateSectionHeading(t *testing.T) {
	for _, path := range []string{"/scripts/1/sections/2", "/scripts/1/sections?headingId=2"} {
		s := startStage(t)
		wantMembers(t, s.Want(200, "PUT", path, `{}`), "headingId", 2, "title", "Act 1, Scene 2", "sequenceNumber", 2)
		wantMembers(t, s.Want(200, "PUT", path, `{"title":"A street"}`), "headingId", 2, "scriptId", 1, "title", "A street", "sequenceNumber", 2)
		wantMembers(t, s.Want(200, "GET", "/scripts/1/sections/2", nil), "title", "A street")
		s.Want(400, "PUT", path, `{"title":"x","sequenceNumber":7}`)
		s.Want(400, "PUT", path, `{"title":null}`)
	}
	s := startStage(t)
	missing := s.Want(400, "PUT", "/scripts/1/sections", `{"title":"x"}`)
	if got := missing.Get("errors", "0", "pointer"); got != "query/headingId" {
		t.Errorf("without headingId: got pointer %v", got)
	}
}

func TestDeleteElement(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := startStage(t)
		path := "/scripts/1/" + shape.folder + "/1"
		number := s.Want(200, "GET", path, nil).Get("sequenceNumber")
		s.Want(204, "DELETE", path, nil)
		for _, method := range []string{"GET", "DELETE"} {
			wantProblem(t, s.Want(404, method, path, nil), "not_found", shape.name+" 1")
		}
		// The number is not given out again, but may be asked for.
		wantMembers(t, s.Want(201, "POST", "/scripts/1/sections", `{"title":"next"}`), "sequenceNumber", 5)
		wantMembers(t, s.Want(201, "POST", "/scripts/1/sections", map[string]any{"title": "asked", "sequenceNumber": number}), "sequenceNumber", number)
	})
}

// texts makes n items of a batch.
func texts(shape shape, n int) map[string]any {
	list := make([]map[string]any, n)
	for i := range list {
		list[i] = map[string]any{shape.text: fmt.Sprintf("%s %d", shape.name, i)}
	}
	return map[string]any{"items": list}
}

func TestBatch(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := startStage(t)
		path := "/scripts/2/" + shape.folder
		added := items(s.Want(201, "POST", path+"/batch", texts(shape, 1000)))
		for i, item := range added {
			if item["sequenceNumber"] != float64(i+3) || item[shape.text] != fmt.Sprintf("%s %d", shape.name, i) {
				t.Fatalf("item %d: got %v", i, item)
			}
		}
		for n, items := range map[string]any{"1001": texts(shape, 1001), "0": texts(shape, 0)} {
			if refused := s.Want(400, "POST", path+"/batch", items); refused.Get("errors", "0", "pointer") != "/items" {
				t.Errorf("%s items: got %s", n, refused.Body)
			}
		}
	})
}

// TestBatchIsAllOrNothing: an error names the item, and no other item is kept.
func TestBatchIsAllOrNothing(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := startStage(t)
		path := "/scripts/1/" + shape.folder + "/batch"
		for _, test := range []struct {
			items   string
			status  int
			pointer string
			detail  string
		}{
			{`[{"TEXT":"a"},{"TEXT":"b","sequenceNumber":2}]`, 409, "/items/1", "Item 1"},
			{`[{"TEXT":"a"},{"TEXT":"b"},{"TEXT":"c","sequenceNumber":3}]`, 409, "/items/2", "Item 2"},
			{`[{"TEXT":"a","sequenceNumber":8},{"TEXT":"b","sequenceNumber":8}]`, 409, "/items/1", "Item 1"},
			{`[{"TEXT":"a"},{"TEXT":"b","sequenceNumber":5}]`, 409, "/items/1", "Item 1"},
			{`[{"TEXT":"a"},{}]`, 400, "/items/1/" + shape.text, "required"},
			{`[{"TEXT":"a"},{"TEXT":""}]`, 400, "/items/1/" + shape.text, "characters"},
			{`[{"TEXT":"a"},7]`, 400, "/items/1", "object"},
		} {
			body := `{"items":` + strings.ReplaceAll(test.items, "TEXT", shape.text) + `}`
			answer := s.Want(test.status, "POST", path, body)
			detail := answer.Get("detail").(string)
			if answer.Get("errors", "0", "pointer") != test.pointer || !strings.Contains(detail, test.detail) {
				t.Errorf("%s: got %s", body, answer.Body)
			}
		}
		wantOrder(t, s, "/scripts/1", shapes[0], "1 2", "1 2")
		wantOrder(t, s, "/scripts/1", shapes[1], "1 2", "3 4")
		missing := s.Want(404, "POST", "/scripts/9/"+shape.folder+"/batch", texts(shape, 2))
		wantProblem(t, missing, "not_found", "There is no script 9.")
		// Nothing of the refused batches used a number up.
		wantMembers(t, s.Want(201, "POST", "/scripts/1/sections", `{"title":"next"}`), "sequenceNumber", 5)
	})
}
