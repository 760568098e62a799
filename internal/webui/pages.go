// Pages: templates, and what all of them show.
package webui

import (
	"bytes"
	"fmt"
	"html/template"
	"net/http"
	"strings"
	"time"
)

// pages are the templates by name; each has the frame around it.
type pages struct{ byName map[string]*template.Template }

var pageNames = []string{"scripts", "story", "characters", "scenes", "ask", "login", "error"}

func loadPages(files *assets) (*pages, error) {
	functions := template.FuncMap{"asset": files.path, "day": day, "stamp": stamp, "count": count}
	frame, err := template.New("frame.tmpl").Funcs(functions).ParseFS(embedded, "templates/frame.tmpl", "templates/script.tmpl")
	if err != nil {
		return nil, fmt.Errorf("webui: %w", err)
	}
	p := &pages{byName: map[string]*template.Template{}}
	for _, name := range pageNames {
		page, err := frame.Clone()
		if err == nil {
			page, err = page.ParseFS(embedded, "templates/"+name+".tmpl")
		}
		if err != nil {
			return nil, fmt.Errorf("webui: %w", err)
		}
		p.byName[name] = page
	}
	return p, nil
}

// frame is what a template is given: its own view, and what stands around it.
type frame struct {
	View any
	// Page is the part of the site that is shown, for the navigation.
	Page string
	// LoggedIn: there is a key that can be removed.
	LoggedIn bool
	// Inside: there is a key, of whoever it be.
	Inside bool
	Docs   []docsLink
}

type docsLink struct{ Name, URL string }

// services are those with documentation, by the names that people know.
var services = []struct{ name, title string }{
	{"centralsequence", "Central Sequence"},
	{"character", "Character"},
	{"scriptmanagement", "Script Management"},
	{"sessioncontext", "Session and Context"},
	{"storyfactory", "Story Factory"},
}

func (s *server) docs() []docsLink {
	if s.DocsURL == nil {
		return nil
	}
	links := make([]docsLink, len(services))
	for i, service := range services {
		links[i] = docsLink{service.title, s.DocsURL(service.name)}
	}
	return links
}

// show answers with a page. It is put together before anything is sent, so that
// a mistake in a template cannot leave half of one.
func (s *server) show(w http.ResponseWriter, r *http.Request, status int, name string, view any) {
	inside := s.keyOf(r) != ""
	var page bytes.Buffer
	err := s.pages.byName[name].Execute(&page, frame{
		View: view, Page: name, Docs: s.docs(), Inside: inside, LoggedIn: inside && s.Key == "",
	})
	if err != nil {
		s.Logger.Error("a page could not be made", "page", name, "error", err)
		http.Error(w, "This page could not be made. That is a fault of the program; the server's log says more.", http.StatusInternalServerError)
		return
	}
	w.Header().Set("Content-Type", "text/html; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes())
}

// day and stamp write a time for people and for programs.
func day(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format("2 Jan 2006, 15:04") + " UTC"
}

func stamp(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// count writes a number of things: "1 line", "2 lines".
func count(n int, thing string) string {
	if n == 1 {
		return "1 " + thing
	}
	return fmt.Sprintf("%d %ss", n, strings.TrimSuffix(thing, "s"))
}
