package scriptmanagement

import (
	"fmt"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// TestOneLineOfNumbers: sections and transitions of a script share its numbers;
// every script begins at 1.
func TestOneLineOfNumbers(t *testing.T) {
	s := stage.Start(t)
	wantOrder(t, s, "/scripts/1", shapes[0], "1 2", "1 2")
	wantOrder(t, s, "/scripts/1", shapes[1], "1 2", "3 4")
	wantOrder(t, s, "/scripts/2", shapes[0], "3", "1")
	wantOrder(t, s, "/scripts/2", shapes[1], "3", "2")
	s.Want(201, "POST", "/scripts/1/sections", `{"title":"Act 5","sequenceNumber":9}`).Has("sequenceNumber", 9)
	s.Want(201, "POST", "/scripts/1/transitions", `{"text":"CUT TO:"}`).Has("sequenceNumber", 10)
	s.Want(201, "POST", "/scripts/1/transitions", `{"text":"CUT TO:","sequenceNumber":7}`).Has("sequenceNumber", 7)
	s.Want(201, "POST", "/scripts/1/sections", `{"title":"Act 6"}`).Has("sequenceNumber", 11)
	wantOrder(t, s, "/scripts/1", shapes[1], "1 2 5 4", "3 4 7 10")
}

func TestAddElement(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := stage.Start(t)
		path := "/scripts/2/" + shape.folder
		added := s.Want(201, "POST", path, map[string]any{shape.text: "Über allem – 夜"})
		added.Has(shape.id, 4, "scriptId", 2, "sequenceNumber", 3, shape.text, "Über allem – 夜")
		s.Want(200, "GET", path+"/4", nil).Same(added)
		for _, number := range []int{1, 2, 3} {
			taken := s.Want(409, "POST", path, map[string]any{shape.text: "x", "sequenceNumber": number})
			taken.Problem("sequence_taken", fmt.Sprint(number))
		}
		// A refused addition takes no number.
		s.Want(201, "POST", path, map[string]any{shape.text: "x"}).Has("sequenceNumber", 4)
	})
}

// TestHighestNumber: whoever takes the highest number does not end the line.
func TestHighestNumber(t *testing.T) {
	s := stage.Start(t)
	s.Want(201, "POST", "/scripts/1/sections", `{"title":"End","sequenceNumber":9007199254740991}`)
	s.Want(400, "POST", "/scripts/1/sections", `{"title":"End","sequenceNumber":9007199254740992}`)
	s.Want(201, "POST", "/scripts/1/transitions", `{"text":"After the end"}`).Has("sequenceNumber", 9007199254740992)
}

// TestExhausted: behind the highest number there is comes no other.
func TestExhausted(t *testing.T) {
	s := stage.Start(t)
	s.Exec("UPDATE sequence_scopes SET last_number = 9223372036854775807")
	for path, item := range map[string]string{"/scripts": `"title":"x"`, "/scripts/1/sections": `"title":"x"`, "/scripts/1/transitions": `"text":"x"`} {
		s.Want(409, "POST", path, "{"+item+"}").Problem("sequence_exhausted", "choose one")
	}
	s.Want(201, "POST", "/scripts/1/sections", `{"title":"x","sequenceNumber":7}`).Has("sequenceNumber", 7)
}

func TestElementsOfOthers(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := stage.Start(t)
		for _, method := range []string{"GET", "PATCH", "DELETE"} {
			var body any
			if method == "PATCH" {
				body = `{}`
			}
			// Element 3 is in script 2, element 1 in script 1.
			for _, path := range []string{"/scripts/1/%s/3", "/scripts/1/%s/99", "/scripts/2/%s/1"} {
				s.Want(404, method, fmt.Sprintf(path, shape.folder), body).Problem("not_found", "There is no "+shape.name)
			}
			s.Want(404, method, fmt.Sprintf("/scripts/9/%s/1", shape.folder), body).Problem("not_found", "There is no script 9.")
		}
		s.Want(404, "POST", "/scripts/9/"+shape.folder, map[string]any{shape.text: "x"}).Problem("not_found", "There is no script 9.")
	})
	s := stage.Start(t)
	for _, path := range []string{"/scripts/1/sections/3", "/scripts/1/sections?headingId=3"} {
		s.Want(404, "PUT", path, `{"title":"x"}`).Problem("not_found", "There is no section heading 3.")
	}
	s.Want(200, "GET", "/scripts/2/sections/3", nil).Has("title", "A desert place")
}

func TestListElements(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := stage.Start(t)
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
			if got := s.Column(path+query, shape.id); got != want {
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
		s := stage.Start(t)
		path := "/scripts/1/" + shape.folder + "/1"
		before := s.Want(200, "GET", path, nil)
		number := before.Get("sequenceNumber")
		s.Want(200, "PATCH", path, `{}`).Has(shape.text, before.Get(shape.text), "sequenceNumber", number)
		s.Want(200, "PATCH", path, map[string]any{shape.text: "New"}).Has(shape.text, "New", "sequenceNumber", number)
		s.Want(200, "PATCH", path, map[string]any{"sequenceNumber": number}).Has("sequenceNumber", number)
		s.Want(200, "PATCH", path, `{"sequenceNumber":8}`).Has(shape.text, "New", "sequenceNumber", 8)
		s.Want(409, "PATCH", path, map[string]any{shape.text: "Lost", "sequenceNumber": 2}).Problem("sequence_taken", "2")
		s.Want(409, "PATCH", path, `{"sequenceNumber":4}`).Problem("sequence_taken", "4")
		s.Want(200, "GET", path, nil).Has(shape.text, "New", "sequenceNumber", 8, "createdAt", before.Get("createdAt"))
		// The number given up is free again.
		s.Want(201, "POST", "/scripts/1/transitions", map[string]any{"text": "x", "sequenceNumber": number}).Has("sequenceNumber", number)
	})
}

func TestUpdateSectionHeading(t *testing.T) {
	for _, path := range []string{"/scripts/1/sections/2", "/scripts/1/sections?headingId=2"} {
		s := stage.Start(t)
		s.Want(200, "PUT", path, `{}`).Has("headingId", 2, "title", "Act 1, Scene 2", "sequenceNumber", 2)
		s.Want(200, "PUT", path, `{"title":"A street"}`).Has("headingId", 2, "scriptId", 1, "title", "A street", "sequenceNumber", 2)
		s.Want(200, "GET", "/scripts/1/sections/2", nil).Has("title", "A street")
		s.Want(400, "PUT", path, `{"title":"x","sequenceNumber":7}`)
		s.Want(400, "PUT", path, `{"title":null}`)
	}
	s := stage.Start(t)
	s.Do("PUT", "/scripts/1/sections", `{"title":"x"}`).Refused(400, "invalid_request", "query/headingId")
}

func TestDeleteElement(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := stage.Start(t)
		path := "/scripts/1/" + shape.folder + "/1"
		number := s.Want(200, "GET", path, nil).Get("sequenceNumber")
		s.Want(204, "DELETE", path, nil)
		for _, method := range []string{"GET", "DELETE"} {
			s.Want(404, method, path, nil).Problem("not_found", shape.name+" 1")
		}
		// The number is not given out again, but may be asked for.
		s.Want(201, "POST", "/scripts/1/sections", `{"title":"next"}`).Has("sequenceNumber", 5)
		s.Want(201, "POST", "/scripts/1/sections", map[string]any{"title": "asked", "sequenceNumber": number}).Has("sequenceNumber", number)
	})
}

// texts is a batch of n elements.
func texts(shape shape, n int) string {
	return apitest.Items(fmt.Sprintf(`{%q:"%s %%d"}`, shape.text, shape.name), n)
}

func TestBatch(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := stage.Start(t)
		path := "/scripts/2/" + shape.folder
		added := s.Want(201, "POST", path+"/batch", texts(shape, 1000))
		for i := range 1000 {
			added.Holds(fmt.Sprintf(`{"sequenceNumber":%d,%q:"%s %d"}`, i+3, shape.text, shape.name, i+1), fmt.Sprint(i))
		}
		for _, n := range []int{0, 1001} {
			s.Do("POST", path+"/batch", texts(shape, n)).Refused(400, "invalid_request", "/items")
		}
	})
}

// TestBatchIsAllOrNothing: an error names the item, and no other item is kept.
func TestBatchIsAllOrNothing(t *testing.T) {
	eachShape(t, func(t *testing.T, shape shape) {
		s := stage.Start(t)
		path := "/scripts/1/" + shape.folder + "/batch"
		for _, test := range []struct {
			items   string
			status  int
			code    string
			pointer string
			detail  string
		}{
			{`[{"TEXT":"a"},{"TEXT":"b","sequenceNumber":2}]`, 409, "sequence_taken", "/items/1", "Item 1"},
			{`[{"TEXT":"a"},{"TEXT":"b"},{"TEXT":"c","sequenceNumber":3}]`, 409, "sequence_taken", "/items/2", "Item 2"},
			{`[{"TEXT":"a","sequenceNumber":8},{"TEXT":"b","sequenceNumber":8}]`, 409, "sequence_taken", "/items/1", "Item 1"},
			{`[{"TEXT":"a"},{"TEXT":"b","sequenceNumber":5}]`, 409, "sequence_taken", "/items/1", "Item 1"},
			{`[{"TEXT":"a"},{}]`, 400, "invalid_request", "/items/1/" + shape.text, "required"},
			{`[{"TEXT":"a"},{"TEXT":""}]`, 400, "invalid_request", "/items/1/" + shape.text, "characters"},
			{`[{"TEXT":"a"},7]`, 400, "invalid_request", "/items/1", "object"},
		} {
			body := `{"items":` + strings.ReplaceAll(test.items, "TEXT", shape.text) + `}`
			s.Do("POST", path, body).Refused(test.status, test.code, test.pointer).Problem(test.code, test.detail)
		}
		wantOrder(t, s, "/scripts/1", shapes[0], "1 2", "1 2")
		wantOrder(t, s, "/scripts/1", shapes[1], "1 2", "3 4")
		s.Want(404, "POST", "/scripts/9/"+shape.folder+"/batch", texts(shape, 2)).Problem("not_found", "There is no script 9.")
		// Nothing of the refused batches used a number up.
		s.Want(201, "POST", "/scripts/1/sections", `{"title":"next"}`).Has("sequenceNumber", 5)
	})
}

// TestRefusalsAreNotReplayed: a refusal changed nothing, so its key may be used
// again once the cause is removed.
func TestRefusalsAreNotReplayed(t *testing.T) {
	s := stage.Start(t)
	const body = `{"title":"x","sequenceNumber":2}`
	s.Want(409, "POST", "/scripts/1/sections", body, "Idempotency-Key", "key-1")
	s.Want(409, "POST", "/scripts/1/sections", body, "Idempotency-Key", "key-1")
	s.Want(204, "DELETE", "/scripts/1/sections/2", nil)
	s.Want(201, "POST", "/scripts/1/sections", body, "Idempotency-Key", "key-1").Has("sequenceNumber", 2)
	s.Want(201, "POST", "/scripts/1/sections", body, "Idempotency-Key", "key-1")
	wantOrder(t, s, "/scripts/1", shapes[0], "1 4", "1 2")
}

// TestRestart: numbers that were given out are remembered.
func TestRestart(t *testing.T) {
	s := stage.Start(t)
	s.Want(201, "POST", "/scripts/1/sections/batch", texts(shapes[0], 3))
	s.Want(204, "DELETE", "/scripts/1/sections/6", nil)
	before := everything(s)
	s = s.Restart()
	if after := everything(s); after != before {
		t.Errorf("before %s, after %s", before, after)
	}
	s.Want(201, "POST", "/scripts/1/sections", `{"title":"next"}`).Has("headingId", 7, "sequenceNumber", 8)
}
