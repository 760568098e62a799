package main

import (
	"bytes"
	"context"
	"crypto/tls"
	"encoding/json"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"fountain.coach/fountainai/internal/gptactions"
)

// chatGPT calls a stack as the actions of a custom GPT do: by its public names,
// over HTTPS, with the key as the only header of its own.
type chatGPT struct {
	domain    string
	key       string
	client    *http.Client
	documents map[string]*gptactions.Document
}

// importActions runs the services behind the gateway under a public domain, and
// fetches their documents as the GPT editor does: from their address, without a key.
func importActions(t *testing.T, domain string) *chatGPT {
	t.Helper()
	files, _ := rendered(t, true, domain)
	text := readFile(t, files.out)
	for name, address := range serveServices(t) {
		text = strings.Replace(text, "target: "+name+":8000", "target: "+address, 1)
	}
	if err := os.WriteFile(files.out, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	ports := freePorts(t, 3)
	_, port, err := net.SplitHostPort(ports[1])
	if err != nil {
		t.Fatal(err)
	}
	startGateway(t, gatewayOptions{config: files.out, http: ports[0], https: ports[1], status: ports[2], portMaps: "443:" + port})
	key, err := readKey(files.keys, "writer")
	if err != nil {
		t.Fatal(err)
	}
	transport := &http.Transport{
		// Every name leads to the gateway; the certificate must be for it all the same.
		DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, network, ports[1])
		},
		TLSClientConfig: &tls.Config{RootCAs: trusting(t, files.certs)},
	}
	t.Cleanup(transport.CloseIdleConnections)
	g := &chatGPT{
		domain: domain, key: key, documents: map[string]*gptactions.Document{},
		client: &http.Client{Transport: transport, Timeout: 45 * time.Second}, // OpenAI's limit
	}
	for _, service := range serviceNames {
		text := g.send(t, http.MethodGet, g.address(service)+"/openapi.json", nil, "", http.StatusOK)
		if g.documents[service], err = gptactions.Parse(text); err != nil {
			t.Fatalf("%s: %v", service, err)
		}
	}
	return g
}

func (g *chatGPT) address(service string) string { return "https://" + service + "." + g.domain }

// send returns the body of an answer that must have a status.
func (g *chatGPT) send(t *testing.T, method, address string, body any, key string, status int) []byte {
	t.Helper()
	var content io.Reader
	if body != nil {
		text, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		content = bytes.NewReader(text)
	}
	request, err := http.NewRequestWithContext(t.Context(), method, address, content)
	if err != nil {
		t.Fatal(err)
	}
	if body != nil {
		request.Header.Set("Content-Type", "application/json")
	}
	if key != "" {
		request.Header.Set(gptactions.KeyHeader, key)
	}
	response, err := g.client.Do(request)
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	if err != nil || response.StatusCode != status {
		t.Fatalf("%s %s: %s, want %d (%v): %s", method, address, response.Status, status, err, answer)
	}
	return answer
}

// find returns the service that has an operation, or "".
func (g *chatGPT) find(id string) (string, gptactions.Operation) {
	for service, document := range g.documents {
		for _, operation := range document.Operations {
			if operation.ID == id {
				return service, operation
			}
		}
	}
	return "", gptactions.Operation{}
}

// call calls an operation by its name, at the address that its document gives,
// and decodes the answer.
func (g *chatGPT) call(t *testing.T, id string, arguments map[string]any, body any, status int, answer any) {
	t.Helper()
	service, operation := g.find(id)
	if service == "" {
		t.Fatalf("no document has the operation %s", id)
	}
	path, query := operation.Path, url.Values{}
	for name, value := range arguments {
		if place := "{" + name + "}"; strings.Contains(path, place) {
			path = strings.Replace(path, place, fmt.Sprint(value), 1)
		} else {
			query.Set(name, fmt.Sprint(value))
		}
	}
	text := g.send(t, operation.Method, g.address(service)+path+"?"+query.Encode(), body, g.key, status)
	if answer == nil {
		return
	}
	if err := json.Unmarshal(text, answer); err != nil {
		t.Fatalf("%s: %v: %s", id, err, text)
	}
}

// TestDocumentsAreGPTActions imports the documents, and does the work that the
// Instructions in docs/gpt-actions.md describe with what they name.
func TestDocumentsAreGPTActions(t *testing.T) {
	g := importActions(t, "screenplays.example.org")
	t.Run("documents", func(t *testing.T) {
		for _, service := range serviceNames {
			document := g.documents[service]
			t.Logf("%s: %d operations, %d bytes", service, len(document.Operations), document.Size)
			for _, fault := range document.Faults(service + "." + g.domain) {
				t.Errorf("%s: %s", service, fault)
			}
		}
		for _, clash := range gptactions.Clashes(g.documents) {
			t.Error(clash)
		}
	})
	t.Run("the page names operations that exist", func(t *testing.T) { checkPage(t, g) })
	t.Run("the order of work leads to a story", func(t *testing.T) { writeStory(t, g) })
}

// checkPage looks for names in code that begin as operations do. Names of
// members begin otherwise, so that a name that is wrong cannot pass for one.
func checkPage(t *testing.T, g *chatGPT) {
	page := readFile(t, filepath.Join("..", "..", "docs", "gpt-actions.md"))
	name := regexp.MustCompile(`\b(?:list|get|create|add|generate|put|update|replace|patch|delete|reorder)[A-Z][A-Za-z]*\b`)
	found := map[string]bool{}
	for _, id := range name.FindAllString(page, -1) {
		found[id] = true
		if service, _ := g.find(id); service == "" {
			t.Errorf("docs/gpt-actions.md speaks of %s, which no document has", id)
		}
	}
	if len(found) < 10 {
		t.Errorf("the page names only %d operations", len(found))
	}
	_, instructions, _ := strings.Cut(page, "```text\n")
	instructions, _, closed := strings.Cut(instructions, "```")
	// The box in the GPT editor takes no more, as developers have found
	// (https://community.openai.com/t/token-limit-for-custom-gpts/946259).
	if length := utf8.RuneCountInString(instructions); !closed || length > 8000 {
		t.Errorf("the instructions have %d characters, want at most 8000", length)
	}
	for _, service := range serviceNames {
		if !strings.Contains(page, "https://"+service+".") {
			t.Errorf("docs/gpt-actions.md does not say where the document of %s is", service)
		}
	}
}

// writeStory goes through the order of work with the operations that the
// Instructions name.
func writeStory(t *testing.T, g *chatGPT) {
	type object = map[string]any
	items := func(all ...object) object { return object{"items": all} }
	var script struct{ ScriptID int64 }
	g.call(t, "createScript", nil, object{"title": "The Balcony", "author": "A GPT"}, 201, &script)
	in := object{"scriptId": script.ScriptID}
	var headings []struct{ HeadingID int64 }
	g.call(t, "addSectionHeadings", in, items(object{"title": "EXT. ORCHARD - NIGHT", "sequenceNumber": 1}), 201, &headings)
	var characters []struct{ CharacterID int64 }
	g.call(t, "createCharacters", nil, items(object{"name": "JULIET", "description": ""}), 201, &characters)
	juliet := characters[0].CharacterID
	var actions []struct{ ActionID int64 }
	g.call(t, "createActions", nil, items(object{"description": "Juliet appears.", "scriptId": script.ScriptID, "characterId": juliet, "sequenceNumber": 2}), 201, &actions)
	var words []struct{ DialogueID int64 }
	g.call(t, "createSpokenWords", nil, items(object{"text": "Ay me!", "scriptId": script.ScriptID, "characterId": juliet, "sequenceNumber": 3}), 201, &words)

	// The page says what this means.
	g.call(t, "createStoryElements", in, items(object{"type": "action", "text": "Too early."}), 404, nil)
	g.call(t, "putStory", in, object{"title": "The Balcony", "author": "A GPT"}, 201, nil)
	g.call(t, "createStoryElements", in, items(
		object{"sequence": 1, "type": "sceneHeading", "text": "EXT. ORCHARD - NIGHT", "headingId": headings[0].HeadingID},
		object{"sequence": 2, "type": "action", "character": object{"characterId": juliet, "name": "JULIET"}, "action": object{"actionId": actions[0].ActionID, "description": "Juliet appears."}},
		object{"sequence": 3, "type": "dialogue", "character": object{"characterId": juliet, "name": "JULIET"}, "spokenWord": object{"dialogueId": words[0].DialogueID, "text": "Ay me!"}},
	), 201, nil)
	var story struct {
		Title string
		Story []struct{ Type string }
	}
	g.call(t, "getFullStory", in, nil, 200, &story)
	if fmt.Sprint(story) != "{The Balcony [{sceneHeading} {action} {dialogue}]}" {
		t.Errorf("the story is %v", story)
	}
	var part struct{ Sequences []struct{ Sequence int64 } }
	g.call(t, "getStorySequences", object{"scriptId": script.ScriptID, "startSequence": 2, "endSequence": 3}, nil, 200, &part)
	if len(part.Sequences) != 2 {
		t.Errorf("a part of the story is %v", part)
	}
	g.call(t, "patchSpokenWord", object{"spokenWordId": words[0].DialogueID}, object{"text": "Ay me! Ay me!"}, 200, nil)
	g.call(t, "deleteStory", in, nil, 204, nil)
}
