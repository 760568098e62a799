package storage

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// addOne is what no two may do at once: it looks, and writes what follows.
func addOne(_ context.Context, tx *Tx) error {
	var highest int64
	if err := tx.QueryRow("SELECT coalesce(max(number), 0) FROM numbers", nil, &highest); err != nil {
		return err
	}
	_, err := tx.Exec("INSERT INTO numbers (number) VALUES ($1)", highest+1)
	return err
}

// wantLine fails the test unless the numbers from 1 to count are there.
func wantLine(t *testing.T, db *DB, count int) {
	t.Helper()
	want := make([]int64, count)
	for i := range want {
		want[i] = int64(i + 1)
	}
	wantStored(t, db, want...)
}

// Writes at three replicas happen as if one after the other, with and without
// the locks that let one of them run alone.
func TestServerAsIfAlone(t *testing.T) {
	for name, prepare := range map[string]func(p *postgres){
		"turns":  func(*postgres) {},
		"pauses": func(p *postgres) { p.alone, p.together = "", "" },
	} {
		t.Run(name, func(t *testing.T) {
			const clients, each = 12, 15
			all := replicas(t, postgrestest.URL(t), 3)
			for _, db := range all {
				prepare(db.postgres)
			}
			var kept atomic.Int64
			var busy sync.WaitGroup
			for client := range clients {
				busy.Go(func() {
					for range each {
						switch err := all[client%3].Write(context.Background(), addOne); {
						case err == nil:
							kept.Add(1)
						case name == "turns" || !errors.Is(err, ErrUnavailable):
							t.Error(err)
						}
					}
				})
			}
			busy.Wait()
			wantLine(t, all[0], int(kept.Load()))
			if name == "turns" && kept.Load() != clients*each {
				t.Errorf("%d writes were kept", kept.Load())
			}
		})
	}
}

// Of two that each look at what the other is about to delete, one finds it gone.
func TestServerWriteSkew(t *testing.T) {
	all := replicas(t, postgrestest.URL(t), 2)
	store(t, all[0], 1, 2)
	var looked, both sync.WaitGroup
	looked.Add(2)
	for i, db := range all {
		runs := 0
		both.Go(func() {
			err := db.Write(context.Background(), func(_ context.Context, tx *Tx) error {
				var left int
				err := tx.QueryRow("SELECT count(*) FROM numbers", nil, &left)
				if runs++; runs == 1 {
					looked.Done()
					looked.Wait()
				}
				if err != nil || left < 2 {
					return err
				}
				_, err = tx.Exec("DELETE FROM numbers WHERE number = $1", i+1)
				return err
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if left := stored(t, all[0]); len(left) != 1 {
		t.Errorf("left are %v, want one", left)
	}
}

// Two that wait for each other are told apart, and both are carried out.
func TestServerDeadlock(t *testing.T) {
	all := replicas(t, postgrestest.URL(t), 2)
	for _, db := range all {
		db.postgres.alone, db.postgres.together = "", ""
	}
	store(t, all[0], 10, 20)
	runs := make([]int, 2)
	var met, both sync.WaitGroup
	met.Add(2)
	for i, db := range all {
		both.Go(func() {
			err := db.Write(context.Background(), func(_ context.Context, tx *Tx) error {
				runs[i]++
				for step, number := range []int64{10 + 10*int64(i), 20 - 10*int64(i)} {
					if _, err := tx.Exec("UPDATE numbers SET number = number WHERE number = $1", number); err != nil {
						return err
					}
					if step == 0 && runs[i] == 1 {
						met.Done()
						met.Wait()
					}
				}
				return nil
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	both.Wait()
	if runs[0]+runs[1] < 3 {
		t.Errorf("they ran %v times; nothing was tried", runs)
	}
}

// Writes that wait for each other leave connections to those who read.
func TestServerReadsGoOn(t *testing.T) {
	db := openServerAt(t, postgrestest.URL(t))
	const clients = 2 * defaultConnections
	entered, leave := make(chan struct{}, clients), make(chan struct{})
	var writers sync.WaitGroup
	for i := range clients {
		writers.Go(func() {
			err := db.Write(context.Background(), func(ctx context.Context, tx *Tx) error {
				entered <- struct{}{}
				<-leave
				return insertNumber(int64(i+1))(ctx, tx)
			})
			if err != nil {
				t.Error(err)
			}
		})
	}
	for range cap(db.postgres.writes.slots) {
		<-entered
	}
	wantStored(t, db)
	close(leave)
	writers.Wait()
	wantLine(t, db, clients)
}

// cutter stands between a database and its server. Armed, it lets the next
// COMMIT through and cuts the line before its answer comes back.
type cutter struct {
	listener net.Listener
	server   string
	armed    atomic.Bool
	cut      atomic.Int64
}

func newCutter(t *testing.T, databaseURL string) (c *cutter, through string) {
	t.Helper()
	parsed, err := url.Parse(databaseURL)
	must(t, err)
	query := parsed.Query()
	c = &cutter{server: filepath.Join(query.Get("host"), ".s.PGSQL.5432")}
	c.listener, err = net.Listen("tcp", "127.0.0.1:0")
	must(t, err)
	t.Cleanup(func() { _ = c.listener.Close() })
	go func() {
		for {
			near, err := c.listener.Accept()
			if err != nil {
				return
			}
			go c.carry(near)
		}
	}()
	query.Del("host")
	parsed.Host, parsed.RawQuery = c.listener.Addr().String(), query.Encode()
	return c, parsed.String()
}

func (c *cutter) carry(near net.Conn) {
	far, err := net.Dial("unix", c.server)
	if err != nil {
		_ = near.Close()
		return
	}
	go func() {
		_, _ = io.Copy(near, far)
		_ = near.Close()
	}()
	defer near.Close()
	defer far.Close()
	piece := make([]byte, 64<<10)
	for {
		n, err := near.Read(piece)
		if err != nil {
			return
		}
		if strings.Contains(string(piece[:n]), "COMMIT") && c.armed.CompareAndSwap(true, false) {
			_ = near.Close() // nobody hears the answer
			_, _ = far.Write(piece[:n])
			_, _ = io.Copy(io.Discard, far) // until the server has seen that its client is gone
			c.cut.Add(1)
			return
		}
		if _, err := far.Write(piece[:n]); err != nil {
			return
		}
	}
}

// A commit whose answer got lost is not repeated, and not called a failure.
func TestServerUncertain(t *testing.T) {
	address := postgrestest.URL(t)
	c, through := newCutter(t, address)
	db, beside := openServerAt(t, through), openServerAt(t, address)
	store(t, db, 1)
	runs := 0
	c.armed.Store(true)
	err := db.Write(t.Context(), func(ctx context.Context, tx *Tx) error {
		runs++
		return insertNumber(2)(ctx, tx)
	})
	if wantError(t, err, ErrUncertain); runs != 1 || errors.Is(err, ErrUnavailable) {
		t.Errorf("it ran %d times and ended with %v", runs, err)
	}
	for len(stored(t, beside)) < 2 {
		time.Sleep(time.Millisecond) // the commit is on its way
	}
	store(t, db, 3)
	wantStored(t, db, 1, 2, 3)
}

// tally notes what became of writes.
type tally struct {
	lock            sync.Mutex
	kept, uncertain []int64
}

func (y *tally) note(t *testing.T, number int64, err error) {
	y.lock.Lock()
	defer y.lock.Unlock()
	switch {
	case err == nil:
		y.kept = append(y.kept, number)
	case errors.Is(err, ErrUncertain):
		y.uncertain = append(y.uncertain, number)
	case !errors.Is(err, ErrUnavailable):
		t.Errorf("%d: %v", number, err)
	}
}

// check fails the test unless what was acknowledged is there, and besides it at
// most what is uncertain.
func (y *tally) check(t *testing.T, db *DB) {
	t.Helper()
	found := stored(t, db)
	for _, number := range y.kept {
		if !slices.Contains(found, number) {
			t.Errorf("%d was acknowledged and is lost", number)
		}
	}
	for _, number := range found {
		if !slices.Contains(y.kept, number) && !slices.Contains(y.uncertain, number) {
			t.Errorf("%d was refused and is there", number)
		}
	}
}

// The server ends under load, as by its operator and as in a crash, and comes
// back: nothing acknowledged is lost, and the same processes go on.
func TestServerRestarts(t *testing.T) {
	server := postgrestest.Start(t)
	all := replicas(t, server.URL(), 3)
	var y tally
	var next atomic.Int64
	done := make(chan struct{})
	var busy sync.WaitGroup
	for client := range 9 {
		busy.Go(func() {
			for {
				select {
				case <-done:
					return
				default:
				}
				number := next.Add(1)
				err := all[client%3].Write(context.Background(), insertNumber(number))
				if y.note(t, number, err); err != nil {
					time.Sleep(5 * time.Millisecond)
				}
			}
		})
	}
	stop := sync.OnceFunc(func() {
		close(done)
		busy.Wait()
	})
	defer stop()
	keeps := func(more int) {
		for start := -1; ; time.Sleep(time.Millisecond) {
			y.lock.Lock()
			count := len(y.kept)
			y.lock.Unlock()
			if start < 0 {
				start = count
			}
			if count >= start+more {
				return
			}
		}
	}
	for _, end := range []func(){server.Halt, server.Kill, server.Halt} {
		keeps(50)
		end()
		err := all[0].Write(t.Context(), insertNumber(next.Add(1)))
		wantError(t, err, ErrUnavailable)
		wantError(t, all[1].Read(t.Context(), func(*Tx) error { return nil }), ErrUnavailable)
		server.Restart(t)
	}
	keeps(50)
	stop()
	y.check(t, all[2])
}

// A replica that hangs in the middle of a write keeps others waiting no longer
// than the server allows.
func TestServerFrozenReplica(t *testing.T) {
	address := postgrestest.URL(t)
	frozen, other := openServerAt(t, address+"&idle_in_transaction_session_timeout=300"), openServerAt(t, address)
	frozen.postgres.together = frozen.postgres.alone // it has the database for itself
	inside, wake := make(chan struct{}), make(chan struct{})
	ended := make(chan error)
	tries := 0
	go func() {
		ended <- frozen.Write(context.Background(), func(ctx context.Context, tx *Tx) error {
			if tries++; tries == 1 {
				must(t, insertNumber(1)(ctx, tx))
				close(inside)
				<-wake
			}
			return insertNumber(3)(ctx, tx)
		})
	}()
	<-inside
	store(t, other, 2)
	close(wake)
	must(t, <-ended) // nothing was kept of the first try
	wantStored(t, other, 2, 3)
}

func TestServerOutcomes(t *testing.T) {
	db := openServerAt(t, postgrestest.URL(t))
	var seen [outcomes]int
	db.Observe(func(c Commit) {
		for outcome, count := range c.Writes {
			seen[outcome] += count
		}
	})
	store(t, db, 1)
	_ = db.Write(t.Context(), insertNumber(1))
	_ = db.Write(t.Context(), func(context.Context, *Tx) error { return fmt.Errorf("x: %w", ErrFull) })
	_ = db.Write(t.Context(), func(context.Context, *Tx) error { return ErrUncertain })
	if fmt.Sprint(seen) != "[1 1 0 1 1]" {
		t.Errorf("got %v", seen)
	}
}
