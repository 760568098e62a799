// A table of a million rows beside one of a hundred.
package main

import (
	"context"
	"errors"

	"github.com/dustin/go-humanize"
	_ "modernc.org/sqlite" // fills FastAPI's table
)

// measureRows reads and writes a small table and a large one, and a large one of
// FastAPI.
func (b *bench) measureRows(ctx context.Context) ([]section, error) {
	small, err := b.startService(ctx, "character", "file:"+b.file("small.db"))
	if err != nil {
		return nil, err
	}
	defer small.stop()
	large, err := b.startService(ctx, "character", "file:"+b.file("large.db"))
	if err != nil {
		return nil, err
	}
	defer large.stop()
	fastAPI, err := startFastAPI(ctx, b.file("large-fastapi.db"))
	if err != nil {
		return nil, err
	}
	defer fastAPI.stop()
	note("filling two tables with %s rows", humanize.Comma(int64(b.options.rows)))
	if err := errors.Join(fill(ctx, small.address, 100, 100), fill(ctx, large.address, b.options.rows, 1000),
		fillFastAPI(ctx, b.file("large-fastapi.db"), b.options.rows)); err != nil {
		return nil, err
	}
	large.name, small.name = humanize.Comma(int64(b.options.rows))+" rows", "100 rows"
	return b.compareRows(ctx, small, large, fastAPI)
}

func (b *bench) compareRows(ctx context.Context, small, large, fastAPI *server) ([]section, error) {
	rows := section{
		Name: "rows", Title: "A million rows beside a hundred", Axis: "requests a second on the large table, of those on the small one",
		Text: "The cost of a request must not grow with the table. Pages come first, since the writes make the small table larger.",
	}
	stack := section{
		Name: "rows-fastapi", Title: "A million rows, beside the FastAPI stack", Axis: "times as many requests a second as FastAPI", Logarithmic: true,
		Text: "Both tables have a million rows.",
	}
	for _, o := range []operation{
		{scenario: "page", what: "GET a page of 100", empty: atLeast(0.83), fastAPI: atLeast(30)},
		{scenario: "characters", what: "POST /characters", empty: atLeast(0.83), fastAPI: atLeast(50)},
	} {
		asked := requests{scenario: o.scenario, connections: many}
		taken, err := b.inTurns(ctx, large.name+": "+o.what, b.under(large, asked), b.under(small, asked), b.under(fastAPI, asked))
		if err != nil {
			return nil, err
		}
		what := o.what + ", " + clients(many)
		rows.Comparisons = append(rows.Comparisons,
			compare(what, "requests/s", each(taken[0], perSecond), small.name, each(taken[1], perSecond), o.empty))
		stack.Comparisons = append(stack.Comparisons,
			compare(what, "requests/s", each(taken[0], perSecond), "FastAPI", each(taken[2], perSecond), o.fastAPI))
	}
	return []section{rows, stack}, nil
}
