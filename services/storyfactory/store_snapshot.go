// The snapshot: what the elements refer to, as last seen.
package storyfactory

import (
	"cmp"
	"slices"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/storage"
)

// keepReferences puts what item refers to into the snapshot. What the item says
// of it is taken over; what it does not say stays as the snapshot has it. It
// returns 400 for a context whose character is not known.
func keepReferences(tx *storage.Tx, item NewStoryElement) error {
	if item.Character != nil {
		if err := keepCharacter(tx, *item.Character); err != nil {
			return err
		}
	}
	if item.Action != nil {
		if err := keepAction(tx, *item.Action); err != nil {
			return err
		}
	}
	if item.SpokenWord != nil {
		if err := keepSpokenWord(tx, *item.SpokenWord); err != nil {
			return err
		}
	}
	if item.Context == nil {
		return nil
	}
	reference := *item.Context
	var err error
	if reference.CharacterID == nil {
		reference.CharacterID, err = characterOf(tx, item)
	}
	if err != nil {
		return err
	}
	return keepContext(tx, reference)
}

func keepCharacter(tx *storage.Tx, c CharacterReference) error {
	const upsert = `INSERT INTO known_characters (character_id, name, description)
		VALUES ($1, coalesce($2, ''), coalesce($3, ''))
		ON CONFLICT (character_id) DO UPDATE SET
			name = coalesce($2, known_characters.name), description = coalesce($3, known_characters.description)`
	_, err := tx.Exec(upsert, c.CharacterID, c.Name, c.Description)
	return err
}

func keepAction(tx *storage.Tx, a ActionReference) error {
	const upsert = `INSERT INTO known_actions (action_id, description) VALUES ($1, coalesce($2, ''))
		ON CONFLICT (action_id) DO UPDATE SET description = coalesce($2, known_actions.description)`
	_, err := tx.Exec(upsert, a.ActionID, a.Description)
	return err
}

// keepSpokenWord takes words and parenthetical over together: a line given
// with words but no parenthetical has none.
func keepSpokenWord(tx *storage.Tx, w SpokenWordReference) error {
	const upsert = `INSERT INTO known_spoken_words (dialogue_id, text, parenthetical) VALUES ($1, coalesce($2, ''), $3)
		ON CONFLICT (dialogue_id) DO UPDATE SET text = coalesce($2, known_spoken_words.text),
			parenthetical = CASE WHEN $2 IS NULL AND $3 IS NULL THEN known_spoken_words.parenthetical ELSE $3 END`
	_, err := tx.Exec(upsert, w.DialogueID, w.Text, w.Parenthetical)
	return err
}

// characterOf returns the character of the item's context: the one the snapshot
// knows, else the one beside it in the item. It returns 400 if there is neither.
func characterOf(tx *storage.Tx, item NewStoryElement) (*int64, error) {
	var characterID int64
	err := tx.QueryRow("SELECT character_id FROM known_contexts WHERE context_id = $1", []any{item.Context.ContextID}, &characterID)
	switch {
	case !storage.IsNoRows(err):
		return &characterID, err
	case item.Character == nil:
		return nil, httpapi.Invalid("/context/characterId", "is required for a new context where the element names no character")
	}
	return &item.Character.CharacterID, nil
}

func keepContext(tx *storage.Tx, x ContextReference) error {
	const upsert = `INSERT INTO known_contexts (context_id, character_id, data) VALUES ($1, $2, coalesce($3, '{}'))
		ON CONFLICT (context_id) DO UPDATE SET
			character_id = excluded.character_id, data = coalesce($3, known_contexts.data)`
	var data *string
	if x.Data != nil {
		text := string(*x.Data)
		data = &text
	}
	_, err := tx.Exec(upsert, x.ContextID, x.CharacterID, data)
	return err
}

// replaceSections stores the sections as their own service has them.
func replaceSections(tx *storage.Tx, scriptID int64, sections []Section) error {
	const insert = "INSERT INTO known_sections (script_id, heading_id, title, sequence_number) VALUES ($1, $2, $3, $4)"
	if _, err := tx.Exec("DELETE FROM known_sections WHERE script_id = $1", scriptID); err != nil {
		return err
	}
	for _, s := range sections {
		if _, err := tx.Exec(insert, scriptID, s.HeadingID, s.Title, s.Sequence); err != nil {
			return err
		}
	}
	return nil
}

const sectionsOfScript = `SELECT heading_id, script_id, title, sequence_number FROM known_sections
	WHERE script_id = $1 ORDER BY heading_id`

func listSections(tx *storage.Tx, scriptID int64) ([]Section, error) {
	return storage.All(tx, sectionsOfScript, []any{scriptID}, func(row func(dest ...any) error, s *Section) error {
		return row(&s.HeadingID, &s.ScriptID, &s.Title, &s.Sequence)
	})
}

// mergeSections returns the sections of a story in order: where the heading of
// one stands among the elements, it begins there and has that heading's title.
func mergeSections(scriptID int64, elements []elementRow, known []Section) []Section {
	sections := slices.Clone(known)
	index := make(map[int64]int, len(known))
	for i, s := range sections {
		index[s.HeadingID] = i
	}
	placed := map[int64]bool{}
	for _, row := range elements {
		heading := row.Value.HeadingID
		if heading == nil || placed[*heading] {
			continue // a section begins where its heading stands first
		}
		placed[*heading] = true
		i, found := index[*heading]
		if !found {
			i = len(sections)
			sections = append(sections, Section{HeadingID: *heading, ScriptID: scriptID})
		}
		sections[i].Sequence = row.Value.Sequence
		if row.Value.Text != nil {
			sections[i].Title = *row.Value.Text
		}
	}
	slices.SortFunc(sections, func(a, b Section) int {
		return cmp.Or(cmp.Compare(a.Sequence, b.Sequence), cmp.Compare(a.HeadingID, b.HeadingID))
	})
	return sections
}
