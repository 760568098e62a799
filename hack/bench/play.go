// Importing a whole play.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
)

// measurePlay imports a play into a fresh stack, beside what FastAPI would take
// to write as many rows.
func (b *bench) measurePlay(ctx context.Context) ([]section, error) {
	play := b.play
	if _, err := os.Stat(play); errors.Is(err, fs.ErrNotExist) {
		play = "samples/the-lighthouse-keeper.fountain"
		note("%s is not there; %s is imported instead (see -play)", b.play, play)
	}
	fastAPI, err := startFastAPI(ctx, b.file("play-fastapi.db"))
	if err != nil {
		return nil, err
	}
	defer fastAPI.stop()
	var ours, theirs []float64
	rows := 0
	for round := range b.rounds {
		note("importing a play, round %d of %d", round+1, b.rounds)
		m, err := b.load(ctx, fastAPI, requests{scenario: "characters", connections: many}, b.seconds)
		if err != nil {
			return nil, err
		}
		seconds, created, err := importPlay(ctx, play, b.file(fmt.Sprintf("import-%d", round)))
		if err != nil {
			return nil, err
		}
		rows = created
		ours, theirs = append(ours, seconds), append(theirs, float64(created)/m.perSecond)
	}
	what := fmt.Sprintf("%s: %d rows", filepath.Base(play), rows)
	return []section{{
		Name: "play", Title: "Importing a whole play", Axis: "times faster than the same rows, one by one, on FastAPI",
		Text:        "`fountain import` through the gateway of `fountain up` into all five services, all of it durable, beside the time in which FastAPI would take as many POST /characters with 64 connections, at the rate of the same round.",
		Comparisons: []comparison{compareSpeed(what, ours, "FastAPI", theirs, figureAtMost(2, "s"))},
	}}, nil
}

// importPlay returns how many seconds the command took, and how many rows it
// says it has made.
func importPlay(ctx context.Context, play, data string) (seconds float64, created int, err error) {
	s, err := startUp(ctx, data, "")
	if err != nil {
		return 0, 0, err
	}
	defer s.stop()
	output, err := exec.CommandContext(ctx, "bin/fountain", "import", play, "--json",
		"--url", "http://localhost"+s.address[len("127.0.0.1"):], "--data", data).Output()
	if err != nil {
		return 0, 0, fmt.Errorf("fountain import: %w", err)
	}
	var said struct {
		Counts  []struct{ Created int }
		Seconds float64
	}
	if err := json.Unmarshal(output, &said); err != nil {
		return 0, 0, fmt.Errorf("fountain import: %w", err)
	}
	for _, count := range said.Counts {
		created += count.Created
	}
	return said.Seconds, created, nil
}

// compareSpeed makes a comparison of times whose ratio is theirs over ours.
func compareSpeed(what string, ours []float64, beside string, theirs []float64, a *aim) comparison {
	c := compare(what, "s", ours, beside, theirs, a)
	c.Ratio = ratioOf(theirs, ours)
	return c
}
