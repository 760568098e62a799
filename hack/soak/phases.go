// The phases: what is done to the program while there is load, and which answers
// the load may get because of it.
package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"strings"
	"time"
)

// phase is a time with one fault, or none.
type phase struct {
	name string
	// units is its share of the time.
	units int
	// disk says that it needs a disk of our own.
	disk bool
	// refuses are the statuses with which changes may be refused, fails those
	// that reads may get as well.
	refuses, fails []string
	// run makes the fault and has ended it when it returns. Its error says that
	// the fault could not be made, or that a promise was not kept.
	run func(ctx context.Context, s *soak, length time.Duration) error
}

var (
	// living are the phases of one life of the program, so that what grows from
	// the first to the last can be seen.
	living = []phase{
		{name: "calm", units: 5, run: calm},
		{name: "full disk", units: 6, disk: true, refuses: []string{"507"}, run: fullDisk},
		{name: "slow disk", units: 6, disk: true, fails: []string{"503", "504"}, run: slowDisk},
		{name: "frozen disk", units: 5, disk: true, fails: []string{"503", "504"}, run: frozenDisk},
		{name: "connection flood", units: 4, run: connectionFlood},
		{name: "slow clients", units: 6, run: slowClients},
		{name: "idle connections", units: 6, run: idleConnections},
		{name: "calm again", units: 5, run: calmAgain},
	}
	// restarting are the phases that end the program and start it again.
	restarting = []phase{
		{name: "kill -9", units: 8, fails: []string{broken, "502", "503"}, run: kills},
		{name: "stop and start", units: 4, fails: []string{broken, "502", "503"}, run: stops},
		{name: "few descriptors", units: 4, fails: []string{broken, "502", "503"}, run: fewDescriptors},
		{name: "clock jumps", units: 6, fails: []string{broken, "502", "503"}, run: clockJumps},
	}
)

// roundTime is about how long a round of all phases takes in a long run.
const roundTime = 4 * time.Minute

// plan returns how often all phases run, and what a unit of time is.
func (o options) plan() (rounds int, unit time.Duration) {
	rounds = max(1, int(o.duration/roundTime))
	units := 0
	for _, p := range append(append([]phase{}, living...), restarting...) {
		units += p.units
	}
	return rounds, o.duration / time.Duration(rounds*units)
}

// wait returns false if ctx ends first.
func wait(ctx context.Context, length time.Duration) bool {
	select {
	case <-time.After(length):
		return true
	case <-ctx.Done():
		return false
	}
}

func calm(ctx context.Context, _ *soak, length time.Duration) error {
	wait(ctx, length)
	return nil
}

// fullDisk leaves no block free until every service has refused a write, or the
// time is over, and then makes room: nobody restarts anything.
func fullDisk(ctx context.Context, s *soak, length time.Duration) error {
	if err := s.disk.fill(ctx, s.options.diskMiB); err != nil {
		return err
	}
	s.heavy.Store(true)
	defer s.heavy.Store(false)
	w := s.window.Load()
	for began := time.Now(); time.Since(began) < length*2/3 && w.fullServices() < len(services); {
		if !wait(ctx, 100*time.Millisecond) {
			break
		}
	}
	refused := w.fullServices()
	seen := s.full(ctx)
	if err := s.disk.free(); err != nil {
		return err
	}
	s.progress("full disk: %d of %d services refused writes, %s", refused, len(services), seen)
	wait(ctx, length/3)
	if refused == 0 {
		return fmt.Errorf("the disk was full for %s and no service has answered 507", length*2/3)
	}
	if counted := s.countFull(ctx); counted == 0 && ctx.Err() == nil {
		return fmt.Errorf("fountain_storage_writes_total counts no write with outcome full")
	}
	return nil
}

// full returns what the services say of themselves while the disk is full.
func (s *soak) full(ctx context.Context) string {
	var all []string
	for _, service := range services {
		given, err := s.caller.send(ctx, request{service: service, method: http.MethodGet, path: "/readyz"})
		var ready struct{ Status string }
		if err != nil || given.status != http.StatusOK || decode(given.body, &ready) != nil {
			s.fail("GET /readyz of %s with a full disk: %d %.200s %v", service, given.status, given.body, err)
		}
		all = append(all, service+" is "+ready.Status)
	}
	return strings.Join(all, ", ")
}

// countFull sums what the services count as refused for want of room.
func (s *soak) countFull(ctx context.Context) (sum float64) {
	for _, service := range services {
		count, err := s.caller.sample(ctx, service, "fountain_storage_writes_total", `outcome="full"`)
		if err != nil && ctx.Err() == nil {
			s.fail("metrics: %v", err)
		}
		sum += count
	}
	return sum
}

// slowWrites is how many writes a second the slow disk takes: a hundredth of
// what a tired disk does.
const slowWrites = 25

func slowDisk(ctx context.Context, s *soak, length time.Duration) error {
	if err := s.disk.throttle.limit(slowWrites); err != nil {
		return err
	}
	before := s.ledger.writes()
	wait(ctx, length*3/4)
	during := s.ledger.writes() - before
	if err := s.disk.throttle.lift(); err != nil {
		return err
	}
	s.progress("slow disk: %d writes acknowledged in %s", during, length*3/4)
	wait(ctx, length/4)
	return nil
}

// longestFreeze is short of what makes clients and gateway give up.
const longestFreeze = 8 * time.Second

func frozenDisk(ctx context.Context, s *soak, length time.Duration) error {
	for began := time.Now(); time.Since(began) < length*3/4 && ctx.Err() == nil; wait(ctx, time.Second) {
		if err := s.disk.freeze(ctx, min(longestFreeze, length*3/4)); err != nil {
			return err
		}
	}
	wait(ctx, length/4)
	return nil
}

func connectionFlood(ctx context.Context, s *soak, length time.Duration) error {
	opened := flood(ctx, s.caller.address, length)
	s.progress("connection flood: %d connections", opened)
	if opened == 0 && ctx.Err() == nil {
		return fmt.Errorf("not one connection of the flood was taken")
	}
	return nil
}

const (
	slowHeaders = 300
	slowBodies  = 100
	// headersCutIn and bodiesCutIn are the time limits of the program (10 s and
	// 30 s) with time for a busy machine.
	headersCutIn = 25 * time.Second
	bodiesCutIn  = 60 * time.Second
)

// slowClients sends headers and bodies byte by byte. All others must not notice,
// and the program must cut the slow ones off: those with a body by the end of
// the last phase of this life.
func slowClients(ctx context.Context, s *soak, length time.Duration) error {
	const header = "POST /characters HTTP/1.1\r\nHost: character.localhost\r\n"
	body := header + "X-API-Key: " + s.caller.key + "\r\nContent-Type: application/json\r\nContent-Length: 100000\r\n\r\n{\"name\": \""
	var headers slowSenders
	if err := headers.start(ctx, s.caller.address, slowHeaders, header+"X-Slow: ", headersCutIn); err != nil {
		return err
	}
	if err := s.slow.start(ctx, s.caller.address, slowBodies, body, bodiesCutIn); err != nil {
		return err
	}
	wait(ctx, length)
	headers.all.Wait()
	s.progress("slow clients: %d of %d cut off in the header", headers.cut.Load(), slowHeaders)
	if alive := headers.alive.Load(); alive > 0 && ctx.Err() == nil {
		return fmt.Errorf("%d clients hold their connections for longer than %s with half a header", alive, headersCutIn)
	}
	return nil
}

// calmAgain also waits for the slow clients that were left sending bodies.
func calmAgain(ctx context.Context, s *soak, length time.Duration) error {
	wait(ctx, length)
	s.slow.all.Wait()
	cut, alive := s.slow.cut.Swap(0), s.slow.alive.Swap(0)
	s.progress("slow clients: %d of %d cut off in the body", cut, cut+alive)
	if alive > 0 && ctx.Err() == nil {
		return fmt.Errorf("%d clients hold their connections for longer than %s with half a body", alive, bodiesCutIn)
	}
	return nil
}

// idleConnections holds many connections open that have nothing to ask.
func idleConnections(ctx context.Context, s *soak, length time.Duration) error {
	before, err := s.resources(ctx)
	if err != nil {
		return err
	}
	var idle idlers
	defer idle.close()
	began := time.Now()
	if err := idle.fill(ctx, s.caller.address, s.idle); err != nil {
		return err
	}
	took := time.Since(began)
	wait(ctx, length)
	during, err := s.resources(ctx)
	if err != nil {
		return err
	}
	each := (during.RSSMiB - before.RSSMiB) * 1024 / float64(s.idle)
	s.progress("idle connections: %d opened in %s: %+v, %.1f KiB each", s.idle, took.Round(time.Second), during, each)
	s.report.Idle, s.report.IdleKiB = s.idle, each
	if err := idle.askSome(); err != nil {
		return fmt.Errorf("after %s: %w", length, err)
	}
	if each > perIdleKiB {
		return fmt.Errorf("an idle connection costs %.1f KiB; up to %d are allowed", each, perIdleKiB)
	}
	return nil
}

// kills ends the program as a crash would, again and again.
func kills(ctx context.Context, s *soak, length time.Duration) error {
	count := 0
	for began := time.Now(); time.Since(began) < length && ctx.Err() == nil; count++ {
		wait(ctx, 300*time.Millisecond+rand.N(1200*time.Millisecond))
		s.server.kill()
		if err := s.server.start(ctx, s.normal(), s.caller); err != nil {
			return err
		}
	}
	s.progress("kill -9: %d times", count)
	return nil
}

// stops ends the program in an orderly way, again and again.
func stops(ctx context.Context, s *soak, length time.Duration) error {
	count := 0
	for began := time.Now(); time.Since(began) < length && ctx.Err() == nil; count++ {
		wait(ctx, 500*time.Millisecond+rand.N(time.Second))
		if err := s.restart(ctx, s.normal()); err != nil {
			return err
		}
	}
	s.progress("stop and start: %d times", count)
	return nil
}

func (s *soak) restart(ctx context.Context, m manner) error {
	if err := s.server.stop(); err != nil {
		return err
	}
	return s.server.start(ctx, m, s.caller)
}
