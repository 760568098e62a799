// Storing an assembled story: elements that stay keep their identifiers.
package storyfactory

import (
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

// assembly is what storing an assembled story takes.
type assembly struct {
	gone    []int64
	changed []element
	added   []element
}

// assemblyChanges brings the elements to what was assembled anew.
func (k known) assemblyChanges(assembled []element) []change {
	a := k.compare(assembled)
	if len(a.gone)+len(a.changed)+len(a.added) == 0 {
		return nil
	}
	return []change{
		func(tx *storage.Tx) error { return a.makeRoom(tx) },
		func(tx *storage.Tx) error { return a.store(tx, k.scriptID) },
	}
}

func (k known) compare(assembled []element) assembly {
	var a assembly
	before := make(map[part]element, len(k.elements))
	for _, row := range k.elements {
		before[row.Value.part()] = row.Value
	}
	for _, e := range assembled {
		known, found := before[e.part()]
		delete(before, e.part())
		e.ElementID = known.ElementID
		switch {
		case !found:
			a.added = append(a.added, e)
		case !known.standsAs(e):
			a.changed = append(a.changed, e)
		}
	}
	for _, e := range before {
		a.gone = append(a.gone, e.ElementID)
	}
	return a
}

// standsAs reports whether two elements have the same place, text and
// references. What is said of the latter is not the element's concern.
func (e element) standsAs(other element) bool {
	return e.Sequence == other.Sequence && e.Type == other.Type && equal(e.Text, other.Text) &&
		sameReference(e.Character, other.Character, func(c StoryCharacter) int64 { return c.CharacterID }) &&
		sameReference(e.Context, other.Context, func(x StoryContext) int64 { return x.ContextID })
}

func sameReference[T any](a, b *T, id func(T) int64) bool {
	if a == nil || b == nil {
		return a == nil && b == nil
	}
	return id(*a) == id(*b)
}

// makeRoom takes elements out that are gone, and those that change out of
// their places.
func (a assembly) makeRoom(tx *storage.Tx) error {
	for _, elementID := range a.gone {
		if _, err := tx.Exec("DELETE FROM story_elements WHERE element_id = $1", elementID); err != nil {
			return err
		}
	}
	for _, e := range a.changed {
		if err := leavePlace(tx, e.ElementID); err != nil {
			return err
		}
	}
	return nil
}

func (a assembly) store(tx *storage.Tx, scriptID int64) error {
	for _, e := range a.changed {
		if err := keepPlace(tx, scriptID, e); err != nil {
			return err
		}
		if err := updateElement(tx, e); err != nil {
			return err
		}
	}
	for _, e := range a.added {
		if err := keepPlace(tx, scriptID, e); err != nil {
			return err
		}
		if _, err := insertElement(tx, scriptID, e); err != nil {
			return err
		}
	}
	return nil
}

// keepPlace prepares the storing of e: callers that add elements later get
// higher numbers, and a character that its service has lost is kept nameless.
func keepPlace(tx *storage.Tx, scriptID int64, e element) error {
	if e.Character != nil {
		if err := keepCharacter(tx, CharacterReference{CharacterID: e.Character.CharacterID}); err != nil {
			return err
		}
	}
	return sequence.Raise(tx, scriptID, e.Sequence)
}
