// Completions: what can stand for an argument while it is being typed.
package mcpserver

import (
	"context"
	"fmt"
	"slices"
	"strconv"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

const (
	// mostCompletions is the protocol's limit for one answer
	// (https://modelcontextprotocol.io/specification/2025-11-25/server/utilities/completion).
	mostCompletions = 100
	// searched is how many scripts, headings or characters are looked at.
	searched = 1000
)

// styles are proposals; any other words do as well.
var styles = []string{"comic", "formal", "lyrical", "modern", "plain", "poetic", "terse", "Shakespearean"}

// candidate is something with an identifier and a name.
type candidate struct {
	id   int64
	name string
}

// complete answers completion/complete, for the arguments of prompts and of the
// addresses of resources.
func (s *Server) complete(ctx context.Context, request *mcp.CompleteRequest) (*mcp.CompleteResult, error) {
	if err := s.checkReference(request.Params.Ref); err != nil {
		return nil, err
	}
	typed := strings.TrimSpace(request.Params.Argument.Value)
	values := []string{}
	switch request.Params.Argument.Name {
	case argumentScript:
		scripts, _, err := s.scripts(ctx, request, "", searched)
		if err != nil {
			return nil, err
		}
		for _, each := range scripts {
			if (candidate{each.ScriptID, each.Title}).fits(typed) {
				values = append(values, strconv.FormatInt(each.ScriptID, 10))
			}
		}
	case argumentHeading, argumentScene:
		return s.completeHeading(ctx, request, typed)
	case argumentCharacter:
		var characters []struct {
			CharacterID int64
			Name        string
		}
		if _, err := s.get(ctx, request, "character", fmt.Sprintf("/characters?limit=%d", searched), &characters); err != nil {
			return nil, err
		}
		for _, each := range characters {
			if (candidate{each.CharacterID, each.Name}).fits(typed) {
				values = append(values, each.Name)
			}
		}
	case argumentStyle:
		for _, style := range styles {
			if (candidate{0, style}).fits(typed) {
				values = append(values, style)
			}
		}
	}
	return completions(values), nil
}

// completeHeading proposes headings of the script that is named already.
func (s *Server) completeHeading(ctx context.Context, request *mcp.CompleteRequest, typed string) (*mcp.CompleteResult, error) {
	if request.Params.Context == nil {
		return completions(nil), nil
	}
	id, err := scriptID(request.Params.Context.Arguments[argumentScript])
	if err != nil {
		return completions(nil), nil
	}
	var headings []struct {
		HeadingID int64
		Title     string
	}
	if _, err := s.get(ctx, request, "scriptmanagement", fmt.Sprintf("/scripts/%d/sections?limit=%d", id, searched), &headings); err != nil {
		return nil, err
	}
	var values []string
	for _, each := range headings {
		switch {
		case !(candidate{each.HeadingID, each.Title}).fits(typed):
		case request.Params.Argument.Name == argumentScene:
			values = append(values, each.Title)
		default:
			values = append(values, strconv.FormatInt(each.HeadingID, 10))
		}
	}
	return completions(values), nil
}

// checkReference refuses to complete for what is not offered.
func (s *Server) checkReference(ref *mcp.CompleteReference) error {
	switch ref.Type {
	case "ref/prompt":
		if !slices.ContainsFunc(s.prompts, func(p prompt) bool { return p.Name == ref.Name }) {
			return invalid("there is no prompt %.80q", ref.Name)
		}
	case "ref/resource":
		if ref.URI != storyTemplate && ref.URI != indexTemplate {
			return invalid("there is no resource template %.200q", ref.URI)
		}
	default:
		return invalid("completions are for ref/prompt and ref/resource, not %.80q", ref.Type)
	}
	return nil
}

// fits reports whether the identifier begins with what was typed, or the name
// has it in it.
func (c candidate) fits(typed string) bool {
	return c.id > 0 && strings.HasPrefix(strconv.FormatInt(c.id, 10), typed) ||
		strings.Contains(strings.ToLower(c.name), strings.ToLower(typed))
}

func completions(values []string) *mcp.CompleteResult {
	if values == nil {
		values = []string{}
	}
	total := len(values)
	shown := values[:min(total, mostCompletions)]
	return &mcp.CompleteResult{Completion: mcp.CompletionResultDetails{Values: shown, Total: total, HasMore: total > len(shown)}}
}
