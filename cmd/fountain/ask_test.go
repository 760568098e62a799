//go:build !nomodel

package main

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/localstack/stacktest"
	"fountain.coach/fountainai/internal/orchestrator"
	"fountain.coach/fountainai/internal/orchestrator/modeltest"
)

// asker runs fountain ask against a stack and a scripted model.
type asker struct {
	*testing.T
	stack *stacktest.Stack
}

func newAsker(t *testing.T) *asker {
	t.Helper()
	a := &asker{t, stacktest.Start(t)}
	t.Setenv("FOUNTAIN_API_KEY", a.stack.Writer)
	return a
}

func (a *asker) model(turns ...modeltest.Turn) {
	a.Helper()
	model := modeltest.Script(a, turns...)
	a.Setenv("OPENAI_API_KEY", model.Key)
	a.Setenv("OPENAI_BASE_URL", model.URL)
}

func (a *asker) run(args ...string) (stdout, stderr string, err error) {
	a.Helper()
	command := newCommand()
	var out, errs bytes.Buffer
	command.SetOut(&out)
	command.SetErr(&errs)
	command.SetArgs(append([]string{"ask", "--url", a.stack.URL}, args...))
	err = command.ExecuteContext(a.Context())
	return out.String(), errs.String(), err
}

func newScript(title string) modeltest.Call {
	return modeltest.Call{Name: "createScript", Arguments: map[string]any{"title": title, "author": "", "description": "", "sequenceNumber": nil, "source": nil}}
}

func TestAskShowsAnswerAndCalls(t *testing.T) {
	a := newAsker(t)
	a.model(modeltest.Turn{Text: "I make it.", Calls: []modeltest.Call{newScript("The Heir"), {Name: "getScript", Arguments: map[string]any{"scriptId": 99}}}}, modeltest.Turn{Text: "Script 1 is there."})
	stdout, stderr, err := a.run("Make a script.")
	if err != nil {
		t.Fatal(err)
	}
	if stdout != "I make it.\nScript 1 is there.\n" {
		t.Errorf("the answer is %q", stdout)
	}
	for _, want := range []string{"✓ POST   scriptmanagement/scripts  201", "✗ GET    scriptmanagement/scripts/99  404  There is no script 99.", "Session 1.", "--session 1"} {
		if !strings.Contains(stderr, want) {
			t.Errorf("%q is not shown:\n%s", want, stderr)
		}
	}

	a.model(modeltest.Turn{Text: "It is called The Heir."})
	if stdout, _, err = a.run("--session", "1", "What is it called?"); err != nil || !strings.Contains(stdout, "The Heir") {
		t.Errorf("%q %v", stdout, err)
	}
	a.model()
	stdout, _, err = a.run("--session", "1", "--undo")
	if err != nil || !strings.Contains(stdout, "scriptmanagement/scripts/1") || !strings.Contains(stdout, "yes") {
		t.Errorf("undo: %s %v", stdout, err)
	}
	if stdout, _, err = a.run("--session", "1", "--undo"); err != nil || !strings.Contains(stdout, "made nothing") {
		t.Errorf("undo again: %s %v", stdout, err)
	}
}

func TestAskDryAndAsJSON(t *testing.T) {
	a := newAsker(t)
	a.model(modeltest.Turn{Calls: []modeltest.Call{newScript("Dry")}}, modeltest.Turn{Text: "I would."})
	_, stderr, err := a.run("--dry-run", "Make a script.")
	if err != nil || !strings.Contains(stderr, "not made (dry run)") || !strings.Contains(stderr, "nothing was changed") || strings.Contains(stderr, "Session") {
		t.Errorf("%s %v", stderr, err)
	}
	a.model(modeltest.Turn{Calls: []modeltest.Call{newScript("JSON")}}, modeltest.Turn{Text: "Done."})
	stdout, _, err := a.run("--json", "Make a script.")
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for line := range strings.Lines(stdout) {
		var event orchestrator.Event
		if err := json.Unmarshal([]byte(line), &event); err != nil {
			t.Fatalf("%q: %v", line, err)
		}
		kinds = append(kinds, event.Type)
	}
	if got := strings.Join(kinds, " "); got != "call result text done session" {
		t.Errorf("the events are %s", got)
	}
}

func TestAskSaysWhatIsMissing(t *testing.T) {
	a := newAsker(t)
	t.Setenv("OPENAI_API_KEY", "")
	t.Setenv("OPENAI_BASE_URL", "")
	for _, test := range []struct {
		args []string
		says string
	}{
		{[]string{"Write."}, "OPENAI_API_KEY"},
		{[]string{}, "what do you want to ask"},
		{[]string{"--undo"}, "--session ID"},
		{[]string{"--undo", "--session", "1", "and more"}, "no question"},
		{[]string{"--read-only", "--allow-destructive", "x"}, "read-only"},
		{[]string{"--undo", "--session", "7"}, "There is no session 7"},
	} {
		if _, _, err := a.run(test.args...); err == nil || !strings.Contains(err.Error(), test.says) {
			t.Errorf("%v: %v, want %q", test.args, err, test.says)
		}
	}
	a.model(modeltest.Turn{Calls: []modeltest.Call{newScript("Half")}}, modeltest.Turn{Status: 401, Text: "Incorrect API key provided: secret"})
	_, _, err := a.run("Write.")
	if err == nil || !strings.Contains(err.Error(), "--session 1 --undo") || !strings.Contains(err.Error(), "OPENAI_API_KEY") || strings.Contains(err.Error(), "secret") {
		t.Errorf("a model that fails in the middle: %v", err)
	}
}

// TestAnswersDoNotSteerTheTerminal: what a model says, or quotes, is text.
func TestAnswersDoNotSteerTheTerminal(t *testing.T) {
	a := newAsker(t)
	a.model(modeltest.Turn{Text: "Red \x1b[31malert\x07 \u009b2J and a\ttab\nline."})
	if stdout, _, err := a.run("Say."); err != nil || stdout != "Red [31malert 2J and a\ttab\nline.\n" {
		t.Errorf("%q %v", stdout, err)
	}
}
