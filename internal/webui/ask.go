// Asking a model: the page, and the door to the orchestrator behind it.
package webui

import (
	"net/http"
	"strconv"

	"fountain.coach/fountainai/internal/httpapi/problem"
)

const askPath = "/v1/ask"

// askView is what the page shows.
type askView struct {
	// Possible: a model is configured.
	Possible bool
	// Session to continue, 0 for a new one.
	Session int64
	// Script that the question is about, 0 for none.
	Script int64
}

func (v *visit) askPage() error {
	query := v.r.URL.Query()
	view := askView{Possible: v.Ask != nil}
	view.Session, _ = strconv.ParseInt(query.Get("session"), 10, 64)
	view.Script, _ = strconv.ParseInt(query.Get("script"), 10, 64)
	view.Session, view.Script = max(view.Session, 0), max(view.Script, 0)
	v.show(v.w, v.r, http.StatusOK, "ask", view)
	return nil
}

// ask passes a question on with the key of who asks. What a browser sends as
// one is dropped: its key is in the cookie. A program without a cookie sends its
// own, which is then passed on as it is.
func (s *server) ask(w http.ResponseWriter, r *http.Request) {
	onward := r.Clone(r.Context())
	if key := s.keyOf(r); key != "" {
		onward.Header.Set("X-API-Key", key)
	} else if r.Header.Get("X-API-Key") == "" {
		problem.Write(w, r, problem.New(http.StatusUnauthorized, "missing_api_key", "Log in first, or send an API key as X-API-Key."))
		return
	}
	if s.Ask == nil {
		problem.Write(w, r, problem.New(http.StatusServiceUnavailable, "no_model",
			"No model is configured. Set OPENAI_API_KEY, or OPENAI_BASE_URL for an endpoint of your own, where this server is started, and start it again."))
		return
	}
	onward.Header.Del("Cookie")
	s.Ask.ServeHTTP(w, onward)
}
