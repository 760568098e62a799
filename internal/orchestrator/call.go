package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"golang.org/x/text/language"
	"golang.org/x/text/message"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/httpapi/problem"
)

var english = message.NewPrinter(language.English)

// largestResult is how many bytes of an answer a model is given at most.
const largestResult = 24 << 10

// Permission says which tools a model may use.
type Permission struct {
	// Destructive lets it delete.
	Destructive bool
	// ReadOnly lets it only look.
	ReadOnly bool
}

// Allows reports whether a tool may be used.
func (p Permission) Allows(t *Tool) bool {
	return t.ReadOnly || !p.ReadOnly && (p.Destructive || !t.Destructive)
}

// refuse is what a model is told of a tool that the person has not permitted.
func (p Permission) refuse(t *Tool) *problem.Problem {
	what := "deletes, and the person has not allowed that"
	if p.ReadOnly {
		what = "changes something, and the person has only allowed to look"
	}
	return problem.New(http.StatusForbidden, "not_permitted",
		fmt.Sprintf("%s %s. Nothing was sent. Do not try another way; tell the person what you would do, and that they can allow it.", t.Name, what))
}

// Outcome is what came of a call.
type Outcome struct {
	// Status is the HTTP status; 0 if there was no answer.
	Status int `json:"status"`
	// Sent: the request went to the service. A refusal before that changed nothing.
	Sent bool `json:"-"`
	// ETag, Next (the cursor of the next page) and Body are the answer's.
	ETag string          `json:"etag,omitempty"`
	Next string          `json:"nextCursor,omitempty"`
	Body json.RawMessage `json:"body,omitempty"`
	// Problem is why it did not work (RFC 9457).
	Problem *problem.Problem `json:"problem,omitempty"`
	// Note says what was left out of a long answer.
	Note string `json:"note,omitempty"`
}

// Failed reports whether the call did not do what was asked.
func (o Outcome) Failed() bool { return o.Problem != nil }

// JSON is what a model is given.
func (o Outcome) JSON() string {
	content, err := json.Marshal(o)
	if err != nil {
		return `{"status":0,"problem":{"title":"The answer cannot be written as JSON"}}`
	}
	return string(content)
}

// Caller calls tools through the gateway with one person's key.
type Caller struct {
	Toolbox *Toolbox
	API     *client.Client
	Permission
	// Timeout of one call, with its repetitions. 0: 30 s.
	Timeout time.Duration
	// Watch, if not nil, is told of every call of a tool that there is.
	Watch func(*Tool, Outcome)
}

// Call carries out a call. idempotencyKey makes it safe to repeat where it
// creates something. Every failure is part of the outcome: the model reads it.
func (c *Caller) Call(ctx context.Context, name string, arguments []byte, form Form, idempotencyKey string) Outcome {
	tool := c.Toolbox.Tool(name)
	if tool == nil {
		return failed(problem.New(http.StatusNotFound, "unknown_tool", fmt.Sprintf("There is no tool %.80q. Use only the tools that you were given.", name)), false)
	}
	result := c.call(ctx, tool, arguments, form, idempotencyKey)
	if c.Watch != nil {
		c.Watch(tool, result)
	}
	return result
}

func (c *Caller) call(ctx context.Context, tool *Tool, arguments []byte, form Form, idempotencyKey string) Outcome {
	if !c.Allows(tool) {
		return failed(c.refuse(tool), false)
	}
	request, err := tool.Request(arguments, form)
	if err != nil {
		return failed(err, false)
	}
	if tool.Method == http.MethodPost {
		request.IdempotencyKey = idempotencyKey
	}
	timeout := c.Timeout
	if timeout == 0 {
		timeout = 30 * time.Second
	}
	ctx, cancel := context.WithTimeoutCause(ctx, timeout, fmt.Errorf("no answer within %s", timeout))
	defer cancel()
	answer, err := c.API.Call(ctx, request)
	if err != nil {
		if cause := context.Cause(ctx); cause != nil && errors.Is(err, ctx.Err()) {
			err = cause
		}
		return failed(err, true)
	}
	return outcome(answer)
}

// failed makes an outcome of an error. A lost connection has no status.
func failed(err error, sent bool) Outcome {
	var p *problem.Problem
	if !errors.As(err, &p) {
		p = problem.New(0, "no_answer", err.Error())
		p.Title = "The service did not answer"
	}
	return Outcome{Status: p.Status, Sent: sent, Problem: p}
}

func outcome(answer *client.Answer) Outcome {
	result := Outcome{Status: answer.Status, Sent: true, ETag: answer.Header.Get("ETag")}
	if next, err := url.Parse(answer.Next); err == nil {
		result.Next = next.Query().Get("cursor")
	}
	if len(answer.Body) == 0 {
		return result
	}
	if !json.Valid(answer.Body) {
		return failed(problem.New(http.StatusBadGateway, "unexpected_answer", "The answer is not JSON."), true)
	}
	result.Body, result.Note = shortened(answer.Body)
	return result
}

// shortened cuts a long list to what a model is given. What is no list is
// given whole if it can be, or not at all: half an object would mislead.
func shortened(body []byte) (json.RawMessage, string) {
	if len(body) <= largestResult {
		return body, ""
	}
	var items []json.RawMessage
	if json.Unmarshal(body, &items) != nil {
		return nil, fmt.Sprintf("The answer has %d bytes, which is too much to show. Ask for a part of it, with limit and cursor or by identifier.", len(body))
	}
	size, n := 2, 0
	for n < len(items) && size+len(items[n])+1 <= largestResult {
		size += len(items[n]) + 1
		n++
	}
	part, err := json.Marshal(items[:n])
	if err != nil {
		return nil, "The answer cannot be shown."
	}
	return part, fmt.Sprintf("Only the first %d of %d items are shown. Ask with a smaller limit.", n, len(items))
}

// asJSON returns what a model wrote as JSON: as it is, or as a string where it
// is none.
func asJSON(text string) json.RawMessage {
	if json.Valid([]byte(text)) {
		return json.RawMessage(text)
	}
	quoted, err := json.Marshal(text)
	if err != nil {
		return nil
	}
	return quoted
}
