package main

import (
	"net"
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
)

// asFountain makes the test binary the command fountain.
const asFountain = "FOUNTAIN_TEST_AS_FOUNTAIN"

func TestMain(m *testing.M) {
	if os.Getenv(asFountain) != "" {
		main()
		return
	}
	os.Exit(m.Run())
}

// fountainCommand puts a bin/fountain into folder that listens on a free port in
// place of 8000.
func fountainCommand(t *testing.T, folder string) (environment []string) {
	t.Helper()
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().(*net.TCPAddr)
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	script := "#!/bin/sh\n[ \"$1\" != up ] || set -- \"$@\" --addr " + address.String() + "\nexec " + os.Args[0] + " \"$@\"\n"
	if err := os.MkdirAll(filepath.Join(folder, "bin"), 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(folder, "bin", "fountain"), []byte(script), 0o700); err != nil {
		t.Fatal(err)
	}
	_, port, _ := net.SplitHostPort(address.String())
	return append(os.Environ(), asFountain+"=1", "FOUNTAIN_URL=http://localhost:"+port)
}

// TestTheReplicaGuideRunsAsWritten runs the commands of docs/scaling.md on replicated
// files one after the other, as somebody would who follows the page.
func TestTheReplicaGuideRunsAsWritten(t *testing.T) {
	page, err := os.ReadFile("../../docs/scaling.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, _ := strings.Cut(string(page), "\n## One file → replicated file\n")
	section, _, _ = strings.Cut(section, "\n## ")
	folder := t.TempDir()
	if output, err := exec.Command("cp", "-a", "../../samples", folder).CombinedOutput(); err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	blocks := regexp.MustCompile("(?ms)^```sh\n(.*?)^```").FindAllStringSubmatch(section, -1)
	if len(blocks) != 3 {
		t.Fatalf("the guide has %d blocks to run, want 3", len(blocks))
	}
	// Whatever fails, no stack is left.
	script := "trap 'kill ${stack:-} 2>/dev/null || true' EXIT\n"
	for _, block := range blocks {
		script += block[1]
	}
	command := exec.CommandContext(t.Context(), "bash", "-euo", "pipefail", "-c", script)
	command.Dir = folder
	command.Env = fountainCommand(t, folder)
	output, err := command.CombinedOutput()
	if err != nil {
		t.Fatalf("%v\n%s", err, output)
	}
	for _, want := range []string{"following", "Title:", "Restored looked-at/character.db from the replica."} {
		if !strings.Contains(string(output), want) {
			t.Errorf("the commands do not show %q:\n%s", want, output)
		}
	}
	for _, copied := range []string{"data", "looked-at"} {
		if _, err := os.Stat(filepath.Join(folder, copied, "character.db")); err != nil {
			t.Error(err)
		}
	}
}
