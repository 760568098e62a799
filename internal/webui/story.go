// A story: as a screenplay to read, and as files to take away.
package webui

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"
	"unicode"

	"fountain.coach/fountainai/internal/play"
	"fountain.coach/fountainai/internal/screenplay/layout"
)

// about is what every page of a script shows of it.
type about struct {
	ScriptID      int64
	Title, Author string
	// Tab is the page that is shown.
	Tab string
	// Incomplete: the story is still being written, as by an import.
	Incomplete bool
	// Assembled: nobody has arranged the story.
	Assembled bool
	// Stale: some services did not answer, and the story is as it was AsOf.
	Stale bool
	AsOf  time.Time
}

// readStory reads the story of the script that the address names.
func (v *visit) readStory() (*play.Story, error) {
	id, err := strconv.ParseInt(v.r.PathValue("script"), 10, 64)
	if err != nil || id < 1 {
		return nil, errNotFound
	}
	story, err := play.Fetch(v.ctx, v.api, id)
	return &story, err
}

func aboutStory(story *play.Story, tab string) about {
	return about{
		ScriptID: story.ScriptID, Title: story.Title, Author: story.Author, Tab: tab,
		Incomplete: !story.Complete, Assembled: story.Assembled,
		Stale: story.Freshness.State != "live", AsOf: story.Freshness.AsOf,
	}
}

// storyView is what the page of a story shows.
type storyView struct {
	about
	Screenplay template.HTML
	Scenes     []layout.Scene
	Empty      bool
}

func (v *visit) story() error {
	story, err := v.readStory()
	if err != nil {
		return err
	}
	screenplay := play.FromStory(*story)
	text, err := layout.HTML(screenplay)
	if err != nil {
		return ownError{err}
	}
	v.show(v.w, v.r, http.StatusOK, "story", storyView{
		about: aboutStory(story, "read"), Screenplay: text, Scenes: layout.Scenes(screenplay), Empty: len(story.Story) == 0,
	})
	return nil
}

// fountain answers with the story as a file in the Fountain format.
func (v *visit) fountain() error {
	story, err := v.readStory()
	if err != nil {
		return err
	}
	v.attach("text/plain; charset=utf-8", story, ".fountain")
	_, _ = v.w.Write(play.FromStory(*story).Format())
	return nil
}

// pdf answers with the story on paper, Letter unless the address asks for A4.
func (v *visit) pdf() error {
	story, err := v.readStory()
	if err != nil {
		return err
	}
	options := layout.Options{Paper: layout.Paper(v.r.URL.Query().Get("paper"))}
	var file bytes.Buffer
	if err := layout.PDF(&file, play.FromStory(*story), options); err != nil {
		return ownError{err}
	}
	v.attach("application/pdf", story, ".pdf")
	_, _ = v.w.Write(file.Bytes())
	return nil
}

func (v *visit) attach(mediaType string, story *play.Story, extension string) {
	v.w.Header().Set("Content-Type", mediaType)
	v.w.Header().Set("Content-Disposition", attachment(story.Title, extension))
}

// attachment is a Content-Disposition with the title as file name: as it is in
// filename*, and in plain letters for clients that do not know that (RFC 6266).
func attachment(title, extension string) string {
	name := fileName(title)
	plain := strings.Map(func(r rune) rune {
		if r > unicode.MaxASCII {
			return '_'
		}
		return r
	}, name)
	encoded := strings.ReplaceAll(url.QueryEscape(name+extension), "+", "%20")
	return fmt.Sprintf(`attachment; filename="%s%s"; filename*=UTF-8''%s`, plain, extension, encoded)
}

// fileName makes a file name of a title that every system takes: letters and
// digits of any script, and the marks that mean nothing to one.
func fileName(title string) string {
	const longest = 80
	var name []rune
	for _, r := range title {
		kept := unicode.IsLetter(r) || unicode.IsDigit(r) || unicode.Is(unicode.Mn, r) || strings.ContainsRune("-_,()'!", r)
		switch {
		case len(name) == longest:
			return strings.TrimSpace(string(name))
		case kept:
			name = append(name, r)
		case len(name) > 0 && name[len(name)-1] != ' ':
			name = append(name, ' ')
		}
	}
	if trimmed := strings.TrimSpace(string(name)); trimmed != "" {
		return trimmed
	}
	return "story"
}
