// Load: wrk against each server in turns.
package main

import (
	"bytes"
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
)

// measurement is what one run of wrk saw.
type measurement struct {
	perSecond float64
	// median and p99 are latencies in milliseconds.
	median, p99 float64
}

func load(ctx context.Context, o options, s *server, scenario string, round int) (measurement, error) {
	command := exec.CommandContext(ctx, "wrk", "-t", "2", "-c", strconv.Itoa(o.connections), "-d", strconv.Itoa(o.seconds)+"s",
		"--timeout", "30s", "-s", "hack/bench/load.lua", "http://"+s.address)
	command.Env = append(os.Environ(), "BENCH_SCENARIO="+scenario, "BENCH_ROUND="+strconv.Itoa(round))
	output, err := command.Output()
	if err != nil {
		return measurement{}, fmt.Errorf("wrk: %w", err)
	}
	_, line, found := bytes.Cut(output, []byte("BENCH "))
	fields := strings.Fields(string(line))
	if !found || len(fields) < 5 {
		return measurement{}, fmt.Errorf("wrk printed no figures: %s", output)
	}
	var n [5]float64
	for i := range n {
		if n[i], err = strconv.ParseFloat(fields[i], 64); err != nil {
			return measurement{}, err
		}
	}
	if n[4] > 0 {
		return measurement{}, fmt.Errorf("%s, %s: %.0f of %.0f requests failed", s.name, scenario, n[4], n[0])
	}
	return measurement{perSecond: n[0] / (n[1] / 1e6), median: n[2] / 1e3, p99: n[3] / 1e3}, nil
}

// loadComparisons drives each operation on the service, on FastAPI and on the
// empty handler.
func loadComparisons(ctx context.Context, o options, work string) ([]comparison, error) {
	var results []comparison
	for _, scenario := range []struct{ name, service, what string }{
		{"sequence", "centralsequence", "POST /sequence"},
		{"characters", "character", "POST /characters"},
		{"page", "character", "GET /characters?limit=100"},
	} {
		some, err := compareLoad(ctx, o, work, scenario.name, scenario.service, scenario.what)
		if err != nil {
			return nil, err
		}
		results = append(results, some...)
	}
	return results, nil
}

func compareLoad(ctx context.Context, o options, work, scenario, service, what string) ([]comparison, error) {
	ours, err := startService(ctx, service, filepath.Join(work, scenario+".db"))
	if err != nil {
		return nil, err
	}
	defer ours.stop()
	fastAPI, err := startFastAPI(ctx, filepath.Join(work, scenario+"-fastapi.db"))
	if err != nil {
		return nil, err
	}
	defer fastAPI.stop()
	empty, err := startEmpty(ctx)
	if err != nil {
		return nil, err
	}
	defer empty.stop()
	if scenario == "page" {
		for _, s := range []*server{ours, fastAPI} {
			if err := fill(ctx, s.address, 100, 1); err != nil {
				return nil, err
			}
		}
	}
	taken := map[*server][]measurement{}
	for round := range o.rounds {
		note("%s, round %d of %d", what, round+1, o.rounds)
		for _, s := range []*server{ours, fastAPI, empty} {
			m, err := load(ctx, o, s, scenario, round)
			if err != nil {
				return nil, err
			}
			taken[s] = append(taken[s], m)
		}
	}
	return describe(o, scenario, what, taken[ours], taken[fastAPI], taken[empty]), nil
}

func describe(o options, scenario, what string, ours, fastAPI, empty []measurement) []comparison {
	rate := func(m measurement) float64 { return m.perSecond }
	what = fmt.Sprintf("%s, %d connections", what, o.connections)
	aim, other := "≥ 50", "≥ 0.5"
	if scenario == "page" {
		aim, other = "≥ 30", ""
	}
	beside := func(name string, theirs []measurement, aim string) comparison {
		their, ratio := spreadOf(each(theirs, rate)), ratioOf(each(ours, rate), each(theirs, rate))
		return comparison{What: what, Unit: "requests/s", Ours: spreadOf(each(ours, rate)), Other: name, OtherRate: &their, Ratio: &ratio, Aim: aim}
	}
	return []comparison{
		beside("FastAPI", fastAPI, aim),
		beside("empty handler", empty, other),
		{What: what + ": p99", Unit: "ms", Ours: spreadOf(each(ours, func(m measurement) float64 { return m.p99 }))},
		{What: what + ": p99 over median", Unit: "times", Aim: "≤ 5",
			Ours: spreadOf(each(ours, func(m measurement) float64 { return m.p99 / m.median }))},
	}
}

func each(measurements []measurement, of func(measurement) float64) []float64 {
	values := make([]float64, len(measurements))
	for i, m := range measurements {
		values[i] = of(m)
	}
	return values
}
