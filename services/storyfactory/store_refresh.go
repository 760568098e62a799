// Taking what the peers said into the snapshot, writing only what is new.
package storyfactory

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"
	"time"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
)

// markEvery is how often a refresh that finds nothing new still notes its time.
// Noting each would make every read of a story a durable write.
const markEvery = time.Minute

// whole is the span of a whole story.
var whole = span{1, math.MaxInt64}

// known is what the service has of one story.
type known struct {
	scriptID int64
	// part is what elements hold.
	part span
	// exists says that the story does; without, the rest is empty.
	exists bool
	// assembled says that the elements follow what is linked to the script.
	assembled bool
	head      head
	// sections are those of the script's own service; see mergeSections.
	sections []Section
	elements []elementRow
}

func (s *store) known(ctx context.Context, scriptID int64, part span) (known, error) {
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (known, error) { return readKnown(tx, scriptID, part) })
}

func readKnown(tx *storage.Tx, scriptID int64, part span) (known, error) {
	k := known{scriptID: scriptID, part: part, assembled: true}
	row, err := findStory(tx, scriptID)
	if isNotFound(err) {
		return k, nil
	}
	if err != nil {
		return k, err
	}
	k.exists, k.head, k.assembled = true, row.Value, row.Value.assembled
	if k.assembled {
		k.part = whole // only together can its elements follow the script
	}
	if k.sections, err = listSections(tx, scriptID); err != nil {
		return k, err
	}
	k.elements, err = elementsOf(tx, scriptID, k.part)
	return k, err
}

// cut returns the story with the elements of a part alone.
func (k known) cut(part span) known {
	if k.part == part {
		return k
	}
	var elements []elementRow
	for _, row := range k.elements {
		if number := row.Value.Sequence; part.first <= number && number <= part.last {
			elements = append(elements, row)
		}
	}
	k.part, k.elements = part, elements
	return k
}

// change is one write that a refresh owes the snapshot.
type change func(tx *storage.Tx) error

// errOvertaken means that while the peers were asked a caller created, deleted
// or arranged the story, so that what they were asked for no longer fits.
var errOvertaken = errors.New("the story was changed while its peers were asked")

// apply brings the snapshot to what was found and reports whether that took a
// write; complete says that all peers answered. It returns errOvertaken if the
// story is not what the peers were asked for.
func (s *store) apply(ctx context.Context, asked known, found findings, complete bool) (written bool, err error) {
	if !asked.exists && found.script == nil {
		return false, nil
	}
	mark := complete && asked.part == whole && httpapi.Now()-asked.head.refreshedAt >= markEvery.Milliseconds()
	if !mark && len(asked.changes(found)) == 0 {
		return false, nil
	}
	return true, s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		// Callers may have changed elements meanwhile, so what to write is
		// found out anew, where nobody can come between.
		now, err := readKnown(tx, asked.scriptID, asked.part)
		if err != nil {
			return err
		}
		if now.exists != asked.exists || now.assembled != asked.assembled {
			return errOvertaken
		}
		for _, apply := range now.changes(found) {
			if err := apply(tx); err != nil {
				return err
			}
		}
		if !complete || now.part != whole {
			return nil
		}
		_, err = tx.Exec("UPDATE stories SET refreshed_at = $1 WHERE script_id = $2", httpapi.Now(), now.scriptID)
		return err
	})
}

// changes are in the order in which they must be written.
func (k known) changes(found findings) []change {
	var changes []change
	if found.script != nil {
		changes = append(changes, k.headChanges(found.script.script)...)
		changes = append(changes, k.sectionChanges(found.script.sections)...)
	}
	before := referencesOf(httpapi.Values(k.elements))
	if !k.assembled || found.script == nil || found.character == nil {
		return slices.Concat(changes, k.textChanges(found), before.changes(before, found))
	}
	assembled := assemble(before.contexts, found)
	return slices.Concat(changes, before.changes(referencesOf(assembled), found), k.assemblyChanges(assembled))
}

func (k known) headChanges(script peerScript) []change {
	if !k.exists {
		story := newStory(k.scriptID, NewStory{Title: script.Title, Author: &script.Author, Description: &script.Description})
		return []change{func(tx *storage.Tx) error { return insertStory(tx, head{Story: story, assembled: true}) }}
	}
	story := k.head
	if story.Title == script.Title && story.Author == script.Author && story.Description == script.Description {
		return nil
	}
	story.Title, story.Author, story.Description = script.Title, script.Author, script.Description
	return []change{func(tx *storage.Tx) error { return updateStory(tx, story) }}
}

func (k known) sectionChanges(found []peerSection) []change {
	sections := make([]Section, len(found))
	for i, s := range found {
		sections[i] = Section{HeadingID: s.HeadingID, ScriptID: k.scriptID, Title: s.Title, Sequence: s.SequenceNumber}
	}
	slices.SortFunc(sections, func(a, b Section) int { return cmp.Compare(a.HeadingID, b.HeadingID) })
	if slices.Equal(sections, k.sections) {
		return nil
	}
	return []change{func(tx *storage.Tx) error { return replaceSections(tx, k.scriptID, sections) }}
}

// textChanges carries new words of headings and transitions over into the
// elements that show them.
func (k known) textChanges(found findings) []change {
	if found.script == nil {
		return nil
	}
	titles, transitions := map[int64]string{}, map[int64]string{}
	for _, s := range found.script.sections {
		titles[s.HeadingID] = s.Title
	}
	for _, t := range found.script.transitions {
		transitions[t.TransitionID] = t.Text
	}
	var changes []change
	for _, row := range k.elements {
		text, known := lookup(titles, row.Value.HeadingID)
		if !known {
			text, known = lookup(transitions, row.Value.TransitionID)
		}
		if known && (row.Value.Text == nil || *row.Value.Text != text) {
			changes = append(changes, setText(row.Value.ElementID, text))
		}
	}
	return changes
}

func lookup(texts map[int64]string, id *int64) (string, bool) {
	if id == nil {
		return "", false
	}
	text, known := texts[*id]
	return text, known
}

func setText(elementID int64, text string) change {
	return func(tx *storage.Tx) error {
		_, err := tx.Exec("UPDATE story_elements SET text = $1, revision = revision + 1 WHERE element_id = $2", text, elementID)
		return err
	}
}
