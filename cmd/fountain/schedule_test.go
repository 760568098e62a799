package main

import (
	"context"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/backupstore"
)

// stoppedStack makes a data folder with the databases of all services.
func stoppedStack(t *testing.T) string {
	t.Helper()
	data := t.TempDir()
	startStack(t, data).stop()
	return data
}

// at returns the store in a folder.
func at(t *testing.T, dir string) backupstore.Store {
	t.Helper()
	store, err := backupstore.At(dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	return store
}

func list(t *testing.T, dir string) []string {
	t.Helper()
	entries, err := os.ReadDir(dir)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, entry := range entries {
		names = append(names, entry.Name())
	}
	return names
}

func TestScheduleKeepsTheNewest(t *testing.T) {
	data := stoppedStack(t)
	dir := t.TempDir()
	// What a schedule has not made, or not completed, is none of its business;
	// what a crash has left of one is removed.
	for _, name := range []string{"20200101T000000Z", "before-the-move", ".20200101T000000Z.partial", ".20200102T000000Z.removed"} {
		if err := os.MkdirAll(filepath.Join(dir, name, "inside"), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	start := time.Date(2026, 1, 2, 3, 4, 5, 0, time.FixedZone("CET", 3600))
	for day := range 4 {
		report, err := backupRound(t.Context(), io.Discard, at(t, dir), dataFolder(data), 2, start.AddDate(0, 0, day))
		if err != nil {
			t.Fatal(err)
		}
		line := report.line()
		if removed := strings.Contains(line, "removed 1 old"); removed != (day >= 2) || strings.Contains(line, "\n") {
			t.Errorf("day %d: %s", day, line)
		}
	}
	if got, want := list(t, dir), []string{"20200101T000000Z", "20260104T020405Z", "20260105T020405Z", "before-the-move"}; !slices.Equal(got, want) {
		t.Errorf("got %v, want %v", got, want)
	}
	target := t.TempDir()
	if err := restore(t.Context(), io.Discard, io.Discard, at(t, filepath.Join(dir, "20260105T020405Z")), restoreOptions{data: target}); err != nil {
		t.Error(err)
	}
}

func TestScheduleFailureLeavesNothing(t *testing.T) {
	data := stoppedStack(t)
	dir := t.TempDir()
	if _, err := backupRound(t.Context(), io.Discard, at(t, dir), dataFolder(data), 1, time.Now().Add(-time.Hour)); err != nil {
		t.Fatal(err)
	}
	before := list(t, dir)
	if err := os.WriteFile(databasePath(data, "storyfactory"), []byte("not a database at all"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := backupRound(t.Context(), io.Discard, at(t, dir), dataFolder(data), 1, time.Now()); err == nil {
		t.Error("a broken database was backed up")
	}
	if after := list(t, dir); !slices.Equal(after, before) {
		t.Errorf("got %v, want %v", after, before)
	}
}

// lines passes on what is written, a line at a time.
type lines chan string

func (l lines) Write(p []byte) (int, error) {
	l <- string(p)
	return len(p), nil
}

func TestBackupEveryGoesOnAfterErrors(t *testing.T) {
	data := stoppedStack(t)
	hidden, file := filepath.Join(data, "hidden"), databasePath(data, "character")
	if err := os.Rename(file, hidden); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	stdout, stderr, done, dir := make(lines), make(lines), make(chan error, 1), filepath.Join(t.TempDir(), "new")
	go func() {
		done <- backupEvery(ctx, stdout, stderr, dir, backupOptions{data: data, every: time.Second, keep: 1})
	}()
	if line := <-stderr; !strings.Contains(line, "no database of character") || !strings.Contains(line, "trying again in 1s") {
		t.Error(line)
	}
	if err := os.Rename(hidden, file); err != nil {
		t.Fatal(err)
	}
	for made := 0; made < 2; {
		select {
		case line := <-stdout:
			made++
			if !strings.Contains(line, "backed up 5 databases") || strings.Count(line, "\n") != 1 {
				t.Error(line)
			}
		case <-stderr: // a round began before the database was back
		case err := <-done:
			t.Fatalf("ended: %v", err)
		}
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if got := list(t, dir); len(got) != 1 {
		t.Errorf("%v are kept, want one", got)
	}
}

func TestBackupScheduleFlags(t *testing.T) {
	for _, c := range []struct {
		flags []string
		want  string
	}{
		{[]string{"--every", "0s"}, "--every"},
		{[]string{"--every", "-24h"}, "--every"},
		{[]string{"--every", "24h", "--keep", "0"}, "--keep"},
		{[]string{"--keep", "0"}, "--keep 0"},
		{[]string{"--data", "x", "--from", "http://{service}"}, "[data from]"},
		{[]string{"--from", "http://{service}"}, "FOUNTAIN_SNAPSHOT_TOKEN"},
		{[]string{"--from", "http://localhost:8000"}, "{service}"},
		{[]string{"--from", "{service}:8000"}, "--from"},
		{[]string{"--every", "daily"}, "--every"},
		{[]string{"--every", "24h", "--json"}, "json"},
	} {
		command := newCommand()
		command.SetOut(io.Discard)
		command.SetErr(io.Discard)
		command.SetArgs(append([]string{"backup", t.TempDir()}, c.flags...))
		requireError(t, c.want, command.ExecuteContext(t.Context()))
	}
}

// Once the databases are on a server, their files must not be taken for them.
func TestBackupOfMovedDatabases(t *testing.T) {
	t.Setenv(databaseEnv, "postgres://db.example.org/fountainai")
	for _, flags := range [][]string{nil, {"--every", "24h"}} {
		place := t.TempDir()
		command := newCommand()
		command.SetOut(io.Discard)
		command.SetErr(io.Discard)
		command.SetArgs(append([]string{"backup", filepath.Join(place, "backup"), "--data", t.TempDir()}, flags...))
		requireError(t, "pg_dump", command.ExecuteContext(t.Context()))
		if made, err := os.ReadDir(place); err != nil || len(made) > 0 {
			t.Errorf("the backup left %v, %v", made, err)
		}
	}
}

// With a volume per service each database has a folder of its own.
func TestBackupAndRestoreOfVolumes(t *testing.T) {
	flat, volumes, dir := stoppedStack(t), t.TempDir(), filepath.Join(t.TempDir(), "backup")
	for _, name := range serviceNames {
		if err := os.Mkdir(filepath.Join(volumes, name), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.Rename(databasePath(flat, name), filepath.Join(volumes, name, name+".db")); err != nil {
			t.Fatal(err)
		}
	}
	if err := backup(t.Context(), io.Discard, io.Discard, dir, backupOptions{data: volumes}); err != nil {
		t.Fatal(err)
	}
	requireError(t, "--force", restore(t.Context(), io.Discard, io.Discard, at(t, dir), restoreOptions{data: volumes}))
	for _, name := range serviceNames {
		if err := os.Remove(filepath.Join(volumes, name, name+".db")); err != nil {
			t.Fatal(err)
		}
	}
	if err := restore(t.Context(), io.Discard, io.Discard, at(t, dir), restoreOptions{data: volumes}); err != nil {
		t.Fatal(err)
	}
	for _, name := range serviceNames {
		if _, err := os.Stat(filepath.Join(volumes, name, name+".db")); err != nil {
			t.Error(err)
		}
		if _, err := os.Stat(databasePath(volumes, name)); err == nil {
			t.Errorf("%s lies outside its volume", name)
		}
	}
	if err := os.WriteFile(databasePath(volumes, "character"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	requireError(t, "there are both", backup(t.Context(), io.Discard, io.Discard, filepath.Join(t.TempDir(), "b"), backupOptions{data: volumes}))
}
