package scriptmanagement

import (
	"bytes"
	"fmt"
	"io"
	"mime"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"

	"fountain.coach/fountainai/internal/httpapi"
	"fountain.coach/fountainai/internal/httpapi/apitest"
)

// FuzzRequestBody sends arbitrary bodies to every operation that takes one. The
// answer is never a fault of the service, and always one that the document
// promises.
func FuzzRequestBody(f *testing.F) {
	targets := bodyCalls()
	for i, c := range targets {
		for _, body := range []string{c.body, c.conflict, ``, `{}`, `[]`, `null`, `{"title":null}`, `{"x":1}`} {
			f.Add(uint8(i), []byte(body))
		}
	}
	for _, test := range invalidRequests {
		if len(test.body) < 4096 {
			f.Add(uint8(0), []byte(test.body))
		}
	}
	for _, test := range reorderCases {
		f.Add(uint8(slices.IndexFunc(targets, func(c call) bool { return c.operation == "reorderSectionHeadings" })),
			[]byte(reorderBody(shapes[0], test.moves)))
	}
	s := startStage(f)
	f.Fuzz(func(t *testing.T, target uint8, body []byte) {
		c := targets[int(target)%len(targets)]
		request, err := http.NewRequest(c.method, s.URL+c.path, bytes.NewReader(body))
		if err != nil {
			t.Fatal(err)
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
		if response.StatusCode >= 500 {
			t.Errorf("%s: got %d %s", c.operation, response.StatusCode, content)
		}
		if err := promised(s, c.operation, response, content); err != nil {
			t.Errorf("%s: the answer with status %d is not what openapi.yaml promises: %v\n%s", c.operation, response.StatusCode, err, content)
		}
		if strings.Contains(strings.ToLower(string(content)), "sql") && !bytes.Contains(bytes.ToLower(body), []byte("sql")) {
			t.Errorf("%s: the answer tells of the database: %s", c.operation, content)
		}
	})
}

// bodyCalls are the calls that have a body.
func bodyCalls() []call {
	var found []call
	for _, c := range calls {
		if c.body != "" {
			found = append(found, c)
		}
	}
	return found
}

// promised checks an answer against the document. Service.Do would do that, but
// must not be called with the *testing.F that started the service.
func promised(s *apitest.Service, operation string, response *http.Response, content []byte) error {
	operations := s.Instance.API.Document().Operations
	i := slices.IndexFunc(operations, func(o *httpapi.Operation) bool { return o.ID == operation })
	answer, documented := operations[i].Responses[fmt.Sprint(response.StatusCode)]
	if !documented {
		return fmt.Errorf("the status is not documented")
	}
	mediaType, _, err := mime.ParseMediaType(response.Header.Get("Content-Type"))
	if err != nil {
		return err
	}
	schema, found := answer.Bodies[mediaType]
	if !found {
		return fmt.Errorf("content type %s is not documented", mediaType)
	}
	value, err := jsonschema.UnmarshalJSON(bytes.NewReader(content))
	if err != nil {
		return err
	}
	return schema.Validate(value)
}
