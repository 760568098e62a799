// What a run found, section by section.
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"runtime"
	"strconv"
	"strings"

	"github.com/prometheus/procfs"
)

// report is what a run found.
type report struct {
	Machine  machine   `json:"machine"`
	Rounds   int       `json:"rounds"`
	Seconds  int       `json:"secondsOfLoad"`
	Minutes  float64   `json:"minutes"`
	Sections []section `json:"sections"`
}

// section is a group of comparisons that share a chart.
type section struct {
	// Name is that of the chart's file.
	Name  string `json:"name"`
	Title string `json:"title"`
	// Text says what is compared with what.
	Text string `json:"text"`
	// Axis says what the ratio is of.
	Axis string `json:"axis"`
	// Logarithmic is for ratios of very different sizes.
	Logarithmic bool         `json:"logarithmic,omitempty"`
	Comparisons []comparison `json:"comparisons"`
}

// comparison is one line: two things measured in turns.
type comparison struct {
	What   string `json:"what"`
	Unit   string `json:"unit"`
	Ours   spread `json:"ours"`
	Beside string `json:"beside"`
	Theirs spread `json:"theirs"`
	// Ratio is ours over theirs, round by round.
	Ratio spread `json:"ratio"`
	Aim   *aim   `json:"aim,omitempty"`
}

// compare makes a comparison of figures taken round by round.
func compare(what, unit string, ours []float64, beside string, theirs []float64, a *aim) comparison {
	return comparison{
		What: what, Unit: unit, Ours: spreadOf(ours), Beside: beside, Theirs: spreadOf(theirs), Ratio: ratioOf(ours, theirs), Aim: a,
	}
}

// aim bounds the ratio, from below or from above, or our own figure if it has a
// unit.
type aim struct {
	Least float64 `json:"least,omitempty"`
	Most  float64 `json:"most,omitempty"`
	Unit  string  `json:"unit,omitempty"`
}

func atLeast(ratio float64) *aim { return &aim{Least: ratio} }
func atMost(ratio float64) *aim  { return &aim{Most: ratio} }

// figureAtMost bounds our own figure.
func figureAtMost(figure float64, unit string) *aim { return &aim{Most: figure, Unit: unit} }

func (a *aim) bound() float64 { return a.Least + a.Most }

func (a *aim) String() string {
	if a == nil {
		return ""
	}
	sign := "≤ "
	if a.Least > 0 {
		sign = "≥ "
	}
	return strings.TrimSpace(sign + strconv.FormatFloat(a.bound(), 'f', -1, 64) + " " + a.Unit)
}

// aimsAtRatio reports whether there is an aim for the ratio.
func (c comparison) aimsAtRatio() bool { return c.Aim != nil && c.Aim.Unit == "" }

// verdict says whether the median meets the aim.
func (c comparison) verdict() string {
	if c.Aim == nil {
		return ""
	}
	figure := c.Ratio.Median
	if c.Aim.Unit != "" {
		figure = c.Ours.Median
	}
	if figure >= c.Aim.Least && (c.Aim.Most == 0 || figure <= c.Aim.Most) {
		return "met"
	}
	return "missed"
}

func readReport(path string) (*report, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var r report
	if err := json.Unmarshal(content, &r); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	return &r, nil
}

// machine is what the figures were taken on.
type machine struct {
	Processors int      `json:"processors"`
	MemoryGiB  int      `json:"memoryGiB"`
	System     string   `json:"system"`
	Programs   []string `json:"programs"`
}

func describeMachine() machine {
	m := machine{Processors: runtime.NumCPU(), System: runtime.GOOS + "/" + runtime.GOARCH, MemoryGiB: memoryGiB()}
	m.Programs = append(m.Programs, strings.Replace(runtime.Version(), "go", "Go ", 1))
	const versions = `import platform, fastapi, sqlalchemy, uvicorn
print(f"Python {platform.python_version()}, FastAPI {fastapi.__version__}, SQLAlchemy {sqlalchemy.__version__}, uvicorn {uvicorn.__version__}")`
	for _, command := range [][]string{{pythonOf("uvicorn"), "-c", versions}, {"psql", "--version"}} {
		if output, err := exec.Command(command[0], command[1:]...).Output(); err == nil {
			m.Programs = append(m.Programs, strings.Replace(strings.TrimSpace(string(output)), "psql (PostgreSQL)", "PostgreSQL", 1))
		}
	}
	return m
}

// pythonOf returns the interpreter that a Python program on the path names.
func pythonOf(program string) string {
	path, _ := exec.LookPath(program)
	content, _ := os.ReadFile(path)
	line, _, _ := strings.Cut(string(content), "\n")
	return strings.TrimSpace(strings.TrimPrefix(line, "#!"))
}

func memoryGiB() int {
	system, err := procfs.NewDefaultFS()
	if err != nil {
		return 0
	}
	memory, err := system.Meminfo()
	if err != nil || memory.MemTotalBytes == nil {
		return 0
	}
	return int((*memory.MemTotalBytes + 1<<29) >> 30)
}
