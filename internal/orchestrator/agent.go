package orchestrator

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

// Limits bound what one question may cost. Zero values are replaced by Defaults.
type Limits struct {
	// Turns of the model.
	Turns int
	// Calls in all, and in one turn.
	Calls, CallsPerTurn int
	// Tokens in all turns, prompts included.
	Tokens int64
	// Time for the whole question.
	Time time.Duration
	// Parallel calls at a time.
	Parallel int
}

// Defaults are enough for a scene or two, and end a loop soon.
var Defaults = Limits{Turns: 40, Calls: 400, CallsPerTurn: 64, Tokens: 600_000, Time: 15 * time.Minute, Parallel: 8}

func (l Limits) orDefaults() Limits {
	return Limits{cmp.Or(l.Turns, Defaults.Turns), cmp.Or(l.Calls, Defaults.Calls), cmp.Or(l.CallsPerTurn, Defaults.CallsPerTurn),
		cmp.Or(l.Tokens, Defaults.Tokens), cmp.Or(l.Time, Defaults.Time), cmp.Or(l.Parallel, Defaults.Parallel)}
}

// sameTurns is how often a model may ask for exactly the same calls in a row.
const sameTurns = 4

// Agent answers questions by letting a model call tools.
type Agent struct {
	Model  Model
	Caller *Caller
	Limits Limits
	// Dry shows the calls that change something and does not make them.
	Dry bool
}

// run is one question on its way.
type run struct {
	*Agent
	limits       Limits
	id           string
	conversation *Conversation
	mu           sync.Mutex // guards emit
	emit         func(Event)
	usage        Usage
	written      []Written
	last         string
	same         int
}

// Ask answers a question within a conversation and appends to it what was said
// and done, whether or not it comes to an end: it can be continued either way.
// emit is called for each event, one at a time. save, if not nil, is called
// after each turn, so that a crash loses no more than that. The error is that
// of the last event, for callers who do not watch.
func (a *Agent) Ask(ctx context.Context, conversation *Conversation, question string, emit func(Event), save func(context.Context) error) error {
	r := &run{Agent: a, limits: a.Limits.orDefaults(), id: uuid.NewString(), conversation: conversation, emit: emit}
	conversation.Messages = append(conversation.Messages, Message{Role: "user", Text: question})
	limit := fmt.Errorf("the time for one question (%s) is used up", r.limits.Time)
	ctx, cancel := context.WithTimeoutCause(ctx, r.limits.Time, limit)
	defer cancel()
	err := r.loop(ctx, save)
	if save != nil {
		// Also after Ctrl-C: what was done must be known when it goes on.
		saving, stop := context.WithTimeout(context.WithoutCancel(ctx), 10*time.Second)
		defer stop()
		if failed := save(saving); failed != nil {
			r.tell(Event{Type: EventNote, Text: "The conversation could not be kept, so it cannot be continued: " + failed.Error()})
		}
	}
	if err == nil {
		r.tell(Event{Type: EventDone, Usage: &r.usage, Written: r.written})
		return nil
	}
	if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
		err = cause
	}
	r.tell(Event{Type: EventError, Problem: trouble(err), Usage: &r.usage, Written: r.written})
	return err
}

// trouble makes a problem document of what ended a question.
func trouble(err error) *problem.Problem {
	var p *problem.Problem
	switch {
	case errors.As(err, &p):
		return p
	case errors.Is(err, context.Canceled):
		return problem.New(499, "cancelled", "You stopped it. What was done so far stays; the conversation can go on.")
	}
	p = problem.New(http.StatusBadGateway, "not_finished", err.Error()+". What was done so far stays; the conversation can go on.")
	p.Title = "The answer did not come to an end"
	return p
}

func (r *run) tell(event Event) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.emit != nil {
		r.emit(event)
	}
}

// loop asks the model until it has nothing more to call.
func (r *run) loop(ctx context.Context, save func(context.Context) error) error {
	tools := r.permitted()
	for r.usage.Turns < r.limits.Turns {
		if r.usage.Tokens >= r.limits.Tokens {
			return fmt.Errorf("the budget of %d tokens is used up", r.limits.Tokens)
		}
		turn, err := r.Model.Complete(ctx, r.system(), r.conversation.forModel(), tools, func(words string) { r.tell(Event{Type: EventText, Text: words}) })
		if err != nil {
			return err
		}
		r.usage.Turns++
		r.usage.Tokens += turn.Tokens
		if err := r.sensible(turn); err != nil {
			return err
		}
		r.conversation.Messages = append(r.conversation.Messages, Message{Role: "assistant", Text: turn.Text, Calls: turn.Calls})
		if len(turn.Calls) == 0 {
			return finished(turn)
		}
		// Kept before the calls are made: after a crash in their middle it is
		// known what was under way.
		if err := kept(ctx, save); err != nil {
			return err
		}
		r.carryOut(ctx, turn.Calls)
		if err := ctx.Err(); err != nil {
			return err
		}
	}
	return fmt.Errorf("the model has not come to an end after %d turns", r.limits.Turns)
}

func kept(ctx context.Context, save func(context.Context) error) error {
	if save == nil {
		return nil
	}
	if err := save(ctx); err != nil {
		return fmt.Errorf("the conversation cannot be kept: %w", err)
	}
	return nil
}

// permitted are the tools that the model is shown: what it may not use it need not know.
func (r *run) permitted() []*Tool {
	var tools []*Tool
	for _, tool := range r.Caller.Toolbox.Tools() {
		if r.Caller.Allows(tool) {
			tools = append(tools, tool)
		}
	}
	return tools
}

// sensible refuses a turn that leads nowhere.
func (r *run) sensible(turn *Turn) error {
	if len(turn.Calls) == 0 && strings.TrimSpace(turn.Text) == "" {
		return errors.New("the model gave an empty answer")
	}
	if r.usage.Calls+len(turn.Calls) > r.limits.Calls {
		return fmt.Errorf("the model wants more than %d calls for one question", r.limits.Calls)
	}
	var said strings.Builder
	for _, call := range turn.Calls {
		said.WriteString(call.Name + " " + call.Arguments + "\n")
	}
	if said.Len() > 0 && said.String() == r.last {
		if r.same++; r.same >= sameTurns {
			return errors.New("the model goes in a circle: it asks for the same calls again and again")
		}
	} else {
		r.last, r.same = said.String(), 1
	}
	return nil
}

// finished tells an answer from one that was cut off.
func finished(turn *Turn) error {
	switch turn.Finish {
	case "length":
		return errors.New("the model's answer was cut off at its longest length")
	case "content_filter":
		return errors.New("the endpoint's content filter stopped the answer")
	}
	return nil
}

// carryOut makes the calls of a turn. Those to one service that change
// something keep their order, because sequence numbers are given in it; reads,
// and calls to different services, run side by side. Every call gets an
// answer, also when there are too many or the person stops it: a conversation
// with a call that nobody answered could not go on.
func (r *run) carryOut(ctx context.Context, calls []ToolCall) {
	outcomes := make([]Outcome, len(calls))
	queues := map[string][]int{}
	for i, call := range calls {
		if i >= r.limits.CallsPerTurn {
			outcomes[i] = failed(problem.New(http.StatusTooManyRequests, "too_many_calls",
				fmt.Sprintf("Only the first %d calls of a turn are made. Nothing was sent; ask again for this one, or use a batch operation.", r.limits.CallsPerTurn)), false)
			r.tellResult(call, outcomes[i], 0)
			continue
		}
		service := ""
		if tool := r.Caller.Toolbox.Tool(call.Name); tool != nil {
			service = tool.Service
		}
		queues[service] = append(queues[service], i)
	}
	slots := make(chan struct{}, r.limits.Parallel)
	var all sync.WaitGroup
	for _, queue := range queues {
		all.Go(func() { r.work(ctx, calls, queue, outcomes, slots) })
	}
	all.Wait()
	for i, call := range calls {
		r.conversation.Messages = append(r.conversation.Messages, Message{Role: "tool", CallID: call.ID, Text: outcomes[i].JSON()})
	}
	r.note(calls, outcomes)
}

// work makes the calls to one service: reads that follow each other at once.
func (r *run) work(ctx context.Context, calls []ToolCall, queue []int, outcomes []Outcome, slots chan struct{}) {
	var reads sync.WaitGroup
	for _, i := range queue {
		one := func() {
			slots <- struct{}{}
			defer func() { <-slots }()
			outcomes[i] = r.one(ctx, calls[i], i)
		}
		if tool := r.Caller.Toolbox.Tool(calls[i].Name); tool == nil || tool.ReadOnly {
			reads.Go(one)
			continue
		}
		reads.Wait()
		one()
	}
	reads.Wait()
}

// one makes a call and tells of it.
func (r *run) one(ctx context.Context, call ToolCall, i int) Outcome {
	tool := r.Caller.Toolbox.Tool(call.Name)
	r.tell(Event{Type: EventCall, Call: r.describe(call)})
	begun := time.Now()
	var result Outcome
	switch {
	case ctx.Err() != nil:
		result = failed(problem.New(499, "cancelled", "The person stopped it before this call was made."), false)
	case r.Dry && tool != nil && !tool.ReadOnly && r.Caller.Allows(tool):
		result = rehearsed(tool, call)
	default:
		key := fmt.Sprintf("%s-%d-%d", r.id, r.usage.Turns, i)
		result = r.Caller.Call(ctx, call.Name, []byte(call.Arguments), Strict, key)
	}
	r.tellResult(call, result, time.Since(begun))
	return result
}

// rehearsed is the outcome of a call that is only shown.
func rehearsed(tool *Tool, call ToolCall) Outcome {
	if _, err := tool.Request([]byte(call.Arguments), Strict); err != nil {
		return failed(err, false)
	}
	return Outcome{Status: http.StatusAccepted, Note: "This is a dry run: nothing was sent and nothing has an identifier. Go on as if it had worked, with identifiers of your own, and say at the end what you would do."}
}

// describe tells a call as an event.
func (r *run) describe(call ToolCall) *CallEvent {
	event := &CallEvent{ID: call.ID, Name: call.Name, Arguments: asJSON(call.Arguments)}
	if tool := r.Caller.Toolbox.Tool(call.Name); tool != nil {
		event.Service, event.Method, event.Path = tool.Service, tool.Method, tool.Path
		event.Dry = r.Dry && !tool.ReadOnly
		if request, err := tool.Request([]byte(call.Arguments), Strict); err == nil {
			event.Path = request.Path
		}
	}
	return event
}

func (r *run) tellResult(call ToolCall, result Outcome, took time.Duration) {
	event := r.describe(call)
	event.Arguments = nil
	event.Status, event.Milliseconds, event.Failed = result.Status, took.Milliseconds(), result.Failed()
	event.Detail = result.Note
	if result.Problem != nil {
		event.Detail = cmp.Or(result.Problem.Detail, result.Problem.Title)
	}
	r.tell(Event{Type: EventResult, Call: event})
}

// note keeps account of what was changed.
func (r *run) note(calls []ToolCall, outcomes []Outcome) {
	r.usage.Calls += len(calls)
	for i, call := range calls {
		tool := r.Caller.Toolbox.Tool(call.Name)
		if tool == nil || tool.ReadOnly || outcomes[i].Failed() || !outcomes[i].Sent {
			continue
		}
		changes := r.Caller.Toolbox.written(tool, call, outcomes[i])
		r.written = append(r.written, changes...)
		r.conversation.Written = append(r.conversation.Written, changes...)
	}
}
