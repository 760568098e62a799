package orchestrator

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/openai/openai-go/v3"
	"github.com/openai/openai-go/v3/option"
	"github.com/openai/openai-go/v3/packages/param"
	"github.com/openai/openai-go/v3/shared"
)

// Message is one entry of a conversation, as it is kept and as models read it.
type Message struct {
	// Role is user, assistant or tool.
	Role string `json:"role"`
	Text string `json:"text,omitempty"`
	// Calls that the assistant asked for.
	Calls []ToolCall `json:"calls,omitempty"`
	// CallID says which call a tool's message answers.
	CallID string `json:"callId,omitempty"`
}

// ToolCall is a call as the model wrote it. Its arguments may be anything.
type ToolCall struct {
	ID        string `json:"id"`
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// Turn is what a model says once.
type Turn struct {
	Text  string
	Calls []ToolCall
	// Finish is the API's finish_reason, such as stop, tool_calls or length.
	Finish string
	// Tokens that the turn cost, prompt included; estimated where the endpoint
	// does not tell.
	Tokens int64
}

// Model answers conversations. Text, if not nil, is given the words as they come.
type Model interface {
	Complete(ctx context.Context, system string, conversation []Message, tools []*Tool, text func(string)) (*Turn, error)
}

// ModelConfig names a model behind an OpenAI-compatible endpoint.
type ModelConfig struct {
	// BaseURL of the API. Empty: OpenAI's.
	BaseURL string
	// Key is sent as a bearer token. Servers on this machine often want none.
	Key string
	// Name of the model.
	Name string
	// Loose sends the functions without strict, for servers that do not know it.
	Loose bool
	// Timeout of one turn. 0: 5 minutes.
	Timeout time.Duration
}

// DefaultModel is asked where the configuration names none.
const DefaultModel = "gpt-5-mini"

type chatModel struct {
	client openai.Client
	config ModelConfig
}

// NewModel returns a model behind an OpenAI-compatible chat API.
func NewModel(config ModelConfig) (Model, error) {
	if config.Key == "" && config.BaseURL == "" {
		return nil, errors.New("no model to ask: set OPENAI_API_KEY, or OPENAI_BASE_URL for another OpenAI-compatible endpoint, such as http://localhost:11434/v1")
	}
	// The address is always given: the client would take an empty OPENAI_BASE_URL,
	// as Compose sets it, for one.
	options := []option.RequestOption{option.WithAPIKey(cmp.Or(config.Key, "none")), option.WithMaxRetries(3),
		option.WithBaseURL(cmp.Or(config.BaseURL, "https://api.openai.com/v1"))}
	config.Name = cmp.Or(config.Name, DefaultModel)
	config.Timeout = cmp.Or(config.Timeout, 5*time.Minute)
	return &chatModel{openai.NewClient(options...), config}, nil
}

// Complete asks for one turn, as a stream.
func (m *chatModel) Complete(ctx context.Context, system string, conversation []Message, tools []*Tool, text func(string)) (*Turn, error) {
	ctx, cancel := context.WithTimeoutCause(ctx, m.config.Timeout, fmt.Errorf("the model did not finish within %s", m.config.Timeout))
	defer cancel()
	parameters := openai.ChatCompletionNewParams{
		Model: m.config.Name, Messages: m.messages(system, conversation), Tools: m.functions(tools),
		StreamOptions: openai.ChatCompletionStreamOptionsParam{IncludeUsage: openai.Bool(true)},
	}
	stream := m.client.Chat.Completions.NewStreaming(ctx, parameters)
	defer func() { _ = stream.Close() }()
	turn := &Turn{}
	calls := callParts{}
	for stream.Next() {
		chunk := stream.Current()
		if chunk.Usage.TotalTokens > 0 {
			turn.Tokens = chunk.Usage.TotalTokens
		}
		for _, choice := range chunk.Choices {
			turn.Finish = cmp.Or(choice.FinishReason, turn.Finish)
			words := choice.Delta.Content + choice.Delta.Refusal
			turn.Text += words
			if words != "" && text != nil {
				text(words)
			}
			for _, part := range choice.Delta.ToolCalls {
				calls.add(part)
			}
		}
		if len(turn.Text) > 1<<20 || calls.size > 4<<20 {
			return nil, errors.New("the model says more than a story holds; it was stopped")
		}
	}
	if err := stream.Err(); err != nil {
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, m.explain(err)
	}
	turn.Calls = calls.list()
	if turn.Tokens == 0 {
		turn.Tokens = estimate(system, conversation, turn)
	}
	return turn, nil
}

// callParts puts calls together from the pieces of a stream.
type callParts struct {
	calls []ToolCall
	index map[int64]int
	size  int
}

func (c *callParts) add(part openai.ChatCompletionChunkChoiceDeltaToolCall) {
	if c.index == nil {
		c.index = map[int64]int{}
	}
	at, known := c.index[part.Index]
	// Some servers leave all indexes 0: a new id is a new call then.
	if !known || part.ID != "" && c.calls[at].ID != "" && part.ID != c.calls[at].ID {
		at = len(c.calls)
		c.index[part.Index] = at
		c.calls = append(c.calls, ToolCall{})
	}
	call := &c.calls[at]
	call.ID = cmp.Or(call.ID, part.ID)
	call.Name += part.Function.Name
	call.Arguments += part.Function.Arguments
	c.size += len(part.Function.Name) + len(part.Function.Arguments) + 1
}

func (c *callParts) list() []ToolCall {
	seen := map[string]bool{}
	for i := range c.calls {
		if call := &c.calls[i]; call.ID == "" || seen[call.ID] {
			call.ID = fmt.Sprintf("call_%d", i)
		}
		seen[c.calls[i].ID] = true
	}
	return c.calls
}

// estimate counts four bytes to the token.
func estimate(system string, conversation []Message, turn *Turn) int64 {
	bytes := len(system) + len(turn.Text)
	for _, call := range turn.Calls {
		bytes += len(call.Arguments)
	}
	for _, message := range conversation {
		bytes += len(message.Text)
		for _, call := range message.Calls {
			bytes += len(call.Arguments)
		}
	}
	return int64(bytes/4) + 1
}

func (m *chatModel) functions(tools []*Tool) []openai.ChatCompletionToolUnionParam {
	var functions []openai.ChatCompletionToolUnionParam
	for _, tool := range tools {
		definition := shared.FunctionDefinitionParam{Name: tool.Name, Description: param.NewOpt(tool.Description), Parameters: tool.Strict}
		if !m.config.Loose {
			definition.Strict = openai.Bool(true)
		}
		functions = append(functions, openai.ChatCompletionFunctionTool(definition))
	}
	return functions
}

func (m *chatModel) messages(system string, conversation []Message) []openai.ChatCompletionMessageParamUnion {
	messages := []openai.ChatCompletionMessageParamUnion{openai.SystemMessage(system)}
	for _, message := range conversation {
		switch message.Role {
		case "user":
			messages = append(messages, openai.UserMessage(message.Text))
		case "tool":
			messages = append(messages, openai.ToolMessage(message.Text, message.CallID))
		default:
			messages = append(messages, assistant(message))
		}
	}
	return messages
}

func assistant(message Message) openai.ChatCompletionMessageParamUnion {
	said := &openai.ChatCompletionAssistantMessageParam{}
	if message.Text != "" || len(message.Calls) == 0 {
		said.Content.OfString = param.NewOpt(message.Text)
	}
	for _, call := range message.Calls {
		call = presentable(call)
		said.ToolCalls = append(said.ToolCalls, openai.ChatCompletionMessageToolCallUnionParam{
			OfFunction: &openai.ChatCompletionMessageFunctionToolCallParam{ID: call.ID,
				Function: openai.ChatCompletionMessageFunctionToolCallFunctionParam{Name: call.Name, Arguments: call.Arguments}}})
	}
	return openai.ChatCompletionMessageParamUnion{OfAssistant: said}
}

// presentable is a call as endpoints take it back: a name that could be one, and
// arguments that are JSON. What the model wrote stays in the conversation.
func presentable(call ToolCall) ToolCall {
	if !isFunctionName(call.Name) {
		call.Name = "unknown_tool"
	}
	if !json.Valid([]byte(call.Arguments)) {
		wrapped, _ := json.Marshal(map[string]string{"not_json": call.Arguments})
		call.Arguments = string(wrapped)
	}
	return call
}

// explain says what to do about an error of the endpoint. Its own words may
// hold secrets only by mistake, so they are shortened and not the request.
func (m *chatModel) explain(err error) error {
	var api *openai.Error
	if !errors.As(err, &api) {
		return fmt.Errorf("asking the model %s: %w", m.config.Name, err)
	}
	said := strings.TrimSpace(api.Message)
	if len(said) > 300 {
		said = strings.ToValidUTF8(said[:300], "") + "…"
	}
	advice := ""
	switch api.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		advice, said = "the endpoint refuses the key; check OPENAI_API_KEY", "" // it may quote the key
	case http.StatusNotFound:
		advice = "the endpoint does not know the model; name another with --model (or FOUNTAIN_MODEL)"
	case http.StatusTooManyRequests:
		advice = "the endpoint's limit is reached or its quota used up; try again later"
	case http.StatusBadRequest:
		advice = "the endpoint does not take the request; for servers without strict functions use --loose"
	default:
		advice = "try again later"
	}
	return fmt.Errorf("asking the model %s: %s", m.config.Name, strings.TrimSuffix(strings.Join([]string{fmt.Sprintf("status %d", api.StatusCode), advice, said}, ": "), ": "))
}
