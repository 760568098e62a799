package storyfactory

import (
	"bytes"
	"fmt"
	"log/slog"
	"mime"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"fountain.coach/fountainai/internal/httpapi"
)

// FuzzRequestBody sends arbitrary bodies to every operation that takes one. The
// answer is never a fault of the service, and always one that the document
// promises; and the story can be read afterwards.
func FuzzRequestBody(f *testing.F) {
	targets := slices.DeleteFunc(slices.Clone(calls), func(c call) bool { return c.body == "" })
	for i, c := range targets {
		for _, body := range []string{c.body, c.conflict, ``, `{}`, `[]`, `null`, `{"text":null}`, fullHead} {
			f.Add(uint8(i), []byte(body))
		}
		for _, body := range stageElements[1:] {
			f.Add(uint8(i), []byte(body))
		}
		for _, test := range invalidRequests {
			if len(test.body) < 4096 && strings.HasPrefix(test.request, c.method) {
				f.Add(uint8(i), []byte(test.body))
			}
		}
	}
	instance, err := httpapi.Open(f.Context(), Definition(&Peers{}), "file:"+filepath.Join(f.TempDir(), "fuzz.db"),
		httpapi.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = instance.DB.Close() })
	do := func(method, path string, body []byte) *httptest.ResponseRecorder {
		request := httptest.NewRequest(method, path, bytes.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		instance.API.ServeHTTP(answer, request)
		return answer
	}
	f.Fuzz(func(t *testing.T, target uint8, body []byte) {
		// A small stage, so that a long run does not read ever longer stories.
		do("DELETE", "/stories/1", nil)
		do("PUT", "/stories/1", []byte(`{"title":"x"}`))
		do("POST", "/stories/1/elements", []byte(stageElements[3]))
		c := targets[int(target)%len(targets)]
		check(t, instance, c.operation, do(c.method, c.path, body))
		check(t, instance, "getFullStory", do("GET", "/stories?scriptId=1", nil))
	})
}

// check holds an answer against the document.
func check(t *testing.T, instance *httpapi.Instance, operation string, answer *httptest.ResponseRecorder) {
	t.Helper()
	if answer.Code >= 500 {
		t.Errorf("%s: got %d %s", operation, answer.Code, answer.Body)
	}
	operations := instance.API.Document().Operations
	i := slices.IndexFunc(operations, func(o *httpapi.Operation) bool { return o.ID == operation })
	promised, documented := operations[i].Responses[fmt.Sprint(answer.Code)]
	if !documented {
		t.Errorf("%s: status %d is not documented", operation, answer.Code)
		return
	}
	mediaType, _, _ := mime.ParseMediaType(answer.Header().Get("Content-Type"))
	schema, found := promised.Bodies[mediaType]
	if !found {
		t.Errorf("%s: content type %q is not documented", operation, mediaType)
		return
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(answer.Body.Bytes()))
	if err == nil {
		err = schema.Validate(value)
	}
	if err != nil {
		t.Errorf("%s: the answer with status %d is not what openapi.yaml promises: %v\n%s", operation, answer.Code, err, answer.Body)
	}
}
