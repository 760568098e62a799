// Command soak runs the real fountain up for a while, under a mixed load and one
// fault after the other, and holds it to what the README promises: what was
// acknowledged is there, what was refused is not, and nothing grows for ever.
//
//	make soak             a few minutes
//	make soak SOAK=1h     the same, as often as fits into an hour
//
// It needs root on Linux for a small disk of its own (a file behind a loop
// device) that it can fill, slow down and freeze. Where that cannot be had it
// fails, unless FOUNTAIN_SOAK_NO_LOOP=1 says that these faults may be left out.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"syscall"
	"time"
)

// noLoop names the variable that allows a run without a disk of its own.
const noLoop = "FOUNTAIN_SOAK_NO_LOOP"

type options struct {
	// binary is the fountain command under test.
	binary string
	// duration is how long load is made, without what is built and looked
	// through before, between and after.
	duration time.Duration
	clients  int
	// idle is how many idle connections are wanted; 0: 20,000, and 100,000 if
	// the run takes ten minutes or more.
	idle int
	// diskMiB is the size of the disk.
	diskMiB int
	seed    uint64
	// only is the name of the one phase to run; "": all.
	only string
	json bool
	// keep leaves the log of the program and its databases behind.
	keep string
}

func main() {
	var o options
	flag.StringVar(&o.binary, "binary", "bin/fountain", "the fountain command to test")
	flag.DurationVar(&o.duration, "duration", 3*time.Minute, "how long load is made, at least 1m")
	flag.IntVar(&o.clients, "clients", 16, "clients that write and read at once")
	flag.IntVar(&o.idle, "idle", 0, "idle connections, as far as the machine allows (0: 20000, and 100000 from 10m on)")
	flag.IntVar(&o.diskMiB, "disk", 1024, "size of the disk in MiB")
	flag.Uint64Var(&o.seed, "seed", uint64(time.Now().UnixNano()), "what the load is drawn from")
	flag.StringVar(&o.only, "only", "", "run this phase alone, after the first")
	flag.BoolVar(&o.json, "json", false, "print the result as JSON on standard output; progress goes to standard error")
	flag.StringVar(&o.keep, "keep", "", "folder for the log of the program and, after a failure, its databases")
	flag.Parse()
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := run(ctx, o); err != nil {
		fmt.Fprintln(os.Stderr, "soak:", err)
		os.Exit(1)
	}
}

// run makes everything, soaks, and takes everything down again, also when ctx
// ends. It returns an error if the program has not kept a promise.
func run(ctx context.Context, o options) (err error) {
	switch {
	case flag.NArg() > 0:
		return fmt.Errorf("unknown argument %q; see -help", flag.Arg(0))
	case o.duration < time.Minute:
		return fmt.Errorf("-duration %s: want at least 1m, for every fault takes its time", o.duration)
	case o.clients < 1 || o.diskMiB < 256:
		return errors.New("want at least one of -clients and 256 MiB of -disk")
	}
	s, err := newSoak(ctx, o)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.close()) }()
	s.soak(ctx)
	s.report.Interrupted = ctx.Err() != nil
	if err := s.report.print(os.Stdout, o.json); err != nil {
		return err
	}
	if ctx.Err() != nil {
		return fmt.Errorf("interrupted; what was seen until then is above: %w", context.Cause(ctx))
	}
	if count := len(s.report.Failures); count > 0 {
		return fmt.Errorf("%d promises were not kept (seed %d)", count, o.seed)
	}
	return nil
}
