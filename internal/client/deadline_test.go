package client

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"
	"time"
)

// Who cannot wait as long as the server asks for is told at once why.
func TestCallDoesNotWaitPastItsDeadline(t *testing.T) {
	asked := 0
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		asked++
		w.Header().Set("Retry-After", "50")
		w.WriteHeader(http.StatusTooManyRequests)
	}))
	defer server.Close()
	address, err := url.Parse(server.URL)
	if err != nil {
		t.Fatal(err)
	}
	api, err := New("http://localhost:"+address.Port(), "")
	if err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithTimeout(t.Context(), 30*time.Second)
	defer cancel()
	_, err = api.Call(ctx, Request{Service: "character", Method: http.MethodGet, Path: "/characters"})
	if Status(err) != http.StatusTooManyRequests || ctx.Err() != nil || asked != 1 {
		t.Errorf("got %v after %d requests, want 429 after one, before the deadline", err, asked)
	}
}
