// The second half of an import: the flow of the story, its numbers, its record.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"time"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/services/centralsequence"
	"fountain.coach/fountainai/services/sessioncontext"
	"fountain.coach/fountainai/services/storyfactory"
)

// writePart creates the things of one kind that are missing.
func writePart[T any](ctx context.Context, i *importer, p part[T]) error {
	ids := map[int64]int64{}
	*p.ids = ids
	if i.resumed {
		found, err := client.List[written](ctx, i.api, p.service, fmt.Sprintf("%slimit=%d", p.list, batchItems))
		if err != nil {
			return err
		}
		for _, w := range found {
			ids[max(w.SequenceNumber, w.Sequence)] = p.id(w)
		}
	}
	var items []T
	var numbers []int64
	total := 0
	for n, l := range i.lines {
		number := int64(n) + 1
		item, ok := p.of(number, l)
		if !ok {
			continue
		}
		if total++; ids[number] == 0 {
			items, numbers = append(items, item), append(numbers, number)
		}
	}
	err := createAll(ctx, i, p.service, p.create, items, func(n int, w written) { ids[numbers[n]] = p.id(w) })
	i.count(p.service, p.what, total, len(items))
	return err
}

// createAll sends items in batches and hands each answer to keep.
func createAll[T any](ctx context.Context, i *importer, service, path string, items []T, keep func(n int, w written)) error {
	for done := 0; done < len(items); {
		batch, err := nextBatch(items[done:])
		if err != nil {
			return err
		}
		body := map[string][]T{"items": batch}
		key, err := i.idempotencyKey(path, body)
		if err != nil {
			return err
		}
		var answers []written
		if err := i.post(ctx, service, path, key, body, &answers); err != nil {
			return err
		}
		if len(answers) != len(batch) {
			return fmt.Errorf("%s: %d items were sent, %d came back", service+path, len(batch), len(answers))
		}
		for n, w := range answers {
			keep(done+n, w)
		}
		done += len(batch)
		i.progress.add(len(batch))
	}
	return nil
}

// nextBatch returns as many of items as one request takes, at least one.
func nextBatch[T any](items []T) ([]T, error) {
	size := 0
	for n, item := range items {
		content, err := json.Marshal(item)
		if err != nil {
			return nil, err
		}
		if size += len(content); n == batchItems || n > 0 && size > batchBytes {
			return items[:n], nil
		}
	}
	return items, nil
}

func (i *importer) count(service, what string, count, created int) {
	i.countLock.Lock()
	defer i.countLock.Unlock()
	i.counts = append(i.counts, stepCount{service, what, count, created})
}

// writeFlow arranges the story in the Story Factory and numbers its elements in
// the Central Sequence Service.
func (i *importer) writeFlow(ctx context.Context) error {
	err := writePart(ctx, i, part[storyfactory.NewStoryElement]{
		"storyfactory", "story elements", fmt.Sprintf("/stories/%d/elements?", i.scriptID),
		fmt.Sprintf("/stories/%d/elements/batch", i.scriptID), &i.elements,
		func(w written) int64 { return w.ElementID },
		func(number int64, l line) (storyfactory.NewStoryElement, bool) { return i.element(number, l), true },
	})
	if err != nil {
		return err
	}
	if err := i.freeNumbers(ctx); err != nil {
		return err
	}
	numbers := make([]centralsequence.NewElement, len(i.lines))
	for n := range i.lines {
		numbers[n] = i.numbered(int64(n) + 1)
	}
	// Asking twice for a number gives the same one, so there is nothing to find.
	err = createAll(ctx, i, "centralsequence", "/sequence/batch", numbers, func(int, written) {})
	i.count("centralsequence", "sequence numbers", len(numbers), len(numbers))
	return err
}

// freeNumbers gives up the numbers of story elements that are no more: a story
// that was deleted and is written again has new ones in their places.
func (i *importer) freeNumbers(ctx context.Context) error {
	if !i.resumed {
		return nil
	}
	path := fmt.Sprintf("/sequence?scriptId=%d&elementType=%s&limit=%d", i.scriptID, plainElement, batchItems)
	held, err := client.List[centralsequence.Element](ctx, i.api, "centralsequence", path)
	for _, e := range held {
		if err != nil {
			break
		}
		if i.elements[e.SequenceNumber] != e.ElementID {
			path := fmt.Sprintf("/sequence/%s/%d?scriptId=%d", plainElement, e.ElementID, i.scriptID)
			_, err = i.api.Do(ctx, client.Request{Service: "centralsequence", Method: http.MethodDelete, Path: path}, nil)
		}
	}
	return err
}

// plainElement is the type of elements that only the Story Factory has.
const plainElement = "storyElement"

// element describes a line to the Story Factory: what it refers to, and a
// snapshot of that for when the other services are away.
func (i *importer) element(number int64, l line) storyfactory.NewStoryElement {
	e := storyfactory.NewStoryElement{
		Sequence: &number, Type: &l.kind, Text: &l.text,
		HeadingID: optional(i.headings[number]), TransitionID: optional(i.transitions[number]),
	}
	if l.layout != (storyfactory.Layout{}) {
		e.Layout = &l.layout
	}
	if id := i.actions[number]; id != 0 {
		e.Action, e.Text = &storyfactory.ActionReference{ActionID: id, Description: &l.text}, nil
	}
	if id := i.spokenWords[number]; id != 0 {
		e.SpokenWord = &storyfactory.SpokenWordReference{DialogueID: id, Text: &l.words, Parenthetical: l.parenthetical}
		e.Text = nil
	}
	if l.name != "" {
		e.Character = &storyfactory.CharacterReference{CharacterID: i.characters[l.name], Name: &l.name}
		data, _ := json.Marshal(map[string]string{"name": l.name}) // strings always encode
		raw := json.RawMessage(data)
		e.Context = &storyfactory.ContextReference{ContextID: i.contexts[l.name], CharacterID: &e.Character.CharacterID, Data: &raw}
	}
	return e
}

// numbered says which element has a number, in the terms of its own service.
func (i *importer) numbered(number int64) centralsequence.NewElement {
	s := centralsequence.NewElement{ScriptID: &i.scriptID, SequenceNumber: &number}
	switch {
	case i.headings[number] != 0:
		s.ElementType, s.ElementID = "section", i.headings[number]
	case i.transitions[number] != 0:
		s.ElementType, s.ElementID = "transition", i.transitions[number]
	case i.actions[number] != 0:
		s.ElementType, s.ElementID = "action", i.actions[number]
	case i.spokenWords[number] != 0:
		s.ElementType, s.ElementID = "spokenWord", i.spokenWords[number]
	default:
		s.ElementType, s.ElementID = plainElement, i.elements[number]
	}
	return s
}

// verify reads the flow back: a story must not be called complete for answers
// about elements that somebody has deleted meanwhile.
func (i *importer) verify(ctx context.Context) error {
	path := fmt.Sprintf("/stories/%d/elements?limit=%d", i.scriptID, batchItems)
	found, err := client.List[written](ctx, i.api, "storyfactory", path)
	if err == nil && len(found) != len(i.lines) {
		err = fmt.Errorf("the story of script %d has %d elements where %d were written: somebody is changing it; delete the story and the script, then import again",
			i.scriptID, len(found), len(i.lines))
	}
	return err
}

// close records the import in a session and marks the story complete.
func (i *importer) close(ctx context.Context) error {
	if err := i.verify(ctx); err != nil {
		return err
	}
	note := fmt.Sprintf("Imported %q as script %d (%s).", i.title, i.scriptID, i.source)
	body := sessioncontext.NewSession{UserID: i.user, Context: &note}
	key, err := i.idempotencyKey("/sessions", body)
	if err != nil {
		return err
	}
	if err := i.post(ctx, "sessioncontext", "/sessions", key, body, nil); err != nil {
		return err
	}
	i.count("sessioncontext", "sessions", 1, 1)
	complete := true
	_, err = i.api.Do(ctx, client.Request{
		Service: "storyfactory", Method: http.MethodPatch, Path: fmt.Sprintf("/stories/%d", i.scriptID),
		Body: storyfactory.StoryPatch{Complete: &complete},
	}, nil)
	i.progress.add(1)
	return err
}

// report sums up what there is now. After a run that found everything done, it
// counts what the screenplay has.
func (i *importer) report(took time.Duration) importReport {
	if i.complete {
		i.countAll()
	}
	slices.SortStableFunc(i.counts, func(a, b stepCount) int {
		return cmp.Or(cmp.Compare(slices.Index(serviceNames, a.Service), slices.Index(serviceNames, b.Service)),
			cmp.Compare(a.What, b.What))
	})
	return importReport{
		ScriptID: i.scriptID, Title: i.title, Already: i.complete, Counts: i.counts, Seconds: took.Seconds(),
	}
}

func (i *importer) countAll() {
	of := func(is func(line) bool) int {
		count := 0
		for _, l := range i.lines {
			if is(l) {
				count++
			}
		}
		return count
	}
	speakers := len(i.speakers())
	i.count("centralsequence", "sequence numbers", len(i.lines), 0)
	i.count("character", "characters", speakers, 0)
	i.count("character", "actions", of(line.isAction), 0)
	i.count("character", "spoken words", of(line.isSpoken), 0)
	i.count("scriptmanagement", "sections", of(line.isHeading), 0)
	i.count("scriptmanagement", "transitions", of(line.isTransition), 0)
	i.count("sessioncontext", "contexts", speakers, 0)
	i.count("sessioncontext", "sessions", 1, 0)
	i.count("storyfactory", "story elements", len(i.lines), 0)
}
