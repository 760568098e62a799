// The results as tables, on the terminal and in docs/bench.
package main

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"

	"github.com/jedib0t/go-pretty/v6/table"
)

func (r *report) print(w io.Writer) {
	for _, s := range r.Sections {
		t := s.table()
		t.SetOutputMirror(w)
		t.SetStyle(table.StyleRounded)
		t.SetTitle("%s: %s", s.Title, s.Axis)
		t.Render()
	}
	fmt.Fprintln(w, "median (least–most) of the rounds; ratios are taken round by round")
}

func (s section) table() table.Writer {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"What", "Ours", "", "Beside", "Theirs", "Ratio", "Aim", ""})
	for _, c := range s.Comparisons {
		t.AppendRow(table.Row{c.What, c.Ours.String(), c.Unit, c.Beside, c.Theirs.String(), c.Ratio.String(), c.Aim.String(), c.verdict()})
	}
	return t
}

// write puts the figures, the tables and the plots into folder.
func (r *report) write(folder string) error {
	if err := os.MkdirAll(folder, 0o755); err != nil {
		return err
	}
	figures, err := json.MarshalIndent(r, "", "  ")
	if err != nil {
		return err
	}
	failures := []error{
		os.WriteFile(filepath.Join(folder, "results.json"), append(figures, '\n'), 0o644),
		os.WriteFile(filepath.Join(folder, "README.md"), r.markdown(), 0o644),
	}
	for _, s := range r.Sections {
		failures = append(failures, s.plot(filepath.Join(folder, s.Name+".png")))
	}
	return errors.Join(failures...)
}

const preface = `<!-- Made by hack/bench; run make bench to make it anew. -->
# How fast is it?

Each figure is a ratio of two things that were measured in turns within one run, with its spread over the rounds: the median (least–most). The bare figures beside it are of this machine on this day; the ratios carry over, more or less. In the plots a bar is the median, the thin line over it the spread, and the dashed red mark the aim: green bars meet it, orange ones do not, blue ones have none. The grey line is at 1, where both sides are equal.

`

func (r *report) markdown() []byte {
	var text bytes.Buffer
	text.WriteString(preface)
	fmt.Fprintf(&text, "Measured on %s with %d processors and %d GiB of memory, which the load generator and the databases shared; %d rounds of %d s for each figure, %.0f minutes in all.",
		r.Machine.System, r.Machine.Processors, r.Machine.MemoryGiB, r.Rounds, r.Seconds, r.Minutes)
	for _, program := range r.Machine.Programs {
		fmt.Fprintf(&text, " %s.", program)
	}
	text.WriteString("\n\n## Again\n\n" + repeat + "\n## The aims\n\n")
	text.WriteString(r.aims())
	for _, s := range r.Sections {
		fmt.Fprintf(&text, "\n\n## %s\n\n%s\n\n![%s](%s.png)\n\n%s", s.Title, s.Text, s.Axis, s.Name, s.table().RenderMarkdown())
	}
	text.WriteString("\n")
	return text.Bytes()
}

const repeat = "```sh\n" + `apt-get install wrk nginx-light uvicorn python3-fastapi python3-sqlalchemy postgresql
make bench                                   # all of it; writes this folder
make bench BENCH='-only gateway -rounds 9'   # one section, to look at; writes nothing
make bench BENCH='-from docs/bench/results.json'   # tables and plots again, from the figures
` + "```\n"

// aims lists the comparisons that have one.
func (r *report) aims() string {
	t := table.NewWriter()
	t.AppendHeader(table.Row{"What", "Measured", "Aim", ""})
	for _, s := range r.Sections {
		for _, c := range s.Comparisons {
			if c.Aim != nil {
				what, figure := c.What+": "+s.Axis, c.Ratio.String()
				if !c.aimsAtRatio() {
					what, figure = s.Title+": "+c.What, c.Ours.String()+" "+c.Unit
				}
				t.AppendRow(table.Row{what, figure, c.Aim.String(), c.verdict()})
			}
		}
	}
	return t.RenderMarkdown()
}
