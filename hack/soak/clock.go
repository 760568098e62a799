// Jumps of the clock, without touching that of this machine.
//
// The program is built once more, with a package time whose Now adds a number of
// seconds to the wall clock and leaves the monotonic clock alone, as it is when
// somebody sets the time of a machine. The number stands in a file that a
// goroutine of the program reads again and again. go build -overlay puts both in;
// no file of the project or of Go is changed.
package main

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"time"
)

// clockFile names the variable that tells the program where the number stands.
const clockFile = "FOUNTAIN_SOAK_CLOCK"

// clockLook is how often the program looks there.
const clockLook = 20 * time.Millisecond

const (
	nowBefore = "\tsec, nsec, mono := runtimeNow()\n"
	nowAfter  = nowBefore + "\tsec += Skew.Load()\n"

	skewSource = `package time

import "sync/atomic"

// Skew is added to the wall clock, in seconds.
var Skew atomic.Int64
`
	readerSource = `package main

import (
	"os"
	"strconv"
	"time"
)

func init() {
	go func() {
		for ; ; time.Sleep(%d) {
			text, _ := os.ReadFile(os.Getenv("` + clockFile + `"))
			if seconds, err := strconv.ParseInt(string(text), 10, 64); err == nil {
				time.Skew.Store(seconds)
			}
		}
	}()
}
`
)

// buildWithClock builds fountain with a clock that jump sets. The first build
// compiles everything anew and takes a minute or two.
func buildWithClock(ctx context.Context, work string) (binary string, err error) {
	root, err := command(ctx, "go", "env", "GOROOT")
	if err != nil {
		return "", err
	}
	standard := filepath.Join(root, "src", "time", "time.go")
	source, err := os.ReadFile(standard)
	if err != nil {
		return "", err
	}
	if bytes.Count(source, []byte(nowBefore)) != 1 {
		return "", errors.New("this Go's time.Now is not as the soak knows it; adapt nowBefore in hack/soak/clock.go")
	}
	here, err := os.Getwd()
	if err != nil {
		return "", err
	}
	replaced := map[string]string{}
	for place, content := range map[string]string{
		standard: string(bytes.Replace(source, []byte(nowBefore), []byte(nowAfter), 1)),
		filepath.Join(root, "src", "time", "skew.go"):           skewSource,
		filepath.Join(here, "cmd", "fountain", "soak_clock.go"): fmt.Sprintf(readerSource, clockLook),
	} {
		replaced[place] = filepath.Join(work, "clock-"+filepath.Base(place))
		if err := os.WriteFile(replaced[place], []byte(content), 0o600); err != nil {
			return "", err
		}
	}
	overlay, err := json.Marshal(map[string]any{"Replace": replaced})
	if err != nil {
		return "", err
	}
	file := filepath.Join(work, "overlay.json")
	if err := os.WriteFile(file, overlay, 0o600); err != nil {
		return "", err
	}
	binary = filepath.Join(work, "fountain-with-clock")
	_, err = command(ctx, "go", "build", "-trimpath", "-overlay", file, "-tags", "nostack,nomodel", "-o", binary, "./cmd/fountain")
	return binary, err
}

// jump sets the clock of the program to so much after the true time, and returns
// when it has noticed.
func (s *soak) jump(ctx context.Context, skew time.Duration) error {
	text := strconv.FormatInt(int64(skew/time.Second), 10)
	next := s.clock + ".new"
	if err := os.WriteFile(next, []byte(text), 0o600); err != nil {
		return err
	}
	if err := os.Rename(next, s.clock); err != nil {
		return err
	}
	for began := time.Now(); time.Since(began) < readyIn && ctx.Err() == nil; time.Sleep(clockLook) {
		shown, err := s.programTime(ctx)
		if err == nil && (shown.Sub(time.Now().Add(skew))).Abs() < time.Minute {
			s.epoch.Add(1)
			return nil
		}
	}
	return fmt.Errorf("the program's clock did not jump by %s", skew)
}

// programTime is the time of the program's Date headers.
func (s *soak) programTime(ctx context.Context) (time.Time, error) {
	given, err := s.caller.get(ctx, services[0], "/healthz")
	if err != nil {
		return time.Time{}, err
	}
	return time.Parse(time.RFC1123, given.header.Get("Date"))
}
