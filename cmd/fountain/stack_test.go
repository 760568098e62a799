package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/screenplay"
)

// runningStack is a fountain up inside the test.
type runningStack struct {
	remote remoteOptions
	stop   func()
}

// startStack runs fountain up on a free port with its data in a folder, until
// the test ends or stop is called.
func startStack(t *testing.T, data string) *runningStack {
	t.Helper()
	return startStackWith(t, upOptions{addr: "127.0.0.1:0", data: data, logFormat: "text", logLevel: "warn"})
}

func startStackWith(t *testing.T, options upOptions) *runningStack {
	t.Helper()
	reader, writer := io.Pipe()
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() {
		err := up(ctx, writer, t.Output(), options)
		done <- errors.Join(err, writer.Close())
	}()
	port := readPort(t, reader, done)
	stopped := false
	stop := func() {
		if stopped {
			return
		}
		stopped = true
		cancel()
		if err := <-done; err != nil {
			t.Errorf("fountain up: %v", err)
		}
	}
	t.Cleanup(stop)
	return &runningStack{remote: remoteOptions{url: "http://localhost:" + port, data: options.data}, stop: stop}
}

// readPort waits for the welcome text and takes the port from it.
func readPort(t *testing.T, output *io.PipeReader, done chan error) string {
	t.Helper()
	found := make(chan string, 1)
	go func() {
		var text bytes.Buffer
		buffer := make([]byte, 4096)
		for {
			n, err := output.Read(buffer)
			text.Write(buffer[:n])
			if match := regexp.MustCompile(`localhost:(\d+)/`).FindStringSubmatch(text.String()); match != nil {
				found <- match[1]
				_, _ = io.Copy(io.Discard, output)
				return
			}
			if err != nil {
				return
			}
		}
	}()
	select {
	case port := <-found:
		return port
	case err := <-done:
		t.Fatalf("fountain up ended: %v", err)
	case <-time.After(30 * time.Second):
		t.Fatal("fountain up did not become ready")
	}
	return ""
}

// importFile runs fountain import --json.
func (s *runningStack) importFile(t *testing.T, ctx context.Context, file string) (importReport, error) {
	t.Helper()
	var output bytes.Buffer
	options := importOptions{remoteOptions: s.remote, user: 1}
	options.json = true
	err := runImport(ctx, strings.NewReader(""), &output, io.Discard, file, options)
	var report importReport
	if err == nil {
		if err := json.Unmarshal(output.Bytes(), &report); err != nil {
			t.Fatal(err)
		}
	}
	return report, err
}

// exported runs fountain export and parses what it wrote.
func (s *runningStack) exported(t *testing.T, scriptID int64) *screenplay.Screenplay {
	t.Helper()
	var output bytes.Buffer
	if err := export(t.Context(), &output, io.Discard, scriptID, exportOptions{remoteOptions: s.remote}); err != nil {
		t.Fatal(err)
	}
	play, err := screenplay.Parse(&output)
	if err != nil {
		t.Fatal(err)
	}
	return play
}

// rows returns the rows of every table of every service.
func (s *runningStack) rows(t *testing.T) map[string]int64 {
	t.Helper()
	api, err := s.remote.connect()
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]int64{}
	for _, name := range serviceNames {
		row := ask(t.Context(), api, name)
		if row.Health != "ready" {
			t.Fatalf("%s: %s", name, row.Error)
		}
		for table, count := range row.Rows {
			all[name+"."+table] = count
		}
	}
	return all
}

func (s *runningStack) client(t *testing.T) *client.Client {
	t.Helper()
	api, err := s.remote.connect()
	if err != nil {
		t.Fatal(err)
	}
	return api
}

// plays returns the sample and, where they are, the real plays.
func plays(t *testing.T) []string {
	t.Helper()
	files := []string{filepath.Join("..", "..", "samples", "the-lighthouse-keeper.fountain")}
	folder := os.Getenv("FOUNTAIN_TESTDATA")
	if folder == "" {
		folder = filepath.Join("..", "..", "..", "shared")
	}
	real, err := filepath.Glob(filepath.Join(folder, "data", "*.fountain"))
	if err != nil {
		t.Fatal(err)
	}
	if len(real) == 0 {
		t.Logf("no real plays in %s: only the sample is tested; set FOUNTAIN_TESTDATA to the folder that has data/*.fountain", folder)
	}
	return append(files, real...)
}

func parseFile(t *testing.T, file string) *screenplay.Screenplay {
	t.Helper()
	play, err := readScreenplay(nil, file)
	if err != nil {
		t.Fatal(err)
	}
	return play
}

// requireSame fails with the first element that differs.
func requireSame(t *testing.T, got, want *screenplay.Screenplay) {
	t.Helper()
	if fmt.Sprintf("%q", got.TitlePage) != fmt.Sprintf("%q", want.TitlePage) {
		t.Errorf("title page: got %q, want %q", got.TitlePage, want.TitlePage)
	}
	for i := range min(len(got.Elements), len(want.Elements)) {
		if got.Elements[i] != want.Elements[i] {
			t.Fatalf("element %d: got %+v, want %+v", i, got.Elements[i], want.Elements[i])
		}
	}
	if len(got.Elements) != len(want.Elements) {
		t.Fatalf("got %d elements, want %d", len(got.Elements), len(want.Elements))
	}
}

func created(report importReport) int {
	total := 0
	for _, c := range report.Counts {
		total += c.Created
	}
	return total
}

func sortedKeys(m map[string]int64) []string {
	var names []string
	for name := range m {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

func requireRows(t *testing.T, got, want map[string]int64) {
	t.Helper()
	for _, name := range sortedKeys(want) {
		if got[name] != want[name] {
			t.Errorf("%s: got %d rows, want %d", name, got[name], want[name])
		}
	}
}
