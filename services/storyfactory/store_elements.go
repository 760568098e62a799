// The SQL of a story's elements, each joined with what it refers to.
package storyfactory

import (
	"context"
	"encoding/json"
	"fmt"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

// element is the StoryElement of openapi.yaml, which says why it is not
// generated. What it refers to is nil where it does not.
type element struct {
	ElementID    int64            `json:"elementId"`
	Sequence     int64            `json:"sequence"`
	Type         ElementType      `json:"type"`
	Text         *string          `json:"text,omitempty"`
	HeadingID    *int64           `json:"headingId,omitempty"`
	TransitionID *int64           `json:"transitionId,omitempty"`
	Character    *StoryCharacter  `json:"character"`
	Action       *StoryAction     `json:"action"`
	SpokenWord   *StorySpokenWord `json:"spokenWord"`
	Context      *StoryContext    `json:"context"`
	Layout       *Layout          `json:"layout,omitempty"`
}

type elementRow = httpapi.Revised[element]

const elementColumns = `SELECT e.element_id, e.sequence_number, e.type, e.text, e.heading_id, e.transition_id, e.layout,
	e.character_id, c.name, c.description, e.action_id, a.description, e.dialogue_id, w.text, w.parenthetical,
	e.context_id, x.character_id, x.data, e.revision
	FROM story_elements e
	LEFT JOIN known_characters c ON c.character_id = e.character_id
	LEFT JOIN known_actions a ON a.action_id = e.action_id
	LEFT JOIN known_spoken_words w ON w.dialogue_id = e.dialogue_id
	LEFT JOIN known_contexts x ON x.context_id = e.context_id`

// joined are the nullable columns of an element's row. What an element refers
// to exists (a foreign key), so the joined columns are set where the id is.
type joined struct {
	characterID, actionID, dialogueID, contextID, ofCharacterID     *int64
	name, about, description, words, parenthetical, layout, context *string
}

func scanElement(row func(dest ...any) error, e *elementRow) error {
	var j joined
	v := &e.Value
	err := row(&v.ElementID, &v.Sequence, &v.Type, &v.Text, &v.HeadingID, &v.TransitionID, &j.layout,
		&j.characterID, &j.name, &j.about, &j.actionID, &j.description, &j.dialogueID, &j.words, &j.parenthetical,
		&j.contextID, &j.ofCharacterID, &j.context, &e.Revision)
	if err != nil {
		return err
	}
	if j.characterID != nil {
		v.Character = &StoryCharacter{CharacterID: *j.characterID, Name: *j.name, Description: *j.about}
	}
	if j.actionID != nil {
		v.Action = &StoryAction{ActionID: *j.actionID, Description: *j.description}
	}
	if j.dialogueID != nil {
		v.SpokenWord = &StorySpokenWord{DialogueID: *j.dialogueID, Text: *j.words, Parenthetical: j.parenthetical}
	}
	if j.contextID != nil {
		v.Context = &StoryContext{ContextID: *j.contextID, CharacterID: *j.ofCharacterID, Data: json.RawMessage(*j.context)}
	}
	if j.layout != nil {
		return json.Unmarshal([]byte(*j.layout), &v.Layout)
	}
	return nil
}

// place is the address of an element: the script whose story it is in, and its
// identifier.
type place struct{ scriptID, elementID int64 }

// span is a part of a story's sequence numbers, both ends included.
type span struct{ first, last int64 }

const elementsInSpan = elementColumns + " WHERE e.script_id = $1 AND e.sequence_number BETWEEN $2 AND $3 ORDER BY e.sequence_number"

func elementsOf(tx *storage.Tx, scriptID int64, part span) ([]elementRow, error) {
	return storage.All(tx, elementsInSpan, []any{scriptID, part.first, part.last}, scanElement)
}

// listElements returns 404 if the script has no story.
func (s *store) listElements(ctx context.Context, scriptID int64, page httpapi.Page) ([]elementRow, error) {
	query, arguments := elementsQuery(scriptID, page)
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) ([]elementRow, error) {
		if _, err := findStory(tx, scriptID); err != nil {
			return nil, err
		}
		return storage.All(tx, query, arguments, scanElement)
	})
}

func elementsQuery(scriptID int64, page httpapi.Page) (string, []any) {
	var where storage.Where
	where.And("e.script_id = ?", scriptID)
	clause, arguments := where.Page("e.sequence_number", page.After, page.Limit)
	return elementColumns + clause, arguments
}

// getElement returns 404 if the story has no such element.
func (s *store) getElement(ctx context.Context, at place) (elementRow, error) {
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (elementRow, error) { return findElement(tx, at) })
}

const elementByID = elementColumns + " WHERE e.script_id = $1 AND e.element_id = $2"

func findElement(tx *storage.Tx, at place) (elementRow, error) {
	var row elementRow
	err := scanElement(func(dest ...any) error {
		return tx.QueryRow(elementByID, []any{at.scriptID, at.elementID}, dest...)
	}, &row)
	if storage.IsNoRows(err) {
		err = noElement(at)
	}
	return row, err
}

func noElement(at place) error {
	return notFound(fmt.Sprintf("The story of script %d has no element %d.", at.scriptID, at.elementID))
}

// createElement returns 404 if the script has no story, 400 if the element has
// no content or a context without its character, 409 if its sequence number is
// taken or none is left.
func (s *store) createElement(ctx context.Context, scriptID int64, item NewStoryElement) (elementRow, error) {
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (elementRow, error) {
		if err := arrange(tx, scriptID); err != nil {
			return elementRow{}, err
		}
		return addElement(tx, scriptID, item)
	})
}

// createElements creates all of items or none; errors are those of createElement.
func (s *store) createElements(ctx context.Context, scriptID int64, items []NewStoryElement) ([]elementRow, error) {
	var created []elementRow
	err := s.db.Write(ctx, func(ctx context.Context, tx *storage.Tx) error {
		// Asked first and once: a missing story is no fault of an item.
		err := arrange(tx, scriptID)
		if err != nil {
			return err
		}
		created, err = httpapi.CreateAll(ctx, s.db, items, func(tx *storage.Tx, item NewStoryElement) (elementRow, error) {
			return addElement(tx, scriptID, item)
		})
		return err
	})
	return created, err
}

func addElement(tx *storage.Tx, scriptID int64, item NewStoryElement) (elementRow, error) {
	e, err := newElement(item)
	if err != nil {
		return elementRow{}, err
	}
	if e.Sequence, err = sequence.Draw(tx, scriptID, item.Sequence); err != nil {
		return elementRow{}, httpapi.SequenceProblem(err)
	}
	if err := keepReferences(tx, item); err != nil {
		return elementRow{}, err
	}
	if e.ElementID, err = insertElement(tx, scriptID, e); err != nil {
		return elementRow{}, httpapi.SequenceProblem(err)
	}
	return findElement(tx, place{scriptID, e.ElementID})
}

// newElement returns the element that item describes, with the identifiers of
// what it refers to. It returns 400 if there is nothing in it or too much.
func newElement(item NewStoryElement) (element, error) {
	e := element{Text: item.Text, HeadingID: item.HeadingID, TransitionID: item.TransitionID, Layout: item.Layout}
	if c := item.Character; c != nil {
		e.Character = &StoryCharacter{CharacterID: c.CharacterID}
	}
	if a := item.Action; a != nil {
		e.Action = &StoryAction{ActionID: a.ActionID}
	}
	if w := item.SpokenWord; w != nil {
		e.SpokenWord = &StorySpokenWord{DialogueID: w.DialogueID}
	}
	if x := item.Context; x != nil {
		e.Context = &StoryContext{ContextID: x.ContextID}
		if x.Data != nil {
			if _, err := httpapi.CompactJSON("/context/data", *x.Data); err != nil {
				return e, err
			}
		}
	}
	e.Type = e.impliedType()
	httpapi.Patch(&e.Type, item.Type)
	return e, e.check()
}

func (e element) impliedType() ElementType {
	switch {
	case e.HeadingID != nil:
		return ElementTypeSceneHeading
	case e.TransitionID != nil:
		return ElementTypeTransition
	case e.SpokenWord != nil:
		return ElementTypeDialogue
	}
	return ElementTypeAction
}

// check returns 400 for an element without content, unless it is a page break.
func (e element) check() error {
	if e.Type == ElementTypePageBreak || e.Text != nil || e.HeadingID != nil || e.TransitionID != nil ||
		e.Character != nil || e.Action != nil || e.SpokenWord != nil || e.Context != nil {
		return nil
	}
	return httpapi.Invalid("", "an element needs a text, or a heading, transition, character, action, spoken word or context to refer to")
}

// insertElement returns a sequence.TakenError if another element of the story
// has the number.
func insertElement(tx *storage.Tx, scriptID int64, e element) (int64, error) {
	const insert = `INSERT INTO story_elements (sequence_number, type, text, heading_id, transition_id,
		character_id, action_id, dialogue_id, context_id, layout, script_id)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11)`
	values, err := e.values()
	if err != nil {
		return 0, err
	}
	var elementID int64
	err = tx.Insert(insert, "element_id", append(values, scriptID), &elementID)
	return elementID, sequence.Taken(err, e.Sequence)
}

// updateElement stores e, whose place may be one that an element of the same
// transaction has left. It returns a sequence.TakenError if one still has it.
func updateElement(tx *storage.Tx, e element) error {
	const update = `UPDATE story_elements SET sequence_number = $1, type = $2, text = $3, heading_id = $4,
		transition_id = $5, character_id = $6, action_id = $7, dialogue_id = $8, context_id = $9, layout = $10,
		revision = revision + 1 WHERE element_id = $11`
	values, err := e.values()
	if err != nil {
		return err
	}
	_, err = tx.Exec(update, append(values, e.ElementID)...)
	return sequence.Taken(err, e.Sequence)
}

// values are the columns that insertElement and updateElement write alike.
func (e element) values() ([]any, error) {
	layout, err := encodeLayout(e.Layout)
	values := []any{e.Sequence, e.Type, e.Text, e.HeadingID, e.TransitionID, nil, nil, nil, nil, layout}
	if e.Character != nil {
		values[5] = e.Character.CharacterID
	}
	if e.Action != nil {
		values[6] = e.Action.ActionID
	}
	if e.SpokenWord != nil {
		values[7] = e.SpokenWord.DialogueID
	}
	if e.Context != nil {
		values[8] = e.Context.ContextID
	}
	return values, err
}

func encodeLayout(layout *Layout) (*string, error) {
	if layout == nil || *layout == (Layout{}) {
		return nil, nil
	}
	text, err := json.Marshal(layout)
	encoded := string(text)
	return &encoded, err
}
