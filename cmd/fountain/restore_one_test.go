package main

import (
	"bytes"
	"database/sql"
	"errors"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/storage"
)

// aBackup makes a folder with one named backup.
func aBackup(t *testing.T) (dir, name string) {
	t.Helper()
	dir = t.TempDir()
	report, err := backupRound(t.Context(), io.Discard, at(t, dir), dataFolder(stoppedStack(t)), 0, time.Now())
	if err != nil {
		t.Fatal(err)
	}
	return dir, filepath.Base(report.Backup)
}

// run runs a command line and returns what it printed.
func run(t *testing.T, arguments ...string) (string, error) {
	t.Helper()
	var output bytes.Buffer
	command := newCommand()
	command.SetOut(&output)
	command.SetErr(io.Discard)
	command.SetArgs(arguments)
	err := command.ExecuteContext(t.Context())
	return output.String(), err
}

func TestRestoreOneService(t *testing.T) {
	dir, name := aBackup(t)
	for _, source := range [][]string{{dir}, {dir, "--backup", latest}, {dir, "--backup", name}, {dir, "--backup", ""}, {filepath.Join(dir, name)}} {
		volume := filepath.Join(t.TempDir(), "volume")
		file := filepath.Join(volume, "character.db")
		arguments := append([]string{"restore", "--service", "character", "--database", "file:" + file, "--if-empty"}, source...)
		output, err := run(t, arguments...)
		if err != nil || !strings.Contains(output, "Restored "+file) {
			t.Fatalf("%v: %s, %v", source, output, err)
		}
		if err := checkDatabase(t.Context(), file, "character"); err != nil {
			t.Error(err)
		}
		info, err := os.Stat(file)
		if err != nil {
			t.Fatal(err)
		}
		output, err = run(t, arguments...)
		if again, statErr := os.Stat(file); err != nil || statErr != nil || !again.ModTime().Equal(info.ModTime()) || !strings.Contains(output, "nothing is restored") {
			t.Errorf("the second time: %s, %v, %v", output, err, statErr)
		}
		for _, other := range list(t, volume) {
			if other != "character.db" && other != "character.db.lock" {
				t.Errorf("%s is left", other)
			}
		}
	}
}

func TestRestoreOneServiceReplaces(t *testing.T) {
	dir, _ := aBackup(t)
	file := filepath.Join(t.TempDir(), "character.db")
	arguments := []string{"restore", dir, "--service", "character", "--database", file}
	// What a start leaves that was ended at once is no database.
	if err := os.WriteFile(file, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := run(t, append(arguments, "--if-empty")...); err != nil {
		t.Fatal(err)
	}
	_, err := run(t, arguments...)
	requireError(t, "--force", err)
	if output, err := run(t, append(arguments, "--force", "--json")...); err != nil || !strings.Contains(output, `"restored":true`) {
		t.Errorf("%s, %v", output, err)
	}
	if aside, err := filepath.Glob(file + ".before-restore-*"); err != nil || len(aside) == 0 {
		t.Errorf("the old database is not kept: %v, %v", aside, err)
	}
}

func TestRestoreOneServiceRefuses(t *testing.T) {
	dir, name := aBackup(t)
	set := filepath.Join(dir, name)
	swapped, foreign, newer, incomplete := copySet(t, set), copySet(t, set), copySet(t, set), copySet(t, set)
	copyOver(t, filepath.Join(set, "storyfactory.db"), filepath.Join(swapped, "character.db"))
	copyOver(t, filepath.Join(set, "storyfactory.db"), filepath.Join(foreign, "character.db"))
	sum(t, foreign, 5)
	makeNewer(t, filepath.Join(newer, "character.db"))
	sum(t, newer, 5)
	sum(t, incomplete, 4)
	tests := []struct {
		name      string
		arguments []string
		want      string
	}{
		{"another file than the manifest says", []string{swapped, "--service", "character"}, "SHA-256"},
		{"of another service", []string{foreign, "--service", "character"}, "storyfactory, not to character"},
		{"newer", []string{newer, "--service", "character"}, "newer than this program"},
		{"incomplete", []string{incomplete, "--service", "character"}, "no database of storyfactory"},
		{"unknown service", []string{set, "--service", "gateway"}, `--service "gateway"`},
		{"unknown backup", []string{dir, "--backup", "20200101T000000Z", "--service", "character"}, "the newest is " + name},
		{"no backup", []string{t.TempDir(), "--service", "character"}, "no complete backup"},
		{"no folder", []string{filepath.Join(dir, "nowhere"), "--service", "character"}, "no complete backup"},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "x.db")
			_, err := run(t, append([]string{"restore", "--database", file}, test.arguments...)...)
			requireError(t, test.want, err)
			if _, err := os.Stat(file); err == nil {
				t.Error("there is a database all the same")
			}
		})
	}
	for _, arguments := range [][]string{
		{"restore", dir, "--service", "character"}, {"restore", dir, "--database", "x.db"}, {"restore", dir, "--if-empty"},
		{"restore", dir, "--service", "character", "--database", "x.db", "--data", "y"}, {"restore", "gs://bucket"},
	} {
		if _, err := run(t, arguments...); err == nil {
			t.Errorf("%v was taken", arguments)
		}
	}
}

// TestRestoreChecksServices: the form for all five, too.
func TestRestoreChecksServices(t *testing.T) {
	dir, name := aBackup(t)
	set := filepath.Join(dir, name)
	copyOver(t, filepath.Join(set, "storyfactory.db"), filepath.Join(set, "character.db"))
	sum(t, set, 5)
	target := t.TempDir()
	err := restore(t.Context(), io.Discard, io.Discard, at(t, set), restoreOptions{data: target})
	requireError(t, "storyfactory, not to character", err)
	requireError(t, "nothing was changed", err)
	for _, left := range list(t, target) {
		if !strings.HasSuffix(left, ".lock") {
			t.Errorf("%s is left", left)
		}
	}
}

// TestServicesRefuseEachOthersDatabases with what a backup holds.
func TestServicesRefuseEachOthersDatabases(t *testing.T) {
	dir, name := aBackup(t)
	migrations := serviceMigrations()
	for _, owner := range serviceNames {
		for _, other := range serviceNames {
			err := storage.CheckService(t.Context(), filepath.Join(dir, name, owner+".db"), other, migrations[other])
			if (err == nil) != (owner == other) {
				t.Errorf("the database of %s for %s: %v", owner, other, err)
			}
			if err != nil && !strings.Contains(err.Error(), "belongs to the service "+owner+", not to "+other) {
				t.Error(err)
			}
		}
	}
}

func copyOver(t *testing.T, from, to string) {
	t.Helper()
	content, err := os.ReadFile(from)
	if err == nil {
		err = os.WriteFile(to, content, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
}

func copySet(t *testing.T, set string) string {
	t.Helper()
	changed := t.TempDir()
	if err := os.CopyFS(changed, os.DirFS(set)); err != nil {
		t.Fatal(err)
	}
	return changed
}

// makeNewer has a database say that a later version wrote it.
func makeNewer(t *testing.T, file string) {
	t.Helper()
	pool, err := sql.Open("sqlite", file)
	if err != nil {
		t.Fatal(err)
	}
	_, err = pool.Exec("INSERT INTO service_version (version_id, is_applied) VALUES (99, 1)")
	if err := errors.Join(err, pool.Close()); err != nil {
		t.Fatal(err)
	}
}

// sum writes the manifest of a changed set anew, with the first so many
// databases.
func sum(t *testing.T, set string, count int) {
	t.Helper()
	m, err := readManifest(t.Context(), at(t, set), "")
	if err != nil {
		t.Fatal(err)
	}
	m.Databases = m.Databases[:count]
	for i, c := range m.Databases {
		if m.Databases[i].SHA256, _, err = checksum(filepath.Join(set, c.File)); err != nil {
			t.Fatal(err)
		}
	}
	if err := writeManifest(set, m); err != nil {
		t.Fatal(err)
	}
}
