package problem

import (
	"encoding/json"
	"net/http/httptest"
	"reflect"
	"testing"
)

func TestWrite(t *testing.T) {
	w := httptest.NewRecorder()
	w.Header().Set("X-Request-Id", "abc")
	w.Header().Set("Content-Length", "3")
	w.Header().Set("ETag", `"1"`)
	w.Header().Set("Content-Type", "text/plain")
	p := New(404, "not_found", "There is no <script> 7.")
	Write(w, httptest.NewRequest("GET", "/scripts/7%20?secret=1", nil), p)

	want := Problem{
		Type: "about:blank", Title: "Not Found", Status: 404, Detail: "There is no <script> 7.", Message: "There is no <script> 7.",
		Instance: "/scripts/7%20", Code: "not_found", RequestID: "abc",
	}
	var got Problem
	if err := json.Unmarshal(w.Body.Bytes(), &got); err != nil || !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v (%v)", got, err)
	}
	header := w.Header()
	if w.Code != 404 || header.Get("Content-Type") != ContentType || header.Get("ETag") != "" || header.Get("Content-Length") != "" ||
		header.Get("Cache-Control") != "no-store" || header.Get("X-Content-Type-Options") != "nosniff" {
		t.Errorf("got %d, %v", w.Code, header)
	}
	if p.Instance != "" || p.RequestID != "" {
		t.Error("Write has changed the problem, which others may share")
	}
}

func TestWriteToHead(t *testing.T) {
	w := httptest.NewRecorder()
	Write(w, httptest.NewRequest("HEAD", "/x", nil), New(404, "not_found", "x"))
	if w.Code != 404 || w.Body.Len() != 0 {
		t.Errorf("got %d %q", w.Code, w.Body)
	}
}

func TestError(t *testing.T) {
	for want, p := range map[string]*Problem{
		"409 Conflict: taken": New(409, "taken", "taken"),
		"409 Conflict":        New(409, "taken", ""),
	} {
		if got := p.Error(); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
