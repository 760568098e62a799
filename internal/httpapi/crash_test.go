package httpapi

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/storage"
)

// asService makes the test binary run the test service instead of the tests.
const asService = "FOUNTAIN_TEST_AS_SERVICE"

func TestMain(m *testing.M) {
	if os.Getenv(asService) != "" {
		os.Exit(Main(testDefinition()))
	}
	os.Exit(m.Run())
}

// child is the test service in a process of its own.
type child struct {
	command *exec.Cmd
	url     string
}

func startChild(t *testing.T, path string) *child {
	t.Helper()
	command := exec.Command(os.Args[0], "--addr", "127.0.0.1:0", "--database", path)
	command.Env = append(os.Environ(), asService+"=1")
	output, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { command.Process.Kill() })
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "ready" {
			go io.Copy(io.Discard, output)
			return &child{command: command, url: "http://" + line.Address}
		}
		t.Log(lines.Text())
	}
	t.Fatal("the service did not start")
	return nil
}

// end sends the signal and returns the process's exit code, -1 if it was killed.
func (c *child) end(t *testing.T, signal syscall.Signal) int {
	t.Helper()
	if err := c.command.Process.Signal(signal); err != nil {
		t.Fatal(err)
	}
	_ = c.command.Wait() // the exit code says it all
	return c.command.ProcessState.ExitCode()
}

func TestSignals(t *testing.T) {
	path := filepath.Join(t.TempDir(), "items.db")
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGINT} {
		if got := startChild(t, path).end(t, signal); got != 0 {
			t.Errorf("%s: got exit code %d", signal, got)
		}
		checkpointed(t, path)
	}
}

// write is one POST of the crash test.
type write struct {
	name  string
	keyed bool
	// answer is the body of the 201, empty while none has come.
	answer string
}

// send posts the write and reports whether it was acknowledged.
func (w *write) send(client *http.Client, url string) (replayed bool, err error) {
	request, err := http.NewRequest(http.MethodPost, url+"/items", strings.NewReader(`{"name":"`+w.name+`"}`))
	if err != nil {
		return false, err
	}
	request.Header.Set("Content-Type", "application/json")
	if w.keyed {
		request.Header.Set(keyHeader, w.name)
	}
	answer, err := client.Do(request)
	if err != nil {
		return false, err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return false, err
	}
	if answer.StatusCode != http.StatusCreated {
		return false, fmt.Errorf("status %d: %s", answer.StatusCode, body)
	}
	if w.answer != "" && w.answer != string(body) {
		return true, fmt.Errorf("%w: got %s, want %s", errOtherAnswer, body, w.answer)
	}
	w.answer = string(body)
	return answer.Header.Get(replayedHeader) == "true", nil
}

var errOtherAnswer = errors.New("another answer than the first")

// crashTest holds the service to its promise over many crashes.
type crashTest struct {
	*testing.T
	path   string
	client *http.Client
	// kept are acknowledged writes, open those whose outcome is not known.
	kept, open []*write
	replays    int
}

// TestCrash kills the service at random moments while clients write, and checks
// that each write it acknowledged is there exactly once, and that those sent
// with a key stay so however often they are repeated. FOUNTAIN_CRASH_ROUNDS
// sets the number of crashes.
func TestCrash(t *testing.T) {
	rounds := 20
	if set, err := strconv.Atoi(os.Getenv("FOUNTAIN_CRASH_ROUNDS")); err == nil {
		rounds = set
	}
	c := &crashTest{
		T: t, path: filepath.Join(t.TempDir(), "items.db"),
		client: &http.Client{Transport: &http.Transport{MaxIdleConnsPerHost: 16}},
	}
	for round := range rounds {
		service := startChild(t, c.path)
		c.repeat(service)
		c.crash(service, round)
		c.verify()
		if t.Failed() {
			t.Fatalf("round %d", round)
		}
	}
	service := startChild(t, c.path)
	c.repeat(service)
	if code := service.end(t, syscall.SIGTERM); code != 0 {
		t.Errorf("stop: got exit code %d", code)
	}
	c.verify()
	t.Logf("%d crashes, %d acknowledged writes, %d replays, %d without an answer", rounds, len(c.kept), c.replays, len(c.open))
}

// repeat sends again what had a key: all whose outcome is not known, and some
// of those that were acknowledged.
func (c *crashTest) repeat(service *child) {
	var open []*write
	for _, w := range c.open {
		if !w.keyed {
			open = append(open, w)
			continue
		}
		if _, err := w.send(c.client, service.url); err != nil {
			c.Errorf("repeat %s: %v", w.name, err)
		}
		c.kept = append(c.kept, w)
	}
	c.open = open
	for range min(len(c.kept), 20) {
		w := c.kept[rand.IntN(len(c.kept))]
		if !w.keyed {
			continue
		}
		if replayed, err := w.send(c.client, service.url); err != nil || !replayed {
			c.Errorf("repeat acknowledged %s: replayed %v, %v", w.name, replayed, err)
		}
		c.replays++
	}
}

// crash lets clients write until the service is killed under them.
func (c *crashTest) crash(service *child, round int) {
	const clients = 16
	var group sync.WaitGroup
	var lock sync.Mutex
	for client := range clients {
		group.Go(func() {
			for i := 0; ; i++ {
				w := &write{name: fmt.Sprintf("%d.%d.%d", round, client, i), keyed: client%2 == 0}
				_, err := w.send(c.client, service.url)
				lock.Lock()
				if err == nil {
					c.kept = append(c.kept, w)
				} else {
					c.open = append(c.open, w)
				}
				lock.Unlock()
				if err != nil {
					return
				}
			}
		})
	}
	time.Sleep(time.Duration(rand.IntN(100)) * time.Millisecond)
	service.end(c.T, syscall.SIGKILL)
	group.Wait()
	c.client.CloseIdleConnections()
}

// verify looks into the database while no service runs.
func (c *crashTest) verify() {
	c.Helper()
	found := c.names()
	for _, w := range c.kept {
		if found[w.name] != 1 {
			c.Errorf("acknowledged %s is there %d times", w.name, found[w.name])
		}
	}
	for _, w := range c.open {
		if found[w.name] > 1 {
			c.Errorf("%s is there %d times", w.name, found[w.name])
		}
	}
	if err := storage.Check(context.Background(), c.path); err != nil {
		c.Errorf("check: %v", err)
	}
}

func (c *crashTest) names() map[string]int {
	c.Helper()
	db, err := storage.Open(context.Background(), "file:"+c.path, testMigrations(), storage.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		c.Fatal(err)
	}
	defer db.Close()
	found := map[string]int{}
	err = db.Read(context.Background(), func(tx *storage.Tx) error {
		return tx.Query("SELECT name FROM items", nil, func(row func(dest ...any) error) error {
			var name string
			err := row(&name)
			found[name]++
			return err
		})
	})
	if err != nil {
		c.Fatal(err)
	}
	return found
}
