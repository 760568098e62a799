// Assembling a story that nobody has arranged: from what is linked to its
// script, in order of sequence number.
package storyfactory

import (
	"cmp"
	"slices"
)

// lastPlace is where the numbers of peers are cut off, far beyond what any
// counts up to, so that more can follow.
const lastPlace = 1 << 62

// placed is an element with the number its own service gave it.
type placed struct {
	number int64
	// rank orders elements that two services gave one number: a heading
	// comes first, then what happens, then what is said, then the transition.
	rank    int
	element element
}

// assemble returns the elements of a story in order, each with its sequence and
// the identifiers of what it refers to. Numbers of the peers are kept where they
// differ; where two services gave out the same one, the later element and those
// behind it move up. contexts stand in for those of a peer that does not answer.
func assemble(contexts map[int64]*StoryContext, found findings) []element {
	characterContexts := map[int64]StoryContext{}
	if found.context == nil {
		for _, c := range contexts {
			characterContexts[c.CharacterID] = *c
		}
	} else {
		for _, c := range found.context.contexts {
			characterContexts[c.CharacterID] = c
		}
	}
	all := slices.Concat(placeScript(*found.script), placeCharacter(*found.character, characterContexts))
	slices.SortStableFunc(all, func(a, b placed) int {
		return cmp.Or(cmp.Compare(a.number, b.number), cmp.Compare(a.rank, b.rank))
	})
	elements := make([]element, len(all))
	var last int64
	for i, p := range all {
		last = max(last+1, min(p.number, lastPlace))
		elements[i] = p.element
		elements[i].Sequence = last
	}
	return elements
}

func placeScript(found scriptFindings) []placed {
	var all []placed
	for _, s := range found.sections {
		all = append(all, placed{s.SequenceNumber, 0, element{Type: ElementTypeSceneHeading, Text: &s.Title, HeadingID: &s.HeadingID}})
	}
	for _, t := range found.transitions {
		all = append(all, placed{t.SequenceNumber, 3, element{Type: ElementTypeTransition, Text: &t.Text, TransitionID: &t.TransitionID}})
	}
	return all
}

func placeCharacter(found characterFindings, contexts map[int64]StoryContext) []placed {
	var all []placed
	for _, a := range found.actions {
		e := element{Type: ElementTypeAction, Action: &a.StoryAction}
		e.Character, e.Context = doneBy(a.CharacterID, contexts)
		all = append(all, placed{a.SequenceNumber, 1, e})
	}
	for _, w := range found.spokenWords {
		e := element{Type: ElementTypeDialogue, SpokenWord: &w.StorySpokenWord}
		e.Character, e.Context = doneBy(w.CharacterID, contexts)
		all = append(all, placed{w.SequenceNumber, 2, e})
	}
	return all
}

// doneBy refers to the character that acts or speaks, and to its context.
func doneBy(id *int64, contexts map[int64]StoryContext) (*StoryCharacter, *StoryContext) {
	if id == nil {
		return nil, nil
	}
	character := &StoryCharacter{CharacterID: *id}
	if c, found := contexts[*id]; found {
		return character, &c
	}
	return character, nil
}

// part is what an assembled element stands for; one of its members is set.
type part struct{ heading, transition, action, dialogue int64 }

func (e element) part() part {
	var p part
	switch {
	case e.HeadingID != nil:
		p.heading = *e.HeadingID
	case e.TransitionID != nil:
		p.transition = *e.TransitionID
	case e.Action != nil:
		p.action = e.Action.ActionID
	case e.SpokenWord != nil:
		p.dialogue = e.SpokenWord.DialogueID
	}
	return p
}
