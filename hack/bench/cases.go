// What is not plain load: deep tables, start-up, a whole import.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"time"
)

// fill creates rows characters with several clients at once, in batches where
// the server has them.
func fill(ctx context.Context, address string, rows, batch int) error {
	var lock sync.Mutex
	var failures []error
	var clients sync.WaitGroup
	for client := range 4 {
		clients.Go(func() {
			for from := client * batch; from < rows; from += 4 * batch {
				if err := create(ctx, address, from, min(batch, rows-from)); err != nil {
					lock.Lock()
					failures = append(failures, err)
					lock.Unlock()
					return
				}
			}
		})
	}
	clients.Wait()
	return errors.Join(failures...)
}

func create(ctx context.Context, address string, from, count int) error {
	items := make([]map[string]string, count)
	for i := range items {
		items[i] = map[string]string{"name": fmt.Sprintf("Character %d", from+i), "description": "Somebody in a story."}
	}
	path, body := "/characters/batch", any(map[string]any{"items": items})
	if count == 1 {
		path, body = "/characters", items[0]
	}
	content, err := json.Marshal(body)
	if err != nil {
		return err
	}
	request, err := http.NewRequestWithContext(ctx, http.MethodPost, "http://"+address+path, bytes.NewReader(content))
	if err != nil {
		return err
	}
	request.Header.Set("Content-Type", "application/json")
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusCreated {
		return fmt.Errorf("POST %s: %s", path, response.Status)
	}
	return nil
}

// pageComparison reads a page of a table with 100 rows and of a large one.
func pageComparison(ctx context.Context, o options, work string) ([]comparison, error) {
	if o.rows == 0 {
		return nil, nil
	}
	small, err := startService(ctx, "character", filepath.Join(work, "small.db"))
	if err != nil {
		return nil, err
	}
	defer small.stop()
	large, err := startService(ctx, "character", filepath.Join(work, "large.db"))
	if err != nil {
		return nil, err
	}
	defer large.stop()
	note("filling a table with %d rows", o.rows)
	if err := errors.Join(fill(ctx, small.address, 100, 100), fill(ctx, large.address, o.rows, 1000)); err != nil {
		return nil, err
	}
	var few, many []float64
	for round := range o.rounds {
		note("a page of %d rows, round %d of %d", o.rows, round+1, o.rounds)
		for _, s := range []*server{small, large} {
			m, err := load(ctx, o, s, "page", round)
			if err != nil {
				return nil, err
			}
			if s == small {
				few = append(few, 1e6/m.perSecond)
			} else {
				many = append(many, 1e6/m.perSecond)
			}
		}
	}
	their, ratio := spreadOf(few), ratioOf(many, few)
	return []comparison{{
		What: fmt.Sprintf("a page of 100 among %d rows", o.rows), Unit: "µs", Ours: spreadOf(many),
		Other: "among 100 rows", OtherRate: &their, Ratio: &ratio, Aim: "≤ 1.2",
	}}, nil
}

// startComparison starts each service several times on its own database.
func startComparison(ctx context.Context, o options, work string) ([]comparison, error) {
	var results []comparison
	for _, name := range []string{"centralsequence", "character", "scriptmanagement", "sessioncontext", "storyfactory"} {
		note("starting %s", name)
		var milliseconds, megabytes []float64
		for range o.rounds {
			s, err := startService(ctx, name, filepath.Join(work, "start-"+name+".db"))
			if err != nil {
				return nil, err
			}
			time.Sleep(300 * time.Millisecond)
			memory, err := s.memory()
			s.stop()
			if err != nil {
				return nil, err
			}
			milliseconds = append(milliseconds, float64(s.started.Microseconds())/1e3)
			megabytes = append(megabytes, memory)
		}
		results = append(results,
			comparison{What: name + ": process start to first answer", Unit: "ms", Ours: spreadOf(milliseconds), Aim: "≤ 50"},
			comparison{What: name + ": resident memory, idle", Unit: "MiB", Ours: spreadOf(megabytes), Aim: "≤ 40"})
	}
	return results, nil
}

// importComparison imports a play into a fresh stack.
func importComparison(ctx context.Context, o options, work string) ([]comparison, error) {
	if _, err := os.Stat(o.play); errors.Is(err, fs.ErrNotExist) {
		note("%s is not there; the import is left out (see -play)", o.play)
		return nil, nil
	}
	var seconds []float64
	for round := range o.rounds {
		note("importing a play, round %d of %d", round+1, o.rounds)
		data := filepath.Join(work, fmt.Sprintf("import-%d", round))
		s, err := startServer(ctx, "fountain up", "/", nil, func(address string) []string {
			return []string{"bin/fountain", "up", "--addr", address, "--data", data}
		})
		if err != nil {
			return nil, err
		}
		begun := time.Now()
		output, err := exec.CommandContext(ctx, "bin/fountain", "import", o.play, "--url", "http://"+localhost(s.address), "--data", data).CombinedOutput()
		took := time.Since(begun)
		s.stop()
		if err != nil {
			return nil, fmt.Errorf("fountain import: %w: %s", err, output)
		}
		seconds = append(seconds, took.Seconds())
	}
	return []comparison{{What: "fountain import of " + filepath.Base(o.play), Unit: "s", Ours: spreadOf(seconds), Aim: "≤ 2"}}, nil
}

// localhost turns a loopback address into one whose sub-domains are the services.
func localhost(address string) string { return "localhost" + address[len("127.0.0.1"):] }
