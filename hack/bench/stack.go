// The services beside the stack that FountainAI was first described with, and
// beside a handler that does nothing.
package main

import (
	"context"
	"fmt"
)

// measureStack drives each operation on the service, on FastAPI and on the
// empty handler, with one and with many connections.
func (b *bench) measureStack(ctx context.Context) ([]section, error) {
	fastAPI := section{
		Name: "fastapi", Title: "Beside the FastAPI stack", Axis: "times as many requests a second as FastAPI", Logarithmic: true,
		Text: "The same operations on FastAPI, SQLAlchemy and one SQLite file, with their defaults: the stack that FountainAI was first described with (hack/bench/fastapi).",
	}
	empty := section{
		Name: "empty", Title: "Beside an empty handler", Axis: "requests a second, of those of the empty handler",
		Text: "A gorilla/mux handler that answers a constant (hack/bench/empty) does what is left when all work is taken away: no checks, no database, no disk.",
	}
	latency := section{
		Name: "latency", Title: "The slowest one in a hundred", Axis: "p99 over the median, at 64 connections",
		Text: "How much longer the slowest 1 % of the requests take than the one in the middle.",
	}
	computed := section{
		Name: "processor", Title: "Processor time a request", Axis: "processor time, of that of the empty handler, at 64 connections",
		Text: "What a request costs the service in processor time, whatever else the machine does; and what it costs FastAPI.", Logarithmic: true,
	}
	for _, operation := range operations {
		for _, connections := range []int{many, 1} {
			what := operation.what + ", " + clients(connections)
			taken, err := b.besideFastAPI(ctx, operation, connections, what)
			if err != nil {
				return nil, err
			}
			ours, theirs, nothing := taken[0], taken[1], taken[2]
			fastAPIAim, emptyAim := operation.fastAPI, operation.empty
			if connections != many {
				fastAPIAim, emptyAim = nil, nil
			}
			fastAPI.Comparisons = append(fastAPI.Comparisons,
				compare(what, "requests/s", each(ours, perSecond), "FastAPI", each(theirs, perSecond), fastAPIAim))
			empty.Comparisons = append(empty.Comparisons,
				compare(what, "requests/s", each(ours, perSecond), "empty handler", each(nothing, perSecond), emptyAim))
			if connections == many {
				latency.Comparisons = append(latency.Comparisons,
					compare(operation.what, "ms", each(ours, p99), "median", each(ours, median), atMost(5)))
				computed.Comparisons = append(computed.Comparisons,
					compare(operation.what, "µs", each(ours, processor), "empty handler", each(nothing, processor), nil),
					compare(operation.what+", FastAPI", "µs", each(theirs, processor), "empty handler", each(nothing, processor), nil))
			}
		}
	}
	return []section{fastAPI, empty, latency, computed}, nil
}

type operation struct {
	scenario, service, what string
	fastAPI, empty          *aim
}

var operations = []operation{
	{"sequence", "centralsequence", "POST /sequence", atLeast(50), atLeast(0.5)},
	{"characters", "character", "POST /characters", atLeast(50), atLeast(0.5)},
	{"page", "character", "GET a page of 100", atLeast(30), nil},
}

func (b *bench) besideFastAPI(ctx context.Context, o operation, connections int, what string) ([][]measurement, error) {
	name := fmt.Sprintf("%s-%d", o.scenario, connections)
	ours, err := b.startService(ctx, o.service, "file:"+b.file(name+".db"))
	if err != nil {
		return nil, err
	}
	defer ours.stop()
	fastAPI, err := startFastAPI(ctx, b.file(name+"-fastapi.db"))
	if err != nil {
		return nil, err
	}
	defer fastAPI.stop()
	empty, err := startEmpty(ctx)
	if err != nil {
		return nil, err
	}
	defer empty.stop()
	if o.scenario == "page" {
		for _, s := range []*server{ours, fastAPI} {
			if err := fill(ctx, s.address, 100, 1); err != nil {
				return nil, err
			}
		}
	}
	asked := requests{scenario: o.scenario, connections: connections}
	return b.inTurns(ctx, what, b.under(ours, asked), b.under(fastAPI, asked), b.under(empty, asked))
}
