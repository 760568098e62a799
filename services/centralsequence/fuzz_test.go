package centralsequence

import (
	"bytes"
	"fmt"
	"log/slog"
	"maps"
	"mime"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"fountain.coach/fountainai/internal/httpapi"
)

// FuzzRequestBody sends arbitrary bodies to each POST. Whatever comes, the
// answer is below 500 and what openapi.yaml promises for its status.
func FuzzRequestBody(f *testing.F) {
	instance, err := httpapi.Open(f.Context(), Definition(), "file:"+filepath.Join(f.TempDir(), "fuzz.db"),
		httpapi.Options{Logger: slog.New(slog.DiscardHandler)})
	if err != nil {
		f.Fatal(err)
	}
	f.Cleanup(func() { _ = instance.DB.Close() })
	paths := slices.Sorted(maps.Keys(posts))
	for i, path := range paths {
		for _, body := range seeds(posts[path]) {
			f.Add(uint8(i), body)
		}
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		path := paths[int(which)%len(paths)]
		request := httptest.NewRequest(http.MethodPost, path, bytes.NewReader(body))
		request.Header.Set("Content-Type", "application/json")
		answer := httptest.NewRecorder()
		instance.API.ServeHTTP(answer, request)
		if answer.Code >= 500 {
			t.Errorf("POST %s %q: %d %s", path, body, answer.Code, answer.Body)
		}
		if err := promised(instance.API.Document(), path, answer); err != nil {
			t.Errorf("POST %s %q: %d %s: %v", path, body, answer.Code, answer.Body, err)
		}
	})
}

func seeds(valid string) [][]byte {
	bodies := [][]byte{[]byte(valid), []byte(valid + valid), {}, []byte("null"), []byte("{}"), []byte("[]"), []byte("\xff"), []byte(`{"a":1,"a":1}`)}
	for _, id := range []string{"-1", "1.0", "1e3", "0.1e1", "1e999999999", "9223372036854775807", "9223372036854775808", `"\ud800"`, "null"} {
		bodies = append(bodies, bytes.Replace([]byte(valid), []byte(`"elementId":1`), []byte(`"elementId":`+id), 1))
	}
	for _, member := range []string{`"scriptId":1`, `"sequenceNumber":9007199254740991`, `"sequenceNumber":1`, `"newVersionData":{"a":[1e400,"\u0000"]}`} {
		bodies = append(bodies, bytes.Replace([]byte(valid), []byte(`"elementId":1`), []byte(`"elementId":1,`+member), 1))
	}
	return bodies
}

// promised holds an answer to a POST against the document. It is what apitest
// does, which cannot be used inside a fuzz target.
func promised(document *httpapi.Document, path string, answer *httptest.ResponseRecorder) error {
	i := slices.IndexFunc(document.Operations, func(o *httpapi.Operation) bool {
		return o.Method == http.MethodPost && o.Path == path
	})
	response, found := document.Operations[i].Responses[fmt.Sprint(answer.Code)]
	if !found {
		return fmt.Errorf("the status is not in openapi.yaml")
	}
	mediaType, _, err := mime.ParseMediaType(answer.Header().Get("Content-Type"))
	if err != nil {
		return err
	}
	schema, found := response.Bodies[mediaType]
	if !found {
		return fmt.Errorf("content type %s is not in openapi.yaml", mediaType)
	}
	value, err := jsonschema.UnmarshalJSON(answer.Body)
	if err != nil {
		return err
	}
	return schema.Validate(value)
}
