// The load: clients that create, change, delete and read, each things of its own.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/http"
	"slices"
	"strings"
	"time"
)

const (
	// pause is between two steps of a client.
	pause = 10 * time.Millisecond
	// mostOwn bounds what a client has; it deletes what is more.
	mostOwn = 1500
	// knownIn bounds how long the outcome of a write may stay unknown.
	knownIn = 2 * time.Minute
)

// client writes and reads in steps, one at a time. What it has created nobody
// else touches, so it knows what must be there.
type client struct {
	*soak
	number int
	random *rand.Rand
	own    []*entry
	made   int
	// last is the last creation, to be repeated with its key; epoch is the time
	// of which it is.
	last  *creation
	epoch int64
}

// creation is a request that creates one thing, and what came of it.
type creation struct {
	request request
	entry   *entry
}

func (s *soak) newClient(number int) *client {
	return &client{soak: s, number: number, random: rand.New(rand.NewPCG(s.options.seed, uint64(number)))}
}

// run steps until ctx ends, and only while the gate is open.
func (c *client) run(ctx context.Context) {
	for ctx.Err() == nil {
		c.gate.RLock()
		if ctx.Err() == nil {
			c.step(ctx)
		}
		c.gate.RUnlock()
		select {
		case <-time.After(pause):
		case <-ctx.Done():
		}
	}
}

func (c *client) step(ctx context.Context) {
	if now := c.soak.epoch.Load(); now != c.epoch {
		c.last, c.epoch = nil, now
	}
	dice := c.random.IntN(100)
	switch {
	case len(c.own) >= mostOwn:
		c.remove(ctx)
	case dice < 40 || len(c.own) == 0:
		c.create(ctx)
	case dice < 45:
		c.createMany(ctx)
	case dice < 63:
		c.change(ctx)
	case dice < 73:
		c.remove(ctx)
	case dice < 88:
		c.read(ctx)
	case dice < 95:
		c.browse(ctx)
	default:
		c.repeat(ctx)
	}
}

// text returns a new text; most are short, some long.
func (c *client) text() string {
	c.made++
	return fmt.Sprintf("%s%d-%d\n%s", markPrefix, c.number, c.made, c.filler())
}

func (c *client) filler() string {
	length := 100 + c.random.IntN(300)
	if c.heavy.Load() || c.random.IntN(10) == 0 {
		length = 4_000 + c.random.IntN(26_000)
	}
	line := fmt.Sprintf("The rest is silence, %x. ", c.random.Uint64())
	return strings.Repeat(line, length/len(line)+1)
}

func (c *client) kind(fits func(*kind) bool) *kind {
	for {
		if k := kinds[c.random.IntN(len(kinds))]; fits == nil || fits(k) {
			return k
		}
	}
}

// key is new for each mark.
func (c *client) keyOf(text string) string { return fmt.Sprintf("%x-%s", c.options.seed, markOf(text)) }

func (c *client) create(ctx context.Context) {
	k, text := c.kind(nil), c.text()
	r := request{service: k.service, method: http.MethodPost, path: k.list, body: k.body(text), key: c.keyOf(text)}
	given, done := c.untilKnown(ctx, r, http.StatusCreated)
	if !done {
		c.ledger.refused(text)
		return
	}
	var made item
	if err := decode(given.body, &made); err != nil || k.idOf(made) == "" {
		c.fail("%s %s: an answer without %s: %.200s", r.method, r.path, k.id, given.body)
		return
	}
	e := &entry{kind: k, id: k.idOf(made), text: k.shown(text)}
	c.ledger.created(e)
	c.own = append(c.own, e)
	c.last = &creation{r, e}
}

func (c *client) createMany(ctx context.Context) {
	k := c.kind(func(k *kind) bool { return k.batch })
	texts := make([]string, 5+c.random.IntN(30))
	bodies := make([]map[string]any, len(texts))
	for i := range texts {
		texts[i] = c.text()
		bodies[i] = k.body(texts[i])
	}
	r := request{service: k.service, method: http.MethodPost, path: k.list + "/batch", body: map[string]any{"items": bodies}, key: c.keyOf(texts[0])}
	given, done := c.untilKnown(ctx, r, http.StatusCreated)
	if !done {
		c.ledger.refused(texts...)
		return
	}
	var made []item
	if err := decode(given.body, &made); err != nil || len(made) != len(texts) {
		c.fail("%s %s: %d things were sent, the answer has %d: %v", r.method, r.path, len(texts), len(made), err)
		return
	}
	entries := make([]*entry, len(made))
	for i, one := range made {
		entries[i] = &entry{kind: k, id: k.idOf(one), text: k.shown(texts[i])}
	}
	c.ledger.created(entries...)
	c.own = append(c.own, entries...)
}

// pick returns the place in own of an entry, -1 if none fits.
func (c *client) pick(fits func(*kind) bool) int {
	for range 10 {
		if i := c.random.IntN(len(c.own)); fits == nil || fits(c.own[i].kind) {
			return i
		}
	}
	return -1
}

func (c *client) change(ctx context.Context) {
	i := c.pick(func(k *kind) bool { return !k.fixed })
	if i < 0 {
		return
	}
	e := c.own[i]
	text := markOf(e.text) + "\nchanged: " + c.filler()
	r := request{service: e.kind.service, method: http.MethodPatch, path: e.kind.pathOf(e.id, e.text), body: map[string]any{e.kind.text: text}}
	if _, done := c.untilKnown(ctx, r, http.StatusOK); done {
		c.ledger.changed(e, text)
	}
	c.check(ctx, e)
}

func (c *client) remove(ctx context.Context) {
	i := c.pick(nil)
	if i < 0 {
		return
	}
	e := c.own[i]
	r := request{service: e.kind.service, method: http.MethodDelete, path: e.kind.pathOf(e.id, e.text)}
	if _, done := c.untilKnown(ctx, r, http.StatusNoContent); !done {
		c.check(ctx, e)
		return
	}
	c.ledger.deleted(e)
	c.own[i] = c.own[len(c.own)-1]
	c.own = c.own[:len(c.own)-1]
	if c.last != nil && c.last.entry == e {
		c.last = nil
	}
}

func (c *client) read(ctx context.Context) {
	if i := c.pick(nil); i >= 0 {
		c.check(ctx, c.own[i])
	}
}

// check reads an entry, which must be as it was acknowledged last.
func (c *client) check(ctx context.Context, e *entry) {
	r := request{service: e.kind.service, method: http.MethodGet, path: e.kind.pathOf(e.id, e.text)}
	given, outcome := c.attempt(ctx, r, http.StatusOK)
	if outcome != done {
		return
	}
	var shown item
	if err := decode(given.body, &shown); err != nil || e.kind.textOf(shown) != e.text {
		c.fail("GET %s: not as it was acknowledged: %s; want %s", r.path, short(e.kind.textOf(shown)), short(e.text))
	}
}

// browse reads a few pages.
func (c *client) browse(ctx context.Context) {
	k := c.kind(nil)
	path := fmt.Sprintf("%s?%slimit=%d", k.list, k.filter, 1+c.random.IntN(50))
	for range 3 {
		given, outcome := c.attempt(ctx, request{service: k.service, method: http.MethodGet, path: path}, http.StatusOK)
		next := nextPage.FindStringSubmatch(given.header.Get("Link"))
		if outcome != done || next == nil {
			return
		}
		path = next[1]
	}
}

// repeat sends the last creation once more, which must get the same answer and
// create nothing.
func (c *client) repeat(ctx context.Context) {
	if c.last == nil {
		return
	}
	e := c.last.entry
	given, outcome := c.attempt(ctx, c.last.request, http.StatusCreated)
	if outcome != done {
		return
	}
	var made item
	if err := decode(given.body, &made); err != nil || e.kind.idOf(made) != e.id || given.header.Get("Idempotency-Replayed") != "true" {
		c.fail("POST %s: repeated with its key it gave %.100s (replayed: %q); want %s %s",
			c.last.request.path, given.body, given.header.Get("Idempotency-Replayed"), e.kind.id, e.id)
	}
}

// outcome is what a client knows after a request.
type outcome int

const (
	unknown   outcome = iota // it may or may not have been carried out
	unchanged                // the service says that it has changed nothing
	mistaken                 // and that the request will never be carried out
	done
)

// attempt sends a request once and notes what came of it.
func (s *soak) attempt(ctx context.Context, r request, good ...int) (answer, outcome) {
	began := time.Now()
	given, err := s.caller.send(ctx, r)
	if ctx.Err() != nil {
		return given, unknown
	}
	outcome := judge(given, err, good)
	s.window.Load().note(r, given, err, outcome, time.Since(began))
	return given, outcome
}

func judge(given answer, err error, good []int) outcome {
	if err != nil {
		return unknown
	}
	if slices.Contains(good, given.status) {
		return done
	}
	var problem struct{ Code string }
	if json.Unmarshal(bytes.TrimSpace(given.body), &problem) != nil {
		return unknown
	}
	switch problem.Code {
	case "storage_full", "storage_unavailable", "shutting_down", "service_unavailable":
		return unchanged
	}
	if given.status < http.StatusInternalServerError {
		return mistaken
	}
	return unknown
}

// untilKnown sends a write until it is known whether it was carried out. What
// was refused it gives up half of the time; the other half it goes on, as a
// person would who has made room on the disk. A write of which an attempt got
// no answer is never given up: it may have been carried out.
func (c *client) untilKnown(ctx context.Context, r request, good ...int) (answer, bool) {
	mayGiveUp := c.random.IntN(2) == 0
	for began, wait := time.Now(), 20*time.Millisecond; ; wait = min(2*wait, time.Second) {
		given, outcome := c.attempt(ctx, r, good...)
		if outcome == done {
			return given, true
		}
		if outcome == mistaken || outcome == unchanged && mayGiveUp {
			return given, false
		}
		if outcome == unknown {
			mayGiveUp = false
			if r.method == http.MethodDelete {
				good = append(good, http.StatusNotFound) // that attempt may have done it
			}
		}
		if time.Since(began) > knownIn {
			c.fail("%s %s: its outcome is not known after %s", r.method, r.path, knownIn)
			return given, false
		}
		select {
		case <-time.After(wait):
		case <-ctx.Done():
			return given, false
		}
	}
}
