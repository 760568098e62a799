// What went wrong, in plain words, with what to do next.
package webui

import (
	"context"
	"errors"
	"net/http"

	"fountain.coach/fountainai/internal/client"
	"fountain.coach/fountainai/internal/httpapi/problem"
)

// trouble is what an error page shows.
type trouble struct {
	Title, Text string
	// Next is what to do, one sentence each.
	Next []string
	// Detail is what a service said, if that can help.
	Detail string
	// Request identifies the request in the logs.
	Request string
	// Retry: the same page may be there in a moment.
	Retry bool
}

func (s *server) notFound(w http.ResponseWriter, r *http.Request) {
	s.show(w, r, http.StatusNotFound, "error", troubles[http.StatusNotFound])
}

var errNotFound = problem.New(http.StatusNotFound, "not_found", "")

// troubles are what the gateway and the services can answer.
var troubles = map[int]trouble{
	http.StatusBadRequest: {
		Title: "That cannot be done",
		Text:  "The request was not understood.",
		Next:  []string{"Go back to the page before and try again."},
	},
	http.StatusForbidden: {
		Title: "Your key may not do that",
		Text:  "The gateway knows your key, but it is not allowed to do this. A reader's key may look and not change. Nothing was changed.",
		Next:  []string{"Log out, and log in with a key that may write.", "If you have none, ask whoever runs this FountainAI."},
	},
	http.StatusNotFound: {
		Title: "There is nothing here",
		Text:  "The page you asked for does not exist. It may have been deleted, or the address has a mistake in it.",
		Next:  []string{"Look for it in the list of scripts."},
	},
	http.StatusConflict: {
		Title: "Somebody else was faster",
		Text:  "What you wanted to change has changed meanwhile. Nothing was changed and nothing is lost.",
		Next:  []string{"Load the page again, look at what there is now, and repeat what you wanted."},
	},
	http.StatusRequestEntityTooLarge: {
		Title: "That is too much at once",
		Text:  "What you sent is larger than this page takes. Nothing was changed.",
		Next:  []string{"Send less."},
	},
	http.StatusTooManyRequests: {
		Title: "Too many requests",
		Text:  "The gateway allows only so many requests in a minute, and they are used up.",
		Next:  []string{"Wait a minute, then load the page again."},
		Retry: true,
	},
	http.StatusServiceUnavailable: {
		Title: "A service cannot answer now",
		Text:  "It is being started, or it cannot write at the moment. Nothing is lost.",
		Next:  []string{"Load the page again in a moment.", "If it stays so, ask whoever runs this FountainAI to look at “fountain status”."},
		Retry: true,
	},
	http.StatusInsufficientStorage: {
		Title: "The disk is full",
		Text:  "There is no room to keep what you wanted to write. Nothing was changed and nothing is lost; reading goes on.",
		Next:  []string{"On your own machine: free some space, then repeat what you wanted.", "Elsewhere: tell whoever runs this FountainAI."},
	},
	http.StatusGatewayTimeout: {
		Title: "That took too long",
		Text:  "The services did not answer in time. A change that you made may have been carried out all the same.",
		Next:  []string{"Load the page again and look before you repeat a change."},
		Retry: true,
	},
	http.StatusBadGateway: {
		Title: "The services do not answer",
		Text:  "This page works, but it cannot reach what is behind it.",
		Next:  []string{"On your own machine: see that “fountain up” is running.", "Elsewhere: try again in a moment, then tell whoever runs this FountainAI."},
		Retry: true,
	},
	http.StatusInternalServerError: {
		Title: "Something went wrong",
		Text:  "That is a fault of the program and not yours.",
		Next:  []string{"Load the page again.", "If it happens again, tell whoever runs this FountainAI; the log says more."},
		Retry: true,
	},
}

// fail answers with what err means to the person.
func (s *server) fail(w http.ResponseWriter, r *http.Request, err error) {
	if client.Status(err) == http.StatusUnauthorized && s.Key == "" {
		setKey(w, r, "")
		s.sendToLogin(w, r)
		return
	}
	status := statusOf(err)
	if status >= http.StatusInternalServerError {
		s.Logger.Error("a page cannot be shown", "method", r.Method, "path", r.URL.Path, "error", err)
	}
	shown := troubles[status]
	var p *problem.Problem
	if errors.As(err, &p) {
		shown.Request = p.RequestID
		if status < http.StatusInternalServerError && status != http.StatusForbidden && status != http.StatusTooManyRequests {
			shown.Detail = p.Detail
		}
	}
	if client.Status(err) == http.StatusUnauthorized {
		shown.Title = "The key is not accepted"
		shown.Text = "The gateway does not accept the key that this server was started with."
		shown.Next = []string{"Start “fountain up” again."}
	}
	s.show(w, r, status, "error", shown)
}

// statusOf returns the status with a page of its own that is nearest to err.
func statusOf(err error) int {
	var tooLarge *http.MaxBytesError
	status := client.Status(err)
	switch {
	case errors.As(err, &tooLarge):
		return http.StatusRequestEntityTooLarge
	case errors.Is(err, context.DeadlineExceeded):
		return http.StatusGatewayTimeout
	case status == http.StatusUnauthorized:
		return http.StatusBadGateway
	case status == http.StatusPreconditionFailed:
		return http.StatusConflict
	case troubles[status].Title != "":
		return status
	case status >= http.StatusInternalServerError:
		return http.StatusInternalServerError
	case status >= http.StatusBadRequest:
		return http.StatusBadRequest
	case isOurs(err):
		return http.StatusInternalServerError
	}
	return http.StatusBadGateway
}

// ownError is a fault of this program, not of a service.
type ownError struct{ error }

func (e ownError) Unwrap() error { return e.error }

func isOurs(err error) bool {
	var own ownError
	return errors.As(err, &own)
}
