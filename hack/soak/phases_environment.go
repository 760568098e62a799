// Two phases that start the program in another way.
package main

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"os"
	"strconv"
	"time"
)

// few is how many files the program may have in the phase that is short of them;
// it takes connections up to half of it.
const few = 512

// fewDescriptors takes more connections than the program can have, which send
// half a header or idle. Whoever comes then must be served all the same.
func fewDescriptors(ctx context.Context, s *soak, length time.Duration) error {
	scarce := s.normal()
	scarce.descriptors = few
	if err := s.restart(ctx, scarce); err != nil {
		return err
	}
	newcomers, err := s.hoard(ctx, length)
	if err != nil {
		return fmt.Errorf("with %d files, after %d that were served: %w", few, newcomers, err)
	}
	s.progress("few descriptors: %d newcomers were served", newcomers)
	return s.restart(ctx, s.normal())
}

// hoard opens connections and keeps them idle once they were served, more than
// the program can have, and then half headers too, which a time limit ends
// sooner. It returns how many were served. An error means that one was not.
func (s *soak) hoard(ctx context.Context, length time.Duration) (served int, err error) {
	var kept idlers
	defer func() { kept.close() }()
	// However slow that is, it goes on until there are more than can be had.
	for began := time.Now(); (served < 2*few || time.Since(began) < length) && ctx.Err() == nil; served++ {
		connection, err := dialFrom(ctx, s.caller.address, served)
		if err != nil {
			return served, err
		}
		kept.keep(connection)
		if err := askOnce(connection); err != nil {
			return served, err
		}
		if served < 2*few {
			continue
		}
		if connection, err = dialFrom(ctx, s.caller.address, served); err != nil {
			return served, err
		}
		kept.keep(connection)
		_, _ = io.WriteString(connection, "GET / HTTP/1.1\r\nHost")
		if len(kept.open) > 8*few {
			kept.close()
		}
	}
	return served, nil
}

// expiry is how long the services keep the answers to keys.
const expiry = 24 * time.Hour

// clockJumps sets the clock of the program forward and back. Between jumps there
// is load as ever.
func clockJumps(ctx context.Context, s *soak, length time.Duration) error {
	if err := os.WriteFile(s.clock, []byte("0"), 0o600); err != nil {
		return err
	}
	jumping := manner{binary: s.clocks, environment: []string{clockFile + "=" + s.clock}}
	if err := s.restart(ctx, jumping); err != nil {
		return err
	}
	known, err := s.keyed(ctx, "known")
	if err != nil {
		return err
	}
	page, err := s.caller.get(ctx, "character", "/actions?limit=1")
	if err != nil {
		return err
	}
	for _, jump := range []struct {
		skew time.Duration
		kept bool // whether the first key is
	}{{expiry / 2, true}, {-3 * expiry, true}, {expiry + time.Hour, false}} {
		if err := s.afterJump(ctx, jump.skew, known, jump.kept, page); err != nil {
			return fmt.Errorf("clock set to %s from now: %w", jump.skew, err)
		}
		wait(ctx, length/3)
	}
	return s.restart(ctx, s.normal())
}

// keyed creates a thing with a key and repeats that. It returns the request.
func (s *soak) keyed(ctx context.Context, name string) (request, error) {
	r := request{
		service: "character", method: http.MethodPost, path: "/characters", key: fmt.Sprintf("%x-%s-%d", s.options.seed, name, time.Now().UnixNano()),
		body: map[string]any{"name": name, "description": "of a time"},
	}
	for i := range 2 {
		given, err := s.caller.send(ctx, r)
		replayed := given.header.Get("Idempotency-Replayed") == "true"
		if err != nil || given.status != http.StatusCreated || replayed != (i == 1) {
			return r, fmt.Errorf("POST %d with one key: %d %.200s (replayed: %v) %v", i+1, given.status, given.body, replayed, err)
		}
	}
	return r, nil
}

// afterJump sets the clock and looks at what depends on the time: keys, limits
// and cursors. While it does so there is no load.
func (s *soak) afterJump(ctx context.Context, skew time.Duration, known request, kept bool, page answer) error {
	s.gate.Lock()
	defer s.gate.Unlock()
	if err := s.jump(ctx, skew); err != nil {
		return err
	}
	s.progress("clock jumps: the program believes that it is %s", time.Now().Add(skew).Format(time.DateTime))
	if _, err := s.keyed(ctx, "after-a-jump"); err != nil {
		return fmt.Errorf("a new key: %w", err)
	}
	given, err := s.caller.send(ctx, known)
	if replayed := given.header.Get("Idempotency-Replayed") == "true"; err != nil || given.status != http.StatusCreated || replayed != kept {
		return fmt.Errorf("an old key: %d (replayed: %v, want %v) %v", given.status, replayed, kept, err)
	}
	reset, err := strconv.Atoi(given.header.Get("RateLimit-Reset"))
	if err != nil || reset < 1 || reset > 60 {
		return fmt.Errorf("RateLimit-Reset: %q; want 1 to 60", given.header.Get("RateLimit-Reset"))
	}
	if next := nextPage.FindStringSubmatch(page.header.Get("Link")); next != nil {
		_, err = s.caller.get(ctx, "character", next[1])
	}
	return err
}
