// What the load writes: things of all five services that carry a text.
package main

import (
	"encoding/json"
	"fmt"
	"strings"
)

// scope is the script whose sequence and story the load writes; no import gets
// as far.
const scope = 1_000_000_000

// markPrefix begins the mark of everything that the load writes.
const markPrefix = "soak-"

// kind is one kind of things. Each thing has a text whose first line is its mark,
// which no other thing has.
type kind struct {
	service string
	// list is the path of the collection, filter what narrows its list down.
	list, filter string
	// id names the member with the identifier, text the one with the text.
	id, text string
	// fixed says that the text cannot be changed.
	fixed bool
	// body makes the request that creates one.
	body func(text string) map[string]any
	// path makes the path of one; list/id if nil.
	path func(id json.Number, text string) string
	// batch says that many can be created at once.
	batch bool
}

var kinds = []*kind{
	{service: "character", list: "/characters", id: "characterId", text: "description", batch: true,
		body: func(text string) map[string]any { return map[string]any{"name": markOf(text), "description": text} }},
	{service: "character", list: "/actions", id: "actionId", text: "description", batch: true,
		body: func(text string) map[string]any { return map[string]any{"description": text} }},
	{service: "character", list: "/spokenWords", id: "dialogueId", text: "text", batch: true,
		body: func(text string) map[string]any { return map[string]any{"text": text} }},
	{service: "scriptmanagement", list: "/scripts", id: "scriptId", text: "description",
		body: func(text string) map[string]any { return map[string]any{"title": markOf(text), "description": text} }},
	{service: "sessioncontext", list: "/sessions", id: "sessionId", text: "context",
		body: func(text string) map[string]any { return map[string]any{"userId": 1, "context": text} }},
	{service: "storyfactory", list: fmt.Sprintf("/stories/%d/elements", scope), id: "elementId", text: "text", batch: true,
		body: func(text string) map[string]any { return map[string]any{"text": text} }},
	{service: "centralsequence", list: "/sequence", filter: fmt.Sprintf("scriptId=%d&", scope), id: "sequenceNumber", text: "elementType",
		fixed: true, batch: true,
		body: func(text string) map[string]any {
			return map[string]any{"elementType": markOf(text), "elementId": 1, "scriptId": scope}
		},
		path: func(_ json.Number, text string) string {
			return fmt.Sprintf("/sequence/%s/1?scriptId=%d", markOf(text), scope)
		}},
}

// services are those that kinds are of.
var services = []string{"centralsequence", "character", "scriptmanagement", "sessioncontext", "storyfactory"}

func (k *kind) pathOf(id json.Number, text string) string {
	if k.path != nil {
		return k.path(id, text)
	}
	return k.list + "/" + id.String()
}

// shown is the text that a thing created with text has.
func (k *kind) shown(text string) string {
	if k.fixed {
		return markOf(text)
	}
	return text
}

// item is a thing as the service shows it.
type item map[string]any

func (k *kind) idOf(i item) json.Number {
	number, _ := i[k.id].(json.Number)
	return number
}

func (k *kind) textOf(i item) string {
	text, _ := i[k.text].(string)
	return text
}

// markOf returns the first line of a text.
func markOf(text string) string {
	mark, _, _ := strings.Cut(text, "\n")
	return mark
}

// decode reads an answer and keeps numbers as they were sent.
func decode(body []byte, target any) error {
	decoder := json.NewDecoder(strings.NewReader(string(body)))
	decoder.UseNumber()
	return decoder.Decode(target)
}
