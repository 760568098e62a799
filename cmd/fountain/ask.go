//go:build !nomodel

// fountain ask: a question in words, answered by a model that conducts the
// services.
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/table"
	"github.com/spf13/cobra"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/orchestrator"
)

// modelOptions are the flags that name a model. Its key has no flag: it would
// stand in the process list.
type modelOptions struct {
	name, url string
	loose     bool
	turns     int
	tokens    int64
}

func (o *modelOptions) addFlags(command *cobra.Command) {
	flags := command.Flags()
	flags.StringVar(&o.name, "model", envOr("FOUNTAIN_MODEL", orchestrator.DefaultModel), "model to ask (environment: FOUNTAIN_MODEL)")
	flags.StringVar(&o.url, "model-url", os.Getenv("OPENAI_BASE_URL"), "OpenAI-compatible endpoint, such as http://localhost:11434/v1 (environment: OPENAI_BASE_URL; OpenAI if empty); its key comes from OPENAI_API_KEY alone")
	flags.BoolVar(&o.loose, "loose", os.Getenv("FOUNTAIN_MODEL_LOOSE") == "true", "for endpoints that do not know strict functions (environment: FOUNTAIN_MODEL_LOOSE=true)")
	flags.IntVar(&o.turns, "max-turns", orchestrator.Defaults.Turns, "how often the model may be asked for one question")
	flags.Int64Var(&o.tokens, "max-tokens", orchestrator.Defaults.Tokens, "tokens that one question may cost, prompts included")
}

func (o *modelOptions) model() (orchestrator.Model, error) {
	return orchestrator.NewModel(orchestrator.ModelConfig{BaseURL: o.url, Key: os.Getenv("OPENAI_API_KEY"), Name: o.name, Loose: o.loose})
}

func (o *modelOptions) limits() orchestrator.Limits {
	return orchestrator.Limits{Turns: o.turns, Tokens: o.tokens}
}

type askOptions struct {
	remoteOptions
	modelOptions
	session, user         int64
	dryRun, readOnly      bool
	destructive, takeBack bool
}

func newAskCommand() *cobra.Command {
	var options askOptions
	command := &cobra.Command{
		Use:   `ask "QUESTION"`,
		Short: "Let a GPT model do something with the scripts, in words",
		Long: `Answer a question, or carry out a wish, by letting a model call the services'
operations through the gateway. The answer is written as it comes; every call is
shown. The model cannot delete unless --allow-destructive is given, whatever the
texts it reads may say. Each conversation is kept in a session: --session goes on
with it, and --session with --undo deletes what it has made.

OPENAI_API_KEY holds the model's key, OPENAI_BASE_URL another endpoint (vLLM,
Ollama and others that speak OpenAI's chat API).`,
		Args: cobra.MaximumNArgs(1),
		RunE: func(command *cobra.Command, arguments []string) error {
			question := strings.TrimSpace(strings.Join(arguments, ""))
			if options.takeBack {
				return undo(command.Context(), command.OutOrStdout(), options, question)
			}
			if question == "" {
				return errors.New(`what do you want to ask? For example: fountain ask "Write a scene in which two sisters open a letter"`)
			}
			return answer(command.Context(), command.OutOrStdout(), command.ErrOrStderr(), question, options)
		},
	}
	options.remoteOptions.addFlags(command)
	options.modelOptions.addFlags(command)
	flags := command.Flags()
	flags.Lookup("json").Usage = "print events as JSON, one a line"
	flags.Int64Var(&options.session, "session", 0, "session to continue")
	flags.Int64Var(&options.user, "user", 1, "user that a new session belongs to")
	flags.BoolVar(&options.dryRun, "dry-run", false, "show calls that change something and do not make them")
	flags.BoolVar(&options.readOnly, "read-only", false, "let the model only look")
	flags.BoolVar(&options.destructive, "allow-destructive", false, "let the model delete")
	flags.BoolVar(&options.takeBack, "undo", false, "delete what the session has made")
	command.MarkFlagsMutuallyExclusive("read-only", "allow-destructive")
	return command
}

func answer(ctx context.Context, stdout, stderr io.Writer, question string, options askOptions) error {
	model, err := options.model()
	if err != nil {
		return err
	}
	api, err := options.connect()
	if err != nil {
		return err
	}
	toolbox, err := orchestrator.Discover(ctx, api)
	if err != nil {
		return err
	}
	conversation := &orchestrator.Conversation{}
	if options.session > 0 {
		if conversation, err = orchestrator.Load(ctx, api, options.session); err != nil {
			return err
		}
	}
	agent := &orchestrator.Agent{Model: model, Limits: options.limits(), Dry: options.dryRun,
		Caller: &orchestrator.Caller{Toolbox: toolbox, API: api, Permission: orchestrator.Permission{Destructive: options.destructive, ReadOnly: options.readOnly}}}
	show := newShow(stdout, stderr, options.json)
	err = agent.Ask(ctx, conversation, question, show.event, options.keep(conversation, api))
	show.end(conversation, options)
	if err != nil && ctx.Err() == nil {
		err = fmt.Errorf("%w%s", err, goOn(conversation))
	}
	return err
}

// keep returns what saves the conversation; nothing is kept of a dry run, nor
// with a key that may not.
func (o askOptions) keep(conversation *orchestrator.Conversation, api *client.Client) func(context.Context) error {
	if o.dryRun {
		return nil
	}
	return func(ctx context.Context) error {
		err := conversation.Save(ctx, api, max(o.user, 1))
		if o.readOnly && client.Status(err) == 403 {
			return nil
		}
		return err
	}
}

func goOn(conversation *orchestrator.Conversation) string {
	if conversation.Session() == 0 {
		return ""
	}
	return fmt.Sprintf("; go on with --session %d, or take back what was made with --session %[1]d --undo", conversation.Session())
}

// show writes what happens: the answer to stdout, the calls to stderr.
type show struct {
	stdout, stderr io.Writer
	json           bool
	midLine        bool // the answer has not ended its line
}

func newShow(stdout, stderr io.Writer, asJSON bool) *show {
	return &show{stdout: stdout, stderr: stderr, json: asJSON}
}

func (s *show) event(event orchestrator.Event) {
	if s.json {
		_ = json.NewEncoder(s.stdout).Encode(event)
		return
	}
	switch event.Type {
	case orchestrator.EventText:
		fmt.Fprint(s.stdout, printable(event.Text))
		s.midLine = !strings.HasSuffix(event.Text, "\n")
	case orchestrator.EventResult:
		s.line()
		fmt.Fprintln(s.stderr, callLine(event.Call))
	case orchestrator.EventNote:
		s.line()
		fmt.Fprintln(s.stderr, "note:", printable(event.Text))
	}
}

func (s *show) line() {
	if s.midLine {
		fmt.Fprintln(s.stdout)
		s.midLine = false
	}
}

// callLine tells of a call in one line.
func callLine(call *orchestrator.CallEvent) string {
	mark, ended := "✓", fmt.Sprintf("%d  %s", call.Status, time.Duration(call.Milliseconds)*time.Millisecond)
	switch {
	case call.Failed:
		mark, ended = "✗", fmt.Sprintf("%d  %s", call.Status, call.Detail)
	case call.Dry:
		mark, ended = "·", "not made (dry run)"
	}
	where := printable(call.Name)
	if call.Service != "" {
		where = fmt.Sprintf("%-6s %s%s", call.Method, call.Service, call.Path)
	}
	return fmt.Sprintf("  %s %s  %s", mark, printable(where), printable(ended))
}

// printable keeps stored text and models from steering the terminal.
func printable(text string) string {
	return strings.Map(func(c rune) rune {
		if c == '\n' || c == '\t' || c >= ' ' && c != 0x7f && (c < 0x80 || c > 0x9f) {
			return c
		}
		return -1
	}, text)
}

func (s *show) end(conversation *orchestrator.Conversation, options askOptions) {
	if s.json {
		if id := conversation.Session(); id != 0 {
			_ = json.NewEncoder(s.stdout).Encode(orchestrator.Event{Type: orchestrator.EventSession, Session: id})
		}
		return
	}
	s.line()
	if id := conversation.Session(); id != 0 {
		fmt.Fprintf(s.stderr, "\nSession %d. Go on with: fountain ask --session %[1]d \"…\"\n", id)
	}
	if options.dryRun {
		fmt.Fprintln(s.stderr, "\nThis was a dry run; nothing was changed.")
	}
}

// undo deletes what a session has made and shows what could not be.
func undo(ctx context.Context, stdout io.Writer, options askOptions, question string) error {
	if options.session == 0 || question != "" {
		return errors.New("--undo takes the session whose work is to be deleted (--session ID), and no question")
	}
	api, err := options.connect()
	if err != nil {
		return err
	}
	conversation, err := orchestrator.Load(ctx, api, options.session)
	if err != nil {
		return err
	}
	t := newTable(stdout)
	t.AppendHeader(table.Row{"Undone", "What", "Where", "Why not"})
	changes := 0
	failed := orchestrator.Undo(ctx, api, conversation, func(change orchestrator.Written, err error) {
		done, why := "yes", ""
		if err != nil {
			done, why = "no", err.Error()
		}
		changes++
		t.AppendRow(table.Row{done, change.Tool, change.Service + cmp.Or(change.Undo, change.Path), why})
	})
	if err := conversation.Save(ctx, api, max(options.user, 1)); err != nil {
		return err
	}
	if changes == 0 {
		_, err := fmt.Fprintf(stdout, "Session %d has made nothing, or it is taken back already.\n", options.session)
		return err
	}
	t.Render()
	if failed != nil {
		return errors.New("not everything could be taken back; the table says why")
	}
	return nil
}
