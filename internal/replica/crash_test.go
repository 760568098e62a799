package replica

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/replica/replicatest"
	"fountain.coach/fountainai/internal/storage"
)

// asWriter makes the test binary write to a database with a replica until it is
// killed: its value is the path, and after a space the replica.
const asWriter = "FOUNTAIN_TEST_AS_WRITER"

func TestMain(m *testing.M) {
	path, url, found := strings.Cut(os.Getenv(asWriter), " ")
	if !found {
		os.Exit(m.Run())
	}
	if err := writeForEver(path, url); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// writeForEver prints "ack NUMBER TIME" of each write, and "synced TIME SNAPSHOTS"
// as the replica follows, times in nanoseconds.
func writeForEver(path, url string) error {
	s, _, err := open(context.Background(), path, Settings{URL: url, Logger: silent()})
	if err != nil {
		return err
	}
	last := 0
	if err := s.DB.Read(context.Background(), func(tx *storage.Tx) error {
		return tx.QueryRow("SELECT coalesce(max(number), 0) FROM numbers", nil, &last)
	}); err != nil {
		return err
	}
	next := atomic.Int64{}
	next.Store(int64(last))
	for range 16 {
		go func() {
			for {
				number := next.Add(1)
				if err := insert(s.DB, int(number)); err != nil {
					fmt.Fprintln(os.Stderr, err)
					os.Exit(1)
				}
				// One system call, so that the kill cannot tear the line.
				fmt.Printf("ack %d %d\n", number, time.Now().UnixNano())
			}
		}()
	}
	for {
		status := s.Status()
		fmt.Printf("synced %d %d\n", status.Synced.UnixNano(), status.Snapshots)
		time.Sleep(10 * time.Millisecond)
	}
}

// life is what a writer told before it was killed.
type life struct {
	acknowledged map[int]time.Time
	synced       time.Time
	snapshots    int
	killed       time.Time
}

// liveAndDie starts a writer and kills it after it has synced a few times.
func liveAndDie(t *testing.T, path string, settings Settings, env map[string]string) life {
	t.Helper()
	command := exec.Command(os.Args[0])
	command.Env = append(os.Environ(), asWriter+"="+path+" "+settings.URL)
	for name, value := range env {
		command.Env = append(command.Env, name+"="+value)
	}
	command.Stderr = os.Stderr
	output, err := command.StdoutPipe()
	must(t, err)
	must(t, command.Start())
	l := life{acknowledged: map[int]time.Time{}}
	var killer sync.Once
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		words := strings.Fields(lines.Text())
		value, _ := strconv.Atoi(words[1])
		if words[0] == "ack" {
			moment, _ := strconv.ParseInt(words[2], 10, 64)
			l.acknowledged[value] = time.Unix(0, moment)
			continue
		}
		l.synced = time.Unix(0, int64(value))
		l.snapshots, _ = strconv.Atoi(words[2])
		if value > 0 {
			killer.Do(func() {
				time.AfterFunc(time.Second+time.Duration(rand.Int64N(int64(time.Second))), func() {
					l.killed = time.Now()
					_ = command.Process.Kill()
				})
			})
		}
	}
	must(t, lines.Err())
	if err := command.Wait(); err == nil || !strings.Contains(err.Error(), "killed") {
		t.Fatalf("the writer ended with %v; want it killed", err)
	}
	return l
}

// judge compares what is in the database with what was acknowledged. What was
// acknowledged before the replica last said that it had all must be there.
func (l life) judge(t *testing.T, found map[int]bool, lossless bool) {
	t.Helper()
	lost, window := 0, time.Duration(0)
	for number, moment := range l.acknowledged {
		if found[number] {
			continue
		}
		lost++
		window = max(window, l.killed.Sub(moment))
		if lossless || moment.Before(l.synced) {
			t.Errorf("%d is lost, acknowledged %s before the kill; the replica had all up to %s before it",
				number, l.killed.Sub(moment), l.killed.Sub(l.synced))
		}
		if t.Failed() {
			return
		}
	}
	t.Logf("%d acknowledged, %d lost with the volume; the loss window was %s, the replica said %s",
		len(l.acknowledged), lost, window.Round(time.Millisecond), l.killed.Sub(l.synced).Round(time.Millisecond))
}

// TestDiskLoss kills a service under load, takes its volume away, and begins anew
// with the replica; and kills it again and leaves it the volume.
func TestDiskLoss(t *testing.T) {
	address := replicatest.S3(t)
	host, sftpEnv := replicatest.SFTP(t)
	for kind, test := range map[string]struct {
		url string
		env map[string]string
	}{
		"folder": {t.TempDir(), nil},
		"s3":     {"s3://" + replicatest.Bucket + "/loss", replicatest.S3Env(address)},
		"sftp":   {"sftp://fountain@" + host + t.TempDir(), sftpEnv},
	} {
		t.Run(kind, func(t *testing.T) {
			settings := fast(test.url, test.env)
			path := newPath(t)
			first := liveAndDie(t, path, settings, test.env)
			loseVolume(t, path)
			found := look(t, path, settings)
			first.judge(t, found, false)

			// The second goes on with what was restored; nothing of that is lost.
			second := liveAndDie(t, path, settings, test.env)
			found = look(t, path, settings)
			second.judge(t, found, true)

			third := liveAndDie(t, path, settings, test.env)
			if third.snapshots != 0 {
				t.Errorf("after a kill the replica began anew, with %d snapshots", third.snapshots)
			}
			loseVolume(t, path)
			found = look(t, path, settings)
			third.judge(t, found, false)
			for number := range second.acknowledged {
				if !found[number] {
					t.Fatalf("%d of the life before is lost", number)
				}
			}
		})
	}
}

// look opens the database as a service does, and reads it. It is closed as by a
// kill: with the log unfolded and what was not sent still here.
func look(t *testing.T, path string, settings Settings) map[int]bool {
	t.Helper()
	_, err := Restore(t.Context(), settings, service, path, testMigrations())
	must(t, err)
	db, err := storage.Open(t.Context(), path, testMigrations(), storage.Options{Logger: silent(), Service: service, Unfolded: true})
	must(t, err)
	found := numbers(t, db)
	copied := filepath.Join(t.TempDir(), "copy.db")
	must(t, db.Backup(t.Context(), copied))
	must(t, storage.Check(t.Context(), copied))
	must(t, db.Close())
	return found
}
