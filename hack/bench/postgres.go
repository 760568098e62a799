// One replica and three on a PostgreSQL server, beside SQLite.
package main

import (
	"context"
	"fmt"

	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// replicas is how many processes share the load of the larger stack.
const replicas = 3

// measurePostgres asks through the gateway, which shares the requests out.
func (b *bench) measurePostgres(ctx context.Context) ([]section, error) {
	if _, err := postgrestest.Available(); err != nil {
		note("left out: %v", err)
		return nil, nil
	}
	database, remove, err := postgrestest.Durable()
	if err != nil {
		return nil, err
	}
	defer remove()
	file, stopFile, err := b.behindGateway(ctx, "sqlite", 1, "file:"+b.file("sqlite.db"))
	if err != nil {
		return nil, err
	}
	defer stopFile()
	single, stopSingle, err := b.behindGateway(ctx, "single", 1, database.Schema("single"))
	if err != nil {
		return nil, err
	}
	defer stopSingle()
	several, stopSeveral, err := b.behindGateway(ctx, "several", replicas, database.Schema("several"))
	if err != nil {
		return nil, err
	}
	defer stopSeveral()
	return b.comparePostgres(ctx, file, single, several)
}

func (b *bench) comparePostgres(ctx context.Context, file, single, several *server) ([]section, error) {
	engine := section{
		Name: "postgres", Title: "PostgreSQL beside SQLite", Axis: "requests a second on PostgreSQL, of those on SQLite",
		Text: "One process of the service on a PostgreSQL server of this machine (fsync on), beside one on a SQLite file; both behind the embedded gateway.",
	}
	shared := section{
		Name: "replicas", Title: "Three replicas beside one", Axis: "requests a second of three replicas, of those of one",
		Text: "Replicas share one PostgreSQL server. Here they share its processors, too, with the gateway and the load generator: what they bring on machines of their own does not show.",
	}
	for _, o := range []struct {
		scenario, what string
		connections    int
	}{
		{"characters", "POST /characters", many}, {"characters", "POST /characters", 1}, {"page", "GET a page of 100", many},
	} {
		asked := requests{scenario: o.scenario, connections: o.connections, host: gatewayHost, key: gatewayKey}
		what := o.what + ", " + clients(o.connections)
		taken, err := b.inTurns(ctx, "PostgreSQL: "+what, b.under(file, asked), b.under(single, asked), b.under(several, asked))
		if err != nil {
			return nil, err
		}
		rates := [][]float64{each(taken[0], perSecond), each(taken[1], perSecond), each(taken[2], perSecond)}
		engine.Comparisons = append(engine.Comparisons, compare(what, "requests/s", rates[1], "SQLite", rates[0], nil))
		shared.Comparisons = append(shared.Comparisons, compare(what, "requests/s", rates[2], "one replica", rates[1], nil))
	}
	return []section{engine, shared}, nil
}

// behindGateway starts count processes of the character service on one database,
// and the gateway before them. stop ends all of it.
func (b *bench) behindGateway(ctx context.Context, name string, count int, database string) (gateway *server, stop func(), err error) {
	var started []*server
	stop = func() {
		for i := len(started) - 1; i >= 0; i-- {
			started[i].stop()
		}
	}
	for range count {
		service, err := b.startService(ctx, "character", database)
		if err != nil {
			stop()
			return nil, nil, fmt.Errorf("on %s: %w", name, err)
		}
		started = append(started, service)
	}
	config, err := b.gatewayConfig(name+".yml", started...)
	if err == nil {
		gateway, err = b.startGateway(ctx, config)
	}
	if err == nil {
		gateway.name, started = name, append(started, gateway)
		err = fill(ctx, started[0].address, 100, 100)
	}
	if err != nil {
		stop()
		return nil, nil, err
	}
	return gateway, stop, nil
}
