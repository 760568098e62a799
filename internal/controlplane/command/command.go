// Package command runs other programs for tests and tools: they end with this process, and an error says what they
// complained about.
package command

import (
	"context"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
)

// Go returns the go command with its arguments, to run in a folder. Programs are built static and for this machine, whatever
// the flags and the workspace of the caller are.
func Go(ctx context.Context, folder string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, "go", args...)
	cmd.Dir = folder
	cmd.Env = append(os.Environ(), "GOFLAGS=-mod=readonly -trimpath -buildvcs=false", "GOWORK=off", "CGO_ENABLED=0",
		"GOOS="+runtime.GOOS, "GOARCH="+runtime.GOARCH)
	return cmd
}

// Output runs a command that ends with this process, and returns what it prints, without white space around it. An error has
// the end of what the command complained about.
func Output(cmd *exec.Cmd) (string, error) {
	runtime.LockOSThread() // the parent-death signal comes when the thread ends
	defer runtime.UnlockOSThread()
	endWithParent(cmd)
	var complaint strings.Builder
	cmd.Stderr = &complaint
	out, err := cmd.Output()
	if err != nil {
		return "", fmt.Errorf("%s %s: %w: %s", filepath.Base(cmd.Path), firstArgument(cmd), err, lastLines(complaint.String(), 5))
	}
	return strings.TrimSpace(string(out)), nil
}

func firstArgument(cmd *exec.Cmd) string {
	if len(cmd.Args) < 2 {
		return ""
	}
	return cmd.Args[1]
}

func lastLines(text string, n int) string {
	lines := strings.Split(strings.TrimSpace(text), "\n")
	return strings.Join(lines[max(0, len(lines)-n):], "\n")
}
