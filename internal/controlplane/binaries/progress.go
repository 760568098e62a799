// What a person sees while a program is built: a line that counts the seconds on a terminal, now and then a new line elsewhere.
package binaries

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/mattn/go-isatty"
)

type reporter struct {
	out      io.Writer
	terminal bool
	every    time.Duration
}

func newReporter(out io.Writer) *reporter {
	file, ok := out.(*os.File)
	if ok && isatty.IsTerminal(file.Fd()) {
		return &reporter{out, true, time.Second}
	}
	return &reporter{out, false, 15 * time.Second}
}

func (r *reporter) line(text string) {
	_, _ = fmt.Fprintln(r.out, "controlplane: "+text)
}

// begin says what starts and keeps on saying it until the returned function is called with the outcome.
func (r *reporter) begin(what string) func(error) {
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

func (r *reporter) tick(text string) {
	if r.terminal {
		_, _ = fmt.Fprint(r.out, "\r\x1b[Kcontrolplane: "+text)
		return
	}
	r.line(text)
}
