// Command bench measures the services under load beside a FastAPI rendition of
// the same operations and beside an empty handler. Everything runs on loopback,
// in turns, so that a machine whose speed drifts does not favour one of them;
// compare the ratios, not the figures.
package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
)

// options are the flags.
type options struct {
	rounds      int
	seconds     int
	connections int
	rows        int
	play        string
	json        bool
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "measured rounds of each scenario")
	flag.IntVar(&o.seconds, "seconds", 4, "seconds a round")
	flag.IntVar(&o.connections, "connections", 64, "connections at once")
	flag.IntVar(&o.rows, "rows", 1_000_000, "rows of the large table; 0 leaves it out")
	flag.StringVar(&o.play, "play", "../shared/data/much-ado-about-nothing.fountain", "screenplay to import; left out if absent")
	flag.BoolVar(&o.json, "json", false, "print JSON")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

// comparison is one line of the result: two things measured in turns.
type comparison struct {
	What      string  `json:"what"`
	Unit      string  `json:"unit"`
	Ours      spread  `json:"ours"`
	Other     string  `json:"other,omitempty"`
	OtherRate *spread `json:"otherRate,omitempty"`
	// Ratio is ours over the other's, round by round.
	Ratio *spread `json:"ratio,omitempty"`
	Aim   string  `json:"aim"`
}

func run(ctx context.Context, o options) error {
	work, err := os.MkdirTemp("", "fountain-bench-")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	var results []comparison
	for _, part := range []func(context.Context, options, string) ([]comparison, error){
		loadComparisons, pageComparison, startComparison, importComparison,
	} {
		some, err := part(ctx, o, work)
		if err != nil {
			return err
		}
		results = append(results, some...)
	}
	if o.json {
		return json.NewEncoder(os.Stdout).Encode(results)
	}
	print(results)
	return nil
}

func print(results []comparison) {
	t := table.NewWriter()
	t.SetOutputMirror(os.Stdout)
	t.SetStyle(table.StyleRounded)
	t.AppendHeader(table.Row{"What", "Ours", "", "Beside", "Theirs", "Ratio", "Aim"})
	for _, r := range results {
		row := table.Row{r.What, r.Ours.String(), r.Unit, r.Other, "", "", r.Aim}
		if r.OtherRate != nil {
			row[4] = r.OtherRate.String()
		}
		if r.Ratio != nil {
			row[5] = r.Ratio.String()
		}
		t.AppendRow(row)
	}
	t.Render()
	fmt.Println("median (least–most) of the rounds; ratios are taken round by round")
}

// note shows progress on standard error.
func note(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", arguments...)
}
