// Prompts: work that writers ask for again and again.
package mcpserver

import (
	"bytes"
	"context"
	_ "embed"
	"strings"
	"text/template"
	"unicode/utf8"

	"github.com/modelcontextprotocol/go-sdk/mcp"
)

// longestArgument is how many characters of a prompt's argument are taken: as
// many as the services take of a text.
const longestArgument = 65_536

// prompt is a text with places for arguments
// (https://modelcontextprotocol.io/specification/2025-11-25/server/prompts).
type prompt struct {
	mcp.Prompt
	text *template.Template
	// writes: it asks for changes, and is not offered where none are allowed.
	writes bool
}

// Names of the arguments, which completions go by.
const (
	argumentScript    = "scriptId"
	argumentHeading   = "headingId"
	argumentScene     = "scene"
	argumentStyle     = "style"
	argumentOutline   = "outline"
	argumentTitle     = "title"
	argumentCharacter = "character"
)

//go:embed prompts.txt
var promptTexts string

// newPrompts returns all prompts. Their texts are templates in prompts.txt.
func newPrompts() []prompt {
	// A line of an argument cannot pass for the end of it.
	all := template.Must(template.New("prompts").Funcs(template.FuncMap{"quoted": quoted}).Parse(promptTexts))
	script := &mcp.PromptArgument{Name: argumentScript, Title: "Script", Description: "Identifier of the script.", Required: true}
	return []prompt{
		{text: all.Lookup("outline-to-scenes"), writes: true, Prompt: mcp.Prompt{Name: "outline-to-scenes", Title: "From an outline to scenes",
			Description: "Makes a script of an outline: scene headings, characters, actions, first lines of dialogue, and the story in its order.",
			Arguments: []*mcp.PromptArgument{
				{Name: argumentOutline, Title: "Outline", Description: "What happens, in any form: beats, a synopsis, a list of scenes.", Required: true},
				{Name: argumentTitle, Title: "Title", Description: "Title of the script; one is proposed if it is left out."},
			}}},
		{text: all.Lookup("paraphrase-a-scene"), writes: true, Prompt: mcp.Prompt{Name: "paraphrase-a-scene", Title: "Paraphrase a scene",
			Description: "Writes each action and speech of a scene anew and keeps the results as paraphrases; the originals stay as they are.",
			Arguments: []*mcp.PromptArgument{script,
				{Name: argumentHeading, Title: "Heading", Description: "Identifier of the scene's heading; or give scene."},
				{Name: argumentScene, Title: "Scene", Description: "Words of the scene's heading, if its identifier is not known."},
				{Name: argumentStyle, Title: "Style", Description: "How it should sound: terse, lyrical, a period, an author."},
			}}},
		{text: all.Lookup("continuity-check"), Prompt: mcp.Prompt{Name: "continuity-check", Title: "Check continuity",
			Description: "Reads a whole script and lists what does not fit together: names, places, times, objects, knowledge, references. Changes nothing.",
			Arguments:   []*mcp.PromptArgument{script}}},
		{text: all.Lookup("character-study"), Prompt: mcp.Prompt{Name: "character-study", Title: "Study a character",
			Description: "What one character does, says and wants in a script, and how the voice differs from the others. Changes nothing.",
			Arguments: []*mcp.PromptArgument{script,
				{Name: argumentCharacter, Title: "Character", Description: "Name or identifier of the character.", Required: true}}}},
	}
}

// quoted indents what a person wrote, as a quotation.
func quoted(text string) string {
	return "> " + strings.ReplaceAll(strings.TrimSpace(text), "\n", "\n> ")
}

// addPrompts offers the prompts that can be followed with the tools offered.
func (s *Server) addPrompts() {
	for _, each := range newPrompts() {
		if each.writes && s.options.ReadOnly {
			continue
		}
		s.prompts = append(s.prompts, each)
		s.sdk.AddPrompt(&each.Prompt, each.get)
	}
}

// get fills in the arguments.
func (p prompt) get(_ context.Context, request *mcp.GetPromptRequest) (*mcp.GetPromptResult, error) {
	given := request.Params.Arguments
	if err := p.check(given); err != nil {
		return nil, err
	}
	var text bytes.Buffer
	if err := p.text.Execute(&text, given); err != nil {
		return nil, err
	}
	return &mcp.GetPromptResult{Description: p.Description, Messages: []*mcp.PromptMessage{
		{Role: "user", Content: &mcp.TextContent{Text: strings.TrimSpace(text.String())}}}}, nil
}

// check refuses arguments that make no sense of the text.
func (p prompt) check(given map[string]string) error {
	known := map[string]bool{}
	for _, argument := range p.Arguments {
		known[argument.Name] = true
		if argument.Required && strings.TrimSpace(given[argument.Name]) == "" {
			return invalid("the prompt %s needs the argument %s: %s", p.Name, argument.Name, argument.Description)
		}
	}
	for name, value := range given {
		switch {
		case !known[name]:
			return invalid("the prompt %s has no argument %.40q", p.Name, name)
		case utf8.RuneCountInString(value) > longestArgument:
			return invalid("the argument %s is longer than %d characters", name, longestArgument)
		case (name == argumentScript || name == argumentHeading) && value != "":
			if _, err := scriptID(value); err != nil {
				return invalid("the argument %s is %v", name, err)
			}
		}
	}
	if p.Name == "paraphrase-a-scene" && given[argumentHeading] == "" && strings.TrimSpace(given[argumentScene]) == "" {
		return invalid("the prompt %s needs headingId or scene", p.Name)
	}
	return nil
}
