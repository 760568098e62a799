// The stdio transport: one message a line
// (https://modelcontextprotocol.io/specification/2025-11-25/basic/transports#stdio).
package mcpserver

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"sync"
	"time"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// lastAnswers is how long answers are waited for when the input has ended.
const lastAnswers = 10 * time.Second

// ServeStdio serves one client until its input or ctx ends. Nothing but
// messages is written to out.
func (s *Server) ServeStdio(ctx context.Context, in io.Reader, out io.Writer) error {
	session, err := s.sdk.Connect(ctx, &lineTransport{in: in, out: out, stop: ctx.Done(), limit: largestMessage}, nil)
	if err != nil {
		return err
	}
	if err := session.Wait(); !errors.Is(err, io.EOF) {
		return err
	}
	return nil
}

// lineTransport is the SDK's transport for pipes, but for this: a line that is
// no message is answered with an error and does not end the session, and when
// the input ends or stop is closed, what was asked is still answered.
type lineTransport struct {
	in    io.Reader
	out   io.Writer
	stop  <-chan struct{}
	limit int
}

// Connect implements mcp.Transport.
func (t *lineTransport) Connect(context.Context) (mcp.Connection, error) {
	c := &lineConnection{out: t.out, stop: t.stop, limit: t.limit, lines: make(chan line),
		closed: make(chan struct{}), open: map[jsonrpc.ID]bool{}, idle: make(chan struct{}, 1)}
	go c.scan(bufio.NewReaderSize(t.in, 64<<10))
	return c, nil
}

// line is one of the input, or why there are no more.
type line struct {
	text    []byte
	tooLong bool
	err     error
}

type lineConnection struct {
	limit  int
	stop   <-chan struct{}
	lines  chan line
	closed chan struct{}
	once   sync.Once

	mu   sync.Mutex // guards what follows
	out  io.Writer
	open map[jsonrpc.ID]bool // requests that are not answered yet
	idle chan struct{}       // told when the last of them is
}

// SessionID implements mcp.Connection: a pipe has one session, without a name.
func (c *lineConnection) SessionID() string { return "" }

// Close implements mcp.Connection.
func (c *lineConnection) Close() error {
	c.once.Do(func() { close(c.closed) })
	return nil
}

// scan reads lines until the input ends. A read that blocks outlives Close: it
// ends with the process, or with the input.
func (c *lineConnection) scan(in *bufio.Reader) {
	for {
		next := readLine(in, c.limit)
		select {
		case c.lines <- next:
		case <-c.closed:
			return
		}
		if next.err != nil {
			return
		}
	}
}

// readLine reads up to the next line feed, and skips a line that is too long.
func readLine(in *bufio.Reader, limit int) line {
	var result line
	for {
		part, err := in.ReadSlice('\n')
		if len(result.text)+len(part) > limit {
			result.tooLong, result.text = true, nil
		}
		if !result.tooLong {
			result.text = append(result.text, part...)
		}
		switch {
		case errors.Is(err, bufio.ErrBufferFull):
			continue
		case err != nil && (len(result.text) == 0 || !errors.Is(err, io.EOF)):
			result.err = err
		}
		return result
	}
}

// Read implements mcp.Connection.
func (c *lineConnection) Read(ctx context.Context) (jsonrpc.Message, error) {
	for {
		var next line
		select {
		case next = <-c.lines:
		case <-c.stop:
			next.err = io.EOF
		case <-c.closed:
			return nil, io.EOF
		case <-ctx.Done():
			return nil, ctx.Err()
		}
		if next.err != nil {
			c.waitForAnswers(ctx)
			return nil, next.err
		}
		message, refusal := c.decode(next)
		switch {
		case refusal != nil:
			if err := c.write(refusal); err != nil {
				return nil, err
			}
		case message != nil:
			return message, nil
		}
	}
}

// decode returns a message, or the answer to what is none, or neither for an
// empty line.
func (c *lineConnection) decode(next line) (jsonrpc.Message, []byte) {
	text := bytes.TrimSpace(next.text)
	switch {
	case next.tooLong:
		return nil, refusal(nil, jsonrpc.CodeInvalidRequest, "the message is too long; the limit is 9 MiB")
	case len(text) == 0:
		return nil, nil
	case !json.Valid(text):
		return nil, refusal(nil, jsonrpc.CodeParseError, "the line is not JSON: a message is one JSON object on one line")
	case text[0] == '[':
		return nil, refusal(nil, jsonrpc.CodeInvalidRequest, "batches are not part of the protocol since 2025-06-18: send one message a line")
	}
	message, err := jsonrpc.DecodeMessage(text)
	if err != nil {
		return nil, refusal(text, jsonrpc.CodeInvalidRequest, "the line is not a JSON-RPC 2.0 message: "+err.Error())
	}
	if request, is := message.(*jsonrpc.Request); is {
		c.note(request)
	}
	return message, nil
}

// note remembers a request until it is answered. One that is cancelled need
// not be waited for.
func (c *lineConnection) note(request *jsonrpc.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if request.IsCall() {
		c.open[request.ID] = true
		return
	}
	var cancelled struct {
		RequestID any `json:"requestId"`
	}
	if request.Method == "notifications/cancelled" && json.Unmarshal(request.Params, &cancelled) == nil {
		if id, err := jsonrpc.MakeID(cancelled.RequestID); err == nil {
			delete(c.open, id)
		}
	}
}

// Write implements mcp.Connection.
func (c *lineConnection) Write(_ context.Context, message jsonrpc.Message) error {
	text, err := jsonrpc.EncodeMessage(message)
	if err != nil {
		return err
	}
	if err := c.write(text); err != nil {
		return err
	}
	if response, is := message.(*jsonrpc.Response); is {
		c.mu.Lock()
		defer c.mu.Unlock()
		if delete(c.open, response.ID); len(c.open) == 0 {
			select {
			case c.idle <- struct{}{}:
			default:
			}
		}
	}
	return nil
}

func (c *lineConnection) write(text []byte) error {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, err := c.out.Write(append(text, '\n'))
	return err
}

// waitForAnswers waits, a bounded time, until nothing is left to answer.
func (c *lineConnection) waitForAnswers(ctx context.Context) {
	limit := time.After(lastAnswers)
	for {
		c.mu.Lock()
		left := len(c.open)
		c.mu.Unlock()
		if left == 0 {
			return
		}
		select {
		case <-c.idle:
		case <-limit:
			return
		case <-c.closed:
			return
		case <-ctx.Done():
			return
		}
	}
}

// refusal is the answer to a line that is no message; its id is null unless
// the line has one (JSON-RPC 2.0, section 5).
func refusal(text []byte, code int64, reason string) []byte {
	var sent struct {
		ID json.RawMessage `json:"id"`
	}
	if json.Unmarshal(text, &sent) != nil || len(sent.ID) == 0 || bytes.ContainsRune([]byte("{[tf"), rune(sent.ID[0])) {
		sent.ID = json.RawMessage("null")
	}
	answer, err := json.Marshal(map[string]any{"jsonrpc": "2.0", "id": sent.ID, "error": map[string]any{"code": code, "message": reason}})
	if err != nil {
		return []byte(`{"jsonrpc":"2.0","id":null,"error":{"code":-32603,"message":"internal error"}}`)
	}
	return answer
}
