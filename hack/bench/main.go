// Command bench measures the services under load: beside the stack that
// FountainAI was first described with, beside an empty handler, beside the bare
// database driver, with and without the gateway, with a replica, on PostgreSQL.
// Everything runs on loopback, in turns, so that a machine whose speed drifts does
// not favour one of them; compare the ratios, not the figures.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"time"
)

// options are the flags.
type options struct {
	rounds  int
	seconds int
	rows    int
	play    string
	only    string
	out     string
	from    string
	profile string
	json    bool
}

func main() {
	var o options
	flag.IntVar(&o.rounds, "rounds", 5, "measured rounds of each section")
	flag.IntVar(&o.seconds, "seconds", 3, "seconds of load a round")
	flag.IntVar(&o.rows, "rows", 1_000_000, "rows of the large table")
	flag.StringVar(&o.play, "play", "../shared/data/much-ado-about-nothing.fountain", "screenplay to import; the one in samples/ if absent")
	flag.StringVar(&o.only, "only", "", "regular expression: measure only the sections whose names match, and write no files")
	flag.StringVar(&o.out, "out", "docs/bench", "folder for README.md, results.json and the plots; none if empty")
	flag.StringVar(&o.from, "from", "", "read results.json of an earlier run instead of measuring")
	flag.StringVar(&o.profile, "profile", "", "folder for CPU profiles of the services and the gateway, which slow them a little; writes no other files")
	flag.BoolVar(&o.json, "json", false, "print JSON and no table")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, o options) error {
	if o.rounds < 1 || o.seconds < 1 || o.rows < 100 {
		return errors.New("want at least -rounds 1, -seconds 1 and -rows 100")
	}
	r, err := results(ctx, o)
	if err != nil {
		return err
	}
	if o.json {
		err = json.NewEncoder(os.Stdout).Encode(r)
	} else {
		r.print(os.Stdout)
	}
	if o.only != "" || o.profile != "" || o.out == "" {
		return err
	}
	return errors.Join(err, r.write(o.out))
}

func results(ctx context.Context, o options) (*report, error) {
	if o.from != "" {
		return readReport(o.from)
	}
	only, err := regexp.Compile(o.only)
	if err != nil {
		return nil, fmt.Errorf("-only: %w", err)
	}
	work, err := os.MkdirTemp("", "fountain-bench-")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(work)
	if o.profile != "" {
		if err := os.MkdirAll(o.profile, 0o755); err != nil {
			return nil, err
		}
	}
	b := &bench{options: o, work: work}
	began := time.Now()
	r := &report{Machine: describeMachine(), Rounds: o.rounds, Seconds: o.seconds}
	for _, part := range parts {
		if !only.MatchString(part.name) {
			continue
		}
		note("%s", part.name)
		sections, err := part.measure(b, ctx)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", part.name, err)
		}
		r.Sections = append(r.Sections, sections...)
	}
	r.Minutes = time.Since(began).Minutes()
	return r, nil
}

// bench is one run.
type bench struct {
	options
	// work is a folder for databases, removed at the end.
	work string
	// runs counts the runs of the load generator.
	runs int
}

// parts are what a run consists of, in the order of docs/bench.
var parts = []struct {
	name    string
	measure func(*bench, context.Context) ([]section, error)
}{
	{"stack", (*bench).measureStack},
	{"driver", (*bench).measureDriver},
	{"rows", (*bench).measureRows},
	{"gateway", (*bench).measureGateway},
	{"replica", (*bench).measureReplica},
	{"postgres", (*bench).measurePostgres},
	{"play", (*bench).measurePlay},
	{"start", (*bench).measureStart},
	{"size", (*bench).measureSize},
}

// file returns the path of a new file in the working folder.
func (b *bench) file(name string) string { return filepath.Join(b.work, name) }

// note shows progress on standard error.
func note(format string, arguments ...any) {
	fmt.Fprintf(os.Stderr, time.Now().Format("15:04:05 ")+format+"\n", arguments...)
}
