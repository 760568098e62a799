package storage

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// crashRounds names the environment variable that says how often to kill.
const crashRounds = "FOUNTAIN_CRASH_ROUNDS"

const crashWriters = 16

// TestCrash kills a process that writes, again and again, and looks for every
// write it had acknowledged. Each round goes on with the database of the last,
// so that recovery, the lock and the log left behind are tested too.
func TestCrash(t *testing.T) {
	rounds := 30
	if text := os.Getenv(crashRounds); text != "" {
		var err error
		rounds, err = strconv.Atoi(text)
		must(t, err)
	}
	path := filepath.Join(t.TempDir(), "x.db")
	acknowledged := map[int64]bool{}
	for round := range rounds {
		crashOnce(t, path, acknowledged)
		wantAcknowledged(t, path, round, acknowledged)
	}
	t.Logf("%d kills, %d acknowledged writes, none lost", rounds, len(acknowledged))
	if len(acknowledged) < rounds {
		t.Errorf("only %d writes in %d rounds: too few to show anything", len(acknowledged), rounds)
	}
}

// crashOnce adds what a writing process acknowledged before it was killed.
func crashOnce(t *testing.T, path string, acknowledged map[int64]bool) {
	t.Helper()
	command := childCommand(t, "write", path)
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	lines := bufio.NewScanner(output)
	for first := true; lines.Scan(); first = false {
		if first {
			// From the first write on, so that slow machines write too.
			time.AfterFunc(time.Duration(rand.Int64N(int64(60*time.Millisecond))), func() { _ = command.Process.Kill() })
		}
		number, err := strconv.ParseInt(lines.Text(), 10, 64)
		must(t, err)
		acknowledged[number] = true
	}
	must(t, lines.Err())
	if err := command.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the writing process ended with %v; want it killed", err)
	}
}

func wantAcknowledged(t *testing.T, path string, round int, acknowledged map[int64]bool) {
	t.Helper()
	db, err := openAt(path)
	must(t, err)
	found := map[int64]bool{}
	for _, number := range stored(t, db) {
		found[number] = true
	}
	for number := range acknowledged {
		if !found[number] {
			t.Fatalf("round %d: the acknowledged write %d is lost", round, number)
		}
	}
	// Each number comes with a line, in the same write.
	var lines int
	must(t, db.Read(t.Context(), func(tx *Tx) error {
		return tx.QueryRow("SELECT count(*) FROM lines", nil, &lines)
	}))
	if lines != len(found) {
		t.Errorf("round %d: %d numbers but %d lines: half a write was kept", round, len(found), lines)
	}
	must(t, db.Close())
	wantSound(t, path)
}

// childWrite writes until it is killed, and prints what is acknowledged.
func childWrite(path string) error {
	db, err := openAt(path)
	if err != nil {
		return err
	}
	// So that the kill meets checkpoints too.
	if err := db.writer.connection.exec("PRAGMA wal_autocheckpoint = 20"); err != nil {
		return err
	}
	var last int64
	if err := db.Read(context.Background(), func(tx *Tx) error {
		return tx.QueryRow("SELECT coalesce(max(number), 0) FROM numbers", nil, &last)
	}); err != nil {
		return err
	}
	var output sync.Mutex
	var writers sync.WaitGroup
	for writer := range int64(crashWriters) {
		writers.Go(func() {
			for number := last + 1 + writer; ; number += crashWriters {
				err := db.Write(context.Background(), insertNumberAndLine(number))
				output.Lock()
				if err != nil {
					fmt.Fprintln(os.Stderr, err)
				} else {
					// One system call, so that the kill cannot tear the line.
					fmt.Fprintln(os.Stdout, number)
				}
				output.Unlock()
			}
		})
	}
	writers.Wait()
	return nil
}

func insertNumberAndLine(number int64) WriteFunc {
	return func(ctx context.Context, tx *Tx) error {
		if err := insertNumber(number)(ctx, tx); err != nil {
			return err
		}
		body := strings.Repeat("The rest is silence. ", int(number%200))
		_, err := tx.Exec("INSERT INTO lines (id, script, heading, body) VALUES ($1, 1, 'EXT. ELSINORE', $2)", number, body)
		return err
	}
}
