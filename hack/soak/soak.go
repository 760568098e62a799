// The soak as a whole: what is set up, in which order the phases run, and what
// is looked at between them.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strconv"
	"sync"
	"sync/atomic"
	"time"

	"fountain.coach/fountainai"
	"fountain.coach/fountainai/internal/storage"
)

// soak is one run.
type soak struct {
	options options
	began   time.Time
	// work is the folder that everything is in, the disk included.
	work     string
	disk     *disk // nil without one
	server   *server
	caller   *caller
	ledger   *ledger
	importer *importer
	// gate is open, for reading, while a phase runs: between two phases no
	// request is under way and no outcome unknown.
	gate   sync.RWMutex
	window atomic.Pointer[window]
	// epoch counts the jumps of the clock, after which keys may have expired.
	epoch  atomic.Int64
	clock  string // the file with the number of seconds
	clocks string // the program with a clock that can jump
	// slow are the clients that send their bodies byte by byte.
	slow slowSenders
	// heavy has the load write long texts alone.
	heavy  atomic.Bool
	idle   int
	young  resources
	report *report
	log    *os.File
}

// newSoak sets up all that a run needs. If it returns an error it has taken
// everything down again.
func newSoak(ctx context.Context, o options) (_ *soak, err error) {
	s := &soak{options: o, began: time.Now(), ledger: newLedger(), report: newReport(o)}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	if _, err := os.Stat(o.binary); err != nil {
		return nil, fmt.Errorf("%w; make %s builds it", err, o.binary)
	}
	if s.work, err = os.MkdirTemp("", "fountain-soak-"); err != nil {
		return nil, err
	}
	limit, err := raiseDescriptors()
	if err != nil {
		return nil, err
	}
	s.idle = s.idleTarget(limit)
	s.clock = filepath.Join(s.work, "clock")
	if err := s.makeServer(ctx); err != nil {
		return nil, err
	}
	s.progress("building the program with a clock that can jump")
	s.clocks, err = buildWithClock(ctx, s.work)
	return s, err
}

// makeServer prepares the folder, the disk and the configuration of the program.
func (s *soak) makeServer(ctx context.Context) error {
	folder := s.work
	disk, err := newDisk(ctx, s.work, s.options.diskMiB)
	switch {
	case err == nil:
		s.disk, folder = disk, disk.folder
	case os.Getenv(noLoop) == "":
		return errors.Join(fmt.Errorf("no disk can be made here, and with it the faults of a disk: %w\nrun as root on Linux with loop devices, or leave those faults out with %s=1", err, noLoop), disk.close())
	default:
		s.progress("%s is set: THE FAULTS OF A DISK ARE NOT TESTED: %v", noLoop, err)
		s.report.Skipped = append(s.report.Skipped, "full disk", "slow disk", "frozen disk")
		if err := disk.close(); err != nil {
			return err
		}
	}
	address, err := freeAddress()
	if err != nil {
		return err
	}
	if s.log, err = os.Create(filepath.Join(s.work, "fountain.log")); err != nil {
		return err
	}
	s.caller = newCaller(address, "")
	s.server = &server{
		address: address, data: filepath.Join(folder, "data"), temporary: filepath.Join(folder, "temporary"),
		config: filepath.Join(s.work, "kong.yml"), log: &programLog{file: s.log},
	}
	if s.disk != nil {
		s.server.join = s.disk.throttle.add
	}
	if err := os.Mkdir(s.server.temporary, 0o700); err != nil {
		return err
	}
	if s.importer, err = s.newImporter(); err != nil {
		return err
	}
	return writeConfig(s.server.config)
}

// writeConfig writes the committed configuration of the gateway, with a budget
// of requests that the load does not use up.
func writeConfig(file string) error {
	const budget = "      minute: 6000\n"
	if bytes.Count(fountainai.KongConfig, []byte(budget)) != 1 {
		return fmt.Errorf("kong.yml does not have %q once", budget)
	}
	return os.WriteFile(file, bytes.Replace(fountainai.KongConfig, []byte(budget), []byte("      minute: 6000000\n"), 1), 0o600)
}

// freeAddress finds a port below those that the system gives to clients, which
// would take it while the program restarts.
func freeAddress() (string, error) {
	for range 100 {
		address := net.JoinHostPort("127.0.0.1", strconv.Itoa(20_000+rand.IntN(10_000)))
		if listener, err := net.Listen("tcp", address); err == nil {
			return address, listener.Close()
		}
	}
	return "", errors.New("no port between 20000 and 30000 is free")
}

func (s *soak) port() string {
	_, port, _ := net.SplitHostPort(s.caller.address)
	return port
}

// soak runs all phases, with load from the first to the last.
func (s *soak) soak(ctx context.Context) {
	s.gate.Lock()
	s.window.Store(newWindow(nil, nil))
	if err := s.server.start(ctx, s.normal(), s.caller); err != nil {
		s.fail("start: %v", err)
		return
	}
	var err error
	if s.young, err = s.resources(ctx); err == nil {
		err = s.openStory(ctx)
	}
	if err != nil {
		s.fail("begin: %v", err)
		return
	}
	var all sync.WaitGroup
	working, stop := context.WithCancel(ctx)
	for number := range s.options.clients {
		all.Go(func() { s.newClient(number).run(working) })
	}
	all.Go(func() { s.importer.run(working) })
	s.runPhases(ctx)
	stop()
	s.gate.Unlock()
	all.Wait()
	s.report.Acknowledged = s.ledger.writes()
	if ctx.Err() == nil {
		s.finish(ctx)
	}
}

// openStory makes the story that elements are written into.
func (s *soak) openStory(ctx context.Context) error {
	r := request{service: "storyfactory", method: http.MethodPut, path: fmt.Sprintf("/stories/%d", scope), body: map[string]any{"title": "The soak"}}
	given, err := s.caller.send(ctx, r)
	if err == nil && given.status != http.StatusCreated {
		err = fmt.Errorf("PUT %s: %d %.200s", r.path, given.status, given.body)
	}
	return err
}

// normal is how the program is started unless a phase wants it otherwise.
func (s *soak) normal() manner { return manner{binary: s.options.binary} }

// runPhases goes through the plan. Each phase opens the gate; it is closed when
// runPhases returns.
func (s *soak) runPhases(ctx context.Context) {
	rounds, unit := s.options.plan()
	s.runLife(ctx, rounds, unit)
	for round := range rounds {
		for _, p := range restarting {
			s.phase(ctx, p, round, unit)
		}
	}
}

// runLife runs the phases of one life of the program and holds what it takes
// at the end against its first rest: after the first phase, or, in a long run,
// after the first round, when it has seen all that it will see again.
func (s *soak) runLife(ctx context.Context, rounds int, unit time.Duration) {
	var first resources
	connections := s.idle
	for round := range rounds {
		for i, p := range living {
			s.phase(ctx, p, round, unit)
			if round == 0 && i == 0 {
				first = s.restOrFail(ctx, s.young.Goroutines+1000)
			}
		}
		last := s.restOrFail(ctx, s.young.Goroutines+moreGoroutines)
		if ctx.Err() != nil {
			return
		}
		if rounds > 1 && round == 0 {
			first, connections = last, 0
		}
		s.compareRest(s.young, first, last, connections)
	}
}

func (s *soak) restOrFail(ctx context.Context, want int) resources {
	r, err := s.rest(ctx, want)
	if err != nil && ctx.Err() == nil {
		s.fail("measure at rest: %v", err)
	}
	return r
}

// phase runs one phase with load, and then looks whether all is as it must be.
func (s *soak) phase(ctx context.Context, p phase, round int, unit time.Duration) {
	if ctx.Err() != nil || s.skips(p) {
		return
	}
	s.report.phase = p.name
	w := newWindow(p.refuses, p.fails)
	s.window.Store(w)
	began := time.Now()
	s.gate.Unlock()
	err := p.run(ctx, s, time.Duration(p.units)*unit)
	recovering := time.Now()
	if err == nil {
		err = s.server.ready(ctx, s.caller)
	}
	recovered := time.Since(recovering)
	s.gate.Lock()
	if ctx.Err() != nil {
		return
	}
	if err != nil {
		s.fail("%v", err)
	}
	for _, surprise := range w.surprises() {
		s.fail("%s", surprise)
	}
	line := s.look(ctx, w)
	line.Round, line.Seconds, line.RecoveredSeconds = round+1, time.Since(began).Seconds(), recovered.Seconds()
	s.report.Phases = append(s.report.Phases, line)
	s.progress("%s", line)
}

func (s *soak) skips(p phase) bool {
	if p.disk && s.disk == nil {
		return true
	}
	return s.options.only != "" && p.name != s.options.only && p.name != living[0].name
}

// look reads everything back and measures.
func (s *soak) look(ctx context.Context, w *window) phaseReport {
	line := newPhaseReport(s.report.phase, w)
	var differences []string
	line.Compared, differences = s.ledger.verify(ctx, s.caller)
	_, ofPlays := s.importer.verify(ctx, 1)
	for _, difference := range append(differences, ofPlays...) {
		s.fail("%s", difference)
	}
	var err error
	if line.Resources, err = s.resources(ctx); err != nil {
		s.fail("measure: %v", err)
	}
	return line
}

// finish looks at every import, stops the program and checks the files that it
// leaves.
func (s *soak) finish(ctx context.Context) {
	s.report.phase = "end"
	compared, differences := s.importer.verify(ctx, len(s.importer.done))
	for _, difference := range differences {
		s.fail("%s", difference)
	}
	s.report.Imports = compared
	if s.server.running() {
		if err := s.server.stop(); err != nil {
			s.fail("%v", err)
		}
	}
	for _, service := range services {
		file := filepath.Join(s.server.data, service+".db")
		if err := storage.Check(ctx, file); err != nil {
			s.fail("integrity: %v", err)
		}
		if log, err := os.Stat(file + "-wal"); err == nil && log.Size() > 0 {
			s.fail("an orderly stop leaves %d bytes in the write-ahead log of %s", log.Size(), service)
		}
	}
	for _, line := range s.server.log.alarms {
		s.fail("the log has: %s", line)
	}
}

// close ends the program and takes away everything that was made.
func (s *soak) close() error {
	var failures []error
	if s.server != nil && s.server.running() {
		s.server.kill()
	}
	if s.log != nil {
		failures = append(failures, s.log.Close())
	}
	if s.options.keep != "" && s.server != nil {
		failures = append(failures, s.keep())
	}
	if s.disk != nil {
		failures = append(failures, s.disk.close())
	}
	if s.work != "" && errors.Join(failures...) == nil {
		failures = append(failures, os.RemoveAll(s.work))
	}
	return errors.Join(failures...)
}

// keep copies the log, and after a failure the databases, to where they stay.
func (s *soak) keep() error {
	if err := os.MkdirAll(s.options.keep, 0o700); err != nil {
		return err
	}
	from := []string{"-r", s.log.Name()}
	if len(s.report.Failures) > 0 {
		from = append(from, s.server.data)
	}
	_, err := command(context.Background(), "cp", append(from, s.options.keep)...)
	return err
}

// fail records that a promise was not kept, and goes on.
func (s *soak) fail(format string, arguments ...any) {
	text := s.report.fail(fmt.Sprintf(format, arguments...))
	s.progress("FAIL: %s", text)
}

func (s *soak) progress(format string, arguments ...any) {
	elapsed := time.Since(s.began).Round(time.Second)
	fmt.Fprintf(os.Stderr, "%6s  %s\n", elapsed, fmt.Sprintf(format, arguments...))
}
