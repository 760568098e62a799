package storyfactory

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"testing"

	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// BenchmarkFullStory reads a story of 2500 elements, about a feature film,
// where no peers are configured.
func BenchmarkFullStory(b *testing.B) {
	s := apitest.Start(b, Definition(&Peers{}))
	s.Want(201, "PUT", "/stories/1", `{"title":"Long"}`)
	for batch := range 5 {
		items := make([]map[string]any, 500)
		for i := range items {
			items[i] = benchItem(batch*500 + i)
		}
		s.Want(201, "POST", "/stories/1/elements/batch", map[string]any{"items": items})
	}
	request := httptest.NewRequest(http.MethodGet, "/stories?scriptId=1", nil)
	b.ReportAllocs()
	for b.Loop() {
		answer := httptest.NewRecorder()
		s.Instance.API.ServeHTTP(answer, request)
		if answer.Code != http.StatusOK {
			b.Fatal(answer.Code, answer.Body)
		}
	}
}

func benchItem(i int) map[string]any {
	character := map[string]any{"characterId": i%40 + 1, "name": fmt.Sprint("Character ", i%40)}
	switch i % 20 {
	case 0:
		return map[string]any{"headingId": i + 1, "text": "INT. THEATRE - NIGHT"}
	case 1, 2, 3, 4, 5, 6:
		return map[string]any{"action": map[string]any{"actionId": i + 1, "description": "She crosses the stage and looks out into the dark house."}}
	}
	return map[string]any{"character": character, "spokenWord": map[string]any{"dialogueId": i + 1, "text": "But soft, what light through yonder window breaks?"}}
}
