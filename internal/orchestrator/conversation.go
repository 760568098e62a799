package orchestrator

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"unicode/utf8"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/httpapi/problem"
)

// Conversation is what was said and done, as it is kept in a session.
type Conversation struct {
	// Version of the form.
	Version  int       `json:"fountainConversation"`
	Messages []Message `json:"messages"`
	// Written are the changes that were made, the oldest first.
	Written []Written `json:"written,omitempty"`
	// Forgotten counts messages that were left out because a session holds no more.
	Forgotten int `json:"forgotten,omitempty"`

	session int64
	etag    string
}

// longestContext is how many characters a session's context may have.
const longestContext = 65536

// Session returns the identifier of the session, 0 before it is kept.
func (c *Conversation) Session() int64 { return c.session }

// forModel returns the messages that a model is given: those whose calls all
// have answers. A call that was cut off by a crash is answered with that. Calls
// go by their place and not by their identifiers alone, which some endpoints
// use again in each turn.
func (c *Conversation) forModel() []Message {
	var all []Message
	for i, message := range c.Messages {
		all = append(all, message)
		for n, call := range message.Calls {
			if next := i + 1 + n; next < len(c.Messages) && c.Messages[next].Role == "tool" && c.Messages[next].CallID == call.ID {
				continue
			}
			lost := failed(problem.New(0, "interrupted", "This call was interrupted. It may have been carried out: look before you repeat it."), true)
			all = append(all, Message{Role: "tool", CallID: call.ID, Text: lost.JSON()})
		}
	}
	return all
}

// text returns the conversation as a session keeps it. What does not fit is
// shortened from the oldest on: first the answers of tools, then whole
// exchanges; what was said last stays.
func (c *Conversation) text() (string, error) {
	short := *c
	short.Version = 1
	short.Messages = append([]Message(nil), c.Messages...)
	write := func() (string, error) {
		var buffer bytes.Buffer
		encoder := json.NewEncoder(&buffer)
		encoder.SetEscapeHTML(false)
		err := encoder.Encode(short)
		return buffer.String(), err
	}
	text, err := write()
	for i := 0; err == nil && utf8.RuneCountInString(text) > longestContext && i < len(short.Messages); i++ {
		if m := &short.Messages[i]; m.Role == "tool" && len(m.Text) > 200 {
			m.Text = `{"note":"left out; ask again for it"}`
			text, err = write()
		}
	}
	for err == nil && utf8.RuneCountInString(text) > longestContext && len(short.Messages) > 0 {
		next := 1
		for next < len(short.Messages) && short.Messages[next].Role != "user" {
			next++
		}
		short.Messages, short.Forgotten = short.Messages[next:], short.Forgotten+next
		text, err = write()
	}
	for err == nil && utf8.RuneCountInString(text) > longestContext && len(short.Written) > 0 {
		short.Written = short.Written[len(short.Written)/10+1:]
		text, err = write()
	}
	return text, err
}

// sessionOf is what of a session is needed here.
type sessionOf struct {
	SessionID int64  `json:"sessionId"`
	Context   string `json:"context"`
}

// Load reads the conversation that a session keeps. A session with words that
// are no conversation is one that has not begun: its words are told to the model.
func Load(ctx context.Context, api *client.Client, id int64) (*Conversation, error) {
	answer, err := api.Call(ctx, client.Request{Service: "sessioncontext", Method: http.MethodGet, Path: fmt.Sprintf("/sessions/%d", id)})
	if err != nil {
		return nil, fmt.Errorf("session %d: %w", id, err)
	}
	var kept sessionOf
	if err := json.Unmarshal(answer.Body, &kept); err != nil {
		return nil, fmt.Errorf("session %d: %w", id, err)
	}
	conversation := &Conversation{}
	if json.Unmarshal([]byte(kept.Context), conversation) != nil || conversation.Version != 1 {
		conversation = &Conversation{}
		if kept.Context != "" {
			conversation.Messages = []Message{{Role: "user", Text: "What is known of this session so far:\n" + kept.Context}}
		}
	}
	conversation.session, conversation.etag = id, answer.Header.Get("ETag")
	return conversation, nil
}

// Save keeps the conversation in its session, or in a new one of the user. It
// refuses to write over what another client has kept there since.
func (c *Conversation) Save(ctx context.Context, api *client.Client, user int64) error {
	text, err := c.text()
	if err != nil {
		return err
	}
	request := client.Request{Service: "sessioncontext", Method: http.MethodPost, Path: "/sessions", Body: map[string]any{"userId": user, "context": text}}
	if c.session != 0 {
		request = client.Request{Service: "sessioncontext", Method: http.MethodPatch, Path: fmt.Sprintf("/sessions/%d", c.session),
			Body: map[string]any{"context": text}, Header: http.Header{"If-Match": {c.etag}}}
	}
	answer, err := api.Call(ctx, request)
	if client.Status(err) == http.StatusPreconditionFailed {
		return fmt.Errorf("session %d was continued by somebody else at the same time", c.session)
	}
	if err != nil {
		return err
	}
	var kept sessionOf
	if err := json.Unmarshal(answer.Body, &kept); err != nil || kept.SessionID == 0 {
		return errors.Join(errors.New("the service did not say which session it made"), err)
	}
	c.session, c.etag = kept.SessionID, answer.Header.Get("ETag")
	return nil
}
