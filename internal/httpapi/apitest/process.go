// Replicas as processes, which can be killed.
package apitest

import (
	"bufio"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"os/exec"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/storage"
	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// asReplica makes the test binary run the service instead of its tests.
const asReplica = "FOUNTAIN_TEST_AS_REPLICA"

// Process is a replica of a service in a process of its own.
type Process struct {
	URL     string
	command *exec.Cmd
}

// StartProcess runs the service of this test binary on a database, until Kill or
// the end of the test.
func StartProcess(t testing.TB, database string) *Process {
	t.Helper()
	command := exec.Command(os.Args[0], "--addr", "127.0.0.1:0", "--database-url", database, "--log-level", "info")
	command.Env = append(os.Environ(), asReplica+"=1")
	output, err := command.StderrPipe()
	if err != nil {
		t.Fatal(err)
	}
	if err := command.Start(); err != nil {
		t.Fatal(err)
	}
	p := &Process{command: command}
	t.Cleanup(p.Kill)
	lines := bufio.NewScanner(output)
	for lines.Scan() {
		var line struct{ Msg, Address string }
		if json.Unmarshal(lines.Bytes(), &line) == nil && line.Msg == "ready" {
			go io.Copy(io.Discard, output)
			p.URL = "http://" + line.Address
			return p
		}
	}
	t.Fatal("the replica did not start")
	return nil
}

// Kill ends the process with SIGKILL. Further calls do nothing.
func (p *Process) Kill() {
	if p.command.ProcessState == nil {
		_ = p.command.Process.Kill()
		_ = p.command.Wait()
	}
}

// Post sends a body with an Idempotency-Key and returns the status and body of
// the answer. An error means that there was none.
func (p *Process) Post(path, key, body string) (status int, answer, retryAfter string, err error) {
	request, err := http.NewRequest(http.MethodPost, p.URL+path, strings.NewReader(body))
	if err != nil {
		return 0, "", "", err
	}
	request.Header.Set("Content-Type", "application/json")
	if key != "" {
		request.Header.Set("Idempotency-Key", key)
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return 0, "", "", err
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	return response.StatusCode, string(content), response.Header.Get("Retry-After"), err
}

// Get decodes what the replica answers into target.
func (p *Process) Get(t testing.TB, path string, target any) {
	t.Helper()
	response, err := http.Get(p.URL + path)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	content, err := io.ReadAll(response.Body)
	if err == nil && response.StatusCode != http.StatusOK {
		err = fmt.Errorf("status %d", response.StatusCode)
	}
	if err == nil {
		err = json.Unmarshal(content, target)
	}
	if err != nil {
		t.Fatalf("GET %s: %v: %s", path, err, content)
	}
}

// NewServer returns a database server of the test's own. On SQLite the test is
// skipped, since a file has one process.
func NewServer(t testing.TB) *postgrestest.Server {
	t.Helper()
	if engine != storage.PostgreSQL {
		t.Skip("on PostgreSQL only: a SQLite file has one process")
	}
	return postgrestest.Start(t)
}
