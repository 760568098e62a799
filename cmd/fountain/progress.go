// Progress of long commands: a bar on a terminal, nothing in a pipe.
package main

import (
	"io"
	"os"

	"github.com/mattn/go-isatty"
	"github.com/schollz/progressbar/v3"
)

type progress struct{ bar *progressbar.ProgressBar }

func newProgress(w io.Writer, what string) *progress {
	file, ok := w.(*os.File)
	visible := ok && isatty.IsTerminal(file.Fd())
	return &progress{progressbar.NewOptions(1,
		progressbar.OptionSetWriter(w), progressbar.OptionSetVisibility(visible),
		progressbar.OptionSetDescription(what), progressbar.OptionShowCount(), progressbar.OptionClearOnFinish())}
}

// expect sets how many units of work there are in all.
func (p *progress) expect(total int) { p.bar.ChangeMax(max(total, 1)) }

// The bar is an ornament: that it cannot be drawn must not stop the work.
func (p *progress) add(n int) { _ = p.bar.Add(n) }
func (p *progress) finish()   { _ = p.bar.Finish() }
