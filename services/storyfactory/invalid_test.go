package storyfactory

import (
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

func TestInvalidBodies(t *testing.T) {
	stage.Start(t).WantInvalid(t, [][3]string{
		{"POST /stories/1/elements", `{"text":"a\u0000b"}`, "/text"},
		{"POST /stories/1/elements", `{"text":null}`, "/text"},
		{"POST /stories/1/elements", `{"text":7}`, "/text"},
		{"POST /stories/1/elements", `{"text":"` + strings.Repeat("夜", 65537) + `"}`, "/text"},
		{"POST /stories/1/elements", `{"text":"x","colour":"red"}`, "/colour"},
		{"POST /stories/1/elements", `{"Text":"x"}`, "/Text"},
		{"POST /stories/1/elements", `{"text":"x","elementId":7}`, "/elementId"},
		{"POST /stories/1/elements", `{"text":"x","sequence":"7"}`, "/sequence"},
		{"POST /stories/1/elements", `{"text":"x","sequence":null}`, "/sequence"},
		{"POST /stories/1/elements", `{"text":"x","sequence":0}`, "/sequence"},
		{"POST /stories/1/elements", `{"text":"x","sequence":-1}`, "/sequence"},
		{"POST /stories/1/elements", `{"text":"x","sequence":1.5}`, "/sequence"},
		{"POST /stories/1/elements", `{"text":"x","sequence":9007199254740992}`, "/sequence"},
		{"POST /stories/1/elements", `{"text":"x","sequence":9223372036854775808}`, "/sequence"},
		{"POST /stories/1/elements", `{"text":"x","type":"scene"}`, "/type"},
		{"POST /stories/1/elements", `{"text":"x","headingId":0}`, "/headingId"},
		{"POST /stories/1/elements", `{"text":"x","transitionId":"1"}`, "/transitionId"},
		{"POST /stories/1/elements", `{"character":{"name":"x"}}`, "/character/characterId"},
		{"POST /stories/1/elements", `{"text":"x","character":null}`, "/character"},
		{"POST /stories/1/elements", `{"character":1}`, "/character"},
		{"POST /stories/1/elements", `{"character":{"characterId":1,"age":13}}`, "/character/age"},
		{"POST /stories/1/elements", `{"character":{"characterId":1,"name":"` + strings.Repeat("a", 1025) + `"}}`, "/character/name"},
		{"POST /stories/1/elements", `{"action":{}}`, "/action/actionId"},
		{"POST /stories/1/elements", `{"action":{"actionId":-1}}`, "/action/actionId"},
		{"POST /stories/1/elements", `{"spokenWord":{"spokenWordId":1}}`, "/spokenWord/dialogueId"},
		{"POST /stories/1/elements", `{"spokenWord":{"dialogueId":1,"parenthetical":""}}`, "/spokenWord/parenthetical"},
		{"POST /stories/1/elements", `{"context":{"characterId":1}}`, "/context/contextId"},
		{"POST /stories/1/elements", `{"context":{"contextId":1,"data":[]}}`, "/context/data"},
		{"POST /stories/1/elements", `{"context":{"contextId":1,"data":null}}`, "/context/data"},
		{"POST /stories/1/elements", `{"context":{"contextId":1,"data":{"a":1,"a":2}}}`, "/context/data/a"},
		{"POST /stories/1/elements", `{"text":"x","layout":"dual"}`, "/layout"},
		{"POST /stories/1/elements", `{"text":"x","layout":null}`, "/layout"},
		{"POST /stories/1/elements", `{"text":"x","layout":{"bold":true}}`, "/layout/bold"},
		{"POST /stories/1/elements", `{"text":"x","layout":{"depth":0}}`, "/layout/depth"},
		{"POST /stories/1/elements", `{"text":"x","layout":{"dual":"yes"}}`, "/layout/dual"},
		{"POST /stories/1/elements", `{}`, ""},
		{"POST /stories/1/elements", `{"context":{"contextId":9}}`, "/context/characterId"},
		{"POST /stories/1/elements/batch", `{}`, "/items"},
		{"POST /stories/1/elements/batch", `{"items":[]}`, "/items"},
		{"POST /stories/1/elements/batch", `[{"text":"x"}]`, ""},
		{"POST /stories/1/elements/batch", `{"items":[` + strings.Repeat(`{"text":"x"},`, 1000) + `{"text":"x"}]}`, "/items"},
		{"POST /stories/1/elements/batch", `{"items":[{"text":"x"},{"text":"x","sequence":0}]}`, "/items/1/sequence"},
		{"POST /stories/1/elements/reorder", `{}`, "/elements"},
		{"POST /stories/1/elements/reorder", `{"elements":[]}`, "/elements"},
		{"POST /stories/1/elements/reorder", `{"elements":[{"elementId":1}]}`, "/elements/0/newSequence"},
		{"POST /stories/1/elements/reorder", `{"elements":[{"elementId":1,"sequence":2}]}`, "/elements/0/newSequence"},
		{"PATCH /stories/1/elements/1", `{"character":{"characterId":1}}`, "/character"},
		{"PATCH /stories/1/elements/1", `{"sequence":null}`, "/sequence"},
		{"PATCH /stories/1/elements/1", `{"type":null}`, "/type"},
		{"PATCH /stories/1/elements/1", `{"text":1}`, "/text"},
		{"PATCH /stories/1/elements/1", `{"layout":[]}`, "/layout"},
		{"PATCH /stories/1/elements/1", `{"layout":{"depth":0}}`, "/layout/depth"},
		{"PATCH /stories/1/elements/1", `{"characterId":0}`, "/characterId"},
		{"PUT /stories/1", `{"author":"x"}`, "/title"},
		{"PUT /stories/1", `{"title":""}`, "/title"},
		{"PUT /stories/1", `{"title":"` + strings.Repeat("a", 1025) + `"}`, "/title"},
		{"PUT /stories/1", `{"title":"x","author":null}`, "/author"},
		{"PUT /stories/1", `{"title":"x","author":"` + strings.Repeat("a", 1025) + `"}`, "/author"},
		{"PUT /stories/1", `{"title":"x","description":"` + strings.Repeat("a", 65537) + `"}`, "/description"},
		{"PUT /stories/1", `{"title":"x","complete":"yes"}`, "/complete"},
		{"PUT /stories/1", `{"title":"x","titlePage":["Title"]}`, "/titlePage/0"},
		{"PUT /stories/1", `{"title":"x","titlePage":[{"key":"Title"}]}`, "/titlePage/0/values"},
		{"PUT /stories/1", `{"title":"x","orchestration":{"mp3":"/x"}}`, "/orchestration/mp3"},
		{"PUT /stories/1", `{"title":"x","orchestration":{"midiFilePath":"` + strings.Repeat("a", 4097) + `"}}`, "/orchestration/midiFilePath"},
		{"PUT /stories/1", `{"title":"x","story":[]}`, "/story"},
		{"PATCH /stories/1", `{"title":null}`, "/title"},
		{"PATCH /stories/1", `{"complete":null}`, "/complete"},
		{"PATCH /stories/1", `{"orchestration":{"midiFilePath":1}}`, "/orchestration/midiFilePath"},
	}, "/stories?scriptId=1", "/stories/1", "/stories/1/elements")
}

func TestInvalidParameters(t *testing.T) {
	stage.Start(t).WantInvalid(t, [][3]string{
		{"GET /stories", "", "query/scriptId"},
		{"GET /stories/sequences?scriptId=1&endSequence=2", "", "query/startSequence"},
		{"GET /stories/sequences?scriptId=1&startSequence=1", "", "query/endSequence"},
		{"GET /stories/sequences?scriptId=1&startSequence=0&endSequence=2", "", "query/startSequence"},
		{"GET /stories/sequences?scriptId=1&startSequence=1&endSequence=9223372036854775808", "", "query/endSequence"},
		{"GET /stories/sequences?scriptId=1&startSequence=2&endSequence=1", "", "query/endSequence"},
	})
}

// TestLongestTexts: the longest that is allowed is taken, and answered as it came.
func TestLongestTexts(t *testing.T) {
	s := stage.Start(t)
	title, text := strings.Repeat("夜", 1024), strings.Repeat("🎭", 65536)
	head := s.Want(201, "PUT", "/stories/3", map[string]any{"title": title, "author": title, "description": text})
	head.Has("title", title, "author", title, "description", text)
	for _, body := range []map[string]any{
		{"text": text}, {"character": map[string]any{"characterId": 1, "name": title, "description": text}},
		{"action": map[string]any{"actionId": 1, "description": text}},
		{"spokenWord": map[string]any{"dialogueId": 1, "text": text, "parenthetical": title}},
	} {
		answer := s.Want(201, "POST", "/stories/3/elements", body)
		for name, value := range body {
			if reference, ok := value.(map[string]any); ok {
				for member := range reference {
					answer.Has(name+"."+member, reference[member])
				}
			} else {
				answer.Has(name, value)
			}
		}
	}
	// More than 1 MiB is too much for one element but not for a batch.
	s.Want(201, "POST", "/stories/3/elements/batch", apitest.Items(`{"text":"%d`+strings.Repeat("夜", 1020)+`"}`, 1000))
}

// TestHostileTexts: what looks like SQL, markup or a format is only text.
func TestHostileTexts(t *testing.T) {
	s := apitest.Start(t, Definition(&Peers{}))
	s.Want(201, "PUT", "/stories/1", `{"title":"x"}`)
	for _, text := range append([]string{""}, apitest.HostileTexts...) {
		body := map[string]any{"text": text, "character": map[string]any{"characterId": 1, "name": text, "description": text},
			"context": map[string]any{"contextId": 1, "data": map[string]any{"a" + text: text}}}
		answer := s.Want(201, "POST", "/stories/1/elements", body)
		answer.Has("text", text, "character.name", text, "character.description", text)
		if got := answer.Get("context", "data", "a"+text); got != text {
			t.Errorf("data: got %v, want %q", got, text)
		}
	}
}
