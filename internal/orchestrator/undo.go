package orchestrator

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"fountain.coach/fountainai/internal/client"
)

// written tells what a call has changed, and the path by which what it made can
// be deleted.
func (b *Toolbox) written(tool *Tool, call ToolCall, outcome Outcome) []Written {
	request, err := tool.Request([]byte(call.Arguments), Strict)
	if err != nil {
		return nil
	}
	base := Written{Tool: tool.Name, Service: tool.Service, Method: tool.Method, Path: request.Path}
	if tool.Method != http.MethodPost || outcome.Status != http.StatusCreated {
		return []Written{base}
	}
	made := madeBy(outcome.Body)
	if len(made) == 0 {
		return []Written{base}
	}
	var all []Written
	for _, object := range made {
		each := base
		each.Undo = b.deletePath(tool, request.Path, object)
		all = append(all, each)
	}
	return all
}

// madeBy returns the resources of an answer: one, a list, or a list in items.
func madeBy(body json.RawMessage) []map[string]any {
	decode := func(into any) bool {
		decoder := json.NewDecoder(strings.NewReader(string(body)))
		decoder.UseNumber()
		return decoder.Decode(into) == nil
	}
	var list []map[string]any
	if decode(&list) {
		return list
	}
	var object map[string]any
	if !decode(&object) {
		return nil
	}
	inner, is := object["items"].([]any)
	if !is {
		return []map[string]any{object}
	}
	for _, each := range inner {
		if made, is := each.(map[string]any); is {
			list = append(list, made)
		}
	}
	return list
}

// deletePath finds the operation that deletes what a POST to path has made: the
// one of the same collection, by its last segment.
func (b *Toolbox) deletePath(tool *Tool, path string, made map[string]any) string {
	collection := strings.TrimSuffix(tool.Path, "/batch")
	name := collection[strings.LastIndexByte(collection, '/')+1:]
	for _, other := range b.tools {
		parts := strings.Split(other.Path, "/")
		n := len(parts)
		if other.Service != tool.Service || other.Method != http.MethodDelete || n < 3 || parts[n-2] != name {
			continue
		}
		parameter := strings.Trim(parts[n-1], "{}")
		id, is := made[parameter].(json.Number)
		if !is {
			id, is = made["dialogueId"].(json.Number) // v1 calls the identifier of a spoken word so
		}
		if number, err := strconv.ParseInt(id.String(), 10, 64); !is || err != nil || number < 1 {
			continue
		}
		target := strings.Join(parts[:n-1], "/")
		if strings.Contains(target, "{") {
			target = strings.TrimSuffix(strings.SplitN(path, "?", 2)[0], "/batch")
		}
		return target + "/" + id.String()
	}
	return ""
}

// Undo deletes what a conversation has made, the latest first, and returns what
// could not be taken back: changes of what was there before, and what others
// have come to need. What is gone already counts as taken back. each is told of
// every deletion.
func Undo(ctx context.Context, api *client.Client, conversation *Conversation, each func(Written, error)) error {
	var failed error
	var left []Written
	for _, change := range slices.Backward(conversation.Written) {
		err := errors.New("it changed something that was there before; that cannot be taken back")
		if change.Undo != "" {
			_, err = api.Call(ctx, client.Request{Service: change.Service, Method: http.MethodDelete, Path: change.Undo})
			if client.Status(err) == http.StatusNotFound {
				err = nil
			}
		}
		each(change, err)
		if err != nil {
			failed = errors.Join(failed, fmt.Errorf("%s %s: %w", change.Tool, change.Path, err))
			left = append(left, change)
		}
	}
	slices.Reverse(left)
	conversation.Written = left
	return failed
}
