//go:build linux

// No program of a control plane is left behind, however the test ends.
package controlplane

import (
	"bufio"
	"errors"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

func TestNothingIsLeftAfterDeath(t *testing.T) {
	skipIfAsked(t)
	for _, tc := range []struct {
		name string
		end  func(*exec.Cmd, func() error) error
	}{
		{"killed", func(cmd *exec.Cmd, _ func() error) error { return cmd.Process.Kill() }},
		{"panic", func(_ *exec.Cmd, closeInput func() error) error { return closeInput() }},
	} {
		t.Run(tc.name, func(t *testing.T) {
			folder := t.TempDir()
			cmd := exec.CommandContext(t.Context(), os.Args[0])
			cmd.Env = append(os.Environ(), victim+"="+folder)
			input, err := cmd.StdinPipe()
			if err != nil {
				t.Fatal(err)
			}
			output, err := cmd.StdoutPipe()
			if err != nil {
				t.Fatal(err)
			}
			if err := cmd.Start(); err != nil {
				t.Fatal(err)
			}
			awaitLine(t, bufio.NewScanner(output), "started")
			if got := running(t, folder); len(got) != 2 {
				t.Fatalf("running before the end: %q, want etcd and kube-apiserver", got)
			}
			if err := tc.end(cmd, input.Close); err != nil {
				t.Fatal(err)
			}
			var exit *exec.ExitError
			if err := cmd.Wait(); !errors.As(err, &exit) {
				t.Fatalf("the test ended with %v", err)
			}
			awaitNone(t, folder)
		})
	}
}

func TestNothingIsLeftAfterStop(t *testing.T) {
	skipIfAsked(t)
	folder := t.TempDir()
	s, err := start(folder, nil)
	if err != nil {
		t.Fatal(err)
	}
	if got := running(t, folder); len(got) != 2 {
		t.Errorf("running before the end: %q, want etcd and kube-apiserver", got)
	}
	if err := s.stop(); err != nil {
		t.Error(err)
	}
	if got := running(t, folder); len(got) != 0 {
		t.Errorf("still running after the end: %q", got)
	}
}

func awaitLine(t *testing.T, lines *bufio.Scanner, want string) {
	t.Helper()
	var seen []string
	for lines.Scan() {
		if lines.Text() == want {
			return
		}
		seen = append(seen, lines.Text())
	}
	t.Fatalf("no %q in:\n%s", want, strings.Join(seen, "\n"))
}

// awaitNone gives the kernel the moment that it takes to end what it has sent a signal to.
func awaitNone(t *testing.T, folder string) {
	t.Helper()
	var left []string
	for range 200 {
		if left = running(t, folder); len(left) == 0 {
			return
		}
		time.Sleep(50 * time.Millisecond)
	}
	t.Errorf("still running: %q", left)
}

// running returns the command lines of the processes that were started from folder.
func running(t *testing.T, folder string) []string {
	t.Helper()
	files, err := filepath.Glob("/proc/[0-9]*/cmdline")
	if err != nil {
		t.Fatal(err)
	}
	var found []string
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err == nil && strings.HasPrefix(string(data), filepath.Join(folder, "programs")) {
			found = append(found, strings.ReplaceAll(string(data), "\x00", " "))
		}
	}
	return found
}
