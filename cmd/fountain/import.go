// fountain import: a screenplay goes into all five services.
package main

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/screenplay"
)

type importOptions struct {
	remoteOptions
	user int64
}

func newImportCommand() *cobra.Command {
	var options importOptions
	command := &cobra.Command{
		Use:   "import FILE.fountain",
		Short: "Write a screenplay into the five services",
		Long: `Read a screenplay in the Fountain format and write it through the gateway into all
five services, in batches. FILE may be - for standard input.

Running it again with the same screenplay changes nothing; running it after it was
interrupted completes what is missing.`,
		Args: cobra.ExactArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			return runImport(command.Context(), command.InOrStdin(), command.OutOrStdout(), command.ErrOrStderr(), arguments[0], options)
		},
	}
	options.addFlags(command)
	command.Flags().Int64Var(&options.user, "user", 1, "userId of the session that records the import")
	return command
}

func runImport(ctx context.Context, stdin io.Reader, stdout, stderr io.Writer, file string, options importOptions) error {
	started := time.Now()
	play, err := readScreenplay(stdin, file)
	if err != nil {
		return err
	}
	if len(play.Elements) == 0 && len(play.TitlePage) == 0 {
		return fmt.Errorf("%s: there is no screenplay in it; nothing was written", file)
	}
	if options.user < 1 {
		return fmt.Errorf("--user %d: want a positive number; nothing was written", options.user)
	}
	lines, err := flow(play)
	if err != nil {
		return fmt.Errorf("%s: %w", file, err)
	}
	api, err := options.connect()
	if err != nil {
		return err
	}
	i := &importer{
		api: api, play: play, lines: lines, user: options.user,
		title:    titleOf(play, file),
		source:   sourceOf(play),
		progress: newProgress(stderr, "importing"),
	}
	err = i.run(ctx)
	i.progress.finish()
	if err != nil {
		return fmt.Errorf("import %s: %w", file, err)
	}
	report := i.report(time.Since(started))
	if options.json {
		return json.NewEncoder(stdout).Encode(report)
	}
	report.print(stdout)
	return nil
}

func readScreenplay(stdin io.Reader, file string) (*screenplay.Screenplay, error) {
	if file == "-" {
		return screenplay.Parse(stdin)
	}
	content, err := os.Open(file)
	if err != nil {
		return nil, err
	}
	defer content.Close()
	play, err := screenplay.Parse(content)
	if err != nil {
		return nil, fmt.Errorf("%s: %w", file, err)
	}
	return play, nil
}

// titleOf returns the title on the title page, or the file's name without it.
func titleOf(play *screenplay.Screenplay, file string) string {
	title := play.Title()
	if title == "" {
		title = strings.TrimSuffix(filepath.Base(file), filepath.Ext(file))
	}
	if title == "" || title == "-" {
		title = "Untitled"
	}
	if runes := []rune(title); len(runes) > longestTitle {
		title = string(runes[:longestTitle])
	}
	return title
}

// sourceOf names a screenplay by its content, however the file is laid out.
func sourceOf(play *screenplay.Screenplay) string {
	sum := sha256.Sum256(play.Format())
	return "fountain:sha256:" + hex.EncodeToString(sum[:])
}

// idempotencyKey names a request by its content within a story, so that a
// request made again after an interruption is known to the service.
func (i *importer) idempotencyKey(path string, body any) (string, error) {
	content, err := json.Marshal(body)
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(bytes.Join([][]byte{fmt.Append(nil, i.scriptID, i.begun.UnixMilli()), []byte(path), content}, []byte("\n")))
	return "import-" + hex.EncodeToString(sum[:20]), nil
}

// randomKey lets one request be repeated while it lasts, and no longer.
func randomKey() string { return "import-" + rand.Text() }

// importReport is what a finished import prints.
type importReport struct {
	ScriptID int64       `json:"scriptId"`
	Title    string      `json:"title"`
	Already  bool        `json:"alreadyImported"`
	Counts   []stepCount `json:"counts"`
	Seconds  float64     `json:"seconds"`
}

type stepCount struct {
	Service string `json:"service"`
	What    string `json:"what"`
	Count   int    `json:"count"`
	// Created is how many of them this run made.
	Created int `json:"created"`
}

func (r importReport) print(w io.Writer) {
	verb := "Imported"
	if r.Already {
		verb = "Already imported:"
	}
	fmt.Fprintf(w, "%s %q as script %d in %.1f s.\n", verb, r.Title, r.ScriptID, r.Seconds)
	t := newTable(w)
	t.AppendHeader(table.Row{"Service", "What", "Count", "New"})
	for _, c := range r.Counts {
		t.AppendRow(table.Row{c.Service, c.What, c.Count, c.Created})
	}
	t.Render()
	fmt.Fprintf(w, "Read it back with: fountain export %d\n", r.ScriptID)
}

func newTable(w io.Writer) table.Writer {
	t := table.NewWriter()
	t.SetOutputMirror(w)
	t.SetStyle(table.StyleRounded)
	return t
}
