// What group commit brings, and what HTTP costs.
package main

import (
	"context"
	"fmt"
	"os/exec"
	"strconv"
)

// measureDriver writes the same row with the bare driver, a transaction each,
// with the services' writer, and through a service.
func (b *bench) measureDriver(ctx context.Context) ([]section, error) {
	group := section{
		Name: "group", Title: "Group commit beside one transaction a write", Axis: "times as many durable writes a second as the bare driver", Logarithmic: true,
		Text: "The row of POST /characters, without HTTP: modernc.org/sqlite with synchronous=FULL and a transaction for each row, and the same through the writer of internal/storage.",
	}
	http := section{
		Name: "http", Title: "What HTTP costs", Axis: "writes a second through the service, of those in the process",
		Text: "POST /characters on the service beside the same write through internal/storage in the load generator's own process.",
	}
	for _, count := range []int{many, 1} {
		service, err := b.startService(ctx, "character", "file:"+b.file(fmt.Sprintf("driver-%d.db", count)))
		if err != nil {
			return nil, err
		}
		taken, err := b.inTurns(ctx, fmt.Sprintf("bare driver, %d at once", count),
			b.driver("alone", count), b.driver("grouped", count), b.under(service, requests{scenario: "characters", connections: count}))
		service.stop()
		if err != nil {
			return nil, err
		}
		alone, grouped, served := taken[0], taken[1], taken[2]
		group.Comparisons = append(group.Comparisons,
			compare(fmt.Sprintf("%d at once", count), "writes/s", each(grouped, perSecond), "a transaction each", each(alone, perSecond), nil))
		http.Comparisons = append(http.Comparisons,
			compare(fmt.Sprintf("%d at once", count), "writes/s", each(served, perSecond), "without HTTP", each(grouped, perSecond), nil))
	}
	return []section{group, http}, nil
}

func (b *bench) driver(mode string, clients int) subject {
	return subject{"driver, " + mode, func(ctx context.Context) (measurement, error) {
		output, err := exec.CommandContext(ctx, "bin/bench-driver", "-mode", mode, "-clients", strconv.Itoa(clients),
			"-seconds", strconv.Itoa(b.seconds), "-database", b.file(fmt.Sprintf("driver-%s-%d.db", mode, clients))).Output()
		if err != nil {
			return measurement{}, err
		}
		return parseMeasurement(output)
	}}
}
