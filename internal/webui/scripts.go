// The list of scripts.
package webui

import (
	"net/http"
	"net/url"
	"time"
	"unicode/utf8"
)

const (
	scriptsOnPage = "50"
	longestTitle  = 1024
)

// script is a script as Script Management lists it.
type script struct {
	ScriptID    int64     `json:"scriptId"`
	Title       string    `json:"title"`
	Author      string    `json:"author"`
	Description string    `json:"description"`
	UpdatedAt   time.Time `json:"updatedAt"`
}

// scriptsView is what the list shows.
type scriptsView struct {
	Scripts []script
	// Title is what was searched for.
	Title string
	// Later is the address of the next page, First that of the first one where
	// this is another.
	Later, First string
}

func (v *visit) scripts() error {
	given := v.r.URL.Query()
	title := given.Get("title")
	query := url.Values{"limit": {scriptsOnPage}}
	if title != "" {
		query.Set("title", title)
	}
	if cursor := given.Get("cursor"); cursor != "" {
		query.Set("cursor", cursor)
	}
	view := scriptsView{Title: title}
	if utf8.RuneCountInString(title) <= longestTitle { // no script has a longer one
		next, err := v.get("scriptmanagement", "/scripts?"+query.Encode(), &view.Scripts)
		if err != nil {
			return err
		}
		view.Later = listAddress(title, cursorOf(next))
	}
	if given.Get("cursor") != "" {
		view.First = "/"
		if title != "" {
			view.First = "/?" + url.Values{"title": {title}}.Encode()
		}
	}
	v.show(v.w, v.r, http.StatusOK, "scripts", view)
	return nil
}

// cursorOf takes the cursor out of the path of the next page.
func cursorOf(next string) string {
	parsed, err := url.Parse(next)
	if err != nil {
		return ""
	}
	return parsed.Query().Get("cursor")
}

// listAddress is the address of the page of the list that begins at cursor, ""
// if there is none.
func listAddress(title, cursor string) string {
	if cursor == "" {
		return ""
	}
	query := url.Values{"cursor": {cursor}}
	if title != "" {
		query.Set("title", title)
	}
	return "/?" + query.Encode()
}
