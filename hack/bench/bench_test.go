package main

import (
	"bytes"
	"errors"
	"image/png"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/gateway"
)

func TestSpread(t *testing.T) {
	for _, c := range []struct {
		values []float64
		want   spread
		text   string
	}{
		{[]float64{3}, spread{3, 3, 3}, "3.00"},
		{[]float64{3, 1, 20}, spread{1, 3, 20}, "3.00 (1.00–20.0)"},
		{[]float64{400, 100, 200, 300}, spread{100, 250, 400}, "250 (100–400)"},
	} {
		if got := spreadOf(c.values); got != c.want || got.String() != c.text {
			t.Errorf("spreadOf(%v) = %v %q, want %v %q", c.values, got, got.String(), c.want, c.text)
		}
	}
	// Pairs belong together: the spread of the ratios is not the ratio of the spreads.
	if got, want := ratioOf([]float64{10, 40}, []float64{1, 4}), (spread{10, 10, 10}); got != want {
		t.Errorf("got %v, want %v", got, want)
	}
}

func TestVerdict(t *testing.T) {
	ratio := func(a *aim) comparison { return compare("x", "s", []float64{60}, "y", []float64{1}, a) }
	for _, c := range []struct {
		aim  *aim
		text string
		want string
	}{
		{nil, "", ""},
		{atLeast(50), "≥ 50", "met"}, {atLeast(61), "≥ 61", "missed"},
		{atMost(60), "≤ 60", "met"}, {atMost(1.15), "≤ 1.15", "missed"},
		{figureAtMost(60, "s"), "≤ 60 s", "met"}, {figureAtMost(2, "s"), "≤ 2 s", "missed"},
	} {
		if got := ratio(c.aim).verdict(); got != c.want || c.aim.String() != c.text {
			t.Errorf("aim %q: got %q, want %q %q", c.aim.String(), got, c.text, c.want)
		}
	}
}

func TestParseMeasurement(t *testing.T) {
	got, err := parseMeasurement([]byte("Running\nBENCH 3000 1500000 2000 9000 0\n"))
	if want := (measurement{requests: 3000, perSecond: 2000, median: 2, p99: 9}); got != want || err != nil {
		t.Errorf("got %v, %v; want %v", got, err, want)
	}
	if _, err := parseMeasurement([]byte("BENCH 0 1500000 0 0 0\n")); !errors.Is(err, errNone) {
		t.Errorf("got %v", err)
	}
	for _, output := range []string{"", "BENCH 1 2 3", "BENCH 1 2 3 4 x", "BENCH 3000 1500000 2000 9000 1"} {
		if got, err := parseMeasurement([]byte(output)); err == nil {
			t.Errorf("%q was read as %v", output, got)
		}
	}
}

func TestGatewayConfig(t *testing.T) {
	b := &bench{work: t.TempDir()}
	t.Chdir("../..")
	path, err := b.gatewayConfig("kong.yml", &server{address: "127.0.0.1:1"}, &server{address: "127.0.0.1:2"})
	if err != nil {
		t.Fatal(err)
	}
	config, err := gateway.LoadConfig(path)
	if err != nil {
		t.Fatal(err)
	}
	for _, upstream := range config.Upstreams {
		if upstream.Name == "character.upstream" && (len(upstream.Targets) != 2 || upstream.Targets[1].Target != "127.0.0.1:2") {
			t.Errorf("got targets %v", upstream.Targets)
		}
	}
	if keys := config.Consumers[0].Credentials; len(keys) != 1 || keys[0].Key != gatewayKey {
		t.Errorf("got %v", keys)
	}
	content, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if limits := bytes.Count(content, []byte("minute: 1000000000")); limits < 7 || limits != bytes.Count(content, []byte("minute:")) {
		t.Errorf("%d limits are raised, not all", limits)
	}
}

func TestWrite(t *testing.T) {
	r := &report{Rounds: 2, Sections: []section{
		{Name: "one", Title: "One", Axis: "times", Comparisons: []comparison{
			compare("POST", "requests/s", []float64{90, 110}, "FastAPI", []float64{1, 2}, atLeast(50)),
			compare("play", "s", []float64{1}, "FastAPI", []float64{3}, figureAtMost(2, "s")),
		}},
		{Name: "two", Title: "Two", Axis: "times", Logarithmic: true, Comparisons: []comparison{
			compare("less", "ms", []float64{1}, "y", []float64{400}, nil),
		}},
	}}
	folder := filepath.Join(t.TempDir(), "bench")
	if err := r.write(folder); err != nil {
		t.Fatal(err)
	}
	content, err := os.ReadFile(filepath.Join(folder, "README.md"))
	if err != nil {
		t.Fatal(err)
	}
	for _, line := range []string{
		"| POST | 100 (90.0–110) | requests/s | FastAPI | 1.50 (1.00–2.00) | 72.5 (55.0–90.0) | ≥ 50 | met |",
		"| POST: times | 72.5 (55.0–90.0) | ≥ 50 | met |", "| One: play | 1.00 s | ≤ 2 s | met |", "![times](two.png)",
	} {
		if !strings.Contains(string(content), line) {
			t.Errorf("README.md lacks %q:\n%s", line, content)
		}
	}
	for _, s := range r.Sections {
		file, err := os.Open(filepath.Join(folder, s.Name+".png"))
		if err != nil {
			t.Fatal(err)
		}
		if picture, err := png.Decode(file); err != nil || picture.Bounds().Dx() < 500 {
			t.Errorf("%s: got %v, %v", s.Name, picture, err)
		}
		file.Close()
	}
	again, err := readReport(filepath.Join(folder, "results.json"))
	if err != nil || string(again.markdown()) != string(content) {
		t.Errorf("results.json does not tell what README.md does: %v", err)
	}
}
