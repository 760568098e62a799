// The SQL of the Story Factory: the heads of stories.
package storyfactory

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"

	"github.com/oapi-codegen/nullable"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/sequence"
)

// store keeps stories, their elements, and a snapshot of what those refer to.
// Its methods return 400, 404, 409 and 412 problems as each says, and errors of
// the database.
type store struct{ db *storage.DB }

// head is a story's head with what only the service itself needs of it.
type head struct {
	Story
	// assembled says that the elements follow what peers link to the script.
	assembled bool
	// refreshedAt is when all peers last confirmed the whole story.
	refreshedAt int64
}

type storyRow = httpapi.Revised[head]

const storyColumns = `SELECT script_id, title, author, description, complete, assembled, title_page,
	csound_file_path, lily_pond_file_path, midi_file_path, refreshed_at, created_at, updated_at, revision
	FROM stories`

func scanStory(row func(dest ...any) error, s *storyRow) error {
	var titlePage string
	var created, updated int64
	story := &s.Value
	err := row(&story.ScriptID, &story.Title, &story.Author, &story.Description, &story.Complete, &story.assembled,
		&titlePage, &story.Orchestration.CsoundFilePath, &story.Orchestration.LilyPondFilePath,
		&story.Orchestration.MidiFilePath, &story.refreshedAt, &created, &updated, &s.Revision)
	if err != nil {
		return err
	}
	story.CreatedAt, story.UpdatedAt = httpapi.Time(created), httpapi.Time(updated)
	return json.Unmarshal([]byte(titlePage), &story.TitlePage)
}

// getStory returns 404 if the script has no story.
func (s *store) getStory(ctx context.Context, scriptID int64) (storyRow, error) {
	return storage.ReadValue(ctx, s.db, func(tx *storage.Tx) (storyRow, error) { return findStory(tx, scriptID) })
}

func findStory(tx *storage.Tx, scriptID int64) (storyRow, error) {
	return httpapi.One(tx, "story of script", storyColumns+" WHERE script_id = $1", scriptID, scanStory)
}

// putStory creates or replaces a head and reports which. It returns 412 if the
// stored head does not have the revision that ifMatch asks for, or there is none.
func (s *store) putStory(ctx context.Context, scriptID int64, given NewStory, ifMatch *string) (row storyRow, created bool, err error) {
	row, err = storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (storyRow, error) {
		before, err := httpapi.Match(tx, findStory, scriptID, ifMatch)
		if created = isNotFound(err); created {
			err = createStory(tx, newStory(scriptID, given), ifMatch)
		} else if err == nil {
			err = replaceStory(tx, head{Story: newStory(scriptID, given), assembled: before.Value.assembled})
		}
		if err != nil {
			return before, err
		}
		return findStory(tx, scriptID)
	})
	return row, created, err
}

func createStory(tx *storage.Tx, story Story, ifMatch *string) error {
	// If-Match asks for something that exists, whatever its tag (RFC 9110, 13.1.1).
	if ifMatch != nil {
		return problem.New(http.StatusPreconditionFailed, "precondition_failed",
			fmt.Sprintf("There is no story of script %d yet; leave If-Match out to create it.", story.ScriptID))
	}
	// A head alone arranges nothing; elements that are about to be written will.
	return insertStory(tx, head{Story: story, assembled: story.Complete})
}

// replaceStory clears what was only assembled out of the way of a story that
// is about to be written: its places would be taken.
func replaceStory(tx *storage.Tx, story head) error {
	if story.assembled && !story.Complete {
		if _, err := tx.Exec("DELETE FROM story_elements WHERE script_id = $1", story.ScriptID); err != nil {
			return err
		}
		if err := sequence.Drop(tx, story.ScriptID); err != nil {
			return err
		}
		if err := arrange(tx, story.ScriptID); err != nil {
			return err
		}
	}
	return updateStory(tx, story)
}

func newStory(scriptID int64, given NewStory) Story {
	story := Story{ScriptID: scriptID, Title: given.Title, Complete: true, TitlePage: TitlePage{}}
	httpapi.Patch(&story.Author, given.Author)
	httpapi.Patch(&story.Description, given.Description)
	httpapi.Patch(&story.Complete, given.Complete)
	httpapi.Patch(&story.TitlePage, given.TitlePage)
	if o := given.Orchestration; o != nil {
		httpapi.Patch(&story.Orchestration.CsoundFilePath, o.CsoundFilePath)
		httpapi.Patch(&story.Orchestration.LilyPondFilePath, o.LilyPondFilePath)
		httpapi.Patch(&story.Orchestration.MidiFilePath, o.MidiFilePath)
	}
	return story
}

func insertStory(tx *storage.Tx, story head) error {
	const insert = `INSERT INTO stories (script_id, title, author, description, complete, assembled, title_page,
		csound_file_path, lily_pond_file_path, midi_file_path, refreshed_at, created_at, updated_at)
		VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $11, $11)`
	titlePage, err := json.Marshal(story.TitlePage)
	if err != nil {
		return err
	}
	o := story.Orchestration
	_, err = tx.Exec(insert, story.ScriptID, story.Title, story.Author, story.Description, story.Complete,
		story.assembled, string(titlePage), o.CsoundFilePath, o.LilyPondFilePath, o.MidiFilePath, httpapi.Now())
	return err
}

func updateStory(tx *storage.Tx, story head) error {
	const update = `UPDATE stories SET title = $1, author = $2, description = $3, complete = $4, title_page = $5,
		csound_file_path = $6, lily_pond_file_path = $7, midi_file_path = $8, updated_at = $9,
		revision = revision + 1 WHERE script_id = $10`
	titlePage, err := json.Marshal(story.TitlePage)
	if err != nil {
		return err
	}
	o := story.Orchestration
	_, err = tx.Exec(update, story.Title, story.Author, story.Description, story.Complete, string(titlePage),
		o.CsoundFilePath, o.LilyPondFilePath, o.MidiFilePath, httpapi.Now(), story.ScriptID)
	return err
}

// patchStory returns 404 if the script has no story, 412 if its head does not
// have the revision that ifMatch asks for.
func (s *store) patchStory(ctx context.Context, scriptID int64, patch StoryPatch, ifMatch *string) (storyRow, error) {
	return storage.WriteValue(ctx, s.db, func(tx *storage.Tx) (storyRow, error) {
		row, err := httpapi.Match(tx, findStory, scriptID, ifMatch)
		if err != nil {
			return row, err
		}
		story := &row.Value
		httpapi.Patch(&story.Title, patch.Title)
		httpapi.PatchEmpty(&story.Author, patch.Author)
		httpapi.PatchEmpty(&story.Description, patch.Description)
		httpapi.Patch(&story.Complete, patch.Complete)
		httpapi.PatchEmpty(&story.TitlePage, patch.TitlePage)
		if story.TitlePage == nil {
			story.TitlePage = TitlePage{}
		}
		patchOrchestration(&story.Orchestration, patch.Orchestration)
		if err := updateStory(tx, row.Value); err != nil {
			return row, err
		}
		return findStory(tx, scriptID)
	})
}

func patchOrchestration(target *Orchestration, patch nullable.Nullable[OrchestrationPatch]) {
	if !patch.IsSpecified() {
		return
	}
	if patch.IsNull() {
		*target = Orchestration{}
		return
	}
	files := patch.MustGet()
	httpapi.PatchEmpty(&target.CsoundFilePath, files.CsoundFilePath)
	httpapi.PatchEmpty(&target.LilyPondFilePath, files.LilyPondFilePath)
	httpapi.PatchEmpty(&target.MidiFilePath, files.MidiFilePath)
}

// deleteStory returns 404 if the script has no story, 412 if its head does not
// have the revision that ifMatch asks for.
func (s *store) deleteStory(ctx context.Context, scriptID int64, ifMatch *string) error {
	return s.db.Write(ctx, func(_ context.Context, tx *storage.Tx) error {
		if _, err := httpapi.Match(tx, findStory, scriptID, ifMatch); err != nil {
			return err
		}
		// Elements and sections go with it.
		if _, err := tx.Exec("DELETE FROM stories WHERE script_id = $1", scriptID); err != nil {
			return err
		}
		return sequence.Drop(tx, scriptID)
	})
}

// arrange marks the story as arranged by its callers, so that refreshing no
// longer puts its elements together anew. It returns 404 if there is none.
func arrange(tx *storage.Tx, scriptID int64) error {
	row, err := findStory(tx, scriptID)
	if err != nil || !row.Value.assembled {
		return err
	}
	_, err = tx.Exec("UPDATE stories SET assembled = FALSE WHERE script_id = $1", scriptID)
	return err
}
