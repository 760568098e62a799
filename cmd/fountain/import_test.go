package main

import (
	"context"
	"fmt"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/screenplay"
)

func TestImportThenExport(t *testing.T) {
	s := startStack(t, t.TempDir())
	for _, file := range plays(t) {
		t.Run(filepath.Base(file), func(t *testing.T) {
			want := parseFile(t, file)
			report, err := s.importFile(t, t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			requireSame(t, s.exported(t, report.ScriptID), want)

			before := s.rows(t)
			again, err := s.importFile(t, t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			if !again.Already || again.ScriptID != report.ScriptID || created(again) != 0 {
				t.Errorf("a second import: got %+v, want script %d and nothing new", again, report.ScriptID)
			}
			requireRows(t, s.rows(t), before)
		})
	}
}

// Everything that the parser can make of small files must survive the services.
func TestImportThenExportOddities(t *testing.T) {
	s := startStack(t, t.TempDir())
	for name, text := range map[string]string{
		"only a title":           "Title: Alone\n",
		"windows":                "\ufeffTITLE: A\r\nAuthor: B\r\n\r\nINT. HOUSE - DAY #1A#\r\n\r\nBOB (V.O.)\r\n(beat)\r\nHello.\r\n",
		"parentheticals only":    "BOB\n(waits)\n(and waits)\n",
		"sung":                   "BOB\n~La la\n(stops)\nEnough.\n",
		"dual":                   "BOB\nOne.\n\nANN ^\nTwo.\n",
		"forced":                 "!INT. not a heading\n\n@McAvoy\nAye.\n\n> FADE SLOWLY\n\n.A HEADING\n",
		"many blank lines":       "One.\n\n\n\nTwo.\n",
		"sections":               "# Act\n\n## Scene\n\n= What happens\n\nAction.\n",
		"notes and boneyards":    "[[stand alone]]\n\nBOB [[who?]]\nWords [[inline]].\n\n/* gone\n\nfor good */\n\nAction.\n",
		"centered and breaks":    "> THE END <\n\n===\n\n~Alone I sing\n",
		"other scripts":          "@花子\nこんにちは。\n\nÉMILIE\nOui.\n",
		"title page with layout": "Title:\n\t_**BRICK & STEEL**_\n\t_**FULL RETIRED**_\nCredit: Written by\nAuthor: Somebody\n\nAction.\n",
		"empty speech":           "@BOB\n\nAction.\n",
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "play.fountain")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			report, err := s.importFile(t, t.Context(), file)
			if err != nil {
				t.Fatal(err)
			}
			requireSame(t, s.exported(t, report.ScriptID), parseFile(t, file))
		})
	}
}

// An import that is interrupted anywhere, again and again, ends as one that was
// never interrupted.
func TestImportResumes(t *testing.T) {
	files := plays(t)
	file := files[len(files)-1]
	reference := startStack(t, t.TempDir())
	report, err := reference.importFile(t, t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	requireSame(t, reference.exported(t, report.ScriptID), parseFile(t, file))
	want := reference.rows(t)
	reference.stop()

	s := startStack(t, t.TempDir())
	interrupted := 0
	for patience := time.Millisecond; ; patience += patience/4 + time.Millisecond {
		ctx, cancel := context.WithTimeout(t.Context(), patience+rand.N(patience))
		report, err := s.importFile(t, ctx, file)
		cancel()
		if err == nil {
			requireSame(t, s.exported(t, report.ScriptID), parseFile(t, file))
			break
		}
		if interrupted++; interrupted > 200 {
			t.Fatalf("still not complete: %v", err)
		}
	}
	if interrupted < 3 {
		t.Errorf("the import was interrupted only %d times", interrupted)
	}
	requireRows(t, s.rows(t), want)
}

func TestTwoImportsAtOnce(t *testing.T) {
	file := plays(t)[0]
	s := startStack(t, t.TempDir())
	failures := make(chan error, 4)
	for range cap(failures) {
		go func() {
			_, err := s.importFile(t, t.Context(), file)
			failures <- err
		}()
	}
	for range cap(failures) {
		if err := <-failures; err != nil {
			t.Error(err)
		}
	}
	if rows := s.rows(t); rows["scriptmanagement.scripts"] != 1 {
		t.Errorf("got %d scripts, want 1", rows["scriptmanagement.scripts"])
	}
	requireSame(t, s.exported(t, 1), parseFile(t, file))
}

func TestImportRefusesWhatCannotBeStored(t *testing.T) {
	s := startStack(t, t.TempDir())
	before := s.rows(t)
	for name, c := range map[string]struct{ text, want string }{
		"too long":     {"BOB\n" + strings.Repeat("word ", 20000), "element 1"},
		"not UTF-8":    {"BOB\nCaf\xe9.\n", "UTF-8"},
		"a long name":  {"@" + strings.Repeat("X", 2000) + "\nHello.\n", "character name"},
		"missing file": {"", "no such file"},
		"empty":        {"\n\n", "no screenplay"},
	} {
		t.Run(name, func(t *testing.T) {
			file := filepath.Join(t.TempDir(), "play.fountain")
			if name != "missing file" {
				if err := os.WriteFile(file, []byte(c.text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			_, err := s.importFile(t, t.Context(), file)
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Errorf("got error %v, want one that names %q", err, c.want)
			}
		})
	}
	requireRows(t, s.rows(t), before)
}

// What is changed in the services after an import shows in the export.
func TestExportShowsChanges(t *testing.T) {
	file := filepath.Join(t.TempDir(), "play.fountain")
	text := "Title: Before\n\nINT. HOUSE - DAY\n\nBOB\nHello.\n\nBob leaves.\n\nCUT TO:\n"
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	s := startStack(t, t.TempDir())
	if _, err := s.importFile(t, t.Context(), file); err != nil {
		t.Fatal(err)
	}
	api := s.client(t)
	for _, change := range []struct {
		service, path string
		body          map[string]any
	}{
		{"scriptmanagement", "/scripts/1", map[string]any{"title": "After"}},
		{"scriptmanagement", "/scripts/1/sections/1", map[string]any{"title": "EXT. GARDEN - NIGHT"}},
		{"scriptmanagement", "/scripts/1/transitions/1", map[string]any{"text": "SMASH CUT TO:"}},
		{"character", "/characters/1", map[string]any{"name": "ROBERT"}},
		{"character", "/spokenWords/1", map[string]any{"text": "Good evening.", "parenthetical": "bowing"}},
		{"character", "/actions/1", map[string]any{"description": "Robert stays."}},
	} {
		_, err := api.Do(t.Context(), client.Request{Service: change.service, Method: http.MethodPatch, Path: change.path, Body: change.body}, nil)
		if err != nil {
			t.Fatalf("%s %s: %v", change.service, change.path, err)
		}
	}
	want, err := screenplay.Parse(strings.NewReader("Title: After\n\nEXT. GARDEN - NIGHT\n\nROBERT\n(bowing)\nGood evening.\n\nRobert stays.\n\nSMASH CUT TO:\n"))
	if err != nil {
		t.Fatal(err)
	}
	requireSame(t, s.exported(t, 1), want)
}

func TestExportOfAnAssembledStory(t *testing.T) {
	s := startStack(t, t.TempDir())
	api := s.client(t)
	for _, r := range []struct {
		service, path string
		body          map[string]any
	}{
		{"scriptmanagement", "/scripts", map[string]any{"title": "Romeo and Juliet", "author": "William Shakespeare"}},
		{"scriptmanagement", "/scripts/1/sections", map[string]any{"title": "INT. CAPULET HOUSE - NIGHT", "sequenceNumber": 1}},
		{"character", "/characters", map[string]any{"name": "Juliet", "description": "Thirteen years old."}},
		{"character", "/actions", map[string]any{"description": "Juliet steps to the window.", "scriptId": 1, "characterId": 1, "sequenceNumber": 2}},
		{"character", "/spokenWords", map[string]any{"text": "Ay me!", "scriptId": 1, "characterId": 1, "sequenceNumber": 3}},
	} {
		if _, err := api.Do(t.Context(), client.Request{Service: r.service, Method: http.MethodPost, Path: r.path, Body: r.body}, nil); err != nil {
			t.Fatalf("%s %s: %v", r.service, r.path, err)
		}
	}
	want, err := screenplay.Parse(strings.NewReader(
		"Title: Romeo and Juliet\nAuthor: William Shakespeare\n\nINT. CAPULET HOUSE - NIGHT\n\nJuliet steps to the window.\n\nJULIET\nAy me!\n"))
	if err != nil {
		t.Fatal(err)
	}
	requireSame(t, s.exported(t, 1), want)
}

// A story that was deleted is written again, not taken for done.
func TestImportAfterDeletingTheStory(t *testing.T) {
	file := plays(t)[0]
	s := startStack(t, t.TempDir())
	report, err := s.importFile(t, t.Context(), file)
	if err != nil {
		t.Fatal(err)
	}
	path := fmt.Sprintf("/stories/%d", report.ScriptID)
	if _, err := s.client(t).Do(t.Context(), client.Request{Service: "storyfactory", Method: http.MethodDelete, Path: path}, nil); err != nil {
		t.Fatal(err)
	}
	if _, err := s.importFile(t, t.Context(), file); err != nil {
		t.Fatal(err)
	}
	requireSame(t, s.exported(t, report.ScriptID), parseFile(t, file))
}
