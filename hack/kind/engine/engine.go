// Package engine finds the Docker engine that a kind cluster runs in, or starts one that ends with it.
package engine

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Answers reports whether a Docker engine answers where the docker command looks for it.
func Answers(ctx context.Context) bool {
	return exec.CommandContext(ctx, "docker", "version").Run() == nil
}

// Engine is a Docker engine that this project started.
type Engine struct {
	// Folder holds all that the engine keeps.
	Folder string
}

// Host is the address of the engine, as DOCKER_HOST has it.
func (e Engine) Host() string { return "unix://" + filepath.Join(e.Folder, "docker.sock") }

func (e Engine) pidFile() string { return filepath.Join(e.Folder, "dockerd.pid") }

// Start starts an engine in a folder. runtime is the OCI runtime for machines without every capability, built from
// hack/kind/bounded. It needs root and Debian's docker.io and iptables, or their like. The engine outlives this process
// and is ended by Stop.
func Start(ctx context.Context, folder, runtime string) (Engine, error) {
	e := Engine{folder}
	if os.Geteuid() != 0 {
		return e, errors.New("no Docker engine answers, and only root may start one; start Docker, or run this as root")
	}
	for _, program := range []string{"dockerd", "docker", "iptables"} {
		if _, err := exec.LookPath(program); err != nil {
			return e, fmt.Errorf("no Docker engine answers, and none can be started: apt-get install docker.io iptables: %w", err)
		}
	}
	log, err := os.Create(filepath.Join(folder, "dockerd.log"))
	if err != nil {
		return e, err
	}
	defer log.Close()
	cmd := exec.Command("dockerd", "--host", e.Host(), "--data-root", filepath.Join(folder, "data"), "--exec-root", filepath.Join(folder, "exec"),
		"--pidfile", e.pidFile(), "--storage-driver", "overlay2", "--add-runtime", "bounded="+runtime, "--default-runtime", "bounded")
	cmd.Stdout, cmd.Stderr = log, log
	cmd.SysProcAttr = &syscall.SysProcAttr{Setsid: true}
	if err := cmd.Start(); err != nil {
		return e, err
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	if err := os.Setenv("DOCKER_HOST", e.Host()); err != nil {
		return e, err
	}
	return e, e.awaitStart(ctx, ended)
}

func (e Engine) awaitStart(ctx context.Context, ended <-chan error) error {
	ctx, cancel := context.WithTimeout(ctx, time.Minute)
	defer cancel()
	for !Answers(ctx) {
		select {
		case err := <-ended:
			return fmt.Errorf("dockerd ended: %w; see %s", err, filepath.Join(e.Folder, "dockerd.log"))
		case <-ctx.Done():
			return fmt.Errorf("dockerd does not answer; see %s: %w", filepath.Join(e.Folder, "dockerd.log"), errors.Join(ctx.Err(), e.Stop()))
		case <-time.After(time.Second / 4):
		}
	}
	return nil
}

// Stop ends the engine and removes its folder with all that is mounted below it, and its networks. The
// bridge docker0 and rules in the firewall, which lead nowhere then, stay until the machine restarts.
func (e Engine) Stop() error {
	if err := e.removeNetworks(); err != nil {
		return err
	}
	if err := e.end(); err != nil {
		return err
	}
	if err := unmount(e.Folder); err != nil {
		return err
	}
	return os.RemoveAll(e.Folder)
}

// removeNetworks removes the networks that somebody has made in an engine that answers.
func (e Engine) removeNetworks() error {
	docker := func(args ...string) *exec.Cmd {
		return exec.Command("docker", append([]string{"--host", e.Host()}, args...)...)
	}
	if docker("version").Run() != nil {
		return nil
	}
	if output, err := docker("network", "prune", "--force").CombinedOutput(); err != nil {
		return fmt.Errorf("remove Docker's networks: %w: %s", err, output)
	}
	return nil
}

// end asks dockerd to end and kills it if it does not.
func (e Engine) end() error {
	text, err := os.ReadFile(e.pidFile())
	if errors.Is(err, os.ErrNotExist) {
		return nil
	}
	if err != nil {
		return err
	}
	pid, err := strconv.Atoi(strings.TrimSpace(string(text)))
	if err != nil {
		return fmt.Errorf("%s: %w", e.pidFile(), err)
	}
	if name, err := os.ReadFile(fmt.Sprintf("/proc/%d/comm", pid)); err != nil || strings.TrimSpace(string(name)) != "dockerd" {
		return nil
	}
	for _, signal := range []syscall.Signal{syscall.SIGTERM, syscall.SIGKILL} {
		if err := syscall.Kill(pid, signal); errors.Is(err, syscall.ESRCH) {
			return nil
		}
		for range 120 {
			if errors.Is(syscall.Kill(pid, 0), syscall.ESRCH) {
				return nil
			}
			time.Sleep(time.Second / 4)
		}
	}
	return fmt.Errorf("dockerd (process %d) does not end", pid)
}
