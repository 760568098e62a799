// The program under test: fountain up as a process.
package main

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"
)

const (
	// readyIn bounds a start, and how long a fault may be felt once it is over.
	readyIn = 60 * time.Second
	// stopIn bounds an orderly stop: the program gives requests 25 s.
	stopIn = 40 * time.Second
)

// server runs fountain up on a folder of data, again and again.
type server struct {
	address string
	data    string
	config  string
	// temporary is where the program and SQLite put temporary files.
	temporary string
	log       *programLog
	// join is told the process id before there is any load; nil: nobody is.
	join    func(pid int) error
	process *exec.Cmd
	exited  chan struct{}
}

// manner is how the program is started.
type manner struct {
	binary string
	// descriptors is how many files it may have; 0: as many as this program.
	descriptors int
	environment []string
}

// start returns once all services are ready.
func (s *server) start(ctx context.Context, m manner, c *caller) error {
	line := []string{m.binary, "up", "--addr", s.address, "--data", s.data, "--config", s.config, "--log-level", "warn"}
	if m.descriptors > 0 {
		line = append([]string{"sh", "-c", fmt.Sprintf(`ulimit -n %d; exec "$@"`, m.descriptors), "sh"}, line...)
	}
	process := exec.Command(line[0], line[1:]...)
	// A group of its own: Ctrl-C is for this program, which then ends that one.
	process.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	process.Env = append(os.Environ(), "GODEBUG=gctrace=1", "TMPDIR="+s.temporary, "SQLITE_TMPDIR="+s.temporary)
	process.Env = append(process.Env, m.environment...)
	process.Stdout, process.Stderr = io.Discard, s.log
	s.log.restarted()
	if err := process.Start(); err != nil {
		return err
	}
	s.process, s.exited = process, make(chan struct{})
	go func() {
		_ = process.Wait()
		close(s.exited)
	}()
	if s.join != nil {
		if err := s.join(process.Process.Pid); err != nil {
			return err
		}
	}
	return s.ready(ctx, c)
}

// ready waits until every service can write.
func (s *server) ready(ctx context.Context, c *caller) error {
	ctx, cancel := context.WithTimeout(ctx, readyIn)
	defer cancel()
	var missing error
	for {
		if missing = errors.Join(s.readKey(c), unready(ctx, c)); missing == nil {
			return nil
		}
		select {
		case <-s.exited:
			return fmt.Errorf("fountain up ended by itself: %s", s.log.tail())
		case <-ctx.Done():
			return fmt.Errorf("not ready in %s: %w", readyIn, missing)
		case <-time.After(20 * time.Millisecond):
		}
	}
}

// readKey gives the caller the key that the first start has made.
func (s *server) readKey(c *caller) error {
	if c.key != "" {
		return nil
	}
	key, err := os.ReadFile(filepath.Join(s.data, "api-key"))
	c.key = strings.TrimSpace(string(key))
	return err
}

// unready returns why a service cannot write, nil if all can.
func unready(ctx context.Context, c *caller) error {
	for _, service := range services {
		given, err := c.send(ctx, request{service: service, method: http.MethodGet, path: "/readyz"})
		if err == nil && (given.status != http.StatusOK || !bytes.Contains(given.body, []byte(`"status":"ready"`))) {
			err = fmt.Errorf("%d %.300s", given.status, given.body)
		}
		if err != nil {
			return fmt.Errorf("%s: %w", service, err)
		}
	}
	return nil
}

// kill ends the process as a crash would.
func (s *server) kill() {
	_ = s.process.Process.Signal(syscall.SIGKILL)
	<-s.exited
}

// stop ends the process in an orderly way.
func (s *server) stop() error {
	_ = s.process.Process.Signal(syscall.SIGTERM)
	select {
	case <-s.exited:
	case <-time.After(stopIn):
		s.kill()
		return fmt.Errorf("fountain up did not stop in %s", stopIn)
	}
	if code := s.process.ProcessState.ExitCode(); code != 0 {
		return fmt.Errorf("fountain up stopped with exit code %d: %s", code, s.log.tail())
	}
	return nil
}

func (s *server) running() bool {
	if s.process == nil {
		return false
	}
	select {
	case <-s.exited:
		return false
	default:
		return true
	}
}

// programLog takes what the program writes to its standard error. The lines with
// which Go's runtime tells of each garbage collection are read, all others kept.
type programLog struct {
	mutex sync.Mutex
	file  io.Writer
	rest  []byte
	last  [][]byte
	// cycles counts the collections since the start, live is the heap in MiB
	// that the last one found in use.
	cycles, live int
	// alarms are lines that must never be there.
	alarms []string
}

var (
	collection = regexp.MustCompile(`^gc \d+ @.* \d+->\d+->(\d+) MB, `)
	alarming   = regexp.MustCompile(`panic|fault=|fatal error|DATA RACE|goroutine \d+ \[`)
)

func (l *programLog) Write(text []byte) (int, error) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.rest = append(l.rest, text...)
	for {
		line, rest, found := bytes.Cut(l.rest, []byte("\n"))
		if !found {
			return len(text), nil
		}
		l.rest = rest
		if err := l.take(bytes.Clone(line)); err != nil {
			return 0, err
		}
	}
}

func (l *programLog) take(line []byte) error {
	if match := collection.FindSubmatch(line); match != nil {
		l.cycles++
		l.live, _ = strconv.Atoi(string(match[1]))
		return nil
	}
	if alarming.Match(line) && len(l.alarms) < mostDifferences {
		l.alarms = append(l.alarms, string(line))
	}
	l.last = append(l.last[max(0, len(l.last)-9):], line)
	_, err := fmt.Fprintf(l.file, "%s\n", line)
	return err
}

func (l *programLog) restarted() {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	l.cycles, l.live, l.rest = 0, 0, nil
}

func (l *programLog) collections() (cycles, liveMiB int) {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return l.cycles, l.live
}

// tail returns the last lines.
func (l *programLog) tail() string {
	l.mutex.Lock()
	defer l.mutex.Unlock()
	return string(bytes.Join(l.last, []byte("\n")))
}
