//go:build !nomodel

package main

import (
	"io"
	"net/http"
	"strings"
	"testing"

	"fountain.coach/fountainai/internal/orchestrator/modeltest"
)

// TestUpHasAPage: at its bare address, with the writer's key behind it, for
// this machine alone; questions are answered there too.
func TestUpHasAPage(t *testing.T) {
	model := modeltest.Script(t, modeltest.Turn{Calls: []modeltest.Call{newScript("From the page")}}, modeltest.Turn{Text: "Done."})
	t.Setenv("OPENAI_API_KEY", model.Key)
	t.Setenv("OPENAI_BASE_URL", model.URL)
	s := startStack(t, t.TempDir())
	ask := func(method, path, host, origin, body string) (int, string) {
		t.Helper()
		request, err := http.NewRequestWithContext(t.Context(), method, s.remote.url+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		if host != "" {
			request.Host = host
		}
		if origin != "" {
			request.Header.Set("Origin", origin)
			request.Header.Set("Sec-Fetch-Site", "cross-site")
		}
		request.Header.Set("Content-Type", "application/json")
		response, err := http.DefaultClient.Do(request)
		if err != nil {
			t.Fatal(err)
		}
		defer response.Body.Close()
		content, err := io.ReadAll(response.Body)
		if err != nil {
			t.Fatal(err)
		}
		return response.StatusCode, string(content)
	}
	const question = `{"question": "Make a script."}`
	if status, page := ask("GET", "/", "", "", ""); status != http.StatusOK || !strings.Contains(page, "<html") {
		t.Errorf("the page is answered with %d: %.200s", status, page)
	}
	if status, content := ask("POST", "/v1/ask", "", "https://evil.example", question); status != http.StatusForbidden {
		t.Errorf("a page of somebody else asks: %d %s", status, content)
	}
	for _, host := range []string{"evil.example", "198.51.100.7"} {
		if status, content := ask("POST", "/v1/ask", host, "", question); status < 400 {
			t.Errorf("under the name %s: %d %s", host, status, content)
		}
	}
	if n := len(model.Seen()); n != 0 {
		t.Fatalf("the model was asked %d times", n)
	}
	if status, stream := ask("POST", "/v1/ask", "", "", question); status != http.StatusOK || !strings.Contains(stream, "event: done") {
		t.Errorf("a question is answered with %d: %s", status, stream)
	}
	if status, page := ask("GET", "/", "", "", ""); status != http.StatusOK || !strings.Contains(page, "From the page") {
		t.Errorf("the script is not on the page: %d", status)
	}
	key, err := readKey(s.remote.data, "writer")
	if err != nil {
		t.Fatal(err)
	}
	for _, path := range []string{"/", "/scripts/1", "/ask"} {
		if _, page := ask("GET", path, "", "", ""); strings.Contains(page, key) {
			t.Errorf("the key stands in %s", path)
		}
	}
}
