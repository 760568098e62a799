package orchestrator

import (
	"encoding/json"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

// Kinds of events, in the order in which they may come.
const (
	EventSession = "session" // which session the conversation is kept in
	EventText    = "text"    // words of the answer, as they come
	EventCall    = "call"    // a call begins
	EventResult  = "result"  // a call has ended
	EventNote    = "note"    // something that the person should know
	EventDone    = "done"    // the answer is whole
	EventError   = "error"   // it did not come to an end; what has been written is listed
)

// Event is one thing that happens while a question is answered. Which members
// it has depends on its type.
type Event struct {
	Type string `json:"type"`
	// Session that can be continued.
	Session int64 `json:"session,omitempty"`
	// Text of the answer, or of a note.
	Text string `json:"text,omitempty"`
	// Call that begins or has ended, by ID.
	Call *CallEvent `json:"call,omitempty"`
	// Usage and what was written, at the end.
	Usage   *Usage    `json:"usage,omitempty"`
	Written []Written `json:"written,omitempty"`
	// Problem is why it did not come to an end (RFC 9457).
	Problem *problem.Problem `json:"problem,omitempty"`
}

// CallEvent is a call for people and programs that watch.
type CallEvent struct {
	ID        string          `json:"id"`
	Name      string          `json:"name"`
	Service   string          `json:"service,omitempty"`
	Method    string          `json:"method,omitempty"`
	Path      string          `json:"path,omitempty"`
	Arguments json.RawMessage `json:"arguments,omitempty"`
	// Dry: it was not sent, because nothing is.
	Dry bool `json:"dry,omitempty"`
	// Status, Milliseconds and Detail of a call that has ended.
	Status       int    `json:"status,omitempty"`
	Milliseconds int64  `json:"milliseconds,omitempty"`
	Detail       string `json:"detail,omitempty"`
	// Failed: it did not do what was asked.
	Failed bool `json:"failed,omitempty"`
}

// Usage is what a question has cost.
type Usage struct {
	Turns  int   `json:"turns"`
	Calls  int   `json:"calls"`
	Tokens int64 `json:"tokens"`
}

// Written is one change that was made, and how to take it back.
type Written struct {
	Tool    string `json:"tool"`
	Service string `json:"service"`
	Method  string `json:"method"`
	Path    string `json:"path"`
	// Undo is the path of what was made, which DELETE removes; "" for changes
	// that cannot be taken back that way.
	Undo string `json:"undo,omitempty"`
}
