// Package progress tells a person how far long work is: on a terminal in one line that counts the seconds, elsewhere in a
// new line now and then.
package progress

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

// Reporter writes what is going on, each line after the name of who does it.
type Reporter struct {
	out      io.Writer
	name     string
	terminal bool
	every    time.Duration
}

// New returns a Reporter that writes to out. Only a file that is a terminal is written to as one.
func New(out io.Writer, name string) *Reporter {
	file, ok := out.(*os.File)
	if ok && isatty.IsTerminal(file.Fd()) {
		return &Reporter{out, name, true, time.Second}
	}
	return &Reporter{out, name, false, 15 * time.Second}
}

// Line writes a line of its own.
func (r *Reporter) Line(text string) {
	_, _ = fmt.Fprintln(r.out, r.name+": "+text)
}

// Begin says what starts and keeps on saying it until the returned function is called with the outcome.
func (r *Reporter) Begin(what string) func(error) {
	start := time.Now()
	elapsed := func() time.Duration { return time.Since(start).Round(time.Second) }
	stop, stopped := make(chan struct{}), make(chan struct{})
	r.tick(what)
	go func() {
		defer close(stopped)
		ticker := time.NewTicker(r.every)
		defer ticker.Stop()
		for {
			select {
			case <-ticker.C:
				r.tick(fmt.Sprintf("%s, %s so far", what, elapsed()))
			case <-stop:
				return
			}
		}
	}()
	return func(err error) {
		close(stop)
		<-stopped
		outcome := "done in"
		if err != nil {
			outcome = "failed after"
		}
		r.tick(fmt.Sprintf("%s: %s %s", what, outcome, elapsed()))
		if r.terminal {
			_, _ = fmt.Fprintln(r.out)
		}
	}
}

// Do begins what, runs work and tells the outcome.
func (r *Reporter) Do(what string, work func() error) error {
	done := r.Begin(what)
	err := work()
	done(err)
	return err
}

func (r *Reporter) tick(text string) {
	if r.terminal {
		_, _ = fmt.Fprint(r.out, "\r\x1b[K"+r.name+": "+text)
		return
	}
	r.Line(text)
}
