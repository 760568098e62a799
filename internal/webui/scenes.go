// The page on which scenes change places.
//
// The order is the Story Factory's: whole scenes move there, with all that
// stands under their headings. The numbers in the other services stay as they
// are, since they order only what no story has arranged. A story that was
// assembled until then counts as arranged afterwards; the page says so first.
package webui

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/google/uuid"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/httpapi/problem"
	"fountain.coach/fountainai/internal/play"
)

// scenesView is what the page shows.
type scenesView struct {
	about
	Version string
	Rows    []row
	Scenes  int
	// Moved tells of the move that led here, Mistake why there was none.
	Moved, Mistake string
}

// row is a scene or a section.
type row struct {
	block
	// Place counts the scenes.
	Place    int
	Up, Down bool
	// Focus is the button that the keyboard is on: "up", "down" or "".
	Focus string
}

func (v *visit) scenes() error {
	story, err := v.readStory()
	if err != nil {
		return err
	}
	view := newScenesView(story)
	query := v.r.URL.Query()
	moved, _ := strconv.ParseInt(query.Get("moved"), 10, 64)
	view.tellMoved(moved, query.Get("way"))
	v.show(v.w, v.r, http.StatusOK, "scenes", view)
	return nil
}

func newScenesView(story *play.Story) *scenesView {
	blocks := blocksOf(story)
	view := &scenesView{about: aboutStory(story, "scenes"), Version: versionOf(blocks)}
	for _, b := range movable(blocks) {
		r := row{block: b}
		if b.IsScene() {
			view.Scenes++
			r.Place, r.Up = view.Scenes, len(view.Rows) > 0
		}
		view.Rows = append(view.Rows, r)
	}
	for i := range view.Rows {
		r := &view.Rows[i]
		r.Down = r.IsScene() && i < len(view.Rows)-1
	}
	return view
}

// movable are the blocks without what comes before the first heading.
func movable(blocks []block) []block {
	if len(blocks) > 0 && blocks[0].Kind == "" {
		return blocks[1:]
	}
	return blocks
}

// tellMoved says where a scene went, and leaves the keyboard where it was.
func (view *scenesView) tellMoved(id int64, way string) {
	for i := range view.Rows {
		r := &view.Rows[i]
		if r.ID != id || !r.IsScene() {
			continue
		}
		view.Moved = fmt.Sprintf("Moved: %s is now scene %d of %d.", r.Heading, r.Place, view.Scenes)
		switch {
		case r.Up && (way != "down" || !r.Down):
			r.Focus = "up"
		case r.Down:
			r.Focus = "down"
		}
	}
}

// moveScene carries out what the form wants: "up 12", "down 12", "before 12 15"
// or, to the end, "before 12 0"; the numbers are the first elements of blocks.
func (v *visit) moveScene() error {
	if err := v.r.ParseForm(); err != nil {
		return formError(err)
	}
	story, err := v.readStory()
	if err != nil {
		return err
	}
	blocks := blocksOf(story)
	wanted := v.r.PostForm.Get("move")
	if v.r.PostForm.Get("version") != versionOf(blocks) {
		return v.refuseMove(story, "The story has changed since you opened this page, so nothing was moved and nothing is lost. Below is how it stands now: move the scene again if you still want to.")
	}
	if !story.Complete {
		return v.refuseMove(story, "The story is still being written. Nothing was moved; wait until it is complete.")
	}
	from, to, ok := target(blocks, wanted)
	if !ok {
		return problem.New(http.StatusBadRequest, "invalid_request", "Nothing was moved.")
	}
	requests, err := steps(blocks, from, to)
	if errors.Is(err, errTooLong) {
		return v.refuseMove(story, fmt.Sprintf("Nothing was moved: the scene and its neighbour have more than %d elements together, and no more can change places at once.", mostMoves))
	}
	for i, moves := range requests {
		if err := v.reorder(story.ScriptID, moves); err != nil {
			return v.overtaken(err, i)
		}
	}
	way, _, _ := strings.Cut(wanted, " ")
	query := url.Values{"moved": {strconv.FormatInt(blocks[from].ID, 10)}, "way": {way}}
	http.Redirect(v.w, v.r, fmt.Sprintf("/scripts/%d/scenes?%s", story.ScriptID, query.Encode()), http.StatusSeeOther)
	return nil
}

// formError is what a form that cannot be read comes to.
func formError(err error) error {
	var tooLarge *http.MaxBytesError
	if errors.As(err, &tooLarge) {
		return err
	}
	return problem.New(http.StatusBadRequest, "invalid_request", "")
}

// target reads which block moves where. Its place may be where it is already.
func target(blocks []block, wanted string) (from, to int, ok bool) {
	var way string
	var scene, before int64
	_, _ = fmt.Sscanf(wanted, "%s %d %d", &way, &scene, &before)
	from = indexOf(blocks, scene)
	first := len(blocks) - len(movable(blocks))
	if from < 0 || !blocks[from].IsScene() {
		return 0, 0, false
	}
	switch way {
	case "up":
		to = from - 1
	case "down":
		to = from + 1
	case "before":
		to = len(blocks)
		if before != 0 {
			to = indexOf(blocks, before)
		}
		if to > from {
			to-- // its own place is free by then
		}
	default:
		return 0, 0, false
	}
	return from, to, to >= first && to < len(blocks)
}

func indexOf(blocks []block, id int64) int {
	for i, b := range blocks {
		if b.ID == id {
			return i
		}
	}
	return -1
}

func (v *visit) reorder(scriptID int64, moves []move) error {
	_, err := v.api.Call(v.ctx, client.Request{
		Service: "storyfactory", Method: http.MethodPost, Path: fmt.Sprintf("/stories/%d/elements/reorder", scriptID),
		Body: map[string]any{"elements": moves}, IdempotencyKey: uuid.NewString(),
	})
	return err
}

// overtaken tells of a move that another change came before.
func (v *visit) overtaken(err error, done int) error {
	switch client.Status(err) {
	case http.StatusConflict, http.StatusPreconditionFailed, http.StatusNotFound:
	default:
		return err
	}
	story, again := v.readStory()
	if again != nil {
		return err
	}
	what := "nothing was moved and nothing is lost"
	if done > 0 {
		what = "the scene was moved only part of the way; nothing is lost"
	}
	return v.refuseMove(story, "Somebody else was changing the story at the same moment, so "+what+". Below is how it stands now: move the scene again if you still want to.")
}

// refuseMove shows the page as the story is now, and why it was not changed.
func (v *visit) refuseMove(story *play.Story, why string) error {
	view := newScenesView(story)
	view.Mistake = why
	v.show(v.w, v.r, http.StatusConflict, "scenes", view)
	return nil
}
