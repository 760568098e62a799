package main

import (
	"context"
	"fmt"
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/controlplane/command"
	"fountain.coach/fountainai/internal/storage/postgrestest"
)

// databaseGuide returns the commands of the guide to PostgreSQL that need no
// cluster, in their order.
func databaseGuide(t *testing.T) string {
	t.Helper()
	page, err := os.ReadFile("../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## File → PostgreSQL\n")
	section, _, _ = strings.Cut(section, "\n## ")
	var commands strings.Builder
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllStringSubmatch(section, -1)
	if len(blocks) != 5 {
		t.Fatalf("the guide has %d blocks to run, want 5", len(blocks))
	}
	for _, block := range blocks {
		commands.WriteString(block[1])
	}
	return commands.String()
}

// freePort returns a port that nobody listens on.
func freePort(t *testing.T) string {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer listener.Close()
	return fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)
}

// TestTheDatabaseGuideRunsAsWritten runs every command of docs/scaling.md on
// PostgreSQL that needs no cluster, from a stack with a screenplay on. Ports are
// others than those of the guide, which may be taken.
func TestTheDatabaseGuideRunsAsWritten(t *testing.T) {
	guide, folder := databaseGuide(t), t.TempDir()
	for name, source := range map[string]string{"fountain": ".", "character": "../../services/character/cmd"} {
		if _, err := command.Output(command.Go(t.Context(), "", "build", "-o", filepath.Join(folder, "bin", name), source)); err != nil {
			t.Fatal(err)
		}
	}
	data := filepath.Join(folder, "data")
	s := startStack(t, data)
	if _, err := s.importFile(t, t.Context(), lighthouse); err != nil {
		t.Fatal(err)
	}
	s.stop()
	front := freePort(t)
	guide = strings.ReplaceAll(guide, "bin/fountain up ", "bin/fountain up --addr 127.0.0.1:"+front+" ")
	for _, port := range []string{"9001", "9002", "9003"} {
		guide = strings.ReplaceAll(guide, port, freePort(t))
	}
	// Whatever happens, nothing that was started stays.
	guide = "trap 'kill $(jobs -p) 2>/dev/null || true' EXIT\n" + guide
	ctx, cancel := context.WithTimeout(t.Context(), 2*time.Minute)
	defer cancel()
	guided := exec.CommandContext(ctx, "bash", "-xeuo", "pipefail", "-c", guide)
	guided.Dir = folder
	guided.Env = append(os.Environ(), postgrestest.Start(t).Environ()...)
	guided.Env = append(guided.Env, "FOUNTAIN_URL=http://localhost:"+front)
	log, err := os.Create(filepath.Join(folder, "log")) // a file: what is left running holds up nobody
	if err != nil {
		t.Fatal(err)
	}
	defer log.Close()
	guided.Stdout, guided.Stderr = log, log
	if err := guided.Run(); err != nil {
		output, _ := os.ReadFile(log.Name())
		t.Fatalf("%v\n%s", err, output)
	}
}
