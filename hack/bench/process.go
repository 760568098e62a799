// Starting and stopping what is measured.
package main

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
	"time"

	"github.com/prometheus/procfs"
)

// server is a process that answers HTTP on loopback.
type server struct {
	name    string
	address string
	command *exec.Cmd
	// started is how long it took until it answered.
	started time.Duration
}

// startServer starts a command and waits until its health path answers.
func startServer(ctx context.Context, name, health string, environment []string, arguments func(address string) []string) (*server, error) {
	address, err := freeAddress()
	if err != nil {
		return nil, err
	}
	line := arguments(address)
	command := exec.Command(line[0], line[1:]...)
	command.Env = append(os.Environ(), environment...)
	begun := time.Now()
	if err := command.Start(); err != nil {
		return nil, err
	}
	s := &server{name: name, address: address, command: command}
	for time.Since(begun) < 20*time.Second && ctx.Err() == nil {
		response, err := http.Get("http://" + address + health)
		if err == nil {
			response.Body.Close()
			if response.StatusCode < http.StatusInternalServerError {
				s.started = time.Since(begun)
				return s, nil
			}
		}
		time.Sleep(500 * time.Microsecond)
	}
	s.stop()
	return nil, fmt.Errorf("%s did not answer on %s", name, address)
}

func freeAddress() (string, error) {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		return "", err
	}
	defer listener.Close()
	return listener.Addr().String(), nil
}

// stop ends the process and waits for it.
func (s *server) stop() {
	_ = s.command.Process.Signal(syscall.SIGTERM)
	_ = s.command.Wait()
}

// memory returns the resident memory in MiB.
func (s *server) memory() (float64, error) {
	process, err := procfs.NewProc(s.command.Process.Pid)
	if err != nil {
		return 0, err
	}
	status, err := process.NewStatus()
	return float64(status.VmRSS) / (1 << 20), err
}

// processorTime returns how long the process has computed, in steps of the
// system's clock, 10 ms on Linux.
func (s *server) processorTime() (time.Duration, error) {
	process, err := procfs.NewProc(s.command.Process.Pid)
	if err != nil {
		return 0, err
	}
	stat, err := process.Stat()
	return time.Duration(stat.CPUTime() * float64(time.Second)), err
}

// startService starts one of the five services on a database, with further settings.
func (b *bench) startService(ctx context.Context, name, database string, settings ...string) (*server, error) {
	program := []string{"bin/" + name}
	if b.profile != "" {
		b.runs++
		program = []string{"bin/bench-profiled", filepath.Join(b.profile, fmt.Sprintf("%s-%d.prof", name, b.runs)), name}
	}
	environment := append(settings, "FOUNTAIN_LOG_LEVEL=warn", "FOUNTAIN_DATABASE_URL="+database)
	return startServer(ctx, name, "/healthz", environment, func(address string) []string {
		return append(program, "--addr", address)
	})
}

func startFastAPI(ctx context.Context, database string) (*server, error) {
	environment := []string{"BENCH_DATABASE=sqlite:///" + database}
	return startServer(ctx, "FastAPI", "/characters?limit=1", environment, func(address string) []string {
		_, port, _ := net.SplitHostPort(address)
		return []string{"uvicorn", "--app-dir", "hack/bench/fastapi", "app:app", "--host", "127.0.0.1", "--port", port, "--log-level", "warning"}
	})
}

func startEmpty(ctx context.Context) (*server, error) {
	return startServer(ctx, "empty handler", "/healthz", nil, func(address string) []string {
		return []string{"bin/bench-empty", address}
	})
}

// startGateway starts the embedded gateway by itself before services at targets.
func (b *bench) startGateway(ctx context.Context, config string) (*server, error) {
	program := []string{"bin/fountain", "gateway", "--https", "", "--status", "", "--log-level", "warn", "--config", config, "--http"}
	if b.profile != "" {
		b.runs++
		program = []string{"bin/bench-profiled", filepath.Join(b.profile, fmt.Sprintf("gateway-%d.prof", b.runs)), "gateway", config}
	}
	return startServer(ctx, "fountain gateway", "/", nil, func(address string) []string { return append(program, address) })
}

// startUp starts the whole stack in one process. config may be empty.
func startUp(ctx context.Context, data, config string) (*server, error) {
	return startServer(ctx, "fountain up", "/", nil, func(address string) []string {
		return []string{"bin/fountain", "up", "--addr", address, "--data", data, "--config", config}
	})
}
