// What a replica costs the writes that it copies.
package main

import (
	"context"
	"os"
)

// measureReplica writes to a service whose database is copied all the time, and to
// one without.
func (b *bench) measureReplica(ctx context.Context) ([]section, error) {
	alone, err := b.startService(ctx, "character", "file:"+b.file("alone.db"))
	if err != nil {
		return nil, err
	}
	defer alone.stop()
	folder := b.file("replica")
	if err := os.Mkdir(folder, 0o700); err != nil {
		return nil, err
	}
	copied, err := b.startService(ctx, "character", "file:"+b.file("copied.db"), "FOUNTAIN_REPLICA_URL=file://"+folder)
	if err != nil {
		return nil, err
	}
	defer copied.stop()
	writes := section{
		Name: "replica", Title: "What a replica costs", Axis: "requests a second with a replica, of those without",
		Text: "Writes do not wait for the replica, but it takes processors and disk. Here it is a folder on the same disk, and its work is done by the processors that service and load generator share.",
	}
	for _, connections := range []int{many, 1} {
		asked := requests{scenario: "characters", connections: connections}
		what := "POST /characters, " + clients(connections)
		taken, err := b.inTurns(ctx, "replica: "+what, b.under(copied, asked), b.under(alone, asked))
		if err != nil {
			return nil, err
		}
		writes.Comparisons = append(writes.Comparisons,
			compare(what, "requests/s", each(taken[0], perSecond), "no replica", each(taken[1], perSecond), nil))
	}
	return []section{writes}, nil
}
