package main

import (
	"bytes"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/gateway/conformance"
)

func TestUpConformsToTheGateway(t *testing.T) {
	data := t.TempDir()
	s := startStack(t, data)
	writer, err := readKey(data, "writer")
	if err != nil {
		t.Fatal(err)
	}
	reader, err := readKey(data, "reader")
	if err != nil {
		t.Fatal(err)
	}
	conformance.Run(t, conformance.Target{Page: true, URL: s.remote.url, Domain: "localhost", WriterKey: writer, ReaderKey: reader})
}

func TestUpKeepsItsKeyAndData(t *testing.T) {
	data := filepath.Join(t.TempDir(), "not yet there")
	s := startStack(t, data)
	first, err := readKey(data, "writer")
	if err != nil {
		t.Fatal(err)
	}
	info, err := os.Stat(keyPath(data, "writer"))
	if err != nil {
		t.Fatal(err)
	}
	if info.Mode().Perm() != 0o600 {
		t.Errorf("the key file has mode %o, want 600", info.Mode().Perm())
	}
	body := map[string]string{"name": "Juliet", "description": ""}
	if _, err := s.client(t).Do(t.Context(), client.Request{Service: "character", Method: http.MethodPost, Path: "/characters", Body: body}, nil); err != nil {
		t.Fatal(err)
	}
	s.stop()

	s = startStack(t, data)
	if second, err := readKey(data, "writer"); err != nil || second != first {
		t.Errorf("the key changed over a restart (%v)", err)
	}
	if rows := s.rows(t); rows["character.characters"] != 1 {
		t.Errorf("got %d characters after a restart, want 1", rows["character.characters"])
	}
}

func TestUpRefuses(t *testing.T) {
	data := t.TempDir()
	s := startStack(t, data)
	broken := filepath.Join(t.TempDir(), "kong.yml")
	if err := os.WriteFile(broken, []byte("_format_version: \"3.0\"\nservicez: []\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		options upOptions
		want    string
	}{
		"data in use":       {upOptions{addr: "127.0.0.1:0", data: data}, "is open in another process"},
		"address in use":    {upOptions{addr: strings.TrimPrefix(s.remote.url, "http://"), data: t.TempDir()}, "--addr"},
		"unknown field":     {upOptions{addr: "127.0.0.1:0", data: t.TempDir(), config: broken}, "servicez"},
		"no configuration":  {upOptions{addr: "127.0.0.1:0", data: t.TempDir(), config: "nowhere.yml"}, "nowhere.yml"},
		"a file as server":  {upOptions{addr: "127.0.0.1:0", data: t.TempDir(), database: "file:x.db"}, "takes a PostgreSQL server"},
		"one schema":        {upOptions{addr: "127.0.0.1:0", data: t.TempDir(), database: "postgres://x/y?search_path=z"}, "leave search_path out"},
		"unknown log level": {upOptions{addr: "127.0.0.1:0", data: t.TempDir(), logLevel: "loud"}, "log level"},
	} {
		t.Run(name, func(t *testing.T) {
			c.options.logFormat = "text"
			if c.options.logLevel == "" {
				c.options.logLevel = "warn"
			}
			err := up(t.Context(), io.Discard, io.Discard, c.options)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one that says %q", err, c.want)
			}
		})
	}
}

func TestBackupAndRestore(t *testing.T) {
	data, dir := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	s := startStack(t, data)
	report, err := s.importFile(t, t.Context(), plays(t)[0])
	if err != nil {
		t.Fatal(err)
	}
	want := s.rows(t)
	if err := backup(t.Context(), io.Discard, io.Discard, dir, backupOptions{data: data}); err != nil {
		t.Fatal(err)
	}
	if err := backup(t.Context(), io.Discard, io.Discard, dir, backupOptions{data: data}); err == nil {
		t.Error("a backup went into a folder that has one")
	}
	body := map[string]string{"name": "Too late", "description": ""}
	if _, err := s.client(t).Do(t.Context(), client.Request{Service: "character", Method: http.MethodPost, Path: "/characters", Body: body}, nil); err != nil {
		t.Fatal(err)
	}
	requireError(t, "in use", restore(t.Context(), io.Discard, io.Discard, at(t, dir), restoreOptions{data: data, force: true}))
	s.stop()
	requireError(t, "--force", restore(t.Context(), io.Discard, io.Discard, at(t, dir), restoreOptions{data: data}))
	var output bytes.Buffer
	if err := restore(t.Context(), &output, io.Discard, at(t, dir), restoreOptions{data: data, force: true}); err != nil {
		t.Fatal(err)
	}
	aside, err := filepath.Glob(filepath.Join(data, "character.db.before-restore-*"))
	if err != nil || len(aside) != 1 {
		t.Errorf("the old database is not kept beside the new one: %v, %v", aside, err)
	}
	s = startStack(t, data)
	requireRows(t, s.rows(t), want)
	requireSame(t, s.exported(t, report.ScriptID), parseFile(t, plays(t)[0]))
}

func TestRestoreRefusesADamagedBackup(t *testing.T) {
	data, dir := t.TempDir(), filepath.Join(t.TempDir(), "backup")
	s := startStack(t, data)
	s.stop()
	if err := backup(t.Context(), io.Discard, io.Discard, dir, backupOptions{data: data}); err != nil {
		t.Fatal(err)
	}
	empty := t.TempDir()
	requireError(t, "manifest.json", restore(t.Context(), io.Discard, io.Discard, at(t, empty), restoreOptions{data: t.TempDir()}))
	file := filepath.Join(dir, "character.db")
	content, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)/2] ^= 0xff
	if err := os.WriteFile(file, content, 0o600); err != nil {
		t.Fatal(err)
	}
	target := t.TempDir()
	requireError(t, "SHA-256", restore(t.Context(), io.Discard, io.Discard, at(t, dir), restoreOptions{data: target}))
	for _, name := range list(t, target) {
		if !strings.HasSuffix(name, ".lock") { // these stay, to keep others out
			t.Errorf("a refused restore left %s", name)
		}
	}
}

func requireError(t *testing.T, want string, err error) {
	t.Helper()
	if err == nil || !strings.Contains(err.Error(), want) {
		t.Errorf("got error %v, want one that says %q", err, want)
	}
}

func TestStatus(t *testing.T) {
	s := startStack(t, t.TempDir())
	var output bytes.Buffer
	if err := status(t.Context(), &output, s.remote); err != nil {
		t.Fatal(err)
	}
	for _, name := range serviceNames {
		if !strings.Contains(output.String(), name) {
			t.Errorf("the table has no row of %s:\n%s", name, output.String())
		}
	}
	s.stop()
	requireError(t, "unreachable", status(t.Context(), io.Discard, s.remote))
}
