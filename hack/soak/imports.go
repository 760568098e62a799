// Imports of a play, which must come out as they went in.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"sync"
	"time"

	"fountain.coach/fountainai/internal/screenplay"
)

const (
	// play is what is imported, each time with another title.
	play = "samples/the-lighthouse-keeper.fountain"
	// importEvery is the pause between two imports.
	importEvery = 3 * time.Second
)

// imported is a play that the fountain command said it has imported whole.
type imported struct {
	scriptID int64
	// text is what went in, as the parser understands it.
	text []byte
}

// importer imports plays with the fountain command, as a person would.
type importer struct {
	*soak
	source []byte
	mutex  sync.Mutex
	done   []imported
}

func (s *soak) newImporter() (*importer, error) {
	source, err := os.ReadFile(play)
	return &importer{soak: s, source: source}, err
}

func (i *importer) run(ctx context.Context) {
	for number := 1; ctx.Err() == nil; number++ {
		i.gate.RLock()
		if ctx.Err() == nil {
			if err := i.importOne(ctx, number); err != nil && ctx.Err() == nil {
				i.fail("import %d: %v", number, err)
			}
		}
		i.gate.RUnlock()
		select {
		case <-time.After(importEvery):
		case <-ctx.Done():
		}
	}
}

// importOne imports the play under another title, again and again until the
// command succeeds: an import that was interrupted can be repeated.
func (i *importer) importOne(ctx context.Context, number int) error {
	source := bytes.Replace(i.source, []byte("THE LIGHTHOUSE KEEPER"), fmt.Appendf(nil, "THE LIGHTHOUSE KEEPER, PART %d", number), 1)
	parsed, err := screenplay.Parse(bytes.NewReader(source))
	if err != nil {
		return err
	}
	file := filepath.Join(i.work, "play.fountain")
	if err := os.WriteFile(file, source, 0o600); err != nil {
		return err
	}
	for began := time.Now(); ; time.Sleep(200 * time.Millisecond) {
		output, err := i.fountain(ctx, "import", "--json", file)
		if err == nil {
			var report struct{ ScriptID int64 }
			if err := json.Unmarshal(output, &report); err != nil {
				return err
			}
			i.mutex.Lock()
			defer i.mutex.Unlock()
			i.done = append(i.done, imported{report.ScriptID, parsed.Format()})
			return nil
		}
		if time.Since(began) > knownIn || ctx.Err() != nil {
			return err
		}
	}
}

// fountain runs the fountain command against the program under test.
func (s *soak) fountain(ctx context.Context, arguments ...string) ([]byte, error) {
	run := exec.CommandContext(ctx, s.options.binary, arguments...)
	run.Env = append(os.Environ(), "FOUNTAIN_URL=http://localhost:"+s.port(), "FOUNTAIN_API_KEY="+s.caller.key)
	output, err := run.Output()
	var exit *exec.ExitError
	if errors.As(err, &exit) {
		err = fmt.Errorf("fountain %s: %w: %s", arguments[0], err, bytes.TrimSpace(exit.Stderr))
	}
	return output, err
}

// verify exports every play, or the last most of them, and compares.
func (i *importer) verify(ctx context.Context, most int) (compared int, differences []string) {
	i.mutex.Lock()
	defer i.mutex.Unlock()
	for _, one := range i.done[max(0, len(i.done)-most):] {
		output, err := i.fountain(ctx, "export", strconv.FormatInt(one.scriptID, 10))
		if err != nil {
			differences = append(differences, err.Error())
			continue
		}
		back, err := screenplay.Parse(bytes.NewReader(output))
		if err != nil || !bytes.Equal(back.Format(), one.text) {
			differences = append(differences, fmt.Sprintf("the play of script %d does not come out as it went in (%v)", one.scriptID, err))
		}
		compared++
	}
	return compared, differences
}
