package mcpserver

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/mcp"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/play"
)

const (
	indexURI      = "fountain://scripts"
	indexTemplate = "fountain://scripts{?cursor}"
	storyTemplate = "fountain://scripts/{scriptId}/story.fountain"
	// fountainType is the one registered name of the Fountain format: a variant
	// of Markdown (https://www.iana.org/assignments/markdown-variants/Fountain,
	// RFC 7763, which also wants the charset).
	fountainType = "text/markdown; charset=UTF-8; variant=Fountain"
	// pageOfScripts is how many scripts a page of the list has.
	pageOfScripts = 100
)

// script is what the list and completions tell of a script.
type script struct {
	ScriptID    int64  `json:"scriptId"`
	Title       string `json:"title"`
	Author      string `json:"author,omitempty"`
	Description string `json:"description,omitempty"`
	UpdatedAt   string `json:"updatedAt,omitempty"`
}

func storyURI(id int64) string { return fmt.Sprintf("fountain://scripts/%d/story.fountain", id) }

// addResources offers the index and the stories
// (https://modelcontextprotocol.io/specification/2025-11-25/server/resources).
// Which scripts there are is asked of the services: see listResources.
func (s *Server) addResources() {
	s.sdk.AddResource(index(), s.readIndex)
	s.sdk.AddResourceTemplate(&mcp.ResourceTemplate{URITemplate: indexTemplate, Name: "scripts-page", Title: "More scripts",
		Description: "The index of scripts from a cursor on, as the index before it names it in next.", MIMEType: "application/json"}, s.readIndex)
	s.sdk.AddResourceTemplate(&mcp.ResourceTemplate{URITemplate: storyTemplate, Name: "story", Title: "Story of a script",
		Description: "The whole story of a script, assembled from all services, as a screenplay in the Fountain format.", MIMEType: fountainType}, s.readStory)
}

func index() *mcp.Resource {
	return &mcp.Resource{URI: indexURI, Name: "scripts", Title: "All scripts", MIMEType: "application/json",
		Description: "The scripts with identifier, title, author and the address of the story."}
}

// listResources answers resources/list: the index, and a story for each script,
// as the services page them.
func (s *Server) listResources(next mcp.MethodHandler) mcp.MethodHandler {
	return func(ctx context.Context, method string, request mcp.Request) (mcp.Result, error) {
		list, is := request.(*mcp.ListResourcesRequest)
		if !is {
			return next(ctx, method, request)
		}
		cursor := ""
		if list.Params != nil {
			cursor = list.Params.Cursor
		}
		scripts, following, err := s.scripts(ctx, request, cursor, pageOfScripts)
		if err != nil {
			return nil, err
		}
		result := &mcp.ListResourcesResult{NextCursor: following, Resources: []*mcp.Resource{}, Cacheable: mcp.Cacheable{CacheScope: "private"}}
		if cursor == "" {
			result.Resources = append(result.Resources, index())
		}
		for _, each := range scripts {
			result.Resources = append(result.Resources, each.resource())
		}
		return result, nil
	}
}

func (s script) resource() *mcp.Resource {
	return &mcp.Resource{URI: storyURI(s.ScriptID), Name: fmt.Sprintf("script-%d", s.ScriptID), Title: s.Title,
		Description: s.Description, MIMEType: fountainType, Annotations: &mcp.Annotations{LastModified: s.UpdatedAt}}
}

// scripts returns a page of scripts and the cursor of the next, "" if there is none.
func (s *Server) scripts(ctx context.Context, request mcp.Request, cursor string, limit int) (page []script, following string, err error) {
	query := url.Values{"limit": {strconv.Itoa(limit)}}
	if cursor != "" {
		query.Set("cursor", cursor)
	}
	next, err := s.get(ctx, request, "scriptmanagement", "/scripts?"+query.Encode(), &page)
	if err != nil {
		return nil, "", err
	}
	if at, err := url.Parse(next); err == nil {
		following = at.Query().Get("cursor")
	}
	return page, following, nil
}

// readIndex reads fountain://scripts, and further pages of it.
func (s *Server) readIndex(ctx context.Context, request *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
	at, err := url.Parse(request.Params.URI)
	if err != nil {
		return nil, mcp.ResourceNotFoundError(request.Params.URI)
	}
	page, following, err := s.scripts(ctx, request, at.Query().Get("cursor"), pageOfScripts)
	if err != nil {
		return nil, err
	}
	type entry struct {
		script
		Story string `json:"story"`
	}
	content := struct {
		Scripts []entry `json:"scripts"`
		Next    string  `json:"next,omitempty"`
	}{Scripts: []entry{}}
	for _, each := range page {
		content.Scripts = append(content.Scripts, entry{each, storyURI(each.ScriptID)})
	}
	if following != "" {
		content.Next = indexURI + "?" + url.Values{"cursor": {following}}.Encode()
	}
	text, err := json.Marshal(content)
	if err != nil {
		return nil, err
	}
	return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{{URI: request.Params.URI, MIMEType: "application/json", Text: string(text)}}}, nil
}

// readStory reads the story of a script.
func (s *Server) readStory(ctx context.Context, request *mcp.ReadResourceRequest) (*mcp.ReadResourceResult, error) {
	uri := request.Params.URI
	id, err := scriptOf(uri)
	if err != nil {
		return nil, mcp.ResourceNotFoundError(uri)
	}
	ctx, done, refusal := s.turn(ctx)
	if refusal != nil {
		return nil, failure(refusal)
	}
	defer done()
	story, err := play.Fetch(ctx, s.api(request), id)
	if client.Status(err) == http.StatusNotFound {
		return nil, mcp.ResourceNotFoundError(uri)
	}
	if err != nil {
		return nil, failure(err)
	}
	contents := &mcp.ResourceContents{URI: uri, MIMEType: fountainType, Text: string(play.FromStory(story).Format())}
	if !story.Complete {
		// An import is under way or was broken off.
		contents.Meta = mcp.Meta{"coach.fountain/complete": false}
	}
	return &mcp.ReadResourceResult{Contents: []*mcp.ResourceContents{contents}}, nil
}

// scriptOf reads the identifier in the address of a story.
func scriptOf(uri string) (int64, error) {
	middle, found := strings.CutPrefix(uri, "fountain://scripts/")
	digits, ends := strings.CutSuffix(middle, "/story.fountain")
	if !found || !ends {
		return 0, fmt.Errorf("%s is no story", uri)
	}
	return scriptID(digits)
}

// scriptID reads an identifier as the services write them.
func scriptID(digits string) (int64, error) {
	id, err := strconv.ParseInt(digits, 10, 64)
	if err != nil || id < 1 || strconv.FormatInt(id, 10) != digits {
		return 0, fmt.Errorf("%.40q: want the identifier of a script, a positive whole number", digits)
	}
	return id, nil
}
