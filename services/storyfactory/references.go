// What the elements of a story refer to, and what is new about it.
package storyfactory

import (
	"bytes"
	"encoding/json"

	"fountain.coach/fountainai/internal/storage"
)

// references are what elements refer to, by identifier.
type references struct {
	characters  map[int64]*StoryCharacter
	actions     map[int64]*StoryAction
	spokenWords map[int64]*StorySpokenWord
	contexts    map[int64]*StoryContext
}

func referencesOf(elements []element) references {
	r := references{
		characters: map[int64]*StoryCharacter{}, actions: map[int64]*StoryAction{},
		spokenWords: map[int64]*StorySpokenWord{}, contexts: map[int64]*StoryContext{},
	}
	for _, e := range elements {
		if e.Character != nil {
			r.characters[e.Character.CharacterID] = e.Character
		}
		if e.Action != nil {
			r.actions[e.Action.ActionID] = e.Action
		}
		if e.SpokenWord != nil {
			r.spokenWords[e.SpokenWord.DialogueID] = e.SpokenWord
		}
		if e.Context != nil {
			r.contexts[e.Context.ContextID] = e.Context
		}
	}
	return r
}

// changes carries over what the peers say otherwise than before of that which
// after refers to. What a peer no longer has stays as it was last seen.
func (before references) changes(after references, found findings) []change {
	var changes []change
	if f := found.character; f != nil {
		changes = append(changes, news(f.characters, before.characters, after.characters, StoryCharacter.differs, takeCharacter)...)
		changes = append(changes, news(f.actions, before.actions, after.actions, StoryAction.differs, takeAction)...)
		changes = append(changes, news(f.spokenWords, before.spokenWords, after.spokenWords, StorySpokenWord.differs, takeSpokenWord)...)
	}
	if f := found.context; f != nil {
		changes = append(changes, news(f.contexts, before.contexts, after.contexts, StoryContext.differs, takeContext)...)
	}
	return changes
}

// news takes over those of found that after refers to and before knows
// otherwise or not at all.
func news[Found resource, Known any](
	found []Found, before, after map[int64]*Known,
	differs func(Known, Found) bool, take func(*storage.Tx, Found) error,
) []change {
	var changes []change
	for _, f := range found {
		if after[f.id()] == nil {
			continue
		}
		if known := before[f.id()]; known == nil || differs(*known, f) {
			changes = append(changes, func(tx *storage.Tx) error { return take(tx, f) })
		}
	}
	return changes
}

func (c StoryCharacter) differs(found StoryCharacter) bool { return c != found }

func (a StoryAction) differs(found peerAction) bool { return a != found.StoryAction }

func (w StorySpokenWord) differs(found peerSpokenWord) bool {
	return w.Text != found.Text || !equal(w.Parenthetical, found.Parenthetical)
}

func (x StoryContext) differs(found StoryContext) bool {
	return x.CharacterID != found.CharacterID || !sameJSON(x.Data, found.Data)
}

func takeCharacter(tx *storage.Tx, c StoryCharacter) error {
	return keepCharacter(tx, CharacterReference{CharacterID: c.CharacterID, Name: &c.Name, Description: &c.Description})
}

func takeAction(tx *storage.Tx, a peerAction) error {
	return keepAction(tx, ActionReference{ActionID: a.ActionID, Description: &a.Description})
}

func takeSpokenWord(tx *storage.Tx, w peerSpokenWord) error {
	return keepSpokenWord(tx, SpokenWordReference{DialogueID: w.DialogueID, Text: &w.Text, Parenthetical: w.Parenthetical})
}

func takeContext(tx *storage.Tx, x StoryContext) error {
	return keepContext(tx, ContextReference{ContextID: x.ContextID, CharacterID: &x.CharacterID, Data: &x.Data})
}

func equal[T comparable](a, b *T) bool {
	if a == nil || b == nil {
		return a == b
	}
	return *a == *b
}

func sameJSON(a, b json.RawMessage) bool {
	if bytes.Equal(a, b) {
		return true
	}
	var left, right bytes.Buffer
	return json.Compact(&left, a) == nil && json.Compact(&right, b) == nil && bytes.Equal(left.Bytes(), right.Bytes())
}
