// Load: wrk against each server in turns.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
)

// many is how many clients ask at once, where it is not one.
const many = 64

// measurement is what one run of a load generator saw.
type measurement struct {
	requests, perSecond float64
	// median and p99 are latencies in milliseconds.
	median, p99 float64
	// processor is the time that the server computed for a request, in
	// microseconds.
	processor float64
}

// subject is something that is measured: a server with what wrk asks of it, or a
// command that puts itself under load.
type subject struct {
	name string
	run  func(ctx context.Context) (measurement, error)
}

// requests is what wrk asks for; load.lua knows the scenarios.
type requests struct {
	scenario    string
	connections int
	// host and key are for a gateway.
	host, key string
}

// under returns a subject: s under load.
func (b *bench) under(s *server, r requests) subject {
	return subject{s.name, func(ctx context.Context) (measurement, error) {
		m, err := b.load(ctx, s, r, b.seconds)
		if errors.Is(err, errNone) {
			// FastAPI's threads may all wait for the file that long.
			m, err = b.load(ctx, s, r, 4*b.seconds)
		}
		return m, err
	}}
}

// inTurns measures each subject once a round, first the one, then the other
// first, and returns what each came to, round by round.
func (b *bench) inTurns(ctx context.Context, what string, subjects ...subject) ([][]measurement, error) {
	taken := make([][]measurement, len(subjects))
	for round := range b.rounds {
		note("%s, round %d of %d", what, round+1, b.rounds)
		for turn := range subjects {
			i := (turn + round) % len(subjects)
			m, err := subjects[i].run(ctx)
			if err != nil {
				return nil, fmt.Errorf("%s, %s: %w", what, subjects[i].name, err)
			}
			taken[i] = append(taken[i], m)
		}
	}
	return taken, nil
}

func (b *bench) load(ctx context.Context, s *server, r requests, seconds int) (measurement, error) {
	b.runs++
	command := exec.CommandContext(ctx, "wrk", "-t", strconv.Itoa(min(2, r.connections)), "-c", strconv.Itoa(r.connections),
		"-d", strconv.Itoa(seconds)+"s", "--timeout", "30s", "-s", "hack/bench/load.lua", "http://"+s.address)
	command.Env = append(os.Environ(), "BENCH_SCENARIO="+r.scenario, "BENCH_RUN="+strconv.Itoa(b.runs), "BENCH_HOST="+r.host, "BENCH_KEY="+r.key)
	before, err := s.processorTime()
	if err != nil {
		return measurement{}, err
	}
	output, err := command.Output()
	if err != nil {
		return measurement{}, fmt.Errorf("wrk: %w", err)
	}
	after, err := s.processorTime()
	if err != nil {
		return measurement{}, err
	}
	m, err := parseMeasurement(output)
	m.processor = (after - before).Seconds() * 1e6 / m.requests
	return m, err
}

// errNone says that nothing was answered, neither well nor badly.
var errNone = errors.New("no request was answered in time")

// parseMeasurement reads the line that load.lua and the driver print: BENCH,
// then requests, microseconds, median and p99 in microseconds, and failures.
func parseMeasurement(output []byte) (measurement, error) {
	_, line, found := bytes.Cut(output, []byte("BENCH "))
	fields := strings.Fields(string(line))
	if !found || len(fields) < 5 {
		return measurement{}, fmt.Errorf("no figures in %q", output)
	}
	var n [5]float64
	for i := range n {
		var err error
		if n[i], err = strconv.ParseFloat(fields[i], 64); err != nil {
			return measurement{}, err
		}
	}
	if n[0] == 0 {
		return measurement{}, errNone
	}
	if n[4] > 0 {
		return measurement{}, fmt.Errorf("%.0f of %.0f requests failed", n[4], n[0])
	}
	return measurement{requests: n[0], perSecond: n[0] / (n[1] / 1e6), median: n[2] / 1e3, p99: n[3] / 1e3}, nil
}

func perSecond(m measurement) float64 { return m.perSecond }
func median(m measurement) float64    { return m.median }
func p99(m measurement) float64       { return m.p99 }
func processor(m measurement) float64 { return m.processor }

func each(measurements []measurement, of func(measurement) float64) []float64 {
	values := make([]float64, len(measurements))
	for i, m := range measurements {
		values[i] = of(m)
	}
	return values
}

// clients says how many there are.
func clients(connections int) string {
	if connections == 1 {
		return "1 connection"
	}
	return strconv.Itoa(connections) + " connections"
}
