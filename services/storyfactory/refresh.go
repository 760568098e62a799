// Refreshing a story from its peers: in parallel, in bounded time, and never in
// the way of an answer.
package storyfactory

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"time"

	"golang.org/x/sync/singleflight"

	"fountain.coach/fountainai/internal/httpapi"
)

type refresher struct {
	store  *store
	peers  []*peer
	logger *slog.Logger
	wait   time.Duration
	// flights lets readers of one story share a refresh.
	flights singleflight.Group
}

// peer is one service to ask. fetch returns what it said as a function that
// adds it to the findings.
type peer struct {
	service PeerFreshnessService
	client  peerClient
	fetch   fetchFunc
	rest    time.Duration

	lock      sync.Mutex
	restUntil time.Time
}

func newRefresher(s *store, peers Peers, logger *slog.Logger) *refresher {
	r := &refresher{store: s, logger: logger, wait: peers.Timeout}
	if r.wait == 0 {
		r.wait = defaultPeerTimeout
	}
	rest := peers.Rest
	if rest == 0 {
		rest = defaultPeerRest
	}
	client := newHTTPClient(peers.Transport)
	add := func(base string, service PeerFreshnessService, fetch fetchFunc) {
		if base != "" {
			r.peers = append(r.peers, &peer{service: service, client: peerClient{base, client}, fetch: fetch, rest: rest})
		}
	}
	add(peers.Character, Character, fetchCharacters)
	add(peers.ScriptManagement, Scriptmanagement, fetchScript)
	add(peers.SessionContext, Sessioncontext, fetchContexts)
	return r
}

// read brings a part of a story up to date as far as the peers answer, and
// returns it and how far that was. It returns 404 if neither the service nor a
// peer knows the script; other errors are the database's.
func (r *refresher) read(ctx context.Context, scriptID int64, part span) (known, Freshness, error) {
	refreshed := outcome{state: Snapshot}
	if len(r.peers) > 0 {
		var err error
		if refreshed, err = r.refresh(ctx, scriptID, part); err != nil {
			return known{}, Freshness{}, err
		}
	}
	story := refreshed.story
	if story == nil {
		read, err := r.store.known(ctx, scriptID, part)
		if err != nil {
			return known{}, Freshness{}, err
		}
		story = &read
	}
	if !story.exists {
		return known{}, Freshness{}, noStory(scriptID, refreshed.peers)
	}
	return story.cut(part), refreshed.freshness(story.head), nil
}

// outcome is what a refresh came to.
type outcome struct {
	state FreshnessState
	peers []PeerFreshness
	// story is the story, nil if it has to be read anew.
	story *known
}

func (o outcome) freshness(story head) Freshness {
	f := Freshness{State: o.state, AsOf: time.UnixMilli(story.refreshedAt).UTC(), Peers: append([]PeerFreshness{}, o.peers...)}
	if o.state == Live {
		f.AsOf = time.UnixMilli(httpapi.Now()).UTC()
	}
	return f
}

func (r *refresher) refresh(ctx context.Context, scriptID int64, part span) (outcome, error) {
	// A reader that leaves must not cancel the refresh for those who wait.
	result := r.flights.DoChan(fmt.Sprint(scriptID, part), func() (any, error) {
		return r.ask(context.WithoutCancel(ctx), scriptID, part)
	})
	select {
	case answer := <-result:
		refreshed, _ := answer.Val.(outcome)
		if answer.Shared {
			// It may have begun before this reader wrote what it now reads.
			refreshed.story = nil
		}
		return refreshed, answer.Err
	case <-ctx.Done():
		return outcome{}, ctx.Err()
	}
}

func (r *refresher) ask(ctx context.Context, scriptID int64, part span) (outcome, error) {
	wanted, err := r.store.known(ctx, scriptID, part)
	if err != nil {
		return outcome{}, err
	}
	found, peers := r.askAll(ctx, wanted)
	refreshed := outcome{state: stateOf(peers), peers: peers}
	written, err := r.store.apply(ctx, wanted, found, refreshed.state == Live)
	switch {
	case err != nil && !wanted.exists && !errors.Is(err, errOvertaken):
		return outcome{}, err
	case err != nil:
		// As on a full disk: there is a snapshot, and it can be read.
		r.logger.Warn("the answers of the peers were not kept; serving the snapshot", "script", scriptID, "error", err)
		refreshed.state = Snapshot
	case !written:
		refreshed.story = &wanted
	}
	return refreshed, nil
}

// askAll asks all peers at once and waits for as long as r.wait.
func (r *refresher) askAll(ctx context.Context, wanted known) (findings, []PeerFreshness) {
	ctx, cancel := context.WithTimeout(ctx, r.wait)
	defer cancel()
	states := make([]PeerFreshness, len(r.peers))
	answers := make([]func(*findings), len(r.peers))
	var waiting sync.WaitGroup
	for i, p := range r.peers {
		waiting.Go(func() {
			answers[i] = p.ask(ctx, wanted, r.logger)
			states[i] = PeerFreshness{Service: p.service, State: Ok}
			if answers[i] == nil {
				states[i].State = Unavailable
			}
		})
	}
	waiting.Wait()
	var found findings
	for _, answer := range answers {
		if answer != nil {
			answer(&found)
		}
	}
	return found, states
}

// ask returns nil if the peer does not answer.
func (p *peer) ask(ctx context.Context, wanted known, logger *slog.Logger) func(*findings) {
	p.lock.Lock()
	resting := time.Now().Before(p.restUntil)
	p.lock.Unlock()
	if resting {
		return nil
	}
	answer, err := p.fetch(ctx, p.client, wanted)
	if err != nil {
		logger.Warn("peer unavailable; serving the snapshot", "peer", p.service, "error", err)
		p.lock.Lock()
		p.restUntil = time.Now().Add(p.rest)
		p.lock.Unlock()
		return nil
	}
	return answer
}

func isOk(p PeerFreshness) bool { return p.State == Ok }

func stateOf(peers []PeerFreshness) FreshnessState {
	switch {
	case !slices.ContainsFunc(peers, isOk):
		return Snapshot
	case slices.ContainsFunc(peers, func(p PeerFreshness) bool { return !isOk(p) }):
		return Partial
	}
	return Live
}

// noStory is a 404 that names the peers that may know more but do not answer.
func noStory(scriptID int64, peers []PeerFreshness) error {
	var silent []string
	for _, p := range peers {
		if !isOk(p) {
			silent = append(silent, string(p.Service))
		}
	}
	if silent == nil {
		return httpapi.NotFound("story of script", scriptID)
	}
	return notFound(fmt.Sprintf("There is no story of script %d here, and %s cannot be asked now; repeat the request later if there should be one.",
		scriptID, strings.Join(silent, " and ")))
}
