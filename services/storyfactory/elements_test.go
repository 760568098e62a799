package storyfactory

import (
	"fmt"
	"strings"
	"testing"
)

// TestSequence: an element comes after the last, or where it is told to.
func TestSequence(t *testing.T) {
	s := stage.Start(t)
	for _, step := range []struct {
		body string
		want int
	}{
		{`{"text":"x"}`, 6},
		{`{"text":"x","sequence":10}`, 10},
		{`{"text":"x"}`, 11},
		{`{"text":"x","sequence":8}`, 8},
		{`{"text":"x"}`, 12},
	} {
		s.Want(201, "POST", "/stories/1/elements", step.body).Has("sequence", step.want)
	}
	for _, number := range []int{1, 5, 8, 12} {
		taken := s.Want(409, "POST", "/stories/1/elements", map[string]any{"text": "x", "sequence": number})
		taken.Problem("sequence_taken", fmt.Sprint(number))
	}
	// A refused addition takes no number; a number that was given up is free,
	// but is not given out again.
	s.Want(204, "DELETE", "/stories/1/elements/10", nil)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"x"}`).Has("sequence", 13)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"x","sequence":12}`).Has("sequence", 12)
	// Each story has a line of its own.
	s.Want(201, "POST", "/stories/2/elements", `{"text":"x"}`).Has("sequence", 1)
}

// TestHighestSequence: whoever takes the highest number does not end the line.
func TestHighestSequence(t *testing.T) {
	s := stage.Start(t)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"End","sequence":9007199254740991}`)
	s.Want(400, "POST", "/stories/1/elements", `{"text":"End","sequence":9007199254740992}`)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"After the end"}`).Has("sequence", 9007199254740992)
}

// TestExhausted: behind the highest number there is comes no other.
func TestExhausted(t *testing.T) {
	s := stage.Start(t)
	s.Exec("UPDATE sequence_scopes SET last_number = 9223372036854775807")
	s.Want(409, "POST", "/stories/1/elements", `{"text":"x"}`).Problem("sequence_exhausted", "choose one")
	s.Want(201, "POST", "/stories/1/elements", `{"text":"x","sequence":7}`).Has("sequence", 7)
}

// TestElementTypes: the type given, or the one that the references imply.
func TestElementTypes(t *testing.T) {
	s := stage.Start(t)
	for body, want := range map[string]string{
		`{"text":"x"}`:    "action",
		`{"headingId":9}`: "sceneHeading",
		`{"headingId":8,"text":"x","type":"section"}`:                            "section",
		`{"transitionId":9}`:                                                     "transition",
		`{"transitionId":9,"text":"FADE."}`:                                      "transition",
		`{"action":{"actionId":9}}`:                                              "action",
		`{"character":{"characterId":9}}`:                                        "action",
		`{"spokenWord":{"dialogueId":9}}`:                                        "dialogue",
		`{"spokenWord":{"dialogueId":9},"action":{"actionId":9}}`:                "dialogue",
		`{"spokenWord":{"dialogueId":9},"type":"lyrics"}`:                        "lyrics",
		`{"type":"pageBreak"}`:                                                   "pageBreak",
		`{"type":"note","text":""}`:                                              "note",
		`{"context":{"contextId":9,"characterId":9},"type":"boneyard"}`:          "boneyard",
		`{"type":"synopsis","text":"x","layout":{"depth":2,"sceneNumber":"1A"}}`: "synopsis",
	} {
		s.Want(201, "POST", "/stories/2/elements", body).Has("type", want)
	}
	for _, body := range []string{`{}`, `{"type":"action"}`, `{"sequence":7}`, `{"layout":{"dual":true}}`} {
		s.Want(400, "POST", "/stories/2/elements", body).Problem("invalid_request", "needs a text")
	}
}

// TestReferences: what an item says of a thing is taken over, what it does not
// say stays as the snapshot has it.
func TestReferences(t *testing.T) {
	s := stage.Start(t)
	for _, step := range []struct{ body, path, want string }{
		{`{"character":{"characterId":1}}`, "character", `{"characterId":1,"description":"Thirteen.","name":"Juliet"}`},
		{`{"character":{"characterId":1,"name":"JULIET"}}`, "character", `{"characterId":1,"description":"Thirteen.","name":"JULIET"}`},
		{`{"character":{"characterId":1,"description":""}}`, "character", `{"characterId":1,"description":"","name":"JULIET"}`},
		{`{"character":{"characterId":7}}`, "character", `{"characterId":7,"description":"","name":""}`},
		{`{"action":{"actionId":1}}`, "action", `{"actionId":1,"description":"Juliet appears above."}`},
		{`{"action":{"actionId":1,"description":"She appears."}}`, "action", `{"actionId":1,"description":"She appears."}`},
		{`{"action":{"actionId":7}}`, "action", `{"actionId":7,"description":""}`},
		{`{"spokenWord":{"dialogueId":1}}`, "spokenWord", `{"dialogueId":1,"parenthetical":"sighing","text":"Ay me!"}`},
		{`{"spokenWord":{"dialogueId":1,"parenthetical":"aside"}}`, "spokenWord", `{"dialogueId":1,"parenthetical":"aside","text":"Ay me!"}`},
		{`{"spokenWord":{"dialogueId":1,"text":"Ay!"}}`, "spokenWord", `{"dialogueId":1,"text":"Ay!"}`},
		{`{"context":{"contextId":1}}`, "context", `{"characterId":1,"contextId":1,"data":{"mood":"longing"}}`},
		{`{"context":{"contextId":1},"character":{"characterId":2}}`, "context", `{"characterId":1,"contextId":1,"data":{"mood":"longing"}}`},
		{`{"context":{"contextId":1,"data":{"mood":"bold"}}}`, "context", `{"characterId":1,"contextId":1,"data":{"mood":"bold"}}`},
		{`{"context":{"contextId":1,"characterId":2}}`, "context", `{"characterId":2,"contextId":1,"data":{"mood":"bold"}}`},
		{`{"context":{"contextId":7},"character":{"characterId":2}}`, "context", `{"characterId":2,"contextId":7,"data":{}}`},
	} {
		s.Want(201, "POST", "/stories/2/elements", step.body).Has(step.path, step.want)
	}
	// All elements that refer to a thing show it alike, in every story.
	s.Want(200, "GET", "/stories/1/elements/3", nil).Has("character.name", "JULIET", "spokenWord.text", "Ay!", "context.characterId", 2)
	missing := s.Want(400, "POST", "/stories/2/elements", `{"context":{"contextId":99}}`)
	missing.Has("errors.0.pointer", "/context/characterId")
}

// TestContextData: data is kept as it came, digit for digit.
func TestContextData(t *testing.T) {
	s := stage.Start(t)
	const data = `{"b":1.10,"a":[12345678901234567890,1e40,{"ü":"<&>"}],"n":null}`
	s.Want(201, "POST", "/stories/2/elements", `{"context":{"contextId":5,"characterId":1,"data":`+data+`}}`)
	for _, path := range []string{"/stories?scriptId=2", "/stories/2/elements"} {
		answer := string(s.Want(200, "GET", path, nil).Body)
		answer = strings.NewReplacer(`\u003c`, "<", `\u003e`, ">", `\u0026`, "&").Replace(answer)
		if !strings.Contains(answer, `"data":`+data) {
			t.Errorf("%s: got %s", path, answer)
		}
	}
	long := `{"context":{"contextId":6,"characterId":1,"data":{"a": "` + strings.Repeat("x", 1<<16-8) + `"}}}`
	s.Want(201, "POST", "/stories/2/elements", long)
	tooLong := s.Want(400, "POST", "/stories/2/elements", strings.Replace(long, "xx", "xxx", 1))
	tooLong.Has("errors.0.pointer", "/context/data")
}

// TestBatch: all or nothing, in the order given, with an error naming its item.
func TestBatch(t *testing.T) {
	s := stage.Start(t)
	created := s.Want(201, "POST", "/stories/1/elements/batch",
		`{"items":[{"text":"a"},{"text":"b","sequence":20},{"text":"c"},{"text":"d","sequence":15}]}`)
	if got := created.Column("text") + " " + created.Column("sequence"); got != "a b c d 6 20 21 15" {
		t.Errorf("got %s", got)
	}
	before := everything(s)
	for _, test := range []struct {
		bad     string
		status  int
		pointer string
	}{
		{`{"text":"x","sequence":3}`, 409, "/items/2"},
		{`{"text":"x","sequence":30}`, 409, "/items/2"},
		{`{}`, 400, "/items/2"},
		{`{"context":{"contextId":99}}`, 400, "/items/2/context/characterId"},
		{`{"text":7}`, 400, "/items/2/text"},
	} {
		body := `{"items":[{"text":"x"},{"text":"y","sequence":30,"character":{"characterId":1,"name":"NOT JULIET"}},` + test.bad + `]}`
		answer := s.Want(test.status, "POST", "/stories/1/elements/batch", body)
		answer.Has("errors.0.pointer", test.pointer)
		if now := everything(s); now != before {
			t.Fatalf("%s: before %s, after %s", test.bad, before, now)
		}
	}
	// A missing story is no fault of an item.
	missing := s.Want(404, "POST", "/stories/9/elements/batch", `{"items":[{"text":"x"}]}`)
	missing.Has("detail", "There is no story of script 9.", "errors", nil)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"x"}`).Has("sequence", 22)
}

func TestPatchElement(t *testing.T) {
	const layout = `{"dual":true,"extension":"(V.O.)","sung":false}`
	for _, test := range []struct {
		patch   string
		members []any
	}{
		{`{}`, []any{"text", "She waits.", "sequence", 6, "type", "dialogue", "layout", layout, "headingId", 3}},
		{`{"text":"New"}`, []any{"text", "New", "spokenWord.text", "Ay me!"}},
		{`{"text":null}`, []any{"text", nil, "spokenWord.text", "Ay me!"}},
		{`{"type":"lyrics"}`, []any{"type", "lyrics"}},
		{`{"sequence":6}`, []any{"sequence", 6}},
		{`{"sequence":9}`, []any{"sequence", 9, "text", "She waits."}},
		{`{"headingId":7,"transitionId":8}`, []any{"headingId", 7, "transitionId", 8}},
		{`{"headingId":null,"transitionId":null}`, []any{"headingId", nil, "transitionId", nil}},
		{`{"characterId":2}`, []any{"character.name", "Romeo", "context.characterId", 1}},
		{`{"characterId":null,"contextId":null}`, []any{"character", nil, "context", nil}},
		{`{"actionId":1,"dialogueId":null}`, []any{"action.description", "Juliet appears above.", "spokenWord", nil, "type", "dialogue"}},
		{`{"dialogueId":2}`, []any{"spokenWord.text", "She speaks.", "spokenWord.parenthetical", nil}},
		{`{"layout":null}`, []any{"layout", nil}},
		{`{"layout":{}}`, []any{"layout", layout}},
		{`{"layout":{"dual":null,"sung":true}}`, []any{"layout", `{"extension":"(V.O.)","sung":true}`}},
		{`{"layout":{"dual":null,"sung":null,"extension":null}}`, []any{"layout", nil}},
		{`{"layout":{"depth":3,"sceneNumber":"12","continued":true}}`,
			[]any{"layout", `{"continued":true,"depth":3,"dual":true,"extension":"(V.O.)","sceneNumber":"12","sung":false}`}},
	} {
		t.Run(test.patch, func(t *testing.T) {
			s := stage.Start(t)
			s.Want(201, "POST", "/stories/1/elements", `{"type":"dialogue","text":"She waits.","headingId":3,"transitionId":4,"character":{"characterId":1},
				"spokenWord":{"dialogueId":1},"context":{"contextId":1},"layout":{"dual":true,"sung":false,"extension":"(V.O.)"}}`)
			answer := s.Want(200, "PATCH", "/stories/1/elements/6", test.patch, "Content-Type", "application/merge-patch+json")
			answer.Has(test.members...)
			if read := s.Want(200, "GET", "/stories/1/elements/6", nil).Same(answer); read.ETag() != `"2"` {
				t.Errorf("got ETag %s", read.ETag())
			}
		})
	}
}

func TestPatchElementRefused(t *testing.T) {
	s := stage.Start(t)
	before := everything(s)
	for _, test := range []struct {
		path, patch string
		status      int
		pointer     any
	}{
		{"/stories/1/elements/3", `{"sequence":4}`, 409, nil},
		{"/stories/1/elements/3", `{"text":"lost","sequence":1}`, 409, nil},
		{"/stories/1/elements/3", `{"characterId":99}`, 400, "/characterId"},
		{"/stories/1/elements/3", `{"actionId":99}`, 400, "/actionId"},
		{"/stories/1/elements/3", `{"dialogueId":99}`, 400, "/dialogueId"},
		{"/stories/1/elements/3", `{"contextId":99}`, 400, "/contextId"},
		{"/stories/1/elements/2", `{"actionId":null}`, 400, ""},
		{"/stories/1/elements/3", `{"characterId":null,"dialogueId":null,"contextId":null}`, 400, ""},
		{"/stories/1/elements/99", `{}`, 404, nil},
		{"/stories/2/elements/1", `{}`, 404, nil},
		{"/stories/9/elements/1", `{}`, 404, nil},
	} {
		answer := s.Want(test.status, "PATCH", test.path, test.patch)
		answer.Has("errors.0.pointer", test.pointer)
	}
	if now := everything(s); now != before {
		t.Errorf("before %s, after %s", before, now)
	}
	// An empty page break is no nothing.
	s.Want(200, "PATCH", "/stories/1/elements/2", `{"actionId":null,"type":"pageBreak"}`)
}

// TestMoveElement: the place an element leaves is free.
func TestMoveElement(t *testing.T) {
	s := stage.Start(t)
	s.Want(200, "PATCH", "/stories/1/elements/2", `{"sequence":9}`)
	wantOrder(t, s, 1, "1 3 4 5 2", "1 3 4 5 9")
	s.Want(200, "PATCH", "/stories/1/elements/5", `{"sequence":2}`)
	wantOrder(t, s, 1, "1 5 3 4 2", "1 2 3 4 9")
	s.Want(201, "POST", "/stories/1/elements", `{"text":"x"}`).Has("sequence", 10)
}

func TestDeleteElement(t *testing.T) {
	s := stage.Start(t)
	s.Want(204, "DELETE", "/stories/1/elements/3", nil)
	wantOrder(t, s, 1, "1 2 4 5", "1 2 4 5")
	for _, path := range []string{"/stories/1/elements/3", "/stories/2/elements/1", "/stories/9/elements/1"} {
		for _, method := range []string{"GET", "DELETE"} {
			s.Want(404, method, path, nil).Problem("not_found", "has no element")
		}
	}
	// Identifiers are not used again.
	s.Want(204, "DELETE", "/stories/1/elements/5", nil)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"x"}`).Has("elementId", 6)
}

// TestSections: they begin where their headings stand and are called as they are.
func TestSections(t *testing.T) {
	s := stage.Start(t)
	want := func(step, want string) {
		t.Helper()
		var got []string
		for _, section := range fullStory(s, 1).Get("sections").([]any) {
			member := section.(map[string]any)
			got = append(got, fmt.Sprintf("%v:%v@%v", member["headingId"], member["title"], member["sequence"]))
		}
		if all := strings.Join(got, " "); all != want {
			t.Errorf("%s: got %s, want %s", step, all, want)
		}
	}
	s.Want(200, "PATCH", "/stories/1/elements/1", `{"text":"I"}`)
	s.Want(201, "POST", "/stories/1/elements", `{"headingId":2,"text":"II"}`)
	want("added", "1:I@1 2:II@6")
	s.Want(200, "PATCH", "/stories/1/elements/6", `{"text":"Two"}`)
	want("renamed", "1:I@1 2:Two@6")
	s.Want(200, "POST", "/stories/1/elements/reorder", `{"elements":[{"elementId":1,"newSequence":6},{"elementId":6,"newSequence":1}]}`)
	want("reordered", "2:Two@1 1:I@6")
	s.Want(200, "PATCH", "/stories/1/elements/1", `{"sequence":9}`)
	want("moved", "2:Two@1 1:I@9")
	s.Want(200, "PATCH", "/stories/1/elements/1", `{"headingId":5}`)
	want("another heading", "2:Two@1 5:I@9")
	s.Want(201, "POST", "/stories/1/elements", `{"headingId":5,"text":"again"}`)
	want("a heading twice", "2:Two@1 5:I@9")
	s.Want(204, "DELETE", "/stories/1/elements/1", nil)
	want("one of them deleted", "2:Two@1 5:again@10")
	s.Want(200, "PATCH", "/stories/1/elements/7", `{"headingId":null}`)
	want("no heading", "2:Two@1")
	s.Want(201, "POST", "/stories/1/elements", `{"headingId":6}`)
	want("without a text", "2:Two@1 6:@11")
	if got := fullStory(s, 2).Column("headingId", "sections"); got != "" {
		t.Errorf("another story: got %s", got)
	}
}

// TestRestart: content, numbers and identifiers outlive the process.
func TestRestart(t *testing.T) {
	s := stage.Start(t)
	s.Want(204, "DELETE", "/stories/1/elements/5", nil)
	s.Want(200, "PATCH", "/stories/1/elements/1", `{"text":"Elsinore"}`)
	s.Want(201, "POST", "/stories/1/elements", `{"text":"x","sequence":5}`)
	before := everything(s)
	s = s.Restart()
	if after := everything(s); after != before {
		t.Errorf("before %s, after %s", before, after)
	}
	s.Want(201, "POST", "/stories/1/elements", `{"text":"next"}`).Has("elementId", 7, "sequence", 6)
}
