// Changing and deleting elements.
package storyfactory

import (
	"context"
	"fmt"

	"github.com/oapi-codegen/nullable"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

// matchElement returns 404 if the story has no such element, 412 if it does not
// have the revision that ifMatch asks for. The story counts as arranged from
// then on.
func matchElement(tx *storage.Tx, at place, ifMatch *string) (elementRow, error) {
	row, err := httpapi.Match(tx, findElement, at, ifMatch)
	if err == nil {
		err = arrange(tx, at.scriptID)
	}
	return row, err
}

// patchElement returns 404 if the story has no such element, 412 if it does not
// have the revision that ifMatch asks for, 400 for a reference the snapshot
// does not know or if nothing is left in the element, 409 if the sequence
// number is taken.
func (s *store) patchElement(ctx context.Context, at place, patch StoryElementPatch, ifMatch *string) (elementRow, error) {
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (elementRow, error) {
		row, err := matchElement(tx, at, ifMatch)
		if err != nil {
			return row, err
		}
		e := row.Value
		if patch.Sequence != nil {
			e.Sequence = *patch.Sequence
			if err := sequence.Raise(tx, at.scriptID, e.Sequence); err != nil {
				return row, err
			}
		}
		if err := e.patch(tx, patch); err != nil {
			return row, err
		}
		if err := updateElement(tx, e); err != nil {
			return row, httpapi.SequenceProblem(err)
		}
		return findElement(tx, at)
	})
}

// patch carries over all but the sequence. It returns 400 for a reference that
// the snapshot does not know, since only POST brings new ones in, and if
// nothing is left.
func (e *element) patch(tx *storage.Tx, patch StoryElementPatch) error {
	httpapi.Patch(&e.Type, patch.Type)
	httpapi.PatchNullable(&e.Text, patch.Text)
	httpapi.PatchNullable(&e.HeadingID, patch.HeadingID)
	httpapi.PatchNullable(&e.TransitionID, patch.TransitionID)
	e.Layout = patchLayout(e.Layout, patch.Layout)
	if given := patch.CharacterID; given.IsSpecified() {
		e.Character = refer(given, func(id int64) StoryCharacter { return StoryCharacter{CharacterID: id} })
	}
	if given := patch.ActionID; given.IsSpecified() {
		e.Action = refer(given, func(id int64) StoryAction { return StoryAction{ActionID: id} })
	}
	if given := patch.DialogueID; given.IsSpecified() {
		e.SpokenWord = refer(given, func(id int64) StorySpokenWord { return StorySpokenWord{DialogueID: id} })
	}
	if given := patch.ContextID; given.IsSpecified() {
		e.Context = refer(given, func(id int64) StoryContext { return StoryContext{ContextID: id} })
	}
	if err := checkReferences(tx, patch); err != nil {
		return err
	}
	return e.check()
}

// refer returns a reference to what id names, nil for null.
func refer[T any](id nullable.Nullable[int64], reference func(id int64) T) *T {
	if id.IsNull() {
		return nil
	}
	made := reference(id.MustGet())
	return &made
}

func checkReferences(tx *storage.Tx, patch StoryElementPatch) error {
	for _, member := range []struct {
		name, table, column string
		id                  nullable.Nullable[int64]
	}{
		{"characterId", "known_characters", "character_id", patch.CharacterID},
		{"actionId", "known_actions", "action_id", patch.ActionID},
		{"dialogueId", "known_spoken_words", "dialogue_id", patch.DialogueID},
		{"contextId", "known_contexts", "context_id", patch.ContextID},
	} {
		if !member.id.IsSpecified() || member.id.IsNull() {
			continue
		}
		var found int
		query := fmt.Sprintf("SELECT 1 FROM %s WHERE %s = $1", member.table, member.column)
		err := tx.QueryRow(query, []any{member.id.MustGet()}, &found)
		if storage.IsNoRows(err) {
			return httpapi.Invalid("/"+member.name, "names nothing that a story has referred to so far; add an element that does")
		}
		if err != nil {
			return err
		}
	}
	return nil
}

func patchLayout(layout *Layout, patch nullable.Nullable[LayoutPatch]) *Layout {
	if !patch.IsSpecified() {
		return layout
	}
	if patch.IsNull() {
		return nil
	}
	var merged Layout
	if layout != nil {
		merged = *layout
	}
	given := patch.MustGet()
	httpapi.PatchNullable(&merged.SceneNumber, given.SceneNumber)
	httpapi.PatchNullable(&merged.Depth, given.Depth)
	httpapi.PatchNullable(&merged.Extension, given.Extension)
	httpapi.PatchNullable(&merged.Dual, given.Dual)
	httpapi.PatchNullable(&merged.Continued, given.Continued)
	httpapi.PatchNullable(&merged.Sung, given.Sung)
	return &merged
}

// deleteElement returns 404 if the story has no such element, 412 if it does
// not have the revision that ifMatch asks for.
func (s *store) deleteElement(ctx context.Context, at place, ifMatch *string) error {
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		if _, err := matchElement(tx, at, ifMatch); err != nil {
			return err
		}
		_, err := tx.Exec("DELETE FROM story_elements WHERE element_id = $1", at.elementID)
		return err
	})
}
