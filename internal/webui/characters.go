// The characters of a script, with what they say.
//
// One request reads the story, which has all of them and their lines in order;
// only the paraphrases of the lines on the page are asked for beyond that.
package webui

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"golang.org/x/sync/errgroup"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/play"
	"fountain.coach/fountainai/internal/screenplay"
	"fountain.coach/fountainai/internal/screenplay/layout"
)

const (
	linesOnPage = 20
	atOnce      = 6
	// paraphraseTime is how long a page waits for paraphrases.
	paraphraseTime = 6 * time.Second
)

// charactersView is what the page shows: everybody, and the lines of one.
type charactersView struct {
	about
	People []*person
	Shown  *person
	// Lines are those on this page of Shown's.
	Lines       []*spoken
	Page, Pages int
	Paraphrases []paraphrase
	// Missing: paraphrases could not be read.
	Missing bool
}

// person is a character in this story.
type person struct {
	ID                int64
	Name, Description string
	Lines             []*spoken
	// Words and Deeds count the lines of each kind.
	Words, Deeds int
}

// spoken is a line of dialogue, or an action that is a character's.
type spoken struct {
	Text, Parenthetical string
	Action              bool
	// Scene is where it stands, and SceneIndex the scene's number on the page of
	// the story, 0 before the first.
	Scene       string
	SceneIndex  int
	Paraphrases []paraphrase
	// path of its paraphrases.
	path string
}

// paraphrase is another wording, as the Character service keeps it.
type paraphrase struct {
	Text       string `json:"text"`
	Commentary string `json:"commentary"`
}

func (v *visit) characters() error {
	story, err := v.readStory()
	if err != nil {
		return err
	}
	view := charactersView{about: aboutStory(story, "characters"), People: peopleOf(story)}
	if view.Shown = chosen(view.People, v.r.URL.Query()); view.Shown == nil && v.r.URL.Query().Has("character") {
		return errNotFound
	}
	if view.Shown != nil {
		view.turnTo(v.r.URL.Query().Get("page"))
		v.readParaphrases(&view)
	}
	v.show(v.w, v.r, http.StatusOK, "characters", view)
	return nil
}

// peopleOf returns who is in a story, those with the most lines first.
func peopleOf(story *play.Story) []*person {
	byID := map[int64]*person{}
	var people []*person
	var scene string
	index := 0
	for _, e := range story.Story {
		if screenplay.Kind(e.Type) == screenplay.SceneHeading {
			index++
			scene = headed(e, screenplay.SceneHeading).Heading
		}
		if e.Character == nil {
			continue
		}
		p := byID[e.Character.CharacterID]
		if p == nil {
			p = &person{ID: e.Character.CharacterID, Name: cmp.Or(layout.Plain(e.Character.Name), "(no name)"), Description: e.Character.Description}
			byID[p.ID] = p
			people = append(people, p)
		}
		if line := lineOf(e); line != nil {
			line.Scene, line.SceneIndex = scene, index
			p.add(line)
		}
	}
	slices.SortStableFunc(people, func(a, b *person) int { return cmp.Compare(len(b.Lines), len(a.Lines)) })
	return people
}

func (p *person) add(line *spoken) {
	p.Lines = append(p.Lines, line)
	if line.Action {
		p.Deeds++
	} else {
		p.Words++
	}
}

// lineOf returns what a character says or does at a place, nil if nothing is kept of it.
func lineOf(e play.Element) *spoken {
	switch {
	case e.SpokenWord != nil:
		line := &spoken{Text: layout.Plain(e.SpokenWord.Text), path: fmt.Sprintf("/spokenWords/%d/paraphrases", e.SpokenWord.DialogueID)}
		if e.SpokenWord.Parenthetical != nil {
			line.Parenthetical = *e.SpokenWord.Parenthetical
		}
		return line
	case e.Action != nil:
		return &spoken{Text: layout.Plain(e.Action.Description), Action: true, path: fmt.Sprintf("/actions/%d/paraphrases", e.Action.ActionID)}
	}
	return nil
}

// chosen returns the character that the address names, else the first.
func chosen(people []*person, query url.Values) *person {
	if !query.Has("character") {
		if len(people) == 0 {
			return nil
		}
		return people[0]
	}
	id, _ := strconv.ParseInt(query.Get("character"), 10, 64)
	for _, p := range people {
		if p.ID == id {
			return p
		}
	}
	return nil
}

// turnTo chooses the lines of a page.
func (view *charactersView) turnTo(page string) {
	lines := view.Shown.Lines
	view.Pages = max(1, (len(lines)+linesOnPage-1)/linesOnPage)
	wanted, _ := strconv.Atoi(page)
	view.Page = min(max(wanted, 1), view.Pages)
	first := (view.Page - 1) * linesOnPage
	view.Lines = lines[first:min(first+linesOnPage, len(lines))]
}

// Earlier and Later are the pages beside this one, 0 if there is none.
func (view charactersView) Earlier() int { return view.Page - 1 }

// Later is described with Earlier.
func (view charactersView) Later() int {
	if view.Page == view.Pages {
		return 0
	}
	return view.Page + 1
}

// readParaphrases asks for those of the lines on the page. The lines are worth
// showing without them, so a failure is only noted.
func (v *visit) readParaphrases(view *charactersView) {
	limited, cancel := context.WithTimeout(v.ctx, paraphraseTime)
	defer cancel()
	group, ctx := errgroup.WithContext(limited)
	group.SetLimit(atOnce)
	read := func(path string, into *[]paraphrase) {
		group.Go(func() error {
			_, err := v.api.Do(ctx, client.Request{Service: "character", Method: http.MethodGet, Path: path}, into)
			if client.Status(err) == http.StatusNotFound {
				return nil // deleted, while the story still shows it
			}
			return err
		})
	}
	if view.Page == 1 {
		read(fmt.Sprintf("/characters/%d/paraphrases", view.Shown.ID), &view.Paraphrases)
	}
	for _, line := range view.Lines {
		read(line.path, &line.Paraphrases)
	}
	if err := group.Wait(); err != nil {
		view.Missing = true
		v.Logger.Warn("paraphrases cannot be read", "path", v.r.URL.Path, "error", err)
	}
}
