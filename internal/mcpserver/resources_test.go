package mcpserver

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	"github.com/modelcontextprotocol/go-sdk/mcp"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/orchestrator"
	"fountain.coach/fountainai/internal/screenplay"
)

// scene makes a script with a heading and a character who does and says something.
func scene(t *testing.T, session *mcp.ClientSession) (script, heading int64) {
	t.Helper()
	script = made(t, session, "createScript", "scriptId", map[string]any{"title": "Romeo and Juliet", "author": "William Shakespeare"})
	heading = made(t, session, "addSectionHeading", "headingId", map[string]any{"scriptId": script, "title": "INT. CAPULET HOUSE - NIGHT", "sequenceNumber": 1})
	juliet := made(t, session, "createCharacter", "characterId", map[string]any{"name": "Juliet", "description": "Thirteen."})
	made(t, session, "createAction", "actionId", map[string]any{"description": "Juliet steps to the window.", "scriptId": script, "characterId": juliet, "sequenceNumber": 2})
	made(t, session, "createSpokenWord", "dialogueId", map[string]any{"text": "Ay me!", "scriptId": script, "characterId": juliet, "sequenceNumber": 3})
	return script, heading
}

func read(t *testing.T, session *mcp.ClientSession, uri string) *mcp.ResourceContents {
	t.Helper()
	result, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri})
	if err != nil || len(result.Contents) != 1 || result.Contents[0].URI != uri {
		t.Fatalf("%s: %v %v", uri, result, err)
	}
	return result.Contents[0]
}

func TestStoryIsAScreenplay(t *testing.T) {
	session, _ := started(t, orchestrator.Permission{})
	script, _ := scene(t, session)
	story := read(t, session, storyURI(script))
	if story.MIMEType != fountainType {
		t.Errorf("the type is %s", story.MIMEType)
	}
	play, err := screenplay.Parse(strings.NewReader(story.Text))
	if err != nil {
		t.Fatal(err)
	}
	var kinds []string
	for _, element := range play.Elements {
		kinds = append(kinds, string(element.Kind)+": "+element.Text)
	}
	want := []string{"action: Juliet steps to the window.", "character: JULIET", "dialogue: Ay me!"}
	if play.Title() != "Romeo and Juliet" || len(kinds) < 3 || !slices.Equal(kinds[len(kinds)-3:], want) || !strings.Contains(story.Text, "INT. CAPULET HOUSE - NIGHT") {
		t.Errorf("got %s: %q", story.Text, kinds)
	}
}

func TestNoSuchResource(t *testing.T) {
	session, _ := started(t, orchestrator.Permission{})
	script, _ := scene(t, session)
	for _, uri := range []string{storyURI(script + 1), "fountain://scripts/0/story.fountain", "fountain://scripts/-1/story.fountain", "fountain://scripts/x/story.fountain",
		fmt.Sprintf("fountain://scripts/0%d/story.fountain", script), "fountain://scripts/99999999999999999999/story.fountain",
		fmt.Sprintf("fountain://scripts/%d/story.pdf", script), fmt.Sprintf("fountain://scripts/%d/../1/story.fountain", script), "fountain://characters", "file:///etc/passwd", "", "%"} {
		_, err := session.ReadResource(t.Context(), &mcp.ReadResourceParams{URI: uri})
		if code(err) != jsonrpc.CodeInvalidParams || !strings.Contains(err.Error(), "Resource not found") {
			t.Errorf("%q: %v", uri, err)
		}
	}
}

func TestResourceTemplates(t *testing.T) {
	session, _ := started(t, orchestrator.Permission{})
	var got []string
	for template, err := range session.ResourceTemplates(t.Context(), nil) {
		if err != nil {
			t.Fatal(err)
		}
		got = append(got, template.URITemplate)
	}
	slices.Sort(got)
	if !slices.Equal(got, []string{storyTemplate, indexTemplate}) {
		t.Errorf("got %q", got)
	}
}

func TestResourcesArePaged(t *testing.T) {
	session, o := started(t, orchestrator.Permission{})
	const n = pageOfScripts + 3
	for i := range n {
		request := client.Request{Service: "scriptmanagement", Method: http.MethodPost, Path: "/scripts", Body: map[string]any{"title": fmt.Sprintf("Play %d", i)}, IdempotencyKey: fmt.Sprint("play-", i)}
		if _, err := o.API.Do(t.Context(), request, nil); err != nil {
			t.Fatal(err)
		}
	}
	first, err := session.ListResources(t.Context(), nil)
	if err != nil || len(first.Resources) != 1+pageOfScripts || first.NextCursor == "" {
		t.Fatalf("the first page: %v, %d, %q", err, len(first.Resources), first.NextCursor)
	}
	seen := map[string]bool{}
	for resource, err := range session.Resources(t.Context(), nil) {
		if err != nil || seen[resource.URI] || resource.Title == "" {
			t.Fatalf("%+v: %v", resource, err)
		}
		seen[resource.URI] = true
	}
	if len(seen) != n+1 || !seen[indexURI] {
		t.Errorf("%d resources, want the index and %d scripts", len(seen), n)
	}
	if _, err := session.ListResources(t.Context(), &mcp.ListResourcesParams{Cursor: "nonsense"}); code(err) != jsonrpc.CodeInvalidParams {
		t.Errorf("a wrong cursor: %v", err)
	}
	stories := 0
	for uri := indexURI; uri != ""; {
		var page struct {
			Scripts []struct{ Title, Story string }
			Next    string
		}
		if err := json.Unmarshal([]byte(read(t, session, uri).Text), &page); err != nil {
			t.Fatal(err)
		}
		for _, each := range page.Scripts {
			if stories++; !seen[each.Story] || each.Title == "" {
				t.Errorf("the index has %+v", each)
			}
		}
		uri = page.Next
	}
	if stories != n {
		t.Errorf("the index has %d scripts, want %d", stories, n)
	}
}
