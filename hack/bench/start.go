// Start-up time and memory.
package main

import (
	"context"
	"time"
)

// settle is how long a process that has just started, or was just under load, is
// left in peace before its memory is read.
const settle = 300 * time.Millisecond

var serviceNames = []string{"centralsequence", "character", "scriptmanagement", "sessioncontext", "storyfactory"}

// footprint is what starting something came to, round by round.
type footprint struct{ milliseconds, idle, loaded []float64 }

// measureStart starts each service several times on its own database, and so
// FastAPI.
func (b *bench) measureStart(ctx context.Context) ([]section, error) {
	names := append([]string{"FastAPI", "fountain up"}, serviceNames...)
	taken := map[string]*footprint{}
	for _, name := range names {
		taken[name] = &footprint{}
	}
	for round := range b.rounds {
		note("starting everything, round %d of %d", round+1, b.rounds)
		for _, name := range names {
			if err := b.startOnce(ctx, name, taken[name]); err != nil {
				return nil, err
			}
		}
	}
	start := section{
		Name: "start", Title: "Start-up", Axis: "time from process start to the first answer, of FastAPI's",
		Text: "On a database that exists. `fountain up` is all five services, the gateway and the web page.",
	}
	memory := section{
		Name: "memory", Title: "Memory", Axis: "resident memory, of FastAPI's",
		Text: "Idle after the start; under load after a burst of POST /characters with 64 connections.",
	}
	theirs := taken["FastAPI"]
	for _, name := range names[1:] {
		f := taken[name]
		startAim, memoryAim := figureAtMost(50, "ms"), figureAtMost(40, "MiB")
		if name == "fountain up" {
			startAim, memoryAim = nil, nil
		}
		start.Comparisons = append(start.Comparisons, compare(name, "ms", f.milliseconds, "FastAPI", theirs.milliseconds, startAim))
		memory.Comparisons = append(memory.Comparisons, compare(name+", idle", "MiB", f.idle, "FastAPI", theirs.idle, memoryAim))
		if len(f.loaded) > 0 {
			memory.Comparisons = append(memory.Comparisons, compare(name+", after load", "MiB", f.loaded, "FastAPI", theirs.loaded, nil))
		}
	}
	return []section{start, memory}, nil
}

// startOnce starts something and stops it again.
func (b *bench) startOnce(ctx context.Context, name string, f *footprint) error {
	s, err := b.startNamed(ctx, name)
	if err != nil {
		return err
	}
	defer s.stop()
	f.milliseconds = append(f.milliseconds, float64(s.started.Microseconds())/1e3)
	time.Sleep(settle)
	idle, err := s.memory()
	f.idle = append(f.idle, idle)
	if err != nil || name != "character" && name != "FastAPI" {
		return err
	}
	if _, err := b.load(ctx, s, requests{scenario: "characters", connections: many}, 1); err != nil {
		return err
	}
	time.Sleep(settle)
	loaded, err := s.memory()
	f.loaded = append(f.loaded, loaded)
	return err
}

func (b *bench) startNamed(ctx context.Context, name string) (*server, error) {
	switch name {
	case "FastAPI":
		return startFastAPI(ctx, b.file("start-fastapi.db"))
	case "fountain up":
		return startUp(ctx, b.file("start-up"), "")
	}
	return b.startService(ctx, name, "file:"+b.file("start-"+name+".db"))
}
