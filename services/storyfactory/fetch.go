// What is asked of each peer, and the resources they answer with as far as
// stories need them.
package storyfactory

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"

	"golang.org/x/sync/errgroup"

	"fountain.coach/fountainai/internal/httpapi"
)

// resource is an item of a peer's list. sound reports whether it is what the
// peer's contract promises.
type resource interface {
	id() int64
	sound() bool
}

type (
	peerScript struct {
		ScriptID    int64  `json:"scriptId"`
		Title       string `json:"title"`
		Author      string `json:"author"`
		Description string `json:"description"`
	}
	peerSection struct {
		HeadingID      int64  `json:"headingId"`
		Title          string `json:"title"`
		SequenceNumber int64  `json:"sequenceNumber"`
	}
	peerTransition struct {
		TransitionID   int64  `json:"transitionId"`
		Text           string `json:"text"`
		SequenceNumber int64  `json:"sequenceNumber"`
	}
	peerAction struct {
		StoryAction
		CharacterID    *int64 `json:"characterId"`
		SequenceNumber int64  `json:"sequenceNumber"`
	}
	peerSpokenWord struct {
		StorySpokenWord
		CharacterID    *int64 `json:"characterId"`
		SequenceNumber int64  `json:"sequenceNumber"`
	}
)

func (s peerSection) id() int64    { return s.HeadingID }
func (t peerTransition) id() int64 { return t.TransitionID }
func (c StoryCharacter) id() int64 { return c.CharacterID }
func (a peerAction) id() int64     { return a.ActionID }
func (w peerSpokenWord) id() int64 { return w.DialogueID }
func (x StoryContext) id() int64   { return x.ContextID }

func (s peerSection) sound() bool    { return s.HeadingID > 0 && s.SequenceNumber > 0 }
func (t peerTransition) sound() bool { return t.TransitionID > 0 && t.SequenceNumber > 0 }
func (c StoryCharacter) sound() bool { return c.CharacterID > 0 }
func (a peerAction) sound() bool {
	return a.ActionID > 0 && a.SequenceNumber > 0 && isID(a.CharacterID)
}
func (w peerSpokenWord) sound() bool {
	return w.DialogueID > 0 && w.SequenceNumber > 0 && isID(w.CharacterID)
}
func (x StoryContext) sound() bool {
	return x.ContextID > 0 && x.CharacterID > 0 && bytes.HasPrefix(x.Data, []byte("{"))
}

func isID(id *int64) bool { return id == nil || *id > 0 }

// findings is what the peers said; nil where one did not answer, or knows no
// such script.
type findings struct {
	script    *scriptFindings
	character *characterFindings
	context   *contextFindings
}

type scriptFindings struct {
	script      peerScript
	sections    []peerSection
	transitions []peerTransition
}

type characterFindings struct {
	characters  []StoryCharacter
	actions     []peerAction
	spokenWords []peerSpokenWord
}

type contextFindings struct{ contexts []StoryContext }

// fetchFunc asks one peer for what a story needs of it and adds the answer to
// what is returned.
type fetchFunc func(ctx context.Context, c peerClient, wanted known) (func(*findings), error)

func fetchScript(ctx context.Context, c peerClient, wanted known) (func(*findings), error) {
	var f scriptFindings
	path := fmt.Sprintf("/scripts/%d", wanted.scriptID)
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error {
		_, err := c.get(ctx, path, &f.script)
		if err == nil && (f.script.ScriptID != wanted.scriptID || f.script.Title == "") {
			err = fmt.Errorf("GET %s: not the script", path)
		}
		return err
	})
	group.Go(func() (err error) {
		f.sections, err = list[peerSection](ctx, c, path+"/sections", nil)
		return err
	})
	group.Go(func() (err error) {
		f.transitions, err = list[peerTransition](ctx, c, path+"/transitions", nil)
		return err
	})
	err := group.Wait()
	if errors.Is(err, errPeerUnknown) {
		return func(*findings) {}, nil
	}
	return func(all *findings) { all.script = &f }, err
}

// fetchCharacters asks for what the story's elements refer to. If the story
// follows what is linked to its script, it asks for all of that.
func fetchCharacters(ctx context.Context, c peerClient, wanted known) (func(*findings), error) {
	var f characterFindings
	refers := referencesOf(httpapi.Values(wanted.elements))
	group, both := errgroup.WithContext(ctx)
	group.Go(func() (err error) {
		f.actions, err = listWanted[peerAction](both, c, "/actions", wanted, refers.actions)
		return err
	})
	group.Go(func() (err error) {
		f.spokenWords, err = listWanted[peerSpokenWord](both, c, "/spokenWords", wanted, refers.spokenWords)
		return err
	})
	if !wanted.assembled {
		group.Go(func() (err error) {
			f.characters, err = listWanted[StoryCharacter](both, c, "/characters", wanted, refers.characters)
			return err
		})
	}
	err := group.Wait()
	if err == nil && wanted.assembled {
		f.characters, err = listByID[StoryCharacter](ctx, c, "/characters", f.characterIDs())
	}
	return func(all *findings) { all.character = &f }, err
}

// characterIDs returns who does and says what was found.
func (f characterFindings) characterIDs() []int64 {
	ids := map[int64]bool{}
	for _, a := range f.actions {
		if a.CharacterID != nil {
			ids[*a.CharacterID] = true
		}
	}
	for _, w := range f.spokenWords {
		if w.CharacterID != nil {
			ids[*w.CharacterID] = true
		}
	}
	return slices.Sorted(maps.Keys(ids))
}

func fetchContexts(ctx context.Context, c peerClient, wanted known) (func(*findings), error) {
	refers := referencesOf(httpapi.Values(wanted.elements))
	contexts, err := listWanted[StoryContext](ctx, c, "/contexts", wanted, refers.contexts)
	return func(all *findings) { all.context = &contextFindings{contexts} }, err
}

// listWanted asks for what the story refers to, or for all that is linked to
// the script it follows. Where a story refers to nothing, it asks for one item:
// that a peer is well must not be said of one that nobody heard.
func listWanted[T resource, Known any](ctx context.Context, c peerClient, path string, wanted known, refers map[int64]*Known) ([]T, error) {
	switch {
	case wanted.assembled:
		return list[T](ctx, c, path, ofScript(wanted.scriptID))
	case len(refers) > 0:
		return listByID[T](ctx, c, path, slices.Sorted(maps.Keys(refers)))
	}
	var one []T
	_, err := c.get(ctx, path+"?limit=1", &one)
	return nil, err
}
