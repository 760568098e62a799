// The importer: what is written where, and how an interrupted import goes on.
//
// The script's source names the screenplay, so a second run finds the first.
// Every element has a sequence number of its own in the script, so what exists
// is found by number and only the rest is created.
package main

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/screenplay"
	"fountain.coach/fountainai/services/character"
	"fountain.coach/fountainai/services/scriptmanagement"
	"fountain.coach/fountainai/services/sessioncontext"
	"fountain.coach/fountainai/services/storyfactory"
)

const (
	// batchItems and batchBytes keep a batch below what the services take.
	batchItems = 1000
	batchBytes = 4 << 20
)

type importer struct {
	api      *client.Client
	play     *screenplay.Screenplay
	lines    []line
	title    string
	source   string
	user     int64
	progress *progress

	scriptID int64
	// begun is when the story was begun. Keys made from it are new once a story
	// was deleted: what went with it must be created again, not replayed.
	begun time.Time
	// resumed says that an earlier run may have written something.
	resumed bool
	// complete says that an earlier run has written everything.
	complete bool
	// counts grows while parts are written at the same time.
	countLock sync.Mutex
	counts    []stepCount

	// The identifiers given, by sequence number; of characters and contexts,
	// by name.
	headings, transitions, actions, spokenWords, elements map[int64]int64
	characters, contexts                                  map[string]int64
}

// written is what any of the services answers about a thing it has created or
// lists; each sets the members it has.
type written struct {
	HeadingID      int64           `json:"headingId"`
	TransitionID   int64           `json:"transitionId"`
	ActionID       int64           `json:"actionId"`
	DialogueID     int64           `json:"dialogueId"`
	CharacterID    int64           `json:"characterId"`
	ContextID      int64           `json:"contextId"`
	ElementID      int64           `json:"elementId"`
	SequenceNumber int64           `json:"sequenceNumber"`
	Sequence       int64           `json:"sequence"`
	Data           json.RawMessage `json:"data"`
}

func (i *importer) run(ctx context.Context) error {
	if err := i.openScript(ctx); err != nil {
		return err
	}
	if err := i.openStory(ctx); err != nil || i.complete {
		return err
	}
	i.progress.expect(3*len(i.lines) + 2*len(i.play.Characters()) + 1)
	if err := i.writeCharacters(ctx); err != nil {
		return err
	}
	if err := i.writeParts(ctx); err != nil {
		return err
	}
	if err := i.writeFlow(ctx); err != nil {
		return err
	}
	return i.close(ctx)
}

func (i *importer) post(ctx context.Context, service, path, key string, body, target any) error {
	_, err := i.api.Do(ctx, client.Request{Service: service, Method: http.MethodPost, Path: path, Body: body, IdempotencyKey: key}, target)
	return err
}

// openScript finds the script of this screenplay or creates it. Of two imports
// at once, one creates it and the other finds it.
func (i *importer) openScript(ctx context.Context) error {
	found, err := i.findScript(ctx)
	if err != nil || found {
		return err
	}
	author, description := i.play.Author(), ""
	if runes := []rune(author); len(runes) > longestTitle {
		author = string(runes[:longestTitle])
	}
	body := scriptmanagement.NewScript{Title: i.title, Author: &author, Description: &description, Source: &i.source}
	var script scriptmanagement.Script
	err = i.post(ctx, "scriptmanagement", "/scripts", randomKey(), body, &script)
	if client.Status(err) == http.StatusConflict {
		_, err = i.findScript(ctx)
		return err
	}
	i.scriptID = script.ScriptID
	return err
}

func (i *importer) findScript(ctx context.Context) (bool, error) {
	query := url.Values{"source": {i.source}}
	scripts, err := client.List[scriptmanagement.Script](ctx, i.api, "scriptmanagement", "/scripts?"+query.Encode())
	if err != nil || len(scripts) == 0 {
		return false, err
	}
	i.scriptID, i.title, i.resumed = scripts[0].ScriptID, scripts[0].Title, true
	return true, nil
}

// openStory begins the story as incomplete. If it is complete, an earlier run
// has done all there is to do.
func (i *importer) openStory(ctx context.Context) error {
	path := fmt.Sprintf("/stories/%d", i.scriptID)
	var story storyfactory.Story
	_, err := i.api.Do(ctx, client.Request{Service: "storyfactory", Method: http.MethodGet, Path: path}, &story)
	if err == nil && i.resumed {
		i.complete = story.Complete
		i.begun, err = story.CreatedAt.Time()
		return err
	}
	if err != nil && client.Status(err) != http.StatusNotFound {
		return err
	}
	author, complete, page := i.play.Author(), false, titlePage(i.play)
	body := storyfactory.NewStory{Title: i.title, Author: &author, Complete: &complete, TitlePage: &page}
	if _, err = i.api.Do(ctx, client.Request{Service: "storyfactory", Method: http.MethodPut, Path: path, Body: body}, &story); err != nil {
		return err
	}
	i.begun, err = story.CreatedAt.Time()
	return err
}

// writeCharacters creates whoever speaks, with a context for this script that
// remembers under which name.
func (i *importer) writeCharacters(ctx context.Context) error {
	names := i.speakers()
	if err := i.findCharacters(ctx); err != nil {
		return err
	}
	var missing []string
	for _, name := range names {
		if i.contexts[name] == 0 {
			missing = append(missing, name)
		}
	}
	people := make([]character.NewCharacter, len(missing))
	for n, name := range missing {
		people[n] = character.NewCharacter{Name: name}
	}
	err := createAll(ctx, i, "character", "/characters/batch", people, func(n int, w written) {
		i.characters[missing[n]] = w.CharacterID
	})
	i.count("character", "characters", len(names), len(missing))
	if err != nil {
		return err
	}
	contexts := make([]sessioncontext.NewContext, len(missing))
	for n, name := range missing {
		data, err := json.Marshal(map[string]string{"name": name})
		if err != nil {
			return err
		}
		contexts[n] = sessioncontext.NewContext{CharacterID: i.characters[name], ScriptID: &i.scriptID, Data: data}
	}
	err = createAll(ctx, i, "sessioncontext", "/contexts/batch", contexts, func(n int, w written) {
		i.contexts[missing[n]] = w.ContextID
	})
	i.count("sessioncontext", "contexts", len(names), len(missing))
	return err
}

func (i *importer) speakers() []string {
	var names []string
	seen := map[string]bool{"": true}
	for _, l := range i.lines {
		if !seen[l.name] {
			seen[l.name] = true
			names = append(names, l.name)
		}
	}
	return names
}

// findCharacters reads back which characters an earlier run has created.
func (i *importer) findCharacters(ctx context.Context) error {
	i.characters, i.contexts = map[string]int64{}, map[string]int64{}
	if !i.resumed {
		return nil
	}
	found, err := client.List[written](ctx, i.api, "sessioncontext", fmt.Sprintf("/contexts?scriptId=%d&limit=%d", i.scriptID, batchItems))
	for _, w := range found {
		var data struct {
			Name string `json:"name"`
		}
		if json.Unmarshal(w.Data, &data) == nil && data.Name != "" {
			i.characters[data.Name], i.contexts[data.Name] = w.CharacterID, w.ContextID
		}
	}
	return err
}

// part is a kind of thing that lines are kept in.
type part[T any] struct {
	service, what string
	// list and create are the paths to read and to write them.
	list, create string
	// ids receives the identifiers given, by sequence number.
	ids *map[int64]int64
	id  func(written) int64
	// of returns what to create for a line; false if the line is none of these.
	of func(number int64, l line) (T, bool)
}

// writeParts creates headings, transitions, actions and spoken words, each in
// the service that owns them, at the same time.
func (i *importer) writeParts(ctx context.Context) error {
	script := fmt.Sprintf("/scripts/%d", i.scriptID)
	linked := fmt.Sprintf("?scriptId=%d", i.scriptID)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		return writePart(ctx, i, part[scriptmanagement.NewSectionHeading]{
			"scriptmanagement", "sections", script + "/sections?", script + "/sections/batch", &i.headings,
			func(w written) int64 { return w.HeadingID },
			func(number int64, l line) (scriptmanagement.NewSectionHeading, bool) {
				return scriptmanagement.NewSectionHeading{Title: l.text, SequenceNumber: &number}, l.isHeading()
			},
		})
	})
	group.Go(func() error {
		return writePart(ctx, i, part[scriptmanagement.NewTransition]{
			"scriptmanagement", "transitions", script + "/transitions?", script + "/transitions/batch", &i.transitions,
			func(w written) int64 { return w.TransitionID },
			func(number int64, l line) (scriptmanagement.NewTransition, bool) {
				return scriptmanagement.NewTransition{Text: l.text, SequenceNumber: &number}, l.isTransition()
			},
		})
	})
	group.Go(func() error {
		return writePart(ctx, i, part[character.NewAction]{
			"character", "actions", "/actions" + linked + "&", "/actions/batch", &i.actions,
			func(w written) int64 { return w.ActionID },
			func(number int64, l line) (character.NewAction, bool) {
				return character.NewAction{Description: l.text, ScriptID: &i.scriptID, SequenceNumber: &number}, l.isAction()
			},
		})
	})
	group.Go(func() error {
		return writePart(ctx, i, part[character.NewSpokenWord]{
			"character", "spoken words", "/spokenWords" + linked + "&", "/spokenWords/batch", &i.spokenWords,
			func(w written) int64 { return w.DialogueID },
			func(number int64, l line) (character.NewSpokenWord, bool) {
				speaker := i.characters[l.name]
				return character.NewSpokenWord{
					Text: l.words, Parenthetical: l.parenthetical, ScriptID: &i.scriptID,
					CharacterID: &speaker, SequenceNumber: &number,
				}, l.isSpoken()
			},
		})
	})
	return group.Wait()
}
