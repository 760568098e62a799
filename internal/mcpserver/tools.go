package mcpserver

import (
	"context"
	"encoding/json"
	"net/http"
	"time"

	"github.com/google/uuid"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"fountain.coach/fountainai/internal/orchestrator"
)

// addTools offers the operations that the person permits.
func (s *Server) addTools() {
	for _, tool := range s.options.Toolbox.Tools() {
		if s.options.Allows(tool) {
			s.sdk.AddTool(describe(tool), s.call)
		}
	}
}

// describe tells of an operation as the protocol has it
// (https://modelcontextprotocol.io/specification/2025-11-25/server/tools).
func describe(tool *orchestrator.Tool) *mcp.Tool {
	no, overwrites := false, overwrites(tool.Method)
	return &mcp.Tool{
		Name:        tool.Name,
		Title:       tool.Title,
		Description: tool.Description,
		InputSchema: tool.Schema,
		Annotations: &mcp.ToolAnnotations{
			Title:           tool.Title,
			ReadOnlyHint:    tool.ReadOnly,
			DestructiveHint: &overwrites,
			IdempotentHint:  tool.Idempotent,
			OpenWorldHint:   &no,
		},
	}
}

// overwrites reports whether a method may take something away. The protocol
// has destructiveHint false only for what does nothing but add; PUT and PATCH
// replace texts that were there. Whether a tool is offered at all is another
// matter: that is Permission's.
func overwrites(method string) bool {
	return method == http.MethodDelete || method == http.MethodPut || method == http.MethodPatch
}

// call carries out a call. What goes wrong with it is a result, so that the
// model reads it and can correct itself; only a call of no known tool is an
// error of the protocol.
func (s *Server) call(ctx context.Context, request *mcp.CallToolRequest) (*mcp.CallToolResult, error) {
	begun := time.Now()
	outcome := s.outcome(ctx, request)
	s.options.Logger.Info("tool", "name", request.Params.Name, "status", outcome.Status, "duration", time.Since(begun))
	text := outcome.JSON()
	return &mcp.CallToolResult{
		Content:           []mcp.Content{&mcp.TextContent{Text: text}},
		StructuredContent: json.RawMessage(text),
		IsError:           outcome.Failed(),
	}, nil
}

func (s *Server) outcome(ctx context.Context, request *mcp.CallToolRequest) orchestrator.Outcome {
	name, arguments := request.Params.Name, request.Params.Arguments
	// What cannot be sent needs no turn.
	if tool := s.options.Toolbox.Tool(name); tool != nil && s.options.Allows(tool) {
		if _, err := tool.Request(arguments, orchestrator.Plain); err == nil {
			inTurn, done, refusal := s.turn(ctx)
			if refusal != nil {
				return orchestrator.Outcome{Status: refusal.Status, Problem: refusal}
			}
			defer done()
			ctx = inTurn
		}
	}
	caller := orchestrator.Caller{Toolbox: s.options.Toolbox, API: s.api(request), Permission: s.options.Permission, Timeout: s.options.Timeout}
	return caller.Call(ctx, name, arguments, orchestrator.Plain, uuid.NewString())
}

// refuseTools answers calls of tools that exist and are not offered: the model
// is told why, where the SDK would know no such tool.
func (s *Server) refuseTools(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, request mcp.Request) (mcp.Result, error) {
		if call, is := request.(*mcp.CallToolRequest); is && call.Params != nil {
			if tool := s.options.Toolbox.Tool(call.Params.Name); tool != nil && !s.options.Allows(tool) {
				return s.call(ctx, call)
			}
		}
		return next(ctx, method, request)
	}
}
